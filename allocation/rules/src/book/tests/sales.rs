//! Sales: the most overweight account first, none more than it holds.

use expect_test::expect;

use super::check;

#[test]
fn a_sale_takes_from_the_most_overweight_first() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 10 @ 5
        split aum 2 a=80 b=20
        sell f 2 AAPL 3 @ 5
        sell f 3 AAPL 4 @ 5
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 10 @ 5 by split 1: a 5 b 5
            aum 2 accepted as split 2
            f 2 sell AAPL 3 @ 5 by split 2: b 3
            f 3 sell AAPL 4 @ 5 by split 2: a 3 b 1
            a 80% has 10, 2 AAPL of 10
            b 20% has 5, 1 AAPL of 5
        "#]],
    );
}

#[test]
fn no_account_sells_what_it_does_not_hold() {
    check(
        "
        split aum 1 a=50 b=50
        buy f 1 AAPL 1 @ 100
        buy f 2 MSFT 50 @ 2
        split aum 2 a=0 b=100
        sell f 3 MSFT 10 @ 2
        sell f 4 AAPL 1 @ 100
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 1 @ 100 by split 1: a 1
            f 2 buy MSFT 50 @ 2 by split 1: b 50
            aum 2 accepted as split 2
            f 3 sell MSFT 10 @ 2 by split 2: b 10
            f 4 sell AAPL 1 @ 100 by split 2: a 1
            a 0% has 0
            b 100% has 80, 40 MSFT of 80
        "#]],
    );
}

#[test]
fn a_sale_beyond_what_the_accounts_hold_changes_nothing() {
    check(
        "
        split aum 1 a=50 b=50
        sell f 1 AAPL 1 @ 5
        buy f 1 AAPL 3 @ 5
        marker
        sell f 2 AAPL 4 @ 5
        marker
        sell f 2 AAPL 3 @ 6
        marker
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 rejected exceeds_holdings 0
            f 1 buy AAPL 3 @ 5 by split 1: a 2 b 1
            split 1 fills 1 held 0 netting 0 flow 11.25 highest 5 values 10 5
            f 2 rejected exceeds_holdings 3
            split 1 fills 1 held 0 netting 0 flow 8.4375 highest 5 values 10 5
            f 2 sell AAPL 3 @ 6 by split 1: a 2 b 1
            split 1 fills 2 held 0 netting 0 flow 19.828125 highest 6 values -2 -1
            a 50% has -2, 0 AAPL of -2
            b 50% has -1, 0 AAPL of -1
        "#]],
    );
}
