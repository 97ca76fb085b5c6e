//! Orders: from signals to positions, each counted once, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Session;
use crate::process::Place;
use crate::server::endpoint;

#[test]
fn orders_that_a_server_holds_are_named_until_it_has_a_split() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10", "--scale", "1000"]
            .map(str::to_owned)
            .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    session.named_because("orders", "missing", "the server has no split yet");
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.healed();
}

/// Shares of all accounts in a report.
fn shares(report: &str) -> Option<u64> {
    let report: Value = serde_json::from_str(report).ok()?;
    let accounts = report["accounts"].as_object()?.values();
    accounts.map(|account| account["positions"]["AAPL"]["quantity"].as_u64()).sum()
}

#[test]
fn a_median_becomes_a_fill_and_a_position_and_counts_once() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10", "--scale", "1000"]
            .map(str::to_owned)
            .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let mut expected = BTreeMap::new();
    let mut note = |median: &Value| {
        // As the rules do it: rounded to whole shares, ties to even.
        let shares = (median["value"].as_f64().unwrap() * 1_000.0).round_ties_even();
        let shares: u64 = format!("{shares:.0}").parse().unwrap();
        expected.insert(median["period"].as_u64().unwrap(), shares);
    };
    for round in 0..3 {
        session.median_of(2);
        if round == 2 {
            // Nobody decides any more; the trader that comes back sends the last order again.
            session.interrupt("X").ok();
            session.interrupt("Y").ok();
        }
        let trader = session.processes.remove("trader").unwrap();
        trader.signal("-KILL");
        let said = trader.outcome().stdout;
        let events = said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["type"] == "median").for_each(|event| note(&event));
        session.start("trader");
        // It may have been killed between the journal and standard output.
        note(&session.status()["median"]);
    }
    let reports = ["positions", "--publish", &ends.publish, "--format", "json"];
    let mut positions = session.place.start(&reports);
    let expected: u64 = expected.values().sum();
    loop {
        let line = positions.line_with("{");
        let shares = shares(&line).unwrap_or_default();
        assert!(shares <= expected, "{shares} shares; the medians were worth {expected}");
        if shares == expected {
            break;
        }
    }
    assert!(!session.status().to_string().contains("orders"));
}

/// Orders of three periods for a front door where nobody listens yet, and the shares in them.
fn orders_without_a_reply(session: &mut Session) -> u64 {
    let front = session.at("front");
    session.more = ["--orders", &front, "--ticker", "AAPL", "--price", "10", "--scale", "1000"]
        .map(str::to_owned)
        .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    for _ in 0..3 {
        session.median_of(2);
    }
    session.interrupt("X").ok();
    session.interrupt("Y").ok();
    let trader = session.processes.remove("trader").unwrap();
    trader.signal("-TERM");
    let outcome = trader.outcome();
    let events = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let medians: Vec<_> = events.filter(|event| event["type"] == "median").collect();
    let error = outcome.error();
    let count = medians.len();
    assert!(error.contains(&format!("no reply to {count} orders of periods")), "{error}");
    let shares = medians.iter().map(|median| {
        let shares = (median["value"].as_f64().unwrap() * 1_000.0).round_ties_even();
        format!("{shares:.0}").parse::<u64>().unwrap()
    });
    shares.sum()
}

#[test]
fn orders_that_were_owed_are_sent_after_a_restart_and_to_no_other_target() {
    let mut session = Session::new();
    let expected = orders_without_a_reply(&mut session);
    let (front, any) = (session.at("front"), "tcp://127.0.0.1:*");
    let serve = ["serve", "--front", &front, "--publish", any, "--report-every", "100ms"];
    let mut server = session.place.start(&serve);
    let publish = endpoint(&server.line_with("listening "), "publish=");
    let split = ["feed", "aum", "--front", &front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.start("trader");
    // It ends when each order has its reply.
    session.interrupt("trader").ok();
    for change in [["--ticker", "MSFT"], ["--scale", "7"], ["--orders-source", "other"]] {
        let at = session.more.iter().position(|word| word == change[0]);
        match at {
            Some(at) => change[1].clone_into(&mut session.more[at + 1]),
            None => session.more.extend(change.map(str::to_owned)),
        }
        session.start("trader");
        session.interrupt("trader").ok();
    }
    let reports = ["positions", "--publish", &publish, "--format", "json"];
    let line = session.place.start(&reports).line_with("AAPL");
    assert_eq!(shares(&line), Some(expected));
    assert!(!line.contains("MSFT"), "{line}");
}

#[test]
fn orders_that_are_owed_to_another_target_are_named_and_not_sent() {
    let mut session = Session::new();
    orders_without_a_reply(&mut session);
    let given = session.more.clone();
    session.more[3] = "MSFT".to_owned();
    session.start("trader");
    session.named_because("unsent-orders", "refused", "owed to another target");
    assert!(session.status().to_string().contains("unsent-orders"));
    let front = session.at("front");
    let serve = ["serve", "--front", &front, "--publish", "tcp://127.0.0.1:*"];
    let mut server = session.place.start(&serve);
    server.line_with("listening ");
    let split = ["feed", "aum", "--front", &front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    for name in ["X", "Y"] {
        session.start(name);
        session.line(name, "submitted");
    }
    // The first order that has a reply.
    session.healed();
    session.interrupt("X").ok();
    session.interrupt("Y").ok();
    session.interrupt("trader").ok();
    session.more = given;
    session.start("trader");
    // Nothing is owed any more, or it would fail.
    session.interrupt("trader").ok();
}

#[test]
fn orders_go_on_and_a_stop_ends_although_nobody_reads_standard_output() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10"].map(str::to_owned).to_vec();
    session.trader_is_unread = true;
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let reports = ["positions", "--publish", &ends.publish, "--format", "json"];
    let mut positions = session.place.start(&reports);
    let mut seen = BTreeSet::new();
    while seen.len() < 3 {
        let line = positions.line_with("{");
        seen.extend(shares(&line).filter(|shares| 0 < *shares));
    }
    let trader = session.processes.remove("trader").unwrap();
    trader.signal("-TERM");
    let error = trader.outcome_unread().error();
    assert!(error.contains("standard output is not read"), "{error}");
}

#[test]
fn orders_that_the_server_refuses_are_named() {
    let mut session = Session::new();
    let (_server, ends) = session.place.serve();
    session.more =
        ["--orders", &ends.front, "--ticker", "AAPL", "--price", "10", "--scale", "-1000"]
            .map(str::to_owned)
            .to_vec();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    session.place.run(&split).ok();
    // Nobody holds what would be sold.
    session.named("orders", "refused");
}

#[test]
fn orders_that_cannot_be_made_or_go_elsewhere_say_why() {
    let mut session = Session::new();
    for name in ["G1", "G2", "G3", "X", "Y"] {
        session.start(name);
    }
    let elsewhere = session.at("G1");
    for (scale, reason) in
        [("100000", "is that the front door of a server?"), ("1e300", "times --scale 1e300")]
    {
        let orders = ["--orders", &elsewhere, "--ticker", "AAPL", "--price", "10"];
        session.more =
            [&orders[..], &["--scale", scale]].concat().into_iter().map(str::to_owned).collect();
        session.start("trader");
        session.named_because("orders", "refused", reason);
        session.interrupt("trader").ok();
    }
}

#[test]
fn orders_reach_a_front_door_that_encrypts() {
    let mut session = Session::new();
    let any = "tcp://127.0.0.1:*";
    let serve = ["serve", "--front", any, "--publish", any, "--front-secret", "keys"];
    let mut server = session.place.start(&serve);
    let line = server.line_with("listening ");
    let (front, key) = (endpoint(&line, "front="), endpoint(&line, "front-key="));
    let publish = endpoint(&line, "publish=");
    let split = ["feed", "aum", "--front", &front, "--front-key", &key, "--weights", "a=100"];
    session.place.run(&[&split[..], &["--count", "1"]].concat()).ok();
    let orders = ["--orders", &front, "--front-key", &key, "--ticker", "AAPL", "--price", "10"];
    session.more =
        [&orders[..], &["--scale", "100000"]].concat().into_iter().map(str::to_owned).collect();
    for name in ["G1", "G2", "G3", "trader", "X", "Y"] {
        session.start(name);
    }
    let reports = ["positions", "--publish", &publish, "--format", "json"];
    let mut positions = session.place.start(&reports);
    positions.line_with("AAPL");
}

#[test]
fn the_demo_shows_the_whole_chain() {
    let place = Place::new();
    let mut demo = place.start(&["demo", "--with-signals", "--rate", "1", "--tickers", "AAPL"]);
    // A position in what the trader trades, and what it was made of.
    demo.line_with("SIGNALS");
    let line = demo.line_with("· median ");
    for name in ["G1 ", "G2 ", "G3 "] {
        assert!(line.contains(name), "{line}");
    }
    demo.signal("-INT");
    assert!(demo.outcome().ok().contains("lost 0"));
}
