//! The console inside a server: same process, same checks, and no harm to the server.

use std::net::TcpListener;

use super::{Browser, Client, FREE, PASSWORD, Place, add_user, endpoint};

const ENDS: [&str; 6] = ["--front", FREE, "--publish", FREE, "--report-every", "100ms"];

fn address(line: &str) -> String {
    line.trim_start_matches("console=http://").trim_end_matches('/').to_owned()
}

#[test]
fn a_server_serves_its_console_and_ends_with_it() {
    let place = Place::new();
    add_user(&place, &["anna", "--role", "viewer"]);
    let mut server = place.start(&[&["serve", "--console", "127.0.0.1:0"], &ENDS[..]].concat());
    let front = endpoint(&server.line_with("listening "), "front=");
    let mut browser = Browser::new(&address(&server.line_with("console=")));
    assert!(browser.get("/").place().starts_with("/login"));
    let form = [("name", "anna"), ("password", PASSWORD)];
    assert_eq!(browser.post("/login", &form).status, 303);
    let split = br#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":100}}"#;
    Client::connect(&front).ask(split);
    browser.wait("/", |page| page.contains("row-alpha"));
    server.signal("-TERM");
    server.outcome().ok();
}

#[test]
fn a_demo_shows_its_pages_to_this_machine() {
    let place = Place::new();
    let mut demo = place.start(&["demo", "--console", "--count", "100000000"]);
    let mut browser = Browser::new(&address(&demo.line_with("console=")));
    browser.wait("/", |page| page.contains("row-account1"));
    assert_eq!(browser.post("/splits/preview", &[("weights", "a 100")]).status, 403);
    demo.signal("-INT");
    // On a loaded machine some replies may come too late for its end, which it then says.
    let outcome = demo.outcome();
    assert!(outcome.stdout.contains("fills sent "), "{outcome:?}");
}

/// A port that is taken, or no file of users, is an error of the log.
#[test]
fn a_server_goes_on_without_its_console() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (address.to_string(), taken)).unwrap();
    for flags in [&["--console", &*taken.0, "--console-open"][..], &["--console", "127.0.0.1:0"]] {
        let place = Place::new();
        let mut server = place.start(&[&["serve"], &ENDS[..], flags].concat());
        let front = endpoint(&server.line_with("listening "), "front=");
        let split = br#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":100}}"#;
        Client::connect(&front).ask(split);
        server.signal("-TERM");
        let outcome = server.outcome();
        assert!(outcome.status.success(), "{outcome:?}");
        assert!(outcome.stderr.contains("runs without its console"), "{outcome:?}");
        assert!(!outcome.stdout.contains("console="), "{outcome:?}");
    }
}

#[test]
fn an_unsafe_console_inside_is_refused_before_the_server_starts() {
    let place = Place::new();
    for (flags, why) in [
        (&["--console", "0.0.0.0:0", "--console-open"][..], "loopback"),
        (&["--console", "0.0.0.0:0"], "--console-behind-tls"),
        (&["--console", "--console-open", "--console-behind-tls"], "leave out one"),
    ] {
        for page in ["serve", "demo"] {
            let error = place.run(&[&[page], &ENDS[..], flags].concat()).error();
            let is_said = error.contains(why) || page == "demo" && error.contains("loopback");
            assert!(is_said, "{page} {flags:?}: {error}");
        }
    }
    let misuse = place.run(&["serve", "--console-open"]).misuse();
    assert!(misuse.contains("--console"), "{misuse}");
}

#[test]
fn a_console_of_an_encrypted_server_reads_it() {
    let place = Place::new();
    let secrets = ["--front-secret", "keys", "--publish-secret", "feed-keys"];
    let inside = ["serve", "--console", "127.0.0.1:0", "--console-open"];
    let mut server = place.start(&[&inside[..], &ENDS, &secrets].concat());
    let line = server.line_with("listening ");
    let inside = address(&server.line_with("console="));
    let [front, front_key, publish, publish_key] =
        ["front=", "front-key=", "publish=", "publish-key="].map(|name| endpoint(&line, name));
    let split = br#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":100}}"#;
    Client::connect_to(&front, &front_key).ask(split);
    let keys = ["--front-key", &front_key, "--publish-key", &publish_key, "--open"];
    let (_beside, beside) = super::console(&place, &front, &publish, &keys);
    for address in [inside, beside] {
        Browser::new(&address).wait("/", |page| page.contains("row-alpha"));
    }
}
