//! Splits between two reports: what a page says does not wait for the next one.

use super::{Rig, add_user, console};
use crate::client::Client;
use crate::process::Place;
use crate::server::{FREE, endpoint};

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
