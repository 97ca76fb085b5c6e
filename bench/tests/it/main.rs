//! The harness as a process: short runs against its own echo, and errors for bad input.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

use std::fs;
use std::process::{Command, Output};

const SHORT: [&str; 6] = ["--warm-up", "50ms", "--measure", "200ms", "--cool-down", "20ms"];

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_allot-bench")).args(arguments).output().unwrap()
}

/// What it printed, if it succeeded.
#[track_caller]
fn page(arguments: &[&str]) -> String {
    let output = bench(&[arguments, &SHORT].concat());
    let page = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{page}\n{errors}", output.status);
    page
}

#[test]
fn an_echo_brings_every_message_back_over_both_transports_and_in_both_loops() {
    for transport in ["ipc", "tcp"] {
        for offer in [["--rate", "500,1000"], ["--window", "1,64"]] {
            let echo = ["echo", "--transport", transport];
            let page = page(&[&echo[..], &offer, &["--connections", "2"]].concat());
            assert_eq!(page.matches("every message came back once").count(), 2, "{page}");
            assert!(!page.contains("FAIL"), "{page}");
        }
    }
}

#[test]
fn json_and_batches_come_back_too() {
    for more in [&["--json"][..], &["--batch", "100"], &["--json", "--batch", "7"]] {
        let page = page(&[&["echo", "--transport", "ipc", "--window", "4"], more].concat());
        assert!(page.contains("ok    closed, window 4"), "{page}");
    }
}

#[test]
fn every_floor_stands_alone() {
    let folder = tempfile::TempDir::new().unwrap();
    let dir = folder.path().to_str().unwrap();
    for mode in [
        &["ring", "--wait", "block"][..],
        &["tcp-raw"],
        &["journal", "--dir", dir],
        &["inproc", "--rate", "1000"],
        &["kernel", "--accounts", "10"],
        &["pipeline", "--batch", "10", "--shards", "2"],
    ] {
        let page = page(mode);
        assert!(page.contains("\nok "), "{page}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the file of the floor is gone");
}

#[test]
fn a_run_is_kept_drawn_and_compared() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    page(&["echo", "--transport", "ipc", "--rate", "1000", "--label", "one", "--out", &at("runs")]);
    let run = at("runs/echo-ipc-rate=1000-batch=1-connections=1.json");
    let html = at("report.html");
    let output = bench(&["report", &run, "--against", &run, "-o", &html]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = fs::read_to_string(html).unwrap();
    assert!(html.contains("</html>") && html.contains("echo-ipc one"), "{html}");
    let compared = bench(&["compare", &run, &run]);
    let compared = String::from_utf8(compared.stdout).unwrap();
    assert!(compared.contains("1.000 x"), "{compared}");
}

/// Compares these peers, and gives the page and the kept file.
#[track_caller]
fn compare(peers: &str, measure: &str) -> (String, serde_json::Value) {
    let (data, out) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
    let (data_dir, out_dir) = (data.path().to_str().unwrap(), out.path().to_str().unwrap());
    let output = bench(
        &[
            &["peers", "--turns", "1", "--only", peers, "--data", data_dir, "--out", out_dir][..],
            &["--warm-up", "20ms", "--measure", measure, "--cool-down", "20ms"],
        ]
        .concat(),
    );
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(page.contains("\nok ") && !page.contains("FAIL"), "{page}");
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "the data of peers is gone");
    let kept = out.path().join("peers.json");
    let alone = bench(&["report", kept.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&alone.stderr).contains("no run among them"));
    (page, serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap())
}

#[test]
fn installed_peers_are_compared_and_the_others_are_named() {
    let (page, kept) =
        compare("echo,redis,redis-synced,nats,jet-stream,jet-stream-synced", "200ms");
    assert_eq!((&kept["schema"], &kept["kind"]), (&1.into(), &"peers".into()));
    let rows = kept["rows"].as_array().unwrap();
    for peer in ["redis", "redis-synced", "nats", "jet-stream", "jet-stream-synced"] {
        let shapes: Vec<_> = rows.iter().filter(|row| row["peer"] == peer).collect();
        match kept["skipped"][peer].as_str() {
            Some(why) => assert!(page.contains(&format!("skipped {peer}: {why}")), "{page}"),
            None => assert_eq!(shapes.len(), 2, "one in flight, and many: {page}"),
        }
        for row in shapes {
            assert_eq!(row["points"][0]["failed"], serde_json::Value::Null);
            assert!(0 < row["points"][0]["achieved_per_s"].as_u64().unwrap(), "{row}");
        }
    }
}

#[test]
fn the_controller_in_python_answers_as_many_as_are_sent() {
    let (page, kept) = compare("python", "500ms");
    let rows = kept["rows"].as_array().unwrap();
    if kept["skipped"]["python"].is_string() {
        eprintln!("not tested: {page}");
        return;
    }
    let checked: Vec<_> = rows.iter().map(|row| &row["points"][0]["checked"]).collect();
    assert_eq!(checked, ["one reply each, shares add up, positions equal what was sent"; 3]);
}

#[test]
fn what_cannot_be_measured_is_said_and_fails() {
    for (arguments, what) in [
        (&["tcp", "--allot", "/nowhere/allot"][..], "/nowhere/allot"),
        (&["compare", "/nowhere/a", "/nowhere/b"], "/nowhere/a"),
        (&["echo", "--rate", "0"], "--rate"),
        (&["tcp", "--ack", "journal"], "--data"),
    ] {
        let output = bench(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(errors.contains(what), "{arguments:?}: {errors}");
    }
}
