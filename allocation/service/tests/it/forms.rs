//! Forms: the same request, said in other ways that JSON has.

use std::fmt::Write;

use allot_allocation_rules::limits;
use allot_allocation_service::{Request, decode_line};
use allot_domain::Seq;
use allot_wire::Encoding;

use crate::samples::fill;

/// A line is the fill of the samples.
fn check(line: &str) {
    assert_eq!(decode_line(line.as_bytes()), Ok(Request::Fill(fill())), "{line}");
}

/// The same of all fields but the first two.
fn check_fields(fields: &str) {
    check(&format!(r#"{{"type":"fill","source":"fills-1",{fields}}}"#));
}

#[test]
fn numbers_and_texts_say_the_same() {
    check_fields(r#""seq":17,"ticker":"AAPL","price":187.23,"quantity":100"#);
    check_fields(r#""seq":"17","ticker":"AAPL","price":"187.23","quantity":"100""#);
    check_fields(r#""seq":17.0,"ticker":"AAPL","price":187.230000000000,"quantity":100.00"#);
}

#[test]
fn order_space_and_a_side_that_goes_without_saying_do_not_matter() {
    check(
        " {\"quantity\" : 100 ,\t\"price\":\"187.23\", \"side\":\"buy\",\r\n\"ticker\":\"AAPL\",\
         \"seq\":17,\"source\":\"fills-1\",\"type\":\"fill\"} ",
    );
    check_fields(r#""seq":17,"ticker":"AAPL","side":"buy","price":187.23,"quantity":100"#);
}

#[test]
fn a_byte_order_mark_and_space_before_an_object_are_passed_over() {
    let line = concat!(
        r#"{"type":"fill","source":"fills-1","seq":17,"#,
        r#""ticker":"AAPL","price":187.23,"quantity":100}"#
    );
    for before in ["\u{feff}", " ", "\t\r", "\u{feff} "] {
        check(&format!("{before}{line}"));
        assert_eq!(Encoding::of(format!("{before}{line}").as_bytes()), Encoding::Json);
    }
    for before in ["\u{feff}\u{feff}", " \u{feff}", "\u{a0}", "["] {
        let line = format!("{before}{line}");
        assert_eq!(decode_line(line.as_bytes()).unwrap_err().code, "malformed_message", "{line}");
        assert_eq!(Encoding::of(line.as_bytes()), Encoding::Json, "it is answered in JSON");
    }
}

#[test]
fn an_id_is_a_number_or_a_text_and_a_number_has_one_spelling() {
    let id = |id: &str| {
        let line = format!(
            r#"{{"type":"fill","source":"s","seq":5,{id}"ticker":"T","price":1,"quantity":1}}"#
        );
        match decode_line(line.as_bytes()) {
            Ok(Request::Fill(fill)) => fill.id.to_string(),
            other => panic!("{line}: {other:?}"),
        }
    };
    let number = |number: u64| Seq::new(number).to_string();
    assert_eq!(id(""), number(5), "its number names it");
    assert_eq!(id(r#""id":17,"#), number(17));
    assert_eq!(id(r#""id":"17","#), number(17));
    assert_eq!(id(r#""id":"017","#), "017");
    assert_eq!(id(r#""id":"\u0041:b%","#), "A:b%");
    let longest = "x".repeat(limits::ID_LEN_MAX);
    assert_eq!(id(&format!(r#""id":"{longest}","#)), longest);
}

#[test]
fn escapes_are_resolved() {
    check(concat!(
        r#"{"\u0074ype":"\u0066ill","source":"fills\u002d1","seq":17,"#,
        r#""ticker":"\u0041APL","price":"187\u002e23","quantity":100}"#
    ));
}

#[test]
fn fields_that_are_not_known_are_refused_whatever_they_hold() {
    let known = r#""seq":17,"ticker":"AAPL","price":187.23,"quantity":100"#;
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let unknown = [
        r#""note":"é \ud83d\ude00""#.to_owned(),
        r#""venue":["X",null,1e999]"#.to_owned(),
        r#""of":{"a":[1,2,{}]}"#.to_owned(),
        r#""weights":7"#.to_owned(),
        format!(r#""deep":{open}{close}"#),
    ];
    for field in unknown {
        for fields in [format!("{field},{known}"), format!("{known},{field}")] {
            let line = format!(r#"{{"type":"fill","source":"fills-1",{fields}}}"#);
            let rejection = decode_line(line.as_bytes()).unwrap_err();
            assert_eq!(rejection.code, "unknown_field");
            assert_eq!((rejection.source.as_str(), rejection.seq.get()), ("fills-1", 17));
        }
    }
}

#[test]
fn a_field_that_is_empty_is_named_with_who_needs_it() {
    let reason = |fields: &str| {
        let line = format!(r#"{{"source":"s","seq":1,{fields}}}"#);
        let rejection = decode_line(line.as_bytes()).unwrap_err();
        assert_eq!(rejection.code, "unknown_field", "{line}");
        rejection.reason
    };
    for (fields, expected) in [
        (
            r#""type":"fill","ticker":"","price":1,"quantity":1"#,
            r#"the field "ticker" is ""; a fill needs a value there"#,
        ),
        (
            r#""type":"bust","ticker":"T","of":null"#,
            r#"the field "of" is null; a bust needs a value there"#,
        ),
        (
            r#""type":"split","weights":[ ]"#,
            r#"the field "weights" is [ ]; a split needs a value there"#,
        ),
        (
            r#""type":"replay","ticker":"T","from":null"#,
            r#"the field "from" is null; a replay needs a value there"#,
        ),
        (
            r#""type":"fill","ticker":"T","price":1,"quantity":1,"side":"""#,
            r#"the field "side" is ""; give it a value, or leave it out"#,
        ),
        (
            r#""type":"split","weights":{"a":100},"closes":[]"#,
            r#"the field "closes" is []; give it a value, or leave it out"#,
        ),
    ] {
        assert_eq!(reason(fields), expected);
    }
}

#[test]
fn a_price_keeps_every_decimal_that_was_written() {
    // No binary fraction holds any of these; all nine decimals arrive.
    for (text, nanos) in [("0.1", 100_000_000), ("8.000000001", 8_000_000_001)] {
        for price in [text.to_owned(), format!("\"{text}\"")] {
            let rest = format!(r#""ticker":"T","price":{price},"quantity":1"#);
            let line = format!(r#"{{"type":"fill","source":"s","seq":1,{rest}}}"#);
            let Ok(Request::Fill(fill)) = decode_line(line.as_bytes()) else {
                panic!("{line}");
            };
            assert_eq!(fill.price.nanos(), nanos);
        }
    }
}

#[test]
fn names_may_have_every_length_up_to_their_bound() {
    for len in [1, 16, 17, 32, 33, 64, 65] {
        let name = "x".repeat(len);
        let bust = |ticker: &str, source: &str, of: &str| {
            let line = format!(
                r#"{{"type":"bust","source":"{source}","seq":1,"ticker":"{ticker}","of":"{of}"}}"#
            );
            decode_line(line.as_bytes()).map_err(|rejection| rejection.code)
        };
        let is_ticker = bust(&name, "s", "1").is_ok();
        assert_eq!(is_ticker, len <= limits::TICKER_LEN_MAX, "a ticker of {len}");
        assert_eq!(bust("T", &name, "1").is_ok(), len <= limits::ID_LEN_MAX, "a source of {len}");
        assert_eq!(bust("T", "s", &name).is_ok(), len <= limits::ID_LEN_MAX, "an id of {len}");
    }
}

/// A split of `count` accounts of equal weight, or as near as nine decimals come.
fn equal_split(count: u64) -> String {
    let each = limits::WEIGHT_TOTAL / count;
    let mut line = String::from(r#"{"type":"split","source":"aum","seq":1,"weights":{"#);
    for at in 0..count {
        let comma = if at == 0 { "" } else { "," };
        let weight = allot_domain::decimal::nanos_text(each.into());
        write!(line, r#"{comma}"account-{at}@fund.example":{weight}"#).unwrap();
    }
    line + "}}"
}

#[test]
fn the_largest_split_is_read_and_a_larger_one_refused() {
    let Ok(Request::Split(split)) = decode_line(equal_split(10_000).as_bytes()) else {
        panic!("10,000 accounts are allowed");
    };
    assert_eq!(split.weights().len(), limits::ACCOUNTS_MAX);
    let rejection = decode_line(equal_split(10_001).as_bytes()).unwrap_err();
    assert_eq!(rejection.code, "too_many_accounts");
    assert_eq!((rejection.source.as_str(), rejection.seq.get()), ("aum", 1));
}

#[test]
fn source_and_seq_are_echoed_whatever_else_is_wrong() {
    let cases = [
        (r#"{"source":"a","seq":5}"#, ("a", 5)),
        (r#"{"type":"nope","source":"a","seq":"5"}"#, ("a", 5)),
        (r#"{"type":"fill","source":"a","seq":5,"price":[]}"#, ("a", 5)),
        (r#"{"type":"fill","source":"a b","seq":5}"#, ("", 5)),
        (r#"{"type":"fill","source":7,"seq":5}"#, ("", 5)),
        (r#"{"type":"fill","source":"a","seq":-5}"#, ("a", 0)),
        (r#"{"type":"fill","source":"a","seq":5"#, ("", 0)),
    ];
    for (line, (source, seq)) in cases {
        let rejection = decode_line(line.as_bytes()).unwrap_err();
        assert_eq!((rejection.source.as_str(), rejection.seq.get()), (source, seq), "{line}");
    }
}
