//! Differing: comparing finds a book that applied other inputs than its auditor saw.

use allot_allocation_audit::Subject;
use allot_allocation_rules::{Blend, Book, BookConfig, Outcomes};
use allot_domain::Machine;

use super::pair::Pair;
use super::script::inputs;

const CONFIG: BookConfig = BookConfig { blend: Blend::NONE, history: 64, names: 64 };

/// The auditor sees one script and the book applies another; both have the same beginning.
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
    assert_eq!(fault.subject, Subject::Book);
    let mismatch = fault.mismatch.to_string();
    assert!(mismatch.starts_with(expected), "{mismatch}");
}

#[test]
fn a_book_that_applied_other_inputs_is_found() {
    let cases = [
        ("split aum 2 a=1 b=99", "split ops 2 a=1 b=99", "the split in force is ops 2"),
        ("", "split aum 2 a=1 b=99", "the split in force is aum 2; expected aum 1"),
        ("", "split ops 1 a=1 b=99\nsplit aum 1 a=100", "the split in force"),
        ("net aum 1 5 -5", "", "the last netting is 0; expected 1"),
        ("", "buy f 3 AAPL 1 @ 5", "the number of fills divided is 3; expected 2"),
        ("", "marker", "the recent turnover is 90000000000; expected 120000000000"),
        ("buy f 3 AAPL 3 @ 3", "buy f 3 AAPL 1 @ 9", "the highest price is 9000000000"),
        ("split aum 2 a=1 c=99 closes b", "split aum 2 a=1 b=99", "the number of accounts"),
        ("split aum 2 a=1 c=99 closes b", "split aum 2 a=1 d=99", "account 2"),
        ("split aum 2 a=1 b=99", "split aum 2 a=2 b=98", "the weight of a is 2"),
        ("net aum 1 5 -5", "net aum 1 6 -6", "the value of a with nettings is"),
        ("bust f 3 AAPL of 1", "bust f 3 MSFT of 2", "the turnover is 50000000000"),
        (
            "buy f 3 X 1 @ 50\nbust f 4 AAPL of 1",
            "buy f 3 X 1 @ 50\nbust f 4 X of 3",
            "the value of a with nettings",
        ),
        ("split aum 2 b=100 closes a", "split aum 2 a=100", "the value of b with nettings"),
        (
            "buy f 3 AAPL 2 @ 7",
            "buy f 3 MSFT 2 @ 7",
            "AAPL: the number of outcomes is 1; expected 2",
        ),
        (
            "buy f 3 MSFT 1 @ 6\nbuy f 4 AAPL 2 @ 3",
            "buy f 3 AAPL 1 @ 6\nbuy f 4 MSFT 2 @ 3",
            "AAPL: the quantity of a is 7; expected 6",
        ),
        ("buy f 3 X 2 @ 7", "buy f 3 Y 2 @ 7", "Y had no fill"),
        ("buy f 3 X 2 @ 7", "buy f 3 AAPL 2 @ 7", "the number of tickers"),
        ("sell f 3 AAPL 2 @ 5", "sell f 3 AAPL 5 @ 2", "the value of a"),
    ];
    for (seen, applied, expected) in cases {
        check(seen, applied, expected);
    }
}

#[test]
fn held_fills_are_compared() {
    let (mut pair, mut book) = (Pair::new(CONFIG), Book::new(CONFIG));
    for input in inputs("buy f 1 AAPL 10 @ 5\nbuy f 2 AAPL 10 @ 5\nbust f 3 AAPL of 2") {
        pair.apply(&input).unwrap();
    }
    for input in inputs("buy f 1 AAPL 10 @ 5\nbuy f 2 AAPL 10 @ 5") {
        book.apply_whole(&input, &mut Outcomes::default());
    }
    let fault = pair.auditor.compare(&book).unwrap_err().to_string();
    assert_eq!(fault, "input 3, the book: the number of fills held is 2; expected 1");
}
