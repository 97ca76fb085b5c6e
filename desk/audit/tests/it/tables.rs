//! The tables of the rules: the auditor agrees with every line of them.

use std::fs;
use std::path::Path;

use allot_desk_rules::DeskConfig;

use crate::pair::Pair;
use crate::script::Script;

#[test]
fn the_auditor_agrees_with_every_line_of_the_tables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/tests/table");
    let mut inputs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let config = DeskConfig::default();
        let (mut script, mut pair) = (Script::new(config), Pair::new(config));
        for line in text.lines() {
            let (given, _) = line.split_once(" ->").unwrap_or((line, ""));
            let is_account = given.starts_with("account ");
            if given.starts_with("== ") {
                (script, pair) = (Script::new(config), Pair::new(config));
            } else if !given.is_empty() && !given.starts_with('#') && !is_account {
                // What cannot be read is no input.
                let Ok(input) = script.input(given) else { continue };
                pair.apply(&input).and_then(|()| pair.compare()).unwrap();
                inputs += 1;
            }
        }
    }
    assert!(300 < inputs, "{inputs} inputs are checked");
}
