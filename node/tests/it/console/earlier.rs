//! What was before the console began: fills, splits, and how far back they go.

use allot_allocation_service::Report;

use super::{Browser, Place, Process, SPLIT, add_user, console};
use crate::client::{Client, subscribe};
use crate::server::{FREE, endpoint};

const LATER: &str =
    r#"{"type":"split","source":"aum","seq":2,"weights":{"alpha":10,"beta":65,"gamma":25}}"#;

/// A server to which something has happened before there is a console.
struct Before {
    place: Place,
    /// Kept so that it ends with the test.
    _server: Process,
    front: String,
    publish: String,
}

impl Before {
    /// Two splits, and five outcomes of two tickers, the last of them a bust.
    fn new(flags: &[&str]) -> Self {
        Self::reporting("100ms", flags)
    }

    /// The same, with a report that often.
    fn reporting(every: &str, flags: &[&str]) -> Self {
        let place = Place::new();
        place.init();
        add_user(&place, &["carl", "--role", "viewer"]);
        add_user(&place, &["ben", "--role", "trader", "--account", "alpha"]);
        let ends = ["serve", "--data", "data", "--front", FREE, "--publish", FREE];
        let every = ["--report-every", every];
        let mut server = place.start(&[&ends[..], &every, flags].concat());
        let line = server.line_with("listening ");
        let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
        let before = Self { place, _server: server, front, publish };
        let client = Client::connect(&before.front);
        client.ask(SPLIT.as_bytes());
        before.fill(&client, 1, "AAPL");
        before.fill(&client, 2, "AAPL");
        client.ask(LATER.as_bytes());
        before.fill(&client, 3, "MSFT");
        before.fill(&client, 4, "AAPL");
        client.ask(br#"{"type":"bust","source":"desk","seq":5,"ticker":"AAPL","of":4}"#);
        before
    }

    fn fill(&self, client: &Client, seq: u64, ticker: &str) {
        let head = format!(r#"{{"type":"fill","source":"desk","seq":{seq},"ticker":"{ticker}""#);
        client.ask(format!(r#"{head},"price":"187.23","quantity":100}}"#).as_bytes());
    }

    /// A console that has just begun, open to whoever is here.
    fn console(&self, flags: &[&str]) -> (Process, Browser) {
        let flags = [&["--open"], flags].concat();
        let (console, address) = console(&self.place, &self.front, &self.publish, &flags);
        (console, Browser::new(&address))
    }
}

/// The fills on a page, by ticker and number, the newest first.
fn fills(page: &str) -> Vec<&str> {
    let rows = page.split("<tr id=\"fill-").skip(1);
    rows.filter_map(|row| row.split('"').next()).collect()
}

#[test]
fn what_was_before_the_console_began_is_fetched() {
    let before = Before::new(&[]);
    let (_console, mut browser) = before.console(&[]);
    browser.wait("/fills", |page| page.contains("5 fetched from before"));
    let page = browser.get("/fills").body;
    assert!(
        page.contains("5 found of 5 kept; 0 heard") && page.contains("has all fills of the ledger"),
        "{page}"
    );
    assert_eq!(fills(&page), ["AAPL-4", "AAPL-3", "MSFT-1", "AAPL-2", "AAPL-1"]);
    // What comes from now on is there once.
    before.fill(&Client::connect(&before.front), 6, "AAPL");
    browser.wait("/fills", |page| page.contains("1 heard since"));
    let page = browser.get("/fills?ticker=AAPL").body;
    assert_eq!(fills(&page), ["AAPL-5", "AAPL-4", "AAPL-3", "AAPL-2", "AAPL-1"]);
    assert!(browser.get("/health").body.contains("1 heard, none missed"));

    browser.wait("/splits", |page| page.contains("aum/1"));
    let splits = browser.get("/splits").body;
    let history = splits.split("data-testid=\"history\"").nth(1).unwrap();
    assert!(history.contains("alpha 10, beta 65, gamma 25"), "{history}");
    assert!(history.contains("alpha 40, beta 35, gamma 25"), "{history}");
    assert!(history.contains("aum/1") && history.contains("aum/2"), "{history}");
    assert!(splits.contains("These are all that the ledger has."), "{splits}");

    let account = browser.get("/account/beta").body;
    assert!(account.contains("MSFT#1") && account.contains("bust of 4"), "{account}");
    // What the weights of a split that is over would have given.
    let row = account.split("<tr>").find(|row| row.contains("AAPL#1")).unwrap();
    assert!(row.contains("<td class=\"num\">35.00</td>"), "{row}");
}

/// A server that keeps nothing counts its splits anew when it comes again.
#[test]
fn what_a_server_has_lost_is_not_shown_any_more() {
    let place = Place::new();
    let at = |name: &str| format!("ipc://{}", place.path().join(name).display());
    let (front, publish) = (at("front"), at("publish"));
    let serve = || {
        let ends = ["serve", "--front", &front, "--publish", &publish, "--report-every", "100ms"];
        let mut server = place.start(&ends);
        server.line_with("listening ");
        server
    };
    let server = serve();
    let client = Client::connect(&front);
    client.ask(SPLIT.as_bytes());
    client.ask(LATER.as_bytes());
    let (_console, address) = console(&place, &front, &publish, &["--open"]);
    let mut browser = Browser::new(&address);
    browser.wait("/splits", |page| page.contains("aum/1") && page.contains("aum/2"));
    drop(server);
    let _server = serve();
    Client::connect(&front).ask(SPLIT.replace("\"aum\"", "\"pm\"").as_bytes());
    browser.wait("/splits", |page| page.contains("pm/1") && !page.contains("aum/"));
}

/// A ticker whose first fills came after the report that the console begins with, and before it
/// heard any.
#[test]
fn a_ticker_that_the_first_report_does_not_have_is_fetched_too() {
    let before = Before::reporting("1h", &[]);
    let client = Client::connect(&before.front);
    let report = |seq: u64| {
        client.ask(format!(r#"{{"type":"report","source":"ops","seq":{seq}}}"#).as_bytes());
    };
    let subscriber = subscribe(&before.publish, "positions:bin");
    report(1);
    // Two splits, four fills and a bust.
    while Report::decode(&subscriber.recv_multipart(0).unwrap()[2]).unwrap().cut != 7 {}
    before.fill(&client, 6, "NEW");
    let (_console, mut browser) = before.console(&[]);
    browser.wait("/fills", |page| page.contains("5 fetched from before"));
    before.fill(&client, 7, "NEW");
    browser.wait("/fills", |page| page.contains("NEW-2"));
    report(2);
    browser.wait("/fills", |page| page.contains("NEW-1"));
    let page = browser.get("/fills").body;
    assert_eq!(fills(&page), ["NEW-2", "NEW-1", "AAPL-4", "AAPL-3", "MSFT-1", "AAPL-2", "AAPL-1"]);
}

#[test]
fn the_latest_of_all_tickers_are_fetched_and_the_page_says_that_there_are_older_ones() {
    let before = Before::new(&[]);
    let (_console, mut browser) = before.console(&["--earlier-fills", "3"]);
    browser.wait("/fills", |page| page.contains("3 fetched from before"));
    let page = browser.get("/fills").body;
    assert_eq!(fills(&page), ["AAPL-4", "AAPL-3", "MSFT-1"]);
    assert!(page.contains("There are older ones: the console fetches the latest alone"), "{page}");
    let (_console, mut browser) = before.console(&["--earlier-fills", "0"]);
    browser.wait("/fills", |page| page.contains("There are older ones"));
    assert!(fills(&browser.get("/fills").body).is_empty());
}

#[test]
fn what_the_server_no_longer_keeps_is_said() {
    let before = Before::new(&["--history", "2"]);
    let (_console, mut browser) = before.console(&[]);
    browser.wait("/fills", |page| page.contains("2 fetched from before"));
    let page = browser.get("/fills").body;
    assert_eq!(fills(&page), ["AAPL-4", "AAPL-3"]);
    assert!(page.contains("There were older ones, which the server keeps no longer"), "{page}");
}

/// What the publisher says of the firm is what the console counts of the account farthest off.
#[test]
fn the_tracking_of_an_account_comes_to_that_of_the_firm() {
    let before = Before::new(&[]);
    let (_console, mut browser) = before.console(&[]);
    // A bust came under the split in force: what accounts had when it came cannot be told.
    browser.wait("/tracking?account=alpha", |page| page.contains("\"own-avoidable\">not known"));
    let client = Client::connect(&before.front);
    client.ask(SPLIT.replace("\"seq\":1", "\"seq\":3").as_bytes());
    before.fill(&client, 6, "AAPL");
    browser.wait("/tracking?account=alpha", |page| {
        page.contains("split</span> 3<")
            && page.contains("own-avoidable\">")
            && !page.contains("not known")
    });
    browser.wait("/fills", |page| page.contains("desk/6"));
    let subscriber = subscribe(&before.publish, "positions:json");
    let report = loop {
        let report = Report::decode(&subscriber.recv_multipart(0).unwrap()[2]).unwrap();
        // Three splits, five fills and a bust.
        if report.cut == 9 {
            break report;
        }
    };
    let told = report.tracking.unwrap();
    let path = format!("/tracking?account={}", told.worst_account);
    browser.wait(&path, |page| page.contains("as of input</span> 9<"));
    let page = browser.get(&path);
    for (name, told) in [
        ("own-deviation", told.deviation_in_prices),
        ("own-avoidable", told.avoidable),
        ("own-unavoidable", told.unavoidable),
    ] {
        let cents: i128 = page.text(name).replace([',', '.'], "").parse().unwrap();
        // Every fill had one price: the highest, in which the report counts.
        let expected = told.nanos() * 18_723 / 1_000_000_000;
        assert!((cents - expected).abs() <= 1, "{name} {cents} {expected}");
    }
}
