//! Backups: made while a server works, restored after it was killed, and nothing acknowledged
//! before the backup is missing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use allot_allocation_service::{Reply, Request};
use allot_domain::Side;
use serde_json::Value;

use crate::client::Client;
use crate::process::Place;
use crate::server::{SPLIT, Server};
use crate::world::{batch, fill};

const TICKERS: [&str; 6] = ["AAPL", "MSFT", "IBM", "XOM", "KO", "T"];

fn message(seq: u64) -> Vec<u8> {
    let ticker = TICKERS[usize::try_from(seq % 6).unwrap()];
    batch(&[Request::Fill(fill(seq, ticker, Side::Buy, "10", 7))])
}

/// Sends fills until each has a reply, and says the numbers of those that are allocated.
fn send(client: &Client, seqs: std::ops::Range<u64>) -> Vec<u64> {
    let mut given = Vec::new();
    for seq in seqs.clone() {
        client.send(&message(seq));
    }
    while given.len() < seqs.clone().count() {
        for reply in client.receive() {
            match reply {
                Reply::Allocated { seq, duplicate: false, .. } => given.push(seq.get()),
                Reply::Rejected { code, seq, .. } if code == "busy" => {
                    client.send(&message(seq.get()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    given
}

fn verify(place: &Place, data: &str) -> Value {
    serde_json::from_str(&place.run(&["verify", data, "--json"]).ok()).unwrap()
}

/// How many bytes the files of a folder take on disk, and how long they are.
fn room(folder: &Path) -> (u64, u64) {
    let (mut taken, mut long) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let found = entry.unwrap().metadata().unwrap();
        taken += found.blocks() * 512;
        long += found.len();
    }
    (taken, long)
}

#[test]
fn a_backup_under_load_has_every_reply_before_it_and_is_restored() {
    let mut server = Server::kept_over_ipc(2);
    let client = server.split();
    send(&client, 1..301);
    // More comes while the backup is made, splits among it.
    for seq in 301..600 {
        client.send(&message(seq));
    }
    let backup = server.place.start(&["backup", "data", "copy"]);
    let other = Client::connect(&server.front);
    for seq in 2..6 {
        let split = SPLIT.replace(r#""seq":1"#, &format!(r#""seq":{seq}"#));
        other.ask(split.as_bytes());
    }
    let said = backup.outcome().ok();
    assert!(said.contains("2 journals"), "{said}");
    for name in ["shard-0", "shard-1", "router", "publisher"] {
        server.kill(name);
    }
    let place = server.stop();

    let copied = verify(&place, "copy");
    let fills = |verified: &Value| -> u64 {
        (0..2).map(|shard| verified["shards"][shard]["fills"].as_u64().unwrap()).sum()
    };
    let splits = |shard: usize| copied["shards"][shard]["splits"].as_u64().unwrap();
    assert!(300 <= fills(&copied), "{copied}");
    assert_eq!(splits(0), splits(1), "a split is in all shards or in none");
    let (taken, long) = room(&place.path().join("copy/shard-0"));
    assert!(taken < long / 2, "{taken} of {long} bytes");

    // A backup is no data directory, and nothing is overwritten.
    let error = place.run(&["serve", "--data", "copy"]).error();
    assert!(error.contains("copy is a backup") && error.contains("allot restore"), "{error}");
    let error = place.run(&["restore", "copy", "data"]).error();
    assert!(error.contains("data holds something already"), "{error}");

    fs::rename(place.path().join("data"), place.path().join("lost")).unwrap();
    let said = place.run(&["restore", "copy", "data"]).ok();
    assert!(said.contains("restored ledger"), "{said}");
    let restored = verify(&place, "data");
    assert_eq!(restored["shards"][0]["state_hash"], copied["shards"][0]["state_hash"]);
    assert_eq!(restored["ledger"], verify(&place, "lost")["ledger"]);
    let page = place.run(&["verify", "data"]).ok();
    assert!(page.contains(", restored from a backup of 2"), "{page}");
    goes_on(&place);
}

/// The restored ledger goes on: names of before the backup are known, those of after it are new.
fn goes_on(place: &Place) {
    let front = format!("ipc://{}", place.path().join("again").display());
    let arguments = ["serve", "--data", "data", "--front", &front, "--shards", "2"];
    let publish = format!("ipc://{}", place.path().join("again-publish").display());
    let mut server = place.start(&[&arguments[..], &["--publish", &publish]].concat());
    server.line_with("listening");
    assert!(server.errors().contains("restored from a backup of"), "{}", server.errors());
    let client = Client::connect(&front);
    for seq in 1..301 {
        client.send(&message(seq));
        let replies = client.receive();
        assert!(
            matches!(replies[..], [Reply::Allocated { duplicate: true, .. }]),
            "{seq}: {replies:?}"
        );
    }
    client.send(&message(1_000));
    let replies = client.receive();
    assert!(matches!(replies[..], [Reply::Allocated { duplicate: false, .. }]), "{replies:?}");
    server.signal("-INT");
    server.outcome().ok();
}

#[test]
fn a_backup_that_lacks_something_is_not_restored() {
    let server = Server::kept_over_ipc(1);
    let client = server.split();
    send(&client, 1..10);
    let place = server.stop();
    place.run(&["backup", "data", "copy"]).ok();
    let error = place.run(&["backup", "data", "copy"]).error();
    assert!(error.contains("copy holds something already"), "{error}");
    let error = place.run(&["backup", "copy", "second"]).error();
    assert!(error.contains("is a backup already"), "{error}");
    let error = place.run(&["restore", "data", "other"]).error();
    assert!(error.contains("data is no backup"), "{error}");

    // A journal that ends too early is whole by itself: the file of the backup tells.
    let about = place.path().join("copy/backup.json");
    let text = fs::read_to_string(&about).unwrap();
    let mut found: Value = serde_json::from_str(&text).unwrap();
    let last = found["last_records"]["shard-0"].as_u64().unwrap();
    found["last_records"]["shard-0"] = (last + 1).into();
    fs::write(&about, found.to_string()).unwrap();
    let error = place.run(&["restore", "copy", "other"]).error();
    assert!(error.contains(&format!("should end with record {}", last + 1)), "{error}");
    fs::write(&about, text).unwrap();

    let segment = place.path().join("copy/shard-0/segment-0000000001");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[700] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let error = place.run(&["restore", "copy", "other"]).error();
    assert!(error.contains("is damaged at byte 512"), "{error}");
    let error = place.run(&["backup", "data/shard-0", "second"]).error();
    assert!(error.contains("is the folder of one shard"), "{error}");
    assert!(!place.path().join("other").exists() && !place.path().join("second").exists());
    assert!(!place.path().join("other.unfinished").exists());
}
