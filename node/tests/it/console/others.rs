//! The pages of signals and of a mesh: what runs, with its reasons, as real processes.

use super::{Browser, PASSWORD, Place, add_user, console};
use crate::process::Process;

/// The console of these addresses.
fn pages(place: &Place, flags: &[&str]) -> (Process, Browser) {
    add_user(place, &["carl", "--role", "viewer"]);
    add_user(place, &["ben", "--role", "trader", "--account", "alpha"]);
    let (console, address) = console(place, "ipc://nowhere", "ipc://nobody", flags);
    let mut browser = Browser::new(&address);
    browser.post("/login", &[("name", "carl"), ("password", PASSWORD)]);
    (console, browser)
}

/// Asks again until the page has it: what it shows changes by itself.
fn until(browser: &mut Browser, path: &str, texts: &[&str]) -> String {
    loop {
        let page = browser.get(path).body;
        if texts.iter().all(|text| page.contains(text)) {
            return page;
        }
    }
}

#[test]
fn signals_are_shown_with_their_reasons() {
    let place = Place::new();
    let (_console, mut carl) = pages(&place, &["--signals", "ipc://trader"]);
    let away = carl.get("/signals").body;
    assert!(away.contains("No reply came from ipc://trader"), "{away}");
    assert!(away.contains("check that a trader of signals runs"), "{away}");
    let page = ["signals", "trader", "--listen", "ipc://trader", "--period", "1s"];
    let _trader = place.start(&page);
    until(&mut carl, "/signals", &["No strategy is registered."]);
    let _strategy = place.start(&[
        "signals",
        "strategy",
        "--name",
        "X",
        "--trader",
        "ipc://trader",
        "--signals",
        "ipc://away",
        "--period",
        "1s",
    ]);
    // The trader is in error, and says of which strategy.
    let shown = until(&mut carl, "/signals", &["\"trader\">error<", "ipc://away", ">missing<"]);
    assert!(shown.contains("No median is made while"), "{shown}");
    assert!(carl.get("/").body.contains("href=\"/signals\""));
    assert_eq!(carl.get("/mesh").status, 404, "it was not asked for");
    let mut ben = carl.clone();
    ben.post("/login", &[("name", "ben"), ("password", PASSWORD)]);
    assert_eq!(ben.get("/signals").status, 403);
    assert!(!ben.get("/").body.contains("href=\"/signals\""));
}

#[test]
fn a_mesh_is_shown_as_a_peer_sees_it() {
    let place = Place::new();
    let (_console, mut carl) = pages(&place, &["--mesh", "ipc://a"]);
    let away = carl.get("/mesh").body;
    assert!(away.contains("No reply came from ipc://a"), "{away}");
    let mut first = place.start_typed(&["mesh", "peer-a", "--listen", "ipc://a"]);
    first.line_with("started");
    until(&mut carl, "/mesh", &["data-testid=\"peer\">peer-a<"]);
    let join = ["mesh", "peer-b", "--listen", "ipc://b", "--connect", "ipc://a"];
    let second = place.start_typed(&join);
    until(&mut carl, "/mesh", &[">alive<"]);
    second.kill();
    let shown = until(&mut carl, "/mesh", &["away for"]);
    assert!(shown.contains("peer-b"), "{shown}");
}
