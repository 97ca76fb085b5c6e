//! The fills of a run: the same for every mode, from one seed.
//!
//! Purchases of 1 to 1,000 shares at 10 to 500 in whole cents, as the random feeds make them; the
//! same few thousand again and again, so that making them costs nothing while times are taken.

use std::collections::BTreeMap;

use allot_allocation_rules::{Fill, Split, Weight, limits};
use allot_domain::{AccountId, Money, Price, Quantity, Seq, Side, SourceId, Ticker};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Enough that no branch predictor learns them, few enough to stay in the cache.
const KINDS: usize = 4_096;

/// The tickers of the random feeds, and made-up ones after them.
const TICKERS: [&str; 10] =
    ["AAPL", "AMZN", "BRK.B", "GOOG", "JPM", "META", "MSFT", "NVDA", "TSLA", "XOM"];

/// One cent, in 1e-9 of the currency.
const CENT: i128 = 10_000_000;

/// What is traded, without source and number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) ticker: Ticker,
    pub(crate) price: Price,
    pub(crate) quantity: Quantity,
}

/// An endless sequence of fills: number `seq` of a source is always the same.
#[derive(Clone, Debug)]
pub(crate) struct Fills {
    kinds: Vec<Kind>,
}

/// The sum of some fills, by ticker.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Totals {
    /// How many fills.
    pub(crate) fills: u64,
    /// Shares and value of each ticker.
    pub(crate) by_ticker: BTreeMap<Ticker, (u128, Money)>,
}

impl Fills {
    /// Fills over `tickers` tickers.
    pub(crate) fn new(seed: u64, tickers: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let kinds = (0..KINDS.max(tickers)).map(|place| {
            let cents: i64 = random.random_range(1_000..=50_000);
            Kind {
                ticker: ticker(place % tickers.max(1)),
                price: Price::from_nanos(i128::from(cents) * CENT).expect("in range"),
                quantity: Quantity::new(random.random_range(1..=1_000_i128)).expect("in range"),
            }
        });
        Self { kinds: kinds.collect() }
    }

    /// Fill number `seq` of any source, from 1.
    pub(crate) fn kind(&self, seq: u64) -> &Kind {
        &self.kinds[self.place(seq)]
    }

    fn place(&self, seq: u64) -> usize {
        let count = u64::try_from(self.kinds.len()).expect("a few thousand");
        usize::try_from(seq % count).expect("less than the count")
    }

    /// Counts a fill. It is added up later, as times are taken now.
    pub(crate) fn count(&self, seq: u64, counts: &mut Vec<u64>) {
        let place = self.place(seq);
        counts.resize(self.kinds.len(), 0);
        counts[place] += 1;
    }

    /// The sum of the fills that were counted.
    pub(crate) fn totals(&self, counts: &[u64]) -> Totals {
        let mut totals = Totals::default();
        for (kind, count) in self.kinds.iter().zip(counts).filter(|(_, count)| 0 < **count) {
            totals.add(kind, *count);
        }
        totals
    }

    /// The fill of that number.
    pub(crate) fn fill(&self, source: SourceId, seq: u64) -> Fill {
        let Kind { ticker, price, quantity } = *self.kind(seq);
        Fill {
            source,
            seq: Seq::new(seq),
            id: Seq::new(seq).into(),
            time_ns: 0,
            ticker,
            side: Side::Buy,
            price,
            quantity,
        }
    }
}

impl Totals {
    /// Adds `count` fills of a kind.
    fn add(&mut self, kind: &Kind, count: u64) {
        let (shares, value) = self.by_ticker.entry(kind.ticker).or_default();
        *shares += u128::from(kind.quantity.get()) * u128::from(count);
        let each = kind.price.times(kind.quantity).nanos();
        *value += Money::from_nanos(each * i128::from(count));
        self.fills += count;
    }

    /// Adds another sum.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (ticker, (shares, value)) in &other.by_ticker {
            let sum = self.by_ticker.entry(*ticker).or_default();
            sum.0 += shares;
            sum.1 += *value;
        }
        self.fills += other.fills;
    }
}

fn ticker(place: usize) -> Ticker {
    let made_up = format!("T{place}");
    let name = TICKERS.get(place).copied().unwrap_or(&made_up);
    Ticker::new(name.as_bytes()).expect("a short name")
}

/// A split over `accounts` accounts, each with a different weight.
pub(crate) fn split(source: SourceId, seq: u64, accounts: usize) -> Split {
    let count = u64::try_from(accounts).expect("few").clamp(1, 10_000);
    let parts = count * (count + 1) / 2 + count * count;
    let mut left = limits::WEIGHT_TOTAL;
    let weights = (0..count).map(|place| {
        let fair = limits::WEIGHT_TOTAL / parts * (count + place + 1);
        let nanos = if place + 1 == count { left } else { fair };
        left -= nanos;
        let id = format!("account{}", place + 1);
        let weight = Weight::from_nanos(&id, nanos.into()).expect("a part of the whole");
        (AccountId::new(id.as_bytes()).expect("a short name"), weight)
    });
    Split::new(source, Seq::new(seq), weights.collect()).expect("it adds up")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ticker_is_traded_and_the_seed_decides() {
        let fills = Fills::new(7, 25);
        let tickers: BTreeSet<_> = (1..=100).map(|seq| fills.kind(seq).ticker).collect();
        assert_eq!(tickers.len(), 25);
        let prices = |fills: &Fills| (1..=100).map(|seq| fills.kind(seq).price).collect::<Vec<_>>();
        assert_eq!(prices(&fills), prices(&Fills::new(7, 25)));
        assert_ne!(prices(&fills), prices(&Fills::new(8, 25)));
    }

    #[test]
    fn a_split_of_any_number_of_accounts_adds_up() {
        let source = SourceId::new(b"aum").unwrap();
        for accounts in [1, 2, 5, 10, 1_000, 10_000] {
            let split = split(source, 1, accounts);
            let weights: Vec<_> =
                split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
            assert_eq!(weights.iter().sum::<u64>(), limits::WEIGHT_TOTAL);
            assert!(weights.iter().all(|weight| 0 < *weight), "{accounts}");
        }
    }

    #[test]
    fn totals_are_those_of_each_fill_alone() {
        let fills = Fills::new(1, 3);
        let mut counts = [Vec::new(), Vec::new()];
        let mut one_by_one = Totals::default();
        for seq in 1..=10_000 {
            one_by_one.add(fills.kind(seq), 1);
            fills.count(seq, &mut counts[usize::from(seq % 3 == 0)]);
        }
        let mut totals = fills.totals(&counts[0]);
        totals.merge(&fills.totals(&counts[1]));
        assert_eq!(totals, one_by_one);
        assert_eq!(totals.fills, 10_000);
    }
}
