//! Held fills: they are divided at the first split, in order.

use allot_allocation_rules::{Outcome, TickerSeq};
use allot_domain::Reject as Core;

use super::{Case, allocated, check, origin, reject};
use crate::names::ticker;

#[test]
fn held_fills_are_divided_in_order_at_the_first_split() {
    let cases = [
        Case {
            script: "buy f 3 AAPL 1 @ 5",
            tamper: |given| reject(given, Core::Busy),
            fault: "the outcome is rejected as busy",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| origin(&mut given.list[0]).duplicate = false,
            fault: "the duplicate flag is false; expected true",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| given.list.swap(1, 2),
            fault: "then buy f 1 AAPL 10 @ 5: the sequence is 2; expected 1",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| {
                given.list.remove(1);
            },
            fault: "then buy f 1 AAPL 10 @ 5: the sequence is 2; expected 1",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| {
                given.list.pop();
            },
            fault: "then sell g 1 AAPL 9 @ 5: an outcome is missing",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| allocated(&mut given.list[2]).late = false,
            fault: "then buy f 2 MSFT 4 @ 7: the late flag is",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| allocated(&mut given.list[2]).shares = 0..2,
            fault: "then buy f 2 MSFT 4 @ 7: the index of its first share is",
        },
        Case {
            script: "bust g 2 AAPL of 1\nsplit aum 1 a=60 b=40",
            tamper: |given| {
                let again = given.list[1].clone();
                given.list.push(again);
            },
            fault: "one outcome too many: divided",
        },
        Case {
            script: "bust f 3 AAPL of 1\nsplit aum 1 a=60 b=40",
            tamper: |given| {
                if let Outcome::Rejected { late, .. } = &mut given.list[2] {
                    *late = None;
                }
            },
            fault: "then sell g 1 AAPL 9 @ 5: the ticker of a late outcome is none; expected AAPL",
        },
    ];
    check("buy f 1 AAPL 10 @ 5\nbuy f 2 MSFT 4 @ 7\nsell g 1 AAPL 9 @ 5", &cases);
}

#[test]
fn held_fills_are_of_their_ticker_and_are_counted_when_they_are_divided() {
    let cases = [
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| allocated(&mut given.list[2]).number = TickerSeq::new(2),
            fault: "then buy f 2 MSFT 4 @ 7: the number of the outcome is 2; expected 1",
        },
        Case {
            script: "buy f 3 MSFT 1 @ 5",
            tamper: |given| {
                if let Outcome::Held { ticker: name, .. } = &mut given.list[0] {
                    *name = ticker("AAPL");
                }
            },
            fault: "the ticker is AAPL; expected MSFT",
        },
    ];
    check("buy f 1 AAPL 10 @ 5\nbuy f 2 MSFT 4 @ 7\nsell g 1 AAPL 9 @ 5", &cases);
}
