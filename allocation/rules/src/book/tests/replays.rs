//! Replays: outcomes never change, and the same inputs always give the same ones.

use std::fmt::Write;

use allot_domain::{AccountId, Marker, Seq};
use expect_test::expect;
use proptest::prelude::*;

use super::script::{input, outcome_lines};
use super::{SMALL, check_with};
use crate::book::{Book, BookConfig, Part};
use crate::{Blend, Input, Outcomes, Split, Weight};

const REPORT: Marker = Marker { number: 1, time_ns: 0, report: true };

/// A day of one shard: splits that change, fills of four tickers, sales, busts, repeats.
/// Prices stay within a few percent of their ticker's.
fn day(lines: u64) -> Vec<Input> {
    let mut text = String::from("buy f 1 T1 7 @ 3\nsplit aum 1 a=25 b=25 c=50\n");
    let mut random = 7_u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    for seq in 2..lines {
        let (ticker, quantity) = (draw(4), draw(200) + 1);
        let price = 25 * (ticker + 1) + draw(3);
        let first = draw(101);
        let line = match draw(20) {
            0 => format!("split aum {seq} a={first} d={}", 100 - first),
            1 => format!("split aum {seq} a={first} b={} c=0", 100 - first),
            2 | 3 => format!("bust f {seq} T{ticker} of {}", seq - 1 - draw(seq.min(9) - 1)),
            4..8 => format!("sell f {seq} T{ticker} {quantity} @ {price}"),
            8 => format!("buy f {} T{ticker} {quantity} @ {price}", seq - 1),
            _ => format!("buy f {seq} T{ticker} {quantity} @ {price}"),
        };
        writeln!(text, "{line}").unwrap();
    }
    text.lines().map(input).collect()
}

fn play(book: &mut Book, inputs: &[Input]) -> (Vec<String>, Part) {
    let mut outcomes = Outcomes::default();
    let lines = inputs.iter().flat_map(|input| outcome_lines(book, &mut outcomes, input)).collect();
    (lines, book.part(&REPORT))
}

#[test]
fn the_same_inputs_give_the_same_outcomes_and_parts() {
    let inputs = day(400);
    let config = BookConfig { blend: Blend::new(1, 4).unwrap(), ..SMALL };
    let (lines, part) = play(&mut Book::new(config), &inputs);
    assert_eq!(play(&mut Book::new(config), &inputs), (lines.clone(), part.clone()));
    // A copy made on the way goes on like the original.
    let mut first = Book::new(config);
    let (mut before, _) = play(&mut first, &inputs[..150]);
    let (after, part_of_copy) = play(&mut first.clone(), &inputs[150..]);
    before.extend(after);
    assert_eq!((before, part_of_copy), (lines, part));
}

/// Everything that was applied, once more: every outcome is the first one, and nothing moves.
#[test]
fn a_fill_is_never_rearranged() {
    let mut book = Book::new(BookConfig { history: 1_000, ..SMALL });
    let mut outcomes = Outcomes::default();
    let mut first = Vec::new();
    for input in day(400) {
        let lines = outcome_lines(&mut book, &mut outcomes, &input);
        let is_applied = !lines.iter().any(|line| line.contains("rejected"));
        first.extend(is_applied.then_some((input, lines)));
    }
    let part = book.part(&REPORT);
    for (input, lines) in first.iter().skip(2) {
        let again = outcome_lines(&mut book, &mut outcomes, input);
        let expected = lines[0].strip_prefix("again ").unwrap_or(&lines[0]);
        assert_eq!(again, [format!("again {expected}")]);
    }
    assert_eq!(book.part(&REPORT), part);
    assert!(300 < first.len());
}

fn shuffled(weights: &[u64]) -> impl Strategy<Value = Vec<usize>> + use<> {
    Just((0..weights.len()).collect::<Vec<_>>()).prop_shuffle()
}

fn splits() -> impl Strategy<Value = (Vec<u64>, Vec<usize>)> {
    prop::collection::vec(1..100_u64, 1..9)
        .prop_flat_map(|weights| (Just(weights.clone()), shuffled(&weights)))
}

/// A split of accounts `a0`, `a1`, … in the order given.
fn split(weights: &[u64], order: &[usize]) -> Input {
    let sum: u64 = weights.iter().sum();
    let weight = |at: &usize| {
        let id = format!("a{at}");
        let nanos = i128::from(weights[*at]) * 100_000_000_000 / i128::from(sum);
        (AccountId::new(id.as_bytes()).unwrap(), Weight::from_nanos(&id, nanos).unwrap())
    };
    let source = super::script::source("aum");
    Input::Split(Split::new(source, Seq::new(1), order.iter().map(weight).collect()).unwrap())
}

proptest! {
    #[test]
    fn the_order_of_accounts_in_a_split_changes_nothing((weights, order) in splits()) {
        let fills = day(40);
        let fills: Vec<_> =
            fills.into_iter().filter(|input| !matches!(input, Input::Split(_))).collect();
        let sorted: Vec<_> = (0..weights.len()).collect();
        let play_with = |order: &[usize]| {
            let mut book = Book::new(SMALL);
            let (mut lines, _) = play(&mut book, &[split(&weights, order)]);
            let (rest, part) = play(&mut book, &fills);
            lines.extend(rest);
            (lines, part)
        };
        prop_assert_eq!(play_with(&sorted), play_with(&order));
    }
}

/// Over a day of purchases under a constant split: the worst distance of an account's shares of a
/// ticker from its fraction of all, in shares, and of its value from its target, both in 1/1,000.
fn errors(blend: Blend) -> (u64, i128) {
    let mut book = Book::new(BookConfig { blend, ..SMALL });
    let buys: Vec<_> = day(2_000)
        .into_iter()
        .filter(|input| matches!(input, Input::Fill(fill) if fill.side == allot_domain::Side::Buy))
        .collect();
    let weights = [17, 23, 60];
    play(&mut book, &[split(&weights, &[0, 1, 2])]);
    play(&mut book, &buys);
    let mut shares = 0;
    for row in book.holdings().rows() {
        for ((_, cell), weight) in row.cells().zip(weights) {
            shares = shares.max((cell.quantity * 1_000).abs_diff(row.total() * weight * 10));
        }
    }
    let residuals = book.residuals().residuals().iter().map(|residual| residual.abs());
    let price_max = i128::from(book.totals.price_max);
    let worst = residuals.max().unwrap() / i128::from(crate::limits::WEIGHT_TOTAL);
    (shares, worst * 1_000 / price_max)
}

#[test]
fn a_blend_keeps_mixes_closer_at_little_cost_in_value() {
    let (shares_plain, value_plain) = errors(Blend::NONE);
    let (shares_blended, value_blended) = errors(Blend::new(1, 4).unwrap());
    let text = format!(
        "shares off by at most, in thousandths: {shares_plain} plain, {shares_blended} blended\n\
         values off by at most, in thousandths of the highest price: {value_plain} plain, \
         {value_blended} blended\n"
    );
    expect![[r#"
        shares off by at most, in thousandths: 28000 plain, 1610 blended
        values off by at most, in thousandths of the highest price: 282 plain, 458 blended
    "#]]
    .assert_eq(&text);
    assert!(shares_blended * 5 < shares_plain);
}

#[test]
fn a_blend_gives_each_account_its_part_of_each_ticker() {
    let script = "
        split aum 1 a=50 b=50
        buy f 1 AAPL 10 @ 10
        buy f 2 MSFT 1 @ 10
        buy f 3 AAPL 1 @ 10
        buy f 4 MSFT 1 @ 10
        sell f 5 AAPL 4 @ 10
        positions
        ";
    check_with(
        BookConfig { blend: Blend::new(1, 4).unwrap(), ..SMALL },
        script,
        expect![[r#"
        aum 1 accepted as split 1
        f 1 buy AAPL 10 @ 10 by split 1: a 5 b 5
        f 2 buy MSFT 1 @ 10 by split 1: a 1
        f 3 buy AAPL 1 @ 10 by split 1: b 1
        f 4 buy MSFT 1 @ 10 by split 1: b 1
        f 5 sell AAPL 4 @ 10 by split 1: a 2 b 2
        a 50% has 40, 3 AAPL of 30, 1 MSFT of 10
        b 50% has 50, 4 AAPL of 40, 1 MSFT of 10
    "#]],
    );
}
