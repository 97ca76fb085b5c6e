//! The log of a desk, written from its journals.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Desk, receive};
use crate::process::Process;

#[test]
fn the_log_has_what_was_answered_after_a_kill_too() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let server = desk.serve(&at, &["--shards", "2", "--data", "data", "--new"]);
    for command in ["[1] ADD,ann,100.00", "[2] ADD,bob,50.00", "[3] BUY,ann,ABC,35.00"] {
        desk.is_answered(command);
    }
    desk.is_refused("[4] SELL,bob,ABC,10.00", "insufficient_shares");
    desk.is_answered("[5] DUMPLOG,all.xml");
    server.kill();
    let all = desk.place.run(&["desk", "log", "data"]).ok();
    let count = |element: &str| all.matches(&format!("<{element}>")).count();
    assert_eq!(count("userCommand"), 5, "{all}");
    assert_eq!(count("accountTransaction"), 3, "{all}");
    assert_eq!((count("quoteServer"), count("errorEvent")), (1, 1), "{all}");
    let said = desk.place.run(&["desk", "log", "data", "--user", "bob", "--out", "bob.xml"]).ok();
    assert_eq!(said, "4 entries in bob.xml\n");
    let bob = std::fs::read_to_string(desk.place.path().join("bob.xml")).unwrap();
    assert!(bob.starts_with("<?xml") && !bob.contains("ann"), "{bob}");
    let refused = desk.place.run(&["desk", "log", "data", "--user", "b b"]);
    assert!(!refused.status.success() && refused.stderr.contains("--user"), "{refused:?}");
}

/// A server whose runtime log is read with its output: it says there which logs were written.
fn serve(desk: &Desk, quotes: &str, more: &[&str]) -> Process {
    let ends = ["--front", "ipc://front", "--publish", "ipc://publish", "--quotes", quotes];
    let kept = ["--shards", "2", "--data", "data"];
    let mut server =
        desk.place.start_merged(&[&["desk", "serve"], &ends[..], &kept, more].concat());
    server.line_with("listening ");
    server
}

/// Waits until the file is written; its text.
fn written(desk: &Desk, server: &mut Process, file: &str) -> String {
    server.line_with(&format!("logs/{file}"));
    std::fs::read_to_string(desk.place.path().join("data/logs").join(file)).unwrap()
}

/// Checks a log against the schema of the course, where both can be had.
fn validate(desk: &Desk, file: &str) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/daytrading/logfile_anydate.xsd");
    let there = Command::new("xmllint").arg("--version").output().is_ok();
    if !there || !schema.exists() {
        return eprintln!("skipped: xmllint or {} is not there", schema.display());
    }
    let mut xmllint = Command::new("xmllint");
    xmllint.arg("--noout").arg("--schema").arg(schema).arg(desk.place.path().join(file));
    let output = xmllint.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_dumplog_writes_the_log_of_its_user_or_of_all() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let mut server = serve(&desk, &at, &["--new"]);
    for command in ["[1] ADD,ann,100.00", "[2] ADD,bob,50.00", "[3] BUY,ann,ABC,35.00"] {
        desk.is_answered(command);
    }
    desk.is_refused("[4] DUMPLOG,eve,ann.xml", "unknown_user");
    let outside = desk.place.run(&["desk", "send", "DUMPLOG,ann,../a", "--front", "ipc://front"]);
    assert!(!outside.status.success(), "{outside:?}");
    desk.is_answered("[5] DUMPLOG,ann,./of/ann.xml");
    let ann = written(&desk, &mut server, "of/ann.xml");
    let same = desk.place.run(&["desk", "log", "data", "--user", "ann"]).ok();
    assert_eq!(ann, same);
    validate(&desk, "data/logs/of/ann.xml");
    desk.is_answered("[6] DUMPLOG,all.xml");
    let all = written(&desk, &mut server, "all.xml");
    assert_eq!(all, desk.place.run(&["desk", "log", "data"]).ok());
    validate(&desk, "data/logs/all.xml");
    assert!(all.contains("eve") && !desk.place.path().join("data/logs/ann.xml").exists());
    desk.is_answered("[7] DUMPLOG,bob,of/ann.xml");
    let bob = written(&desk, &mut server, "of/ann.xml");
    assert!(bob.contains("bob") && !bob.contains("ann<"), "the last one wins: {bob}");
}

#[test]
fn a_dumplog_that_a_kill_kept_from_its_file_has_it_after_the_next_start() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let server = serve(&desk, &at, &["--new"]);
    desk.is_answered("ADD,ann,100.00");
    desk.is_answered("DUMPLOG,ann,ann.xml");
    desk.is_answered("DUMPLOG,all.xml");
    server.kill();
    // As if the kill had come before anything was written.
    let logs = desk.place.path().join("data/logs");
    std::fs::remove_dir_all(&logs).unwrap();
    let mut server = serve(&desk, &at, &[]);
    let mut found = String::new();
    for _ in 0..2 {
        found += &server.line_with("DUMPLOG: log written");
    }
    assert!(found.contains("ann.xml") && found.contains("all.xml"), "{found}");
    server.kill();
    // What was written is not written again, and what comes later is.
    std::fs::remove_file(logs.join("ann.xml")).unwrap();
    let mut server = serve(&desk, &at, &[]);
    desk.is_answered("DUMPLOG,ann,later.xml");
    let line = server.line_with("DUMPLOG: log written");
    assert!(line.contains("later.xml") && !logs.join("ann.xml").exists(), "{line}");
}

#[test]
fn what_cannot_be_written_is_said_and_ends_nothing() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let mut server = serve(&desk, &at, &["--new"]);
    desk.is_answered("ADD,ann,100.00");
    std::fs::create_dir(desk.place.path().join("data/logs/taken")).unwrap();
    desk.is_answered("DUMPLOG,ann,taken");
    server.line_with("cannot be written, and is given up");
    desk.is_answered("DUMPLOG,ann,free");
    server.line_with("logs/free");
    // Another directory in its place, and none.
    let logs = desk.place.path().join("data/logs");
    std::fs::rename(&logs, desk.place.path().join("before")).unwrap();
    std::fs::create_dir(&logs).unwrap();
    desk.is_answered("DUMPLOG,ann,other");
    server.line_with("logs/other");
    std::fs::remove_dir_all(&logs).unwrap();
    desk.is_answered("DUMPLOG,ann,none");
    server.line_with("logs/none");
    assert!(logs.join("none").exists() && !logs.join("other").exists());
}

#[test]
fn a_line_that_names_no_user_is_named_and_fails_the_load() {
    let desk = Desk::new();
    let _server = desk.serve("127.0.0.1:9", &[]);
    desk.place.write("workload", "ADD,ann,1.00\nnonsense\nDUMPLOG,a b\nADD,ann,2.00\n");
    let outcome = desk.place.run(&["desk", "load", "workload", "--front", "ipc://front"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains(r#""answered":2,"#), "{outcome:?}");
    assert!(outcome.stdout.contains(r#""not_sent":2,"#), "{outcome:?}");
    let said = &outcome.stderr;
    assert!(said.contains("2 lines are no commands and name no user, or cannot be sent"), "{said}");
    assert!(said.contains("line 2: \"nonsense\"") && said.contains("line 3: "), "{said}");
}

#[test]
fn a_command_that_cannot_be_read_stands_in_the_log() {
    let desk = Desk::new();
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "ABC,10.00\n");
    let mut server = serve(&desk, &at, &["--new"]);
    let client = desk.client();
    for (seq, rest, code) in [
        (1, r#""command":"ADD","amount":"-5.00""#, "amount_must_be_positive"),
        (2, r#""command":"BUY","symbol":"ABCD","amount":"5.00""#, "bad_symbol"),
        (3, r#""command":"BUY","symbol":"ABC","amount":"<&>""#, "amount_malformed"),
        (4, r#""command":"SLEEP""#, "unknown_command"),
    ] {
        let head = r#"{"type":"command","source":"web","user":"ann","transaction":7"#;
        client.send(&format!(r#"{head},"seq":{seq},{rest}}}"#), 0).unwrap();
        let reply = receive(&client).remove(0);
        assert_eq!((&reply["type"], &reply["code"]), (&"rejected".into(), &code.into()));
        assert_eq!((&reply["seq"], &reply["source"]), (&seq.into(), &"web".into()));
    }
    desk.is_refused("[7] ADD,ann,-6", "amount_must_be_positive");
    desk.is_refused("ADD,ann,1,2", "wrong_arguments");
    desk.is_refused("GIVE,ann,1", "unknown_command");
    desk.place.write("workload", "ADD,ann,1.00\n[7] ADD,bob,-7\n\nBUY,ann,ABC\nADD,ann,-8\n");
    let load = ["desk", "load", "workload", "--front", "ipc://front"];
    for no_data in [None, Some("--no-data")] {
        let output = desk.place.run(&[&load[..], no_data.as_slice()].concat()).ok();
        let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        let refused = json!({ "amount_must_be_positive": 2, "wrong_arguments": 1 });
        assert_eq!((&report["refused"], &report["answered"]), (&refused, &1.into()), "{report}");
    }
    desk.is_answered("[8] DUMPLOG,all.xml");
    let all = written(&desk, &mut server, "all.xml");
    validate(&desk, "data/logs/all.xml");
    let count = |element: &str| all.matches(&format!("<{element}>")).count();
    assert_eq!((count("userCommand"), count("errorEvent")), (4 + 2 + 8, 3 + 2 + 6), "{all}");
    assert_eq!(all.matches("wrong_arguments: ").count(), 3, "{all}");
    assert!(all.contains("bad_symbol: ") && all.contains("&lt;&amp;&gt;"), "{all}");
    drop(server);
    let output = desk.place.run(&["verify", "data"]).ok();
    assert!(output.contains("no failure found"), "{output}");
}
