//! Listings: the splits so far with their weights, as far back as they are kept.

use allot_domain::Machine;
use expect_test::expect;

use super::script::{Script, input, outcome_lines};
use super::{SMALL, check};
use crate::book::Book;
use crate::{Listed, Outcome, Outcomes, limits};

#[test]
fn splits_are_told_as_they_came_into_force() {
    check(
        "
        splits ops 1 from 1
        buy f 1 AAPL 1 @ 5
        split aum 1 b=60 a=40
        split aum 1 b=60 a=40
        split aum 1 b=50 a=50
        split pm 1 c=100
        split aum 2 a=99.5 c=0.5
        splits ops 2 from 1
        splits ops 2 from 1
        splits ops 3 from 3
        splits ops 4 from 4
        ",
        expect![[r#"
            ops 1 listed from 1 of 1 to 0:
            f 1 held
            aum 1 accepted as split 1
            late f 1 buy AAPL 1 @ 5 by split 1: b 1
            again aum 1 accepted as split 1
            aum 1 rejected name_reused
            pm 1 accepted as split 2
            aum 2 accepted as split 3
            ops 2 listed from 1 of 1 to 3: | 1 aum 1 a=40 b=60 | 2 pm 1 c=100 | 3 aum 2 a=99.5 c=0.5
            ops 2 listed from 1 of 1 to 3: | 1 aum 1 a=40 b=60 | 2 pm 1 c=100 | 3 aum 2 a=99.5 c=0.5
            ops 3 listed from 3 of 1 to 3: | 3 aum 2 a=99.5 c=0.5
            ops 4 listed from 4 of 1 to 3:
        "#]],
    );
}

fn listed(script: &mut Script, line: &str) -> Listed {
    let mut outcomes = Outcomes::default();
    outcome_lines(&mut script.book, &mut outcomes, &input(line));
    match &outcomes.list[..] {
        [Outcome::Listed(listed)] => (**listed).clone(),
        other => panic!("{other:?}"),
    }
}

fn numbers(listed: &Listed) -> Vec<u64> {
    listed.splits.iter().map(|split| split.number.get()).collect()
}

fn loaded(script: &Script) -> Script {
    let mut snapshot = Vec::new();
    script.book.save(&mut snapshot);
    Script::new(<Book as Machine>::load(SMALL, &snapshot).unwrap())
}

/// More splits than are known; a page is bounded by their number.
#[test]
fn pages_follow_one_another_from_the_oldest_that_is_kept() {
    let mut script = Script::new(Book::new(SMALL));
    let last = u64::try_from(limits::SPLITS_KEPT).unwrap() + 100;
    for seq in 1..=last {
        script.play(&format!("split aum {seq} a=50 b=50"));
    }
    for mut script in [loaded(&script), script] {
        let (mut all, mut next) = (Vec::new(), 1);
        while next <= last {
            let page = listed(&mut script, &format!("splits ops 1 from {next}"));
            assert_eq!((page.last.get(), page.oldest.get()), (last, 101));
            assert_eq!(page.from.get(), next.max(101));
            assert!(page.splits.iter().all(|split| split.seq.get() == split.number.get()));
            let found = numbers(&page);
            assert!(found.len() <= limits::LISTED_SPLITS_MAX);
            next = found.last().unwrap() + 1;
            all.extend(found);
        }
        assert!(all.into_iter().eq(101..=last));
    }
}

/// As many splits as have room for their weights, and never none; what has no room is forgotten.
#[test]
fn pages_and_what_is_kept_are_bounded_by_weights() {
    let mut script = Script::new(Book::new(SMALL));
    let weights: String = (0..1_500).map(|account| format!(" a{account}=0.066666667")).collect();
    for seq in 1..=5 {
        script.play(&format!("split aum {seq}{weights}"));
    }
    assert_eq!(numbers(&listed(&mut script, "splits ops 1 from 1")), [1, 2]);
    assert_eq!(numbers(&listed(&mut script, "splits ops 1 from 5")), [5]);
    let weights: String =
        (0..limits::ACCOUNTS_MAX).map(|account| format!(" b{account}=0.01")).collect();
    for seq in 6..=40 {
        script.play(&format!("split aum {seq}{weights}"));
    }
    let kept = limits::SPLIT_WEIGHTS_KEPT / limits::ACCOUNTS_MAX;
    let oldest = 41 - u64::try_from(kept).unwrap();
    for mut script in [loaded(&script), script] {
        let page = listed(&mut script, "splits ops 1 from 1");
        assert_eq!((page.from.get(), page.oldest.get()), (oldest, oldest));
        assert_eq!((numbers(&page), page.splits[0].weights.len()), (vec![oldest], 10_000));
    }
}
