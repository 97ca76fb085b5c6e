//! Tampering: each way in which a book could say something else than what is so, and the fault.

use super::names::{source, ticker};
use super::pair::Pair;
use super::script::inputs;
use allot_allocation_rules::{
    Allocated, Blend, BookConfig, Origin, Outcome, Outcomes, Reject, Share,
};
use allot_domain::{Price, Quantity, Side};

/// What is done to the outcomes of the last input.
type Tamper = fn(&mut Outcomes);

/// A script, what is done to the outcomes of its last line, and how the fault begins.
struct Case {
    script: &'static str,
    tamper: Tamper,
    fault: &'static str,
}

/// Without the tampering the auditor agrees with the last line; with it, it says what is wrong.
#[track_caller]
fn check(before: &str, cases: &[Case]) {
    for Case { script, tamper, fault: expected } in cases {
        let mut pair = Pair::new(BookConfig { blend: Blend::NONE, history: 3 });
        let all = inputs(&format!("{before}\n{script}"));
        let (last, all) = all.split_last().unwrap();
        all.iter().for_each(|input| pair.apply(input).unwrap());
        pair.clone().apply(last).unwrap();
        let fault = pair.apply_tampered(last, tamper).expect_err(script);
        let (_, fault) = fault.what.split_once(": ").unwrap();
        assert!(fault.starts_with(expected), "{script}: {fault}");
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
        Outcome::Held(origin)
        | Outcome::Busted { origin, .. }
        | Outcome::Accepted { origin, .. }
        | Outcome::Rejected { origin, .. } => origin,
    }
}

/// Puts a rejection in the place of the first outcome.
fn reject(outcomes: &mut Outcomes, reject: Reject) {
    let origin = *outcomes.list[0].origin();
    outcomes.shares.clear();
    outcomes.list[0] = Outcome::Rejected { origin, reject, late: false };
}

/// Puts a division over the accounts at places 0 and 1 in the place of the first outcome.
fn divide(outcomes: &mut Outcomes, side: Side, quantity: u64, shares: [u64; 2]) {
    outcomes.shares =
        (0..).zip(shares).map(|(account, quantity)| Share { account, quantity }).collect();
    outcomes.list[0] = Outcome::Allocated(Allocated {
        origin: *outcomes.list[0].origin(),
        ticker: ticker("AAPL"),
        side,
        price: Price::parse("5").unwrap(),
        quantity: Quantity::new(quantity.into()).unwrap(),
        split: 1,
        shares: 0..2,
        late: false,
    });
}

/// Puts a bust of fill 1 in the place of the first outcome.
fn bust(outcomes: &mut Outcomes) {
    let origin = *outcomes.list[0].origin();
    outcomes.list[0] = Outcome::Busted { origin, ticker: ticker("AAPL"), of: 1, shares: 0..0 };
}

#[test]
fn shares_of_a_fill_are_the_ones_that_are_due() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| {
                said.shares[0].quantity += 1;
                said.shares[1].quantity -= 1;
            },
            fault: "a has 7 shares; share by share it gets 6",
        },
        Case {
            script: "buy f 1 AAPL 1000000000 @ 5",
            tamper: |said| {
                said.shares[0].quantity += 1;
                said.shares[1].quantity -= 1;
            },
            fault: "a has a share that b wanted more, by 500000000000000000000 of a step of 5",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[1].quantity -= 1,
            fault: "the sum of the shares is said to be 9; it is 10",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[1].quantity = u64::MAX,
            fault: "the sum of the shares is said to be 18446744073709551621; it is 10",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| first(said).shares = 0..0,
            fault: "the sum of the shares is said to be 0; it is 10",
        },
        Case {
            script: "split aum 2 b=50 c=50\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[0].account = 0,
            fault: "a has 5 shares of it and no part in the split",
        },
        Case {
            script: "split aum 2 a=0 b=100\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[0].account = 0,
            fault: "a buys 10 shares at 0 %",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5\nsell f 2 AAPL 9 @ 5",
            tamper: |said| {
                said.shares[0].quantity += 2;
                said.shares[1].quantity -= 2;
            },
            fault: "a sells 7 shares and holds 6",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5\nsell f 2 AAPL 5 @ 5",
            tamper: |said| {
                said.shares[0].quantity += 1;
                said.shares[1].quantity -= 1;
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
            tamper: |said| said.shares.swap(0, 1),
            fault: "a stands behind b, against the byte order",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[1].account = 0,
            fault: "a stands behind a",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[1].quantity = 0,
            fault: "b stands there with no share",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[1].account = 2,
            fault: "no account has the place 2",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| first(said).shares = 0..3,
            fault: "it refers to 3 shares of 2",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| first(said).shares = 1..2,
            fault: "the place of its first share is said to be 1; it is 0",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares.push(Share { account: 0, quantity: 1 }),
            fault: "the count of shares is said to be 3; it is 2",
        },
    ];
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn an_answer_repeats_what_was_asked() {
    const SCRIPT: &str = "buy f 1 AAPL 10 @ 5";
    let cases: [(Tamper, &str); 12] = [
        (|said| first(said).ticker = ticker("MSFT"), "the ticker is said to be MSFT; it is AAPL"),
        (|said| first(said).side = Side::Sell, "the side is said to be sell; it is buy"),
        (
            |said| first(said).price = Price::parse("6").unwrap(),
            "the price is said to be 6; it is 5",
        ),
        (
            |said| first(said).quantity = Quantity::new(11).unwrap(),
            "the quantity is said to be 11; it is 10",
        ),
        (|said| first(said).split = 2, "the split is said to be 2; it is 1"),
        (|said| first(said).late = true, "whether it had been held is said to be true"),
        (
            |said| origin(&mut said.list[0]).source = source("g"),
            "the source is said to be g; it is f",
        ),
        (|said| origin(&mut said.list[0]).seq = 2, "the sequence is said to be 2; it is 1"),
        (|said| origin(&mut said.list[0]).duplicate = true, "whether it is a repeat is said to be"),
        (|said| said.list.clear(), "the book says nothing of it"),
        (
            |said| {
                let again = said.list[0].clone();
                said.list.push(again);
            },
            "one outcome too many: it is divided",
        ),
        (
            |said| {
                let origin = *said.list[0].origin();
                said.list[0] = Outcome::Held(origin);
            },
            "it is held; nothing speaks against dividing it",
        ),
    ];
    let cases = cases.map(|(tamper, fault)| Case { script: SCRIPT, tamper, fault });
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn nothing_is_applied_twice_and_a_repeat_gets_the_first_answer() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| first(said).origin.duplicate = false,
            fault: "whether it is a repeat is said to be false; it is true",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| said.shares[0].quantity += 1,
            fault: "what a had of it is said to be 7; it is 6",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| {
                first(said).shares = 0..0;
                said.shares.clear();
            },
            fault: "how many accounts had shares of it is said to be 0; it is 2",
        },
        Case {
            script: "split aum 2 a=10 b=90\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| first(said).split = 2,
            fault: "the split is said to be 2; it is 1",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| reject(said, Reject::Busy),
            fault: "it is rejected as busy",
        },
        // What is forgotten is not made up.
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbuy f 4 X 1 @ 1\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| first(said).split = 1,
            fault: "the split is said to be 1; it is 0",
        },
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbuy f 4 X 1 @ 1\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| {
                said.shares.push(Share { account: 0, quantity: 10 });
                first(said).shares = 0..1;
            },
            fault: "how many shares are still known is said to be 1; it is 0",
        },
        Case {
            script: "bust f 2 AAPL of 1\nbust f 2 AAPL of 1",
            tamper: |said| said.shares[0].quantity -= 1,
            fault: "what a had of it is said to be 5; it is 6",
        },
        Case {
            script: "bust f 2 AAPL of 1\nbust f 2 AAPL of 1",
            tamper: |said| origin(&mut said.list[0]).duplicate = false,
            fault: "whether it is a repeat is said to be false; it is true",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |said| origin(&mut said.list[0]).duplicate = false,
            fault: "whether it is a repeat is said to be false; it is true",
        },
        Case {
            script: "buy f 65537 AAPL 1 @ 5\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| divide(said, Side::Buy, 10, [6, 4]),
            fault: "it is divided; but whether it was applied is no longer known",
        },
        Case {
            script: "buy f 65537 AAPL 1 @ 5\nbuy f 1 AAPL 10 @ 5",
            tamper: |said| reject(said, Reject::SequenceTooOld(3)),
            fault: "it is rejected as sequence_too_old",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn a_refusal_has_its_one_reason() {
    let cases = [
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |said| divide(said, Side::Sell, 11, [6, 5]),
            fault: "it is divided; but the accounts hold only 10 of it",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |said| reject(said, Reject::ExceedsHoldings(9)),
            fault: "it is rejected as exceeds_holdings (the accounts hold only 9 of it); it should",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |said| reject(said, Reject::Busy),
            fault: "it is rejected as busy",
        },
        Case {
            script: "sell f 2 AAPL 10 @ 5",
            tamper: |said| reject(said, Reject::ExceedsHoldings(9)),
            fault: "it is rejected as exceeds_holdings (the accounts hold only 9 of it); nothing",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5",
            tamper: |said| {
                said.list[0] = Outcome::Rejected {
                    origin: *said.list[0].origin(),
                    reject: Reject::ExceedsHoldings(10),
                    late: true,
                };
            },
            fault: "whether it had been held is said to be true; it is false",
        },
        Case {
            script: "buy f 2 AAPL 1099511627776 @ 1000000000",
            tamper: |said| divide(said, Side::Buy, 2, [1, 1]),
            fault: "it is divided; but turnover or holdings would pass the limits",
        },
        Case {
            script: "sell f 2 AAPL 11 @ 5\nbuy f 2 AAPL 11 @ 5",
            tamper: |said| first(said).origin.duplicate = true,
            fault: "whether it is a repeat is said to be true; it is false",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn a_bust_takes_back_exactly_the_shares_of_its_fill_once() {
    let cases = [
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |said| {
                said.shares[0].quantity += 1;
                said.shares[1].quantity -= 1;
            },
            fault: "what a had of it is said to be 7; it is 6",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: bust,
            fault: "how many accounts had shares of it is said to be 0; it is 2",
        },
        Case {
            script: "split aum 2 b=40 c=60\nbust f 2 AAPL of 1",
            tamper: |said| said.shares.iter_mut().for_each(|share| share.account += 1),
            fault: "the account that had shares of it is said to be b; it is a",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |said| {
                if let Outcome::Busted { of, .. } = &mut said.list[0] {
                    *of = 2;
                }
            },
            fault: "the sequence of the fill is said to be 2; it is 1",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |said| {
                if let Outcome::Busted { ticker: name, .. } = &mut said.list[0] {
                    *name = ticker("MSFT");
                }
            },
            fault: "the ticker is said to be MSFT; it is AAPL",
        },
        Case {
            script: "bust f 2 AAPL of 1",
            tamper: |said| reject(said, Reject::UnknownFill(1)),
            fault: "it is rejected as unknown_fill",
        },
        Case {
            script: "bust f 2 AAPL of 1\nbust f 3 AAPL of 1",
            tamper: bust,
            fault: "it is busted; but no fill 1 of this source and ticker can be busted",
        },
        Case { script: "bust f 2 MSFT of 1", tamper: bust, fault: "it is busted; but no fill 1" },
        Case { script: "bust g 2 AAPL of 1", tamper: bust, fault: "it is busted; but no fill 1" },
        Case {
            script: "sell f 2 AAPL 4 @ 5\nbust f 3 AAPL of 1",
            tamper: |said| reject(said, Reject::UnknownFill(1)),
            fault: "it is rejected as unknown_fill",
        },
        // Outside the window of answers nobody can tell the shares.
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbuy f 4 X 1 @ 1\nbust f 5 AAPL of 1",
            tamper: bust,
            fault: "it is busted; but no fill 1",
        },
        Case {
            script: "buy f 2 X 1 @ 1\nbuy f 3 X 1 @ 1\nbust f 4 AAPL of 1",
            tamper: |said| reject(said, Reject::UnknownFill(1)),
            fault: "it is rejected as unknown_fill",
        },
    ];
    check("split aum 1 a=60 b=40\nbuy f 1 AAPL 10 @ 5", &cases);
}

#[test]
fn held_fills_are_divided_in_order_at_the_first_split() {
    let cases = [
        Case {
            script: "buy f 3 AAPL 1 @ 5",
            tamper: |said| reject(said, Reject::Busy),
            fault: "it is rejected as busy",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |said| origin(&mut said.list[0]).duplicate = false,
            fault: "whether it is a repeat is said to be false; it is true",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |said| said.list.swap(1, 2),
            fault: "then held fill f 1, buy 10 AAPL at 5: the sequence is said to be 2; it is 1",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |said| {
                said.list.remove(1);
            },
            fault: "then held fill f 1, buy 10 AAPL at 5: the sequence is said to be 2; it is 1",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |said| {
                said.list.pop();
            },
            fault: "then held fill g 1, sell 9 AAPL at 5: the book says nothing of it",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |said| allocated(&mut said.list[2]).late = false,
            fault: "then held fill f 2, buy 4 MSFT at 7: whether it had been held is said",
        },
        Case {
            script: "split aum 1 a=60 b=40",
            tamper: |said| allocated(&mut said.list[2]).shares = 0..2,
            fault: "then held fill f 2, buy 4 MSFT at 7: the place of its first share is said to b",
        },
        Case {
            script: "bust g 2 AAPL of 1\nsplit aum 1 a=60 b=40",
            tamper: |said| {
                let again = said.list[1].clone();
                said.list.push(again);
            },
            fault: "one outcome too many: it is divided",
        },
        Case {
            script: "bust f 3 AAPL of 1\nsplit aum 1 a=60 b=40",
            tamper: |said| {
                if let Outcome::Rejected { late, .. } = &mut said.list[2] {
                    *late = false;
                }
            },
            fault: "then held fill g 1, sell 9 AAPL at 5: whether it had been held is said",
        },
    ];
    check("buy f 1 AAPL 10 @ 5\nbuy f 2 MSFT 4 @ 7\nsell g 1 AAPL 9 @ 5", &cases);
}

#[test]
fn splits_are_numbered_on() {
    fn number(outcomes: &mut Outcomes) -> &mut Option<u64> {
        match &mut outcomes.list[0] {
            Outcome::Accepted { split, .. } => split,
            _ => panic!("it was not accepted"),
        }
    }
    let cases = [
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |said| *number(said) = Some(3),
            fault: "its number is said to be 3; it is 2",
        },
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |said| *number(said) = None,
            fault: "its number is said to be none; it is 2",
        },
        Case {
            script: "split aum 1 a=10 b=90",
            tamper: |said| *number(said) = Some(2),
            fault: "its number is said to be 2; it is 1",
        },
        Case {
            script: "split aum 2 a=10 b=90",
            tamper: |said| reject(said, Reject::TooManyAccountsEver),
            fault: "it is rejected as too_many_accounts_ever",
        },
        Case {
            script: "split aum 70000 a=10 b=90\nsplit aum 2 a=10 b=90",
            tamper: |said| {
                let origin = *said.list[0].origin();
                said.list[0] = Outcome::Accepted { origin, split: Some(3) };
            },
            fault: "it is accepted; but whether it was applied is no longer known",
        },
    ];
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn of_markers_and_nettings_nothing_is_said() {
    let say: Tamper = |said| {
        let origin = Origin { source: source("f"), seq: 1, duplicate: false };
        said.list.push(Outcome::Held(origin));
    };
    let cases = [
        Case { script: "marker", tamper: say, fault: "one outcome too many: it is held" },
        Case { script: "net aum 1 5 -5", tamper: say, fault: "one outcome too many: it is held" },
    ];
    check("split aum 1 a=60 b=40", &cases);
}

#[test]
fn inputs_count_up() {
    let mut pair = Pair::new(BookConfig { blend: Blend::NONE, history: 3 });
    let inputs = inputs("split aum 1 a=100\nmarker");
    pair.apply(&inputs[0]).unwrap();
    let mut check = |number| {
        let account = |place| *pair.book.account(place);
        pair.auditor.check(number, &inputs[1], &Outcomes::default(), account)
    };
    assert_eq!(check(3), Ok(()));
    assert_eq!(check(3).unwrap_err().to_string(), "input 3: marker 1: it comes after input 3");
}
