//! The tables: what comes of every command, and what the account is then.
//!
//! ```text
//!   == NAME                                    a new shard
//!   at 5 BUY,u,ABC,35.00 -> pending 3 @ 10.00  a line of the workload, and all that came of it
//!   at 5.5 quote ABC 10.00 -> …                a quote; `fail ABC`: none; `mark`: time passes
//!   again BUY,u,ABC,35.00 -> …                 under the name of the command before it
//!   account u: cash 70.00 held 30.00, …        the account
//! ```
//!
//! With `UPDATE_EXPECT=1` the tables are written anew, to be read and judged.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use allot_desk_rules::{CommandName, DeskConfig};

use crate::script::{Script, account, user};

#[test]
fn every_line_of_the_tables_comes_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/table");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut lines, mut used) = (0, String::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (actual, count) = run(&text);
        (lines, used) = (lines + count, used + &text);
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&file, &actual).unwrap();
        }
        for ((expected, actual), number) in text.lines().zip(actual.lines()).zip(1..) {
            assert_eq!(expected, actual, "{}:{number}", file.display());
        }
    }
    assert!(1_000 < lines, "{lines} lines are checked");
    for name in CommandName::ALL {
        assert!(used.contains(name.as_str()), "{name} is in no table");
    }
}

/// Runs a table; the text as it should be, and how many lines were checked.
fn run(text: &str) -> (String, usize) {
    let mut actual = String::new();
    let mut script = Script::new(DeskConfig::default());
    let (mut lines, mut names) = (0, BTreeSet::new());
    for line in text.lines() {
        let (given, _) = line.split_once(" ->").unwrap_or((line, ""));
        if let Some(name) = given.strip_prefix("== ") {
            assert!(names.insert(name), "a case twice: {name}");
            script = Script::new(DeskConfig::default());
            writeln!(actual, "{given}").unwrap();
        } else if let Some(rest) = given.strip_prefix("account ") {
            let (name, _) = rest.split_once(':').expect("account USER:");
            let found = script.accounts.account(&user(name));
            let shown = found.map_or_else(|| "none".to_owned(), |found| account(&found));
            writeln!(actual, "account {name}: {shown}").unwrap();
            lines += 1;
        } else if given.is_empty() || given.starts_with('#') {
            writeln!(actual, "{given}").unwrap();
        } else {
            let came = script.run(given);
            let came = if came.is_empty() { String::new() } else { format!(" -> {came}") };
            writeln!(actual, "{given}{came}").unwrap();
            lines += 1;
        }
    }
    (actual, lines)
}
