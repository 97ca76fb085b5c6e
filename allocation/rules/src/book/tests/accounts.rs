//! Accounts through splits: new, at zero, closed, back again.

use expect_test::expect;

use super::check;

#[test]
fn the_first_example_of_the_brief() {
    check(
        "
        split aum 1 account1=40 account2=35 account3=25
        buy f 1 AAPL 100 @ 187.23
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 100 @ 187.23 by split 1: account1 40 account2 35 account3 25
            account1 40% has 7489.2, 40 AAPL of 7489.2
            account2 35% has 6553.05, 35 AAPL of 6553.05
            account3 25% has 4680.75, 25 AAPL of 4680.75
        "#]],
    );
}

#[test]
fn a_new_split_moves_no_share_and_aims_the_next_fills() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 10 @ 5
        split aum 2 a=80 b=20
        positions
        buy f 2 AAPL 10 @ 5
        buy f 3 AAPL 10 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 5 b 5
            aum 2 accepted as split 2
            a 80% has 25, 5 AAPL of 25
            b 20% has 25, 5 AAPL of 25
            f 2 buy AAPL 10 @ 5 by split 2: a 10
            f 3 buy AAPL 10 @ 5 by split 2: a 9 b 1
            a 80% has 120, 24 AAPL of 120
            b 20% has 30, 6 AAPL of 30
        "#]],
    );
}

#[test]
fn a_closed_account_keeps_its_positions_and_takes_part_in_nothing() {
    check(
        "
        split aum 1 a=50 b=25 c=25
        buy f 1 AAPL 8 @ 5
        split aum 2 b=50 c=50
        buy f 2 AAPL 4 @ 5
        sell f 3 AAPL 9 @ 5
        sell f 3 AAPL 8 @ 5
        marker
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 8 @ 5 by split 1: a 4 b 2 c 2
            aum 2 accepted as split 2
            f 2 buy AAPL 4 @ 5 by split 2: b 2 c 2
            f 3 rejected exceeds_holdings 8
            f 3 sell AAPL 8 @ 5 by split 2: b 4 c 4
            split 2 fills 3 held 0 netting 0 flow 75 highest 5 values 0 0
            a closed has 20, 4 AAPL of 20
            b 50% has 0
            c 50% has 0
        "#]],
    );
}

#[test]
fn an_account_at_zero_gets_nothing_but_counts_and_is_sold_from_first() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 8 @ 5
        split aum 2 a=0 b=100
        buy f 2 AAPL 5 @ 5
        marker
        sell f 3 AAPL 3 @ 5
        sell f 4 AAPL 3 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 8 @ 5 by split 1: a 4 b 4
            aum 2 accepted as split 2
            f 2 buy AAPL 5 @ 5 by split 2: b 5
            split 2 fills 2 held 0 netting 0 flow 48.75 highest 5 values 20 45
            f 3 sell AAPL 3 @ 5 by split 2: a 3
            f 4 sell AAPL 3 @ 5 by split 2: a 1 b 2
            a 0% has 0
            b 100% has 35, 7 AAPL of 35
        "#]],
    );
}

#[test]
fn an_account_that_comes_back_counts_what_it_kept() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 8 @ 5
        split aum 2 b=100
        buy f 2 AAPL 4 @ 5
        split aum 3 a=50 b=50
        marker
        buy f 3 AAPL 6 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 8 @ 5 by split 1: a 4 b 4
            aum 2 accepted as split 2
            f 2 buy AAPL 4 @ 5 by split 2: b 4
            aum 3 accepted as split 3
            split 3 fills 2 held 0 netting 0 flow 45 highest 5 values 20 40
            f 3 buy AAPL 6 @ 5 by split 3: a 5 b 1
            a 50% has 45, 9 AAPL of 45
            b 50% has 45, 9 AAPL of 45
        "#]],
    );
}

#[test]
fn a_new_account_joins_at_zero_and_catches_up() {
    check(
        "
        split aum 1 a=100
        buy f 1 AAPL 4 @ 5
        split aum 2 a=50 A=50
        buy f 2 MSFT 6 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 4 @ 5 by split 1: a 4
            aum 2 accepted as split 2
            f 2 buy MSFT 6 @ 5 by split 2: A 5 a 1
            a 50% has 25, 4 AAPL of 20, 1 MSFT of 5
            A 50% has 25, 5 MSFT of 25
        "#]],
    );
}

#[test]
fn ties_go_to_the_account_that_stands_first_in_byte_order() {
    check(
        "
        split aum 1 c=25 b=25 a=25 B=25
        buy f 1 AAPL 1 @ 5
        buy f 2 AAPL 1 @ 5
        buy f 3 AAPL 1 @ 5
        buy f 4 AAPL 1 @ 5
        buy f 5 AAPL 2 @ 5
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 1 @ 5 by split 1: B 1
            f 2 buy AAPL 1 @ 5 by split 1: a 1
            f 3 buy AAPL 1 @ 5 by split 1: b 1
            f 4 buy AAPL 1 @ 5 by split 1: c 1
            f 5 buy AAPL 2 @ 5 by split 1: B 1 a 1
        "#]],
    );
}

#[test]
fn the_total_value_counts_not_the_shares_of_a_ticker() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 DEAR 1 @ 100
        buy f 2 CHEAP 100 @ 1
        buy f 3 CHEAP 3 @ 1
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy DEAR 1 @ 100 by split 1: a 1
            f 2 buy CHEAP 100 @ 1 by split 1: b 100
            f 3 buy CHEAP 3 @ 1 by split 1: a 2 b 1
            a 50% has 102, 1 DEAR of 100, 2 CHEAP of 2
            b 50% has 101, 101 CHEAP of 101
        "#]],
    );
}

#[test]
fn percentages_that_miss_100_by_a_little_are_taken_as_they_are() {
    check(
        "
        split aum 1 a=33.33 b=33.33 c=33.33
        buy f 1 AAPL 9 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 9 @ 5 by split 1: a 3 b 3 c 3
            a 33.33% has 15, 3 AAPL of 15
            b 33.33% has 15, 3 AAPL of 15
            c 33.33% has 15, 3 AAPL of 15
        "#]],
    );
}

#[test]
fn a_split_that_closes_a_holder_is_found_unless_it_says_so() {
    check(
        "
        check split aum 1 a=50 b=50
        split aum 1 a=40 b=40 c=20 d=0
        buy f 1 AAPL 10 @ 5
        buy f 2 IBM 5 @ 5
        check split aum 2 a=100
        check split aum 2 a=100 b=0
        check split aum 2 a=100 b=0 closes c
        check split aum 2 a=100 closes b c
        check split aum 2 a=100 closes b c d
        check split aum 2 a=100 closes b c e
        check split aum 1 a=100
        check split aum 1 a=40 b=40 c=20 d=0 closes e
        check split aum 1 d=0 a=40 b=40 c=20
        ",
        expect![[r#"
            aum 1 checked: clear
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 4 b 4 c 2
            f 2 buy IBM 5 @ 5 by split 1: a 2 b 2 c 1
            aum 2 checked: omits b (4 AAPL, 2 IBM), c (2 AAPL, 1 IBM)
            aum 2 checked: omits c (2 AAPL, 1 IBM)
            aum 2 checked: clear
            aum 2 checked: clear
            aum 2 checked: clear
            aum 2 checked: refused unknown_account
            aum 1 checked: refused name_reused
            aum 1 checked: refused name_reused
            aum 1 checked: applied
        "#]],
    );
}

#[test]
fn a_closed_account_and_one_that_sold_all_are_not_held_against_a_split() {
    check(
        "
        buy f 1 AAPL 10 @ 5
        check split aum 1 a=100
        split aum 1 a=50 b=50
        split aum 2 a=100 closes b
        check split aum 3 c=100 closes a
        sell f 2 AAPL 5 @ 5
        check split aum 3 c=100
        split aum 3 a=50 b=50
        check split aum 4 a=100
        split aum 4 a=100
        positions
        ",
        expect![[r#"
            f 1 held
            aum 1 checked: clear
            aum 1 accepted as split 1
            late f 1 buy AAPL 10 @ 5 by split 1: a 5 b 5
            aum 2 accepted as split 2
            aum 3 checked: clear
            f 2 sell AAPL 5 @ 5 by split 2: a 5
            aum 3 checked: clear
            aum 3 accepted as split 3
            aum 4 checked: omits b (5 AAPL)
            aum 4 accepted as split 4
            a 100% has 0
            b closed has 25, 5 AAPL of 25
        "#]],
    );
}
