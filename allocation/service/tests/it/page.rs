//! Pages: `docs/WIRE.md` and `docs/WIRE-HISTORY.md` against the code. After a change,
//! `UPDATE_EXPECT=1` writes the dumps anew.

use allot_allocation_rules::{Reject, limits};
use allot_allocation_service::{Report, decode_line, decode_replies, encode_reply_message};
use allot_domain::{Price, Quantity};
use allot_wire::{Encoding, Heartbeat};
use expect_test::expect_file;

use crate::dump::dump;
use crate::samples;

const PAGE: &str = include_str!("../../../../docs/WIRE.md");
const HISTORY: &str = include_str!("../../../../docs/WIRE-HISTORY.md");

/// The types of all messages, in the order of the pages.
const TYPES: [&str; 17] = [
    "fill",
    "bust",
    "split",
    "report",
    "allocated",
    "held",
    "busted",
    "accepted",
    "reported",
    "rejected",
    "positions",
    "account",
    "heartbeat",
    "replay",
    "replayed",
    "splits",
    "listed",
];

fn examples() -> Vec<&'static str> {
    let after = [PAGE, HISTORY].into_iter().flat_map(|page| page.split("```json\n").skip(1));
    after.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn type_of(example: &str) -> &str {
    example.strip_prefix("{\"type\":\"").unwrap().split('"').next().unwrap()
}

/// The message that an example says, in this encoding.
fn message(example: &str, encoding: Encoding) -> Vec<u8> {
    let (body, mut out) = (example.as_bytes(), Vec::new());
    match type_of(example) {
        "fill" | "bust" | "split" | "report" | "replay" | "splits" => {
            let request = decode_line(body).unwrap();
            return samples::request_message(encoding, &request);
        }
        "positions" => Report::decode(body).unwrap().encode(encoding, &mut out),
        "account" => account_message(body, encoding, &mut out),
        "heartbeat" => Heartbeat::decode(body).unwrap().encode(encoding, &mut out),
        _ => {
            let mut replies = Vec::new();
            decode_replies(body, &mut replies).unwrap();
            encode_reply_message(encoding, &replies[0], &mut out);
        }
    }
    out
}

/// The statement of an account comes of the report of a firm that has no other.
fn account_message(body: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    let statement = Report::decode_account(body).unwrap();
    let report = Report {
        report: statement.report,
        cut: statement.cut,
        split: statement.split,
        time_ns: statement.time_ns,
        ledger: statement.ledger,
        degraded: statement.degraded,
        accounts: vec![statement.account],
        ..samples::degraded_report()
    };
    report.encode_account(0, encoding, out);
}

/// A page with every dump made anew from the example before it.
fn render(old: &str) -> String {
    let (mut page, mut example, mut fence) = (String::new(), "", "");
    for line in old.lines() {
        match (fence, line) {
            ("", "```json" | "```hex") => fence = line,
            ("```hex", "```") => {
                page += &dump(&message(example, Encoding::Binary));
                fence = "";
            }
            ("```json", "```") => fence = "",
            ("```json", _) => example = line,
            ("```hex", _) => continue,
            _ => {}
        }
        page += line;
        page += "\n";
    }
    page
}

#[test]
fn every_dump_is_what_the_encoder_makes_of_the_example_before_it() {
    expect_file!["../../../../docs/WIRE.md"].assert_eq(&render(PAGE));
    expect_file!["../../../../docs/WIRE-HISTORY.md"].assert_eq(&render(HISTORY));
}

#[test]
fn every_example_is_read_and_said_again_as_it_stands() {
    for example in examples() {
        assert_eq!(String::from_utf8(message(example, Encoding::Json)).unwrap(), example);
    }
}

#[test]
fn every_message_has_one_example_and_one_dump() {
    let types: Vec<_> = examples().into_iter().map(type_of).collect();
    assert_eq!(types, TYPES);
    let dumps = [PAGE, HISTORY].map(|page| page.matches("```hex\n0000  41 4c 4f 54 02").count());
    assert_eq!(dumps.iter().sum::<usize>(), TYPES.len());
}

/// The first cells of the rows below a heading, as far as they have this many.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_list_of_codes_is_complete_and_in_order() {
    let rows = rows("The codes of rejections");
    let codes: Vec<_> = rows.iter().map(|cells| cells[1].trim_matches('`')).collect();
    assert_eq!(codes, Reject::CODES);
    for (number, cells) in (1..).zip(rows) {
        assert_eq!(cells[0].parse(), Ok(number));
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
    }
}

/// A number as the page writes it, with a comma before every three digits.
fn grouped(number: i128) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap());
    groups.collect::<Vec<_>>().join(",")
}

#[test]
fn the_limits_are_those_of_the_domain() {
    let of = |limit: usize| i128::try_from(limit).unwrap();
    let expected = [
        of(limits::MESSAGE_MAX),
        i128::from(limits::PRICE_MAX / limits::NANOS),
        i128::from(limits::QUANTITY_MAX),
        of(limits::TICKER_LEN_MAX),
        of(limits::ID_LEN_MAX),
        of(limits::ACCOUNTS_MAX),
        of(limits::TICKERS_MAX),
        of(limits::NAMES_DEFAULT),
        of(limits::QUIET_SOURCES_MAX),
        of(limits::HELD_MAX),
        i128::from(limits::REPLAY_OUTCOMES_MAX),
        of(limits::REPLAY_SHARES_MAX),
        of(limits::SPLITS_KEPT),
        of(limits::SPLIT_WEIGHTS_KEPT),
        of(limits::LISTED_SPLITS_MAX),
        of(limits::LISTED_WEIGHTS_MAX),
    ];
    let rows = rows("Limits");
    let stated = rows.iter().map(|cells| cells[1].split(' ').next().unwrap());
    assert_eq!(stated.collect::<Vec<_>>(), expected.map(grouped));
    assert!(Price::parse("1000000000").is_ok() && Quantity::parse("1099511627776").is_ok());
}
