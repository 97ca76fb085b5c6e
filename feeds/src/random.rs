//! Random: the brief's fill servers. Ten stocks, random positive prices, random quantities.
//!
//! The same seed gives the same fills. No position is kept, so a random sale may exceed what the
//! accounts hold; the server rejects it, and nothing changes.

use std::ops::RangeInclusive;
use std::time::Duration;

use allot_domain::{Price, Quantity, Seq, Side, Ticker};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::tickers::default_tickers;
use crate::{Pull, Source, UnnamedFill, limits};

/// One cent, in 1e-9 of the currency.
const CENT: i128 = 10_000_000;

/// A walking price moves by at most one part in 200 at a time: half a percent.
const STEP_PART: i64 = 200;

/// What can be chosen of random fills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RandomConfig {
    /// The seed of all random numbers.
    pub seed: u64,
    /// The sequence number of the first fill. Those before it are left out: the same seed gives the
    /// same fill the same sequence number, wherever the run begins.
    pub first_seq: u64,
    /// What is traded.
    pub tickers: Vec<Ticker>,
    /// How prices are made.
    pub prices: Prices,
    /// The lowest and the highest price, in cents.
    pub cents: RangeInclusive<i64>,
    /// The least and the most shares of a fill.
    pub shares: RangeInclusive<u64>,
    /// The percentage of sales.
    pub sell_percent: u32,
    /// The longest pause between two fills, where [`Pace::Recorded`](crate::Pace::Recorded) keeps
    /// the pauses; the brief's fill servers take up to ten seconds.
    pub gap_max: Duration,
}

/// How random prices are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prices {
    /// Independently, as in the brief: uniform over the range.
    #[default]
    Uniform,
    /// Each ticker's from its last, by at most half a percent, within the range.
    Walk,
}

impl RandomConfig {
    /// The brief: ten stocks, prices of 10 to 500, 1 to 1,000 shares, purchases only, pauses of up
    /// to ten seconds.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            first_seq: 1,
            tickers: default_tickers(),
            prices: Prices::Uniform,
            cents: 1_000..=50_000,
            shares: 1..=1_000,
            sell_percent: 0,
            gap_max: limits::GAP_MAX,
        }
    }
}

/// Fills without end.
pub struct Random {
    config: RandomConfig,
    rng: StdRng,
    /// The last price of each ticker, in cents; `None` before its first fill.
    last: Vec<Option<i64>>,
    /// The sequence number of the last fill that was drawn; 0 before the first.
    last_seq: u64,
    time_ns: u64,
}

impl Random {
    /// The fills of a seed.
    ///
    /// # Panics
    /// Without tickers; with a range that is empty, starts at zero or ends above the limits of a
    /// fill; with a percentage above 100; or with a first sequence number of zero.
    #[must_use]
    pub fn new(config: RandomConfig) -> Self {
        assert!(!config.tickers.is_empty(), "there is nothing to trade");
        assert!(0 < config.first_seq, "sequence numbers count from 1");
        assert!(config.sell_percent <= 100, "a percentage is at most 100");
        assert!(!config.cents.is_empty() && !config.shares.is_empty(), "a range is not empty");
        for cents in [config.cents.start(), config.cents.end()] {
            price(*cents);
        }
        for shares in [config.shares.start(), config.shares.end()] {
            quantity(*shares);
        }
        let rng = StdRng::seed_from_u64(config.seed);
        let last = vec![None; config.tickers.len()];
        let mut random = Self { config, rng, last, last_seq: 0, time_ns: 0 };
        while random.last_seq + 1 < random.config.first_seq {
            random.draw();
        }
        random
    }

    fn draw(&mut self) -> UnnamedFill {
        self.last_seq += 1;
        self.time_ns = self.time_ns.saturating_add(self.pause_ns());
        let index = self.rng.random_range(0..self.config.tickers.len());
        UnnamedFill {
            seq: Seq::new(self.last_seq),
            id: None,
            line: None,
            ticker: self.config.tickers[index],
            side: self.side(),
            price: price(self.cents(index)),
            quantity: quantity(self.rng.random_range(self.config.shares.clone())),
            time_ns: Some(self.time_ns),
        }
    }

    fn cents(&mut self, index: usize) -> i64 {
        let low = *self.config.cents.start();
        let high = *self.config.cents.end();
        let range = match (self.config.prices, self.last[index]) {
            (Prices::Walk, Some(last)) => {
                let step = (last / STEP_PART).max(1);
                (last - step).max(low)..=(last + step).min(high)
            }
            _ => low..=high,
        };
        let cents = self.rng.random_range(range);
        self.last[index] = Some(cents);
        cents
    }

    fn side(&mut self) -> Side {
        // Without sales no random number is drawn, so that the fills of a seed stay the same.
        let sells = self.config.sell_percent;
        if 0 < sells && self.rng.random_ratio(sells, 100) { Side::Sell } else { Side::Buy }
    }

    fn pause_ns(&mut self) -> u64 {
        let longest = u64::try_from(self.config.gap_max.as_nanos()).unwrap_or(u64::MAX);
        self.rng.random_range(0..=longest)
    }
}

impl Source for Random {
    fn next(&mut self) -> Pull {
        Pull::Fill(self.draw())
    }
}

fn price(cents: i64) -> Price {
    Price::from_nanos(i128::from(cents) * CENT).expect("the range was checked")
}

fn quantity(shares: u64) -> Quantity {
    Quantity::new(shares.into()).expect("the range was checked")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn fills(config: RandomConfig, count: usize) -> Vec<UnnamedFill> {
        let mut random = Random::new(config);
        let fill = |_| match random.next() {
            Pull::Fill(fill) => fill,
            other => panic!("{other:?}"),
        };
        (0..count).map(fill).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_fills() {
        let of_seed = |seed| fills(RandomConfig::new(seed), 100);
        assert_eq!(of_seed(7), of_seed(7));
        assert_ne!(of_seed(7), of_seed(8));
    }

    #[test]
    fn a_fill_of_a_seed_is_the_same_wherever_it_begins() {
        let all = fills(RandomConfig { prices: Prices::Walk, ..RandomConfig::new(7) }, 100);
        let config = RandomConfig { first_seq: 61, prices: Prices::Walk, ..RandomConfig::new(7) };
        assert_eq!(fills(config, 40), all[60..]);
    }

    #[test]
    fn fills_are_as_the_brief_says() {
        let fills = fills(RandomConfig::new(1), 5_000);
        let tickers: BTreeSet<_> = fills.iter().map(|fill| fill.ticker).collect();
        assert_eq!(tickers.len(), 10);
        let mut last_ns = 0;
        for (index, fill) in fills.iter().enumerate() {
            assert_eq!(fill.seq, Seq::new(u64::try_from(index).unwrap() + 1));
            assert_eq!(fill.side, Side::Buy);
            assert!((10_000_000_000..=500_000_000_000).contains(&fill.price.nanos()));
            assert_eq!(fill.price.nanos() % 10_000_000, 0, "whole cents");
            assert!((1..=1_000).contains(&fill.quantity.get()));
            let time_ns = fill.time_ns.unwrap();
            assert!((0..=10_000_000_000).contains(&(time_ns - last_ns)));
            last_ns = time_ns;
        }
        let mean_ns = last_ns / 5_000;
        assert!((4_500_000_000..=5_500_000_000).contains(&mean_ns), "{mean_ns}");
    }

    #[test]
    fn a_walking_price_moves_by_at_most_half_a_percent() {
        let mut config = RandomConfig { prices: Prices::Walk, ..RandomConfig::new(3) };
        config.tickers.truncate(1);
        config.cents = 9_500..=10_500;
        let fills = fills(config, 2_000);
        let cents: Vec<_> = fills.iter().map(|fill| fill.price.nanos() / 10_000_000).collect();
        assert!(cents.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 52), "{cents:?}");
        assert!(cents.iter().all(|cents| (9_500..=10_500).contains(cents)));
        assert!(cents.windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn the_percentage_of_sales_is_as_configured() {
        let config = RandomConfig { sell_percent: 30, ..RandomConfig::new(5) };
        let sales = fills(config, 10_000).iter().filter(|fill| fill.side == Side::Sell).count();
        assert!((2_700..=3_300).contains(&sales), "{sales}");
    }
}
