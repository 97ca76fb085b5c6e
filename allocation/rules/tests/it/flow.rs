//! Flow: the fills and splits of a day, from a seed. Few tickers are busy, and not for long.

use allot_allocation_rules::{Fill, Split, Weight, limits};
use allot_domain::{AccountId, Price, Quantity, Seq, Side, SourceId, Ticker};

use super::random::Random;

/// Tickers of the firm; ticker *t* lives in shard *t* modulo the shards.
const TICKERS: usize = 16;
/// After this many fills the busiest ticker becomes the quietest, and the next one the busiest.
pub(crate) const ROTATION: usize = 4_000;
/// The busiest ticker gets this many percent of all fills, the next this many of the rest, and so
/// on.
pub(crate) const SKEW_PERCENT: u64 = 25;
/// The highest price, in cents; the others start between a fiftieth of it and it.
const PRICE_MAX_CENTS: u64 = 50_000;
const CENT: i128 = 10_000_000;

/// How the split changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Splits {
    /// Never.
    Constant,
    /// A new random one after this many fills.
    Random { every: usize },
    /// After this many fills every weight moves by up to this many 1/10,000 of itself.
    Moving { every: usize, by: u64 },
}

/// A fill, and the split that came before it.
pub(crate) struct Step {
    pub(crate) split: Option<Split>,
    pub(crate) fill: Fill,
    pub(crate) ticker: usize,
}

pub(crate) fn day(seed: u64, accounts: usize, fills: usize, splits: Splits) -> Vec<Step> {
    let mut random = Random::new(seed);
    let mut prices: Vec<_> =
        (0..TICKERS).map(|_| random.between(PRICE_MAX_CENTS / 50, PRICE_MAX_CENTS)).collect();
    prices[0] = PRICE_MAX_CENTS;
    let mut weights = random_weights(&mut random, accounts);
    let mut number = 0;
    let mut step = |at: usize| {
        let split = is_change(splits, at).then(|| {
            if let Splits::Moving { by, .. } = splits {
                weights = moved(&mut random, &weights, by);
            } else {
                weights = random_weights(&mut random, accounts);
            }
            number += 1;
            split(number, &weights)
        });
        let ticker = (busy_rank(&mut random) + at / ROTATION) % TICKERS;
        let fill = fill(&mut random, at, ticker, prices[ticker]);
        Step { split, fill, ticker }
    };
    (0..fills).map(&mut step).collect()
}

fn is_change(splits: Splits, at: usize) -> bool {
    match splits {
        Splits::Constant => at == 0,
        Splits::Random { every } | Splits::Moving { every, .. } => at.is_multiple_of(every),
    }
}

/// The busiest is 0.
fn busy_rank(random: &mut Random) -> usize {
    (0..TICKERS - 1).find(|_| random.between(1, 100) <= SKEW_PERCENT).unwrap_or(TICKERS - 1)
}

/// One to 300 shares within a percent of the ticker's price.
fn fill(random: &mut Random, at: usize, ticker: usize, price_cents: u64) -> Fill {
    let cents = price_cents * random.between(990, 1_010) / 1_000;
    Fill {
        source: SourceId::new(b"fills").unwrap(),
        seq: Seq::new(u64::try_from(at).unwrap() + 1),
        id: Seq::new(u64::try_from(at).unwrap() + 1).into(),
        time_ns: 0,
        ticker: Ticker::new(format!("T{ticker}").as_bytes()).unwrap(),
        side: Side::Buy,
        price: Price::from_nanos(i128::from(cents) * CENT).unwrap(),
        quantity: Quantity::new(random.between(1, 300).into()).unwrap(),
    }
}

fn random_weights(random: &mut Random, accounts: usize) -> Vec<u64> {
    (0..accounts).map(|_| random.between(1, 1_000) * 1_000_000).collect()
}

fn moved(random: &mut Random, weights: &[u64], by: u64) -> Vec<u64> {
    weights
        .iter()
        .map(|weight| weight * random.between(10_000 - by, 10_000 + by) / 10_000)
        .collect()
}

/// Accounts `a00`, `a01`, … in proportion to some weights.
pub(crate) fn split(number: u64, weights: &[u64]) -> Split {
    let sum: u64 = weights.iter().sum();
    let percentages = weights.iter().enumerate().map(|(account, weight)| {
        let id = format!("a{account:02}");
        let nanos = i128::from(*weight) * i128::from(limits::WEIGHT_TOTAL) / i128::from(sum);
        (AccountId::new(id.as_bytes()).unwrap(), Weight::from_nanos(&id, nanos).unwrap())
    });
    Split::new(SourceId::new(b"aum").unwrap(), Seq::new(number), percentages.collect()).unwrap()
}
