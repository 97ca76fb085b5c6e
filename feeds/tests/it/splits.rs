//! The AUM server: its cadence, its order, and its behaviour under faults.

use std::fs;
use std::time::Duration;

use allot_feeds::{AumConfig, Patience, Tally, Weights};
use allot_wire::Encoding;

use crate::front::Faults;
use crate::scenario::{Scenario, finish, seconds, source};

fn every(seconds: u64, count: u64) -> AumConfig {
    let every = Duration::from_secs(seconds);
    AumConfig { every, count: Some(count), ..AumConfig::new(source("aum")) }
}

#[test]
fn it_sends_a_split_at_once_and_then_every_thirty_seconds() {
    let accounts = Weights::accounts(5).unwrap();
    let mut scenario = Scenario::new();
    let config = AumConfig { count: Some(4), ..AumConfig::new(source("aum")) };
    let splits = scenario.splits(config, Weights::random(accounts, 1).unwrap());
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &splits);
    let times: Vec<_> = shared.arrivals().iter().map(|arrival| seconds(arrival.time)).collect();
    assert_eq!(times, ["0.000", "30.000", "60.000", "90.000"]);
    assert_eq!(splits.get(Tally::Accepted), 4);
    assert!(splits.summary().is_ok());
    let state = shared.state();
    assert!(state.splits.windows(2).all(|pair| pair[0].2 != pair[1].2), "random each time");
}

#[test]
fn a_server_that_continues_under_its_name_continues_its_sequence_numbers() {
    let mut scenario = Scenario::new();
    let fixed = |text: &str| Weights::fixed(text).unwrap();
    let first = scenario.splits(every(30, 2), fixed("a=40,b=60"));
    let shared = scenario.shared.clone();
    // A later run under the same name. Without a first sequence number its splits reuse names.
    let repeats = scenario.splits(every(1_000, 1), fixed("a=50,b=50"));
    let later = scenario.splits(AumConfig { first_seq: 3, ..every(30, 2) }, fixed("a=70,b=30"));
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &later);
    finish(&mut stepper, &first);
    assert!(later.summary().is_ok(), "{}", later.summary());
    assert_eq!((later.get(Tally::Sent), later.get(Tally::Duplicates)), (2, 0));
    assert_eq!((repeats.get(Tally::Accepted), repeats.get(Tally::Rejected)), (0, 1));
    let sent: Vec<_> =
        shared.state().splits.iter().map(|(_, seq, shown)| format!("{seq} {shown}")).collect();
    assert_eq!(sent, ["1 a=40,b=60", "3 a=70,b=30", "2 a=40,b=60", "4 a=70,b=30"]);
}

#[test]
fn a_split_never_comes_into_force_after_a_newer_one() {
    for seed in 0..20 {
        let faults = Faults {
            lose_request: 30,
            lose_reply: 30,
            busy: 30,
            reply_twice: 30,
            delay_max: Duration::from_secs(3),
            ..Faults::default()
        };
        let mut scenario = Scenario::new().faults(faults);
        let patience = Patience { drain: Duration::from_secs(300), ..Patience::default() };
        let encoding = if seed % 2 == 0 { Encoding::Json } else { Encoding::Binary };
        let config = AumConfig { patience, encoding, ..every(2, 20) };
        let accounts = Weights::accounts(7).unwrap();
        let splits = scenario.splits(config, Weights::drift(&accounts, "1", seed).unwrap());
        let shared = scenario.shared.clone();
        let mut stepper = scenario.begin(seed);
        finish(&mut stepper, &splits);
        let seqs: Vec<_> = shared.state().splits.iter().map(|(_, seq, _)| *seq).collect();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>(), "seed {seed}");
        assert!(splits.summary().is_ok(), "seed {seed}: {}", splits.summary());
    }
}

#[test]
fn one_split_makes_up_for_all_missed_ticks() {
    let mut scenario = Scenario::new().faults(Faults { is_silent: true, ..Faults::default() });
    let patience = Patience { silence: Duration::from_secs(1_000), ..Patience::default() };
    let config = AumConfig { patience, ..every(10, 4) };
    let splits = scenario.splits(config, Weights::fixed("a=100").unwrap());
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(Duration::from_secs(25));
    shared.state().faults.is_silent = false;
    finish(&mut stepper, &splits);
    let mut first_arrivals = Vec::new();
    for arrival in shared.arrivals() {
        if !first_arrivals.iter().any(|(seqs, _)| *seqs == arrival.seqs) {
            first_arrivals.push((arrival.seqs, seconds(arrival.time)));
        }
    }
    // The first is resent at 31 s and has its reply. The second follows at once, for the ticks at
    // 10, 20 and 30. Then the cadence continues.
    let expected = [(1, "0.000"), (2, "31.000"), (3, "40.000"), (4, "50.000")];
    assert_eq!(first_arrivals, expected.map(|(seq, time)| (vec![seq], time.to_owned())));
}

#[test]
fn a_series_in_a_file_is_sent_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.ndjson");
    fs::write(&path, "{\"a\":100}\n{\"a\":50,\"b\":50}\n{\"b\":\"100\"}\n").unwrap();
    let mut scenario = Scenario::new();
    let config = AumConfig { count: None, ..every(5, 0) };
    let splits = scenario.splits(config, Weights::file(path.to_str().unwrap()).unwrap());
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    assert_eq!(finish(&mut stepper, &splits).as_secs(), 15, "the tick that finds nothing more");
    let sent: Vec<_> = shared.state().splits.iter().map(|(_, _, shown)| shown.clone()).collect();
    assert_eq!(sent, ["a=100", "a=50,b=50", "b=100"]);
}

#[test]
fn a_file_that_turns_bad_changes_nothing_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.json");
    fs::write(&path, r#"{"a":100}"#).unwrap();
    let mut scenario = Scenario::new();
    let splits = scenario.splits(every(10, 3), Weights::file(path.to_str().unwrap()).unwrap());
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(Duration::from_secs(5));
    fs::write(&path, r#"{"a":99}"#).unwrap();
    stepper.advance(Duration::from_secs(10));
    fs::write(&path, r#"{"b":100}"#).unwrap();
    finish(&mut stepper, &splits);
    let sent: Vec<_> = shared.state().splits.iter().map(|(_, _, shown)| shown.clone()).collect();
    assert_eq!(sent, ["a=100", "b=100", "b=100"]);
    let summary = splits.summary();
    assert_eq!(summary.get(Tally::BadLines), 1, "{summary}");
    let skipped = summary.skipped()[0].to_string();
    assert!(skipped.starts_with("split 2: ") && skipped.contains("add up to 100"), "{skipped}");
}

#[test]
fn a_rejected_split_has_its_reply_and_the_next_follows() {
    // More accounts than a firm may ever have: the book rejects the split.
    let mut scenario = Scenario::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.ndjson");
    let split = |block: usize| {
        let accounts = (0..10_000).map(|number| format!("\"b{block}-{number}\":\"0.01\""));
        format!("{{{}}}\n", accounts.collect::<Vec<_>>().join(","))
    };
    fs::write(&path, (0..5).map(split).collect::<String>()).unwrap();
    let splits = scenario.splits(every(1, 5), Weights::file(path.to_str().unwrap()).unwrap());
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &splits);
    let summary = splits.summary();
    assert_eq!((summary.get(Tally::Accepted), summary.get(Tally::Rejected)), (4, 1), "{summary}");
    assert!(summary.rejections().contains_key("too_many_accounts_ever"), "{summary}");
}
