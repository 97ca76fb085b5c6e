//! Rejections: what is refused, and for which reason.

use allot_allocation_rules::{Outcome, Reject};
use allot_domain::{Reject as Core, Side};

use super::{Case, check, divide, first, reject};
use crate::names::ticker;

#[test]
fn a_rejection_has_its_one_reason() {
    let cases = [
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| divide(given, Side::Sell, 11, [6, 5]),
            fault: "the outcome is divided; expected rejected as exceeds_holdings (the accounts \
                    of the split hold only 10 shares)",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| reject(given, Reject::ExceedsHoldings(9)),
            fault: "the outcome is rejected as exceeds_holdings (the accounts of the split hold \
                    only 9 shares); expected rejected as exceeds_holdings (the accounts of the \
                    split hold only 10 shares)",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| reject(given, Core::Busy),
            fault: "the outcome is rejected as busy",
        },
        Case {
            script: "sell f 2 AAPL 10 @ 5",
            tamper: |given| reject(given, Reject::ExceedsHoldings(9)),
            fault: "the outcome is rejected as exceeds_holdings (the accounts of the split hold \
                    only 9 shares); expected divided",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| {
                given.list[0] = Outcome::Rejected {
                    origin: *given.list[0].origin(),
                    reject: Reject::ExceedsHoldings(10),
                    late: Some(ticker("AAPL")),
                };
            },
            fault: "the ticker of a late outcome is AAPL; expected none",
        },
        Case {
            script: "buy f 2 AAPL 1099511627776 @ 1000000000",
            tamper: |given| divide(given, Side::Buy, 2, [1, 1]),
            fault: "the outcome is divided; expected rejected as exceeds_limits",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5\nbuy f 2 AAPL 11 @ 5",
            tamper: |given| first(given).origin.duplicate = true,
            fault: "the duplicate flag is true; expected false",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}
