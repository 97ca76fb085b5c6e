//! What the tools of others read, and who may.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::browser::{Answer, Browser};
use super::{Place, Rig, SPLIT, console};
use crate::client::Client;
use crate::server::{FREE, endpoint};

const OPENBB: &str = "https://pro.openbb.co";
const ROUTES: &[&str] = &[
    "/positions.arrow",
    "/widgets.json",
    "/apps.json",
    "/openbb/accounts",
    "/openbb/positions",
    "/openbb/state",
];

fn token(rig: &Rig, name: &str) -> String {
    rig.place.run(&["console", "user", "token", name]).ok().trim().to_owned()
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
}

#[test]
fn data_is_for_a_session_or_a_token_and_pages_are_not_for_a_token() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let mut other = rig.browser();
    let first = token(&rig, "anna");
    let bearer = |token: &str| format!("Bearer {token}");
    for path in ROUTES {
        assert_eq!(other.get(path).status, 401, "{path}");
        assert_eq!(other.get_with(path, &[("X-API-KEY", "0000")]).status, 401, "{path}");
        assert_eq!(other.get_with(path, &[("X-API-KEY", &first)]).status, 200, "{path}");
        assert_eq!(other.get_with(path, &[("Authorization", &bearer(&first))]).status, 200);
        assert_eq!(anna.get(path).status, 200, "{path}");
    }
    let users = std::fs::read_to_string(rig.place.path().join("console-users.toml")).unwrap();
    assert!(!users.contains(&first), "the file has its hash alone");
    // A token reads data and opens no page.
    assert_eq!(other.get_with("/", &[("X-API-KEY", &first)]).status, 303);
    let second = token(&rig, "anna");
    assert_eq!(other.get_with("/widgets.json", &[("X-API-KEY", &first)]).status, 401);
    assert_eq!(other.get_with("/widgets.json", &[("X-API-KEY", &second)]).status, 200);
    rig.place.run(&["console", "user", "token", "anna", "--remove"]).ok();
    assert_eq!(other.get_with("/widgets.json", &[("X-API-KEY", &second)]).status, 401);
    rig.place.run(&["console", "user", "token", "nobody"]).error();
}

#[test]
fn widgets_name_routes_that_there_are_and_a_trader_reads_their_own_accounts() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let widgets = json(&anna.get("/widgets.json"));
    for (id, widget) in widgets.as_object().unwrap() {
        let endpoint = widget["endpoint"].as_str().unwrap();
        let rows = json(&anna.get(&format!("/{endpoint}")));
        let rows = rows.as_array().unwrap();
        assert!(!rows.is_empty(), "{id}");
        for column in widget["data"]["table"]["columnsDefs"].as_array().into_iter().flatten() {
            let field = column["field"].as_str().unwrap();
            assert!(rows[0].get(field).is_some(), "{id} has no {field}");
        }
    }
    let found = json(&anna.get("/openbb/positions?account=ALP&ticker=msf"));
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!((&found[0]["account"], &found[0]["ticker"]), (&"alpha".into(), &"MSFT".into()));
    assert_eq!(anna.get("/openbb/positions?acount=a").status, 400);
    assert_eq!(anna.get("/positions.arrow?money=gold").status, 400);

    let mut ben = rig.logged_in("ben");
    for path in ["/openbb/accounts", "/openbb/positions"] {
        let rows = json(&ben.get(path));
        let is_own = |row: &Value| row["account"] == "alpha";
        assert!(rows.as_array().unwrap().iter().all(is_own), "{rows}");
    }
    let arrow = ben.get("/positions.arrow").body;
    assert!(arrow.contains("alpha") && !arrow.contains("beta"), "a trader sees their own accounts");
}

#[test]
fn one_other_origin_may_read_and_only_with_a_token() {
    let rig = Rig::new();
    let mut anna = rig.filled();
    let key = token(&rig, "carl");
    let from = |origin| [("Origin", origin), ("X-API-KEY", key.as_str())];
    let answer = anna.get_with("/widgets.json", &from(OPENBB));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(OPENBB));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    // A browser gives the answer to no page of another origin.
    let answer = anna.get_with("/widgets.json", &from("https://elsewhere.example"));
    assert_ne!(answer.header("access-control-allow-origin"), Some("https://elsewhere.example"));
    // A cookie is not enough from elsewhere.
    assert_eq!(anna.get_with("/openbb/accounts", &[("Origin", OPENBB)]).status, 401);
    // Pages and forms are for no other origin.
    let page = anna.get_with("/", &[("Origin", OPENBB)]);
    assert_eq!(page.header("access-control-allow-origin"), None);

    // Nor is an open console: any page could read it.
    let (_open, address) = console(&rig.place, &rig.front, &rig.publish, &["--open"]);
    let mut open = super::Browser::new(&address);
    open.wait("/openbb/accounts", |rows| rows.contains("alpha"));
    assert_eq!(open.get_with("/openbb/accounts", &[("Origin", OPENBB)]).status, 401);
    let preflight = [
        ("Origin", OPENBB),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "x-api-key"),
        ("Access-Control-Request-Private-Network", "true"),
    ];
    let answer = open.options("/widgets.json", &preflight);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("x-api-key"));
}

/// A command writes what the console gives, of the same report.
#[test]
fn the_stream_is_the_same_without_a_console() {
    let place = Place::new();
    let ends = ["--front", FREE, "--publish", FREE, "--report-every", "1h"];
    let mut server = place.start(&[&["serve"], &ends[..]].concat());
    let line = server.line_with("listening ");
    let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
    let client = Client::connect(&front);
    client.ask(SPLIT.as_bytes());
    client.ask(
        br#"{"type":"fill","source":"desk","seq":1,"ticker":"AAPL","price":"1","quantity":100}"#,
    );
    client.ask(br#"{"type":"report","source":"desk","seq":2}"#);
    let (_console, address) = console(&place, &front, &publish, &["--open"]);
    let mut browser = Browser::new(&address);
    // Its pages may have the fill before the report.
    browser.wait("/positions.arrow", |stream| !stream.contains("There is no report yet"));
    let given = browser.get("/positions.arrow").body;
    let write = |more: &[&str]| {
        place.run(&[&["positions", "--publish", &publish, "--arrow", "stream"], more].concat())
    };
    write(&[]).ok();
    let written = fs::read(place.path().join("stream")).unwrap();
    assert!(200 < written.len(), "{written:?}");
    assert_eq!(String::from_utf8_lossy(&written), given);
    write(&["--format", "csv"]).misuse();
    write(&["--account", "alpha"]).misuse();
}

/// Where there is a Python with pyarrow and pandas, these open what the console gives.
#[test]
fn pandas_opens_the_stream() {
    let Some(python) = std::env::var_os("ALLOT_TEST_PYTHON") else {
        eprintln!("skipped: ALLOT_TEST_PYTHON names no Python with pyarrow and pandas");
        return;
    };
    let rig = Rig::new();
    rig.filled();
    let key = token(&rig, "carl");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/console/positions.py");
    let address = format!("http://{}/positions.arrow", rig.address);
    let output = Command::new(python).args([script, &address, &key]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_str(&said).unwrap();
    let report = rig.report();
    let held: u64 = report.accounts.iter().flat_map(|one| &one.positions).map(|p| p.quantity).sum();
    assert_eq!(read["quantity"], held);
    assert_eq!(read["value"], report.total_value.to_string());
    let accounts: Vec<_> = report.accounts.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(read["accounts"], Value::from(accounts));
    assert_eq!(read["ledger"], report.ledger.unwrap().to_string());
}
