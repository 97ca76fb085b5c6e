//! The whole path without threads and sockets: what clients and subscribers receive.

use std::collections::BTreeMap;
use std::time::Duration;

use allot::settings::Settings;
use allot_allocation_service::{Reply, Report, Request};
use allot_domain::{Money, Side};
use allot_runtime::Counter;
use expect_test::{Expect, expect};

use crate::world::{World, batch, fill};

pub(crate) const SPLIT: &str =
    r#"{"type":"split","source":"aum","seq":1,"weights":{"a":"40","b":"35","c":"25"}}"#;

/// Sends each line, as `client json`, and compares all replies.
fn check(shards: usize, script: &str, expect: &Expect) {
    let mut world = World::new(shards);
    let mut received = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (client, message) = line.split_once(' ').expect("a client and a message");
        received.extend(world.send(client, message.as_bytes()));
    }
    expect.assert_eq(&received.join("\n"));
}

#[test]
fn a_fill_is_allocated_by_the_split_and_its_reply_has_its_numbers() {
    check(
        1,
        &format!(
            r#"
            aum {SPLIT}
            ann {{"type":"fill","source":"f","seq":17,"ticker":"AAPL","side":"buy","price":"187.23","quantity":100}}
            ann {{"type":"fill","source":"f","seq":18,"ticker":"AAPL","side":"sell","price":190,"quantity":10}}
            ann {{"type":"fill","source":"f","seq":17,"ticker":"AAPL","side":"buy","price":"187.23","quantity":100}}
            ann {{"type":"bust","source":"f","seq":19,"ticker":"AAPL","of":18}}
            "#
        ),
        &expect![[r#"
            aum: {"type":"accepted","source":"aum","seq":1,"time":"2026-11-20T10:00:00.000000000Z","split":1}
            ann: {"type":"allocated","source":"f","seq":17,"time":"2026-11-20T10:00:00.000000000Z","ticker":"AAPL","price":"187.23","quantity":100,"split":1,"shares":{"a":40,"b":35,"c":25}}
            ann: {"type":"allocated","source":"f","seq":18,"time":"2026-11-20T10:00:00.000000000Z","ticker":"AAPL","side":"sell","price":"190","quantity":10,"split":1,"shares":{"a":4,"b":4,"c":2}}
            ann: {"type":"allocated","source":"f","seq":17,"time":"2026-11-20T10:00:00.000000000Z","duplicate":true,"ticker":"AAPL","price":"187.23","quantity":100,"split":1,"shares":{"a":40,"b":35,"c":25}}
            ann: {"type":"busted","source":"f","seq":19,"time":"2026-11-20T10:00:00.000000000Z","ticker":"AAPL","of":18,"shares":{"a":4,"b":4,"c":2}}"#]],
    );
}

#[test]
fn a_late_reply_goes_to_wherever_the_source_of_the_held_fill_is_then() {
    check(
        2,
        &format!(
            r#"
            ann {{"type":"fill","source":"f","seq":1,"ticker":"AAPL","price":"10","quantity":20}}
            ann {{"type":"fill","source":"f","seq":2,"ticker":"AAPL","side":"sell","price":"10","quantity":21}}
            bob {{"type":"fill","source":"f","seq":3,"ticker":"MSFT","price":"10","quantity":20}}
            aum {SPLIT}
            "#
        ),
        &expect![[r#"
            ann: {"type":"held","source":"f","seq":1,"time":"2026-11-20T10:00:00.000000000Z"}
            ann: {"type":"held","source":"f","seq":2,"time":"2026-11-20T10:00:00.000000000Z"}
            bob: {"type":"held","source":"f","seq":3,"time":"2026-11-20T10:00:00.000000000Z"}
            bob: {"type":"allocated","source":"f","seq":1,"time":"2026-11-20T10:00:00.000000000Z","late":true,"ticker":"AAPL","price":"10","quantity":20,"split":1,"shares":{"a":8,"b":7,"c":5}}
            bob: {"type":"rejected","source":"f","seq":2,"time":"2026-11-20T10:00:00.000000000Z","late":true,"code":"exceeds_holdings","reason":"the accounts of the split hold only 20 shares"}
            bob: {"type":"allocated","source":"f","seq":3,"time":"2026-11-20T10:00:00.000000000Z","late":true,"ticker":"MSFT","price":"10","quantity":20,"split":1,"shares":{"a":8,"b":7,"c":5}}
            aum: {"type":"accepted","source":"aum","seq":1,"time":"2026-11-20T10:00:00.000000000Z","split":1}"#]],
    );
}

#[test]
fn a_req_client_gets_exactly_one_message_for_each_of_its_own() {
    let mut world = World::new(4);
    world.send("aum", SPLIT.as_bytes());
    let lines: Vec<String> = (1..=20)
        .map(|seq| {
            format!(
                r#"{{"type":"fill","source":"f","seq":{seq},"ticker":"T{seq}","price":"1",{}}}"#,
                format_args!(r#""quantity":{}"#, seq % 5)
            )
        })
        .collect();
    let bodies = world.request("req", lines.join("\n").as_bytes());
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].split(|byte| *byte == b'\n').count(), 20);
    let fills: Vec<_> = (21..=40)
        .map(|seq| Request::Fill(fill(seq, &format!("T{seq}"), Side::Buy, "1", 3)))
        .collect();
    assert_eq!(world.request("req", &batch(&fills)).len(), 1);
    // Neither do several turns make several messages of it.
    let line = |seq: u64| {
        format!(
            r#"{{"type":"fill","source":"g","seq":{seq},"ticker":"T","price":"1","quantity":5}}"#
        )
    };
    let lines: Vec<_> = (1..=2_000).map(line).collect();
    let bodies = world.request("req", lines.join("\n").as_bytes());
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].split(|byte| *byte == b'\n').count(), 2_000);
}

#[test]
fn a_short_message_does_not_wait_until_a_long_one_is_done() {
    let mut world = World::new(1);
    world.send("aum", SPLIT.as_bytes());
    let line = |source: &str, seq: u64| {
        format!(
            r#"{{"type":"fill","source":"{source}","seq":{seq},"ticker":"T","price":"1",{}}}"#,
            r#""quantity":5"#
        )
    };
    let long: Vec<_> = (1..=5_000).map(|seq| line("long", seq)).collect();
    world.stepped.clients.send(b"long", long.join("\n").as_bytes());
    world.stepped.clients.send(b"short", line("short", 1).as_bytes());
    let lines = world.receive();
    assert_eq!(lines.len(), 5_001);
    let at = lines.iter().position(|line| line.starts_with("short")).unwrap();
    assert!(at < 1_000, "after {at} others");
    assert!(lines.iter().all(|line| line.contains("allocated")));
    let numbers = lines.iter().filter(|line| line.starts_with("long")).map(|line| {
        let line: serde_json::Value =
            serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        line["seq"].as_u64().unwrap()
    });
    assert!(numbers.eq(1..=5_000), "in the order of the message");
}

#[test]
fn positions_at_the_cut_add_up_to_the_fills_before_it() {
    for shards in [1, 2, 4, 8] {
        let mut world = World::with(Settings { shards, marker_every: 16, ..Settings::default() });
        world.send("aum", SPLIT.as_bytes());
        let mut bought: BTreeMap<String, u64> = BTreeMap::new();
        let mut value = 0;
        for seq in 1..=600_u64 {
            let ticker = format!("T{}", seq % 17);
            let price = format!("{}.{:02}", 10 + seq % 90, seq % 100);
            let quantity = seq % 50 + 1;
            let fill = fill(seq, &ticker, Side::Buy, &price, quantity.into());
            value += fill.price.times(fill.quantity).nanos();
            *bought.entry(ticker).or_default() += quantity;
            world.stepped.clients.send(b"feed", &batch(&[Request::Fill(fill)]));
            if seq % 50 == 0 {
                let report = world.report();
                assert_eq!(report.fills, seq, "{shards} shards");
                assert_eq!(report.cut, seq + 1, "the split is an input too");
                assert_eq!(report.total_value, Money::from_nanos(value));
                check_sums(&report, &bought);
            }
        }
    }
}

/// Per ticker, per account and in value.
fn check_sums(report: &Report, bought: &BTreeMap<String, u64>) {
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    for account in &report.accounts {
        let value: Money = account.positions.iter().map(|position| position.value).sum();
        assert_eq!(value, account.value);
        for position in &account.positions {
            *held.entry(position.ticker.to_string()).or_default() += position.quantity;
        }
    }
    assert_eq!(&held, bought);
    let total: Money = report.accounts.iter().map(|account| account.value).sum();
    assert_eq!(total, report.total_value);
}

#[test]
fn reports_have_a_fixed_cadence_and_a_new_subscriber_gets_the_last_one_at_once() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    world.stepped.listener.subscribe(b"positions:json");
    world.advance(Duration::from_secs(35));
    let sequences: Vec<_> = std::iter::from_fn(|| world.publication())
        .map(|publication| publication.sequence)
        .collect();
    assert_eq!(sequences, [1, 2, 3]);
    world.stepped.listener.subscribe(b"positions:json");
    let again = world.publication().expect("the last value");
    assert_eq!(again.sequence, 3, "the same value under the same sequence");
    world.stepped.listener.subscribe(b"account:json:a:");
    let account = world.publication().expect("the last value of the account");
    assert_eq!(account.topic, b"account:json:a:");
    let time = Report::decode(&again.body).unwrap().time_ns;
    assert_eq!(time % 1_000_000_000, 0, "the third tick, to the nanosecond");
}

#[test]
fn subscribers_of_fills_receive_each_one_once() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    world.stepped.listener.subscribe(b"fills:json:A:");
    world.stepped.stepper.run_until_idle();
    for seq in [1, 2, 2, 3] {
        world.ask_binary(&[Request::Fill(fill(seq, "A", Side::Buy, "1", 10))]);
        world.ask_binary(&[Request::Fill(fill(seq + 10, "B", Side::Buy, "1", 10))]);
    }
    let received: Vec<_> = std::iter::from_fn(|| world.publication())
        .map(|publication| (publication.sequence, String::from_utf8(publication.body).unwrap()))
        .collect();
    assert_eq!(received.len(), 3, "{received:?}");
    for (at, (sequence, body)) in received.iter().enumerate() {
        assert_eq!(*sequence, at as u64 + 1);
        assert!(body.contains(&format!(r#""seq":{},"#, at + 1)), "{body}");
    }
}

#[test]
fn a_split_change_moves_value_between_the_shards() {
    let mut world = World::with(Settings { shards: 4, marker_every: 32, ..Settings::default() });
    world.send("aum", SPLIT.as_bytes());
    let mut seq = 0;
    let mut trade = |world: &mut World, count: u64, tickers: u64| {
        for _ in 0..count {
            seq += 1;
            let fill = fill(seq, &format!("T{}", seq % tickers), Side::Buy, "50", 100);
            world.ask_binary(&[Request::Fill(fill)]);
        }
    };
    trade(&mut world, 400, 16);
    assert_eq!(world.count(Counter::Feedback), 0, "within the dead-band nothing moves");
    world.send(
        "aum",
        SPLIT.replace("\"seq\":1", "\"seq\":2").replace("40", "10").replace("25", "55").as_bytes(),
    );
    trade(&mut world, 1_200, 2);
    assert!(0 < world.count(Counter::Feedback));
    let tracking = world.report().tracking.expect("there is a split");
    let prices = tracking.avoidable.nanos() as f64 / 1e9;
    assert!(prices < 3.0, "four shards are {prices} prices from what could be avoided");
}

#[test]
fn a_full_shard_is_busy_and_what_it_rejected_is_new_later() {
    let mut world = World::with(Settings { shards: 1, owed_max: 4, ..Settings::default() });
    world.send("aum", SPLIT.as_bytes());
    let fills: Vec<_> =
        (1..=10).map(|seq| Request::Fill(fill(seq, "A", Side::Buy, "1", 10))).collect();
    let replies = world.ask_binary(&fills);
    assert_eq!(replies.len(), 10);
    let busy: Vec<_> = replies
        .iter()
        .filter(|reply| matches!(reply, Reply::Rejected { code, .. } if code == "busy"))
        .map(|reply| reply.seq().get())
        .collect();
    assert_eq!(busy, [5, 6, 7, 8, 9, 10]);
    let again = world.ask_binary(&fills[4..8]);
    assert!(again.iter().all(|reply| matches!(reply, Reply::Allocated { duplicate: false, .. })));
    assert_eq!(world.report().fills, 8);
}

/// What shards have sent meanwhile may not have reached it yet.
#[test]
fn a_router_that_was_stopped_blames_no_shard() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    world.stop(Duration::from_secs(5));
    assert_eq!(world.count(Counter::ShardAway), 0);
    assert!(world.stepped.stepper.remove("shard-1"));
    world.advance(Duration::from_secs(6));
    assert_eq!(world.count(Counter::ShardAway), 1);
}

/// Each line of a client that has as much waiting as it may takes the time of all others.
#[test]
fn the_long_lines_of_a_client_that_sends_too_much_are_not_all_read() {
    let mut world = World::new(1);
    let line = format!(r#"{{"type":"x{}"}}"#, "x".repeat(200_000));
    let message = vec![line; 5].join("\n");
    for _ in 0..6 {
        world.stepped.clients.send(b"ann", message.as_bytes());
    }
    let replies = world.receive();
    let cut = replies.iter().filter(|line| line.contains("1 line was refused; the rest was"));
    // Five of them waited, and were read line by line.
    assert_eq!((cut.count(), replies.len()), (1, 5 * 5 + 2), "{replies:?}");
}

#[test]
fn a_shard_that_is_away_is_named_in_rejections_and_by_the_feed() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    assert!(world.stepped.stepper.remove("shard-1"));
    world.advance(Duration::from_secs(6));
    world.stepped.listener.subscribe(b"heartbeat:");
    world.advance(Duration::from_secs(1));
    let heartbeat = world.publication().expect("a heartbeat each second");
    let heartbeat = String::from_utf8(heartbeat.body).unwrap();
    assert!(heartbeat.contains("shard 1 is away"), "{heartbeat}");
    let replies: Vec<_> = (1..=20)
        .flat_map(|seq| {
            let fill = fill(seq, &format!("T{seq}"), Side::Buy, "1", 10);
            world.ask_binary(&[Request::Fill(fill)])
        })
        .collect();
    let reasons = replies.iter().filter_map(|reply| match reply {
        Reply::Rejected { code, reason, .. } => Some((code.as_str(), reason.as_str())),
        _ => None,
    });
    let away: Vec<_> = reasons.collect();
    let (count, named) = (away.len(), "shard 1 is away");
    assert!(0 < count && count < 20, "{count} of 20 belong to the shard that is away");
    assert!(away.iter().all(|(code, text)| *code == "shard_away" && text.starts_with(named)));
    let refused = u64::try_from(count).unwrap();
    assert_eq!([Counter::RefusedAway, Counter::Busy].map(|it| world.count(it)), [refused, 0]);
    assert_eq!(world.count(Counter::Reports), 0);
}

#[test]
fn garbage_gets_a_reply_and_changes_nothing() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    let sound = batch(&[Request::Fill(fill(1, "A", Side::Buy, "1", 10))]);
    let world = std::cell::RefCell::new(world);
    let garbage = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "\\{.{0,200}".prop_map(String::into_bytes),
        prop::collection::vec((0..sound.len(), any::<u8>()), 1..6).prop_map(move |flips| {
            let mut message = sound.clone();
            flips.iter().for_each(|(at, byte)| message[*at] = *byte);
            message
        }),
    ];
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(2_000) });
    let outcome = runner.run(&garbage, |message| {
        let replies = world.borrow_mut().ask(&message);
        prop_assert!(!replies.is_empty(), "{message:?} got no reply");
        Ok(())
    });
    outcome.unwrap();
    let replies = world.borrow_mut().ask(SPLIT.replace("\"seq\":1", "\"seq\":2").as_bytes());
    assert!(matches!(replies[..], [Reply::Accepted { .. }]));
}

#[test]
fn a_client_that_writes_delimiters_and_does_not_wait_gets_its_replies() {
    let mut world = World::new(2);
    world.send("aum", SPLIT.as_bytes());
    for seq in 1..=300 {
        let fill = fill(seq, &format!("T{seq}"), Side::Buy, "1", 3);
        world.stepped.clients.request(b"hasty", &batch(&[Request::Fill(fill)]));
    }
    world.stepped.stepper.run_until_idle();
    let mut replies = Vec::new();
    while let Some((_, body)) = world.stepped.clients.receive() {
        allot_allocation_service::decode_replies(&body, &mut replies).expect("replies decode");
    }
    let mut seqs: Vec<_> = replies.iter().map(|reply| reply.seq().get()).collect();
    seqs.sort_unstable();
    assert!(seqs.into_iter().eq(1..=300));
}

#[test]
fn requests_for_reports_share_the_next_while_one_is_under_way() {
    let mut world = World::new(2);
    world.stepped.listener.subscribe(b"positions:json");
    world.send("aum", SPLIT.as_bytes());
    let pair = |seq: u64| {
        let fill = format!(
            r#"{{"type":"fill","source":"f","seq":{seq},"ticker":"A","price":"1","quantity":1}}"#
        );
        format!("{fill}\n{{\"type\":\"report\",\"source\":\"r\",\"seq\":{seq}}}")
    };
    let message: Vec<_> = (1..=1_000).map(pair).collect();
    let replies = world.send("ann", message.join("\n").as_bytes());
    let reported: Vec<_> = replies.iter().filter(|line| line.contains("reported")).collect();
    assert_eq!(reported.len(), 1_000, "each request is replied to");
    let publications: Vec<_> =
        std::iter::from_fn(|| world.stepped.listener.receive()).map(|one| one.body).collect();
    let reports: BTreeMap<_, _> = publications
        .iter()
        .map(|body| Report::decode(body).unwrap())
        .map(|report| (report.report.get(), report.fills))
        .collect();
    // One is made at a time, and the message is taken in slices of some 150 requests.
    assert!(reports.len() <= 10, "a few reports: {reports:?}");
    for line in reported {
        let line: serde_json::Value =
            serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        let seq = line["seq"].as_u64().unwrap();
        let fills = reports[&line["report"].as_u64().unwrap()];
        assert!(seq <= fills, "the report of request {seq} contains everything before it");
    }
}

#[test]
fn a_req_waits_for_its_report_as_well() {
    let mut world = World::new(1);
    world.send("aum", SPLIT.as_bytes());
    let line = |seq: u64| format!(r#"{{"type":"report","source":"r","seq":{seq}}}"#);
    let fill = r#"{"type":"fill","source":"f","seq":1,"ticker":"A","price":"1","quantity":1}"#;
    let message = [line(1), fill.to_owned(), line(2)].join("\n");
    let messages = world.request("bob", message.as_bytes());
    assert_eq!(messages.len(), 1, "one message for one message");
    assert_eq!(String::from_utf8_lossy(&messages[0]).lines().count(), 3);
}
