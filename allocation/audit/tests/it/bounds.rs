//! Bounds: where a book reaches a limit, its auditor reaches the same one.

use allot_allocation_rules::{
    BookConfig, Fill, Input, Outcome, Split, SplitNumber, Weight, limits,
};
use allot_domain::{Price, Quantity, Seq, Side, SourceId};

use super::names::{account, source, ticker};
use super::pair::Pair;
use super::script::{input, inputs};

fn pair(history: usize, script: &str) -> Pair {
    let mut pair = Pair::new(BookConfig { history, ..BookConfig::default() });
    play(&mut pair, script);
    pair
}

fn play(pair: &mut Pair, script: &str) {
    inputs(script).iter().for_each(|input| pair.apply(input).unwrap());
}

/// A purchase of one share at 1.
fn buy(source: SourceId, seq: usize, name: &str) -> Input {
    Input::Fill(Fill {
        source,
        seq: Seq::new(seq.try_into().unwrap()),
        ticker: ticker(name),
        side: Side::Buy,
        price: Price::parse("1").unwrap(),
        quantity: Quantity::new(1).unwrap(),
    })
}

/// The last outcome of the last line is this, and the auditor agrees; then both agree on the state.
#[track_caller]
fn check_last(mut pair: Pair, line: &str, expected: &str) {
    pair.apply(&input(line)).unwrap();
    let outcome = match pair.outcomes.list.last().unwrap() {
        Outcome::Rejected { reject, .. } => reject.code().to_owned(),
        Outcome::Accepted { split, .. } => format!("accepted {:?}", split.map(SplitNumber::get)),
        Outcome::Allocated(allocated) => format!("allocated {} shares", allocated.shares.len()),
        Outcome::Busted { shares, .. } => format!("busted {} shares", shares.len()),
        Outcome::Held(_) => "held".to_owned(),
    };
    assert_eq!(outcome, expected);
    pair.compare().unwrap();
}

#[test]
fn held_fills_are_limited() {
    let mut pair = pair(1, "");
    for seq in 1..=limits::HELD_MAX {
        pair.apply(&buy(source("f"), seq, "AAPL")).unwrap();
    }
    check_last(pair.clone(), "buy g 1 AAPL 1 @ 1", "busy");
    play(&mut pair, "bust f 65537 AAPL of 1");
    check_last(pair.clone(), "buy g 1 AAPL 1 @ 1", "held");
    check_last(pair, "split aum 1 a=60 b=40", "allocated 1 shares");
}

#[test]
fn tickers_are_limited() {
    let mut pair = pair(1, "split aum 1 a=100");
    for number in 1..=limits::TICKERS_MAX {
        pair.apply(&buy(source("f"), number, &format!("T{number}"))).unwrap();
    }
    check_last(pair.clone(), "sell g 1 NEW 1 @ 1", "too_many_tickers");
    check_last(pair, "buy g 1 T65536 1 @ 1", "allocated 1 shares");
}

#[test]
fn sources_are_limited() {
    let mut pair = pair(1, "split aum 1 a=100");
    for number in 1..=limits::SOURCES_MAX {
        pair.apply(&buy(source(&format!("f{number}")), 1, "AAPL")).unwrap();
    }
    check_last(pair.clone(), "buy g 1 AAPL 1 @ 1", "too_many_sources");
    check_last(pair.clone(), "bust g 1 AAPL of 1", "too_many_sources");
    check_last(pair, "split g 1 a=100", "accepted Some(2)");
}

#[test]
fn accounts_ever_named_are_limited() {
    let mut pair = pair(1, "");
    for seq in 1..=4 {
        let named = (0..limits::ACCOUNTS_MAX).map(|number| account(&format!("{seq}n{number}")));
        let mut weights: Vec<_> = named.map(|id| (id, Weight::default())).collect();
        weights[0].1 = Weight::parse("", "100").unwrap();
        let split = Split::new(source("aum"), Seq::new(seq), weights).unwrap();
        pair.apply(&Input::Split(split)).unwrap();
    }
    check_last(pair.clone(), "split aum 5 new=100", "too_many_accounts_ever");
    check_last(pair, "split aum 5 1n7=100", "accepted Some(5)");
}

#[test]
fn numbers_of_splits_are_known_for_a_while() {
    let mut pair = pair(1, "");
    for seq in 1..=1_025 {
        play(&mut pair, &format!("split aum {seq} a=50 b=50"));
    }
    check_last(pair.clone(), "split aum 1 a=50 b=50", "accepted None");
    check_last(pair.clone(), "split aum 2 a=50 b=50", "accepted Some(2)");
    play(&mut pair, "net aum 1 5 -5\nnet aum 2 7 -7");
    assert_eq!(pair.auditor.summary().nettings_void, 1);
    pair.compare().unwrap();
}

#[test]
fn outcomes_are_kept_while_there_is_room_for_them_and_their_shares() {
    // Room for two outcomes and sixteen shares; nine accounts get a share each.
    let nine = "split aum 1 a=11 b=11 c=11 d=11 e=11 f=11 g=11 h=11 i=12";
    let script = format!("{nine}\nbuy f 1 AAPL 9 @ 5\nbuy f 2 AAPL 7 @ 5");
    let pair_of_two = pair(2, &script);
    check_last(pair_of_two.clone(), "buy f 1 AAPL 9 @ 5", "allocated 9 shares");
    check_last(pair_of_two.clone(), "bust f 3 AAPL of 1", "busted 9 shares");
    let mut later = pair_of_two;
    play(&mut later, "buy f 3 AAPL 9 @ 5");
    check_last(later.clone(), "buy f 1 AAPL 9 @ 5", "allocated 0 shares");
    check_last(later.clone(), "buy f 2 AAPL 7 @ 5", "allocated 7 shares");
    check_last(later, "bust f 4 AAPL of 1", "unknown_fill");
    // Room for one outcome and eight shares: too few for one of nine.
    let pair_of_one = pair(1, &format!("{nine}\nbuy f 1 AAPL 9 @ 5"));
    check_last(pair_of_one.clone(), "buy f 1 AAPL 9 @ 5", "allocated 0 shares");
    check_last(pair_of_one, "bust f 2 AAPL of 1", "unknown_fill");
}
