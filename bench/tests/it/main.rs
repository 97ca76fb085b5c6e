//! The harness as a process: short runs against its own echo, and errors for bad input.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

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
            assert_eq!(page.matches("ok    every message came back once").count(), 1, "{page}");
            assert!(!page.contains("FAIL"), "{page}");
        }
    }
}

#[test]
fn json_and_batches_come_back_too() {
    for more in [&["--json"][..], &["--batch", "100"], &["--json", "--batch", "7"]] {
        let page = page(&[&["echo", "--transport", "ipc", "--window", "4"], more].concat());
        assert!(page.contains("ok    every message came back once"), "{page}");
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
    assert!(html.contains("</html>") && html.contains("measured: one"), "{html}");
    let compared = bench(&["compare", &run, &run]);
    let compared = String::from_utf8(compared.stdout).unwrap();
    assert!(compared.contains("1.000 x"), "{compared}");
    // A run that is not there, and one that is cut.
    fs::write(at("cut.json"), &fs::read(&run).unwrap()[..100]).unwrap();
    for wrong in [at("none.json"), at("cut.json")] {
        for page in [&["report", &*wrong][..], &["compare", &run, &wrong]] {
            let refused = bench(page);
            let error = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(1), "{error}");
            assert!(error.contains(&format!("no run can be read from {wrong}")), "{error}");
        }
    }
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
        (&["echo", "--rate", "fast"], "such as 10000, 10k or 1.5M"),
        (&["echo", "--rate", "-5"], "such as 10000, 10k or 1.5M"),
        (&["tpc"], "'tcp'"),
        (&["tcp", "--ack", "journal"], "--data"),
    ] {
        let output = bench(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(errors.contains(what), "{arguments:?}: {errors}");
    }
}

/// Sends SIGINT when it says this on stderr; gives its exit code and what it printed.
#[track_caller]
fn interrupt_at(sign: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allot-bench"));
    let mut child =
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(sign) {
        assert!(0 < errors.read_line(&mut said).unwrap(), "no {sign}: {said}");
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut page = String::new();
    child.stdout.take().unwrap().read_to_string(&mut page).unwrap();
    errors.read_to_string(&mut page).unwrap();
    (child.wait().unwrap().code(), page)
}

#[test]
fn what_was_measured_before_a_ctrl_c_is_kept_and_marked() {
    let folder = tempfile::TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let echo = ["echo", "--transport", "ipc", "--rate", "500,600,700", "--out", out];
    let lengths = ["--warm-up", "50ms", "--measure", "1s", "--cool-down", "20ms"];
    let (code, page) = interrupt_at("load 2 of 3", &[&echo[..], &lengths].concat());
    assert_eq!(code, Some(130), "{page}");
    assert!(page.contains("500/s") && page.contains("interrupted"), "{page}");
    let kept = folder.path().join("echo-ipc-rate=500-batch=1-connections=1.json.PARTIAL");
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    assert_eq!(kept["points"].as_array().unwrap().len(), 1);
    assert_eq!(kept["interrupted"], true);
}

#[test]
fn turns_before_a_ctrl_c_are_kept_and_the_one_it_cuts_is_not() {
    let folder = tempfile::TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let growth = ["growth", "--quick", "--turns", "1000", "--out", out];
    let (code, page) = interrupt_at("turn 3 of", &growth);
    assert_eq!(code, Some(130), "{page}");
    let kept = fs::read(folder.path().join("growth.json.PARTIAL")).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    let turns = kept["turns"].as_u64().unwrap();
    assert!((2..1_000).contains(&turns), "{turns}");
    assert_eq!(kept["interrupted"], true);
    for row in kept["rows"].as_array().unwrap() {
        assert_eq!(row["turns_ns"].as_array().unwrap().len() as u64, turns, "{row}");
    }
}

#[test]
fn a_ctrl_c_before_anything_is_measured_keeps_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let out = folder.path().join("runs");
    let echo = ["echo", "--transport", "ipc", "--rate", "500,600", "--measure", "60s"];
    let echo = [&echo[..], &["--out", out.to_str().unwrap()]].concat();
    let (code, page) = interrupt_at("load 1 of 2", &echo);
    assert_eq!(code, Some(130), "{page}");
    assert!(page.contains("nothing is kept"), "{page}");
    assert!(!out.exists());
}
