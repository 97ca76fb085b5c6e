//! Every fill is applied once and has one reply, whatever fails on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_domain::{SourceId, Ticker};
use allot_feeds::{
    FillConfig, Pace, Patience, Pull, Random, RandomConfig, Rejections, Source, Tally,
};
use allot_wire::Encoding;

use crate::front::Faults;
use crate::scenario::{Fills, Scenario, finish, seconds, source};

/// What the accounts must hold in the end: the sum of the same source, drawn again.
fn expected(config: &RandomConfig, count: u64) -> BTreeMap<Ticker, u64> {
    let mut random = Random::new(config.clone());
    let mut holdings = BTreeMap::new();
    for _ in 0..count {
        let Pull::Fill(fill) = random.next() else { panic!("random fills do not end") };
        *holdings.entry(fill.ticker).or_default() += fill.quantity.get();
    }
    holdings
}

fn all_faults() -> Faults {
    Faults {
        lose_request: 20,
        lose_reply: 20,
        busy: 20,
        storage_full: 30,
        reply_twice: 20,
        delay_max: Duration::from_millis(1_500),
        ..Faults::default()
    }
}

#[test]
fn every_fill_is_applied_once_and_has_one_reply_whatever_is_lost() {
    for seed in 0..24 {
        let random = RandomConfig::new(seed);
        let batch = [1, 3, 40][usize::try_from(seed % 3).unwrap()];
        let encoding = if seed % 2 == 0 { Encoding::Json } else { Encoding::Binary };
        let count = 400;
        let patience = Patience { drain: Duration::from_secs(300), ..Patience::default() };
        let config = FillConfig {
            batch,
            encoding,
            patience,
            count: Some(count),
            in_flight_max: 64,
            ..FillConfig::new(source("fills"))
        };
        let mut scenario = Scenario::new().faults(all_faults());
        let splits = scenario.one_split();
        let fills = scenario.fills(config, Box::new(Random::new(random.clone())));
        let shared = scenario.shared.clone();
        let mut stepper = scenario.begin(seed);
        finish(&mut stepper, &fills);
        finish(&mut stepper, &splits);
        // Messages still in transit change nothing.
        shared.state().faults.lose_late = true;
        stepper.advance(Duration::from_secs(60));

        let summary = fills.summary();
        assert!(
            summary.has_all_replies() && splits.summary().has_all_replies(),
            "seed {seed}: {summary}"
        );
        assert_eq!(summary.get(Tally::Sent), count, "seed {seed}: {summary}");
        assert_eq!(summary.get(Tally::Replied), count, "seed {seed}: {summary}");
        assert_eq!(summary.get(Tally::Strange), 0, "seed {seed}: {summary}");
        let done = summary.get(Tally::Allocated) + summary.still_held();
        assert_eq!(done, count, "seed {seed}: {summary}");
        for faults in [Tally::Resent, Tally::Busy, Tally::Again, Tally::Duplicates] {
            assert!(0 < summary.get(faults), "seed {seed}: no {faults:?}");
        }
        let state = shared.state();
        let applied = state.applied.len();
        assert_eq!(u64::try_from(applied).unwrap(), count, "seed {seed}");
        assert_eq!(state.holdings, expected(&random, count), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let config = FillConfig { count: Some(100), ..FillConfig::new(source("fills")) };
        let mut scenario = Scenario::new().faults(all_faults());
        scenario.one_split();
        let fills = scenario.fills(config, Box::new(Random::new(RandomConfig::new(seed))));
        let shared = scenario.shared.clone();
        let mut stepper = scenario.begin(seed);
        finish(&mut stepper, &fills);
        (shared.arrivals(), fills.summary().to_string())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn a_second_run_under_the_same_name_changes_nothing() {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let config = FillConfig::new(source("fills"));
    let first = scenario.fills(config, Fills::of(50));
    let second = scenario.fills(config, Fills::of(50));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &first);
    finish(&mut stepper, &second);
    assert!(first.summary().is_ok() && second.summary().is_ok());
    assert_eq!(first.get(Tally::Duplicates) + second.get(Tally::Duplicates), 50);
    assert_eq!(shared.state().applied.len(), 50);
    assert_eq!(shared.state().holdings.values().sum::<u64>(), 50);
}

#[test]
fn held_fills_have_a_reply_and_count_as_held_until_the_end() {
    let mut scenario = Scenario::new();
    let fills = scenario.fills(FillConfig::new(source("fills")), Fills::of(600));
    let mut stepper = scenario.begin(1);
    assert_eq!(finish(&mut stepper, &fills), Duration::ZERO);
    let summary = fills.summary();
    assert!(summary.has_all_replies(), "{summary}");
    assert_eq!((summary.get(Tally::Replied), summary.still_held()), (600, 600));
}

#[test]
fn a_feed_waits_for_the_shares_of_held_fills_if_configured() {
    for lose_late in [false, true] {
        let faults = Faults { lose_late, ..Faults::default() };
        let mut scenario = Scenario::new().faults(faults);
        let patience = Patience { drain: Duration::from_secs(120), ..Patience::default() };
        let config =
            FillConfig { waits_for_held: true, patience, ..FillConfig::new(source("fills")) };
        let fills = scenario.fills(config, Fills::of(600));
        scenario.one_split();
        let mut stepper = scenario.begin(1);
        let took = finish(&mut stepper, &fills);
        let summary = fills.summary();
        assert_eq!(summary.get(Tally::Held), 256, "all that fits in flight: {summary}");
        assert_eq!(summary.get(Tally::Followed), 256, "{summary}");
        assert_eq!((summary.get(Tally::Allocated), summary.still_held()), (600, 0), "{summary}");
        let asked = if lose_late { 10 } else { 0 };
        assert_eq!(took.as_secs(), asked, "the feed asks for what was lost: {summary}");
    }
}

#[test]
fn shares_that_were_lost_with_a_connection_are_asked_for_over_the_next() {
    let mut scenario = Scenario::new().faults(Faults { lose_late: true, ..Faults::default() });
    let never = Duration::from_secs(1_000_000);
    let patience = Patience { ask_every: never, resend: never, ..Patience::default() };
    let pace = Pace::Recorded("1".parse().unwrap());
    let name = source("fills");
    let config = FillConfig { waits_for_held: true, patience, pace, ..FillConfig::new(name) };
    // The first is held, and its shares are lost; the second reaches a silent server.
    let fills = scenario.fills(config, Fills::at(&[Some(0), Some(5_000_000_000)]));
    scenario.one_split();
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(Duration::from_secs(4));
    assert_eq!((fills.get(Tally::Held), fills.get(Tally::Followed)), (1, 0));
    shared.state().faults.is_silent = true;
    stepper.advance(Duration::from_secs(2));
    shared.state().faults.is_silent = false;
    finish(&mut stepper, &fills);
    let summary = fills.summary();
    assert_eq!(seconds(stepper.now()), "8.000", "after a silence of three seconds: {summary}");
    assert_eq!((summary.get(Tally::Followed), summary.get(Tally::Replied)), (1, 2), "{summary}");
    assert_eq!((summary.get(Tally::Allocated), summary.get(Tally::Reconnects)), (2, 1));
    assert_eq!(shared.state().applied.len(), 2);
}

#[test]
fn a_server_without_room_for_long_loses_nothing() {
    for storage_full in [0, 100] {
        let faults = Faults { busy: 100, storage_full, ..Faults::default() };
        let mut scenario = Scenario::new().faults(faults);
        let config = FillConfig { batch: 7, ..FillConfig::new(source("fills")) };
        let fills = scenario.fills(config, Fills::of(1_000));
        let shared = scenario.shared.clone();
        let mut stepper = scenario.begin(1);
        stepper.advance(Duration::from_secs(60));
        assert_eq!(
            (fills.get(Tally::Sent), fills.get(Tally::Replied)),
            (256, 0),
            "all that fits in flight"
        );
        shared.state().faults.busy = 0;
        let took = finish(&mut stepper, &fills);
        assert!(took <= Duration::from_secs(2), "{took:?}");
        let summary = fills.summary();
        assert!(summary.has_all_replies(), "{summary}");
        assert_eq!(summary.get(Tally::Replied), 1_000, "{summary}");
        assert_eq!((summary.get(Tally::Rejected), summary.get(Tally::Duplicates)), (0, 0));
        assert_eq!(shared.state().applied.len(), 1_000);
    }
}

#[test]
fn lost_replies_come_again_as_duplicates_and_count_once() {
    let mut scenario = Scenario::new().faults(Faults { lose_reply: 100, ..Faults::default() });
    let fills = scenario.fills(FillConfig::new(source("fills")), Fills::of(50));
    let splits = scenario.one_split();
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(Duration::from_millis(500));
    assert_eq!(shared.state().applied.len(), 50, "all arrived, and every reply is lost");
    shared.state().faults.lose_reply = 0;
    finish(&mut stepper, &fills);
    assert_eq!(seconds(stepper.now()), "1.000", "when they are sent again");
    let summary = fills.summary();
    assert!(summary.is_ok() && splits.summary().is_ok(), "{summary}");
    assert_eq!((summary.get(Tally::Replied), summary.get(Tally::Duplicates)), (50, 50));
    assert_eq!((summary.get(Tally::Again), summary.get(Tally::Strange)), (0, 0), "{summary}");
    assert_eq!(shared.state().applied.len(), 50);
}

#[test]
fn unexpected_replies_are_counted_and_change_nothing() {
    let mut scenario = Scenario::new();
    let splits = scenario.one_split();
    let fills = scenario.fills(FillConfig::new(source("fills")), Fills::of(10));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &fills);
    let reply = |kind: &str, source: &str, seq: u64, rest: &str| {
        format!(r#"{{"type":"{kind}","source":"{source}","seq":{seq}{rest}}}"#)
    };
    let shares = r#","ticker":"A","price":"1","quantity":1,"split":1,"shares":{"a":1}"#;
    let rejected = r#","code":"malformed_message","reason":"it is not JSON""#;
    let unsolicited = [
        // Replied to before; never sent; another source; another type; no source; damaged.
        reply("allocated", "fills", 3, shares),
        reply("allocated", "fills", 11, shares),
        reply("allocated", "others", 3, shares),
        reply("accepted", "fills", 3, r#","split":1"#),
        reply("rejected", "", 0, rejected),
        "ALOTxyz".to_owned(),
    ];
    shared.state().unsolicited = unsolicited.map(String::into_bytes).into();
    stepper.run_until_idle();
    assert_eq!((fills.get(Tally::Again), fills.get(Tally::Strange)), (1, 5));
    assert_eq!((fills.get(Tally::Replied), fills.get(Tally::Allocated)), (10, 10));
    assert_eq!(splits.get(Tally::Accepted), 1);
}

#[test]
fn a_front_door_that_takes_one_message_at_a_time_loses_none() {
    let mut scenario = Scenario::with_rings_of(1);
    scenario.one_split();
    let config = FillConfig { batch: 3, ..FillConfig::new(source("fills")) };
    let fills = scenario.fills(config, Fills::of(1_000));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    let took = finish(&mut stepper, &fills);
    assert!(fills.summary().is_ok());
    assert_eq!((took, fills.get(Tally::Resent)), (Duration::ZERO, 0));
    assert_eq!(shared.state().applied.len(), 1_000);
}

#[test]
fn rejections_are_replies_and_the_first_of_each_code_are_kept() {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let mut sales = Fills::of(8);
    for pull in &mut sales.0 {
        if let Pull::Fill(fill) = pull {
            fill.side = allot_domain::Side::Sell;
        }
    }
    let fills = scenario.fills(FillConfig::new(source("fills")), sales);
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &fills);
    let summary = fills.summary();
    assert!(summary.has_all_replies() && !summary.is_ok(), "{summary}");
    assert_eq!(summary.rejections().len(), 1);
    let Rejections { count, first } = &summary.rejections()["exceeds_holdings"];
    assert_eq!((*count, first.len()), (8, 5));
    assert_eq!(first[0], "seq 1: the accounts of the split hold only 0 shares");
}

#[test]
fn a_feed_that_is_asked_to_end_ends_when_every_message_has_its_reply() {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let name: SourceId = source("fills");
    let fills = scenario.fills(FillConfig::new(name), Box::new(Random::new(RandomConfig::new(1))));
    let mut stepper = scenario.begin(1);
    let turns = (0..50).map(|_| stepper.step());
    assert!(0 < turns.sum::<usize>());
    assert!(!fills.is_finished());
    fills.end_early();
    assert_eq!(finish(&mut stepper, &fills), Duration::ZERO);
    let summary = fills.summary();
    assert!(summary.is_ok() && 1_000 < summary.get(Tally::Sent), "{summary}");
}
