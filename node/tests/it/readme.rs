//! README: what its first screen shows is what a server does.

use std::fs;
use std::path::Path;

use allot_allocation_service::Reply;
use serde_json::Value;

use crate::client::Client;
use crate::process::Place;

const SPLIT: &str = concat!(
    r#"{"type":"split","source":"aum","seq":1,"#,
    r#""weights":{"growth":"50","income":"30","pension":"20"}}"#
);

/// What is between two fences of the README, the first that begin so.
fn fences(document: &str) -> Vec<String> {
    let parts = document.split("\n```").collect::<Vec<_>>();
    let opened = parts.iter().skip(1).step_by(2);
    opened.map(|fence| fence.split_once('\n').unwrap().1.to_owned()).collect()
}

/// A reply without its time, which no two runs share.
fn without_time(reply: &str) -> Value {
    let mut reply: Value = serde_json::from_str(reply).unwrap();
    assert!(reply.as_object_mut().unwrap().remove("time").is_some(), "{reply}");
    reply
}

#[test]
fn the_fill_of_the_first_screen_has_that_reply_and_becomes_that_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let [fill, reply, table] = fences(&fs::read_to_string(path).unwrap())
        .into_iter()
        .take(3)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();

    let place = Place::new();
    let (_server, at) = place.serve();
    let client = Client::connect(&at.front);
    let accepted = client.ask(SPLIT.as_bytes());
    assert!(matches!(accepted, Reply::Accepted { .. }), "{accepted:?}");
    client.send(fill.as_bytes());
    assert_eq!(without_time(&client.receive_text()), without_time(&reply));
    client.report(&at.publish);
    let page = place.run(&["positions", "--once", "--publish", &at.publish]).ok();
    assert!(page.contains(&table), "{page}");
}
