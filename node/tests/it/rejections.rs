//! Rejections, without threads and sockets: the code of each, where it is said, and that nothing
//! has changed.

use allot_allocation_service::{Reply, Report, Request, decode_replies};
use allot_domain::{Money, ReportNumber, Side};
use allot_wire::{begin_batch, end_batch, push_record};

use crate::stepped::SPLIT;
use crate::world::{World, batch, fill};

/// What follows `{"type":…,"source":"f","seq":9,` in a message, and its code.
const BAD_FIELDS: &[(&str, &str, &str)] = &[
    ("fill", r#""ticker":"A  B","price":"1","quantity":1"#, "bad_ticker"),
    (
        "fill",
        r#""ticker":"ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567","price":"1","quantity":1"#,
        "bad_ticker",
    ),
    ("fill", r#""ticker":"A","price":"1","quantity":1,"account":"a""#, "unknown_field"),
    ("fill", r#""ticker":"A","price":"1","quantity":1,"side":null"#, "unknown_field"),
    ("fill", r#""ticker":"A","price":"1","quantity":1,"id":"a b""#, "bad_id"),
    ("bust", r#""id":"1","ticker":"A","of":7"#, "name_reused"),
    ("fill", r#""ticker":"A","side":"short","price":"1","quantity":1"#, "bad_side"),
    ("fill", r#""ticker":"A","price":"1e2","quantity":1"#, "price_malformed"),
    ("fill", r#""ticker":"A","price":"0.0000000001","quantity":1"#, "price_malformed"),
    ("fill", r#""ticker":"A","price":"0","quantity":1"#, "price_must_be_positive"),
    ("fill", r#""ticker":"A","price":-1,"quantity":1"#, "price_must_be_positive"),
    ("fill", r#""ticker":"A","price":"1000000001","quantity":1"#, "price_too_large"),
    ("fill", r#""ticker":"A","price":"1","quantity":"x""#, "quantity_malformed"),
    ("fill", r#""ticker":"A","price":"1","quantity":0"#, "quantity_must_be_positive"),
    ("fill", r#""ticker":"A","price":"1","quantity":1.5"#, "quantity_must_be_whole"),
    ("fill", r#""ticker":"A","price":"1","quantity":1099511627777"#, "quantity_too_large"),
    ("split", r#""weights":{}"#, "empty_split"),
    ("split", r#""weights":{"a b":"100"}"#, "bad_account"),
    ("split", r#""weights":{"a":"50","a":"50"}"#, "duplicate_account"),
    ("split", r#""weights":{"a":"1e2"}"#, "weight_malformed"),
    ("split", r#""weights":{"a":"-1","b":"101"}"#, "weight_must_not_be_negative"),
    ("split", r#""weights":{"a":"99.98"}"#, "weights_must_add_to_100"),
    ("bust", r#""ticker":"A","of":3"#, "unknown_fill"),
    ("fill", r#""ticker":"A","side":"sell","price":"1","quantity":11"#, "exceeds_holdings"),
    ("fill", r#""ticker":"A","price":"1000000000","quantity":1099511627776"#, "exceeds_limits"),
];

/// Whole messages and their codes.
const BAD_MESSAGES: &[(&str, &str)] = &[
    ("{", "malformed_message"),
    ("{}", "missing_field"),
    (r#"{"type":"order","source":"f","seq":9}"#, "unknown_type"),
    (r#"{"type":"fill","seq":9,"ticker":"A","price":"1","quantity":1}"#, "missing_field"),
    (
        r#"{"type":"fill","source":"f","seq":"x","ticker":"A","price":"1","quantity":1}"#,
        "malformed_field",
    ),
    (
        r#"{"type":"fill","source":"f g","seq":9,"ticker":"A","price":"1","quantity":1}"#,
        "bad_source",
    ),
    (
        r#"{"type":"fill","source":"f","seq":0,"ticker":"A","price":"1","quantity":1}"#,
        "sequence_must_be_positive",
    ),
];

#[test]
fn bad_input_is_rejected_with_its_code_and_changes_nothing() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    let good = r#"{"type":"fill","source":"f","seq":SEQ,"ticker":"A","price":"1","quantity":10}"#;
    world.send("ann", good.replace("SEQ", "1").as_bytes());
    let of_fields = BAD_FIELDS.iter().map(|(kind, rest, code)| {
        (format!(r#"{{"type":"{kind}","source":"f","seq":9,{rest}}}"#), *code)
    });
    let whole = BAD_MESSAGES.iter().map(|(message, code)| ((*message).to_owned(), *code));
    for (at, (message, code)) in whole.chain(of_fields).enumerate() {
        let before = stripped(world.report());
        let replies = world.ask(message.as_bytes());
        assert!(
            matches!(&replies[..], [Reply::Rejected { code: given, .. }] if given == code),
            "{message} gave {replies:?}, not {code}"
        );
        assert_eq!(stripped(world.report()), before, "{message}");
        let seq = (at + 100).to_string();
        let sale = good.replace("SEQ", &seq).replace("\"price\"", "\"side\":\"sell\",\"price\"");
        let buy = good.replace("SEQ", &(at + 1_000).to_string());
        assert!(matches!(world.ask(buy.as_bytes())[..], [Reply::Allocated { .. }]));
        assert!(matches!(world.ask(sale.as_bytes())[..], [Reply::Allocated { .. }]));
    }
}

/// A report without the fields that differ in every report.
fn stripped(report: Report) -> Report {
    Report { report: ReportNumber::new(0), time_ns: 0, cut: 0, ..report }
}

/// The reasons of the rejections among the replies to a message.
fn reasons(world: &mut World, message: &[u8]) -> Vec<String> {
    let replies = world.ask(message).into_iter();
    let reason = |reply| match reply {
        Reply::Rejected { reason, .. } => Some(reason),
        _ => None,
    };
    replies.filter_map(reason).collect()
}

#[test]
fn a_part_that_cannot_be_told_by_its_number_is_told_by_its_place() {
    let mut world = World::new(2);
    let fill_of = |seq: u64, more: &str| {
        let rest = r#""ticker":"A","price":1,"quantity":1"#;
        format!(r#"{{"type":"fill","source":"f","seq":{seq},{rest}{more}}}"#)
    };
    let (good, trailing, unknown) = (fill_of(1, ""), fill_of(2, ","), fill_of(3, r#","fee":1"#));
    let message = format!("{good}\n\n{{bad\n{unknown}\n{SPLIT}\n{trailing}\n");
    let reasons_of = reasons(&mut world, message.as_bytes());
    let expected = [
        "line 3: not one JSON object: key must be a string at column 2",
        // It is told by its number.
        "the field \"fee\" is not known; the fields are type, source, seq, id, ticker, side, \
         price, quantity",
        "line 6: not one JSON object: trailing comma at column 73",
    ];
    assert_eq!(reasons_of, expected);
    let expected = ["not one JSON object: key must be a string at column 2"];
    assert_eq!(reasons(&mut world, b"{bad\n \n"), expected, "the message is one line");

    let fills = [fill(4, "A", Side::Buy, "1", 10), fill(5, "B", Side::Buy, "1", 10)];
    let sound = batch(&fills.map(Request::Fill));
    let second = 16 + (sound.len() - 16) / 2;
    let mut message = sound.clone();
    message[second + 4 + 32..second + 4 + 40].fill(0);
    let expected = ["record 2: the sequence number must be at least 1; it was 0"];
    assert_eq!(reasons(&mut world, &message), expected);
    let mut message = sound.clone();
    message[second..second + 4].fill(255);
    let damaged = reasons(&mut world, &message);
    assert!(damaged.len() == 1 && damaged[0].starts_with("record 2: "), "{damaged:?}");
    let mut message = sound;
    message[8] = 1;
    let over = reasons(&mut world, &message);
    assert_eq!(over, ["bytes follow the last record"]);
}

#[test]
fn the_binary_encoding_has_the_same_rejections() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    let sound = batch(&[Request::Fill(fill(1, "A", Side::Buy, "1", 10))]);
    // The record: header 16, size 4, ticker 32, seq 8, source 8 + 5, id 8, price 8, quantity 8,
    // side.
    let damage: &[(usize, &[u8], &str)] = &[
        (0, b"X", "malformed_message"),
        (4, &[9], "malformed_message"),
        (5, &[77], "unknown_type"),
        (8, &[2], "malformed_message"),
        (12, &[0], "malformed_message"),
        (16, &[255, 255], "malformed_message"),
        (20, b"\"", "bad_ticker"),
        (52, &[0; 8], "sequence_must_be_positive"),
        (68, b" ", "bad_source"),
        (81, &[0; 8], "price_must_be_positive"),
        (81, &[255; 8], "price_must_be_positive"),
        (81, &[255, 255, 255, 255, 255, 255, 255, 127], "price_too_large"),
        (89, &[0; 8], "quantity_must_be_positive"),
        (89, &[255; 8], "quantity_too_large"),
        (97, &[9], "bad_side"),
    ];
    for (at, bytes, code) in damage {
        let mut message = sound.clone();
        message[*at..at + bytes.len()].copy_from_slice(bytes);
        let replies = world.ask(&message);
        let is_it =
            |reply: &Reply| matches!(reply, Reply::Rejected { code: given, .. } if given == code);
        // What does not begin as a batch is text, and each line of it is refused.
        assert!(
            !replies.is_empty() && replies.iter().all(is_it),
            "{bytes:?} at {at} gave {replies:?}, not {code}"
        );
    }
    for cut in 0..sound.len() {
        let replies = world.ask(&sound[..cut]);
        assert!(matches!(&replies[..], [Reply::Rejected { .. }]), "{cut} bytes gave {replies:?}");
    }
    assert!(world.report().accounts.iter().all(|account| account.value == Money::ZERO));
    assert!(matches!(world.ask(&sound)[..], [Reply::Allocated { .. }]));
}

#[test]
fn an_oversized_message_is_rejected_and_the_next_one_served() {
    let mut world = World::new(1);
    let replies = world.ask(&vec![b'{'; allot_domain::limits::MESSAGE_MAX + 1]);
    assert!(matches!(&replies[..], [Reply::Rejected { code, .. }] if code == "oversized_message"));
    assert!(matches!(world.ask(SPLIT.as_bytes())[..], [Reply::Accepted { .. }]));
}

#[test]
fn a_message_of_garbage_gets_a_thousand_rejections_at_most() {
    let mut world = World::new(1);
    let mut empty_records = Vec::new();
    begin_batch(&mut empty_records, 1);
    (0..200_000).for_each(|_| push_record(&mut empty_records, &[]));
    end_batch(&mut empty_records, 200_000);
    world.stepped.clients.send(b"ann", &empty_records);
    world.stepped.stepper.run_until_idle();
    let mut replies = Vec::new();
    while let Some((_, body)) = world.stepped.clients.receive() {
        decode_replies(&body, &mut replies).unwrap();
    }
    assert_eq!(replies.len(), 1_001, "the last says that the rest was not read");
    let lines = "{}\n".repeat(200_000);
    assert_eq!(world.send("ann", lines.as_bytes()).len(), 1_001);
}
