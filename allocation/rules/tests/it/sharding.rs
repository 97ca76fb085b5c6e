//! Sharding: how much farther from its targets a firm of several shards is than one of one.
//!
//! The same day is played to one book and to several. Errors are in units of the highest price P:
//! `E∞ = max_i |V_i − w_i·T| / P`, and L2 the root of the sum of squares. What shards cost is their
//! **excess**, E∞ less that of one book at the same fill, and their **regret**, the mean L2 over
//! that of one book, less one.

use allot_allocation_rules::{Input, Tracking};

use super::firm::Firm;
use super::flow::{ROTATION, SKEW_PERCENT, Splits, Step, day};

/// What is measured: enough for the bars in a debug build, all the figures in a release one.
struct Sizes {
    seeds: &'static [u64],
    /// Accounts and shards for the regrets; those of a constant split are cheap.
    accounts: &'static [usize],
    shards: &'static [usize],
}

const SIZES: Sizes = if cfg!(debug_assertions) {
    Sizes { seeds: &[7], accounts: &[5], shards: &[8] }
} else {
    Sizes { seeds: &[7, 8, 9, 10, 11], accounts: &[5, 20], shards: &[2, 4, 8] }
};
const FILLS: usize = 40_000;
/// How many inputs a netting takes: 256 is what 100,000 fills a second give, 1,024 saturation.
const LAGS: [Option<u64>; 5] = [Some(16), Some(256), Some(1_024), Some(4_096), None];

/// One day played to one firm: after every fill E∞ and L2 in prices.
struct Run {
    worst: Vec<f64>,
    l2: Vec<f64>,
    nettings: u64,
    /// The most that a better division could have avoided, in prices.
    avoidable_max: f64,
}

/// The firm's values as its outcomes tell them, and the split they are to follow.
#[derive(Default)]
struct Targets {
    weights: Vec<u64>,
    values_then: Vec<i128>,
    values: Vec<i128>,
    price_max: i128,
}

impl Targets {
    fn aim(&mut self, step: &Step) {
        let Some(split) = &step.split else { return };
        self.weights = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
        self.values.resize(self.weights.len(), 0);
        self.values_then.clone_from(&self.values);
    }

    fn book(&mut self, firm: &Firm, step: &Step) {
        let price = i128::from(step.fill.price.nanos());
        self.price_max = self.price_max.max(price);
        for share in &firm.outcomes.shares {
            let account = share.account.index();
            self.values[account] += price * i128::from(share.quantity);
        }
    }

    /// E∞ and L2 in prices.
    fn errors(&self) -> (f64, f64) {
        let total: i128 = self.values.iter().sum();
        let weight_total: i128 = self.weights.iter().map(|weight| i128::from(*weight)).sum();
        let unit = (weight_total * self.price_max) as f64;
        let deviations = self.weights.iter().zip(&self.values).map(|(weight, value)| {
            (i128::from(*weight) * total - weight_total * value) as f64 / unit
        });
        let (worst, squares) = deviations.fold((0.0, 0.0), |(worst, squares), deviation: f64| {
            (deviation.abs().max(worst), squares + deviation * deviation)
        });
        (worst, squares.sqrt())
    }

    fn avoidable(&self) -> f64 {
        let tracking = Tracking::of(&self.weights, &self.values_then, &self.values);
        let weight_total: i128 = self.weights.iter().map(|weight| i128::from(*weight)).sum();
        tracking.avoidable() as f64 / (weight_total * self.price_max) as f64
    }
}

fn play(steps: &[Step], shards: usize, lag: Option<u64>) -> Run {
    let mut firm = Firm::new(shards, lag);
    let mut targets = Targets::default();
    let mut run = Run { worst: vec![], l2: vec![], nettings: 0, avoidable_max: 0.0 };
    for step in steps {
        if let Some(split) = &step.split {
            firm.split(split);
            targets.aim(step);
        }
        firm.apply(step.ticker % shards, &Input::Fill(step.fill));
        targets.book(&firm, step);
        firm.tick();
        let (worst, l2) = targets.errors();
        run.worst.push(worst);
        run.l2.push(l2);
        if shards == 1 {
            run.avoidable_max = run.avoidable_max.max(targets.avoidable());
        }
    }
    run.nettings = firm.nettings;
    run
}

/// A firm of several shards beside one book, over the days of all seeds.
#[derive(Default)]
struct Comparison {
    excess: Vec<f64>,
    l2: f64,
    l2_of_one: f64,
    nettings: u64,
}

impl Comparison {
    fn of(days: &[(Vec<Step>, Run)], shards: usize, lag: Option<u64>) -> Self {
        let mut comparison = Self::default();
        for (steps, one) in days {
            let run = play(steps, shards, lag);
            comparison.excess.extend(run.worst.iter().zip(&one.worst).map(|(all, one)| all - one));
            comparison.l2 += run.l2.iter().sum::<f64>();
            comparison.l2_of_one += one.l2.iter().sum::<f64>();
            comparison.nettings += run.nettings;
        }
        comparison.excess.sort_by(f64::total_cmp);
        comparison
    }

    /// Percentiles of the excess: median, 99 %, highest.
    fn excesses(&self) -> [f64; 3] {
        [50, 99, 100].map(|percent| self.excess[(self.excess.len() - 1) * percent / 100])
    }

    fn regret_percent(&self) -> f64 {
        (self.l2 / self.l2_of_one - 1.0) * 100.0
    }

    /// The mean L2 beyond that of one book, in prices.
    fn regret_prices(&self) -> f64 {
        (self.l2 - self.l2_of_one) / self.excess.len() as f64
    }
}

/// The days of all seeds, each with what one book made of it: nearly all that can be avoided.
fn days(accounts: usize, splits: Splits) -> Vec<(Vec<Step>, Run)> {
    let with_one = |seed: &u64| {
        let steps = day(*seed, accounts, FILLS, splits);
        let one = play(&steps, 1, None);
        assert!(one.avoidable_max <= 1.0, "{}", one.avoidable_max);
        (steps, one)
    };
    SIZES.seeds.iter().map(with_one).collect()
}

fn mean_l2(days: &[(Vec<Step>, Run)]) -> f64 {
    let sum: f64 = days.iter().flat_map(|(_, one)| &one.l2).sum();
    sum / (days.len() * FILLS) as f64
}

fn avoidable_max(days: &[(Vec<Step>, Run)]) -> f64 {
    days.iter().fold(0.0, |max, (_, one)| max.max(one.avoidable_max))
}

fn print_conditions(splits: Splits) {
    println!(
        "\n{splits:?}; {} fills × seeds {:?}, 16 tickers ({SKEW_PERCENT} % of the fills in the \
         busiest, which changes every {ROTATION}), quantities 1–300\n",
        FILLS, SIZES.seeds,
    );
}

fn lag_text(lag: Option<u64>) -> String {
    lag.map_or("no nettings".to_owned(), |lag| lag.to_string())
}

#[test]
fn a_constant_split_costs_shards_little_and_needs_no_netting() {
    print_conditions(Splits::Constant);
    println!("| accounts | shards | excess p50 | p99 | max | 0.6·√S |\n|-|-|-|-|-|-|");
    for accounts in [5, 20] {
        let days = days(accounts, Splits::Constant);
        let avoidable = avoidable_max(&days);
        println!("| {accounts} | 1 | (E∞ itself: at most {avoidable:.2}) | | | |");
        for shards in [2_usize, 4, 8] {
            let comparison = Comparison::of(&days, shards, Some(256));
            let bar = 0.6 * f64::sqrt(u32::try_from(shards).unwrap().into());
            let [p50, p99, max] = comparison.excesses();
            println!("| {accounts} | {shards} | {p50:.2} | {p99:.2} | {max:.2} | {bar:.2} |");
            assert!(p99 <= bar);
            assert_eq!(comparison.nettings, 0);
        }
    }
}

/// Prints the regrets and hands them on: by accounts and shards, then by lag.
fn regrets(splits: Splits) -> Vec<[Comparison; 5]> {
    print_conditions(splits);
    let lags = LAGS.map(lag_text).join(" | ");
    println!("| accounts | shards | L2 of one, avoidable | {lags} |\n|-|-|-|-|-|-|-|-|");
    let mut all = Vec::new();
    for accounts in SIZES.accounts {
        let days = days(*accounts, splits);
        for shards in SIZES.shards {
            let comparisons = LAGS.map(|lag| Comparison::of(&days, *shards, lag));
            let columns = comparisons.each_ref().map(|comparison| {
                let (percent, prices) = (comparison.regret_percent(), comparison.regret_prices());
                format!("{percent:+.2} % ({prices:+.1} P)")
            });
            let columns = columns.join(" | ");
            let (l2, avoidable) = (mean_l2(&days), avoidable_max(&days));
            println!("| {accounts} | {shards} | {l2:.0} P, ≤ {avoidable:.2} P | {columns} |");
            all.push(comparisons);
        }
    }
    all
}

#[test]
fn after_a_new_split_shards_follow_as_one() {
    for [at_16, at_256, at_1024, ..] in regrets(Splits::Random { every: 5_000 }) {
        assert!(at_16.regret_percent() <= 0.1);
        assert!(at_256.regret_percent() <= 1.0);
        assert!(at_1024.regret_percent() <= 3.0);
    }
}

/// The size at which a firm that does not net has about the regret that the bars were made for:
/// a sixth more than one book, with 8 shards and 20 accounts.
#[test]
fn after_a_large_change_shards_follow_as_one() {
    let splits = Splits::Moving { every: 5_000, by: 3_000 };
    for [at_16, at_256, at_1024, _, left_alone] in regrets(splits) {
        assert!(at_16.regret_percent() <= 0.1);
        assert!(at_256.regret_percent() <= 1.0);
        assert!(at_1024.regret_percent() <= 3.0);
        // The measure sees a firm that does not net.
        assert!(2.0 * at_1024.regret_percent() < left_alone.regret_percent());
    }
}

/// One book mends a change of a tenth before the next comes, so that every delay shows.
#[test]
fn after_a_moderate_change_shards_follow_almost_as_one() {
    let splits = Splits::Moving { every: 5_000, by: 1_000 };
    for [at_16, at_256, at_1024, _, left_alone] in regrets(splits) {
        assert!(at_16.regret_percent() <= 0.5);
        assert!(at_256.regret_percent() <= 3.0);
        assert!(at_1024.regret_percent() <= 20.0);
        // The measure sees a firm that does not net.
        assert!(2.0 * at_256.regret_percent() < left_alone.regret_percent());
    }
}

/// One book is never far behind a drift, so that prices say more than percents.
#[test]
fn shards_stay_a_few_prices_behind_a_drifting_split() {
    for [at_16, at_256, ..] in regrets(Splits::Moving { every: 500, by: 20 }) {
        assert!(at_16.regret_prices() <= 15.0);
        assert!(at_256.regret_prices() <= 20.0);
    }
}
