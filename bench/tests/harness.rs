//! The harness as a process: short runs against its own echo, and what it says of bad input.

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
