//! Differing: a book that applied something else than its auditor saw is found out by comparing.

use super::pair::Pair;
use super::script::inputs;
use allot_allocation_rules::{Book, BookConfig, Outcomes};
use allot_domain::Machine;

const CONFIG: BookConfig = BookConfig { blend: allot_allocation_rules::Blend::NONE, history: 64 };

/// The auditor sees one script and the book another; both begin alike.
#[track_caller]
fn check(seen: &str, applied: &str, expected: &str) {
    const BEGINNING: &str = "
        split aum 1 a=60 b=40
        buy f 1 AAPL 10 @ 5
        buy f 2 MSFT 10 @ 7
        ";
    let mut pair = Pair::new(CONFIG);
    let mut book = Book::new(CONFIG);
    for input in inputs(&format!("{BEGINNING}{seen}")) {
        pair.apply(&input).unwrap();
    }
    for input in inputs(&format!("{BEGINNING}{applied}")) {
        book.apply_whole(&input, &mut Outcomes::default());
    }
    pair.compare().unwrap();
    let fault = pair.auditor.compare(&book).unwrap_err();
    let wrong = fault.what.strip_prefix("the book: ").unwrap();
    assert!(wrong.starts_with(expected), "{wrong}");
}

#[test]
fn a_book_that_applied_something_else_is_found_out() {
    let cases = [
        ("split aum 2 a=1 b=99", "split ops 2 a=1 b=99", "the split in force is said to be ops 2"),
        ("", "split aum 2 a=1 b=99", "the split in force is said to be aum 2; it is aum 1"),
        ("", "split ops 1 a=1 b=99\nsplit aum 1 a=100", "the split in force"),
        ("net aum 1 5 -5", "", "the last netting is said to be 0; it is 1"),
        ("", "buy f 3 AAPL 1 @ 5", "how many fills were divided is said to be 3; it is 2"),
        ("", "marker", "the recent turnover is said to be 90000000000; it is 120000000000"),
        ("buy f 3 AAPL 3 @ 3", "buy f 3 AAPL 1 @ 9", "the highest price is said to be 9000000000"),
        ("split aum 2 a=1 c=99", "split aum 2 a=1 b=99", "how many accounts there are"),
        ("split aum 2 a=1 c=99", "split aum 2 a=1 d=99", "the account at place 2"),
        ("split aum 2 a=1 b=99", "split aum 2 a=2 b=98", "the weight of a is said to be 2"),
        ("net aum 1 5 -5", "net aum 1 6 -6", "the value of a in the ledger is said to be"),
        ("bust f 3 AAPL of 1", "bust f 3 MSFT of 2", "the value of a in the residuals"),
        ("split aum 2 b=100", "split aum 2 a=100", "the value of b in the residuals"),
        ("buy f 3 AAPL 2 @ 7", "buy f 3 MSFT 2 @ 7", "AAPL: what "),
        ("buy f 3 X 2 @ 7", "buy f 3 Y 2 @ 7", "Y had no fill"),
        ("buy f 3 X 2 @ 7", "buy f 3 AAPL 2 @ 7", "how many tickers there are"),
        ("sell f 3 AAPL 2 @ 5", "sell f 3 AAPL 5 @ 2", "the value of a"),
    ];
    for (seen, applied, expected) in cases {
        check(seen, applied, expected);
    }
}

#[test]
fn fills_that_wait_are_compared() {
    let (mut pair, mut book) = (Pair::new(CONFIG), Book::new(CONFIG));
    for input in inputs("buy f 1 AAPL 10 @ 5\nbuy f 2 AAPL 10 @ 5\nbust f 3 AAPL of 2") {
        pair.apply(&input).unwrap();
    }
    for input in inputs("buy f 1 AAPL 10 @ 5\nbuy f 2 AAPL 10 @ 5") {
        book.apply_whole(&input, &mut Outcomes::default());
    }
    let fault = pair.auditor.compare(&book).unwrap_err().to_string();
    assert_eq!(fault, "input 3: the book: how many fills wait is said to be 2; it is 1");
}
