//! Rejections: what a reply tells of a message that was refused, in both encodings.

use allot_domain::{Reject, Seq};
use allot_wire::{Encoding, Rejection, origin};
use expect_test::expect;

use crate::dump::dump;

fn encoded(rejection: &Rejection, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    rejection.encode(encoding, &mut out);
    out
}

/// A rejection whose reason needs every kind of escape.
fn rejection() -> Rejection {
    let reject = Reject::BadTicker(Reject::quote("A:\"\\\u{7}é"));
    Rejection::new(b"fills-1", Seq::new(19), &reject)
}

#[test]
fn a_rejection_as_json_is_one_object_without_a_line_end() {
    let line = String::from_utf8(encoded(&rejection(), Encoding::Json)).unwrap();
    let expected = concat!(
        r#"{"type":"rejected","source":"fills-1","seq":19,"code":"bad_ticker","#,
        r#""reason":"a ticker must be 1 to 32 printable ASCII characters, without \" and \\, "#,
        r#"with a space only between two others; "#,
        r#"it was \"A:\\\"\\\\\\u{7}é\""}"#
    );
    assert_eq!(line, expected);
}

#[test]
fn a_rejection_in_binary_is_one_record_with_its_size() {
    expect![[r#"
        0000  c5 00 00 00 06 13 00 00 00 00 00 00 00 07 00 00  |................|
        0010  00 00 00 00 00 66 69 6c 6c 73 2d 31 00 00 00 00  |.....fills-1....|
        0020  00 00 00 00 00 00 00 00 00 00 00 00 00 0a 00 00  |................|
        0030  00 00 00 00 00 62 61 64 5f 74 69 63 6b 65 72 82  |.....bad_ticker.|
        0040  00 00 00 00 00 00 00 61 20 74 69 63 6b 65 72 20  |.......a ticker |
        0050  6d 75 73 74 20 62 65 20 31 20 74 6f 20 33 32 20  |must be 1 to 32 |
        0060  70 72 69 6e 74 61 62 6c 65 20 41 53 43 49 49 20  |printable ASCII |
        0070  63 68 61 72 61 63 74 65 72 73 2c 20 77 69 74 68  |characters, with|
        0080  6f 75 74 20 22 20 61 6e 64 20 5c 2c 20 77 69 74  |out " and \, wit|
        0090  68 20 61 20 73 70 61 63 65 20 6f 6e 6c 79 20 62  |h a space only b|
        00a0  65 74 77 65 65 6e 20 74 77 6f 20 6f 74 68 65 72  |etween two other|
        00b0  73 3b 20 69 74 20 77 61 73 20 22 41 3a 5c 22 5c  |s; it was "A:\"\|
        00c0  5c 5c 75 7b 37 7d c3 a9 22                       |\\u{7}.."|
    "#]]
    .assert_eq(&dump(&encoded(&rejection(), Encoding::Binary)));
}

#[test]
fn what_is_no_source_is_not_sent_back() {
    let rejection = Rejection::new(b"a b\xff", Seq::new(5), &Reject::Busy);
    assert_eq!((rejection.source.as_str(), rejection.seq.get()), ("", 5));
    let unread = Rejection::unread(&Reject::Busy);
    assert_eq!((unread.source.as_str(), unread.seq.get(), unread.code), ("", 0, "busy"));
}

#[test]
fn of_a_bad_source_and_a_sequence_of_zero_the_source_is_reported() {
    assert_eq!(origin("a b", 0).unwrap_err().code(), "bad_source");
    assert_eq!(origin("a", 0), Err(Reject::SequenceMustBePositive));
    assert_eq!(
        origin("a", 1).map(|(source, seq)| (source.to_string(), seq.get())),
        Ok(("a".into(), 1))
    );
}
