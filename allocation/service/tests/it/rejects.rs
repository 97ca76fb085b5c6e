//! Rejects: which JSON is refused with which code, in order of precedence.

use allot_allocation_rules::{Reject, limits};
use allot_allocation_service::{RequestKind, decode_line, decode_request};
use allot_domain::Reject as Core;
use allot_wire::Rejection;

/// Codes that only a book, or a full queue, can give.
pub(crate) const NOT_OF_DECODERS: [&str; 12] = [
    "name_reused",
    "sequence_too_old",
    "too_many_tickers",
    "too_many_accounts_ever",
    "unknown_account",
    "split_omits_holder",
    "unknown_fill",
    "exceeds_holdings",
    "exceeds_limits",
    "storage_full",
    "busy",
    "shard_away",
];

pub(crate) fn rank(code: &str) -> usize {
    Reject::CODES.iter().position(|known| *known == code).unwrap()
}

/// Each code has a case, but for those that cannot come of this.
pub(crate) fn assert_complete(mut codes: Vec<&str>, impossible: &[&str]) {
    let expected: Vec<_> =
        Reject::CODES.iter().filter(|code| !impossible.contains(code)).copied().collect();
    codes.sort_unstable_by_key(|code| rank(code));
    codes.dedup();
    assert_eq!(codes, expected);
}

fn json_code(line: &str) -> &'static str {
    decode_line(line.as_bytes()).map_or_else(|rejection| rejection.code, |_| "none")
}

/// Fields of a fill that are wrong, each with the code for it; the value `-` leaves the field out.
const FILL_FAULTS: &[(&str, &str, &str)] = &[
    ("type", r#""trade""#, "unknown_type"),
    ("type", "7", "unknown_type"),
    ("type", r#""Fill""#, "unknown_type"),
    ("venue", r#""X""#, "unknown_field"),
    ("venue", "null", "unknown_field"),
    ("Price", "1", "unknown_field"),
    ("", "1", "unknown_field"),
    ("of", "1", "unknown_field"),
    ("weights", r#"{"a":100}"#, "unknown_field"),
    ("source", r#""""#, "unknown_field"),
    ("seq", "null", "unknown_field"),
    ("id", "null", "unknown_field"),
    ("id", r#""""#, "unknown_field"),
    ("ticker", r#""""#, "unknown_field"),
    ("ticker", "[]", "unknown_field"),
    ("side", "null", "unknown_field"),
    ("side", r#""""#, "unknown_field"),
    ("price", r#""""#, "unknown_field"),
    ("quantity", "null", "unknown_field"),
    ("source", "-", "missing_field"),
    ("seq", "-", "missing_field"),
    ("ticker", "-", "missing_field"),
    ("price", "-", "missing_field"),
    ("quantity", "-", "missing_field"),
    ("source", "7", "malformed_field"),
    ("source", r#""\ud800""#, "malformed_field"),
    ("seq", "-1", "malformed_field"),
    ("seq", "1.5", "malformed_field"),
    ("seq", "1e3", "malformed_field"),
    ("seq", "18446744073709551616", "malformed_field"),
    ("seq", "true", "malformed_field"),
    ("id", "[1]", "malformed_field"),
    ("id", "true", "malformed_field"),
    ("ticker", "[1]", "malformed_field"),
    ("side", "1", "malformed_field"),
    ("price", "{}", "malformed_field"),
    ("quantity", "false", "malformed_field"),
    ("source", r#""a b""#, "bad_source"),
    ("source", r#""fünf""#, "bad_source"),
    ("seq", "0", "sequence_must_be_positive"),
    ("id", r#""a b""#, "bad_id"),
    ("id", r#""a\\b""#, "bad_id"),
    ("id", r#""é""#, "bad_id"),
    ("ticker", r#""A\"B""#, "bad_ticker"),
    ("ticker", r#"" A""#, "bad_ticker"),
    ("ticker", r#""A  B""#, "bad_ticker"),
    ("ticker", r#""A\tB""#, "bad_ticker"),
    ("ticker", r#""ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456""#, "bad_ticker"),
    ("side", r#""Buy""#, "bad_side"),
    ("price", r#""one""#, "price_malformed"),
    ("price", "1e2", "price_malformed"),
    ("price", "1E999", "price_malformed"),
    ("price", r#""0.0000000001""#, "price_malformed"),
    ("price", "123456789012345678901234567890123456789", "price_malformed"),
    ("price", "0", "price_must_be_positive"),
    ("price", "-0.0", "price_must_be_positive"),
    ("price", r#""-1""#, "price_must_be_positive"),
    ("price", "1000000000.000000001", "price_too_large"),
    ("quantity", r#""ten""#, "quantity_malformed"),
    ("quantity", "1e2", "quantity_malformed"),
    ("quantity", "0", "quantity_must_be_positive"),
    ("quantity", "-7", "quantity_must_be_positive"),
    ("quantity", "1.5", "quantity_must_be_whole"),
    ("quantity", "\"0.5\"", "quantity_must_be_whole"),
    ("quantity", "1099511627777", "quantity_too_large"),
];

/// Members of the weights of a split that are wrong, each with the code for it.
const WEIGHT_FAULTS: &[(&str, &str)] = &[
    (r#""a b":"1""#, "bad_account"),
    (r#""":"1""#, "bad_account"),
    (r#""x":"1","x":"1""#, "duplicate_account"),
    (r#""y":"1e1""#, "weight_malformed"),
    (r#""z":true"#, "weight_malformed"),
    (r#""v":"-1""#, "weight_must_not_be_negative"),
    (r#""u":"100.02""#, "weights_must_add_to_100"),
    (r#""w":0.02"#, "weights_must_add_to_100"),
];

/// Lines that are refused for what they are as a whole.
const LINE_FAULTS: &[(&str, &str)] = &[
    ("", "malformed_message"),
    ("{", "malformed_message"),
    ("[]", "malformed_message"),
    ("null", "malformed_message"),
    (r#"{"type":"fill"}}"#, "malformed_message"),
    (r#"{"type":"fill","seq":01}"#, "malformed_message"),
    (r#"{"type":"fill" "seq":1}"#, "malformed_message"),
    ("[{}]", "malformed_message"),
    (r#"[{"type":"report","source":"s","seq":1}]"#, "malformed_message"),
    (r#"{"type":null}"#, "unknown_type"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":null}"#, "unknown_field"),
    (r#"{"type":"split","source":"aum","seq":1,"id":"x","weights":{"a":100}}"#, "unknown_field"),
    (r#"{"type":"bust","source":"s","seq":1,"ticker":"T","of":null}"#, "unknown_field"),
    (r#"{"type":"bust","source":"s","seq":1,"ticker":"T","of":1,"price":1}"#, "unknown_field"),
    (r#"{"type":"report","source":"s","seq":1,"ticker":"T"}"#, "unknown_field"),
    ("{}", "missing_field"),
    (r#"{"type":"split","source":"aum","seq":1}"#, "missing_field"),
    (r#"{"type":"bust","source":"s","seq":1,"ticker":"T"}"#, "missing_field"),
    (r#"{"type":"report","source":"s"}"#, "missing_field"),
    (r#"{"type":"report","source":"s","seq":1,"seq":1}"#, "malformed_field"),
    (r#"{"type":"report","type":"report","source":"s","seq":1}"#, "malformed_field"),
    (r#"{"type":"bust","source":"s","seq":1,"ticker":"T","of":{}}"#, "malformed_field"),
    (r#"{"type":"bust","source":"s","seq":1,"ticker":"T","of":"a b"}"#, "bad_id"),
    (r#"{"type":"bust","source":"s","seq":1,"ticker":" T","of":"a b"}"#, "bad_id"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":[]}"#, "unknown_field"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":"a"}"#, "malformed_field"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{}}"#, "empty_split"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{"a":100},"closes":[]}"#, "unknown_field"),
    (r#"{"type":"split","source":"aum","seq":1,"closes":[ ]}"#, "unknown_field"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{},"closes":null}"#, "unknown_field"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{},"closes":"b"}"#, "malformed_field"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{},"closes":[1]}"#, "malformed_field"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{},"closes":["b"]}"#, "empty_split"),
    (r#"{"type":"split","source":"aum","seq":1,"weights":{"a":9},"closes":[""]}"#, "bad_account"),
    (
        r#"{"type":"split","source":"aum","seq":1,"weights":{"a":-9},"closes":["b","b"]}"#,
        "duplicate_account",
    ),
    (
        r#"{"type":"split","source":"aum","seq":1,"weights":{"a":-9},"closes":["b","a"]}"#,
        "duplicate_account",
    ),
    (
        r#"{"type":"split","source":"aum","seq":1,"weights":{"a":-9},"closes":["b"]}"#,
        "weight_must_not_be_negative",
    ),
    (r#"{"type":"report","source":"s","seq":1,"closes":["b"]}"#, "unknown_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T"}"#, "missing_field"),
    (r#"{"type":"replay","source":"s","seq":1,"from":1}"#, "missing_field"),
    (r#"{"type":"splits","source":"s","seq":1}"#, "missing_field"),
    (r#"{"type":"splits","source":"s","seq":1,"from":0}"#, "malformed_field"),
    (r#"{"type":"splits","source":"s","seq":1,"from":1,"to":2}"#, "unknown_field"),
    (r#"{"type":"splits","source":"s s","seq":1,"from":1}"#, "bad_source"),
    (r#"{"type":"splits","source":"s","seq":1,"ticker":"T","from":1}"#, "unknown_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T","from":1,"to":null}"#, "unknown_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T","from":""}"#, "unknown_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T","from":1,"id":"x"}"#, "unknown_field"),
    (r#"{"type":"fill","source":"s","seq":1,"ticker":"T","from":1}"#, "unknown_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T","from":0}"#, "malformed_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T","from":-1}"#, "malformed_field"),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":"T","from":5,"to":4}"#, "malformed_field"),
    (r#"{"type":"replay","source":"s s","seq":0,"ticker":"","from":0}"#, "unknown_field"),
    (r#"{"type":"replay","source":"s s","seq":0,"ticker":" T","from":0}"#, "malformed_field"),
    (r#"{"type":"replay","source":"s s","seq":0,"ticker":" T","from":1}"#, "bad_source"),
    (
        r#"{"type":"replay","source":"s","seq":0,"ticker":" T","from":1}"#,
        "sequence_must_be_positive",
    ),
    (r#"{"type":"replay","source":"s","seq":1,"ticker":" T","from":1}"#, "bad_ticker"),
];

/// A fill with some fields replaced.
fn fill_line(faults: &[(&str, &str, &str)]) -> String {
    let fields = [
        ("type", r#""fill""#),
        ("source", r#""s""#),
        ("seq", "1"),
        ("ticker", r#""T""#),
        ("side", r#""sell""#),
        ("price", "1"),
        ("quantity", "1"),
    ];
    let value = |(name, good): (&'static str, &'static str)| {
        let fault = faults.iter().find(|(field, ..)| *field == name);
        (name, fault.map_or(good, |(_, value, _)| *value))
    };
    let is_new = |fault: &&(&str, &str, &str)| fields.iter().all(|(name, _)| *name != fault.0);
    let others = faults.iter().filter(is_new).map(|(name, value, _)| (*name, *value));
    let fields = fields.map(value).into_iter().chain(others).filter(|(_, value)| *value != "-");
    let fields: Vec<_> = fields.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn split_line(faults: &[&str]) -> String {
    let mut weights = vec![r#""good":"100""#];
    weights.extend(faults);
    format!(r#"{{"type":"split","source":"aum","seq":1,"weights":{{{}}}}}"#, weights.join(","))
}

#[test]
fn each_code_has_a_line_that_earns_it() {
    for (line, code) in LINE_FAULTS {
        assert_eq!(json_code(line), *code, "{line}");
    }
    for fault in FILL_FAULTS {
        let line = fill_line(&[*fault]);
        assert_eq!(json_code(&line), fault.2, "{line}");
    }
    for (weights, code) in WEIGHT_FAULTS {
        let line = split_line(&[weights]);
        assert_eq!(json_code(&line), *code, "{line}");
    }
    assert_eq!(json_code(&fill_line(&[])), "none");
    assert_eq!(json_code(&split_line(&[])), "none");
    let codes = LINE_FAULTS.iter().chain(WEIGHT_FAULTS).map(|(_, code)| *code);
    let codes = codes.chain(FILL_FAULTS.iter().map(|(_, _, code)| *code));
    // These two have tests of their own, for their messages are large.
    let large = ["oversized_message", "too_many_accounts"];
    let impossible = NOT_OF_DECODERS.to_vec();
    assert_complete(codes.chain(large).collect(), &impossible);
}

#[test]
fn of_two_faults_the_first_of_the_list_is_reported() {
    for one in FILL_FAULTS {
        for other in FILL_FAULTS.iter().filter(|other| other.0 != one.0) {
            let line = fill_line(&[*one, *other]);
            let first = [one.2, other.2].into_iter().min_by_key(|code| rank(code)).unwrap();
            assert_eq!(json_code(&line), first, "{line}");
        }
    }
    for (one, code) in WEIGHT_FAULTS {
        for (other, other_code) in WEIGHT_FAULTS.iter().filter(|(other, _)| other != one) {
            let line = split_line(&[one, other]);
            let first = [*code, *other_code].into_iter().min_by_key(|code| rank(code)).unwrap();
            assert_eq!(json_code(&line), first, "{line}");
        }
    }
}

#[test]
fn what_is_not_utf8_is_malformed_wherever_it_stands() {
    let lines: [&[u8]; 2] = [
        b"{\"type\":\"fi\xffll\"}",
        b"{\"note\":\"\xc3\",\"type\":\"report\",\"source\":\"s\",\"seq\":1}",
    ];
    for line in lines {
        assert_eq!(decode_line(line).unwrap_err().code, "malformed_message");
    }
}

#[test]
fn what_is_too_long_is_not_even_looked_at() {
    let longest = vec![b'{'; limits::MESSAGE_MAX];
    let longer = vec![b'{'; limits::MESSAGE_MAX + 1];
    assert_eq!(decode_line(&longest).unwrap_err().code, "malformed_message");
    let too_long = Rejection::unread(&Core::OversizedMessage(longer.len()));
    assert_eq!(decode_line(&longer), Err(too_long.clone()));
    assert_eq!(decode_request(RequestKind::Split, &longer), Err(too_long));
}

#[test]
fn a_reason_quotes_no_more_than_a_line_of_the_sender() {
    let line = fill_line(&[("ticker", &format!("\"{}\"", r"\u0007".repeat(1_000)), "")]);
    let rejection = decode_line(line.as_bytes()).unwrap_err();
    let quote = r"\u{7}".repeat(80) + "…";
    let rule = "a ticker must be 1 to 32 printable ASCII characters, without \" and \\, with a \
                space only between two others; it was ";
    assert_eq!(rejection.reason, format!("{rule}\"{quote}\""));
}

#[test]
fn a_field_that_is_not_known_is_named_with_the_nearest_that_is() {
    let cases = [
        ("tikcer", r#"the field "tikcer" is not known; did you mean "ticker"?"#),
        ("Price", r#"the field "Price" is not known; did you mean "price"?"#),
        (
            "venue_of_execution",
            "the field \"venue_of_execution\" is not known; the fields are type, source, seq, id, \
             ticker, side, price, quantity",
        ),
        (
            "weights",
            "the field \"weights\" is not known; the fields are type, source, seq, id, ticker, \
             side, price, quantity",
        ),
    ];
    for (field, reason) in cases {
        let rejection = decode_line(fill_line(&[(field, "1", "")]).as_bytes()).unwrap_err();
        assert_eq!((rejection.code, rejection.reason.as_str()), ("unknown_field", reason));
        assert_eq!((rejection.source.as_str(), rejection.seq.get()), ("s", 1));
    }
    for (value, said) in [("null", "null"), (r#""""#, r#""""#)] {
        let rejection = decode_line(fill_line(&[("side", value, "")]).as_bytes()).unwrap_err();
        let reason = format!("the field \"side\" is {said}; give it a value, or leave it out");
        assert_eq!(rejection.reason, reason);
    }
}
