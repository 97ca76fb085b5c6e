//! The kill loop: boxes are killed under load and started again, and no reply may be lost.
//!
//! Ten cycles by default. `ALLOT_KILL_CYCLES` and `ALLOT_KILL_SEED` choose others:
//!
//! ```text
//! ALLOT_KILL_CYCLES=200 cargo test --release -p allot --test it kill_loop -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs, time::Duration};

use allot_allocation_service::Report;
use allot_runtime::PollSet;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::process::Process;
use crate::server::Server;

/// The files to which clients append their replies.
const REPLIES: [&str; 3] = ["one.ndjson", "two.ndjson", "aum.ndjson"];

#[test]
fn what_was_acknowledged_survives_any_kill() {
    let number = |name: &str, default: u64| {
        env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let cycles = number("ALLOT_KILL_CYCLES", 10);
    let seed = number("ALLOT_KILL_SEED", 1);
    println!("ALLOT_KILL_CYCLES={cycles} ALLOT_KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut server = Server::kept_over_ipc(2);
    let feeds = start_feeds(&server);
    let mut kills = BTreeMap::new();
    for cycle in 0..cycles {
        wait_for_replies(&server, random.random_range(1..400));
        for victim in victims(&mut random) {
            server.kill(victim);
            server.start_again(victim);
            *kills.entry(victim).or_insert(0) += 1;
        }
        if cycle % 50 == 49 {
            println!("{} cycles, {} replies", cycle + 1, replies(&server));
        }
    }
    // What a shard that was away refused is sent again in the meantime: after seconds, where it was
    // refused more than once, and a feed that is stopped does not wait for that.
    wait_for_replies(&server, 5_000);
    for feed in feeds {
        feed.signal("-INT");
        feed.outcome().ok();
    }
    let count = replies(&server);
    let report = last_report(&server);
    let place = server.stop();
    let mut verify = vec!["verify", "data", "--json"];
    verify.extend(REPLIES.iter().flat_map(|file| ["--answers", *file]));
    let verified = place.run(&verify);
    let verified: Value = serde_json::from_str(&verified.ok()).unwrap();
    println!("killed {kills:?}; {count} replies, {}", verified["answers"]);
    assert_eq!(verified["answers"]["lost"], Value::Array(Vec::new()));
    assert!(0 < verified["answers"]["checked"].as_u64().unwrap());
    compare(&report, &verified);
}

/// One box, or sometimes two at once.
fn victims(random: &mut StdRng) -> Vec<&'static str> {
    let mut boxes = vec!["router", "shard-0", "shard-1", "publisher"];
    let count = if random.random_range(0..4) == 0 { 2 } else { 1 };
    (0..count).map(|_| boxes.swap_remove(random.random_range(0..boxes.len()))).collect()
}

fn start_feeds(server: &Server) -> Vec<Process> {
    let front = server.front.as_str();
    let fills = |source: &str, seed: &str, file: &str| {
        let settings = ["feed", "fills", "--random", "--front", front, "--rate", "700"];
        let own = ["--source", source, "--seed", seed, "--answers", file];
        server.place.start(&[&settings[..], &own].concat())
    };
    let weights = ["--weights", "a=40,b=35,c=25", "--drift", "10", "--every", "200ms"];
    let aum = ["feed", "aum", "--source", "aum", "--front", front, "--answers", REPLIES[2]];
    let aum = server.place.start(&[&aum[..], &weights].concat());
    vec![aum, fills("one", "1", REPLIES[0]), fills("two", "2", REPLIES[1])]
}

/// The number of replies in the files of the clients.
fn replies(server: &Server) -> usize {
    REPLIES.iter().map(|file| lines(&server.place.path().join(file))).sum()
}

fn lines(file: &Path) -> usize {
    fs::read(file).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// Waits until clients have received this many more replies.
fn wait_for_replies(server: &Server, more: usize) {
    let wanted = replies(server) + more;
    while replies(server) < wanted {
        // The period of the check; the event is a longer file.
        PollSet::without_waker().sleep(Some(Duration::from_millis(2)));
    }
}

/// A report of everything, after the feeds have stopped.
fn last_report(server: &Server) -> Report {
    crate::client::Client::connect(&server.front).report(&server.publish)
}

/// Checks that published and journaled quantities of each ticker are equal.
fn compare(report: &Report, verified: &Value) {
    assert!(report.degraded.is_empty(), "{:?}", report.degraded);
    let mut published = BTreeMap::new();
    for position in report.accounts.iter().flat_map(|account| &account.positions) {
        *published.entry(position.ticker.to_string()).or_insert(0_i128) +=
            i128::from(position.quantity);
    }
    let mut journaled = BTreeMap::new();
    for shard in verified["shards"].as_array().unwrap() {
        for (ticker, total) in shard["tickers"].as_object().unwrap() {
            let quantity: i128 = total["quantity"].as_str().unwrap().parse().unwrap();
            journaled.insert(ticker.clone(), quantity);
        }
    }
    published.retain(|_, quantity| *quantity != 0);
    journaled.retain(|_, quantity| *quantity != 0);
    assert_eq!(published, journaled);
}
