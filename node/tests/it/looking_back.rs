//! Look back: who got what and why, and what everybody held, from the journals of real servers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::process::{Endpoints, Place, Process};
use crate::verify::written;

/// A server that keeps what it is told in `data`, with so many shards.
fn kept(shards: &str) -> (Place, Process, Endpoints) {
    let place = Place::new();
    place.init();
    place.write("allot.toml", &format!("data = \"data\"\nshards = {shards}\n"));
    let (server, at) = place.serve();
    (place, server, at)
}

fn ask(place: &Place, at: &Endpoints, arguments: &[&str]) -> String {
    place.run(&[arguments, &["--front", &at.front]].concat()).ok()
}

fn history(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let lines = place.run(&[&["history"], arguments, &["--format", "json"]].concat()).ok();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Two fills before the first split, a purchase, a sale, a bust of it, and another split.
fn day(place: &Place, at: &Endpoints) {
    let fill = |seq: &str, ticker: &str, side: &str, price: &str, quantity: &str| {
        let words = [
            "send",
            "fill",
            "source=desk",
            &format!("seq={seq}"),
            &format!("ticker={ticker}"),
            &format!("side={side}"),
            &format!("price={price}"),
            &format!("quantity={quantity}"),
        ];
        ask(place, at, &words)
    };
    assert!(fill("1", "AAPL", "buy", "187.23", "10").contains("held"));
    ask(place, at, &["split", "ann=40,bob=60"]);
    fill("2", "AAPL", "buy", "187.23", "101");
    fill("3", "MSFT", "buy", "400", "7");
    fill("4", "AAPL", "sell", "190", "20");
    let ends = ["--publish", at.publish.as_str()];
    ask(place, at, &[&["bust", "desk", "4"][..], &ends].concat());
    ask(place, at, &["split", "ann=10,bob=60,carl=30"]);
    fill("5", "MSFT", "buy", "401.5", "9");
}

#[test]
fn the_history_of_a_running_server_says_who_got_what() {
    let (place, server, at) = kept("2");
    day(&place, &at);
    let events = history(&place, &["data"]);
    let names: Vec<_> = events
        .iter()
        .map(|event| {
            format!("{} {}", event["type"].as_str().unwrap(), event["id"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "allocated 1",
        "allocated 2",
        "allocated 3",
        "allocated 4",
        "busted bust-4",
        "allocated 5",
    ];
    assert_eq!(names, expected);
    let splits: Vec<_> = events.iter().filter_map(|event| event["split"].as_u64()).collect();
    assert_eq!(splits, [1, 1, 1, 1, 2]);
    let bust = &events[4];
    assert_eq!((bust["of"].as_str(), bust["side"].as_str()), (Some("4"), Some("sell")));
    assert_eq!(bust["shares"], events[3]["shares"], "a bust gives back what was given");

    // The changes of CSV add up to the positions.
    let csv = place.run(&["history", "data", "--format", "csv"]).ok();
    let mut held = BTreeMap::<(String, String), i64>::new();
    for line in csv.lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        let change: i64 = cells[13].parse().unwrap();
        *held.entry((cells[11].to_owned(), cells[1].to_owned())).or_default() += change;
    }
    let now = ["positions", "--now", "--format", "json", "--publish", &at.publish];
    let now: Value = serde_json::from_str(&ask(&place, &at, &now)).unwrap();
    for ((account, ticker), change) in &held {
        let position = &now["accounts"][account]["positions"][ticker]["quantity"];
        assert_eq!(position.as_i64().unwrap_or(0), *change, "{account} {ticker}");
    }

    // The same from the server itself, but for the time of what was held.
    let ends = ["--front", at.front.as_str(), "--publish", at.publish.as_str()];
    let told = history(&place, &ends);
    let without_time = |event: &Value| {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove("time");
        event
    };
    let sorted = |events: &[Value]| {
        let mut events: Vec<_> =
            events.iter().map(|event| without_time(event).to_string()).collect();
        events.sort();
        events
    };
    assert_eq!(sorted(&told), sorted(&events));
    server.signal("-TERM");
    server.outcome().ok();
    assert_eq!(history(&place, &["data"]), events);
    place.run(&["verify", "data"]).ok();
}

#[test]
fn the_history_is_filtered() {
    let (place, _server, at) = kept("1");
    day(&place, &at);
    let count = |arguments: &[&str]| history(&place, &[&["data"], arguments].concat()).len();
    assert_eq!(count(&["--ticker", "MSFT"]), 2);
    assert_eq!(count(&["--ticker", "MSFT", "--ticker", "AAPL"]), 6);
    assert_eq!(count(&["--source", "nobody"]), 0);
    assert_eq!(count(&["--to", "2020-01-01"]), 0);
    assert_eq!(count(&["--from", "2020-01-01"]), 6);
    let carl = history(&place, &["data", "--account", "carl"]);
    assert_eq!(carl.len(), 1);
    assert_eq!(carl[0]["shares"].as_object().unwrap().keys().collect::<Vec<_>>(), ["carl"]);
    let last = carl[0]["time"].as_str().unwrap();
    assert_eq!(count(&["--from", last]), 1);
    assert_eq!(count(&["--to", last]), 5, "--to is not included");
    let table = place.run(&["history", "data", "--ticker", "AAPL"]).ok();
    assert!(table.contains("buy 101 at 187.23 desk/2, split 1: ann 40, bob 61"), "{table}");
    assert!(table.contains("bust desk/bust-4 of fill 4 (sell 20 at 190): "), "{table}");
}

#[test]
fn the_positions_of_a_past_time_are_those_of_that_time() {
    let (place, _server, at) = kept("2");
    day(&place, &at);
    let events = history(&place, &["data"]);
    let at_time = |time: &str, more: &[&str]| {
        place.run(&[&["positions", "--at", time], more, &["data"]].concat()).ok()
    };
    let json = |time: &str| -> Value {
        serde_json::from_str(&at_time(time, &["--format", "json"])).unwrap()
    };
    // When the sale was taken, it was not in the positions yet.
    let sale = events[3]["time"].as_str().unwrap();
    let then = json(sale);
    let of = |report: &Value, account: &str, ticker: &str| {
        report["accounts"][account]["positions"][ticker]["quantity"].as_u64().unwrap_or(0)
    };
    assert_eq!(of(&then, "ann", "AAPL") + of(&then, "bob", "AAPL"), 111);
    assert_eq!(then["split"], 1);
    assert_eq!(then["fills"], 3);
    let now: Value = {
        let now = ["positions", "--now", "--format", "json", "--publish", &at.publish];
        serde_json::from_str(&ask(&place, &at, &now)).unwrap()
    };
    let last = json("2100-01-01");
    for name in ["accounts", "split", "fills", "cut", "ledger", "total_value"] {
        assert_eq!(last[name], now[name], "{name}");
    }
    let future = place.run(&["positions", "--at", "2100-01-01", "data"]);
    assert!(future.stderr.contains("2100-01-01T00:00:00.000000000Z is in the future"));
    future.ok();
    let before = at_time("2020-01-01", &[]);
    assert!(before.contains("no account yet"), "{before}");
    let csv = at_time("2100-01-01", &["--format", "csv", "--account", "carl", "--ticker", "MSFT"]);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let wrong =
        place.run(&["positions", "--at", "2100-01-01", "--account", "dora", "data"]).error();
    assert!(wrong.contains("there is no account dora; there are ann, bob, carl"), "{wrong}");
}

#[test]
fn a_fill_is_explained_by_the_auditor() {
    let (place, _server, at) = kept("1");
    day(&place, &at);
    let explain = |id: &str, more: &[&str]| {
        place.run(&[&["explain", "data", "--source", "desk", "--id", id], more].concat())
    };
    let page = explain("2", &[]).ok();
    assert!(page.starts_with("desk/2: buy 101 AAPL at 187.23\n"), "{page}");
    assert!(page.contains("split 1 (split-"), "{page}");
    assert!(page.contains("The last share of all went to "), "{page}");
    let json: Value = serde_json::from_str(&explain("2", &["--json"]).ok()).unwrap();
    let ann = &json["accounts"]["ann"];
    assert_eq!((ann["weight"].as_str(), ann["shares"].as_u64()), (Some("40"), Some(40)));
    assert_eq!(json["accounts"]["bob"]["shares"], 61);
    // After 111 shares ann should have 44.4 and has 44: it misses 0.4 shares.
    assert_eq!(ann["misses_after"], "74.892");
    assert_eq!(json["accounts"]["bob"]["misses_after"], "-74.892");
    assert_eq!(ann["missed_before"], "0");
    assert_eq!(ann["held"], 4);

    let late = explain("1", &[]).ok();
    assert!(late.contains("it had been held until that split"), "{late}");
    let sale = explain("4", &[]).ok();
    assert!(sale.contains("had too much"), "{sale}");
    let taken_back = |line: &str| line.contains(" by bust bust-4, record ");
    assert!(sale.lines().any(taken_back) && !late.contains("by bust"), "{sale}");
    let busted: Value = serde_json::from_str(&explain("4", &["--json"]).ok()).unwrap();
    assert_eq!((&busted["busted"]["id"], &json["busted"]), (&json!("bust-4"), &Value::Null));
    let unknown = explain("99", &[]).error();
    assert!(unknown.contains("data has no fill 99 of source desk"), "{unknown}");
    let bust = explain("bust-4", &[]).error();
    let said = "bust-4 of source desk is a bust, of fill 4 of AAPL; --id 4 explains that fill";
    assert!(bust.contains(said), "{bust}");
    let refused =
        ["send", "fill", "source=desk", "seq=77", "ticker=T", "side=sell", "price=1", "quantity=5"];
    let refused = place.run(&[&refused[..], &["--front", &at.front]].concat());
    assert_eq!(refused.status.code(), Some(1));
    let refused = explain("77", &[]).error();
    assert!(refused.contains("fill 77 of T by desk was not divided: it was refused:"), "{refused}");

    // The same id of another ticker is another fill.
    for ticker in ["ticker=AAPL", "ticker=MSFT"] {
        let twin =
            ["send", "fill", "source=desk", "seq=200", "id=X", ticker, "price=1", "quantity=5"];
        ask(&place, &at, &twin);
    }
    let several = explain("X", &[]).error();
    assert!(
        several.contains("desk has a fill X in each of AAPL, MSFT; say which with --ticker"),
        "{several}"
    );
    explain("X", &["--ticker", "MSFT"]).ok();
}

#[test]
fn a_fill_that_was_never_divided_is_explained_by_what_came_of_it() {
    let (place, _server, at) = kept("1");
    let fill = |seq: &str, ticker: &str| {
        let words = ["send", "fill", "source=h", seq, ticker, "price=10", "quantity=5"];
        ask(&place, &at, &words)
    };
    let explain = |id: &str| {
        place.run(&["explain", "data", "--source", "h", "--ticker", "T", "--id", id]).error()
    };
    assert!(fill("seq=1", "ticker=T").contains("held"));
    assert!(explain("1").contains("was not divided: it is held until the first split"));
    ask(&place, &at, &["send", "bust", "source=h", "seq=2", "id=b", "ticker=T", "of=1"]);
    // The same name of another ticker is another fill.
    assert!(fill("seq=1", "ticker=U").contains("held"));
    let said = "was not divided: it was busted while it was held until the first split, by bust b";
    let busted = explain("1");
    assert!(busted.contains(said), "{busted}");
    ask(&place, &at, &["split", "ann=40,bob=60"]);
    // A repeat, and another fill of that name, change nothing of it.
    fill("seq=1", "ticker=T");
    let other = ["send", "fill", "source=h", "seq=1", "ticker=T", "price=11", "quantity=5"];
    let other = place.run(&[&other[..], &["--front", &at.front]].concat());
    assert_eq!(other.status.code(), Some(1), "{}", other.stdout);
    assert!(explain("1").contains(said));
}

#[test]
fn a_ticker_with_a_comma_is_one_cell() {
    let (place, _server, at) = kept("1");
    ask(&place, &at, &["split", "ann=40,bob=60"]);
    let fill = ["send", "fill", "source=h", "seq=1", "ticker=BRK,B", "price=10", "quantity=5"];
    ask(&place, &at, &fill);
    let now = ["positions", "--now", "--format", "csv", "--publish", &at.publish];
    let now = ask(&place, &at, &now);
    let then = place.run(&["positions", "--at", "2100-01-01", "--format", "csv", "data"]).ok();
    let once = ["positions", "--once", "--format", "csv", "--account", "ann"];
    let once = place.run(&[&once[..], &["--publish", &at.publish]].concat()).ok();
    for page in [now, then, once] {
        let mut reader = csv::Reader::from_reader(page.as_bytes());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        let held = |row: &csv::StringRecord| (row[4].to_owned(), row[9].to_owned());
        assert_eq!(held(&rows[0]), ("ann".to_owned(), "BRK,B".to_owned()), "{page}");
        assert!(page.contains(",\"BRK,B\",2,"), "{page}");
    }
}

/// What is left of a pruned journal is told as of a whole one, and what is not is said.
#[test]
fn a_pruned_journal_is_looked_back_at_from_its_snapshot_on() {
    let (whole, pruned) = (written(false), written(true));
    let events = history(&whole, &["data"]);
    assert_eq!(events.len(), 3_000);
    let outcome = pruned.run(&["history", "data", "--format", "json"]);
    let begins = "was pruned: it begins with the snapshot of record ";
    assert_eq!(outcome.stderr.matches(begins).count(), 2, "a journal each: {}", outcome.stderr);
    let left: Vec<Value> =
        outcome.ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!((1..3_000).contains(&left.len()), "{}", left.len());
    // Both had the same messages: an outcome of a ticker has the same number, and the same shares.
    let by_number = |event: &Value| (event["ticker"].to_string(), event["number"].as_u64());
    let all: BTreeMap<_, _> =
        events.iter().map(|event| (by_number(event), &event["shares"])).collect();
    for event in &left {
        assert_eq!(all[&by_number(event)], &event["shares"], "{event}");
    }

    let positions = |place: &Place| {
        let at = ["positions", "--at", "2100-01-01", "--format", "json", "data"];
        let report: Value = serde_json::from_str(&place.run(&at).ok()).unwrap();
        report["accounts"].clone()
    };
    assert_eq!(positions(&pruned), positions(&whole));

    let early = ["positions", "--at", "2020-01-01", "data"];
    let refused = pruned.run(&early).error();
    assert!(refused.contains("was pruned: what there was before 20"), "{refused}");
    let last = left.last().unwrap();
    let id = last["id"].as_str().unwrap();
    let explain = ["explain", "data", "--source", "s", "--id", id];
    // A division is explained from what accounts had, wherever that comes from.
    let ticker = ["--ticker", last["ticker"].as_str().unwrap(), "--json"];
    let explain = [&explain[..], &ticker].concat();
    let accounts = |place: &Place| {
        let explained: Value = serde_json::from_str(&place.run(&explain).ok()).unwrap();
        explained["accounts"].clone()
    };
    assert_eq!(accounts(&pruned), accounts(&whole));
}
