//! Every request and every reply in both encodings, and what is refused.

use allot_domain::{Seq, SourceId};
use allot_wire::{KIND_REPLIES, begin_batch, end_batch};

use super::*;
use crate::rules::{Key, Name, Reject};

const LINES: [&str; 5] = [
    r#"{"type":"add","source":"a","seq":1,"key":"x","amount":5}"#,
    r#"{"type":"await","source":"a","seq":2,"key":"x","threshold":9}"#,
    r#"{"type":"cancel","source":"a","seq":3,"key":"x","of":2}"#,
    r#"{"type":"raise","source":"a","seq":1,"amount":2}"#,
    r#"{"type":"report","source":"a","seq":1}"#,
];

#[test]
fn a_request_reads_back_from_both_encodings() {
    for line in LINES {
        let request = decode_line(line.as_bytes()).unwrap();
        let mut again = Vec::new();
        encode_line(&request, &mut again);
        assert_eq!(String::from_utf8(again).unwrap(), line);
        let mut record = Vec::new();
        encode_record(&request, &mut record);
        assert_eq!(decode_record(request.kind(), &record), Ok(request));
        for len in 0..record.len() {
            let rejection = decode_record(request.kind(), &record[..len]).unwrap_err();
            assert_eq!(rejection.code, "malformed_message");
        }
    }
}

#[test]
fn what_is_no_request_is_refused_with_a_code_of_the_core() {
    let lines = [
        ("", "malformed_message"),
        ("[]", "malformed_message"),
        (r#"{"type":"add","type":"add"}"#, "malformed_field"),
        (r#"{"type":"add","Key":"x"}"#, "unknown_field"),
        (r#"{"type":"add","key":null}"#, "unknown_field"),
        (r#"{"source":"a","seq":1}"#, "missing_field"),
        (r#"{"type":"level","source":"a","seq":1}"#, "unknown_type"),
        (r#"{"type":"add","source":"a b","seq":1,"key":"x","amount":1}"#, "bad_source"),
        (r#"{"type":"add","source":"a","seq":0}"#, "sequence_must_be_positive"),
        (r#"{"type":"add","source":"a","seq":1,"key":"x"}"#, "missing_field"),
        (r#"{"type":"add","source":"a","seq":1,"key":"x","amount":-1}"#, "malformed_field"),
        (r#"{"type":"add","source":"a","seq":1,"key":"x  y","amount":1}"#, "bad_ticker"),
    ];
    for (line, code) in lines {
        assert_eq!(decode_line(line.as_bytes()).unwrap_err().code, code, "{line}");
    }
    let rejection = decode_line(br#"{"type":"add","source":"a","seq":7}"#).unwrap_err();
    assert_eq!((&*rejection.source, rejection.seq.get()), ("a", 7), "echoed where it can be read");
}

#[test]
fn a_reply_reads_the_same_from_both_encodings() {
    let key = Key::new(b"x").unwrap();
    let whats = [
        What::Counted { key, value: 1 },
        What::Awaiting { key, threshold: 2 },
        What::Reached { key, value: 3 },
        What::Cancelled { key, of: Seq::new(4) },
        What::Raised { number: 5 },
        What::Rejected(Reject::ExceedsLimit(6)),
    ];
    for (what, is_late) in whats.into_iter().zip([false, true].into_iter().cycle()) {
        let name = Name { source: SourceId::new(b"a").unwrap(), seq: Seq::new(7) };
        let outcome = Outcome { name, is_duplicate: !is_late, is_late, what };
        let mut line = Vec::new();
        reply::encode(&outcome, Encoding::Json, &mut line);
        let mut batch = Vec::new();
        begin_batch(&mut batch, KIND_REPLIES);
        reply::encode(&outcome, Encoding::Binary, &mut batch);
        end_batch(&mut batch, 1);
        let mut replies = Vec::new();
        decode_replies(&line, &mut replies).unwrap();
        decode_replies(&batch, &mut replies).unwrap();
        assert_eq!(replies[0], replies[1]);
        assert_eq!((replies[0].duplicate, replies[0].late), (!is_late, is_late));
    }
}
