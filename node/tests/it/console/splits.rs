//! Splits between two reports: what a page says does not wait for the next one.

use super::{Browser, PASSWORD, Rig, add_user, console};
use crate::client::Client;
use crate::process::Place;
use crate::server::{FREE, Server, endpoint};

const FIRST: &str = r#"{"type":"split","source":"desk","seq":1,"weights":{"a":60,"b":40}}"#;
const OTHER: &str = r#"{"type":"split","source":"desk","seq":9,"weights":{"a":50,"b":50}}"#;

#[test]
fn a_split_is_seen_at_once_and_one_that_was_shown_before_it_is_not_sent() {
    let place = Place::new();
    place.init();
    add_user(&place, &["anna", "--role", "operator"]);
    let ends = ["--front", FREE, "--publish", FREE, "--report-every", "1h"];
    let mut server = place.start(&[&["serve", "--data", "data"], &ends[..]].concat());
    let line = server.line_with("listening ");
    let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
    let client = Client::connect(&front);
    client.ask(FIRST.as_bytes());
    client.ask(br#"{"type":"report","source":"desk","seq":2}"#);
    let (process, address) = console(&place, &front, &publish, &[]);
    let server = Some(server);
    let rig = Rig { place, server, _console: process, front, publish, address };
    let mut anna = rig.logged_in("anna");
    anna.wait("/splits", |page| page.contains("data-testid=\"split\">1<"));
    let (early, shown) = (anna.show("a 70\nb 30"), anna.show("a 10\nb 90"));
    let sent = anna.send(&shown, false);
    let page = anna.get(sent.place()).body;
    assert!(page.contains("Split 2 is in force."), "{page}");
    assert!(page.contains("a 10\nb 90\n"), "the form begins with what is in force: {page}");
    assert!(page.contains("a 60, b 40") && page.contains("a 10, b 90"), "{page}");
    let late = anna.send(&early, false);
    assert_eq!(late.status, 409);
    assert!(late.body.contains("Split 2 came into force meanwhile"), "{}", late.body);
    // So is one that somebody else sends.
    let shown = anna.show("a 20\nb 80");
    client.ask(OTHER.as_bytes());
    let late = anna.send(&shown, false);
    assert!(late.body.contains("Split 3 came into force meanwhile"), "{}", late.body);
}

/// Where no report comes any more, the page shows what was in force; what is, the front door knows.
#[test]
fn a_split_that_was_shown_before_another_is_not_sent_while_no_report_comes() {
    let server = Server::over_ipc(1);
    let client = server.split();
    client.ask(br#"{"type":"report","source":"desk","seq":2}"#);
    let place = Place::new();
    add_user(&place, &["anna", "--role", "operator"]);
    let (_process, address) = console(&place, &server.front, &server.publish, &[]);
    let mut anna = Browser::new(&address);
    assert_eq!(anna.post("/login", &[("name", "anna"), ("password", PASSWORD)]).status, 303);
    anna.wait("/splits", |page| page.contains("data-testid=\"split\">1<"));
    let shown = anna.show("a 70\nb 30");
    server.process("publisher").signal("-STOP");
    client.ask(OTHER.as_bytes());
    let late = anna.send(&shown, true);
    assert_eq!(late.status, 409);
    assert!(late.body.contains("Split 2 came into force meanwhile"), "{}", late.body);
    // Once reports come again, it goes on.
    server.process("publisher").signal("-CONT");
    let sent = anna.send(&anna.clone().show("a 20\nb 80"), true);
    assert!(anna.get(sent.place()).body.contains("Split 3 is in force"));
}
