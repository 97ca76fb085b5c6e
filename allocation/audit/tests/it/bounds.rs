//! Bounds: where a book reaches a limit, its auditor reaches the same one.

use allot_allocation_rules::{
    BookConfig, Bust, Fill, Input, Outcome, Split, SplitNumber, Weight, limits,
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

/// A book that remembers this many names, and its history has room for all of them.
fn pair_of_names(names: usize, script: &str) -> Pair {
    let mut pair = Pair::new(BookConfig { names, ..BookConfig::default() });
    play(&mut pair, script);
    pair
}

fn play(pair: &mut Pair, script: &str) {
    inputs(script).iter().for_each(|input| pair.apply(input).unwrap());
}

/// A purchase of one share of AAPL at 1.
fn fill(seq: u64) -> Fill {
    Fill {
        source: source("f"),
        seq: Seq::new(seq),
        id: Seq::new(seq).into(),
        time_ns: 0,
        ticker: ticker("AAPL"),
        side: Side::Buy,
        price: Price::parse("1").unwrap(),
        quantity: Quantity::new(1).unwrap(),
    }
}

/// The same of a source and of a ticker.
fn buy(source: SourceId, seq: usize, name: &str) -> Input {
    let fill = fill(seq.try_into().unwrap());
    Input::Fill(Fill { source, ticker: ticker(name), ..fill })
}

/// The last outcome of the last line is this, and the auditor agrees; then both agree on the state.
#[track_caller]
fn check_last(mut pair: Pair, line: &str, expected: &str) {
    pair.apply(&input(line)).unwrap();
    let outcome = match pair.outcomes.list.last().unwrap() {
        Outcome::Rejected { reject, .. } => reject.code().to_owned(),
        Outcome::Accepted { split, .. } => format!("accepted {}", SplitNumber::get(*split)),
        Outcome::Allocated(allocated) => format!("allocated {} shares", allocated.shares.len()),
        Outcome::Busted { shares, .. } => format!("busted {} shares", shares.len()),
        Outcome::Held { .. } => "held".to_owned(),
        Outcome::Checked { .. } => "checked".to_owned(),
        Outcome::Replayed(_) => "replayed".to_owned(),
        Outcome::Listed(_) => "listed".to_owned(),
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
fn sources_are_not_limited_and_those_long_quiet_are_forgotten() {
    let mut pair = pair_of_names(2, "split aum 1 a=100\nbuy first 1 AAPL 1 @ 1");
    let others = limits::QUIET_SOURCES_MAX + 1;
    for number in 1..=others {
        pair.apply(&buy(source(&format!("f{number}")), 1, "AAPL")).unwrap();
    }
    // The last two have names that are known; one more was quiet than is kept.
    check_last(pair.clone(), "buy first 1 AAPL 1 @ 1", "sequence_too_old");
    check_last(pair.clone(), "buy f65537 1 AAPL 1 @ 1", "allocated 1 shares");
    let more = source("more");
    pair.apply(&buy(more, 1, "AAPL")).unwrap();
    check_last(pair.clone(), "buy f1 1 AAPL 1 @ 1", "sequence_too_old");
    check_last(pair, "buy first 1 AAPL 1 @ 1", "allocated 1 shares");
}

#[test]
fn names_are_limited_and_the_oldest_are_forgotten() {
    let pair = pair_of_names(
        3,
        "split aum 1 a=100\nbuy f 1 AAPL 1 @ 1\nbuy f 5 AAPL 1 @ 1\nbuy f 7 AAPL 1 @ 1\n\
         buy f 6 AAPL 1 @ 1",
    );
    check_last(pair.clone(), "buy f 5 AAPL 1 @ 1", "allocated 1 shares");
    check_last(pair.clone(), "buy f 1 AAPL 1 @ 1", "sequence_too_old");
    // Nobody can say of 2 to 4 whether they were applied, but all above 1 were not forgotten.
    check_last(pair.clone(), "buy f 2 AAPL 1 @ 1", "allocated 1 shares");
    // A ticker that never had a fill has had none of this name, whatever is forgotten.
    check_last(pair.clone(), "buy f 1 MSFT 1 @ 1", "allocated 1 shares");
    check_last(pair.clone(), "bust f 1 AAPL of 6", "sequence_too_old");
    check_last(pair.clone(), "bust f 8 AAPL of 1", "unknown_fill");
    check_last(pair.clone(), "bust f 8 AAPL of 5", "busted 1 shares");
    // Other sources have numbers of their own.
    check_last(pair, "buy g 1 AAPL 1 @ 1", "allocated 1 shares");
}

#[test]
fn texts_have_no_order_and_are_new_when_they_are_forgotten() {
    let pair = pair_of_names(
        2,
        "split aum 1 a=100\nbuy f 1#x AAPL 1 @ 1\nbuy f 2#y AAPL 1 @ 1\nbuy f 3#z AAPL 1 @ 1",
    );
    check_last(pair.clone(), "buy f 3#y AAPL 1 @ 1", "allocated 1 shares");
    check_last(pair.clone(), "buy f 3#y AAPL 2 @ 1", "name_reused");
    check_last(pair.clone(), "buy f 1#x AAPL 1 @ 1", "allocated 1 shares");
    assert_eq!(applied(&pair, "buy f 1#x AAPL 1 @ 1"), 4, "it is counted once more");
    assert_eq!(applied(&pair, "buy f 3#z AAPL 1 @ 1"), 3);
    // A message with an id of its own has no name in its number.
    check_last(pair, "buy f 1 AAPL 2 @ 1", "allocated 1 shares");
}

/// How many fills there are once a line was applied.
fn applied(pair: &Pair, line: &str) -> u64 {
    let mut pair = pair.clone();
    pair.apply(&input(line)).unwrap();
    pair.auditor.summary().fills
}

#[test]
fn a_number_that_ran_wild_harms_what_lies_above_it_alone() {
    const WILD: u64 = 9_000_000_000_000_000_000;
    let pair = pair_of_names(
        2,
        &format!(
            "split aum 1 a=100\nbuy f 1 AAPL 1 @ 1\nbuy f {WILD} AAPL 1 @ 1\n\
             buy f 2 AAPL 1 @ 1\nbuy f 3 AAPL 1 @ 1"
        ),
    );
    check_last(pair.clone(), "buy f 4 AAPL 1 @ 1", "allocated 1 shares");
    check_last(pair.clone(), &format!("buy f {} AAPL 1 @ 1", WILD - 1), "allocated 1 shares");
    check_last(pair.clone(), &format!("buy f {WILD} AAPL 1 @ 1"), "sequence_too_old");
    check_last(pair, &format!("buy f {} AAPL 1 @ 1", WILD + 1), "sequence_too_old");
}

#[test]
fn a_first_number_that_ran_wild_harms_what_lies_above_it_alone() {
    let pair = pair_of_names(
        2,
        "split aum 1 a=100\nbuy f 9000000000000000000 AAPL 1 @ 1\nbuy f 1 AAPL 1 @ 1\n\
         buy f 2 AAPL 1 @ 1\nbuy f 3 AAPL 1 @ 1",
    );
    check_last(pair, "buy f 4 AAPL 1 @ 1", "allocated 1 shares");
}

#[test]
fn the_names_of_splits_are_limited_apart() {
    let mut pair = pair_of_names(2, "split aum 1 a=100\nsplit aum 2 a=100\nsplit aum 3 a=100");
    for seq in 1..=9 {
        pair.apply(&buy(source("aum"), seq, "AAPL")).unwrap();
    }
    check_last(pair.clone(), "split aum 3 a=100", "accepted 3");
    check_last(pair.clone(), "split aum 3 b=100", "name_reused");
    check_last(pair.clone(), "split aum 1 a=100", "sequence_too_old");
    check_last(pair, "split other 1 a=100", "accepted 4");
}

#[test]
fn a_bust_gives_the_turnover_of_its_fill_back() {
    // One fill is a little less than two thirds of what passes through a shard.
    let mut pair = pair_of_names(1_000, "split aum 1 a=100");
    let big = |seq: u64| Fill {
        price: Price::from_nanos(45_000_000_000).unwrap(),
        quantity: Quantity::new(limits::QUANTITY_MAX.into()).unwrap(),
        ..fill(seq)
    };
    let each = 45_000_000_000 * i128::from(limits::QUANTITY_MAX);
    assert!(each < limits::VALUE_MAX && limits::VALUE_MAX < 2 * each);
    for seq in 1..=9 {
        pair.apply(&Input::Fill(big(seq))).unwrap();
        check_last(pair.clone(), "buy g 1 X 1099511627776 @ 45", "exceeds_limits");
        let Fill { source, ticker, id: of, .. } = big(seq);
        let seq = Seq::new(100 + seq);
        let bust = Bust { source, seq, id: seq.into(), time_ns: 0, ticker, of };
        pair.apply(&Input::Bust(bust)).unwrap();
    }
    check_last(pair, "buy g 1 X 1099511627776 @ 45", "allocated 1 shares");
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
    check_last(pair, "split aum 5 1n7=100", "accepted 5");
}

#[test]
fn nettings_are_of_splits_that_are_kept_for_a_while() {
    let mut pair = pair(1, "");
    for seq in 1..=1_025 {
        play(&mut pair, &format!("split aum {seq} a=50 b=50"));
    }
    check_last(pair.clone(), "split aum 1 a=50 b=50", "accepted 1");
    check_last(pair.clone(), "split aum 2 a=50 b=50", "accepted 2");
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
