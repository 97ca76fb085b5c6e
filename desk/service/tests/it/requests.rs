//! What can be asked, and what is refused.

use allot_desk_service::{
    Request, RequestKind, decode_line, decode_request, encode_as_written, encode_line,
    encode_request, request_of_line,
};
use allot_domain::{Seq, SourceId};

/// What is in a line behind its source.
const LINES: [&str; 9] = [
    concat!(
        r#"1,"user":"oY01WVirLr","command":"BUY","symbol":"ABC","amount":"100.00","#,
        r#""transaction":17"#
    ),
    r#"2,"user":"u","command":"ADD","amount":"0.01""#,
    r#"3,"user":"u","command":"QUOTE","symbol":"a1""#,
    r#"4,"user":"u","command":"COMMIT_SELL""#,
    r#"5,"user":"u","command":"SET_SELL_TRIGGER","symbol":"S","amount":"9.90""#,
    r#"6,"user":"u","command":"DUMPLOG","file":"./log.xml""#,
    r#"7,"command":"DUMPLOG","file":"all.xml","transaction":9"#,
    r#"8,"user":"u","command":"DISPLAY_SUMMARY""#,
    "9",
];

#[test]
fn a_request_reads_back_from_both_encodings() {
    for rest in LINES {
        let kind = if rest == "9" { "report" } else { "command" };
        let line = format!(r#"{{"type":"{kind}","source":"web","seq":{rest}}}"#);
        let request = decode_line(line.as_bytes()).unwrap();
        let mut again = Vec::new();
        encode_line(&request, &mut again);
        assert_eq!(String::from_utf8(again).unwrap(), line);
        let mut record = Vec::new();
        encode_request(&request, &mut record);
        assert_eq!(decode_request(request.kind(), &record), Ok(request.clone()));
        for len in 0..record.len() {
            let rejection = decode_request(request.kind(), &record[..len]).unwrap_err();
            assert_eq!(rejection.code, "malformed_message");
        }
    }
}

#[test]
fn a_line_of_a_workload_is_the_request_that_its_fields_make() {
    let source = SourceId::new(b"web").unwrap();
    for line in ["[17] BUY,u,ABC,100.00", "COMMIT_SELL,u", "DUMPLOG,all.xml", "DUMPLOG,u,a.xml"] {
        let mut written = Vec::new();
        encode_as_written(&source, Seq::new(3), line, &mut written);
        assert_eq!(decode_line(&written), Ok(request_of_line(source, Seq::new(3), line).unwrap()));
    }
}

#[test]
fn what_is_no_request_is_refused_with_its_code() {
    let head = r#""type":"command","source":"web","seq":7"#;
    for (rest, code) in [
        (r#""user":"u","command":"BUY","symbol":"A""#, "missing_field"),
        (r#""user":"u","command":"BUY","symbol":"A","amount":null"#, "unknown_field"),
        (r#""user":"u","command":"BUY","symbol":"","amount":"1""#, "unknown_field"),
        (r#""user":"u","command":"BUY","symbol":"A","amount":"1","price":1"#, "unknown_field"),
        (r#""user":"u","command":"COMMIT_BUY","symbol":"A""#, "unknown_field"),
        (r#""user":"u","command":"COMMIT_BUY","user":"u""#, "malformed_field"),
        (r#""user":"u","command":"BUY_ALL""#, "unknown_command"),
        (r#""command":"COMMIT_BUY""#, "missing_field"),
        (r#""user":"u v","command":"COMMIT_BUY""#, "bad_user"),
        (r#""user":"u","command":"QUOTE","symbol":"ABCD""#, "bad_symbol"),
        (r#""user":"u","command":"ADD","amount":"1.234""#, "amount_malformed"),
        (r#""user":"u","command":"ADD","amount":-1"#, "amount_must_be_positive"),
        (r#""user":"u","command":"ADD","amount":"0.00""#, "amount_must_be_positive"),
        (r#""user":"u","command":"COMMIT_BUY","transaction":0"#, "bad_transaction"),
        (r#""user":"u","command":"DUMPLOG","file":"a b""#, "bad_file"),
    ] {
        let line = format!("{{{head},{rest}}}");
        let rejection = decode_line(line.as_bytes()).unwrap_err();
        assert_eq!(rejection.code, code, "{line}: {}", rejection.reason);
        assert_eq!((&*rejection.source, rejection.seq.get()), ("web", 7), "{line}");
    }
    for (rest, code) in [
        (r#""line":"ADD,u,-1""#, "amount_must_be_positive"),
        (r#""line":"BUY,u,ABC""#, "wrong_arguments"),
        (r#""line":"GIVE,u,ABC""#, "unknown_command"),
        (r#""line":"ADD,u,1","user":"u""#, "unknown_field"),
        (r#""line":"""#, "unknown_field"),
        (r#""line":7"#, "malformed_field"),
    ] {
        let line = format!(r#"{{"type":"command","source":"web","seq":7,{rest}}}"#);
        let rejection = decode_line(line.as_bytes()).unwrap_err();
        assert_eq!(rejection.code, code, "{line}: {}", rejection.reason);
        assert_eq!((&*rejection.source, rejection.seq.get()), ("web", 7), "{line}");
    }
    for (line, code) in [
        ("", "malformed_message"),
        (r#"{"type":"fill","source":"web","seq":1}"#, "unknown_type"),
        (r#"{"type":"report","source":"web","seq":0}"#, "sequence_must_be_positive"),
        (r#"{"type":"report","source":"w b","seq":1}"#, "bad_source"),
    ] {
        assert_eq!(decode_line(line.as_bytes()).unwrap_err().code, code, "{line}");
    }
}

#[test]
fn a_command_is_the_same_bytes_as_the_page_has() {
    let source = SourceId::new(b"w").unwrap();
    let line = "[7] BUY,u,ABC,1.00";
    let request = request_of_line(source, Seq::new(2), line).unwrap();
    assert_eq!(request.kind(), RequestKind::Command);
    let mut record = Vec::new();
    encode_request(&request, &mut record);
    let user = [b"u".as_slice(), &[0; 31]].concat();
    let parts = [
        user,
        vec![2, 0, 0, 0, 0, 0, 0, 0],
        vec![1, 0, 0, 0, 0, 0, 0, 0, b'w'],
        vec![7, 0, 0, 0, 0, 0, 0, 0],
        vec![2],
        b"ABC".to_vec(),
        vec![100, 0, 0, 0, 0, 0, 0, 0],
        vec![0; 8],
    ];
    assert_eq!(record, parts.concat());
    assert!(matches!(request, Request::Command(_)));
}
