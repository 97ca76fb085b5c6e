//! Replays: outcomes of a ticker again, by their numbers, as far back as they are kept.

use allot_domain::Machine;
use expect_test::expect;

use super::script::{Script, input, outcome_lines};
use super::{SMALL, check, check_with};
use crate::book::{Book, BookConfig};
use crate::{Outcome, Outcomes, Replayed, limits};

#[test]
fn outcomes_are_given_again_as_they_were_first() {
    check(
        "
        buy f 1 AAPL 3 @ 5
        buy f 2 MSFT 2 @ 7
        bust f 3 MSFT of 2
        split aum 1 a=50 b=50
        sell f 4 AAPL 1 @ 6
        bust f 5 AAPL of 4
        buy f 1 AAPL 3 @ 5
        replay ops 1 AAPL from 1
        replay ops 2 AAPL from 2 to 2
        replay ops 3 AAPL from 3 to 99
        replay ops 4 AAPL from 4
        replay ops 5 MSFT from 1
        replay ops 6 X from 7
        replay ops 6 X from 7
        ",
        expect![[r#"
            f 1 held
            f 2 held
            f 3 busted MSFT of 2:
            aum 1 accepted as split 1
            late f 1 buy AAPL 3 @ 5 by split 1: a 2 b 1
            f 4 sell AAPL 1 @ 6 by split 1: a 1
            f 5 busted AAPL of 4: a 1
            again f 1 buy AAPL 3 @ 5 by split 1: a 2 b 1
            ops 1 replayed AAPL from 1 of 1 to 3: | late f 1 buy AAPL 3 @ 5 by split 1: a 2 b 1 | f 4 sell AAPL 1 @ 6 by split 1: a 1 | f 5 busted AAPL of 4: a 1
            ops 2 replayed AAPL from 2 of 1 to 3: | f 4 sell AAPL 1 @ 6 by split 1: a 1
            ops 3 replayed AAPL from 3 of 1 to 3: | f 5 busted AAPL of 4: a 1
            ops 4 replayed AAPL from 4 of 1 to 3:
            ops 5 replayed MSFT from 1 of 1 to 1: | f 3 busted MSFT of 2:
            ops 6 replayed X from 7 of 1 to 0:
            ops 6 replayed X from 7 of 1 to 0:
        "#]],
    );
}

#[test]
fn what_is_forgotten_is_said() {
    check_with(
        BookConfig { history: 2, ..SMALL },
        "
        split aum 1 a=100
        replay ops 1 AAPL from 1
        buy f 1 AAPL 1 @ 1
        buy f 2 AAPL 2 @ 1
        buy f 3 AAPL 3 @ 1
        replay ops 2 AAPL from 1
        buy f 4 X 1 @ 1
        replay ops 3 AAPL from 1
        buy f 5 X 1 @ 1
        replay ops 4 AAPL from 1
        replay ops 5 AAPL from 1 to 2
        ",
        expect![[r#"
            aum 1 accepted as split 1
            ops 1 replayed AAPL from 1 of 1 to 0:
            f 1 buy AAPL 1 @ 1 by split 1: a 1
            f 2 buy AAPL 2 @ 1 by split 1: a 2
            f 3 buy AAPL 3 @ 1 by split 1: a 3
            ops 2 replayed AAPL from 2 of 2 to 3: | f 2 buy AAPL 2 @ 1 by split 1: a 2 | f 3 buy AAPL 3 @ 1 by split 1: a 3
            f 4 buy X 1 @ 1 by split 1: a 1
            ops 3 replayed AAPL from 3 of 3 to 3: | f 3 buy AAPL 3 @ 1 by split 1: a 3
            f 5 buy X 1 @ 1 by split 1: a 1
            ops 4 replayed AAPL from 4 of 4 to 3:
            ops 5 replayed AAPL from 4 of 4 to 3:
        "#]],
    );
}

#[test]
fn an_outcome_that_is_kept_without_its_shares_counts_as_forgotten() {
    check_with(
        BookConfig { history: 1, ..SMALL },
        "
        split aum 1 a=12 b=11 c=11 d=11 e=11 f=11 g=11 h=11 i=11
        buy f 1 AAPL 9 @ 1
        replay ops 1 AAPL from 1
        buy f 2 AAPL 1 @ 1
        replay ops 2 AAPL from 1
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 9 @ 1 by split 1: a 1 b 1 c 1 d 1 e 1 f 1 g 1 h 1 i 1
            ops 1 replayed AAPL from 2 of 2 to 1:
            f 2 buy AAPL 1 @ 1 by split 1: a 1
            ops 2 replayed AAPL from 2 of 2 to 2: | f 2 buy AAPL 1 @ 1 by split 1: a 1
        "#]],
    );
}

fn replayed(script: &mut Script, line: &str) -> Replayed {
    let mut outcomes = Outcomes::default();
    outcome_lines(&mut script.book, &mut outcomes, &input(line));
    match &outcomes.list[..] {
        [Outcome::Replayed(replayed)] => (**replayed).clone(),
        other => panic!("{other:?}"),
    }
}

fn numbers(replayed: &Replayed) -> Vec<u64> {
    replayed.fills.iter().map(|fill| fill.number().unwrap().get()).collect()
}

/// Many outcomes of one ticker among those of another, in a history that has forgotten some.
#[test]
fn pages_follow_one_another_through_a_long_history() {
    let config = BookConfig { history: 1_500, ..SMALL };
    let mut script = Script::new(Book::new(config));
    script.play("split aum 1 a=50 b=50");
    for seq in 1..=2_000 {
        let ticker = if seq % 7 == 0 { "X" } else { "AAPL" };
        script.play(&format!("buy f {seq} {ticker} 2 @ 1"));
    }
    // The numbers of AAPL among all 2,000; those of the first 500 are forgotten.
    let (last, oldest) = (2_000 - 2_000 / 7, 500 - 500 / 7 + 1);
    let loaded = {
        let mut snapshot = Vec::new();
        script.book.save(&mut snapshot);
        Script::new(<Book as Machine>::load(config, &snapshot).unwrap())
    };
    for mut script in [script, loaded] {
        let (mut all, mut next) = (Vec::new(), 1);
        while next <= last {
            let page = replayed(&mut script, &format!("replay ops 1 AAPL from {next}"));
            assert_eq!((page.last.get(), page.oldest.get()), (last, oldest));
            assert_eq!(page.from.get(), next.max(oldest));
            let found = numbers(&page);
            assert_eq!(found.first(), Some(&page.from.get()));
            assert!(u64::try_from(found.len()).unwrap() <= limits::REPLAY_OUTCOMES_MAX);
            next = found.last().unwrap() + 1;
            all.extend(found);
        }
        assert!(all.iter().copied().eq(oldest..=last));
        for from in oldest..=last {
            let one = replayed(&mut script, &format!("replay ops 1 AAPL from {from} to {from}"));
            assert_eq!(numbers(&one), [from]);
        }
    }
}

/// As many outcomes as have room for their shares, and never none.
#[test]
fn a_page_is_bounded_by_its_shares() {
    let accounts = 1_500;
    let mut script = Script::new(Book::new(BookConfig { history: 2_000, ..SMALL }));
    let weights = (0..accounts).map(|account| format!(" a{account}=0.066666667"));
    script.play(&format!("split aum 1{}", weights.collect::<String>()));
    for seq in 1..=5 {
        script.play(&format!("buy f {seq} AAPL 1500 @ 1"));
    }
    script.play("buy f 6 AAPL 4 @ 1");
    assert_eq!(numbers(&replayed(&mut script, "replay ops 1 AAPL from 1")), [1, 2]);
    assert_eq!(numbers(&replayed(&mut script, "replay ops 1 AAPL from 5")), [5, 6]);
    let accounts = limits::REPLAY_SHARES_MAX + 404;
    let weights = (0..accounts).map(|account| format!(" b{account}=0.022222222"));
    script.play(&format!("split aum 2{}", weights.collect::<String>()));
    script.play("buy f 7 AAPL 100000 @ 1");
    script.play("buy f 8 AAPL 100000 @ 1");
    assert_eq!(numbers(&replayed(&mut script, "replay ops 1 AAPL from 7")), [7]);
}
