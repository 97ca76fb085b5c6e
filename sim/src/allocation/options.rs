//! The options of the workload, and the order in which all options of a run are drawn.

use std::collections::BTreeSet;
use std::time::Duration;

use allot_allocation_rules::limits::WEIGHT_TOTAL;
use allot_allocation_rules::{Blend, BookConfig, Weight};
use allot_domain::{AccountId, SourceId, Ticker};
use allot_feeds::Target;
use allot_wire::Encoding;

use crate::engine::PlantedBug;
use crate::engine::options::{Faults, Options, Setup, Shape};
use crate::engine::prng::Prng;

/// The smallest weight of an account, in billionths.
const WEIGHT_MIN: u64 = 1;

/// The tickers that a run may trade.
const TICKERS: [&str; 10] =
    ["AAPL", "AMZN", "BRK/B", "GOOG", "JPM", "META", "MSFT", "NVDA", "TSLA", "XOM"];

/// The splits of a run, in order.
type Splits = Vec<Target>;

/// What the workload draws before a run.
#[derive(Clone, Debug)]
pub struct AllocationOptions {
    /// The fill servers.
    pub fills: Vec<FillOptions>,
    /// The interval between splits.
    pub split_every: Duration,
    /// The splits that it sends.
    pub splits: Splits,
    /// What is traded.
    pub tickers: Vec<Ticker>,
    /// The configuration of the book.
    pub book: BookConfig,
    /// The mean time between two messages of the operator.
    pub operator_every: Duration,
    /// The encoding of the topics that the subscriber receives.
    pub feed_encoding: Encoding,
}

/// One fill server.
#[derive(Clone, Debug)]
pub struct FillOptions {
    /// Its name.
    pub source: SourceId,
    /// The seed of its fills.
    pub seed: u64,
    /// The number of fills.
    pub count: u64,
    /// Fills per second.
    pub rate: u64,
    /// The most fills without a reply.
    pub in_flight_max: usize,
    /// The most fills in one message.
    pub batch: usize,
    /// The encoding of its messages.
    pub encoding: Encoding,
    /// Percentage of sells.
    pub sell_percent: u32,
}

/// Draws all options of a run.
///
/// Those of the engine and of the workload are drawn in turns: the order is older than their
/// separation, and a seed is to stay the run that it was.
#[must_use]
pub fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Options<AllocationOptions> {
    let mut prng = Prng::new(seed);
    let shape = Shape::draw(&mut prng, planted_bug);
    let faults_for = Duration::from_secs(prng.between(4..=25));
    let tickers = tickers(&mut prng);
    let splits = splits(&mut prng);
    let split_every = faults_for / u32::try_from(splits.len()).expect("a few");
    let fills = (1..=prng.between(1..=4)).map(|number| fill(&mut prng, number)).collect();
    let shards = usize::try_from(prng.between(1..=4)).expect("a few");
    // A draw that nothing uses: without it every seed would become another run.
    prng.index(4);
    let book = book(&mut prng);
    let setup = Setup::draw(&mut prng);
    let faults = Faults::draw(&mut prng);
    let operator_every = *prng.pick(&[Duration::from_millis(50), Duration::from_millis(400)]);
    let feed_encoding = *prng.pick(&[Encoding::Json, Encoding::Binary]);
    let idle_percent = *prng.pick(&[0, 10, 50]);
    let splits = closing(&mut prng, splits);
    let workload = AllocationOptions {
        fills,
        split_every,
        splits,
        tickers,
        book,
        operator_every,
        feed_encoding,
    };
    Options { seed, planted_bug, shape, shards, setup, faults_for, faults, idle_percent, workload }
}

fn tickers(prng: &mut Prng) -> Vec<Ticker> {
    let mut tickers = TICKERS.map(ticker).to_vec();
    prng.shuffle(&mut tickers);
    tickers.truncate(usize::try_from(prng.between(2..=10)).expect("a few"));
    tickers
}

fn book(prng: &mut Prng) -> BookConfig {
    let blends = [Blend::NONE, Blend::NONE, Blend::new(1, 4).expect("within the limits")];
    let history = *prng.pick(&[4, 64, 1_024]);
    // Not less than the history: what it keeps has a name. Some forget within a run.
    let names = *prng.pick(&[1_024, 1_024, 100_000]);
    BookConfig { blend: *prng.pick(&blends), history, names }
}

fn fill(prng: &mut Prng, number: u64) -> FillOptions {
    FillOptions {
        source: source(&format!("fills-{number}")),
        seed: prng.seed(),
        count: prng.between(20..=250),
        rate: *prng.pick(&[10, 40, 200, 2_000]),
        in_flight_max: *prng.pick(&[1, 8, 64]),
        batch: *prng.pick(&[1, 4, 16]),
        encoding: *prng.pick(&[Encoding::Json, Encoding::Binary]),
        sell_percent: *prng.pick(&[0, 20, 45]),
    }
}

/// Splits that change: weights drift or are drawn anew; accounts close and open.
fn splits(prng: &mut Prng) -> Vec<Vec<(AccountId, Weight)>> {
    let accounts = prng.between(1..=7);
    let drifts = prng.percent(60);
    let closes = *prng.pick(&[0, 0, 10, 40]);
    let mut named: Vec<u64> = (1..=accounts).collect();
    let mut splits = vec![weights(prng, &named, None)];
    for _ in 1..prng.between(1..=30) {
        let last = splits.last().filter(|_| drifts).cloned();
        if prng.percent(closes) {
            named = (1..=accounts).filter(|_| prng.percent(70)).collect();
            if named.is_empty() {
                named.push(1);
            }
            splits.push(weights(prng, &named, None));
        } else {
            splits.push(weights(prng, &named, last.as_deref()));
        }
    }
    splits
}

/// The splits with the accounts that they close: most list all that may be open by then, some list
/// none and are refused where one of these holds something.
fn closing(prng: &mut Prng, splits: Vec<Vec<(AccountId, Weight)>>) -> Splits {
    let mut known = BTreeSet::new();
    let target = |weights: Vec<(AccountId, Weight)>| {
        let named: BTreeSet<_> = weights.iter().map(|(account, _)| *account).collect();
        let lists = prng.percent(70);
        let closes = known.difference(&named).copied().filter(|_| lists).collect();
        known.extend(named);
        Target { weights, closes }
    };
    splits.into_iter().map(target).collect()
}

/// Random weights, or weights near those before; they add up to 100 exactly.
fn weights(
    prng: &mut Prng,
    named: &[u64],
    before: Option<&[(AccountId, Weight)]>,
) -> Vec<(AccountId, Weight)> {
    let mut parts: Vec<u64> = match before {
        Some(before) => before.iter().map(|(_, weight)| weight.nanos()).collect(),
        None => named.iter().map(|_| prng.between(1..=100) * 1_000_000).collect(),
    };
    if before.is_some() {
        for part in &mut parts {
            let step = *part / 10;
            *part = (*part - step + prng.between(0..=2 * step)).max(WEIGHT_MIN);
        }
    }
    let sum: u64 = parts.iter().sum::<u64>().max(1);
    let scale = |part: u64| u128::from(part) * u128::from(WEIGHT_TOTAL) / u128::from(sum);
    let mut nanos: Vec<u128> =
        parts.iter().map(|part| scale(*part).max(WEIGHT_MIN.into())).collect();
    let (largest, _) = nanos.iter().enumerate().max_by_key(|(_, part)| **part).expect("an account");
    let others: u128 = nanos.iter().sum::<u128>() - nanos[largest];
    nanos[largest] = u128::from(WEIGHT_TOTAL) - others;
    let entry = |(number, nanos): (&u64, u128)| {
        let id = AccountId::new(format!("account{number}").as_bytes()).expect("a plain name");
        let nanos = i128::try_from(nanos).expect("at most the whole");
        (id, Weight::from_nanos(id.as_str(), nanos).expect("at most the whole"))
    };
    named.iter().zip(nanos).map(entry).collect()
}

fn ticker(text: &str) -> Ticker {
    Ticker::new(text.as_bytes()).expect("a plain name")
}

fn source(text: &str) -> SourceId {
    SourceId::new(text.as_bytes()).expect("a plain name")
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::Split;
    use allot_domain::Seq;

    use super::*;

    #[test]
    fn every_split_adds_up_and_no_account_is_at_zero() {
        for seed in 0..200 {
            for Target { weights, closes } in draw(seed, None).workload.splits {
                assert!(weights.iter().all(|(_, weight)| WEIGHT_MIN <= weight.nanos()));
                let sum: u64 = weights.iter().map(|(_, weight)| weight.nanos()).sum();
                assert_eq!(sum, WEIGHT_TOTAL);
                Split::new(source("aum"), Seq::new(1), weights).unwrap().closing(closes).unwrap();
            }
        }
    }

    #[test]
    fn a_planted_bug_changes_no_draw() {
        let plain = Options { planted_bug: Some(PlantedBug::LyingDisk), ..draw(7, None) };
        assert_eq!(plain.to_string(), draw(7, Some(PlantedBug::LyingDisk)).to_string());
    }
}
