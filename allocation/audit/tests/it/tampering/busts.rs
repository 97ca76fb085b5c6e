//! Busts: what a bust takes back, and what can be busted.

use allot_allocation_rules::{Outcome, Reject, TickerSeq};
use allot_domain::Seq;

use super::{Case, bust, check, origin, reject};
use crate::names::{id, ticker};

#[test]
fn a_bust_takes_back_exactly_the_shares_of_its_fill_once() {
    let cases = [
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
            },
            fault: "the shares of a is 7; expected 6",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: bust,
            fault: "the number of accounts with shares is 0; expected 2",
        },
        Case {
            script: "split aum 2 b=40 c=60 closes a\nbust f 2 AAPL of 1",
            tamper: |given| {
                given.shares.iter_mut().for_each(|share| share.account = share.account.next())
            },
            fault: "an account with shares is b; expected a",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |given| {
                if let Outcome::Busted { of, .. } = &mut given.list[0] {
                    *of = Seq::new(2).into();
                }
            },
            fault: "the id of the fill is 2; expected 1",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |given| {
                if let Outcome::Busted { ticker: name, .. } = &mut given.list[0] {
                    *name = ticker("MSFT");
                }
            },
            fault: "the ticker is MSFT; expected AAPL",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |given| {
                if let Outcome::Busted { number, .. } = &mut given.list[0] {
                    *number = TickerSeq::new(1);
                }
            },
            fault: "the number of the outcome is 1; expected 2",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |given| origin(&mut given.list[0]).time_ns = 7,
            fault: "the time is 7; expected 0",
        },
        Case {
            script: "bust f 2#x AAPL of 1",
            tamper: |given| origin(&mut given.list[0]).id = id("y"),
            fault: "the id is y; expected x",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |given| reject(given, Reject::UnknownFill(id("1"))),
            fault: "the outcome is rejected as unknown_fill",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn a_fill_is_busted_once_by_its_source_and_while_it_is_kept() {
    const UNKNOWN: &str = "the outcome is busted; expected rejected as unknown_fill (fill 1 ";
    let cases = [
        Case { script: "bust f 2 AAPL of 1\nbust f 3 AAPL of 1", tamper: bust, fault: UNKNOWN },
        Case { script: "bust f 2 MSFT of 1", tamper: bust, fault: UNKNOWN },
        Case { script: "bust g 2 AAPL of 1", tamper: bust, fault: UNKNOWN },
        Case {
            script: "sell f 2 AAPL 4 @ 5\nbust f 3 AAPL of 1",
            tamper: |given| reject(given, Reject::UnknownFill(id("1"))),
            fault: "the outcome is rejected as unknown_fill",
        },
        // Outside the history the shares are no longer known.
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbuy f 4 X 1 @ 1\nbust f 5 AAPL of 1",
            tamper: bust,
            fault: UNKNOWN,
        },
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbust f 4 AAPL of 1",
            tamper: |given| reject(given, Reject::UnknownFill(id("1"))),
            fault: "the outcome is rejected as unknown_fill",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}
