//! Fills before the first split: held, then divided in order.

use allot_domain::{AccountId, Machine, Seq, SourceId, Step};
use expect_test::expect;

use super::script::{input, outcome_lines};
use super::{SMALL, check};
use crate::{Book, Input, Outcomes, Split, Weight, limits};

#[test]
fn the_first_split_releases_held_fills_in_order() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        buy g 1 MSFT 1 @ 7
        sell f 2 AAPL 4 @ 6
        marker
        split aum 1 a=50 b=50
        marker
        positions
        ",
        expect![[r#"
            f 1 held
            g 1 held
            f 2 held
            split 0 fills 0 held 3 netting 0 flow 0 highest 0 values
            aum 1 accepted as split 1
            late f 1 buy AAPL 10 @ 5 by split 1: a 5 b 5
            late g 1 buy MSFT 1 @ 7 by split 1: a 1
            late f 2 sell AAPL 4 @ 6 by split 1: a 3 b 1
            split 1 fills 3 held 0 netting 0 flow 60.75 highest 7 values 14 19
            a 50% has 14, 2 AAPL of 7, 1 MSFT of 7
            b 50% has 19, 4 AAPL of 19
        "#]],
    );
}

#[test]
fn a_held_sale_that_cannot_be_is_refused_late_and_its_sequence_is_free_again() {
    check(
        "
        sell f 1 AAPL 4 @ 6
        buy f 2 AAPL 10 @ 5
        split aum 1 a=100
        sell f 1 AAPL 4 @ 6
        sell f 1 AAPL 4 @ 6
        ",
        expect![[r#"
            f 1 held
            f 2 held
            aum 1 accepted as split 1
            late f 1 rejected exceeds_holdings 0
            late f 2 buy AAPL 10 @ 5 by split 1: a 10
            f 1 sell AAPL 4 @ 6 by split 1: a 4
            again f 1 sell AAPL 4 @ 6 by split 1: a 4
        "#]],
    );
}

#[test]
fn a_later_split_finds_nothing_held() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        split aum 1 a=100
        split aum 2 a=50 b=50
        buy f 2 AAPL 10 @ 5
        ",
        expect![[r#"
            f 1 held
            aum 1 accepted as split 1
            late f 1 buy AAPL 10 @ 5 by split 1: a 10
            aum 2 accepted as split 2
            f 2 buy AAPL 10 @ 5 by split 2: b 10
        "#]],
    );
}

#[test]
fn a_held_fill_can_be_busted_and_is_never_divided() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        buy f 2 AAPL 3 @ 5
        bust f 3 AAPL of 1
        bust f 4 AAPL of 1
        bust f 4 MSFT of 2
        bust g 1 AAPL of 2
        split aum 1 a=100
        bust f 4 AAPL of 1
        positions
        ",
        expect![[r#"
            f 1 held
            f 2 held
            f 3 busted AAPL of 1:
            f 4 rejected unknown_fill 1
            f 4 rejected unknown_fill 2
            g 1 rejected unknown_fill 2
            aum 1 accepted as split 1
            late f 2 buy AAPL 3 @ 5 by split 1: a 3
            f 4 rejected unknown_fill 1
            a 100% has 15, 3 AAPL of 15
        "#]],
    );
}

#[test]
fn a_repeat_of_a_held_fill_is_held() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        buy f 1 AAPL 10 @ 5
        bust f 2 AAPL of 1
        buy f 1 AAPL 10 @ 5
        bust f 2 AAPL of 1
        split aum 1 a=100
        bust f 2 AAPL of 1
        buy f 1 AAPL 10 @ 5
        positions
        ",
        expect![[r#"
            f 1 held
            again f 1 held
            f 2 busted AAPL of 1:
            again f 1 held
            again f 2 busted AAPL of 1:
            aum 1 accepted as split 1
            again f 2 busted AAPL of 1:
            again f 1 held
            a 100% has 0
        "#]],
    );
}

#[test]
fn what_was_busted_while_held_keeps_its_first_outcomes_whatever_the_repeat_says() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        bust f 2 AAPL of 1
        split aum 1 a=100
        bust f 3 AAPL of 1
        bust f 1 AAPL of 7
        sell f 2 MSFT 1 @ 1
        bust f 2 MSFT of 7
        positions
        ",
        expect![[r#"
            f 1 held
            f 2 busted AAPL of 1:
            aum 1 accepted as split 1
            f 3 rejected unknown_fill 1
            f 1 rejected name_reused
            f 2 rejected exceeds_holdings 0
            f 2 rejected unknown_fill 7
            a 100% has 0
        "#]],
    );
}

#[test]
fn a_repeat_after_the_release_gets_the_shares() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        split aum 1 a=60 b=40
        buy f 1 AAPL 10 @ 5
        ",
        expect![[r#"
            f 1 held
            aum 1 accepted as split 1
            late f 1 buy AAPL 10 @ 5 by split 1: a 6 b 4
            again f 1 buy AAPL 10 @ 5 by split 1: a 6 b 4
        "#]],
    );
}

/// A book with this many fills held, and the first split over this many accounts.
fn before_the_split(fills: usize, accounts: u32) -> (Book, Input) {
    let (mut book, mut outcomes) = (Book::new(SMALL), Outcomes::default());
    for seq in 1..=fills {
        let line = format!("buy f {seq} AAPL {} @ 5", accounts + 1);
        outcome_lines(&mut book, &mut outcomes, &input(&line));
    }
    let nanos = i128::from(limits::WEIGHT_TOTAL) / i128::from(accounts);
    let weight = |at| {
        let id = format!("a{at:05}");
        (AccountId::new(id.as_bytes()).unwrap(), Weight::from_nanos(&id, nanos).unwrap())
    };
    let source = SourceId::new(b"aum").unwrap();
    (
        book,
        Input::Split(Split::new(source, Seq::new(1), (0..accounts).map(weight).collect()).unwrap()),
    )
}

#[test]
fn held_fills_are_divided_in_slices_that_together_are_the_whole() {
    for (fills, accounts, slices) in [(13, 10_000, 3), (100, 3_000, 5), (42, 1_560, 1)] {
        let (mut book, split) = before_the_split(fills, accounts);
        let (mut whole, mut slice) = (Outcomes::default(), Outcomes::default());
        book.clone().apply_whole(&split, &mut whole);
        let (mut count, mut listed, mut shares) = (1, 0, Vec::new());
        let mut progress = book.apply(&split, &mut slice);
        loop {
            assert!(slice.shares.len() <= limits::RELEASE_SHARES_MAX);
            listed += slice.list.len();
            shares.append(&mut slice.shares);
            slice.clear();
            if progress == Step::Done {
                break;
            }
            progress = book.resume(&mut slice);
            count += 1;
        }
        assert_eq!((count, listed), (slices, fills + 1));
        assert!(shares == whole.shares && listed == whole.list.len());
    }
}

#[test]
#[should_panic(expected = "taken before the next")]
fn no_other_input_comes_between_the_slices() {
    let (mut book, split) = before_the_split(7, 10_000);
    let mut outcomes = Outcomes::default();
    assert_eq!(book.apply(&split, &mut outcomes), Step::Pending);
    book.apply_whole(&split, &mut outcomes);
}

#[test]
#[should_panic(expected = "there is more to come")]
fn an_input_that_is_done_does_not_go_on() {
    let mut outcomes = Outcomes::default();
    let _ = Book::new(SMALL).resume(&mut outcomes);
}
