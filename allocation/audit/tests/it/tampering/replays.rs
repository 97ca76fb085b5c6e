//! Replays: outcomes are given again as they were, and as far as they are kept.

use allot_allocation_rules::{Outcome, Outcomes, Replayed, TickerSeq};
use allot_domain::Reject as Core;

use super::{Case, allocated, check, reject};

#[test]
fn outcomes_are_given_again_as_they_were() {
    fn replayed(outcomes: &mut Outcomes) -> &mut Replayed {
        match &mut outcomes.list[0] {
            Outcome::Replayed(replayed) => replayed,
            _ => panic!("it was not replayed"),
        }
    }
    let cases = [
        Case {
            script: "replay ops 1 AAPL from 1",
            tamper: |given| {
                replayed(given).fills.pop();
            },
            fault: "an outcome is missing",
        },
        Case {
            script: "replay ops 1 AAPL from 1 to 1",
            tamper: |given| {
                let fill = replayed(given).fills[0].clone();
                replayed(given).fills.push(fill);
            },
            fault: "one outcome too many: divided",
        },
        Case {
            script: "replay ops 1 AAPL from 1",
            tamper: |given| replayed(given).fills.swap(0, 1),
            fault: "the outcome is busted; expected divided",
        },
        Case {
            script: "replay ops 1 AAPL from 1",
            tamper: |given| allocated(&mut replayed(given).fills[0]).late = false,
            fault: "the late flag is false; expected true",
        },
        Case {
            script: "replay ops 1 AAPL from 1",
            tamper: |given| given.shares[0].quantity += 1,
            fault: "the shares of a is 7; expected 6",
        },
        Case {
            script: "replay ops 1 AAPL from 1",
            tamper: |given| replayed(given).last = TickerSeq::new(3),
            fault: "the number of the newest is 3; expected 2",
        },
        Case {
            script: "replay ops 1 X from 1",
            tamper: |given| replayed(given).oldest = TickerSeq::ZERO,
            fault: "the number of the oldest is 0; expected 1",
        },
        Case {
            script: "replay ops 1 AAPL from 3",
            tamper: |given| reject(given, Core::Busy),
            fault: "the outcome is rejected as busy",
        },
    ];
    check("buy f 1 AAPL 10 @ 5\nsplit aum 1 a=60 b=40\nbust f 2 AAPL of 1", &cases);
}
