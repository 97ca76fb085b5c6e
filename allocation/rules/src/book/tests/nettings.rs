//! Nettings: value moves between shards, never a share.

use expect_test::expect;

use super::check;

#[test]
fn a_netting_aims_the_next_fills_and_moves_no_share() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 4 @ 5
        net aum 1 20 -20
        marker
        positions
        buy f 2 AAPL 4 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 4 @ 5 by split 1: a 2 b 2
            split 1 fills 1 held 0 netting 1 flow 15 highest 5 values 30 -10
            a 50% has 10, 2 AAPL of 10
            b 50% has 10, 2 AAPL of 10
            f 2 buy AAPL 4 @ 5 by split 1: b 4
            a 50% has 10, 2 AAPL of 10
            b 50% has 30, 6 AAPL of 30
        "#]],
    );
}

#[test]
fn a_netting_outlives_a_split_of_the_same_accounts() {
    check(
        "
        split aum 1 a=50 b=50
        split aum 2 a=10 b=90
        net aum 1 20 -20
        marker
        ",
        expect![[r#"
            aum 1 accepted as split 1
            aum 2 accepted as split 2
            split 2 fills 0 held 0 netting 1 flow 0 highest 0 values 20 -20
        "#]],
    );
}

#[test]
fn a_netting_is_void_under_other_accounts_but_counted() {
    check(
        "
        net aum 1
        split aum 1 a=50 b=50
        net aum 2 20 -20
        net aum 1 20
        marker
        split aum 2 a=50 c=50
        net aum 1 20 -20
        split aum 3 a=50 b=50
        net aum 1 20 -20
        net aum 2 20 -20
        marker
        net aum 3 20 -20
        marker
        ",
        expect![[r#"
            aum 1 accepted as split 1
            split 1 fills 0 held 0 netting 3 flow 0 highest 0 values 0 0
            aum 2 accepted as split 2
            aum 3 accepted as split 3
            split 3 fills 0 held 0 netting 6 flow 0 highest 0 values 0 0
            split 3 fills 0 held 0 netting 7 flow 0 highest 0 values 20 -20
        "#]],
    );
}

#[test]
fn a_closed_account_keeps_what_was_netted_for_its_return() {
    check(
        "
        split aum 1 a=50 b=50
        net aum 1 20 -20
        split aum 2 b=100
        positions
        split aum 3 a=50 b=50
        marker
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            aum 2 accepted as split 2
            a closed has 0
            b 100% has 0
            aum 3 accepted as split 3
            split 3 fills 0 held 0 netting 1 flow 0 highest 0 values 20 -20
            a 50% has 0
            b 50% has 0
        "#]],
    );
}

#[test]
fn flow_fades_by_a_quarter_at_each_marker() {
    check(
        "
        split aum 1 a=100
        buy f 1 AAPL 4 @ 5
        marker
        marker
        sell f 2 AAPL 4 @ 5
        bust f 3 AAPL of 2
        marker
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 4 @ 5 by split 1: a 4
            split 1 fills 1 held 0 netting 0 flow 15 highest 5 values 20
            split 1 fills 1 held 0 netting 0 flow 11.25 highest 5 values 20
            f 2 sell AAPL 4 @ 5 by split 1: a 4
            f 3 busted AAPL of 2: a 4
            split 1 fills 2 held 0 netting 0 flow 8.4375 highest 5 values 20
        "#]],
    );
}
