//! All boxes in one process: what clients and subscribers get.

use std::collections::BTreeMap;

use allot_counter::service::{Kind, ReplyBody};
use allot_domain::{Ticker, shard_of};

use crate::client::{batch, replies};
use crate::rig::{KEYS, Rig, config};

fn add(seq: u64, key: &str, amount: u64) -> String {
    format!(r#"{{"type":"add","source":"a","seq":{seq},"key":"{key}","amount":{amount}}}"#)
}

#[test]
fn the_keys_of_these_tests_are_of_all_shards() {
    let shards = KEYS.map(|key| shard_of(key.as_bytes(), 3).get());
    assert_eq!(shards, [0, 1, 2]);
}

#[test]
fn what_has_a_key_is_counted_and_a_repeat_is_not() {
    let rig = Rig::start(&config());
    let mut client = rig.client();
    let repeat = r#"{"type":"counted","source":"a","seq":1,"duplicate":true,"key":"b","value":7}"#;
    client.check(&[
        (&add(1, "b", 5), r#"{"type":"counted","source":"a","seq":1,"key":"b","value":5}"#),
        (&add(2, "b", 2), r#"{"type":"counted","source":"a","seq":2,"key":"b","value":7}"#),
        (&add(1, "b", 5), repeat),
        (&add(3, "a", 9), r#"{"type":"counted","source":"a","seq":3,"key":"a","value":9}"#),
    ]);
    rig.stop();
}

#[test]
fn a_raise_reaches_every_shard_and_is_replied_to_once() {
    let rig = Rig::start(&config());
    let mut client = rig.client();
    for (seq, key) in (1..).zip(KEYS) {
        client.ask(&add(seq, key, seq));
    }
    let raise = r#"{"type":"raise","source":"a","seq":1,"amount":10}"#;
    let raised = client.raise(raise);
    assert_eq!(raised, r#"{"type":"raised","source":"a","seq":1,"number":1}"#);
    let repeated = client.raise(raise);
    assert_eq!(repeated, r#"{"type":"raised","source":"a","seq":1,"duplicate":true,"number":1}"#);
    // The next reply is that of the next request: no shard but the first has replied.
    for (seq, key) in (1..).zip(KEYS) {
        let reply = replies(client.ask(&add(seq, key, seq)).as_bytes()).remove(0);
        assert_eq!(reply.body, ReplyBody::Counted(Ticker::new(key.as_bytes()).unwrap(), seq + 10));
    }
    rig.stop();
}

#[test]
fn a_late_reply_goes_to_where_its_source_is_connected_by_then() {
    let rig = Rig::start(&config());
    let (mut first, mut second, mut other) = (rig.client(), rig.client(), rig.client());
    first.ask(&add(1, "b", 1));
    let open = first.ask(r#"{"type":"await","source":"a","seq":2,"key":"b","threshold":8}"#);
    assert_eq!(open, r#"{"type":"awaiting","source":"a","seq":2,"key":"b","threshold":8}"#);
    first.ask(r#"{"type":"await","source":"a","seq":3,"key":"b","threshold":9}"#);
    // The source moves, and cancels one of the two.
    let cancel = r#"{"type":"cancel","source":"a","seq":4,"key":"b","of":3}"#;
    let cancelled = r#"{"type":"cancelled","source":"a","seq":4,"key":"b","of":3}"#;
    second.check(&[(cancel, cancelled)]);
    other.raise(r#"{"type":"raise","source":"o","seq":1,"amount":50}"#);
    let late = r#"{"type":"reached","source":"a","seq":2,"late":true,"key":"b","value":51}"#;
    assert_eq!(second.line(), late);
    // Nothing else has come: neither to the one that asked, nor for what was cancelled.
    for client in [&mut first, &mut second] {
        let line = client.ask(r#"{"type":"await","source":"a","seq":2,"key":"b","threshold":8}"#);
        let now =
            r#"{"type":"reached","source":"a","seq":2,"duplicate":true,"key":"b","value":51}"#;
        assert_eq!(line, now);
    }
    rig.stop();
}

#[test]
fn a_late_reply_comes_in_the_encoding_of_its_request() {
    let rig = Rig::start(&config());
    let mut client = rig.client();
    client.ask(&add(1, "b", 1));
    client.send(&batch(r#"{"type":"await","source":"a","seq":2,"key":"b","threshold":2}"#));
    let awaiting = replies(&client.receive()).remove(0);
    let key = Ticker::new(b"b").unwrap();
    assert_eq!(awaiting.body, ReplyBody::Awaiting(key, 2));
    client.send(add(3, "b", 1).as_bytes());
    let messages = [client.receive(), client.receive()];
    let is_binary = messages.each_ref().map(|message| message.starts_with(b"ALOT"));
    let late = replies(&messages[usize::from(is_binary[1])]).remove(0);
    assert!(late.late && is_binary[0] != is_binary[1], "{late:?}");
    assert_eq!(late.body, ReplyBody::Reached(key, 2));
    rig.stop();
}

#[test]
fn what_is_refused_has_a_code_of_the_system_or_of_the_core() {
    let rig = Rig::start(&config());
    let mut client = rig.client();
    client.ask(&add(1, "b", 1_000));
    let codes = [
        (add(2, "b", 1), "exceeds_limit"),
        (r#"{"type":"await","source":"a","seq":3,"key":"a","threshold":1}"#.into(), "unknown_key"),
        (r#"{"type":"cancel","source":"a","seq":4,"key":"b","of":9}"#.into(), "unknown_await"),
        (add(0, "b", 1), "sequence_must_be_positive"),
        (add(5, "a  b", 1), "bad_ticker"),
        (r#"{"type":"fill","source":"a","seq":6}"#.into(), "unknown_type"),
        (r#"{"type":"level","source":"a","seq":6}"#.into(), "unknown_type"),
    ];
    for (line, code) in codes {
        assert_eq!(client.code(&line), code, "{line}");
    }
    // What was refused may be sent again.
    assert_eq!(client.code(&add(2, "b", 1)), "exceeds_limit");
    assert!(client.ask(&add(2, "b", 0)).contains("counted"));
    let mut level = batch(&add(7, "b", 1));
    level[5] = Kind::Level.number();
    client.send(&level);
    let reply = replies(&client.receive()).remove(0);
    assert!(matches!(&reply.body, ReplyBody::Rejected(code, _) if code == "unknown_type"));
    rig.stop();
}

#[test]
fn a_subscriber_gets_the_state_the_events_and_the_level_that_shards_were_told() {
    let rig = Rig::start(&config());
    let mut client = rig.client();
    client.ask(&add(1, "b", 1));
    client.ask(r#"{"type":"report","source":"a","seq":1}"#);
    let mut state = rig.listener(&["counters:json"]);
    let first = state.report(|report| report.total == 1);
    assert_eq!(first.counters, BTreeMap::from([("b".to_owned(), 1)]));
    // Events come from when the shard has heard that somebody listens: add until one does.
    let mut events = rig.listener(&["events:json:b:"]);
    let mut added = 1;
    let event = loop {
        added += 1;
        client.ask(&add(added, "b", 1));
        if let Some(event) = events.poll() {
            break event;
        }
    };
    assert_eq!(event.topic, b"events:json:b:");
    let event = replies(&event.body).remove(0);
    assert_eq!(event.body, ReplyBody::Counted(Ticker::new(b"b").unwrap(), event.seq.get()));
    // The total of a cut is fed back to every shard, and stands in the report of the next one.
    loop {
        added += 1;
        client.ask(&add(added, "b", 1));
        client.ask(&format!(r#"{{"type":"report","source":"a","seq":{added}}}"#));
        let report = state.report(|report| report.total == added);
        if report.level == added - 1 {
            assert_eq!((report.inputs, report.degraded), (added, Vec::<String>::new()));
            break;
        }
    }
    let mut binary = rig.listener(&["counters:bin"]);
    assert_eq!(binary.report(|_| true).total, added, "a new subscriber gets the last value");
    rig.stop();
}
