//! Garbage: no bytes make a decoder panic, and what it takes it can say again.

use allot_allocation_rules::{Fill, Input};
use allot_allocation_service::{
    InputName, Report, Request, RequestKind, TopicName, decode_input, decode_line, decode_part,
    decode_replies, decode_request, encode_line, encode_reply, encode_request, routing_keys,
    routing_rejection,
};
use allot_wire::backplane::{self, InputKind, decode_feedback, events, inputs};
use allot_wire::{Batch, Encoding, Heartbeat};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::lines;
use crate::samples::{self, TIME};

/// Everything that bytes from outside can reach; a panic fails the test.
fn read_as_everything(bytes: &[u8]) {
    if let Ok(request) = decode_line(bytes) {
        assert_said_again(&request);
    }
    lines::assert_read_as_any(bytes);
    if let Ok(batch) = Batch::parse(bytes) {
        for record in batch.records().flatten() {
            read_as_record(record);
        }
    }
    read_as_record(bytes);
    let mut replies = Vec::new();
    let _ = decode_replies(bytes, &mut replies);
    for reply in &replies {
        encode_reply(Encoding::Json, reply, &mut Vec::new());
    }
    for encoding in samples::ENCODINGS {
        let mut out = Vec::new();
        if let Ok(report) = Report::decode(bytes) {
            report.encode(encoding, &mut out);
        }
        if let Ok(heartbeat) = Heartbeat::decode(bytes) {
            heartbeat.encode(encoding, &mut out);
        }
    }
    let _ = Report::decode_account(bytes);
    let _ = TopicName::parse(bytes);
    read_as_frame(bytes);
}

fn read_as_record(record: &[u8]) {
    for kind in RequestKind::ALL {
        match decode_request(kind, record) {
            Ok(request) => assert_said_again(&request),
            Err(rejection) => assert!(!rejection.reason.is_empty()),
        }
    }
    let kinds = [InputKind::MARKER, InputName::Netting.kind()];
    let _ = kinds.map(|kind| decode_input(kind, TIME, record));
    if routing_keys(record).is_none() {
        let why = routing_rejection(record).reason;
        assert!(!why.contains("routing key"), "{record:?}");
    }
    assert_read_by_hand_as_by_the_codec(record);
}

/// Fills are read by hand where they are good: as the codec would.
fn assert_read_by_hand_as_by_the_codec(record: &[u8]) {
    let by_codec = decode_request(RequestKind::Fill, record);
    if let Ok(Request::Fill(fill)) = &by_codec {
        let keys = routing_keys(record).unwrap();
        let routed = (keys.ticker, keys.source, keys.seq);
        assert_eq!(routed, (fill.ticker, fill.source.as_bytes(), fill.seq));
    }
    let by_codec = by_codec.map(|request| match request {
        Request::Fill(fill) => Input::Fill(Fill { time_ns: TIME, ..fill }),
        other => panic!("no fill: {other:?}"),
    });
    assert_eq!(decode_input(InputName::Fill.kind(), TIME, record), by_codec);
}

fn read_as_frame(frame: &[u8]) {
    for input in inputs::read(frame).into_iter().flatten().flatten() {
        let _ = decode_input(input.kind, input.time_ns, input.body);
    }
    for event in events::read(frame).into_iter().flatten().flatten() {
        read_as_record(event);
    }
    let _ = backplane::decode_part(frame).map(|part| decode_part(part.body));
    let _ = decode_part(frame);
    for body in decode_feedback(frame).into_iter().flat_map(|feedback| feedback.bodies) {
        let _ = decode_input(InputName::Netting.kind(), TIME, &body);
    }
}

fn assert_said_again(request: &Request) {
    let (mut line, mut record) = (Vec::new(), Vec::new());
    encode_line(request, &mut line);
    encode_request(request, &mut record);
    assert_eq!(decode_line(&line).as_ref(), Ok(request));
    assert_eq!(decode_request(request.kind(), &record).as_ref(), Ok(request));
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    select(samples::all())
}

/// Numbers that lengths and counts are overwritten with.
fn extremes() -> impl Strategy<Value = [u8; 8]> {
    select(vec![0, 1, 255, 65_536, 1 << 31, u64::from(u32::MAX), 1 << 62, u64::MAX])
        .prop_map(u64::to_le_bytes)
}

proptest! {
    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..300)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn random_bytes_behind_every_first_byte(kind in 1..9_u8, bytes in vec(any::<u8>(), 0..300)) {
        read_as_everything(&[&[kind], &bytes[..]].concat());
        read_as_everything(&[b"{\"", &bytes[..]].concat());
        let len = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let head = [b"ALOT\x02", &[kind][..], &[0, 0, kind, 0, 0, 0], &len].concat();
        read_as_everything(&[&head, &bytes[..]].concat());
    }

    #[test]
    fn random_text(text in r#"[{}\[\]",:a-z0-9\\. é-]{0,120}"#) {
        read_as_everything(text.as_bytes());
    }

    #[test]
    fn truncated_messages(message in messages(), at in any::<Index>()) {
        read_as_everything(&message[..at.index(message.len())]);
    }

    #[test]
    fn flipped_bits(mut message in messages(), flips in vec((any::<Index>(), 0..8_u8), 1..6)) {
        for (at, bit) in flips {
            let at = at.index(message.len());
            message[at] ^= 1 << bit;
        }
        read_as_everything(&message);
    }

    #[test]
    fn overwritten_numbers(mut message in messages(), at in any::<Index>(), number in extremes()) {
        let at = at.index(message.len());
        for (byte, with) in message[at..].iter_mut().zip(number) {
            *byte = with;
        }
        read_as_everything(&message);
    }

    #[test]
    fn spliced_messages(
        head in messages(),
        tail in messages(),
        cut in any::<Index>(),
        joint in any::<Index>(),
    ) {
        let spliced = [&head[..cut.index(head.len())], &tail[joint.index(tail.len())..]].concat();
        read_as_everything(&spliced);
    }
}

#[test]
fn nesting_without_end_is_no_stack_without_end() {
    for open in ["[", "{\"a\":", "{\"weights\":{\"a\":"] {
        let line = format!("{{\"seq\":{}", open.repeat(200_000));
        read_as_everything(line.as_bytes());
    }
    let closed = format!("{{\"type\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(decode_line(closed.as_bytes()).unwrap_err().code, "unknown_type");
}

#[test]
fn a_list_that_claims_to_be_huge_is_refused_without_making_room_for_it() {
    let mut record = 1_u64.to_le_bytes().to_vec();
    record.extend(3_u64.to_le_bytes());
    record.extend(b"aum");
    record.extend(u64::MAX.to_le_bytes());
    let rejection = decode_request(RequestKind::Split, &record).unwrap_err();
    assert_eq!((rejection.source.as_str(), rejection.code), ("aum", "malformed_message"));
}

/// What a client keeps of a reply is a line of JSON, whatever the server said.
#[test]
fn a_reply_with_a_source_or_a_code_of_other_letters_is_refused() {
    let good = r#"{"type":"rejected","source":"s","seq":1,"code":"bad_ticker","reason":"\""}"#;
    for (from, to, is_good) in [
        ("\"s\"", "\"\"", true),
        ("\"s\"", r#""s\"""#, false),
        ("bad_ticker", r#"bad_\"ticker"#, false),
        ("bad_ticker", "", false),
    ] {
        let line = good.replace(from, to);
        let read = decode_replies(line.as_bytes(), &mut Vec::new());
        assert_eq!(read.is_ok(), is_good, "{line}: {read:?}");
    }
}
