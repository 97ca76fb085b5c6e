//! The workloads of the course, and a larger one, through a desk that is killed in the middle.
//!
//! A million commands of 1,200 users take some minutes, and are run by hand:
//!
//! ```text
//! cargo test --release -p allot --test it desk::workloads -- --ignored --nocapture
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Desk;
use super::kill_loop::{cash, the_log_is_complete, workload};

/// The files of the course, which are not ours to keep.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/daytrading");

/// Every command has one answer, though the server is killed once; the journals make each of them
/// again and agree with the model that is fed with the same quotes; and the log has everything.
fn check(name: &str, text: &str, replies_before_kill: usize) {
    let desk = Desk::new();
    desk.place.write("workload", text);
    // Without a script prices are random walks.
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", "");
    let server = desk.serve(&at, &["--shards", "2", "--data", "data", "--new"]);
    let page = ["desk", "load", "workload", "--front", "ipc://front", "--connections", "2"];
    let mut loader = desk.place.start(&page);
    for _ in 0..replies_before_kill {
        loader.line_with(r#""type":""#);
    }
    server.kill();
    let server = desk.serve(&at, &["--shards", "2", "--data", "data"]);
    let output = loader.outcome().ok();
    let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    let count = |name: &str| report[name].as_u64().unwrap();
    let lines = u64::try_from(text.lines().count()).unwrap();
    assert_eq!((count("commands"), count("unanswered")), (lines, 0), "{name}");
    let refused: u64 =
        report["refused"].as_object().unwrap().values().map(|one| one.as_u64().unwrap()).sum();
    let answered = count("answered");
    assert_eq!(answered + refused, lines, "{name}");

    let users: BTreeSet<_> = text.lines().filter_map(user).collect();
    let users: Vec<_> = users.into_iter().map(str::to_owned).collect();
    let cash = cash(&desk, &users);
    server.signal("-INT");
    server.outcome().ok();
    desk.place.write("answers", &output);
    let verified = desk.place.run(&["verify", "data", "--answers", "answers"]).ok();
    assert!(verified.contains(", 0 lost"), "{name}: {verified}");
    let log = the_log_is_complete(&desk, answered + refused, cash);
    desk.place.write("log.xml", &log);
    let is_valid = if validate(&desk.place.path().join("log.xml")) { "valid" } else { "unchecked" };
    let rate = &report["commands_per_second"];
    println!("{name}: {answered} answered, {refused} refused, {rate}/s; the log is {is_valid}");
    println!("{verified}");
}

/// The user of a line; none of a DUMPLOG of all.
fn user(line: &str) -> Option<&str> {
    let mut fields = line.trim().split(',');
    let (command, user) = (fields.next()?, fields.next()?);
    (!command.ends_with("DUMPLOG")).then_some(user)
}

/// Validates a log against the schema of the course, where it and `xmllint` are there.
fn validate(log: &Path) -> bool {
    let schema = PathBuf::from(FOLDER).join("logfile_anydate.xsd");
    let mut lint = Command::new("xmllint");
    match lint.args(["--noout", "--schema"]).arg(&schema).arg(log).output() {
        Ok(output) if schema.exists() => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            true
        }
        _ => false,
    }
}

#[test]
fn the_workloads_of_the_course_are_answered_though_the_desk_is_killed() {
    for (name, replies_before_kill) in [
        ("1userWorkLoad.txt", 30),
        ("10User_testWorkLoad.txt", 4_000),
        ("45User_testWorkLoad.txt", 5_000),
    ] {
        let Ok(text) = fs::read_to_string(Path::new(FOLDER).join(name)) else {
            eprintln!("skipped: there is no workload {name} in {FOLDER}");
            continue;
        };
        check(name, &text, replies_before_kill);
    }
}

#[test]
#[ignore = "it takes minutes"]
fn a_million_commands_are_answered_though_the_desk_is_killed() {
    let mut random = StdRng::seed_from_u64(1);
    let text = workload(&mut random, 1_200, 1_200_000) + "[1200001] DUMPLOG,./testLOG\n";
    check("1,200 users", &text, 500_000);
}

#[test]
fn a_load_of_many_users_goes_through_the_file_in_order() {
    const USERS: usize = 9_000;
    let mut text = String::new();
    for user in 0..USERS {
        writeln!(text, "ADD,user{user},1.00").unwrap();
    }
    for user in 0..USERS {
        (0..3).for_each(|_| writeln!(text, "ADD,user{user},2.00").unwrap());
    }
    let desk = Desk::new();
    // A line that lies far behind those that were sent before it would be too old for this memory.
    let _server = desk.serve("127.0.0.1:9", &["--names", "12000"]);
    desk.place.write("workload", &text);
    let words = ["desk", "load", "workload", "--no-data", "--front", "ipc://front"];
    let told = desk.place.run(&words).ok();
    let told: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&told["answered"], &told["refused"]), (&(4 * USERS).into(), &json!({})), "{told}");
}
