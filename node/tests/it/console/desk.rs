//! The page of a desk over plain HTTP, as a browser without JavaScript: a real desk, its quote
//! server, and a console of them.

use serde_json::Value;

use super::{Answer, Browser, PASSWORD, Place, Stream, add_user, console};
use crate::process::Process;

/// A desk that keeps its ledger, a quote server with fixed prices, and a console.
struct Rig {
    place: Place,
    _quotes: Process,
    desk: Option<Process>,
    _console: Process,
    quotes: String,
    address: String,
}

impl Rig {
    fn new() -> Self {
        let place = Place::new();
        for name in ["ben", "eva"] {
            add_user(&place, &[name, "--role", "trader"]);
        }
        add_user(&place, &["anna", "--role", "operator"]);
        place.write("prices", "ABC,10.00\nXYZ,2.50\n");
        let page = ["desk", "quote-server", "--listen", "127.0.0.1:0", "--prices", "prices"];
        let mut server = place.start(&page);
        let quotes = server.line_with("listening quotes=").replace("listening quotes=", "");
        let desk = desk(&place, &quotes, &["--new"]);
        let flags = ["--desk", "ipc://desk", "--desk-logs", "data/logs"];
        let (console, address) = console(&place, "ipc://nowhere", "ipc://nobody", &flags);
        Self { place, _quotes: server, desk: Some(desk), _console: console, quotes, address }
    }

    fn logged_in(&self, name: &str) -> Browser {
        let mut browser = Browser::new(&self.address);
        let answer = browser.post("/login", &[("name", name), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// The account as the desk itself has it.
    fn summary(&self, user: &str) -> Value {
        let line = self.place.run(&["desk", "summary", user, "--front", "ipc://desk"]).ok();
        serde_json::from_str(&line).unwrap()
    }
}

fn desk(place: &Place, quotes: &str, more: &[&str]) -> Process {
    let ends = ["--front", "ipc://desk", "--publish", "ipc://publish", "--quotes", quotes];
    let page = [&["desk", "serve", "--data", "data"], &ends[..], more].concat();
    let mut server = place.start(&page);
    server.line_with("listening ");
    server
}

/// Presses a button of the page, with what is typed into its form; returns the page after it.
#[track_caller]
fn press(browser: &mut Browser, command: &str, typed: &[(&str, &str)]) -> Answer {
    let page = browser.get("/desk");
    press_of(browser, &page, command, typed)
}

/// The same, of a page that was shown before.
#[track_caller]
fn press_of(browser: &mut Browser, page: &Answer, command: &str, typed: &[(&str, &str)]) -> Answer {
    let button = page.button(command);
    let mut fields = vec![("do", button.as_str())];
    fields.extend(typed);
    let answer = browser.post("/desk", &fields);
    if answer.status == 303 { browser.get(answer.place()) } else { answer }
}

const ABC: [(&str, &str); 2] = [("symbol", "ABC"), ("amount", "105.00")];

#[test]
fn a_trader_buys_sells_and_downloads_the_log() {
    let rig = Rig::new();
    let mut ben = rig.logged_in("ben");
    assert_eq!(ben.get("/").place(), "/desk", "a trader without accounts trades");
    assert!(ben.get("/desk").body.contains("The desk does not know you yet"));
    let page = press(&mut ben, "ADD", &[("amount", "1000.00")]);
    assert_eq!(page.text("cash"), "1,000.00", "{}", page.body);
    let page = press(&mut ben, "QUOTE", &[("symbol", "ABC")]);
    assert!(page.text("told").contains("ABC costs 10.00."), "{}", page.body);
    assert!(page.body.contains("name=\"symbol\" value=\"ABC\""), "what was typed is there");
    let page = press(&mut ben, "BUY", &ABC);
    assert!(page.text("told").contains("10 ABC at 10.00, 100.00 in all"), "{}", page.body);
    assert_eq!((page.text("cash"), page.text("held")), ("900.00", "100.00"));
    assert!(page.body.contains("data-until-ms"), "the seconds are counted");
    let order = page.field("order").to_owned();
    let page = press_of(&mut ben, &page, "COMMIT_BUY", &[("order", &order)]);
    assert!(page.text("told").contains("The purchase is done"), "{}", page.body);
    let page = press(&mut ben, "SELL", &[("symbol", "ABC"), ("amount", "30")]);
    let order = page.field("order").to_owned();
    let page = press_of(&mut ben, &page, "CANCEL_SELL", &[("order", &order)]);
    assert!(page.text("told").contains("The sale is cancelled"), "{}", page.body);
    let seq = page.field("seq").to_owned();
    // On a loaded machine it takes longer than a page waits: then the page says so.
    let log = loop {
        let answer = ben.post("/desk/log", &[("seq", &seq)]);
        if answer.status == 200 {
            break answer;
        }
        let page = ben.get(answer.place());
        assert!(page.text("told").contains("is being written"), "{}", page.body);
    };
    assert_eq!(log.header("content-type"), Some("application/xml"), "{}", log.body);
    let named = "attachment; filename=\"console-ben.xml\"";
    assert_eq!(log.header("content-disposition"), Some(named));
    for text in ["<command>COMMIT_BUY</command>", "<username>ben</username>", "DUMPLOG"] {
        assert!(log.body.contains(text), "{text}: {}", log.body);
    }
    let again = ben.post("/desk/log", &[("seq", &seq)]);
    assert_eq!(again.body, log.body, "the same button gives the same file");
    let summary = rig.summary("ben");
    assert_eq!((&summary["cash"], &summary["holdings"][0]["free"]), (&"900.00".into(), &10.into()));
    let listed = rig.place.run(&["inspect", "data", "--json", "--last", "1000"]).ok();
    assert!(listed.contains("console.ben"), "the journal says who sent it: {listed}");
}

/// A look is a command that the journal keeps: looking often asks once.
#[test]
fn looking_at_an_account_is_bounded_and_what_was_done_shows_at_once() {
    let rig = Rig::new();
    let mut ben = rig.logged_in("ben");
    let summaries = || {
        let listed = rig.place.run(&["inspect", "data", "--json", "--last", "1000"]).ok();
        listed.matches("DISPLAY_SUMMARY").count()
    };
    press(&mut ben, "ADD", &[("amount", "1000.00")]);
    let before = summaries();
    assert!(0 < before, "the journal has looks under this name");
    let looks = 50;
    for _ in 0..looks {
        assert_eq!(ben.get("/desk").text("cash"), "1,000.00");
    }
    assert!(summaries() - before < looks, "{before} {}", summaries());
    // What the user does counts from the next page on.
    let page = press(&mut ben, "ADD", &[("amount", "1.00")]);
    assert_eq!(page.text("cash"), "1,001.00");
    let page = press(&mut ben, "BUY", &ABC);
    assert_eq!((page.text("cash"), page.text("held")), ("901.00", "100.00"));
}

#[test]
fn a_button_that_is_pressed_twice_counts_once() {
    let mut rig = Rig::new();
    let mut ben = rig.logged_in("ben");
    let page = ben.get("/desk");
    let shown = press_of(&mut ben, &page, "ADD", &[("amount", "1000.00")]);
    assert_eq!(shown.text("cash"), "1,000.00");
    let again = press_of(&mut ben, &page, "ADD", &[("amount", "1000.00")]);
    assert!(again.text("told").contains("counts once"), "{}", again.body);
    assert_eq!(again.text("cash"), "1,000.00");
    let other = press_of(&mut ben, &page, "ADD", &[("amount", "2000.00")]);
    assert!(other.text("told").contains("was pressed before"), "{}", other.body);
    // Whatever happens between: the desk is killed, and the page is sent again.
    let page = press(&mut ben, "BUY", &ABC);
    let order = page.field("order").to_owned();
    rig.desk.take().unwrap().kill();
    rig.desk = Some(desk(&rig.place, &rig.quotes, &[]));
    for _ in 0..2 {
        let shown = press_of(&mut ben, &page, "COMMIT_BUY", &[("order", &order)]);
        assert!(shown.text("told").contains("The purchase is done"), "{}", shown.body);
    }
    assert_eq!(rig.summary("ben")["holdings"][0]["free"], 10);
    assert_eq!(rig.summary("ben")["cash"], "900.00");
}

#[test]
fn two_users_have_nothing_of_each_other() {
    let rig = Rig::new();
    let (mut ben, mut eva) = (rig.logged_in("ben"), rig.logged_in("eva"));
    press(&mut ben, "ADD", &[("amount", "1000.00")]);
    let bought = press(&mut ben, "BUY", &ABC);
    press(&mut eva, "ADD", &[("amount", "5.00")]);
    let page = eva.get("/desk");
    assert_eq!((page.text("cash"), page.text("held")), ("5.00", "0.00"));
    assert!(!page.body.contains("ABC"), "{}", page.body);
    // Neither by the number of a command nor by its button.
    let done = press(&mut ben, "QUOTE", &[("symbol", "XYZ")]);
    let place = done.body.split("hx-get=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(place.starts_with("/desk?done="), "{place}");
    assert!(!eva.get(place).body.contains("XYZ costs"));
    let order = bought.field("order").to_owned();
    let answer = press_of(&mut eva, &bought, "COMMIT_BUY", &[("order", &order)]);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(rig.summary("ben")["held"], "100.00");
    let mut anna = rig.logged_in("anna");
    assert_eq!(anna.get("/desk").status, 403, "the desk is for traders");
    assert_eq!(anna.post("/desk", &[("do", "ADD 1"), ("amount", "1")]).status, 403);
    assert!(!anna.get("/").body.contains("href=\"/desk\""));
    assert_eq!(Browser::new(&rig.address).get("/desk").place(), "/login?next=%2Fdesk");
}

#[test]
fn an_automatic_order_is_set_fires_and_is_told_to_the_open_page() {
    let rig = Rig::new();
    let mut ben = rig.logged_in("ben");
    press(&mut ben, "ADD", &[("amount", "1000.00")]);
    let page = press(&mut ben, "SET_BUY_AMOUNT", &[("symbol", "XYZ"), ("amount", "100")]);
    assert_eq!(page.text("reserved"), "100.00", "{}", page.body);
    assert!(page.body.contains("not set"));
    let bad =
        press_of(&mut ben, &page, "SET_BUY_TRIGGER", &[("symbol", "XYZ"), ("amount", "cheap")]);
    assert_eq!(bad.status, 422);
    assert!(
        bad.text("told").contains("12.34") && bad.body.contains("value=\"cheap\""),
        "{}",
        bad.body
    );
    let page = press(&mut ben, "SET_BUY_AMOUNT", &[("symbol", "ABC"), ("amount", "50")]);
    let page = press_of(&mut ben, &page, "CANCEL_SET_BUY", &[("symbol", "ABC")]);
    assert!(page.text("told").contains("is gone"), "{}", page.body);
    let mut stream = Stream::open(&ben);
    let page = press(&mut ben, "SET_BUY_TRIGGER", &[("symbol", "XYZ"), ("amount", "3")]);
    assert!(!page.text("told").is_empty());
    stream.wait_for("desk");
    let page = ben.get("/desk");
    assert!(page.body.contains("trigger bought"), "{}", page.body);
    assert_eq!(page.text("reserved"), "0.00");
    let page = press(&mut ben, "SET_SELL_AMOUNT", &[("symbol", "XYZ"), ("amount", "50")]);
    let page =
        press_of(&mut ben, &page, "SET_SELL_TRIGGER", &[("symbol", "XYZ"), ("amount", "20")]);
    assert!(page.body.contains("≥ 20.00"), "{}", page.body);
    let page = press_of(&mut ben, &page, "CANCEL_SET_SELL", &[("symbol", "XYZ")]);
    assert!(page.body.contains("None is set."), "{}", page.body);
}

#[test]
fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
    let mut rig = Rig::new();
    let mut ben = rig.logged_in("ben");
    press(&mut ben, "ADD", &[("amount", "50.00")]);
    let poor = press(&mut ben, "BUY", &ABC);
    assert!(poor.text("told").contains("A purchase needs"), "{}", poor.body);
    assert!(poor.body.contains("role=\"alert\""), "{}", poor.body);
    assert!(poor.body.contains("value=\"105.00\"") && poor.body.contains("value=\"ABC\""));
    for (typed, why) in [
        ([("symbol", "TOOLONG"), ("amount", "1")], "TOOLONG"),
        ([("symbol", "ABC"), ("amount", "1,000")], "12.34"),
        ([("symbol", "ABC"), ("amount", "0")], "more than zero"),
        ([("symbol", "ABC"), ("amount", "")], "There is no amount"),
        ([("symbol", "ABC"), ("amount", "99999999999")], "at most 10,000,000,000.00"),
    ] {
        let page = press(&mut ben, "BUY", &typed);
        assert_eq!(page.status, 422);
        assert!(page.text("told").contains(why), "{why}: {}", page.body);
        assert!(page.body.contains(&format!("value=\"{}\"", typed[1].1)), "{}", page.body);
    }
    let odd = ben.post("/desk", &[("do", "FLY 7")]);
    assert!(odd.status == 422 && odd.body.contains("load the page again"), "{}", odd.body);
    let odd = ben.post("/desk/log", &[("seq", "x")]);
    assert!(odd.status == 422 && odd.body.contains("load the page again"), "{}", odd.body);
    // The order that the page shows is not the one that a commit would take.
    press(&mut ben, "BUY", &[("symbol", "XYZ"), ("amount", "10")]);
    let page = ben.get("/desk");
    let order = page.field("order").to_owned();
    press(&mut ben, "BUY", &[("symbol", "XYZ"), ("amount", "5")]);
    let late = press_of(&mut ben, &page, "COMMIT_BUY", &[("order", &order)]);
    assert_eq!(late.status, 409);
    assert!(late.text("told").contains("is now another one"), "{}", late.body);
    assert_eq!(rig.summary("ben")["pending"].as_array().unwrap().len(), 2);
    // A desk that is away is named, and what to do.
    rig.desk.take().unwrap().kill();
    // Until the console notices that, the last look holds, for some seconds at the most.
    let away = loop {
        let answer = ben.get("/desk");
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(away.status, 503);
    assert!(away.body.contains("did not reply in time"), "{}", away.body);
}
