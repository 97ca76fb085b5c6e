//! Growth: what a fill costs in the book as accounts, shares, tickers and history grow.
//!
//! ```text
//!   prepare: a book of each size and age
//!   turn:    every row once, in random order:  copy the book ─► fills, checked ─► fills, timed
//! ```
//!
//! The book is what a shard does with a fill apart from reading the message and writing the reply:
//! it looks up the source and the ticker, divides, books, and keeps the outcome. The copy brings
//! each turn back to the same state; the checked fills warm the caches again.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use allot_allocation_rules::{Book, BookConfig, Fill, Input, Outcome, Outcomes, limits};
use allot_domain::{Machine, Quantity, SourceId, Step};
use allot_runtime::Clock;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::experiment::{Bound, Experiment, Order, Series, Subject};
use crate::fills::{Fills, split};
use crate::grid;
use crate::interrupt;
use crate::span::nanoseconds;

/// Fills that are timed together, after as many that are checked.
const FILLS: u64 = 4_096;

/// How old a book is where age is not what grows: its history has turned.
const AGE: u64 = 70_000;

/// The same for a quick run.
const AGE_QUICK: u64 = 1_000;

const _: () = assert!(limits::HISTORY_DEFAULT < 70_000);

/// How growth is measured.
#[derive(Args)]
pub(crate) struct GrowthArgs {
    /// Rounds; every row is timed once per round, in random order
    #[arg(long, value_name = "COUNT", default_value_t = 15,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    turns: u32,
    /// Small sizes only: a check that it works
    #[arg(long)]
    quick: bool,
    /// Directory for growth.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What is divided, and how old the book is.
#[derive(Clone, Copy, Debug)]
struct Size {
    accounts: usize,
    tickers: usize,
    /// Shares per fill; 1 to 1,000 if none is given.
    quantity: Option<u64>,
    age: u64,
}

/// What grows, and to what.
type Grown = (&'static str, u64);

/// A book of one size, and the fills that it is given.
struct Row {
    size: Size,
    book: Book,
    fills: Fills,
}

/// A row as it is kept.
#[derive(Clone, Debug, Serialize)]
struct Cost {
    dimension: &'static str,
    grown: u64,
    /// The median of the turns, for one fill.
    fill_ns: f64,
    /// As a multiple of the first row of its dimension.
    ratio: f64,
    turns_ns: Vec<f64>,
}

/// A straight line through the costs of accounts.
#[derive(Clone, Copy, Debug, Serialize)]
struct Line {
    fixed_ns: f64,
    account_ns: f64,
    /// The largest distance of a row from the line, as a part of its cost.
    off_max: f64,
}

#[derive(Serialize)]
struct Results {
    fills_timed: u64,
    book_bytes: Option<u64>,
    line: Line,
    rows: Vec<Cost>,
}

/// Measures all dimensions.
///
/// # Errors
/// When a fill is divided wrongly, or results cannot be written.
pub(crate) fn measure(args: &GrowthArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("growth", args.turns, args.out.as_ref());
    let before = resident();
    let first = Row::prepare(args.size())?;
    let book_bytes = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    drop(first);
    let series = experiment.run(Order::Random, args.subjects()?)?;
    let rows = costs(&series);
    let results = Results { fills_timed: FILLS, book_bytes, line: line(&rows)?, rows };
    experiment.finish(&page(&results), &results, false)
}

impl GrowthArgs {
    const fn age(&self) -> u64 {
        if self.quick { AGE_QUICK } else { AGE }
    }

    /// The size that all dimensions grow from.
    const fn size(&self) -> Size {
        Size { accounts: 10, tickers: 10, quantity: None, age: self.age() }
    }

    /// The rows: what grows, to what, and the size that comes of it.
    fn rows(&self) -> Vec<(Grown, Size)> {
        let base = self.size();
        let whole = |number: u64| usize::try_from(number).expect("at most 10,000");
        let accounts = |grown| (("accounts", grown), Size { accounts: whole(grown), ..base });
        let shares = |grown| (("shares", grown), Size { quantity: Some(grown), ..base });
        let tickers = |grown| (("tickers", grown), Size { tickers: whole(grown), ..base });
        let history = |grown| (("fills before", grown), Size { age: grown, ..base });
        let ages: &[u64] =
            if self.quick { &[1_000, 2_000] } else { &[10_000, 100_000, 1_000_000, 10_000_000] };
        let kept = if self.quick { 2 } else { 4 };
        let first = |sizes: [u64; 4]| sizes.into_iter().take(kept);
        first([5, 10, 100, 1_000])
            .map(accounts)
            .chain(first([10, 1_000, 100_000, 1_000_000]).map(shares))
            .chain(first([10, 100, 1_000, 10_000]).map(tickers))
            .chain(ages.iter().copied().map(history))
            .collect()
    }

    /// All rows, each with its book.
    fn subjects(&self) -> Result<Vec<Subject<'static, Grown, f64>>> {
        let subject = |(grown, size): (Grown, Size)| {
            interrupt::check()?;
            eprintln!("preparing {} {}", grown.0, grown.1);
            let row = Row::prepare(size)?;
            let clock = Clock::system();
            Ok(Subject::new(grown, move || row.turn(&clock)))
        };
        self.rows().into_iter().map(subject).collect()
    }
}

impl Row {
    fn prepare(size: Size) -> Result<Self> {
        let mut book = Book::new(BookConfig::default());
        let aum = SourceId::new(b"aum").expect("a name");
        let mut outcomes = Outcomes::default();
        apply(&mut book, &Input::Split(split(aum, 1, size.accounts)), &mut outcomes);
        let accepted = matches!(outcomes.list[..], [Outcome::Accepted { .. }]);
        ensure!(accepted, "the split was not accepted: {:?}", outcomes.list);
        let mut row = Self { size, book, fills: Fills::new(7, size.tickers) };
        for seq in 1..=size.age {
            let fill = Input::Fill(row.fill(seq));
            apply(&mut row.book, &fill, &mut outcomes);
        }
        Ok(row)
    }

    fn fill(&self, seq: u64) -> Fill {
        let source = SourceId::new(b"bench").expect("a name");
        let fill = self.fills.fill(source, seq);
        let shares = |shares: u64| Quantity::new(shares.into()).expect("in range");
        Fill { quantity: self.size.quantity.map_or(fill.quantity, shares), ..fill }
    }

    /// Divides [`FILLS`] fills and checks each, then as many against the clock; gives nanoseconds
    /// for one fill.
    fn turn(&self, clock: &Clock) -> Result<f64> {
        let mut book = self.book.clone();
        let mut outcomes = Outcomes::default();
        let checked = self.size.age + 1..=self.size.age + FILLS;
        let timed = checked.end() + 1..=checked.end() + FILLS;
        for seq in checked {
            let fill = self.fill(seq);
            apply(&mut book, &Input::Fill(fill), &mut outcomes);
            let divided: u64 = outcomes.shares.iter().map(|share| share.quantity).sum();
            let allocated = matches!(outcomes.list[..], [Outcome::Allocated(_)]);
            let is_whole = allocated && divided == fill.quantity.get();
            ensure!(is_whole, "fill {seq}: {divided} of {} divided", fill.quantity.get());
        }
        let inputs: Vec<_> = timed.map(|seq| Input::Fill(self.fill(seq))).collect();
        let begun = clock.now();
        for input in &inputs {
            apply(&mut book, input, &mut outcomes);
        }
        let span = nanoseconds(clock.now() - begun);
        let booked = matches!(outcomes.list[..], [Outcome::Allocated(_)]);
        ensure!(booked, "the last fill was not divided: {:?}", outcomes.list);
        Ok(span as f64 / FILLS as f64)
    }
}

fn apply(book: &mut Book, input: &Input, outcomes: &mut Outcomes) {
    outcomes.clear();
    let mut progress = book.apply(input, outcomes);
    while progress == Step::Pending {
        progress = book.resume(outcomes);
    }
}

fn costs(series: &[Series<Grown, f64>]) -> Vec<Cost> {
    let median = |one: &Series<_, f64>| Bound::AtMost(None).median(&one.turns).unwrap_or_default();
    let first = |dimension| series.iter().find(|one| one.name.0 == dimension);
    let cost = |one: &Series<Grown, f64>| {
        let (dimension, grown) = one.name;
        let fill_ns = median(one);
        let ratio = fill_ns / first(dimension).map_or(f64::NAN, median);
        Cost { dimension, grown, fill_ns, ratio, turns_ns: one.turns.clone() }
    };
    series.iter().map(cost).collect()
}

/// Fits the line by least squares of the relative errors.
fn line(costs: &[Cost]) -> Result<Line> {
    let points: Vec<_> = costs
        .iter()
        .filter(|cost| cost.dimension == "accounts")
        .map(|cost| (cost.grown as f64, cost.fill_ns))
        .collect();
    let sum = |of: fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(*x, *y)).sum::<f64>();
    let (one, x, xx) =
        (sum(|_, y| 1.0 / (y * y)), sum(|x, y| x / (y * y)), sum(|x, y| x * x / (y * y)));
    let (y, xy) = (sum(|_, y| 1.0 / y), sum(|x, y| x / y));
    let account_ns = (one * xy - x * y) / (one * xx - x * x);
    let fixed_ns = (y - account_ns * x) / one;
    let off = |(x, y): &(f64, f64)| ((fixed_ns + account_ns * x - y) / y).abs();
    let off_max = points.iter().map(off).max_by(f64::total_cmp).context("no accounts")?;
    Ok(Line { fixed_ns, account_ns, off_max })
}

fn page(results: &Results) -> String {
    let row = |cost: &Cost| {
        vec![
            cost.dimension.to_owned(),
            cost.grown.to_string(),
            format!("{:.1}", cost.fill_ns),
            format!("{:.2} x", cost.ratio),
        ]
    };
    let head = ["what grows", "to", "ns a fill", "by the first"];
    let table = grid::lay_out(&head, results.rows.iter().map(row).collect(), &[0]);
    let Line { fixed_ns, account_ns, off_max } = results.line;
    let memory = results.book_bytes.map_or_else(
        || "unknown".to_owned(),
        |bytes| format!("{:.1} MiB resident", bytes as f64 / f64::from(1 << 20)),
    );
    format!(
        "\n{table}\n\naccounts: {fixed_ns:.1} ns and {account_ns:.2} ns an account, no row further \
         off than {:.0} %\na book of 10 accounts and 10 tickers, with its history: {memory}",
        off_max * 100.0
    )
}

/// Resident bytes of this process.
pub(crate) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(dimension: &'static str, grown: u64, fill_ns: f64) -> Cost {
        Cost { dimension, grown, fill_ns, ratio: 1.0, turns_ns: Vec::new() }
    }

    #[test]
    fn a_straight_line_is_found_and_what_lies_off_it_is_said() {
        let at = |grown: u64| cost("accounts", grown, 50.0 + 5.0 * grown as f64);
        let straight = [at(5), at(100), cost("tickers", 10, 9_999.0), at(1_000)];
        let found = line(&straight).unwrap();
        assert!((found.fixed_ns - 50.0).abs() < 1e-6 && (found.account_ns - 5.0).abs() < 1e-9);
        assert!(found.off_max < 1e-9, "{found:?}");
        let bent = [at(5), at(100), cost("accounts", 1_000, 50_000.0)];
        assert!(0.1 < line(&bent).unwrap().off_max);
    }

    #[test]
    fn every_dimension_grows_from_the_same_size() {
        let args = GrowthArgs { turns: 1, quick: true, out: None };
        let experiment = Experiment::begin("growth", args.turns, None);
        let series = experiment.run(Order::Random, args.subjects().unwrap()).unwrap();
        let costs = costs(&series);
        let dimensions: Vec<_> = costs.iter().map(|cost| cost.dimension).collect();
        let pairs = ["accounts", "shares", "tickers", "fills before"].map(|name| [name; 2]);
        assert_eq!(dimensions, pairs.concat());
        assert!(costs.iter().all(|cost| 0.0 < cost.fill_ns));
        assert!(costs.iter().step_by(2).all(|cost| (cost.ratio - 1.0).abs() < f64::EPSILON));
    }

    #[test]
    fn what_is_in_memory_is_known() {
        assert!(1 << 20 < resident().unwrap());
    }
}
