//! Repeats: the first outcome again, and nothing changes.

use expect_test::expect;

use super::{BookConfig, SMALL, check, check_with};

#[test]
fn a_repeated_fill_gets_its_shares_again_and_changes_nothing() {
    check(
        "
        split aum 1 a=60 b=40
        buy f 1 AAPL 10 @ 5
        marker
        buy f 1 AAPL 10 @ 5
        marker
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 6 b 4
            split 1 fills 1 held 0 netting 0 flow 37.5 highest 5 values 30 20
            again f 1 buy AAPL 10 @ 5 by split 1: a 6 b 4
            split 1 fills 1 held 0 netting 0 flow 28.125 highest 5 values 30 20
            a 60% has 30, 6 AAPL of 30
            b 40% has 20, 4 AAPL of 20
        "#]],
    );
}

#[test]
fn the_first_outcome_counts_whatever_the_repeat_says() {
    check(
        "
        split aum 1 a=60 b=40
        buy f 1 AAPL 10 @ 5
        split aum 2 a=10 b=90
        sell f 1 MSFT 99 @ 7
        bust f 1 MSFT of 7
        bust f 2 AAPL of 1
        bust f 2 MSFT of 9
        buy f 2 MSFT 1 @ 1
        buy f 1 AAPL 10 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 6 b 4
            aum 2 accepted as split 2
            f 1 rejected exceeds_holdings 0
            f 1 rejected unknown_fill 7
            f 2 busted AAPL of 1: a 6 b 4
            f 2 rejected unknown_fill 9
            f 2 buy MSFT 1 @ 1 by split 2: b 1
            again f 1 buy AAPL 10 @ 5 by split 1: a 6 b 4
            a 10% has 0
            b 90% has 1, 1 MSFT of 1
        "#]],
    );
}

#[test]
fn a_repeated_split_gets_its_number_again_and_changes_nothing() {
    check(
        "
        split aum 1 a=60 b=40
        split aum 2 a=100
        split aum 1 a=60 b=40
        split aum 1 b=100
        split ops 1 b=100
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            aum 2 accepted as split 2
            again aum 1 accepted as split 1
            aum 1 rejected name_reused
            ops 1 accepted as split 3
            a closed has 0
            b 100% has 0
        "#]],
    );
}

#[test]
fn sources_count_each_for_itself_and_splits_apart_from_fills() {
    check(
        "
        split f 1 a=100
        buy f 1 AAPL 1 @ 5
        buy g 1 AAPL 2 @ 5
        buy g 3 AAPL 3 @ 5
        buy g 2 AAPL 4 @ 5
        buy g 1 AAPL 2 @ 5
        ",
        expect![[r#"
            f 1 accepted as split 1
            f 1 buy AAPL 1 @ 5 by split 1: a 1
            g 1 buy AAPL 2 @ 5 by split 1: a 2
            g 3 buy AAPL 3 @ 5 by split 1: a 3
            g 2 buy AAPL 4 @ 5 by split 1: a 4
            again g 1 buy AAPL 2 @ 5 by split 1: a 2
        "#]],
    );
}

#[test]
fn what_is_older_than_the_window_is_refused_not_guessed_at() {
    check(
        "
        split aum 1 a=100
        buy f 1 AAPL 1 @ 5
        buy f 65536 AAPL 1 @ 5
        buy f 1 AAPL 1 @ 5
        buy f 65537 AAPL 1 @ 5
        buy f 1 AAPL 1 @ 5
        buy f 2 AAPL 1 @ 5
        bust f 1 AAPL of 65537
        split aum 65538 a=100
        split aum 2 a=100
        split aum 3 a=100
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 1 @ 5 by split 1: a 1
            f 65536 buy AAPL 1 @ 5 by split 1: a 1
            again f 1 buy AAPL 1 @ 5 by split 1: a 1
            f 65537 buy AAPL 1 @ 5 by split 1: a 1
            again f 1 buy AAPL 1 @ 5 by split 1: a 1
            f 2 buy AAPL 1 @ 5 by split 1: a 1
            f 1 rejected name_reused
            aum 65538 accepted as split 2
            aum 2 accepted as split 3
            aum 3 accepted as split 4
        "#]],
    );
}

#[test]
fn a_rejected_message_does_not_use_up_its_sequence() {
    check(
        "
        split aum 1 a=100
        sell f 1 AAPL 1 @ 5
        bust f 1 AAPL of 1
        buy f 1 AAPL 1 @ 5
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 rejected exceeds_holdings 0
            f 1 rejected unknown_fill 1
            f 1 buy AAPL 1 @ 5 by split 1: a 1
        "#]],
    );
}

#[test]
fn outcomes_are_kept_up_to_the_configured_number() {
    check_with(
        BookConfig { history: 4, ..SMALL },
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 2 @ 5
        buy f 2 AAPL 2 @ 5
        buy f 3 AAPL 2 @ 5
        bust f 4 AAPL of 3
        buy f 5 AAPL 2 @ 5
        buy f 1 AAPL 2 @ 5
        bust f 6 AAPL of 1
        bust f 6 AAPL of 2
        bust f 4 AAPL of 3
        buy f 7 AAPL 2 @ 5
        buy f 8 AAPL 2 @ 5
        bust f 4 AAPL of 3
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 2 @ 5 by split 1: a 1 b 1
            f 2 buy AAPL 2 @ 5 by split 1: a 1 b 1
            f 3 buy AAPL 2 @ 5 by split 1: a 1 b 1
            f 4 busted AAPL of 3: a 1 b 1
            f 5 buy AAPL 2 @ 5 by split 1: a 1 b 1
            again f 1 buy AAPL 2 @ 5 by split 0:
            f 6 rejected unknown_fill 1
            f 6 busted AAPL of 2: a 1 b 1
            again f 4 busted AAPL of 3: a 1 b 1
            f 7 buy AAPL 2 @ 5 by split 1: a 1 b 1
            f 8 buy AAPL 2 @ 5 by split 1: a 1 b 1
            again f 4 busted AAPL of 3:
            a 50% has 20, 4 AAPL of 20
            b 50% has 20, 4 AAPL of 20
        "#]],
    );
}

#[test]
fn a_fill_whose_shares_are_forgotten_cannot_be_busted() {
    // One outcome is kept, with room for eight shares; nine accounts get one each.
    let accounts = "a=11 b=11 c=11 d=11 e=11 g=11 h=11 i=11 j=12";
    check_with(
        BookConfig { history: 1, ..SMALL },
        &format!(
            "
            split aum 1 {accounts}
            buy f 1 AAPL 9 @ 5
            buy f 1 AAPL 9 @ 5
            bust f 2 AAPL of 1
            sell f 2 AAPL 9 @ 5
            bust f 3 AAPL of 2
            "
        ),
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 9 @ 5 by split 1: a 1 b 1 c 1 d 1 e 1 g 1 h 1 i 1 j 1
            again f 1 buy AAPL 9 @ 5 by split 1:
            f 2 rejected unknown_fill 1
            f 2 sell AAPL 9 @ 5 by split 1: a 1 b 1 c 1 d 1 e 1 g 1 h 1 i 1 j 1
            f 3 rejected unknown_fill 2
        "#]],
    );
}
