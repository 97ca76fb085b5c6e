//! The kill loop: a desk that is killed under load and started again, and no answer may be lost.
//!
//! Three cycles by default. `ALLOT_KILL_CYCLES` and `ALLOT_KILL_SEED` choose others, as for the
//! kill loop of allocation:
//!
//! ```text
//! ALLOT_KILL_CYCLES=200 cargo test --release -p allot --test it desk::kill_loop -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::{Desk, receive};

const USERS: u64 = 300;
const SYMBOLS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// Commands of a workload between two kills, at least.
const COMMANDS: usize = 4_000;

/// A workload of random commands; most can be executed.
pub(super) fn workload(random: &mut StdRng, users: u64, commands: usize) -> String {
    let mut text = String::new();
    for number in 1..=commands {
        let user = format!("user{}", random.random_range(0..users));
        let symbol = SYMBOLS[random.random_range(0..SYMBOLS.len())];
        let cents = random.random_range(1..60_000);
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let command = match random.random_range(0..24) {
            0..=3 => format!("ADD,{user},{amount}"),
            4 => format!("QUOTE,{user},{symbol}"),
            5..=7 => format!("BUY,{user},{symbol},{amount}"),
            8..=9 => format!("COMMIT_BUY,{user}"),
            10 => format!("CANCEL_BUY,{user}"),
            11..=12 => format!("SELL,{user},{symbol},{amount}"),
            13 => format!("COMMIT_SELL,{user}"),
            14 => format!("CANCEL_SELL,{user}"),
            15..=16 => format!("SET_BUY_AMOUNT,{user},{symbol},{amount}"),
            17 => format!("SET_BUY_TRIGGER,{user},{symbol},{amount}"),
            18 => format!("CANCEL_SET_BUY,{user},{symbol}"),
            19..=20 => format!("SET_SELL_AMOUNT,{user},{symbol},{amount}"),
            21 => format!("SET_SELL_TRIGGER,{user},{symbol},{amount}"),
            22 => format!("CANCEL_SET_SELL,{user},{symbol}"),
            _ => format!("DISPLAY_SUMMARY,{user}"),
        };
        writeln!(text, "[{number}] {command}").unwrap();
    }
    text
}

#[test]
fn what_a_desk_has_answered_survives_any_kill() {
    let number = |name: &str, default: u64| {
        env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let cycles = number("ALLOT_KILL_CYCLES", 3);
    let seed = number("ALLOT_KILL_SEED", 1);
    println!("ALLOT_KILL_CYCLES={cycles} ALLOT_KILL_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let desk = Desk::new();
    let prices = SYMBOLS.map(|symbol| format!("{symbol},{}.50\n", random.random_range(1..90)));
    let (_quotes, at) = desk.quote_server("127.0.0.1:0", &prices.concat());
    let mut server = desk.serve(&at, &["--shards", "2", "--data", "data", "--new"]);
    let mut given = String::new();
    let (mut commands, mut done) = (0, 0);
    for cycle in 0..cycles {
        desk.place.write("workload", &workload(&mut random, USERS, COMMANDS));
        let source = format!("load{cycle}");
        let page = ["desk", "load", "workload", "--front", "ipc://front", "--connections", "3"];
        let mut loader = desk.place.start(&[&page[..], &["--source", &source]].concat());
        for _ in 0..random.random_range(1..COMMANDS / 2) {
            loader.line_with(r#""type":""#);
        }
        server.kill();
        server = desk.serve(&at, &["--shards", "2", "--data", "data"]);
        let output = loader.outcome().ok();
        let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        assert_eq!((&report["commands"], &report["unanswered"]), (&COMMANDS.into(), &0.into()));
        let refused: u64 =
            report["refused"].as_object().unwrap().values().map(|one| one.as_u64().unwrap()).sum();
        let all = report["answered"].as_u64().unwrap() + refused;
        assert_eq!(all, u64::try_from(COMMANDS).unwrap());
        commands += all;
        done += report["answered"].as_u64().unwrap();
        given += &output;
    }
    let users: Vec<_> = (0..USERS).map(|user| format!("user{user}")).collect();
    let cash = cash(&desk, &users);
    server.signal("-INT");
    server.outcome().ok();
    desk.place.write("answers", &given);
    let verified = desk.place.run(&["verify", "data", "--json", "--answers", "answers"]).ok();
    let verified: Value = serde_json::from_str(&verified).unwrap();
    let answers = &verified["answers"];
    assert_eq!(
        (&answers["lost"], &answers["unreadable"]),
        (&Value::Array(Vec::new()), &answers["lost"])
    );
    assert!(commands <= answers["checked"].as_u64().unwrap(), "{answers}");
    // Nothing was applied twice: what was answered is what the auditor counts without repeats.
    let applied: u64 = verified["shards"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|shard| shard["answered"].as_object().unwrap().values())
        .map(|one| one.as_u64().unwrap())
        .sum();
    let summaries = u64::try_from(cash.len()).unwrap();
    assert_eq!(applied, done + summaries, "what clients heard, and the summaries of the end");
    println!(
        "{cycles} kills; {commands} commands, {done} applied, {} looked up",
        answers["checked"]
    );
    the_log_is_complete(&desk, commands, cash);
}

/// The free cash of each user who is known, in cents.
pub(super) fn cash(desk: &Desk, users: &[String]) -> BTreeMap<String, i64> {
    let client = desk.client();
    let line = |(user, seq): (&String, u64)| {
        let head = r#""type":"command","command":"DISPLAY_SUMMARY""#;
        format!(r#"{{{head},"source":"end","seq":{seq},"user":"{user}"}}"#)
    };
    let message: Vec<_> = users.iter().zip(1..).map(line).collect();
    client.send(&message.join("\n"), 0).unwrap();
    let (mut found, mut replies) = (BTreeMap::new(), 0);
    while replies < users.len() {
        for reply in receive(&client) {
            replies += 1;
            if reply["type"] == "answered" {
                let user = reply["user"].as_str().unwrap().to_owned();
                found.insert(user, cents(reply["cash"].as_str().unwrap()));
            }
        }
    }
    found
}

/// Every command is in the log, and its changes of cash add up to what each user had at the last
/// summary: an order that expires later brings cash that is not in it.
pub(super) fn the_log_is_complete(
    desk: &Desk,
    commands: u64,
    mut cash: BTreeMap<String, i64>,
) -> String {
    let log = desk.place.run(&["desk", "log", "data"]).ok();
    let count = |element: &str| log.matches(&format!("<{element}>")).count();
    let (all, again) = (count("userCommand"), count("debugEvent"));
    let commands = usize::try_from(commands).unwrap();
    assert!(commands + cash.len() <= all - again, "{commands} commands, {all} in the log");
    let entries = |element: &str| -> Vec<(usize, &str)> {
        let begin = format!("<{element}>");
        log.match_indices(&begin).map(|(at, begin)| (at, &log[at + begin.len()..])).collect()
    };
    let is_summary = |(_, entry): &(usize, &str)| field(entry, "command") == "DISPLAY_SUMMARY";
    let summaries = entries("userCommand").into_iter().filter(is_summary);
    let last: BTreeMap<_, _> =
        summaries.map(|(at, entry)| (field(entry, "username"), at)).collect();
    for (at, entry) in entries("accountTransaction") {
        let user = field(entry, "username");
        let funds = cents(field(entry, "funds"));
        let change = if field(entry, "action") == "add" { funds } else { -funds };
        let rest = cash.get_mut(user).expect("only users have cash");
        *rest -= if at < last[user] { change } else { 0 };
    }
    let wrong: Vec<_> = cash.iter().filter(|(_, rest)| **rest != 0).collect();
    assert!(wrong.is_empty(), "the log lacks changes of {wrong:?}");
    log
}

/// What an element of the log has in its first field of that name.
fn field<'a>(entry: &'a str, name: &str) -> &'a str {
    let (_, rest) = entry.split_once(&format!("<{name}>")).unwrap();
    rest.split_once('<').unwrap().0
}

/// An amount with two decimals.
fn cents(text: &str) -> i64 {
    text.replace('.', "").parse().unwrap()
}
