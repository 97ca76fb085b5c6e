//! Echoes: an outcome says what its input said, and no input has another.

use allot_allocation_rules::{Origin, Outcome, Outcomes, SplitNumber, TickerSeq};
use allot_domain::{LogIndex, Price, Quantity, Seq, Side};

use super::{CONFIG, Case, Tamper, check, first, origin, reject, reused};
use crate::names::{id, source, ticker};
use crate::pair::Pair;
use crate::script::inputs;

#[test]
fn an_outcome_echoes_its_input() {
    const SCRIPT: &str = "buy f 1 AAPL 10 @ 5";
    let cases: [(Tamper, &str); 18] = [
        (|given| first(given).ticker = ticker("MSFT"), "the ticker is MSFT; expected AAPL"),
        (|given| first(given).side = Side::Sell, "the side is sell; expected buy"),
        (|given| first(given).price = Price::parse("6").unwrap(), "the price is 6; expected 5"),
        (
            |given| first(given).quantity = Quantity::new(11).unwrap(),
            "the quantity is 11; expected 10",
        ),
        (|given| first(given).split = SplitNumber::new(2), "the split is 2; expected 1"),
        (|given| first(given).late = true, "the late flag is true"),
        (|given| origin(&mut given.list[0]).source = source("g"), "the source is g; expected f"),
        (|given| origin(&mut given.list[0]).seq = Seq::new(2), "the sequence is 2; expected 1"),
        (|given| origin(&mut given.list[0]).id = id("x"), "the id is x; expected 1"),
        (|given| origin(&mut given.list[0]).id = id("2"), "the id is 2; expected 1"),
        (|given| origin(&mut given.list[0]).time_ns = 5, "the time is 5; expected 0"),
        (|given| origin(&mut given.list[0]).duplicate = true, "the duplicate flag is"),
        (
            |given| first(given).number = TickerSeq::new(2),
            "the number of the outcome is 2; expected 1",
        ),
        (
            |given| first(given).number = TickerSeq::ZERO,
            "the number of the outcome is 0; expected 1",
        ),
        (|given| reject(given, reused("1 of source f and ticker AAPL")), "the outcome is rejected"),
        (|given| given.list.clear(), "an outcome is missing"),
        (
            |given| {
                let again = given.list[0].clone();
                given.list.push(again);
            },
            "one outcome too many: divided",
        ),
        (
            |given| {
                let origin = *given.list[0].origin();
                given.list[0] = Outcome::Held { origin, ticker: ticker("AAPL") };
            },
            "the outcome is held; expected divided",
        ),
    ];
    let cases = cases.map(|(tamper, fault)| Case { script: SCRIPT, tamper, fault });
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn markers_and_nettings_have_no_outcome() {
    let add: Tamper = |given| {
        let (source, seq) = (source("f"), Seq::new(1));
        let origin = Origin { source, seq, id: seq.into(), time_ns: 0, duplicate: false };
        given.list.push(Outcome::Held { origin, ticker: ticker("AAPL") });
    };
    let cases = [
        Case { script: "marker", tamper: add, fault: "one outcome too many: held" },
        Case { script: "net aum 1 5 -5", tamper: add, fault: "one outcome too many: held" },
    ];
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn inputs_count_up() {
    let mut pair = Pair::new(CONFIG);
    let inputs = inputs("split aum 1 a=100\nmarker");
    pair.apply(&inputs[0]).unwrap();
    let mut check = |index| {
        let index = LogIndex::new(index);
        let account = |index| *pair.book.account(index);
        pair.auditor.check(index, &inputs[1], &Outcomes::default(), account)
    };
    assert_eq!(check(3), Ok(()));
    assert_eq!(
        check(3).unwrap_err().to_string(),
        "input 3, marker 1 at 0: its index does not follow 3"
    );
}
