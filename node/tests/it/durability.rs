//! What is acknowledged is on disk: servers with journals, killed, damaged and verified.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use allot_allocation_service::{Reply, Request};
use allot_domain::Side;
use serde_json::Value;

use crate::client::Client;
use crate::process::Place;
use crate::server::{SPLIT, Server};
use crate::world::{batch, fill};

const FILL: &str = r#"{"type":"fill","source":"f","seq":1,"ticker":"T","price":"10","quantity":7}"#;

/// A server in one process with a journal, at endpoints that stay the same over a restart.
fn serve(place: &Place) -> (crate::process::Process, String, String) {
    let at = |name: &str| format!("ipc://{}", place.path().join(name).display());
    let front = at("front");
    let publish = at("publish");
    place.init();
    let arguments =
        ["serve", "--data", "data", "--front", &front, "--publish", &publish, "--segment-mib", "8"];
    let mut server = place.start(&arguments);
    server.line_with("listening");
    (server, front, publish)
}

fn verify(place: &Place) -> Value {
    let verified = place.run(&["verify", "data", "--json"]).ok();
    serde_json::from_str(&verified).unwrap()
}

#[test]
fn a_killed_server_recovers_what_it_acknowledged() {
    let place = Place::new();
    let (server, front, _) = serve(&place);
    let client = Client::connect(&front);
    assert!(matches!(client.ask(SPLIT.as_bytes()), Reply::Accepted { .. }));
    let first = client.ask(FILL.as_bytes());
    drop(server);

    let (server, front, publish) = serve(&place);
    let client = Client::connect(&front);
    let Reply::Allocated { duplicate: true, shares, .. } = client.ask(FILL.as_bytes()) else {
        panic!("the fill was applied");
    };
    assert!(
        matches!(first, Reply::Allocated { duplicate: false, shares: given, .. } if given == shares)
    );
    let report = client.report(&publish);
    assert_eq!((report.fills, report.split.get(), report.degraded.len()), (1, 1, 0));
    server.signal("-INT");
    server.outcome().ok();
    let verified = verify(&place);
    assert_eq!(verified["shards"][0]["fills"], 1);
    assert_eq!(verified["shards"][0]["repeats"], 1);
    assert_eq!(verified["shards"][0]["tickers"]["T"]["quantity"], "7");
}

/// A client without a reply sends again, because the reply may have been lost with the shard.
#[test]
fn a_shard_that_is_killed_loses_nothing_and_counts_nothing_twice() {
    let mut server = Server::kept_over_ipc(2);
    let client = server.split();
    let tickers = ["AAPL", "MSFT", "IBM", "XOM", "KO", "T"];
    let message = |seq: u64| {
        let ticker = tickers[usize::try_from(seq % 6).unwrap()];
        batch(&[Request::Fill(fill(seq, ticker, Side::Buy, "10", 7))])
    };
    for seq in 1..=600 {
        client.send(&message(seq));
        if seq % 200 == 0 {
            server.kill("shard-0");
            server.kill("shard-1");
            server.start_again("shard-1");
            server.start_again("shard-0");
        }
    }
    let mut given = BTreeMap::new();
    for seq in 1..=600 {
        client.send(&message(seq));
        while !given.contains_key(&seq) {
            for reply in client.receive() {
                match reply {
                    Reply::Rejected { code, seq, .. } if code == "busy" || code == "shard_away" => {
                        client.send(&message(seq.get()));
                    }
                    Reply::Allocated { seq, shares, .. } => {
                        let first = given.entry(seq.get()).or_insert(shares.clone());
                        assert_eq!(*first, shares, "{seq} was allocated in two ways");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    let other = Client::connect(&server.front);
    assert_eq!(other.report(&server.publish).fills, 600);
    let verified = verify(&server.stop());
    let fills = |shard: usize| verified["shards"][shard]["fills"].as_u64().unwrap();
    assert_eq!(fills(0) + fills(1), 600);
}

#[test]
fn the_time_of_a_reply_is_the_time_of_its_input_in_the_journal() {
    let place = Place::new();
    let (server, front, _) = serve(&place);
    let client = Client::connect(&front);
    client.ask(SPLIT.as_bytes());
    client.send(FILL.replace(r#""seq":1"#, r#""seq":1,"id":"e-7""#).as_bytes());
    let reply: Value = serde_json::from_str(&client.receive_text()).unwrap();
    server.signal("-INT");
    server.outcome().ok();
    let time = reply["time"].as_str().unwrap();
    let page = place.run(&["inspect", "data"]).ok();
    assert!(page.contains(&format!("{time} fill f 1 (e-7): buy 7 T at 10")), "{page}");
    let found: Value =
        serde_json::from_str(&place.run(&["inspect", "data", "--json"]).ok()).unwrap();
    let records = found["shards"][0]["last"].as_array().unwrap();
    assert!(records.iter().any(|record| record["time"] == time), "{found}");
}

#[test]
fn a_damaged_journal_stops_the_shard_and_names_the_place() {
    let place = Place::new();
    let (server, front, _) = serve(&place);
    let client = Client::connect(&front);
    client.ask(SPLIT.as_bytes());
    client.ask(FILL.as_bytes());
    drop(server);
    flip(&place.path().join("data/shard-0/segment-0000000001"), 700);

    let named = "segment-0000000001 is damaged at byte 512, from record 1 on";
    let error = place.run(&["serve", "--data", "data", "--front", "tcp://127.0.0.1:*"]).error();
    assert!(error.contains("shard 0 cannot start from data/shard-0"), "{error}");
    assert!(error.contains(named), "{error}");
    let verified = place.run(&["verify", "data"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(verified.stdout.contains(named), "{}", verified.stdout);
    let found = place.run(&["inspect", "data"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(found.stdout.contains(named), "{}", found.stdout);
}

fn flip(file: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn a_directory_belongs_to_one_server_at_a_time_and_to_one_configuration() {
    let place = Place::new();
    let (server, front, _) = serve(&place);
    Client::connect(&front).ask(SPLIT.as_bytes());
    let any = "tcp://127.0.0.1:*";
    let again = ["serve", "--data", "data", "--front", any, "--publish", any];
    let error = place.run(&again).error();
    assert!(error.contains("another process"), "{error}");
    drop(server);
    let other = [&again[..], &["--history", "7"]].concat();
    let error = place.run(&other).error();
    assert!(error.contains("history 7") && error.contains("history 65536"), "{error}");
    let error = place.run(&["serve", "--ack", "journal"]).error();
    assert!(error.contains("--data DIR"), "{error}");
    let error = place.run(&["verify", "."]).error();
    assert!(error.contains("there is no journal in ."), "{error}");
}

/// Where the data directory is not mounted, its name is wrong, or it is the folder of a shard.
#[test]
fn a_directory_without_a_ledger_is_refused_and_left_as_it_is() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("data")).unwrap();
    let ends = ["--front", "tcp://127.0.0.1:*", "--publish", "tcp://127.0.0.1:*"];
    for command in [&["serve"][..], &["shard", "--shard", "0"], &["demo"]] {
        let ends = if command[0] == "shard" { &[][..] } else { &ends };
        let error = place.run(&[command, &["--data", "data"], ends].concat()).error();
        assert!(error.contains("data holds no ledger"), "{error}");
        assert!(error.contains("`allot init data`") && error.contains("--new"), "{error}");
    }
    assert_eq!(std::fs::read_dir(place.path().join("data")).unwrap().count(), 0);
    let error = place.run(&["serve", "--new"]).error();
    assert!(error.contains("add --data DIR"), "{error}");

    let (server, ..) = serve(&place);
    drop(server);
    let error = place.run(&["serve", "--data", "data/shard-0"]).error();
    assert!(error.contains("data/shard-0 is the folder of one shard"), "{error}");
}

#[test]
fn a_new_ledger_is_made_once_and_named_in_the_start_line() {
    let place = Place::new();
    let any = "tcp://127.0.0.1:*";
    let serve = ["serve", "--data", "data", "--front", any, "--publish", any];
    let mut server = place.start(&[&serve[..], &["--new"]].concat());
    let line = server.line_with("listening ");
    let (_, ledger) = line.split_once(" ledger=").expect("the line names the ledger");
    drop(server);
    let error = place.run(&[&serve[..], &["--new"]].concat()).error();
    assert!(error.contains(&format!("data holds ledger {ledger} already")), "{error}");
    let error = place.run(&["init", "data"]).error();
    assert!(error.contains(ledger), "{error}");
    let mut server = place.start(&serve);
    assert!(server.line_with("listening ").ends_with(&format!(" ledger={ledger}")));
    server.signal("-INT");
    server.outcome().ok();

    let made = place.run(&["init", "other"]).ok();
    assert!(made.starts_with("ledger ") && made.ends_with(" in other\n"), "{made}");
    std::fs::rename(place.path().join("data/shard-0"), place.path().join("other/shard-0")).unwrap();
    let other = ["serve", "--data", "other", "--front", any, "--publish", any];
    let error = place.run(&other).error();
    assert!(error.contains(&format!("ledger {ledger}")), "{error}");
}

#[test]
fn journals_of_an_earlier_version_are_adopted() {
    let place = Place::new();
    let (server, front, _) = serve(&place);
    Client::connect(&front).ask(SPLIT.as_bytes());
    drop(server);
    std::fs::remove_file(place.path().join("data/ledger")).unwrap();
    let error = place.run(&["serve", "--data", "data"]).error();
    assert!(error.contains("`allot init --adopt data`"), "{error}");
    assert!(place.run(&["init", "data"]).error().contains("holds journals and no ledger"));
    place.run(&["init", "--adopt", "data"]).ok();
    // These journals name a ledger, and the adopted one is another.
    let error = place.run(&["serve", "--data", "data"]).error();
    assert!(error.contains("was written with the settings"), "{error}");
}

#[test]
fn a_data_directory_that_is_deleted_stops_the_server() {
    let place = Place::new();
    let (server, front, _) = serve(&place);
    Client::connect(&front).ask(SPLIT.as_bytes());
    std::fs::remove_dir_all(place.path().join("data")).unwrap();
    let error = server.outcome().error();
    assert!(error.contains("was removed, moved or replaced while it was written"), "{error}");
}
