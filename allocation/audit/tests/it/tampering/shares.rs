//! Shares: how a fill is divided, and how its shares stand in the outcome.

use allot_allocation_rules::{AccountIndex, Share};

use super::{Case, check, first};

#[test]
fn shares_of_a_fill_are_the_ones_that_are_due() {
    let cases = [
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
            },
            fault: "a has 7 shares; share by share it gets 6",
        },
        Case {
            script: "buy f 1 AAPL 1000000000 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
            },
            fault: "a has a share that b wanted more, by 500000000000000000000 of a step of 5",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].quantity -= 1,
            fault: "the sum of the shares is 9; expected 10",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].quantity = u64::MAX,
            fault: "the sum of the shares is 18446744073709551621; expected 10",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).shares = 0..0,
            fault: "the sum of the shares is 0; expected 10",
        },
        Case {
            script: "split aum 2 b=50 c=50 closes a\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[0].account = AccountIndex::new(0),
            fault: "a has 5 shares, but is not in the split",
        },
        Case {
            script: "split aum 2 a=0 b=100\nbuy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[0].account = AccountIndex::new(0),
            fault: "a buys 10 shares at a weight of 0 %",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5\nsell f 2 AAPL 9 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 2;
                given.shares[1].quantity -= 2;
            },
            fault: "a sells 7 shares, but holds 6",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5\nsell f 2 AAPL 5 @ 5",
            tamper: |given| {
                given.shares[0].quantity += 1;
                given.shares[1].quantity -= 1;
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
            tamper: |given| given.shares.swap(0, 1),
            fault: "a is listed after b, against the byte order",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].account = AccountIndex::new(0),
            fault: "a is listed after a",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].quantity = 0,
            fault: "b is listed with no share",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares[1].account = AccountIndex::new(2),
            fault: "there is no account 2",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).shares = 0..3,
            fault: "the outcome refers to share 3 of 2",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| first(given).shares = 1..2,
            fault: "the index of its first share is 1; expected 0",
        },
        Case {
            script: "buy f 1 AAPL 10 @ 5",
            tamper: |given| given.shares.push(Share { account: AccountIndex::new(0), quantity: 1 }),
            fault: "the number of shares is 3; expected 2",
        },
    ];
    check("split aum 1 a=60 b=40", &cases);
}
