//! Messages: each reads back in both encodings, and what is wrong with one is said.

use allot_signals_service::{MedianMessage, Reply, Request, RequestBody, RequestKind, TraderState};
use allot_wire::{Batch, Encoding, Rejection};
use proptest::prelude::*;

use crate::page::{examples, message};

/// A request in binary, as a door reads it.
fn decode_binary(message: &[u8]) -> Result<Request, Rejection> {
    let batch = Batch::parse(message).unwrap();
    let kind = RequestKind::of_number(batch.kind).unwrap();
    Request::decode_record(kind, batch.records().next().unwrap().unwrap())
}

#[test]
fn every_example_reads_back_from_binary() {
    for example in examples() {
        let json = message(example, Encoding::Json);
        let binary = message(example, Encoding::Binary);
        if let Ok(request) = Request::decode_line(&json) {
            assert_eq!(decode_binary(&binary), Ok(request), "{example}");
        } else if let Ok(replies) = Reply::decode_all(&json) {
            assert_eq!(Reply::decode_all(&binary), Ok(replies), "{example}");
        } else if let Ok(median) = MedianMessage::decode(&json) {
            assert_eq!(MedianMessage::decode(&binary), Ok(median));
        } else {
            assert_eq!(TraderState::decode(&binary), Ok(TraderState::decode(&json).unwrap()));
        }
    }
}

#[track_caller]
fn check(line: &str, code: &str, reason: &str) {
    let rejection = Request::decode_line(line.as_bytes()).unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (code, reason), "{line}");
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    check("hello", "malformed_message", "not one JSON object: expected value at column 1");
    check(
        r#"{"type":"submit"}"#,
        "unknown_type",
        "the type must be ask, register, decision, deregister or status; it was \"submit\"",
    );
    check(
        r#"{"type":"ask","source":"X","seq":1,"period":5,"lenght_ms":60000}"#,
        "unknown_field",
        "the field \"lenght_ms\" is not known; did you mean \"length_ms\"?",
    );
    check(
        r#"{"type":"ask","source":"X","seq":1,"period":5}"#,
        "missing_field",
        "the field \"length_ms\" is missing",
    );
    check(
        r#"{"type":"ask","source":"X","seq":0,"period":5,"length_ms":1000}"#,
        "sequence_must_be_positive",
        "the sequence number must be at least 1; it was 0",
    );
    check(
        r#"{"type":"deregister","source":"ops","seq":1,"name":"a b"}"#,
        "bad_name",
        "a name must be 1 to 32 of A-Z a-z 0-9 . - _ @; it was \"a b\"",
    );
    check(
        r#"{"type":"status","source":"ops","seq":1,"period":1}"#,
        "unknown_field",
        "the field \"period\" is not known; the fields are type, source, seq, after",
    );
    let register = concat!(
        r#"{"type":"register","source":"X","seq":1,"time":"2026-11-20T10:00:00.000000000Z","#,
        r#""length_ms":1000,"instance":"#
    );
    check(
        &format!("{register}0}}"),
        "malformed_field",
        "the field \"instance\" must be at least 1; it was 0",
    );
    check(
        &format!(r#"{register}1,"generators":[{{"addres":"a"}}]}}"#),
        "malformed_field",
        "the field \"generators\" must be a list of generators, as the page has it; it was \
         \"[{\\\"addres\\\":\\\"a\\\"}]\"",
    );
    check(
        &format!("{register}1}}").replace("000Z", "000+00:00"),
        "malformed_field",
        "the field \"time\" must be a time like 2026-11-20T10:00:00.000000000Z: UTC, with nine \
         decimals, and Z at its end; it was \"2026-11-20T10:00:00.000000000+00:00\"",
    );
    let many = vec![r#"{"address":"a"}"#; 65].join(",");
    check(
        &format!(r#"{register}1,"generators":[{many}]}}"#),
        "malformed_field",
        "\"generators\" has 65 entries; at most 64 are allowed",
    );
    check(
        &format!(r#"{register}1,"generators":[{{"address":"{}"}}]}}"#, "a".repeat(129)),
        "malformed_field",
        "in \"generators\" a name has at most 32 bytes, an address 128, and a reason 240",
    );
}

#[test]
fn what_a_strategy_tells_is_one_line_that_no_terminal_obeys() {
    let line = concat!(
        r#"{"type":"register","source":"X","seq":1,"time":"2026-11-20T10:00:00.000000000Z","#,
        r#""length_ms":1000,"instance":1,"generators":[{"name":"g\u001b[2J","address":"a\nb","#,
        r#""problem":{"kind":"missing","since":"2026-11-20T10:00:00.000000000Z","#,
        r#""reason":"x\r\u0007"}}]}"#
    );
    let request = Request::decode_line(line.as_bytes()).unwrap();
    let RequestBody::Register(register) = request.body else { panic!("{request:?}") };
    let report = &register.reports[0];
    let reason = &report.problem.as_ref().unwrap().reason;
    assert_eq!([&report.name, &report.address, reason], ["g [2J", "a b", "x  "]);
    let line = concat!(
        r#"{"type":"trader","time":"2026-11-20T10:00:00.000000000Z","period":5,"length_ms":60000,"#,
        r#""state":"error","problem_count":1,"problems":[{"component":"a\u001bc","strategy":"\n","#,
        r#""kind":"away","since":"2026-11-20T10:00:00.000000000Z","reason":"\u007f"}]}"#
    );
    let state = TraderState::decode(line.as_bytes()).unwrap();
    let told = &state.problems[0];
    let texts = (told.component.as_str(), told.strategy.as_deref(), told.problem.reason.as_str());
    assert_eq!(texts, ("a c", Some(" "), " "));
}

#[test]
fn a_reply_with_other_letters_than_these_have_is_refused() {
    let line = |source: &str, code: &str| {
        format!(r#"{{"type":"rejected","source":"{source}","seq":3,"code":"{code}","reason":"x"}}"#)
    };
    for (source, code, wrong) in [
        ("X", "stale", None),
        ("", "malformed_message", None),
        ("X", "st ale", Some("the code of this reply is not a word")),
        ("X", "", Some("the code of this reply is not a word")),
        (r"X\u0000", "stale", Some("the source of this reply is no name of a source")),
    ] {
        let read = Reply::decode_all(line(source, code).as_bytes());
        assert_eq!(read.err().map(|error| error.to_string()).as_deref(), wrong, "{source} {code}");
    }
}

#[test]
fn a_value_is_a_finite_number_or_refused() {
    let decision = |value: &str| {
        let line = [
            r#"{"type":"decision","source":"X","seq":3,"time":"2026-11-20T10:00:01.000000000Z","#,
            r#""instance":7,"period":5,"length_ms":60000,"value":"#,
            value,
            "}",
        ]
        .concat();
        Request::decode_line(line.as_bytes()).map_err(|rejection| rejection.code)
    };
    for good in ["0.5", "-3", "1e300", "\"0.5\"", "5e-324"] {
        assert!(decision(good).is_ok(), "{good}");
    }
    for infinite in ["1e309", "\"NaN\"", "\"inf\"", "-1e999"] {
        assert_eq!(decision(infinite), Err("value_not_finite"), "{infinite}");
    }
    assert_eq!(decision("\"one\""), Err("value_malformed"));
    assert_eq!(decision("NaN"), Err("malformed_message"));
    assert_eq!(decision("true"), Err("malformed_field"));
    let mut binary = Vec::new();
    decision("0.5").unwrap().encode(Encoding::Binary, &mut binary);
    let at = binary.len() - 8;
    binary[at..].copy_from_slice(&f64::NAN.to_le_bytes());
    let rejection = decode_binary(&binary).unwrap_err();
    let found = (rejection.code, rejection.source.as_str(), rejection.seq.get());
    assert_eq!(found, ("value_not_finite", "X", 3));
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(mut bytes: Vec<u8>, example in 0..15_usize, at: usize, to: u8) {
        let _ = Request::decode_line(&bytes);
        let _ = Reply::decode_all(&bytes);
        for encoding in [Encoding::Json, Encoding::Binary] {
            bytes = message(examples()[example], encoding);
            let at = at % bytes.len();
            bytes[at] = to;
            let _ = Reply::decode_all(&bytes);
            let _ = MedianMessage::decode(&bytes);
            let _ = TraderState::decode(&bytes);
            if let Ok(batch) = Batch::parse(&bytes)
                && let Ok(kind) = RequestKind::of_number(batch.kind)
            {
                for record in batch.records().flatten() {
                    let _ = Request::decode_record(kind, record);
                }
            } else {
                let _ = Request::decode_line(&bytes);
            }
        }
    }
}
