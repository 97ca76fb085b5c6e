//! Rejections: limits, and which reason comes first.

use allot_domain::{AccountId, Price, Quantity, Seq, Side, SourceId};
use expect_test::expect;

use super::script::{Script, source, ticker};
use super::{SMALL, check};
use crate::book::Book;
use crate::limits::{ACCOUNTS_EVER_MAX, ACCOUNTS_MAX, HELD_MAX, HOLDING_MAX, TICKERS_MAX};
use crate::{AccountIndex, RowIndex};
use crate::{Fill, Input, Split, Weight};

/// A purchase of one share at 1.
fn buy(source: SourceId, seq: u64, name: &str) -> Input {
    Input::Fill(Fill {
        source,
        seq: Seq::new(seq),
        id: Seq::new(seq).into(),
        time_ns: 0,
        ticker: ticker(name),
        side: Side::Buy,
        price: Price::parse("1").unwrap(),
        quantity: Quantity::new(1).unwrap(),
    })
}

/// A script of a book with one account, past its split.
fn one_account() -> Script {
    let mut script = Script::new(Book::new(SMALL));
    script.play("split aum 1 a=100");
    script
}

/// Plays some more lines and takes what they print.
fn rest(mut script: Script, lines: &[&str]) -> String {
    script.printed.clear();
    lines.iter().for_each(|line| script.play(line));
    script.printed
}

#[test]
fn turnover_is_limited_for_a_shard_s_life() {
    // 2^76 of 1e-9 is 75,557 billions and a bit; a price is at most a billion.
    check(
        "
        split aum 1 a=100
        buy f 1 AAPL 75557 @ 1000000000
        buy f 2 AAPL 1 @ 1000000000
        sell f 2 AAPL 1 @ 1000000000
        buy f 2 MSFT 1 @ 1000000
        bust f 3 AAPL of 1
        positions
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 75557 @ 1000000000 by split 1: a 75557
            f 2 rejected exceeds_limits
            f 2 rejected exceeds_limits
            f 2 buy MSFT 1 @ 1000000 by split 1: a 1
            f 3 busted AAPL of 1: a 75557
            a 100% has 1000000, 1 MSFT of 1000000
        "#]],
    );
}

/// The turnover is what counts: no limit keeps a large holding from being sold at a high price.
#[test]
fn holdings_are_not_limited_at_the_price_of_the_fill() {
    check(
        "
        split aum 1 a=100
        buy f 1 AAPL 1 @ 1000000000
        buy f 2 AAPL 1099511627776 @ 0.000000001
        buy f 3 AAPL 1 @ 1000000000
        sell f 4 AAPL 1 @ 1000000000
        sell f 5 AAPL 1 @ 68
        bust f 6 AAPL of 1
        ",
        expect![[r#"
            aum 1 accepted as split 1
            f 1 buy AAPL 1 @ 1000000000 by split 1: a 1
            f 2 buy AAPL 1099511627776 @ 0.000000001 by split 1: a 1099511627776
            f 3 buy AAPL 1 @ 1000000000 by split 1: a 1
            f 4 sell AAPL 1 @ 1000000000 by split 1: a 1
            f 5 sell AAPL 1 @ 68 by split 1: a 1
            f 6 busted AAPL of 1: a 1
        "#]],
    );
}

#[test]
fn shares_of_a_ticker_are_limited() {
    let mut script = one_account();
    script.play("buy f 1 AAPL 2 @ 1");
    script.play("sell f 2 AAPL 1 @ 1");
    // Four million purchases would do the same.
    script.book.holdings.row_mut(RowIndex::new(0)).add(AccountIndex::new(0), HOLDING_MAX - 1, 0);
    let printed = rest(
        script,
        &[
            "buy f 3 AAPL 1 @ 0.000000001",
            "bust f 3 AAPL of 2",
            "sell f 3 AAPL 1 @ 0.000000001",
            "bust f 4 AAPL of 2",
        ],
    );
    expect![[r#"
        f 3 rejected exceeds_limits
        f 3 rejected exceeds_limits
        f 3 sell AAPL 1 @ 0.000000001 by split 1: a 1
        f 4 busted AAPL of 2: a 1
    "#]]
    .assert_eq(&printed);
}

#[test]
fn tickers_are_limited() {
    let mut script = one_account();
    for number in 1..=TICKERS_MAX {
        script.apply(&buy(source("f"), number.try_into().unwrap(), &format!("T{number}")));
    }
    let lines = ["buy g 1 NEW 1 @ 1", "sell g 1 NEW 1 @ 1", "buy g 1 T65536 1 @ 1"];
    expect![[r#"
        g 1 rejected too_many_tickers
        g 1 rejected too_many_tickers
        g 1 buy T65536 1 @ 1 by split 1: a 1
    "#]]
    .assert_eq(&rest(script, &lines));
}

#[test]
fn accounts_ever_named_are_limited() {
    let mut script = one_account();
    let named = |first: usize, count: usize| {
        let accounts = (first..first + count).map(|number| format!("n{number}"));
        let mut weights: Vec<_> = accounts
            .map(|id| (AccountId::new(id.as_bytes()).unwrap(), Weight::default()))
            .collect();
        weights[0].1 = Weight::parse("", "100").unwrap();
        weights
    };
    for (first, seq) in (0..ACCOUNTS_EVER_MAX - ACCOUNTS_MAX).step_by(ACCOUNTS_MAX).zip(2..) {
        let split = Split::new(source("aum"), Seq::new(seq), named(first, ACCOUNTS_MAX)).unwrap();
        script.apply(&Input::Split(split));
    }
    let last = named(ACCOUNTS_EVER_MAX, ACCOUNTS_MAX - 1);
    script.apply(&Input::Split(Split::new(source("aum"), Seq::new(5), last).unwrap()));
    assert_eq!(script.book.account_count(), ACCOUNTS_EVER_MAX);
    let lines = ["split aum 6 a=50 new=50", "buy f 1 AAPL 1 @ 1", "split aum 6 a=50 n7=50"];
    expect![[r#"
        aum 6 rejected too_many_accounts_ever
        f 1 buy AAPL 1 @ 1 by split 5: n40000 1
        aum 6 accepted as split 6
    "#]]
    .assert_eq(&rest(script, &lines));
}

#[test]
fn held_fills_are_limited() {
    let mut script = Script::new(Book::new(SMALL));
    for seq in 1..=HELD_MAX {
        script.apply(&buy(source("f"), seq.try_into().unwrap(), "AAPL"));
    }
    let lines = ["buy g 1 AAPL 1 @ 1", "bust f 65537 AAPL of 1", "buy g 1 AAPL 1 @ 1"];
    expect![[r#"
        g 1 rejected busy
        f 65537 rejected unknown_fill 1
        g 1 rejected busy
    "#]]
    .assert_eq(&rest(script, &lines));
}
