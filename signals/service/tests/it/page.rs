//! Page: `docs/WIRE-SIGNALS.md` against the code. After a change, `UPDATE_EXPECT=1` writes the
//! dumps anew.

use allot_signals_rules::{ProblemKind, Reject};
use allot_signals_service::{MedianMessage, Reply, Request, TraderState};
use allot_wire::Encoding;
use expect_test::expect_file;

use crate::dump::dump;

const PAGE: &str = include_str!("../../../../docs/WIRE-SIGNALS.md");

/// The types of all messages, in the order of the page.
const TYPES: [&str; 15] = [
    "ask",
    "register",
    "decision",
    "deregister",
    "status",
    "signal",
    "held",
    "registered",
    "taken",
    "accepted",
    "deregistered",
    "status",
    "rejected",
    "median",
    "trader",
];

pub(crate) fn examples() -> Vec<&'static str> {
    PAGE.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn type_of(example: &str) -> &str {
    example.strip_prefix("{\"type\":\"").unwrap().split('"').next().unwrap()
}

/// The message that an example says, in this encoding.
pub(crate) fn message(example: &str, encoding: Encoding) -> Vec<u8> {
    let (body, mut out) = (example.as_bytes(), Vec::new());
    let is_reply = example.contains("\"sent\":");
    match type_of(example) {
        "median" => MedianMessage::decode(body).unwrap().encode(encoding, &mut out),
        "trader" => TraderState::decode(body).unwrap().encode(encoding, &mut out),
        "ask" | "register" | "decision" | "deregister" | "status" if !is_reply => {
            Request::decode_line(body).unwrap().encode(encoding, &mut out);
        }
        _ => Reply::decode_all(body).unwrap()[0].encode(encoding, &mut out),
    }
    out
}

/// The page with every dump made anew from the example before it.
fn render() -> String {
    let (mut page, mut example, mut fence) = (String::new(), "", "");
    for line in PAGE.lines() {
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

/// `cargo test -p allot-signals-service --test it -- --ignored corpus` writes what the fuzz target
/// starts from anew after a change of format.
#[test]
#[ignore = "it writes into the repository"]
fn the_corpus_is_written() {
    let folder = env!("CARGO_MANIFEST_DIR").to_owned() + "/../../fuzz/corpus/signals_message";
    std::fs::create_dir_all(&folder).unwrap();
    for (index, example) in examples().into_iter().enumerate() {
        for encoding in [Encoding::Json, Encoding::Binary] {
            let file = format!("{folder}/{index:02}-{}-{encoding}", type_of(example));
            std::fs::write(file, message(example, encoding)).unwrap();
        }
    }
}

#[test]
fn every_dump_is_what_the_encoder_makes_of_the_example_before_it() {
    expect_file!["../../../../docs/WIRE-SIGNALS.md"].assert_eq(&render());
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
    assert_eq!(PAGE.matches("```hex\n0000  41 4c 4f 54 02").count(), TYPES.len());
}

/// The first cells of the rows below a heading.
fn first_cells(heading: &str) -> Vec<&'static str> {
    let section = PAGE.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.collect()
}

#[test]
fn the_page_has_every_code_and_every_kind_of_problem_in_order() {
    assert_eq!(first_cells("Codes of `rejected`"), Reject::CODES);
    assert_eq!(first_cells("Kinds of problems"), ProblemKind::ALL.map(ProblemKind::name));
}
