//! The order of the rooms. In a system of three crates `cargo xtask tidy` checks it. This system is
//! one crate, so this test reads the paths in its code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a room, without its tests.
fn files(room: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join(format!("{room}.rs"))];
    let mut folders = vec![source.join(room)];
    folders.retain(|folder| folder.exists());
    while let Some(folder) = folders.pop() {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (below, beside): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
        folders.extend(below);
        files.extend(beside.into_iter().filter(|path| !path.ends_with("tests.rs")));
    }
    files
}

/// What the code of a file names outside of its own module: packages, and rooms of this crate.
fn named(text: &str) -> BTreeSet<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = code.flat_map(|line| line.split(|letter| !is_of_path(letter)));
    paths.filter_map(outside).filter_map(|path| path.split("::").next()).collect()
}

fn outside(path: &str) -> Option<&str> {
    let is_package = path.starts_with("allot_") || path.starts_with("serde");
    path.strip_prefix("crate::").or(is_package.then_some(path))
}

const fn is_of_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':')
}

#[track_caller]
fn check(room: &str, allowed: &[&str]) {
    let mut all = BTreeSet::new();
    for file in files(room) {
        let text = fs::read_to_string(&file).unwrap();
        for name in named(&text) {
            assert!(allowed.contains(&name), "{}: `{room}` uses `{name}`", file.display());
            all.insert(name.to_owned());
        }
    }
    assert!(all.contains("allot_domain"), "the files of `{room}` were not read: {all:?}");
}

#[test]
fn rules_use_domain_alone() {
    check("rules", &["allot_domain", "rules"]);
}

#[test]
fn an_audit_uses_domain_and_the_rules_it_checks() {
    check("audit", &["allot_domain", "rules", "audit"]);
}

#[test]
fn what_is_named_outside_of_a_room_is_found() {
    let text = "use allot_wire::{codec, json};\nlet a = crate::service::Kind::Add;\n\
                // allot_shard::Shard\nuse super::Key;\nuse serde::Serialize;\nuse std::fmt;";
    assert_eq!(named(text), BTreeSet::from(["allot_wire", "serde", "service"]));
}
