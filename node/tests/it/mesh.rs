//! A mesh as real processes: the session that its users know, every peer killed in turn under load,
//! disks that are gone, names that are taken, and bytes that no peer says.

mod lives;
mod refusals;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpStream;

use serde_json::Value;

use crate::process::{Outcome, Place, Process};

/// Some peers in a folder, each under `ipc://NAME`.
struct Mesh {
    place: Place,
    peers: BTreeMap<&'static str, Process>,
}

impl Mesh {
    fn new() -> Self {
        Self { place: Place::new(), peers: BTreeMap::new() }
    }

    /// What starts a peer that connects to these.
    fn arguments(name: &str, connect: &[&str], more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["mesh".to_owned(), name.to_owned()];
        arguments.extend(["--heartbeat", "200ms", "--listen"].map(str::to_owned));
        arguments.push(format!("ipc://{name}"));
        for peer in connect {
            arguments.extend(["--connect".to_owned(), format!("ipc://{peer}")]);
        }
        arguments.extend(more.iter().map(|&word| word.to_owned()));
        arguments
    }

    fn spawn(&self, name: &str, connect: &[&str], more: &[&str]) -> Process {
        let arguments = Self::arguments(name, connect, more);
        self.place.start_typed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts a peer, and waits until it takes trades.
    fn start(&mut self, name: &'static str, connect: &[&str], more: &[&str]) {
        let mut peer = self.spawn(name, connect, more);
        peer.line_with("started");
        self.peers.insert(name, peer);
    }

    fn peer(&mut self, name: &str) -> &mut Process {
        self.peers.get_mut(name).expect("it runs")
    }

    fn kill(&mut self, name: &str) {
        self.peers.remove(name).expect("it runs").kill();
    }

    fn interrupt(&mut self, name: &str) -> Outcome {
        let peer = self.peers.remove(name).expect("it runs");
        peer.signal("-INT");
        peer.outcome()
    }

    fn view(&self, name: &str) -> String {
        self.place.run(&["mesh", "view", &format!("ipc://{name}"), "--timeout", "60s"]).ok()
    }

    fn status(&self, name: &str) -> Value {
        let address = format!("ipc://{name}");
        let status = ["mesh", "status", &address, "--json", "--timeout", "60s"];
        serde_json::from_str(&self.place.run(&status).ok()).unwrap()
    }

    /// A position as a peer has it; none where it has none.
    fn position(&self, at: &str, strategy: &str, symbol: &str) -> Option<String> {
        let view = self.view(at);
        let row = view.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let mut row = row.filter(|cells| 2 < cells.len());
        let row = row.find(|cells| cells[0] == strategy && cells[1] == symbol);
        row.map(|cells| cells[2].to_owned())
    }

    /// Waits until a peer has a position.
    fn has(&self, at: &str, strategy: &str, symbol: &str, position: &str) {
        while self.position(at, strategy, symbol).as_deref() != Some(position) {}
    }

    /// Waits until the views of all peers are the same, byte by byte, and so large.
    fn agrees(&self, rows: usize) -> String {
        loop {
            let mut views: Vec<_> = self.peers.keys().map(|name| self.view(name)).collect();
            views.dedup();
            if let [view] = &views[..]
                && view.contains(&format!("\n{rows} row"))
            {
                return view.clone();
            }
        }
    }

    /// Waits until a peer says this of another.
    fn says(&self, at: &str, of: &str, wanted: impl Fn(&Value) -> bool) {
        loop {
            let status = self.status(at);
            let members = status["members"].as_array().unwrap();
            if members.iter().any(|member| member["name"] == of && wanted(member)) {
                return;
            }
        }
    }
}

/// The address in the first line of a peer.
fn address(peer: &mut Process) -> String {
    let line = peer.line_with("listening");
    line.split_whitespace().nth(2).unwrap().strip_prefix("tcp://").unwrap().to_owned()
}

#[test]
fn the_session_of_the_manual() {
    let place = Place::new();
    let mut first = place.start_typed(&["mesh", "strategy_1", "0"]);
    let first_at = address(&mut first);
    first.type_line("AAPL 100");
    first.line_with("strategy_1 | AAPL   | 100      | 2");
    first.type_line("BTC 500");
    first.line_with("strategy_1 | BTC    | 500      | 2");
    first.type_line("AAPL 200");
    first.line_with("strategy_1 | AAPL   | 300      | 2");

    let mut second = place.start_typed(&["mesh", "strategy_2", "0", &first_at]);
    let second_at = address(&mut second);
    second.line_with("strategy_1 | AAPL   | 300      | 2");
    second.type_line("AAPL 100");
    second.line_with("strategy_2 | AAPL   | 100      | 2");
    first.line_with("strategy_2 | AAPL   | 100      | 2");

    let mut third = place.start_typed(&["mesh", "strategy_3", "0", &first_at, &second_at]);
    let third_at = address(&mut third);
    third.line_with("strategy_2 | AAPL   | 100      | 2");
    let view = |at: &str| place.run(&["mesh", "view", at]).ok();
    let expected = view(&first_at);
    assert!(expected.contains("\n3 rows, digest "), "{expected}");
    for at in [&second_at, &third_at] {
        assert_eq!(view(at), expected);
    }
    for peer in [first, second, third] {
        peer.signal("-INT");
        peer.outcome().ok();
    }
}

#[test]
fn one_known_peer_is_enough() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &[]);
    mesh.start("B", &["A"], &[]);
    mesh.start("C", &["B"], &[]);
    mesh.says("A", "C", |member| member["route"] == "direct" && member["state"] == "alive");
    mesh.peer("A").type_line("AAPL -0.5");
    mesh.has("C", "A", "AAPL", "-0.5");
    // B has gone: the others still hear each other, and its rows stay.
    mesh.peer("B").type_line("MSFT 7");
    mesh.has("C", "B", "MSFT", "7");
    mesh.kill("B");
    mesh.says("A", "B", |member| member["state"] == "away" && member["away_since"].is_string());
    mesh.peer("C").line_with("B is away since ");
    mesh.peer("C").type_line("AAPL 1");
    mesh.has("A", "C", "AAPL", "1");
    mesh.agrees(3);
}

#[test]
fn whoever_has_ended_is_not_waited_for() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &[]);
    mesh.start("B", &["A"], &[]);
    mesh.says("A", "B", |member| member["state"] == "alive");
    mesh.interrupt("B").ok();
    // It would wait for B until the test is given up.
    mesh.start("C", &["A"], &["--join-wait", "1h"]);
    mesh.start("D", &["A"], &["--join-wait", "1h"]);
    mesh.kill("D");
    mesh.start("E", &["A"], &["--join-wait", "1h"]);
}

#[test]
fn peers_meet_over_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return eprintln!("skipped: this machine has no loopback of IPv6");
    }
    let place = Place::new();
    let mut first = place.start_typed(&["mesh", "A", "[::1]:0", "--json"]);
    let line: Value = serde_json::from_str(&first.line_with("listening")).unwrap();
    let address = line["listen"].as_str().expect("its address");
    let mut second = place.start_typed(&["mesh", "B", "[::1]:0", address, "--json"]);
    second.type_line("AAPL 3");
    first.line_with(r#""strategy":"B","symbol":"AAPL","position":"3""#);
    let view = place.run(&["mesh", "view", address]).ok();
    assert!(view.contains("B") && view.contains("AAPL"), "{view}");
}

#[test]
fn each_peer_is_killed_in_turn_under_load_and_nothing_shown_is_lost() {
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];
    const LINES: u64 = 20_000;
    let mut mesh = Mesh::new();
    mesh.place.write("trades", &"AAPL 1\n".repeat(usize::try_from(LINES).unwrap()));
    let others = |name: &str| NAMES.into_iter().filter(|other| *other != name).collect::<Vec<_>>();
    let start = |mesh: &mut Mesh, name: &'static str| {
        let data = format!("data-{name}");
        let more = ["--data", &data, "--file", "trades", "--join-wait", "60s"];
        // The first of them has nobody to wait for.
        let connect = if mesh.peers.is_empty() { Vec::new() } else { others(name) };
        mesh.start(name, &connect, &more);
    };
    NAMES.into_iter().for_each(|name| start(&mut mesh, name));
    for name in NAMES {
        let witness = others(name)[0];
        let shown = loop {
            let position = mesh.position(witness, name, "AAPL");
            if let Some(position) = position.filter(|position| position != "0") {
                break position.parse::<u64>().unwrap();
            }
        };
        mesh.kill(name);
        start(&mut mesh, name);
        let own: u64 = mesh.position(name, name, "AAPL").unwrap().parse().unwrap();
        assert!(shown <= own, "{name} had shown {shown} and has {own}");
    }
    // Every line of every file counts once, whatever was killed.
    for name in NAMES {
        for owner in NAMES {
            mesh.has(name, owner, "AAPL", &LINES.to_string());
        }
    }
    mesh.agrees(4);
    for name in NAMES {
        mesh.interrupt(name).ok();
    }
}

#[test]
fn bytes_that_no_peer_says_are_counted_and_end_nothing() {
    let mut mesh = Mesh::new();
    let place = Place::new();
    let mut peer = place.start_typed(&["mesh", "A", "0"]);
    let at = address(&mut peer);
    let mut raw = TcpStream::connect(&at).unwrap();
    // The peer may have closed the connection already.
    let _ = raw.write_all(&[0xff; 100_000]);
    let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
    socket.set_linger(0).unwrap();
    socket.connect(&format!("tcp://{at}")).unwrap();
    let hello = [b"MESH\x02\x01".to_vec(), b"MESH\x01\x63".to_vec(), vec![7; 1_000], vec![]];
    for frame in &hello {
        socket.send(frame, 0).unwrap();
    }
    socket.send_multipart(["MESH", "MESH", "MESH"], 0).unwrap();
    // A frame that is too large costs this connection, and no other.
    let large = zmq::Context::new().socket(zmq::DEALER).unwrap();
    large.set_linger(0).unwrap();
    large.connect(&format!("tcp://{at}")).unwrap();
    large.send(vec![0; 1 << 20], 0).unwrap();
    let counted = loop {
        let status = place.run(&["mesh", "status", &at, "--json"]).ok();
        let status: Value = serde_json::from_str(&status).unwrap();
        if let Some(count) = status["counters"]["garbage"].as_u64().filter(|count| 5 <= *count) {
            break count;
        }
    };
    assert_eq!(counted, 5);
    peer.type_line("AAPL 100");
    peer.line_with("A        | AAPL   | 100");
    peer.signal("-TERM");
    peer.outcome().ok();
    mesh.peers.clear();
}

#[test]
fn a_trade_after_the_journal_was_removed_is_never_shown() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "A.data"]);
    mesh.start("B", &["A"], &[]);
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("B", "A", "AAPL", "100");
    fs::remove_dir_all(mesh.place.path().join("A.data")).unwrap();
    mesh.peer("A").type_line("AAPL 1");
    let error = mesh.peers.remove("A").unwrap().outcome().error();
    assert!(error.contains("was removed, moved or replaced"), "{error}");
    mesh.says("B", "A", |member| member["state"] == "away");
    assert_eq!(mesh.position("B", "A", "AAPL").unwrap(), "100");
}

/// A hello, and a `name taken` for whoever reads it: nobody listens at its address.
fn lies() -> [Vec<u8>; 2] {
    let incarnation = [9, 0, 0, 0, 99, 0, 0, 0];
    let at = b"ipc://nowhere";
    let mut hello = [b"MESH\x01\x01\x01X".as_slice(), &incarnation, &[7; 8]].concat();
    hello.extend([&[13], at.as_slice(), &[0], &1_000_000_000_u64.to_le_bytes(), &[0; 8]].concat());
    let mut taken = [b"MESH\x01\x07".as_slice(), &incarnation, &[8; 8]].concat();
    taken.extend([&[13], at.as_slice(), &[1], &[0; 8]].concat());
    [hello, taken]
}

#[test]
fn a_claim_that_nobody_backs_ends_no_peer() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &[]);
    let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
    socket.set_linger(0).unwrap();
    socket.connect(&format!("ipc://{}", mesh.place.path().join("A").display())).unwrap();
    lies().iter().for_each(|frame| socket.send(frame, 0).unwrap());
    while mesh.status("A")["counters"]["unfounded"] != 1 {}
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("A", "A", "AAPL", "100");
}

#[test]
fn who_does_not_have_the_keys_is_not_heard() {
    let mut mesh = Mesh::new();
    let keys = ["--secret", "keys"];
    mesh.start("A", &[], &keys);
    mesh.start("B", &["A"], &keys);
    mesh.peer("A").type_line("AAPL 100");
    let seen = || mesh.place.run(&["mesh", "view", "ipc://B", "--secret", "keys"]).ok();
    while !seen().contains("1 row,") {}
    let outside = mesh.place.run(&["mesh", "view", "ipc://B", "--timeout", "500ms"]).error();
    assert!(outside.contains("no reply from ipc://B"), "{outside}");
    let mut stranger = mesh.spawn("C", &["A", "B"], &["--join-wait", "500ms"]);
    stranger.line_with("started");
    assert!(stranger.errors().contains("no peer answered"), "{}", stranger.errors());
    let status = mesh.place.run(&["mesh", "status", "ipc://A", "--secret", "keys", "--json"]).ok();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["members"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_is_applied_once() {
    let mut mesh = Mesh::new();
    mesh.place.write("trades", "AAPL 100\nAAPL -30\n");
    let more = ["--data", "a", "--file", "trades"];
    mesh.start("A", &[], &more);
    mesh.has("A", "A", "AAPL", "70");
    mesh.interrupt("A").ok();
    mesh.place.write("trades", "AAPL 100\nAAPL -30\nMSFT 7\n");
    mesh.start("A", &[], &more);
    mesh.has("A", "A", "MSFT", "7");
    mesh.has("A", "A", "AAPL", "70");
    assert!(mesh.peer("A").errors().contains("2 lines of trades were applied before"));
    mesh.interrupt("A").ok();
    mesh.place.write("trades", "AAPL 101\nAAPL -30\nMSFT 7\n");
    let error = mesh.spawn("A", &[], &more).outcome().error();
    assert!(error.contains("are not those that were applied before"), "{error}");
    mesh.place.write("trades", "AAPL 100\nAAPL -30\nMSFT 7\nMSFT x\n");
    let error = mesh.spawn("A", &[], &more).outcome().error();
    assert!(error.contains("line 4 of trades: "), "{error}");
}

#[test]
fn a_peer_whose_output_is_not_read_any_more_stops() {
    let mesh = Mesh::new();
    let mut peer = mesh.spawn("A", &[], &["--json"]);
    peer.line_with("started");
    peer.type_line("AAPL 1");
    peer.line_with("\"position\":\"1\"");
    assert_eq!(peer.status_after(&["AAPL 1"]).code(), Some(1));
}

#[test]
fn the_fills_of_a_source_are_followed_and_what_came_meanwhile_is_asked_for() {
    let mut mesh = Mesh::new();
    let (_server, ends) = mesh.place.serve();
    let split = ["feed", "aum", "--front", &ends.front, "--weights", "a=40,b=60", "--count", "1"];
    mesh.place.run(&split).ok();
    let fills = |place: &Place, source: &str, lines: &str| {
        place.write("fills.csv", &format!("ticker,side,price,quantity,id\n{lines}"));
        let feed = ["feed", "fills", "--file", "fills.csv", "--front", &ends.front];
        place.run(&[&feed[..], &["--source", source]].concat()).ok();
    };
    fills(&mesh.place, "desk-1", "AAPL,buy,10,100,1\nAAPL,sell,10,30,2\n");
    let follow = ["--follow", &ends.publish, "--front", &ends.front, "--source"];
    let more = [&["--data", "a"][..], &follow, &["desk-1"]].concat();
    mesh.start("A", &[], &more);
    mesh.has("A", "A", "AAPL", "70");
    fills(&mesh.place, "desk-2", "AAPL,buy,10,1000,1\n");
    fills(&mesh.place, "desk-3", "AAPL,buy,10,5,1\nMSFT,buy,10,8,2\n");
    mesh.kill("A");
    fills(&mesh.place, "desk-1", "AAPL,buy,10,1,3\nMSFT,buy,10,3,4\n");
    mesh.start("A", &[], &more);
    // Those of other sources are not its own.
    mesh.has("A", "A", "MSFT", "3");
    mesh.has("A", "A", "AAPL", "71");
    // What an earlier process has taken is asked for when it is taken back.
    let bust = ["bust", "desk-1", "1", "--ticker", "AAPL", "--front", &ends.front];
    mesh.place.run(&bust).ok();
    mesh.has("A", "A", "AAPL", "-29");
    mesh.interrupt("A").ok();
}

/// Who verifies a directory of both would see one of them.
#[test]
fn a_mesh_that_was_stopped_as_a_whole_has_the_rows_of_those_who_stay_away() {
    let mut mesh = Mesh::new();
    let data = |name| ["--data", name, "--snapshot-every", "1s"];
    mesh.start("A", &[], &data("a"));
    mesh.start("B", &["A"], &data("b"));
    mesh.peer("B").type_line("AAPL 100");
    mesh.has("A", "B", "AAPL", "100");
    // The first snapshot may be of a moment before the trade.
    let is_stored = || {
        let files = fs::read_dir(mesh.place.path().join("a")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        files.any(|file| {
            let is_whole = file.extension().is_some_and(|end| end == "csv");
            is_whole && fs::read_to_string(file).unwrap().contains(",periodic,B,AAPL,100,1,")
        })
    };
    while !is_stored() {}
    mesh.kill("A");
    mesh.kill("B");
    mesh.start("A", &[], &data("a"));
    assert_eq!(mesh.position("A", "B", "AAPL").as_deref(), Some("100"));
    mesh.interrupt("A").ok();
    // A snapshot that somebody has changed is named, and not used.
    let change = "UPDATE positions SET position = '7'";
    rusqlite::Connection::open(mesh.place.path().join("a/history.sqlite"))
        .unwrap()
        .execute(change, [])
        .unwrap();
    mesh.start("A", &[], &data("a"));
    assert_eq!(mesh.position("A", "B", "AAPL"), None);
    let errors = mesh.peer("A").errors();
    // All of them were changed: the newest is named, with how many more there are.
    assert_eq!(errors.matches("it was changed, and is not used").count(), 1, "{errors}");
    assert!(errors.contains("more="), "{errors}");
}

#[test]
fn a_history_that_is_no_database_keeps_no_strategy_from_starting() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.peer("A").type_line("AAPL 100");
    mesh.has("A", "A", "AAPL", "100");
    mesh.interrupt("A").ok();
    mesh.place.write("a/history.sqlite", &"no database ".repeat(1_000));
    mesh.start("A", &[], &["--data", "a"]);
    mesh.has("A", "A", "AAPL", "100");
    let errors = mesh.peer("A").errors();
    assert!(errors.contains("history.sqlite.unreadable-1 now"), "{errors}");
    mesh.interrupt("A").ok();
    // What is a database of something else is nobody's to move, and stays as it is.
    let path = mesh.place.path().join("a/history.sqlite");
    for table in ["positions", "cookies"] {
        fs::remove_file(&path).unwrap();
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute(&format!("CREATE TABLE {table} (account TEXT)"), []).unwrap();
        let error = mesh.spawn("A", &[], &["--data", "a"]).outcome().error();
        assert!(error.contains("cannot use the history in a; move history.sqlite away"), "{error}");
        let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table'";
        let tables: i64 = database.query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1, "{table}");
    }
}

#[test]
fn all_views_are_equal_after_each_restart() {
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];
    let mut mesh = Mesh::new();
    let others = |name: &str| NAMES.into_iter().filter(|other| *other != name).collect::<Vec<_>>();
    for name in NAMES {
        let connect: Vec<_> = mesh.peers.keys().copied().collect();
        mesh.start(name, &connect, &["--data", &format!("data-{name}")]);
    }
    for (round, name) in (1..).zip(NAMES) {
        // It is killed while trades of all are on their way.
        for _ in 0..300 {
            NAMES.into_iter().for_each(|name| mesh.peer(name).type_line("AAPL 1"));
        }
        let witness = others(name)[0];
        let shown = loop {
            let position = mesh.position(witness, name, "AAPL");
            if let Some(position) = position.filter(|position| position != "0") {
                break position.parse::<u64>().unwrap();
            }
        };
        mesh.kill(name);
        mesh.start(name, &others(name), &["--data", &format!("data-{name}")]);
        mesh.agrees(4);
        let has: u64 = mesh.position(witness, name, "AAPL").unwrap().parse().unwrap();
        assert!(shown <= has && has <= 300 * round, "{name} had shown {shown} and has {has}");
    }
}

#[test]
fn whoever_connects_to_itself_is_no_peer_of_its_own() {
    let mut mesh = Mesh::new();
    mesh.start("A", &["A"], &["--join-wait", "500ms"]);
    mesh.start("B", &["B", "A"], &[]);
    mesh.peer("A").type_line("AAPL 1");
    mesh.has("B", "A", "AAPL", "1");
    mesh.peer("B").type_line("AAPL 2");
    mesh.has("A", "B", "AAPL", "2");
    assert_eq!(mesh.status("A")["members"].as_array().unwrap().len(), 1);
}

#[test]
fn a_reader_that_does_not_read_keeps_nobody_from_trading_or_stopping() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--json"]);
    // Far more than a pipe takes.
    for number in 0..3_000 {
        mesh.peer("A").type_line(&format!("S{number} 1"));
    }
    mesh.has("A", "A", "S2999", "1");
    let peer = mesh.peers.remove("A").unwrap();
    peer.signal("-INT");
    assert!(peer.status_unread().success());
}

#[test]
fn what_a_peer_has_shown_of_others_comes_back_after_a_clean_stop() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.start("B", &["A"], &[]);
    mesh.peer("B").type_line("AAPL 100");
    mesh.has("A", "B", "AAPL", "100");
    mesh.kill("B");
    // Long before a snapshot is due.
    mesh.interrupt("A").ok();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.peer("A").line_with("B        | AAPL   | 100");
    assert_eq!(mesh.position("A", "B", "AAPL").as_deref(), Some("100"));
}

#[test]
fn a_terminal_that_is_gone_stops_a_peer_cleanly() {
    let mut mesh = Mesh::new();
    mesh.start("A", &[], &["--data", "a"]);
    mesh.peer("A").type_line("AAPL 1");
    mesh.has("A", "A", "AAPL", "1");
    let peer = mesh.peers.remove("A").unwrap();
    // The kernel says so, and the shell may say it again.
    peer.signal("-HUP");
    peer.signal("-HUP");
    peer.outcome().ok();
    let history = mesh.place.path().join("a/history.sqlite");
    let history = rusqlite::Connection::open(history).unwrap();
    let stored = history.query_row("SELECT count(*) FROM snapshots", [], |row| row.get(0));
    assert_eq!(stored, Ok(1_i64), "the view as it was at the end");
}
