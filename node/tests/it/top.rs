//! `allot top` on a real terminal, that of tmux, and printed once.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::client::Client;
use crate::process::{Outcome, Place, Process};
use crate::server::{FREE, endpoint};
use crate::terminal::Terminal;

const SPLIT: &str =
    r#"{"type":"split","source":"aum","seq":1,"weights":{"alpha":40,"beta":35,"gamma":25}}"#;

/// A server with a journal, whose inputs are all timed.
struct Rig {
    place: Place,
    server: Process,
    front: String,
    publish: String,
    metrics: String,
    client: Client,
}

impl Rig {
    fn new() -> Self {
        let place = Place::new();
        place.init();
        let server = [
            &["serve", "--data", "data", "--front", FREE, "--publish", FREE][..],
            &["--metrics", "127.0.0.1:0", "--stages-every", "1", "--report-every", "100ms"],
        ];
        let mut server = place.start(&server.concat());
        let line = server.line_with("listening ");
        let metrics = endpoint(&line, "metrics=http://").trim_end_matches("/metrics").to_owned();
        let (front, publish) = (endpoint(&line, "front="), endpoint(&line, "publish="));
        let client = Client::connect(&front);
        client.ask(SPLIT.as_bytes());
        let rig = Self { place, server, front, publish, metrics, client };
        rig.fill(1, "AAPL");
        rig.fill(2, "MSFT");
        rig
    }

    fn fill(&self, seq: u64, ticker: &str) {
        let head = format!(r#"{{"type":"fill","source":"desk","seq":{seq},"ticker":"{ticker}""#);
        self.client.ask(format!(r#"{head},"price":"187.23","quantity":100}}"#).as_bytes());
    }

    fn arguments(&self) -> [&str; 7] {
        ["top", "--front", &self.front, "--publish", &self.publish, "--metrics", &self.metrics]
    }

    fn once(&self, more: &[&str]) -> Outcome {
        self.place.run(&[&self.arguments()[..], &["--once", "--every", "100ms"], more].concat())
    }

    fn watch(&self) -> Option<Terminal> {
        Terminal::start(&self.place, &self.arguments())
    }
}

#[test]
fn a_server_is_watched_on_a_terminal() {
    let rig = Rig::new();
    let Some(terminal) = rig.watch() else { return };
    // A page may be seen while it is half painted, so that all that is on it is waited for at once.
    let texts = ["alpha", "beta", "gamma", "MSFT", "front door connected", "drops 0", "queue 0"];
    let words = picture();
    terminal.wait(|page| {
        page.contains("fresh")
            && page.contains("AAPL")
            && !page.contains("fsync p99 –")
            && texts.iter().all(|text| page.contains(text))
            && words.iter().all(|word| page.contains(word))
    });
    terminal.press(&[":", "acct be /AAPL", "Enter"]);
    terminal.wait(|page| {
        let is_filtered = page.contains(":acct be /AAPL · 1 to 1 of 1");
        is_filtered && !page.contains("alpha") && !page.contains("MSFT")
    });

    terminal.press(&["?"]);
    terminal.wait(|page| {
        let is_help = page.contains("keys in :acct be /AAPL");
        is_help && page.contains("show all again") && page.contains("other tickers")
    });
    terminal.press(&["x", ":", "shard", "Enter", "?"]);
    terminal.wait(|page| {
        let is_help = page.contains("keys in :shard");
        is_help && !page.contains("other tickers") && !page.contains("show all again")
    });

    terminal.press(&["x", ":", "nothing", "Enter"]);
    terminal.wait(|page| page.contains("there is no :nothing; there are :acct"));
    terminal.press(&[":", "subs", "Enter"]);
    terminal.wait(|page| page.contains("pending bytes") && page.contains("127.0.0.1:"));
    terminal.press(&[":", "counters /routed", "Enter"]);
    terminal.wait(|page| page.contains(":counters /routed") && page.contains("router"));

    terminal.press(&[":", "acct", "Enter", "s", "s"]);
    terminal.wait(|page| page.contains("Value ▼"));
    terminal.press(&["p"]);
    terminal.wait(|page| page.contains("paused: "));
    rig.fill(3, "NVDA");
    let page = terminal.wait(|page| page.contains("behind") && !page.contains("and 0 reports"));
    assert!(!page.contains("NVDA"), "{page}");
    terminal.press(&["p"]);
    terminal.wait(|page| page.contains("NVDA") && !page.contains("paused"));

    terminal.resize(50, 12);
    terminal.wait(|page| {
        let is_small = page.lines().count() <= 12 && page.contains("? keys");
        is_small && page.contains("fresh") && page.contains("alpha")
    });
    terminal.press(&["q"]);
    terminal.check_restored("ended=0");
}

/// What the picture of the documents has in words.
fn picture() -> Vec<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONSOLE.md");
    let docs = fs::read_to_string(docs).unwrap();
    let part = docs.split("## In a terminal").nth(1).unwrap();
    let picture = part.split("```").find_map(|block| block.strip_prefix("text\n")).unwrap();
    // Accounts are others, and so are tickers and figures with their units.
    let is_other = |word: &str| {
        ["growth", "income", "pension", "ms", "µs"].contains(&word)
            || word.chars().all(|sign| sign.is_ascii_uppercase())
    };
    let is_word = |word: &&str| {
        word.chars().all(|sign| sign.is_alphabetic() || sign == '/') && !is_other(word)
    };
    let words: Vec<_> = picture.split_whitespace().filter(is_word).map(str::to_owned).collect();
    assert!(30 < words.len(), "{words:?}");
    words
}

#[test]
fn the_terminal_is_as_it_was_after_ctrl_c_and_after_a_signal() {
    let rig = Rig::new();
    let Some(terminal) = rig.watch() else { return };
    terminal.wait(|page| page.contains("alpha"));
    terminal.press(&["C-c"]);
    terminal.check_restored("ended=0");
    let Some(terminal) = rig.watch() else { return };
    terminal.wait(|page| page.contains("alpha"));
    terminal.signal_command("-TERM");
    terminal.check_restored("ended=0");
    // So does the end of the terminal, where the shell outlives it.
    let Some(terminal) = rig.watch() else { return };
    terminal.wait(|page| page.contains("alpha"));
    terminal.signal_command("-HUP");
    terminal.check_restored("ended=0");
}

#[test]
fn it_ends_with_its_terminal() {
    let rig = Rig::new();
    let Some(terminal) = rig.watch() else { return };
    terminal.wait(|page| page.contains("alpha"));
    terminal.close();
}

#[test]
fn a_small_terminal_shows_what_has_room() {
    let rig = Rig::new();
    let Some(terminal) = rig.watch() else { return };
    terminal.wait(|page| page.contains("alpha"));
    terminal.resize(40, 10);
    let texts = ["alpha", "? keys", "fresh", "more lines where there is room"];
    terminal.wait(|page| {
        let is_small = page.lines().all(|line| line.chars().count() <= 40);
        is_small && texts.iter().all(|text| page.contains(text))
    });
    terminal.resize(10, 3);
    terminal.wait(|page| page.contains("fresh") && page.lines().count() <= 3);
    terminal.press(&["?"]);
    terminal.resize(40, 10);
    terminal.wait(|page| page.contains("keys in :acct"));
    terminal.press(&["x", "q"]);
    terminal.check_restored("ended=0");
}

/// An address at which nobody listens.
fn nobody() -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.local_addr().unwrap().to_string()
}

#[test]
fn metrics_that_are_refused_are_named_at_once_and_asked_for_again() {
    let rig = Rig::new();
    let address = nobody();
    let ends = ["--front", &rig.front, "--publish", &rig.publish, "--metrics", &address];
    let once = [&["top"], &ends[..], &["--once", "--json", "--every", "100ms", "--timeout", "10m"]];
    let mut top = rig.place.start_merged(&once.concat());
    let line = top.line_with("no metrics from");
    assert!(line.contains(&address) && line.contains("asking again"), "{line}");
    // Whoever listens there now is asked.
    let other = ["serve", "--front", FREE, "--publish", FREE, "--metrics", &address];
    let mut other = rig.place.start(&other);
    other.line_with("listening ");
    top.line_with("\"state\":\"fresh\"");

    let address = nobody();
    let ends = ["--front", &rig.front, "--publish", &rig.publish, "--metrics", &address];
    let arguments = [&["top"], &ends[..]].concat();
    let Some(terminal) = Terminal::start(&rig.place, &arguments) else { return };
    terminal.wait(|page| page.contains("no metrics from") && page.contains("alpha"));
}

#[test]
fn a_server_that_was_killed_turns_stale() {
    let rig = Rig::new();
    let Some(terminal) = rig.watch() else { return };
    terminal.wait(|page| page.contains("fresh"));
    rig.server.kill();
    let texts = ["stale", "no metrics from", "Nothing was heard from the publisher", "alpha"];
    terminal.wait(|page| texts.iter().all(|text| page.contains(text)));
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let rig = Rig::new();
    let error = rig.place.run(&rig.arguments()).error();
    assert!(error.contains("no terminal") && error.contains("--once"), "{error}");
    rig.place.run(&["top", "--json"]).misuse();
    rig.place.run(&["top", "--once", "--every", "1ms"]).misuse();
    let nowhere = ["--publish", "ipc:///nowhere/publish", "--once", "--timeout", "200ms"];
    let error = rig.place.run(&[&["top"], &nowhere[..]].concat()).error();
    assert!(error.contains("no report came within 200ms"), "{error}");
}

#[test]
fn once_it_prints_what_scripts_read() {
    let rig = Rig::new();
    let page: Value = serde_json::from_str(&rig.once(&["--json"]).ok()).unwrap();
    assert_eq!(page["state"], "fresh");
    assert_eq!(page["shards"].as_array().unwrap().len(), 1);
    assert!(page["subscribers"].as_u64().is_some() && page["drops"] == 0, "{page}");
    let account = &page["accounts"][0];
    assert_eq!(
        (&account["id"], account["positions"].as_array().unwrap().len()),
        (&"alpha".into(), 2)
    );
    assert_eq!(page["problems"].as_array().unwrap().len(), 0);
    let fsync = page["fsync_seconds"]["p99"].as_f64();
    assert!(fsync.is_none_or(|fsync| 0.0 < fsync), "{page}");

    let lines = rig.once(&["--csv"]).ok();
    for start in ["scope,name,figure,value\n", "server,,state,fresh\n"] {
        assert!(lines.contains(start), "{start}\n{lines}");
    }
    // Something may just be in the queue.
    let queue = lines.lines().find_map(|line| line.strip_prefix("shard,0,queue,"));
    assert!(queue.is_some_and(|queue| queue.parse::<u64>().is_ok()), "{lines}");
    assert!(lines.contains("account,alpha,quantity AAPL,40\n"), "{lines}");
    assert!(lines.lines().all(|line| line.split(',').count() == 4), "{lines}");
    assert!(lines.contains("subscriber,127.0.0.1:"), "{lines}");

    let page = rig.once(&[]).ok();
    assert!(page.starts_with("fresh · ") && page.contains("alpha"), "{page}");
}
