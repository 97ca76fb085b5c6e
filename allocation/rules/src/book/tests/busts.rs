//! Busts: exactly the shares of the fill, given back by exactly those who got them.

use expect_test::expect;

use super::check;

#[test]
fn a_bust_takes_back_exactly_what_each_account_got() {
    check(
        "
        split aum 1 a=50 b=30 c=20
        buy f 1 AAPL 10 @ 5
        buy f 2 AAPL 7 @ 6
        positions
        bust f 3 AAPL of 1
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 5 b 3 c 2
            f 2 buy AAPL 7 @ 6 by split 1: a 4 b 2 c 1
            a 50% has 49, 9 AAPL of 49
            b 30% has 27, 5 AAPL of 27
            c 20% has 16, 3 AAPL of 16
            f 3 busted AAPL of 1: a 5 b 3 c 2
            a 50% has 24, 4 AAPL of 24
            b 30% has 12, 2 AAPL of 12
            c 20% has 6, 1 AAPL of 6
        "#]],
    );
}

#[test]
fn a_busted_sale_gives_back_exactly_what_each_account_sold() {
    check(
        "
        split aum 1 a=50 b=30 c=20
        buy f 1 AAPL 10 @ 5
        sell f 2 AAPL 6 @ 7
        positions
        bust f 3 AAPL of 2
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 5 b 3 c 2
            f 2 sell AAPL 6 @ 7 by split 1: a 3 b 2 c 1
            a 50% has 4, 2 AAPL of 4
            b 30% has 1, 1 AAPL of 1
            c 20% has 3, 1 AAPL of 3
            f 3 busted AAPL of 2: a 3 b 2 c 1
            a 50% has 25, 5 AAPL of 25
            b 30% has 15, 3 AAPL of 15
            c 20% has 10, 2 AAPL of 10
        "#]],
    );
}

#[test]
fn the_next_fill_mends_what_a_bust_left() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 1 @ 5
        buy f 2 AAPL 1 @ 5
        bust f 3 AAPL of 1
        buy f 4 AAPL 1 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 1 @ 5 by split 1: a 1
            f 2 buy AAPL 1 @ 5 by split 1: b 1
            f 3 busted AAPL of 1: a 1
            f 4 buy AAPL 1 @ 5 by split 1: a 1
            a 50% has 5, 1 AAPL of 5
            b 50% has 5, 1 AAPL of 5
        "#]],
    );
}

#[test]
fn a_fill_is_busted_once_and_only_by_its_source_and_ticker() {
    check(
        "
        split aum 1 a=100
        buy f 1 AAPL 10 @ 5
        bust g 1 AAPL of 1
        bust f 2 MSFT of 1
        bust f 2 AAPL of 2
        bust f 2 AAPL of 7
        bust f 2 AAPL of 1
        bust f 3 AAPL of 1
        bust f 3 AAPL of 2
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 10
            g 1 rejected unknown_fill 1
            f 2 rejected unknown_fill 1
            f 2 rejected unknown_fill 2
            f 2 rejected unknown_fill 7
            f 2 busted AAPL of 1: a 10
            f 3 rejected unknown_fill 1
            f 3 rejected unknown_fill 2
            a 100% has 0
        "#]],
    );
}

#[test]
fn a_purchase_whose_shares_were_sold_since_is_not_busted_in_part() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 4 @ 5
        sell f 2 AAPL 1 @ 5
        marker
        bust f 3 AAPL of 1
        marker
        positions
        bust f 3 AAPL of 2
        bust f 4 AAPL of 1
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 4 @ 5 by split 1: a 2 b 2
            f 2 sell AAPL 1 @ 5 by split 1: a 1
            split 1 fills 2 held 0 netting 0 flow 18.75 highest 5 values 5 10
            f 3 rejected exceeds_holdings 3
            split 1 fills 2 held 0 netting 0 flow 14.0625 highest 5 values 5 10
            a 50% has 5, 1 AAPL of 5
            b 50% has 10, 2 AAPL of 10
            f 3 busted AAPL of 2: a 1
            f 4 busted AAPL of 1: a 2 b 2
            a 50% has 0
            b 50% has 0
        "#]],
    );
}

#[test]
fn a_bust_goes_by_the_shares_not_by_the_split_in_force() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 4 @ 5
        split aum 2 b=10 c=90
        bust f 2 AAPL of 1
        positions
        split aum 3 a=50 b=50
        buy f 3 AAPL 4 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 4 @ 5 by split 1: a 2 b 2
            aum 2 accepted as split 2
            f 2 busted AAPL of 1: a 2 b 2
            a closed has 0
            b 10% has 0
            c 90% has 0
            aum 3 accepted as split 3
            f 3 buy AAPL 4 @ 5 by split 3: a 2 b 2
            a 50% has 10, 2 AAPL of 10
            b 50% has 10, 2 AAPL of 10
            c closed has 0
        "#]],
    );
}
