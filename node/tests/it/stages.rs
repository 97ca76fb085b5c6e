//! The stages of a fill, timed in real processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use allot_allocation_service::Reply;

use crate::client::Client;
use crate::process::Place;
use crate::server::{FREE, SPLIT, Server};

const FILL: &str = concat!(
    r#"{"type":"fill","source":"test","seq":1,"#,
    r#""ticker":"A","side":"buy","price":"10","quantity":100}"#
);

/// The number of samples in each stage.
fn counts(file: &Path) -> BTreeMap<String, u64> {
    let page: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((page["schema"].as_u64(), page["every"].as_u64()), (Some(1), Some(1)));
    let stages = page["stages"].as_array().unwrap().iter();
    let count = |stage: &serde_json::Value| {
        let times = stage["times"].as_array().unwrap().iter();
        times.map(|bucket| bucket[1].as_u64().unwrap()).sum()
    };
    stages.map(|stage| (stage["stage"].as_str().unwrap().to_owned(), count(stage))).collect()
}

fn of(counts: &BTreeMap<String, u64>, stages: &[&str]) -> Vec<u64> {
    stages.iter().map(|stage| counts[*stage]).collect()
}

/// Sends a split and a fill, and waits for their replies.
fn allocate(front: &str) {
    let client = Client::connect(front);
    let accepted = client.ask(SPLIT.as_bytes());
    assert!(matches!(accepted, Reply::Accepted { .. }), "{accepted:?}");
    let allocated = client.ask(FILL.as_bytes());
    assert!(matches!(allocated, Reply::Allocated { .. }), "{allocated:?}");
}

/// Two messages and one fill; frames at least for the two, and perhaps for a marker.
fn check_counts(router: &BTreeMap<String, u64>, shard: &BTreeMap<String, u64>) {
    assert_eq!(of(router, &["receive", "route", "send"]), [2, 2, 2]);
    assert_eq!(of(shard, &["allocate", "encode"]), [1, 1]);
    let frames = [of(shard, &["queue", "journal"]), of(router, &["return"])].concat();
    assert!(frames.iter().all(|count| *count == frames[0] && 2 <= *count), "{frames:?}");
}

#[test]
fn a_fill_leaves_a_time_in_every_stage_it_passes() {
    let place = Place::new();
    place.init();
    let stages = ["--stages", "stages.json", "--stages-every", "1"];
    let kept = ["--data", "data", "--segment-mib", "8"];
    for more in [&[][..], &kept] {
        let serve = ["serve", "--front", FREE, "--publish", FREE];
        let mut server = place.start(&[&serve[..], &stages, more].concat());
        let line = server.line_with("listening ");
        let front = line.split_whitespace().find_map(|word| word.strip_prefix("front=")).unwrap();
        allocate(front);
        server.signal("-INT");
        assert!(server.outcome().status.success());
        let counts = counts(&place.path().join("stages.json"));
        check_counts(&counts, &counts);
    }
}

#[test]
fn each_process_writes_the_stages_that_end_in_it() {
    let mut server = Server::over_ipc(1);
    let file = |name: &str| server.place.path().join(name);
    let router_file = file("router.json");
    let shard_file = file("shard.json");
    let timed = |path: &Path| {
        ["--stages", path.to_str().unwrap(), "--stages-every", "1"].map(str::to_owned).to_vec()
    };
    for (name, command, settings, path) in [
        ("router", &["router"][..], ["front", "backplane"], &router_file),
        ("shard-0", &["shard", "--shard", "0"], ["backplane", "parts"], &shard_file),
    ] {
        server.kill(name);
        let more = timed(path);
        let more: Vec<_> = more.iter().map(String::as_str).collect();
        server.start(name, &[command, &more].concat(), &settings);
    }
    allocate(&server.front);
    let _place = server.stop();
    let router = counts(&router_file);
    let shard = counts(&shard_file);
    check_counts(&router, &shard);
    assert_eq!(of(&router, &["queue", "allocate", "encode", "journal"]), [0; 4]);
    assert_eq!(of(&shard, &["receive", "route", "return", "send"]), [0; 4]);
}

#[test]
fn a_file_of_stages_that_can_not_be_written_is_named_at_the_start() {
    let failed = Place::new().run(&["serve", "--stages", "/nowhere/stages.json"]);
    assert!(!failed.status.success());
    assert!(failed.stderr.contains("/nowhere/stages.json"), "{}", failed.stderr);
}
