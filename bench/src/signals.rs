//! Signals: how soon after a period begins its median is out, how soon a dead strategy is noticed,
//! and whether memory is flat.
//!
//! ```text
//!   generators ◄─► strategies (real agents, here) ◄─► trader ══► subscriber
//!   processes      threads, each with its sockets     process    looks at the clock
//! ```
//!
//! Time begins where a period does, by the wall clock of this machine, which all parts share. The
//! Python original sleeps a second after it has asked a generator, one generator after the other,
//! so that no decision takes less than a second a generator; the page states the ratio.

mod crowd;
mod detection;
mod periods;
mod published;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::estimate::START;
use crate::experiment::{Experiment, Order, Series, Subject};
use crate::grid;
use crate::span;
use detection::Detection;
use periods::{Memory, PERIODS};
use published::{Delays, Size};

/// How signals are measured.
#[derive(Args)]
pub(crate) struct SignalArgs {
    /// Rounds; every row is measured once per round
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Medians of a row in a round
    #[arg(long, value_name = "COUNT", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(2..=10_000))]
    medians: u32,
    /// Few strategies, few periods: a check that it works
    #[arg(long)]
    quick: bool,
    /// Binary with `signals trader` and `signals generator` [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    allot: Option<PathBuf>,
    /// Directory for signals.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What has a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Published(Size),
    Detected(Detection),
}

/// What a turn measures.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Measured {
    Published(Delays),
    Detected(u64),
}

/// Period tick to median published, of one size.
#[derive(Debug, Serialize)]
struct Published {
    #[serde(flatten)]
    size: Size,
    /// What the original needs at least, by the median of the best turn.
    ratio: f64,
    best: Delays,
    turns: Vec<Delays>,
}

/// A strategy that dies, and when the trader says so.
#[derive(Debug, Serialize)]
struct Detected {
    #[serde(flatten)]
    detection: Detection,
    turns_ns: Vec<u64>,
}

#[derive(Serialize)]
struct Results {
    published: Vec<Published>,
    detected: Vec<Detected>,
    memory: Memory,
}

/// The Python original: a second for every generator of a strategy.
const ORIGINAL_A_GENERATOR: Duration = Duration::from_secs(1);

/// Measures everything.
///
/// # Errors
/// When a part does not start, a median is wrong or missing, or nothing comes for too long.
pub(crate) fn measure(args: &SignalArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("signals", args.turns, args.out.as_ref());
    // First, while this process is small.
    let memory = periods::measure(if args.quick { &PERIODS[..1] } else { &PERIODS })?;
    let subjects = args.names().into_iter().map(|name| args.subject(name)).collect();
    let series = experiment.run(Order::Random, subjects)?;
    let results = results(&series, memory);
    ensure!(!results.published.is_empty(), "nothing was measured");
    experiment.finish(&page(&results), &results, false)
}

impl SignalArgs {
    fn names(&self) -> Vec<Name> {
        let at = |strategies, generators, jitter_ms| {
            Name::Published(Size { strategies, generators, jitter_ms })
        };
        if self.quick {
            let lease_ms = 1_000;
            return vec![at(3, 2, 0), Name::Detected(Detection { lease_ms })];
        }
        let mut names = Vec::new();
        for jitter_ms in [0, published::JITTER_DEFAULT_MS] {
            names.extend([1, 10, 100, 1_000].map(|strategies| at(strategies, 1, jitter_ms)));
        }
        names.push(at(10, 10, 0));
        names.extend([1_000, 10_000].map(|lease_ms| Name::Detected(Detection { lease_ms })));
        names
    }

    fn subject(&self, name: Name) -> Subject<'_, Name, Measured> {
        let allot = self.allot.as_deref();
        Subject::new(name, move || {
            let measured = match name {
                Name::Published(size) => size.measure(allot, self.medians).map(Measured::Published),
                Name::Detected(detection) => detection.measure(allot).map(Measured::Detected),
            };
            measured.with_context(|| format!("{name:?}"))
        })
        .lasting(match name {
            Name::Published(size) => size.estimate(self.medians),
            Name::Detected(detection) => START + Duration::from_millis(2 * detection.lease_ms),
        })
    }
}

fn results(series: &[Series<Name, Measured>], memory: Memory) -> Results {
    let (mut published, mut detected) = (Vec::new(), Vec::new());
    for one in series {
        match one.name {
            Name::Published(size) => {
                let turns = one.turns.iter().filter_map(Measured::delays).cloned();
                published.extend(Published::of(size, turns.collect()));
            }
            Name::Detected(detection) => {
                let turns_ns = one.turns.iter().filter_map(Measured::detected).collect();
                detected.push(Detected { detection, turns_ns });
            }
        }
    }
    Results { published, detected, memory }
}

impl Measured {
    const fn delays(&self) -> Option<&Delays> {
        match self {
            Self::Published(delays) => Some(delays),
            Self::Detected(_) => None,
        }
    }

    const fn detected(&self) -> Option<u64> {
        match self {
            Self::Published(_) => None,
            Self::Detected(span) => Some(*span),
        }
    }
}

impl Published {
    /// The best turn is the one with the smallest median: others may use the machine meanwhile.
    fn of(size: Size, turns: Vec<Delays>) -> Option<Self> {
        let best = turns.iter().min_by_key(|delays| delays.p50_ns)?.clone();
        let original = ORIGINAL_A_GENERATOR.as_nanos() as f64 * size.generators as f64;
        let ratio = original / best.p50_ns as f64;
        Some(Self { size, ratio, best, turns })
    }
}

fn page(results: &Results) -> String {
    let row = |row: &Published| {
        let middle = |of: fn(&Delays) -> u64| middle(row.turns.iter().map(of).collect());
        vec![
            row.size.strategies.to_string(),
            row.size.generators.to_string(),
            format!("{} ms", row.size.jitter_ms),
            span::show(row.best.p50_ns),
            span::show(row.best.p99_ns),
            span::show(middle(|delays| delays.p50_ns)),
            span::show(middle(|delays| delays.p99_ns)),
            format!("{:.0} x", row.ratio),
        ]
    };
    let head = [
        "strategies",
        "generators",
        "jitter",
        "p50",
        "p99",
        "p50 of turns",
        "p99 of turns",
        "original by p50",
    ];
    let published = grid::lay_out(&head, results.published.iter().map(row).collect(), &[]);
    let row = |row: &Detected| {
        let (least, most) = (row.turns_ns.iter().min(), row.turns_ns.iter().max());
        let show = |span: Option<&u64>| span::show(span.copied().unwrap_or_default());
        let lease = format!("{} ms", row.detection.lease_ms);
        vec![lease, show(least), span::show(middle(row.turns_ns.clone())), show(most)]
    };
    let head = ["lease", "first", "middle", "last"];
    let detected = grid::lay_out(&head, results.detected.iter().map(row).collect(), &[]);
    format!(
        "\nperiod tick to median published, best turn and middle of the turns\n\n{published}\n\n\
         a strategy is killed, and the trader publishes that it is away\n\n{detected}\n\n{}",
        results.memory.page()
    )
}

/// The middle one, or the higher of the middle two.
fn middle(mut turns: Vec<u64>) -> u64 {
    turns.sort_unstable();
    turns.get(turns.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_turn_counts_and_the_original_is_by_its_median() {
        let delays = |p50_ns| Delays { p50_ns, p99_ns: 2 * p50_ns, count: 30 };
        let size = Size { strategies: 10, generators: 2, jitter_ms: 0 };
        let turns = vec![delays(4_000_000), delays(2_000_000), delays(3_000_000)];
        let row = Published::of(size, turns).unwrap();
        assert_eq!(row.best, delays(2_000_000));
        assert!((row.ratio - 1_000.0).abs() < 1e-9);
        assert_eq!(middle(vec![9, 1, 5]), 5);
        assert!(Published::of(size, Vec::new()).is_none());
    }

    #[test]
    fn rows_are_of_all_sizes_with_and_without_jitter() {
        let args = SignalArgs { turns: 1, medians: 2, quick: false, allot: None, out: None };
        let names = args.names();
        let with = |jitter_ms| {
            let is_it = |name: &&Name| {
                matches!(name, Name::Published(size)
                if size.jitter_ms == jitter_ms && size.generators == 1)
            };
            names.iter().filter(is_it).count()
        };
        assert_eq!((with(0), with(published::JITTER_DEFAULT_MS), names.len()), (4, 4, 11));
    }
}
