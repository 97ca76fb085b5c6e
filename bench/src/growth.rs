//! Growth: what a fill costs in the book as accounts, shares, tickers and history grow.
//!
//! ```text
//!   prepare: a book of each size, so many fills old
//!   turn:    every row once, in random order:  copy the book ─► fills, checked ─► fills, timed
//! ```
//!
//! The book is what a shard does with a fill but for reading the message and writing the answer:
//! it looks up the source and the ticker, divides, books, and keeps the answer. The copy brings
//! each turn back to the same state; the fills before the timed ones warm the caches again.

use crate::environment::Environment;
use crate::fills::{Fills, split};
use crate::span::nanoseconds;
use crate::{grid, print, stamp};
use allot_domain::{
    Book, BookConfig, Fill, Input, Machine, Outcome, Outcomes, Quantity, SourceId, Step, limits,
};
use allot_runtime::Clock;
use anyhow::{Context, Result, ensure};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Fills that are timed together, after as many that are checked.
const FILLS: u64 = 4_096;

/// How old a book is where age is not what grows: its history has turned.
const AGE: u64 = 70_000;

/// The same where it is only to be seen that everything works.
const AGE_QUICK: u64 = 1_000;

const _: () = assert!(limits::HISTORY_DEFAULT < 70_000);

/// How growth is measured.
pub(crate) struct GrowthPlan {
    /// Rounds, in each of which every row has its turn.
    pub(crate) turns: u32,
    /// Small sizes only.
    pub(crate) quick: bool,
    /// Where the JSON goes.
    pub(crate) out: Option<PathBuf>,
}

/// What is divided, and how old the book is.
#[derive(Clone, Copy, Debug)]
struct Size {
    accounts: usize,
    tickers: usize,
    /// Shares of each fill; none: 1 to 1,000.
    quantity: Option<u64>,
    age: u64,
}

/// One row: a size, its book, and what its turns have cost.
struct Row {
    dimension: &'static str,
    grown: u64,
    size: Size,
    book: Book,
    fills: Fills,
    costs_ns: Vec<f64>,
}

/// A row as it is kept.
#[derive(Clone, Debug, Serialize)]
struct Cost {
    dimension: &'static str,
    grown: u64,
    /// The median of the turns, for one fill.
    fill_ns: f64,
    /// To the first row of its dimension.
    ratio: f64,
    turns_ns: Vec<f64>,
}

/// A straight line through the costs of accounts.
#[derive(Clone, Copy, Debug, Serialize)]
struct Line {
    fixed_ns: f64,
    account_ns: f64,
    /// The furthest that a row lies from it, as a part of its cost.
    off_max: f64,
}

#[derive(Serialize)]
struct Kept {
    schema: u32,
    kind: &'static str,
    started: String,
    environment: BTreeMap<String, String>,
    fills_timed: u64,
    book_bytes: Option<u64>,
    line: Line,
    rows: Vec<Cost>,
}

/// Measures all dimensions.
///
/// # Errors
/// When a fill is divided wrongly, or results cannot be written.
pub(crate) fn measure(plan: &GrowthPlan) -> Result<ExitCode> {
    let started = stamp::utc(Clock::system().now());
    let environment = Environment::look();
    let before = resident();
    let first = Row::prepare("history", plan.age(), plan.size())?;
    let book_bytes = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    drop(first);
    let mut rows = plan.rows()?;
    let (mut random, clock) = (StdRng::seed_from_u64(7), Clock::system());
    let mut order: Vec<_> = (0..rows.len()).collect();
    for turn in 1..=plan.turns {
        eprintln!("turn {turn} of {}", plan.turns);
        order.shuffle(&mut random);
        order.iter().try_for_each(|place| rows[*place].turn(&clock))?;
    }
    let costs = costs(&rows);
    let line = line(&costs)?;
    let environment = environment.complete();
    for (name, value) in &environment {
        print(&format!("  {name:<20} {value}"))?;
    }
    print(&page(&costs, line, book_bytes))?;
    if let Some(folder) = &plan.out {
        let (schema, kind, fills_timed) = (crate::run::SCHEMA, "growth", FILLS);
        let rows = costs;
        let kept = Kept { schema, kind, started, environment, fills_timed, book_bytes, line, rows };
        fs::create_dir_all(folder)?;
        fs::write(folder.join("growth.json"), serde_json::to_string_pretty(&kept)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl GrowthPlan {
    const fn age(&self) -> u64 {
        if self.quick { AGE_QUICK } else { AGE }
    }

    /// The size that all dimensions grow from.
    const fn size(&self) -> Size {
        Size { accounts: 10, tickers: 10, quantity: None, age: self.age() }
    }

    /// All rows, prepared. Of a quick run the first two of each dimension.
    fn rows(&self) -> Result<Vec<Row>> {
        let base = self.size();
        let whole = |number: u64| usize::try_from(number).expect("at most 10,000");
        let accounts = [5, 10, 100, 1_000]
            .map(|grown| ("accounts", grown, Size { accounts: whole(grown), ..base }));
        let shares = [10, 1_000, 100_000, 1_000_000]
            .map(|grown| ("shares", grown, Size { quantity: Some(grown), ..base }));
        let tickers = [10, 100, 1_000, 10_000]
            .map(|grown| ("tickers", grown, Size { tickers: whole(grown), ..base }));
        let history = [10_000, 100_000, 1_000_000, 10_000_000]
            .map(|grown| ("fills before", grown, Size { age: grown, ..base }));
        let kept = if self.quick { 2 } else { 4 };
        let ages = if self.quick { [1_000, 2_000, 0, 0] } else { history.map(|(_, age, _)| age) };
        let history = history
            .into_iter()
            .zip(ages)
            .map(|((name, _, size), age)| (name, age, Size { age, ..size }));
        let dimensions = [accounts, shares, tickers].map(|rows| rows.into_iter().take(kept));
        let sizes = dimensions.into_iter().flatten().chain(history.take(kept));
        sizes.map(|(dimension, grown, size)| Row::prepare(dimension, grown, size)).collect()
    }
}

impl Row {
    fn prepare(dimension: &'static str, grown: u64, size: Size) -> Result<Self> {
        eprintln!("preparing {dimension} {grown}");
        let mut book = Book::new(BookConfig::default());
        let (aum, mut outcomes) = (SourceId::new(b"aum").expect("a name"), Outcomes::default());
        apply(&mut book, &Input::Split(split(aum, 1, size.accounts)), &mut outcomes);
        let accepted = matches!(outcomes.list[..], [Outcome::Accepted { .. }]);
        ensure!(accepted, "the split was not accepted: {:?}", outcomes.list);
        let fills = Fills::new(7, size.tickers);
        let mut row = Self { dimension, grown, size, book, fills, costs_ns: Vec::new() };
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

    /// Divides so many fills and checks each, then as many against the clock.
    fn turn(&mut self, clock: &Clock) -> Result<()> {
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
        self.costs_ns.push(span as f64 / FILLS as f64);
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut sorted = self.costs_ns.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

fn apply(book: &mut Book, input: &Input, outcomes: &mut Outcomes) {
    outcomes.clear();
    let mut progress = book.apply(input, outcomes);
    while progress == Step::Pending {
        progress = book.resume(outcomes);
    }
}

fn costs(rows: &[Row]) -> Vec<Cost> {
    let first = |dimension| {
        rows.iter().find(|row| row.dimension == dimension).map_or(f64::NAN, Row::median)
    };
    let cost = |row: &Row| Cost {
        dimension: row.dimension,
        grown: row.grown,
        fill_ns: row.median(),
        ratio: row.median() / first(row.dimension),
        turns_ns: row.costs_ns.clone(),
    };
    rows.iter().map(cost).collect()
}

/// The line that is off by least, as parts of the costs: weighted least squares, as in any book of
/// statistics.
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

fn page(costs: &[Cost], line: Line, book_bytes: Option<u64>) -> String {
    let row = |cost: &Cost| {
        vec![
            cost.dimension.to_owned(),
            cost.grown.to_string(),
            format!("{:.1}", cost.fill_ns),
            format!("{:.2} x", cost.ratio),
        ]
    };
    let head = ["what grows", "to", "ns a fill", "by the first"];
    let table = grid::lay_out(&head, costs.iter().map(row).collect(), &[0]);
    let Line { fixed_ns, account_ns, off_max } = line;
    let memory = book_bytes.map_or_else(
        || "unknown".to_owned(),
        |bytes| format!("{:.1} MiB resident", bytes as f64 / f64::from(1 << 20)),
    );
    format!(
        "\n{table}\n\naccounts: {fixed_ns:.1} ns and {account_ns:.2} ns an account, no row further \
         off than {:.0} %\na book of 10 accounts and 10 tickers, with its history: {memory}",
        off_max * 100.0
    )
}

/// Bytes of this process that are in memory.
fn resident() -> Option<u64> {
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
        let plan = GrowthPlan { turns: 1, quick: true, out: None };
        let mut rows = plan.rows().unwrap();
        let clock = Clock::system();
        rows.iter_mut().try_for_each(|row| row.turn(&clock)).unwrap();
        let costs = costs(&rows);
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
