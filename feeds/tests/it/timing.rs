//! When messages leave: paces, retries and silences, on virtual time and to the nanosecond.

use std::time::Duration;

use allot_allocation_service::{Reply, encode_reply_message};
use allot_domain::Seq;
use allot_feeds::{
    FillConfig, FillFeed, GaveUp, Pace, Patience, Prices, Random, RandomConfig, Tally,
};
use allot_runtime::{
    Agent, Clock, Context, Counters, Link, LinkOptions, Stepper, Waker, ring_pair,
};
use allot_wire::Encoding;

use crate::front::Faults;
use crate::scenario::{Fills, START, Scenario, finish, seconds, source};

/// Longer than any test runs.
const NEVER: Duration = Duration::from_secs(1_000_000);

const SILENT: Faults = Faults {
    lose_request: 0,
    lose_reply: 0,
    busy: 0,
    storage_full: 0,
    shard_away: 0,
    reply_twice: 0,
    delay_max: Duration::ZERO,
    is_silent: true,
    lose_late: false,
};

/// When the messages of a scenario arrived, in seconds.
fn arrival_times(scenario: Scenario, duration: Duration) -> Vec<String> {
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(duration);
    shared.arrivals().iter().map(|arrival| seconds(arrival.time)).collect()
}

#[test]
fn a_message_without_a_reply_is_resent_after_1_2_4_up_to_30_seconds() {
    let mut scenario = Scenario::new().faults(SILENT);
    let patience = Patience { silence: NEVER, drain: NEVER, ..Patience::default() };
    let config = FillConfig { patience, ..FillConfig::new(source("fills")) };
    scenario.fills(config, Fills::of(1));
    let times = arrival_times(scenario, Duration::from_secs(125));
    let expected =
        ["0.000", "1.000", "3.000", "7.000", "15.000", "31.000", "61.000", "91.000", "121.000"];
    assert_eq!(times, expected);
}

#[test]
fn a_message_without_room_is_resent_after_10_20_40_up_to_1000_milliseconds() {
    let cases = [(0, 0, Tally::Busy), (100, 0, Tally::StorageFull), (0, 100, Tally::ShardAway)];
    let encodings = [Encoding::Json, Encoding::Binary];
    let cases = cases.iter().flat_map(|case| encodings.map(|encoding| (case, encoding)));
    for ((storage_full, shard_away, tally), encoding) in cases {
        let (storage_full, shard_away) = (*storage_full, *shard_away);
        let faults = Faults { busy: 100, storage_full, shard_away, ..Faults::default() };
        let mut scenario = Scenario::new().faults(faults);
        let config = FillConfig { encoding, ..FillConfig::new(source("fills")) };
        let fills = scenario.fills(config, Fills::of(1));
        let times = arrival_times(scenario, Duration::from_secs(4));
        let expected = [
            "0.000", "0.010", "0.030", "0.070", "0.150", "0.310", "0.630", "1.270", "2.270",
            "3.270",
        ];
        assert_eq!(times, expected);
        let counted =
            [Tally::Busy, Tally::StorageFull, Tally::ShardAway].map(|tally| fills.get(tally));
        assert_eq!((fills.get(*tally), counted.iter().sum::<u64>()), (10, 10), "by its code");
        assert_eq!(fills.get(Tally::Resent), 9);
        assert_eq!((fills.get(Tally::Replied), fills.get(Tally::Rejected)), (0, 0));
        assert_eq!(fills.get(Tally::Reconnects), 0, "it is a sign of life");
    }
}

#[test]
fn after_a_long_silence_the_feed_reconnects_and_resends_everything() {
    let mut scenario = Scenario::new().faults(SILENT);
    let patience = Patience { resend: NEVER, drain: NEVER, ..Patience::default() };
    let config = FillConfig { patience, batch: 4, ..FillConfig::new(source("fills")) };
    let fills = scenario.fills(config, Fills::of(3));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(Duration::from_secs(76));
    let arrivals = shared.arrivals();
    let times: Vec<_> = arrivals.iter().map(|arrival| seconds(arrival.time)).collect();
    assert_eq!(times, ["0.000", "3.000", "9.000", "21.000", "45.000", "75.000"]);
    assert!(arrivals.iter().all(|arrival| arrival.seqs == [1, 2, 3]));
    assert_eq!((fills.get(Tally::Reconnects), fills.get(Tally::Resent)), (5, 15));

    shared.state().faults.is_silent = false;
    finish(&mut stepper, &fills);
    let summary = fills.summary();
    assert!(summary.has_all_replies() && summary.get(Tally::Replied) == 3, "{summary}");
    assert_eq!(seconds(stepper.now()), "105.000", "at the next attempt");
}

#[test]
fn a_feed_whose_server_is_not_there_yet_counts_no_reconnects() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}/nobody", folder.path().display());
    let context = Context::new().unwrap();
    let link = Link::dealer(&context, &endpoint, None, LinkOptions::default()).unwrap();
    let config = FillConfig::new(source("fills"));
    let feed = FillFeed::new(config, Fills::one_and_then_none(), link, Counters::new()).unwrap();
    let progress = feed.progress();
    let mut stepper = Stepper::new(Clock::virtual_at(START));
    stepper.add(Box::new(feed));
    stepper.advance(Duration::from_secs(1_000));
    assert_eq!((progress.get(Tally::Sent), progress.get(Tally::Reconnects)), (0, 0));
}

#[test]
fn a_silence_lasts_from_when_something_has_left() {
    let (mut link, mut far_end) = ring_pair(1, &Waker::silent(), &Waker::silent());
    // There is no room until this is taken.
    link.send(&mut b"before".to_vec()).unwrap();
    let config = FillConfig::new(source("fills"));
    let feed = FillFeed::new(config, Fills::one_and_then_none(), link, Counters::new()).unwrap();
    let progress = feed.progress();
    let mut stepper = Stepper::new(Clock::virtual_at(START));
    stepper.add(Box::new(feed));
    let mut counts_after = |seconds| {
        stepper.advance(Duration::from_secs(seconds));
        (progress.get(Tally::Sent), progress.get(Tally::Reconnects))
    };
    assert_eq!(counts_after(100), (0, 0));
    assert!(far_end.receive(&mut Vec::new()));
    assert_eq!(counts_after(0), (1, 0));
    assert_eq!(counts_after(29), (1, 0), "the longest of the silences");
    assert_eq!(counts_after(1), (1, 1));
}

#[test]
fn a_reply_is_timed_when_it_is_read_and_not_when_its_turn_began() {
    let (link, mut far_end) = ring_pair(4, &Waker::silent(), &Waker::silent());
    let config = FillConfig::new(source("fills"));
    let mut feed =
        FillFeed::new(config, Fills::one_and_then_none(), link, Counters::new()).unwrap();
    let clock = Clock::virtual_at(START);
    feed.time_replies_by(clock.clone());
    let progress = feed.progress();
    feed.do_work(START);
    assert!(far_end.receive(&mut Vec::new()), "the fill has left");
    let reply = Reply::Rejected {
        source: "fills".to_owned(),
        seq: Seq::new(1),
        id: Seq::new(1).into(),
        time_ns: 0,
        duplicate: false,
        late: false,
        code: "bad_side".to_owned(),
        reason: "any".to_owned(),
    };
    let mut message = Vec::new();
    encode_reply_message(Encoding::Json, &reply, &mut message);
    far_end.send(&mut message).unwrap();
    clock.advance(Duration::from_micros(7));
    feed.do_work(START);
    let latency = progress.summary().latency().expect("a reply came");
    assert_eq!(latency.min, Duration::from_micros(7));
}

#[test]
fn an_idle_feed_does_not_reconnect() {
    let mut scenario = Scenario::new();
    let times = [Some(0), Some(100_000_000_000)];
    let config =
        FillConfig { pace: Pace::Recorded("1".parse().unwrap()), ..FillConfig::new(source("f")) };
    let fills = scenario.fills(config, Fills::at(&times));
    let mut stepper = scenario.begin(1);
    assert_eq!(finish(&mut stepper, &fills).as_secs(), 100);
    assert_eq!((fills.get(Tally::Reconnects), fills.get(Tally::Resent)), (0, 0));
}

#[test]
fn a_message_that_never_has_a_reply_is_lost_after_the_drain_time() {
    let mut scenario = Scenario::new().faults(SILENT);
    let fills = scenario.fills(FillConfig::new(source("fills")), Fills::of(7));
    let mut stepper = scenario.begin(1);
    assert_eq!(finish(&mut stepper, &fills), Duration::from_secs(30));
    let summary = fills.summary();
    assert!(!summary.is_ok(), "{summary}");
    assert_eq!((summary.get(Tally::Lost), summary.get(Tally::Unsent)), (7, 0));
    assert!(summary.to_string().starts_with("fills: not all answered\n"), "{summary}");
}

#[test]
fn a_rate_is_kept_to_the_nanosecond() {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let config =
        FillConfig { pace: Pace::Rate("7".parse().unwrap()), ..FillConfig::new(source("f")) };
    let fills = scenario.fills(config, Fills::of(700));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    finish(&mut stepper, &fills);
    let arrivals: Vec<_> = shared.arrivals().split_off(1);
    for (count, arrival) in (0..).zip(&arrivals) {
        let offset = Duration::from_nanos(count * 1_000_000_000 / 7);
        assert_eq!(arrival.time - START, offset, "fill {count}");
        assert_eq!(arrival.seqs, [count + 1]);
    }
    assert_eq!(arrivals.len(), 700);
}

#[test]
fn a_feed_that_was_delayed_catches_up() {
    let mut scenario = Scenario::new().faults(SILENT);
    let patience = Patience { silence: NEVER, ..Patience::default() };
    let pace = Pace::Rate("10".parse().unwrap());
    let config =
        FillConfig { in_flight_max: 5, batch: 50, pace, patience, ..FillConfig::new(source("f")) };
    let fills = scenario.fills(config, Fills::of(100));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    stepper.advance(Duration::from_millis(6_950));
    assert_eq!(fills.get(Tally::Sent), 5, "no more fit in flight");
    shared.state().faults.is_silent = false;
    finish(&mut stepper, &fills);
    assert_eq!(fills.get(Tally::Replied), 100);
    let last = shared.arrivals().last().map(|arrival| seconds(arrival.time));
    assert_eq!(last.as_deref(), Some("9.900"), "the schedule has not moved");
}

#[test]
fn recorded_fills_are_as_far_apart_as_recorded() {
    let times =
        [Some(86_399_000_000_000), Some(86_399_500_000_000), None, Some(86_401_000_000_000)];
    for (speed, expected) in [
        ("1", ["0.000", "0.500", "0.500", "2.000"]),
        ("2", ["0.000", "0.250", "0.250", "1.000"]),
        ("0.5", ["0.000", "1.000", "1.000", "4.000"]),
    ] {
        let mut scenario = Scenario::new();
        let pace = Pace::Recorded(speed.parse().unwrap());
        scenario.fills(FillConfig { pace, ..FillConfig::new(source("f")) }, Fills::at(&times));
        assert_eq!(arrival_times(scenario, Duration::from_secs(10)), expected, "{speed}");
    }
}

#[test]
fn the_fill_servers_of_the_brief_pause_up_to_ten_seconds() {
    let mut scenario = Scenario::new();
    scenario.one_split();
    let random = RandomConfig { prices: Prices::Walk, ..RandomConfig::new(4) };
    let pace = Pace::Recorded("1".parse().unwrap());
    let config = FillConfig { pace, count: Some(100), ..FillConfig::new(source("fills-1")) };
    let fills = scenario.fills(config, Box::new(Random::new(random)));
    let shared = scenario.shared.clone();
    let mut stepper = scenario.begin(1);
    let took = finish(&mut stepper, &fills);
    assert!((400..=600).contains(&took.as_secs()), "{took:?}");
    let arrivals = shared.arrivals().split_off(1);
    for pair in arrivals.windows(2) {
        assert!(pair[1].time - pair[0].time <= Duration::from_secs(10));
    }
    assert!(fills.summary().is_ok());
}

#[test]
fn a_feed_that_hears_nothing_for_too_long_ends_and_says_so() {
    let patience = Patience { give_up: Duration::from_secs(7), ..Patience::default() };
    // One server is silent from the start, the other after some replies.
    for heard in [0, 2] {
        let mut scenario = Scenario::new().faults(Faults { is_silent: heard == 0, ..SILENT });
        let pace = Pace::Rate("1".parse().unwrap());
        let config = FillConfig { patience, pace, ..FillConfig::new(source("fills")) };
        let fills = scenario.fills(config, Fills::of(1_000));
        let shared = scenario.shared.clone();
        let mut stepper = scenario.begin(1);
        stepper.advance(Duration::from_secs(heard));
        shared.state().faults.is_silent = true;
        let took = finish(&mut stepper, &fills);
        assert!(took <= Duration::from_secs(9), "{took:?}");
        let summary = fills.summary();
        let gave_up = GaveUp { after: Duration::from_secs(7), refused: None };
        assert_eq!(summary.gave_up(), Some(&gave_up), "{summary}");
        assert!(!summary.is_ok() && 0 < summary.get(Tally::Lost), "{summary}");
        assert!(summary.to_string().contains("nothing came from the server for 7.0s"), "{summary}");
    }
}

#[test]
fn a_feed_that_is_told_for_too_long_that_nothing_is_taken_ends_and_says_why() {
    let patience = Patience { give_up: Duration::from_secs(7), ..Patience::default() };
    for (storage_full, shard_away, ends) in [(100, 0, true), (0, 100, true), (0, 0, false)] {
        let is_silent = false;
        let faults = Faults { busy: 100, storage_full, shard_away, is_silent, ..SILENT };
        let mut scenario = Scenario::new().faults(faults);
        let config = FillConfig { patience, ..FillConfig::new(source("fills")) };
        let fills = scenario.fills(config, Fills::of(3));
        let mut stepper = scenario.begin(1);
        stepper.advance(Duration::from_secs(60));
        let summary = fills.summary();
        let gave_up = summary.gave_up().map(|gave_up| gave_up.refused.is_some());
        assert_eq!(gave_up, ends.then_some(true), "{summary}");
        assert_eq!(summary.to_string().contains("ended: the server took nothing for 7"), ends);
    }
}

#[test]
fn a_feed_without_a_server_gives_up_too() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}/nobody", folder.path().display());
    let context = Context::new().unwrap();
    let link = Link::dealer(&context, &endpoint, None, LinkOptions::default()).unwrap();
    let patience = Patience { give_up: Duration::from_secs(7), ..Patience::default() };
    let config = FillConfig { patience, ..FillConfig::new(source("fills")) };
    let feed = FillFeed::new(config, Fills::of(3), link, Counters::new()).unwrap();
    let progress = feed.progress();
    let mut stepper = Stepper::new(Clock::virtual_at(START));
    stepper.add(Box::new(feed));
    assert_eq!(finish(&mut stepper, &progress), Duration::from_secs(7));
    assert_eq!(progress.get(Tally::Unsent), 1);
}
