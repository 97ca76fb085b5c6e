//! Repeats: what was applied before changes nothing, and gets its first outcome.

use allot_allocation_rules::{AccountIndex, Outcome, Share, SplitNumber, TickerSeq};
use allot_domain::{Reject as Core, Seq, Side};

use super::{Case, bust, check, divide, first, origin, reject, reused};

#[test]
fn nothing_is_applied_twice_and_a_repeat_gets_the_first_outcome() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).origin.duplicate = false,
            fault: "the duplicate flag is false; expected true",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[0].quantity += 1,
            fault: "the shares of a is 7; expected 6",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| {
                first(given).shares = 0..0;
                given.shares.clear();
            },
            fault: "the number of accounts with shares is 0; expected 2",
        },
        Case {
            script: "split aum 2 a=10 b=90\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).split = SplitNumber::new(2),
            fault: "the split is 2; expected 1",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| reject(given, Core::Busy),
            fault: "the outcome is rejected as busy",
        },
        // What is forgotten is not invented.
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbuy f 4 X 1 @ 1\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).split = SplitNumber::new(1),
            fault: "the split is 1; expected 0",
        },
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbuy f 4 X 1 @ 1\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| {
                given.shares.push(Share { account: AccountIndex::new(0), quantity: 10 });
                first(given).shares = 0..1;
            },
            fault: "the number of accounts with shares is 1; expected 0",
        },
        Case {
            script: "bust f 2 AAPL of 1\nbust f 2 AAPL of 1",
            tamper: |given| given.shares[0].quantity -= 1,
            fault: "the shares of a is 5; expected 6",
        },
        Case {
            script: "bust f 2 AAPL of 1\nbust f 2 AAPL of 1",
            tamper: |given| origin(&mut given.list[0]).duplicate = false,
            fault: "the duplicate flag is false; expected true",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| origin(&mut given.list[0]).duplicate = false,
            fault: "the duplicate flag is false; expected true",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn a_repeat_is_not_counted_again() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).number = TickerSeq::new(1),
            fault: "the number of the outcome is 1; expected 0",
        },
        Case {
            script: "bust f 2 AAPL of 1\nbust f 2 AAPL of 1",
            tamper: |given| {
                if let Outcome::Busted { number, .. } = &mut given.list[0] {
                    *number = TickerSeq::new(2);
                }
            },
            fault: "the number of the outcome is 2; expected 0",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn a_name_is_for_ever_and_says_one_thing() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 11 @ 5",
            tamper: |given| divide(given, Side::Buy, 11, [7, 4]),
            fault: "the outcome is divided; expected rejected as name_reused (1 of source f and \
                    ticker AAPL was applied before",
        },
        Case {
            script: "buy f 1 AAPL 11 @ 5",
            tamper: |given| reject(given, reused("1 of source f and ticker MSFT")),
            fault: "the outcome is rejected as name_reused (1 of source f and ticker MSFT",
        },
        Case {
            script: "sell f 1 AAPL 10 @ 5",
            tamper: |given| divide(given, Side::Sell, 10, [6, 4]),
            fault: "the outcome is divided; expected rejected as name_reused",
        },
        Case {
            script: "buy f 9#1 AAPL 10 @ 6",
            tamper: |given| divide(given, Side::Buy, 10, [6, 4]),
            fault: "the outcome is divided; expected rejected as name_reused",
        },
        Case {
            script: "bust f 1 AAPL of 1",
            tamper: bust,
            fault: "the outcome is busted; expected rejected as name_reused",
        },
        Case {
            script: "buy f 2#x AAPL 1 @ 5\nbuy f 3#x AAPL 2 @ 5",
            tamper: |given| divide(given, Side::Buy, 2, [1, 1]),
            fault: "the outcome is divided; expected rejected as name_reused (x of source f",
        },
        Case {
            script: "split aum 1 a=50 b=50",
            tamper: |given| {
                let (origin, split) = (*given.list[0].origin(), SplitNumber::new(2));
                given.list[0] = Outcome::Accepted { origin, split };
            },
            fault: "the outcome is accepted; expected rejected as name_reused (split 1 of source",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn another_name_is_another_message() {
    let cases = [
        // The same id is another name at another ticker, and of another source.
        Case {
            script: "buy f 1 MSFT 11 @ 5",
            tamper: |given| reject(given, reused("1 of source f and ticker MSFT")),
            fault: "the outcome is rejected as name_reused",
        },
        Case {
            script: "buy g 1 AAPL 11 @ 5",
            tamper: |given| reject(given, reused("1 of source g and ticker AAPL")),
            fault: "the outcome is rejected as name_reused",
        },
        // A repeat under another number is still the repeat of its id.
        Case {
            script: "buy f 9#1 AAPL 10 @ 5",
            tamper: |given| first(given).origin.duplicate = false,
            fault: "the duplicate flag is false; expected true",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn what_is_forgotten_cannot_be_told_from_what_was_never_sent_unless_it_is_a_text() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| divide(given, Side::Buy, 10, [6, 4]),
            fault: "the outcome is divided; expected rejected as sequence_too_old",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| reject(given, Core::SequenceTooOld(Seq::new(3))),
            fault: "the outcome is rejected as sequence_too_old",
        },
        Case {
            script: "buy f 8#x AAPL 10 @ 5",
            tamper: |given| reject(given, Core::SequenceTooOld(Seq::new(1))),
            fault: "the outcome is rejected as sequence_too_old",
        },
    ];
    // Six names after the first.
    let before = "split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5\nbuy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\n\
                  buy f 4 X 1 @ 1\nbuy f 5 X 1 @ 1\nbuy f 6 X 1 @ 1\nbuy f 7 X 1 @ 1";
    check(before, &cases);
}
