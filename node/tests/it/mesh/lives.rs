//! Lives of a strategy: a disk that is gone, and two processes of one name.

use std::fs;

use serde_json::Value;

use super::Mesh;

#[test]
fn without_its_disk_a_strategy_does_not_start_from_zero() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.start("B", &["A"], &["--data", "b"]);
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("B", "A", "AAPL", "100");
    mesh.kill("A");
    fs::remove_dir_all(mesh.place.path().join("a")).unwrap();
    let error = mesh.spawn("A", &["B"], &["--data", "a"]).outcome().error();
    assert!(error.contains("B holds 1 row through version 1.1"), "{error}");
    assert!(error.contains("--adopt"), "{error}");
    let error = mesh.spawn("A", &["B"], &[]).outcome().error();
    assert!(error.contains("--adopt"), "{error}");
    mesh.start("A", &["B"], &["--data", "a", "--adopt"]);
    mesh.peer("A").type_line("AAPL 5");
    mesh.has("B", "A", "AAPL", "105");
    // From here on its disk has them, and it needs no flag.
    mesh.kill("A");
    mesh.start("A", &["B"], &["--data", "a"]);
    mesh.has("A", "A", "AAPL", "105");
    mesh.agrees(1);
}

#[test]
fn who_started_alone_without_its_disk_stops_when_peers_hold_more() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &[]);
    mesh.start("B", &["A"], &["--data", "b"]);
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("B", "A", "AAPL", "100");
    mesh.kill("A");
    // It connects to nobody, and B finds it.
    let error = mesh.spawn("A", &[], &[]).outcome().error();
    assert!(error.contains("--adopt") && error.contains("B "), "{error}");
}

#[test]
fn another_life_is_seen_however_much_it_has_traded() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.start("B", &["A"], &["--data", "b"]);
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("B", "A", "AAPL", "100");
    mesh.interrupt("B").ok();
    mesh.kill("A");
    // Its disk is gone, and it trades more than its lost life did. Then C learns of it, and B comes
    // back, which has the lost life from its history alone.
    mesh.start("A", &[], &["--data", "other"]);
    for _ in 0..3 {
        mesh.peer("A").type_line("AAPL 5");
    }
    mesh.start("C", &["A"], &[]);
    mesh.has("C", "A", "AAPL", "15");
    mesh.start("B", &["C"], &["--data", "b"]);
    let error = mesh.peers.remove("A").unwrap().outcome().error();
    assert!(error.contains("B holds 1 row through version 1.1"), "{error}");
    assert!(error.contains("of another life") && error.contains("--adopt"), "{error}");
    assert_eq!(mesh.position("B", "A", "AAPL").as_deref(), Some("100"));
    mesh.start("A", &["B"], &["--data", "other", "--adopt"]);
    mesh.has("A", "A", "AAPL", "100");
    let errors = mesh.peer("A").errors();
    assert!(errors.contains("took the position of another life"), "{errors}");
    mesh.agrees(1);
}

#[test]
fn a_second_process_of_a_name_stops_and_the_first_goes_on() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &[]);
    mesh.start("B", &["A"], &[]);
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("B", "A", "AAPL", "100");
    let second = ["mesh", "A", "--listen", "ipc://second", "--connect", "ipc://B"];
    let error = mesh.place.run(&second).error();
    assert!(error.contains("the name is taken"), "{error}");
    mesh.peer("A").type_line("AAPL 1");
    mesh.has("B", "A", "AAPL", "101");
}

#[test]
fn of_two_that_start_apart_and_meet_through_a_third_one_stays() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &[]);
    let apart = ["mesh", "A", "--heartbeat", "200ms", "--listen", "ipc://second"];
    let mut second = mesh.place.start_typed(&apart);
    second.line_with("started");
    mesh.peer("A").type_line("AAPL 1");
    second.type_line("MSFT 2");
    mesh.has("A", "A", "AAPL", "1");
    mesh.has("second", "A", "MSFT", "2");
    let life = |at: &str| mesh.status(at)["life"].as_u64().unwrap();
    // They have one start: which one stays is drawn.
    let is_first = life("second") < life("A");
    let first = mesh.peers.remove("A").unwrap();
    let (mut stays, goes) = if is_first { (first, second) } else { (second, first) };
    mesh.start("B", &["A", "second"], &[]);
    let error = goes.outcome().error();
    assert!(error.contains("the name is taken") && error.contains("the 1 trade"), "{error}");
    assert!(!error.contains("none answers"), "{error}");
    stays.type_line("IBM 3");
    mesh.has("B", "A", "IBM", "3");
    let kept = if is_first { ("AAPL", "1") } else { ("MSFT", "2") };
    mesh.has("B", "A", kept.0, kept.1);
    stays.signal("-INT");
    stays.outcome().ok();
}

/// A peer connects to both; neither is reached where it says that it listens.
#[test]
fn of_two_that_cannot_reach_each_other_the_older_one_stops_and_the_status_shows_both() {
    let mut mesh = Mesh::new();
    let start = |mesh: &Mesh, at: &str| {
        let (listen, nowhere) = (format!("ipc://{at}"), format!("ipc://{at}-is-elsewhere"));
        let own = ["--listen", &listen, "--advertise", &nowhere];
        let mut peer =
            mesh.place.start_typed(&[&["mesh", "A", "--heartbeat", "200ms"], &own[..]].concat());
        peer.line_with("started");
        peer
    };
    let (first, second) = (start(&mesh, "first"), start(&mesh, "second"));
    let life = |at: &str| mesh.status(at)["life"].as_u64().unwrap();
    let lives = [life("first"), life("second")];
    let is_first = lives[1] < lives[0];
    let (mut stays, mut goes) = if is_first { (first, second) } else { (second, first) };
    mesh.start("B", &["first", "second"], &[]);
    let of_b = |status: &Value| {
        let members = status["members"].as_array().unwrap().iter();
        members.clone().find(|one| one["name"] == "A").map(|one| one["conflict"].clone())
    };
    let conflict = |mesh: &Mesh, at: &str| {
        let status = mesh.status(at);
        if at == "B" { of_b(&status).unwrap_or_default() } else { status["conflict"].clone() }
    };
    // The one that goes may have moved on meanwhile, and none has a row that could end it.
    for at in ["B", "first", "second"] {
        while !conflict(&mesh, at).is_object() {}
    }
    let page = mesh.place.run(&["mesh", "status", "ipc://B"]).ok();
    assert!(page.contains("in conflict") && page.contains("two processes are A: "), "{page}");
    let said = conflict(&mesh, "B");
    let at = |which: &str| said[which]["address"].as_str().unwrap().to_owned();
    let [stays_at, goes_at] = if is_first { ["first", "second"] } else { ["second", "first"] };
    assert!(at("stays").contains(stays_at) && at("goes").contains(goes_at), "{said}");
    goes.type_line("AAPL 1");
    mesh.has(goes_at, "A", "AAPL", "1");
    stays.type_line("MSFT 2");
    let error = goes.outcome().error();
    assert!(error.contains("the name is taken: B says that another process is A at"), "{error}");
    assert!(error.contains("the 1 trade that this process has taken"), "{error}");
    mesh.has("B", "A", "MSFT", "2");
    assert_eq!(mesh.position("B", "A", "AAPL"), None);
    while conflict(&mesh, "B").is_object() || conflict(&mesh, stays_at).is_object() {}
    stays.signal("-INT");
    stays.outcome().ok();
}

#[test]
fn a_journal_that_is_gone_is_missed_where_the_history_has_its_rows() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.peer("A").type_line("AAPL 300");
    mesh.has("A", "A", "AAPL", "300");
    mesh.interrupt("A").ok();
    let page = mesh.place.run(&["verify", "a"]).ok();
    assert!(page.contains("mesh, strategy A") && page.contains("AAPL 300"), "{page}");
    fs::remove_dir_all(mesh.place.path().join("a/journal")).unwrap();
    let error = mesh.spawn("A", &[], &["--data", "a"]).outcome().error();
    assert!(error.contains("the history there has 1 of its rows"), "{error}");
}

#[test]
fn adopting_needs_peers_and_takes_no_trades_that_they_may_have() {
    let mesh = Mesh::new();
    let error = mesh.spawn("A", &[], &["--adopt"]).outcome().misuse();
    assert!(error.contains("name one with --connect"), "{error}");
    let error = mesh.spawn("A", &["B"], &["--adopt", "--file", "trades"]).outcome().misuse();
    assert!(error.contains("adopt first without them"), "{error}");
}
