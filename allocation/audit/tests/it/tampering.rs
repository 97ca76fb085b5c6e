//! Tampering: each way in which outcomes could be wrong, and the mismatch that is found.

use allot_allocation_rules::{
    AccountIndex, Allocated, Blend, BookConfig, Origin, Outcome, Outcomes, Reject, Share,
    SplitNumber, TickerSeq,
};
use allot_domain::{LogIndex, Price, Quantity, Reject as Core, Seq, Side};

use super::names::{id, source, ticker};
use super::pair::Pair;
use super::script::inputs;

const CONFIG: BookConfig = BookConfig { blend: Blend::NONE, history: 3, names: 6 };

/// What is done to the outcomes of the last input.
type Tamper = fn(&mut Outcomes);

/// A script, what is done to the outcomes of its last line, and how the mismatch begins.
struct Case {
    script: &'static str,
    tamper: Tamper,
    fault: &'static str,
}

/// Without the tampering the auditor agrees with the last line; with it, it finds the mismatch.
#[track_caller]
fn check(before: &str, cases: &[Case]) {
    for Case { script, tamper, fault: expected } in cases {
        let mut pair = Pair::new(CONFIG);
        let all = inputs(&format!("{before}\n{script}"));
        let (last, all) = all.split_last().unwrap();
        all.iter().for_each(|input| pair.apply(input).unwrap());
        pair.clone().apply(last).unwrap();
        let fault = pair.apply_tampered(last, tamper).expect_err(script);
        let mismatch = fault.mismatch.to_string();
        assert!(mismatch.starts_with(expected), "{script}: {mismatch}");
    }
}

fn allocated(outcome: &mut Outcome) -> &mut Allocated {
    match outcome {
        Outcome::Allocated(allocated) => allocated,
        _ => panic!("it was not divided"),
    }
}

fn first(outcomes: &mut Outcomes) -> &mut Allocated {
    allocated(&mut outcomes.list[0])
}

fn origin(outcome: &mut Outcome) -> &mut Origin {
    match outcome {
        Outcome::Allocated(allocated) => &mut allocated.origin,
        Outcome::Held { origin, .. }
        | Outcome::Busted { origin, .. }
        | Outcome::Accepted { origin, .. }
        | Outcome::Checked { origin, .. }
        | Outcome::Rejected { origin, .. } => origin,
    }
}

/// Puts a rejection in place of the first outcome.
fn reject(outcomes: &mut Outcomes, reject: impl Into<Reject>) {
    let reject = reject.into();
    let origin = *outcomes.list[0].origin();
    outcomes.shares.clear();
    outcomes.list[0] = Outcome::Rejected { origin, reject, late: None };
}

fn reused(name: &str) -> Core {
    Core::NameReused(name.to_owned())
}

/// Puts a division over accounts 0 and 1 in place of the first outcome.
fn divide(outcomes: &mut Outcomes, side: Side, quantity: u64, shares: [u64; 2]) {
    outcomes.shares = (0..)
        .map(AccountIndex::new)
        .zip(shares)
        .map(|(account, quantity)| Share { account, quantity })
        .collect();
    outcomes.list[0] = Outcome::Allocated(Allocated {
        origin: *outcomes.list[0].origin(),
        ticker: ticker("AAPL"),
        side,
        price: Price::parse("5").unwrap(),
        quantity: Quantity::new(quantity.into()).unwrap(),
        split: SplitNumber::new(1),
        number: TickerSeq::new(2),
        shares: 0..2,
        late: false,
    });
}

/// Puts a bust of fill 1 in place of the first outcome.
fn bust(outcomes: &mut Outcomes) {
    let origin = *outcomes.list[0].origin();
    let (ticker, number) = (ticker("AAPL"), TickerSeq::new(2));
    outcomes.list[0] =
        Outcome::Busted { origin, ticker, of: Seq::new(1).into(), number, shares: 0..0 };
}

#[test]
fn shares_of_a_fill_are_the_ones_that_are_due() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
            },
            fault: "a has 7 shares; share by share it gets 6",
        },
        Case {
            script: "buy f 1 AAPL 1000000000 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
            },
            fault: "a has a share that b wanted more, by 500000000000000000000 of a step of 5",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].quantity -= 1,
            fault: "the sum of the shares is 9; expected 10",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].quantity = u64::MAX,
            fault: "the sum of the shares is 18446744073709551621; expected 10",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).shares = 0..0,
            fault: "the sum of the shares is 0; expected 10",
        },
        Case {
            script: "split aum 2 b=50 c=50 closes a\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[0].account = AccountIndex::new(0),
            fault: "a has 5 shares, but is not in the split",
        },
        Case {
            script: "split aum 2 a=0 b=100\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[0].account = AccountIndex::new(0),
            fault: "a buys 10 shares at a weight of 0 %",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5\nsell f 2 AAPL 9 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 2;
                given.shares[1].quantity -= 2;
            },
            fault: "a sells 7 shares, but holds 6",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5\nsell f 2 AAPL 5 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
            },
            fault: "a has 4 shares; share by share it gets 3",
        },
    ];
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn shares_stand_in_order_and_each_is_referred_to() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares.swap(0, 1),
            fault: "a is listed after b, against the byte order",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].account = AccountIndex::new(0),
            fault: "a is listed after a",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].quantity = 0,
            fault: "b is listed with no share",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].account = AccountIndex::new(2),
            fault: "there is no account 2",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).shares = 0..3,
            fault: "the outcome refers to share 3 of 2",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).shares = 1..2,
            fault: "the index of its first share is 1; expected 0",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares.push(Share { account: AccountIndex::new(0), quantity: 1 }),
            fault: "the number of shares is 3; expected 2",
        },
    ];
    check("split aum 1 a=60 b=40", &cases);
}

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

#[test]
fn a_rejection_has_its_one_reason() {
    let cases = [
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| divide(given, Side::Sell, 11, [6, 5]),
            fault: "the outcome is divided; expected rejected as exceeds_holdings (the accounts \
                    hold only 10 shares)",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| reject(given, Reject::ExceedsHoldings(9)),
            fault: "the outcome is rejected as exceeds_holdings (the accounts hold only 9 shares); \
                    expected rejected as exceeds_holdings (the accounts hold only 10 shares)",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |given| reject(given, Core::Busy),
            fault: "the outcome is rejected as busy",
        },
        Case {
            script: "sell f 2 AAPL 10 @ 5",
            tamper: |given| reject(given, Reject::ExceedsHoldings(9)),
            fault: "the outcome is rejected as exceeds_holdings (the accounts hold only 9 shares); \
                    expected divided",
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

#[test]
fn splits_are_numbered_on() {
    fn number(outcomes: &mut Outcomes) -> &mut SplitNumber {
        match &mut outcomes.list[0] {
            Outcome::Accepted { split, .. } => split,
            _ => panic!("it was not accepted"),
        }
    }
    let cases = [
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |given| *number(given) = SplitNumber::new(3),
            fault: "the number of the split is 3; expected 2",
        },
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |given| *number(given) = SplitNumber::ZERO,
            fault: "the number of the split is 0; expected 2",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |given| *number(given) = SplitNumber::new(2),
            fault: "the number of the split is 2; expected 1",
        },
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |given| reject(given, Reject::TooManyAccountsEver),
            fault: "the outcome is rejected as too_many_accounts_ever",
        },
        Case {
            script: "split aum 2 a=10 b=90\nsplit aum 3 a=10 b=90\nsplit aum 4 a=10 b=90\n\
                     split aum 5 a=10 b=90\nsplit aum 6 a=10 b=90\nsplit aum 7 a=10 b=90\n\
                     split aum 1 a=60 b=40",
            tamper: |given| {
                let (origin, split) = (*given.list[0].origin(), SplitNumber::new(1));
                given.list[0] = Outcome::Accepted { origin, split };
            },
            fault: "the outcome is accepted; expected rejected as sequence_too_old",
        },
    ];
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
