//! A blend: an example by hand, and agreement where all prices of a ticker are the same.

use std::collections::BTreeMap;

use allot_allocation_audit::Auditor;
use allot_allocation_rules::{
    AccountIndex, Allocated, Blend, BookConfig, Input, Origin, Outcome, Outcomes, Share,
    SplitNumber, TickerSeq,
};
use allot_domain::{AccountId, LogIndex, Seq};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::numbering::{Numbering, sent};
use super::pair::Pair;
use super::random::at_least;
use super::script::input;

/// The outcomes of a book that divides a fill like this, account by account; `number` counts those
/// of its ticker.
fn division(input: &Input, number: u64, quantities: &[u64]) -> Outcomes {
    let Input::Fill(fill) = input else { panic!("only fills are divided") };
    let shares =
        (0..).map(AccountIndex::new).zip(quantities).filter(|(_, quantity)| 0 < **quantity);
    let shares: Vec<_> =
        shares.map(|(account, quantity)| Share { account, quantity: *quantity }).collect();
    let allocated = Allocated {
        origin: Origin {
            source: fill.source,
            seq: fill.seq,
            id: fill.id,
            time_ns: fill.time_ns,
            duplicate: false,
        },
        ticker: fill.ticker,
        side: fill.side,
        price: fill.price,
        quantity: fill.quantity,
        split: SplitNumber::new(1),
        number: TickerSeq::new(number),
        shares: 0..shares.len(),
        late: false,
    };
    Outcomes { list: vec![Outcome::Allocated(allocated)], shares }
}

/// Fills one after the other, each with shares that are wrong and then those that are right.
#[track_caller]
fn check(blend: Blend, fills: &[(&str, [u64; 2], [u64; 2])], expected: Expect) {
    let id = |index: AccountIndex| AccountId::new(["a", "b"][index.index()].as_bytes()).unwrap();
    let mut auditor = Auditor::new(BookConfig { blend, history: 64, names: 64 });
    let split = input("split aum 1 a=50 b=50");
    let Input::Split(accepted) = &split else { unreachable!() };
    let seq = Seq::new(1);
    let origin =
        Origin { source: accepted.source, seq, id: seq.into(), time_ns: 0, duplicate: false };
    let list = vec![Outcome::Accepted { origin, split: SplitNumber::new(1) }];
    auditor.check(LogIndex::new(1), &split, &Outcomes { list, shares: vec![] }, id).unwrap();
    let (mut faults, mut numbers) = (String::new(), BTreeMap::new());
    for (index, (line, wrong, right)) in (2..).map(LogIndex::new).zip(fills) {
        let input = input(line);
        let Input::Fill(fill) = &input else { panic!("only fills are divided") };
        let number: &mut u64 = numbers.entry(fill.ticker).or_default();
        *number += 1;
        let fault = auditor.clone().check(index, &input, &division(&input, *number, wrong), id);
        faults += &format!("{}\n", fault.unwrap_err());
        auditor.check(index, &input, &division(&input, *number, right), id).unwrap();
    }
    expected.assert_eq(&faults);
}

/// With μ = 1 and W = 100, the third line: `a` has 125 and `b` 75, of CHEAP 25 and 75. Of 220 `a`
/// misses 50·220 − 100·125 = −1,500 and `b` 3,500; of 120 in CHEAP `a` misses 3,500 and `b` −1,500.
/// Together 2,000 each, at a step of 2·100·2 = 400: five shares each.
#[test]
fn a_blend_adds_what_is_missed_of_the_ticker_at_what_was_paid() {
    check(
        Blend::new(1, 1).unwrap(),
        &[
            ("buy f 1 DEAR 1 @ 100", [0, 1], [1, 0]),
            ("buy f 2 CHEAP 100 @ 1", [24, 76], [25, 75]),
            ("buy f 3 CHEAP 10 @ 2", [10, 0], [5, 5]),
            ("sell f 4 CHEAP 10 @ 3", [9, 1], [5, 5]),
        ],
        expect![[r#"
            input 2, buy f 1 DEAR 1 @ 100: a has 0 shares; share by share it gets 1
            input 3, buy f 2 CHEAP 100 @ 1: a has 24 shares; share by share it gets 25
            input 4, buy f 3 CHEAP 10 @ 2: a has 10 shares; share by share it gets 5
            input 5, sell f 4 CHEAP 10 @ 3: a has 9 shares; share by share it gets 5
        "#]],
    );
}

proptest! {
    #![proptest_config(at_least(300))]

    #[test]
    fn a_blended_book_and_its_auditor_agree(
        script in prop::collection::vec(sent(6), 1..80),
        (mix, total) in (0..4_u32, 1..4_u32),
        names in prop_oneof![Just(10_usize), Just(1_000)],
    ) {
        let blend = Blend::new(mix, total).unwrap();
        let mut pair = Pair::new(BookConfig { blend, history: 64, names });
        let mut numbering = Numbering::default();
        for sent in &script {
            let Some(input) = numbering.input(sent) else { continue };
            let fault = pair.apply(&input).err();
            prop_assert_eq!(fault, None, "{:?}", input);
        }
        prop_assert_eq!(pair.compare(), Ok(()));
    }
}
