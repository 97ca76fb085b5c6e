//! What a peer refuses, and what it says then.

use std::fs;

use super::Mesh;
use crate::process::Place;

#[test]
fn flags_that_would_do_nothing_and_mistyped_commands_are_refused() {
    let mesh = Mesh::new();
    for flag in [["--end-of-day", "17:00"], ["--snapshot-every", "1m"], ["--keep", "3"]] {
        let error = mesh.spawn("A", &[], &flag).outcome().misuse();
        assert!(error.contains("--data"), "{error}");
    }
    for flag in [["--join-wait", "0s"], ["--join-wait", "25h"], ["--keep", "0"]] {
        let error =
            mesh.spawn("A", &[], &[&flag[..], &["--data", "a"]].concat()).outcome().misuse();
        assert!(error.contains(flag[0]) && error.contains("at least 1"), "{error}");
    }
    for nobody in ["tcp://*:12345", "127.0.0.1:0", "0.0.0.0:12345"] {
        let error = mesh.spawn("A", &[], &["--connect", nobody]).outcome().misuse();
        assert!(error.contains("nobody can be reached at"), "{error}");
    }
    let error = mesh.spawn("help", &[], &[]).outcome().misuse();
    assert!(error.contains("give the strategy another name"), "{error}");
    let error = mesh.place.run(&["mesh", "staus", "12345"]).misuse();
    assert!(error.contains("`allot mesh status tcp://127.0.0.1:12345`"), "{error}");
    let ask = ["mesh", "view", "ipc://A", "--secret", "keys"];
    let error = mesh.place.run(&ask).error();
    assert!(error.contains("cannot read the keys of the mesh in keys"), "{error}");
    assert!(!mesh.place.path().join("keys").exists());
    let mut quiet = mesh.spawn("A", &[], &["--json", "--quiet"]);
    quiet.line_with("{\"type\":\"listening\"");
    quiet.line_with("{\"type\":\"started\"");
}

#[test]
fn what_cannot_be_opened_is_named_with_what_to_do() {
    let place = Place::new();
    place.write("file", "");
    for (arguments, expected) in [
        (["view", "0", "--secret", "none"], "keys of the mesh in none: "),
        (["status", "0", "--secret", "none"], "name the file that the mesh was started with"),
        (["A", "0", "--secret", "none/keys"], "cannot make the keys of the mesh in none/keys: "),
        (["A", "0", "--data", "file/A"], "file is a file; give --data a directory"),
        (["A", "0", "--data", "/proc/A"], "give --data a directory that this user may write"),
    ] {
        let error = place.run(&[&["mesh"], &arguments[..]].concat()).error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_strategy_and_a_server_share_no_directory() {
    let mut mesh = Mesh::new();
    let ends = ["--new", "--front", "ipc://f", "--publish", "ipc://p"];
    let serve = |data| [&["serve", "--data", data], &ends[..]].concat();
    let mut server = mesh.place.start(&serve("ledger"));
    server.line_with("listening ");
    server.kill();
    let error = mesh.spawn("A", &[], &["--data", "ledger"]).outcome().error();
    assert!(error.contains("the data directory of another system, allocation"), "{error}");
    mesh.start("B", &[], &["--data", "b"]);
    mesh.interrupt("B").ok();
    let error = mesh.place.run(&serve("b")).error();
    assert!(error.contains("holds the journal of a strategy of a mesh"), "{error}");
    let (from, to) =
        (mesh.place.path().join("b/journal"), mesh.place.path().join("ledger/journal"));
    fs::rename(from, to).unwrap();
    for command in ["verify", "inspect"] {
        let error = mesh.place.run(&[command, "ledger"]).error();
        assert!(error.contains("name one of them, such as ledger/journal"), "{error}");
        mesh.place.run(&[command, "ledger/journal"]).ok();
    }
}

#[test]
fn the_directory_of_another_strategy_is_named() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.interrupt("A").ok();
    let error = mesh.spawn("B", &[], &["--data", "a"]).outcome().error();
    assert!(error.contains("this is the journal of strategy A; give each"), "{error}");
}

#[test]
fn a_damaged_journal_names_both_ways_out() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.peer("A").type_line("AAPL 1");
    mesh.has("A", "A", "AAPL", "1");
    mesh.interrupt("A").ok();
    let folder = mesh.place.path().join("a/journal");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let segment = files
        .filter(|file| {
            file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"segment"))
        })
        .min();
    let segment = segment.expect("a journal has a segment");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[..8].fill(0xff);
    fs::write(&segment, bytes).unwrap();
    let error = mesh.spawn("A", &[], &["--data", "a"]).outcome().error();
    assert!(error.contains("backup") && error.contains("with --adopt"), "{error}");
}
