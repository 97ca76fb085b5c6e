//! Lines: a fill that is read straight to its record is the fill that the reader of any JSON reads.

use allot_allocation_service::{FillLine, Request, decode_line, encode_request};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::samples;

/// Whether a line is read straight; then it must mean what [`decode_line`] says.
#[track_caller]
pub(crate) fn assert_read_as_any(line: &[u8]) -> bool {
    let Some(straight) = FillLine::read(line) else { return false };
    let any = decode_line(line);
    let Ok(Request::Fill(fill)) = &any else {
        panic!("{}: {any:?}", String::from_utf8_lossy(line));
    };
    let keys = straight.keys;
    let routed = (keys.ticker, keys.source, keys.seq);
    assert_eq!(routed, (fill.ticker, fill.source.as_bytes(), fill.seq));
    let (mut record, mut expected) = (Vec::new(), Vec::new());
    straight.write(&mut record);
    encode_request(&Request::Fill(*fill), &mut expected);
    assert_eq!(record, expected, "{}", String::from_utf8_lossy(line));
    true
}

/// One of these texts.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(texts).prop_map(str::to_owned)
}

/// A field of a fill, good or hostile, as `"name":value`.
fn field() -> impl Strategy<Value = String> {
    let seq = one_of(&["17", "\"17\"", "17.0", "0", "18446744073709551615", "1e3", "-1", "017"]);
    let number = one_of(&[
        "187.23",
        "\"187.23\"",
        "0",
        "0.000000001",
        "1.0000000000",
        "1.0000000001",
        "\"1e3\"",
        "\"+1\"",
        "\".5\"",
        "\"5.\"",
        "\"007\"",
        "007",
        "100",
        "\"100.0\"",
        "1099511627777",
        "99999999999999999999999999999999999999999",
        "\"\"",
        "null",
    ]);
    let text = one_of(&[
        "\"fills-1\"",
        "\"AAPL\"",
        "\"A B\"",
        "\"a:b\"",
        "\"17\"",
        "\"017\"",
        "\"sell\"",
        "\"buy\"",
        "\"Buy\"",
        "\"\\u0041\"",
        "\"\u{e9}\"",
        "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        "17",
        "18",
        "17.0",
        "\"\"",
        "[]",
        "{}",
        "true",
    ]);
    let name = one_of(&[
        "type",
        "source",
        "seq",
        "id",
        "ticker",
        "side",
        "price",
        "quantity",
        "of",
        "weights",
        "Side",
        "typ\\u0065",
        "account",
    ]);
    let value = prop_oneof![seq, number, text];
    (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"))
}

/// The fields of a good fill, each as it is or in another form.
fn good() -> impl Strategy<Value = Vec<String>> {
    let seq = one_of(&["17", "\"17\"", "17.0"]);
    let id = one_of(&["", "\"id\":17,", "\"id\":\"17\",", "\"id\":\"X:9\",", "\"id\":18,"]);
    let side = one_of(&["", "\"side\":\"buy\",", "\"side\":\"sell\","]);
    let price = one_of(&["187.23", "\"187.23\"", "\"0.5\"", "3"]);
    let quantity = one_of(&["100", "\"100\"", "100.00"]);
    (seq, id, side, price, quantity).prop_map(|(seq, id, side, price, quantity)| {
        let fields = [
            "\"type\":\"fill\"".to_owned(),
            "\"source\":\"fills-1\"".to_owned(),
            format!("\"seq\":{seq}"),
            id.trim_end_matches(',').to_owned(),
            "\"ticker\":\"AAPL\"".to_owned(),
            side.trim_end_matches(',').to_owned(),
            format!("\"price\":{price}"),
            format!("\"quantity\":{quantity}"),
        ];
        fields.into_iter().filter(|field| !field.is_empty()).collect()
    })
}

fn object(fields: &[String], joint: &str) -> String {
    format!("{{{}}}", fields.join(joint))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_good_fill_is_read_straight_in_any_order(
        fields in good().prop_shuffle(),
        joint in select(&[",", " , ", "\t,\r"][..]),
    ) {
        prop_assert!(assert_read_as_any(object(&fields, joint).as_bytes()));
    }

    #[test]
    fn a_fill_with_another_field_or_without_one_is_read_as_any(
        mut fields in good().prop_shuffle(),
        other in field(),
        at in any::<Index>(),
        replaces in any::<bool>(),
    ) {
        let at = at.index(fields.len());
        if replaces {
            fields[at] = other;
        } else {
            fields.insert(at, other);
        }
        assert_read_as_any(object(&fields, ",").as_bytes());
        fields.remove(at);
        assert_read_as_any(object(&fields, ",").as_bytes());
    }

    #[test]
    fn any_fields_are_read_as_any(fields in prop::collection::vec(field(), 0..10)) {
        assert_read_as_any(object(&fields, ",").as_bytes());
    }

    #[test]
    fn a_fill_that_is_damaged_is_read_as_any(
        fields in good(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in any::<Index>(),
    ) {
        let mut line = object(&fields, ",").into_bytes();
        for (at, byte) in damage {
            let at = at.index(line.len());
            line[at] = byte;
        }
        assert_read_as_any(&line);
        assert_read_as_any(&line[..cut.index(line.len())]);
    }
}

#[test]
fn a_fill_as_this_crate_writes_it_is_read_straight() {
    let mut count = 0;
    for message in samples::all() {
        count += usize::from(assert_read_as_any(&message));
    }
    assert!(0 < count);
}
