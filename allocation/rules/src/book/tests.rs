//! Small scripts and their outcomes: each line is an input, each outcome a line.
//!
//! ```text
//!   split aum 1 a=60 b=40              a source, its number, percentages
//!   buy f 1 AAPL 100 @ 187.23          or sell
//!   bust f 2 AAPL of 1
//!   marker                             prints the totals of the part
//!   net aum 1 5 -5                     value moved by rank, under the accounts of that split
//!   replay ops 1 AAPL from 3 to 9      outcomes again; or without an end
//!   positions                          prints all positions
//! ```

mod script;
mod held;
mod repeats;
mod busts;
mod accounts;
mod sales;
mod rejections;
mod nettings;
mod replays;
mod outcomes_again;
mod listings;
mod steps;
mod model;
mod oracle;
mod snapshots;

use expect_test::Expect;

use super::{Book, BookConfig};
use crate::Blend;
use script::Script;

/// Enough history for any script; the default would only cost time.
const SMALL: BookConfig = BookConfig { blend: Blend::NONE, history: 64, names: 1_000 };

/// Plays a script to a new book and compares what it prints.
#[track_caller]
fn check(text: &str, expected: Expect) {
    check_with(SMALL, text, expected);
}

#[track_caller]
fn check_with(config: BookConfig, text: &str, expected: Expect) {
    let mut script = Script::new(Book::new(config));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        script.play(line);
    }
    expected.assert_eq(&script.printed);
}
