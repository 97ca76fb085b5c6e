//! Mesh: from a trade to the last peer that shows it, for meshes of several sizes, beside a bare
//! hop of ZeroMQ from PUB to SUB.
//!
//! ```text
//!   trade ─► peer 0 ══ links over TCP ══► peers 1 … N    each on a thread of its own, in here
//!                                             └─► the last one that has the row ends the round
//! ```
//!
//! Nothing is on disk, as there is nothing in the bare hop. One trade is on its way at a time: this
//! is how long a mesh takes. How much it carries is asked apart: one owner trades at rising rates,
//! until its peer sees fewer versions than were made. So is how a mesh comes together after it was
//! split, in here too, and with processes of their own: how a peer that was killed comes back, and
//! what a mesh takes that does nothing.

mod ask;
mod crash;
mod crowd;
mod gate;
mod hop;
mod idle;
mod pace;
mod page;
mod place;
mod rate;
mod split;
mod strategy;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::estimate::START;
use crate::experiment::{Experiment, Order, Series, Subject};
use crash::Back;
use gate::Passing;
use idle::Rest;
use rate::Rates;
use split::Healed;

/// How a mesh is measured.
#[derive(Args)]
pub(crate) struct MeshArgs {
    /// Rounds; every row is measured once per round
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Trades of a row in a round
    #[arg(long, value_name = "COUNT", default_value_t = 2_000,
          value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    trades: u32,
    /// Processes that are killed in a round, one after the other; all of a mesh that has fewer
    #[arg(long, value_name = "COUNT", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    kills: u32,
    /// Measure this alone; may be repeated
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Vec<What>,
    /// Few peers, few trades: a check that it works
    #[arg(long)]
    quick: bool,
    /// Directory for mesh.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What there is to measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum What {
    /// From a trade to the last peer, beside the bare hop, and one more peer that joins
    Delays,
    /// Trades of one owner at rising rates
    Rates,
    /// Two halves that were apart, until they are equal
    Splits,
    /// A process that is killed and started again, until all are equal
    Crashes,
    /// Processor time and memory of processes that do nothing
    Idle,
}

/// What has a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Hop,
    Peers(usize),
    Rate,
    Split(usize, Passing),
    Crash(usize),
    Idle(usize),
}

/// What a turn of it gave.
#[derive(Clone, PartialEq, Debug)]
enum Outcome {
    Delays(Measured),
    Rates(Rates),
    Split(Healed),
    Crash(Vec<Back>),
    Idle(Rest),
}

/// What a turn measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Measured {
    p50_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    trades: u64,
    /// Of a mesh: how long one more peer needs until it shows every row.
    join_ns: u64,
    /// Of a mesh: what a peer takes, with its thread and that of its sockets.
    peer_bytes: u64,
}

#[derive(Serialize)]
struct Row {
    /// Zero is the bare hop.
    peers: usize,
    best: Measured,
    turns: Vec<Measured>,
}

#[derive(Serialize)]
struct Results {
    rows: Vec<Row>,
    /// The median of two peers over that of the bare hop, by turns.
    ratios: Vec<f64>,
    /// Of two peers, by turns: trades of one owner at rising rates.
    rates: Vec<Rates>,
    /// Meshes that were split, by sizes and turns.
    splits: Vec<Splits>,
    /// Processes that were killed, by sizes and turns.
    crashes: Vec<Turns<Vec<Back>>>,
    /// Processes that do nothing, by sizes and turns.
    idle: Vec<Turns<Rest>>,
}

#[derive(Serialize)]
struct Splits {
    /// What became of what crossed between the halves.
    crossing: Passing,
    sizes: Vec<Turns<Healed>>,
}

#[derive(Serialize)]
struct Turns<T> {
    peers: usize,
    turns: Vec<T>,
}

/// Measures everything.
///
/// # Errors
/// When a peer does not start, or nothing comes for too long.
pub(crate) fn measure(args: &MeshArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("mesh", args.turns, args.out.as_ref());
    let subjects = names(args).into_iter().map(|name| {
        Subject::new(name, move || name.measure(args).with_context(|| format!("{name:?}")))
            .lasting(name.estimate(args))
    });
    let series = experiment.run(Order::Random, subjects.collect())?;
    let results = results(&series);
    experiment.finish(&page::of_results(&results), &results, false)
}

/// What has its turn.
fn names(args: &MeshArgs) -> Vec<Name> {
    let is_wanted = |what| args.only.is_empty() || args.only.contains(&what);
    let sizes = |few: &[usize], all: &[usize]| if args.quick { few.to_vec() } else { all.to_vec() };
    let mut names = Vec::new();
    if is_wanted(What::Delays) {
        names.push(Name::Hop);
        names.extend(sizes(&[2, 4], &[2, 8, 32, 64]).into_iter().map(Name::Peers));
    }
    if is_wanted(What::Rates) {
        names.push(Name::Rate);
    }
    if is_wanted(What::Splits) {
        for peers in sizes(&[4], &[2, 8, 32]) {
            names.extend([Passing::Held, Passing::Refused].map(|way| Name::Split(peers, way)));
        }
    }
    // These have processes, which take their time to start.
    if args.quick && args.only.is_empty() {
        return names;
    }
    if is_wanted(What::Crashes) {
        names.extend(sizes(&[2], &[2, 8, 32, 64]).into_iter().map(Name::Crash));
    }
    if is_wanted(What::Idle) {
        names.extend(sizes(&[2], &[8, 64]).into_iter().map(Name::Idle));
    }
    names
}

impl Name {
    /// How long it takes, by what kept runs took.
    fn estimate(self, args: &MeshArgs) -> Duration {
        let count = |peers: usize| u32::try_from(peers).unwrap_or(u32::MAX);
        let trades = |peers: usize| Duration::from_micros(50) * count(peers) * args.trades;
        START
            + match self {
                Self::Hop => trades(1),
                Self::Peers(peers) => trades(peers),
                Self::Rate => rate::estimate(args.quick),
                Self::Split(..) => 2 * split::apart(args.quick),
                Self::Crash(peers) => 3 * crash::AWAY * args.kills.min(count(peers)),
                Self::Idle(_) => idle::SETTLE + idle::SPAN,
            }
    }

    fn measure(self, args: &MeshArgs) -> Result<Outcome> {
        match self {
            Self::Hop => hop::measure(args.trades).map(Outcome::Delays),
            Self::Peers(peers) => crowd::measure(peers, args.trades).map(Outcome::Delays),
            Self::Rate => rate::measure(args.quick).map(Outcome::Rates),
            Self::Split(peers, way) => split::measure(peers, way, args.quick).map(Outcome::Split),
            Self::Crash(peers) => {
                let kills = usize::try_from(args.kills).expect("at most 64");
                crash::measure(peers, kills).map(Outcome::Crash)
            }
            Self::Idle(peers) => idle::measure(peers).map(Outcome::Idle),
        }
    }
}

impl Measured {
    fn of(delays: &Histogram<u64>) -> Self {
        Self {
            p50_ns: delays.value_at_quantile(0.5),
            p99_ns: delays.value_at_quantile(0.99),
            p999_ns: delays.value_at_quantile(0.999),
            trades: delays.len(),
            join_ns: 0,
            peer_bytes: 0,
        }
    }
}

impl Outcome {
    fn delays(&self) -> Option<Measured> {
        if let Self::Delays(measured) = self { Some(*measured) } else { None }
    }

    fn rates(&self) -> Option<&Rates> {
        if let Self::Rates(rates) = self { Some(rates) } else { None }
    }
}

/// The turns of one kind, by sizes.
fn turns<T>(
    series: &[Series<Name, Outcome>],
    size: impl Fn(Name) -> Option<usize>,
    of: impl Fn(&Outcome) -> Option<T>,
) -> Vec<Turns<T>> {
    let sized = series.iter().filter_map(|one| Some((size(one.name)?, one)));
    sized
        .map(|(peers, one)| Turns { peers, turns: one.turns.iter().filter_map(&of).collect() })
        .collect()
}

fn results(series: &[Series<Name, Outcome>]) -> Results {
    let delays = |one: &Series<Name, Outcome>| -> Vec<Measured> {
        let delays = one.turns.iter().filter_map(Outcome::delays);
        delays.collect()
    };
    let find = |name| series.iter().find(|one| one.name == name).map(delays).unwrap_or_default();
    let (hop, two) = (find(Name::Hop), find(Name::Peers(2)));
    let pairs = hop.iter().zip(&two);
    let ratios = pairs.map(|(hop, two)| two.p50_ns as f64 / hop.p50_ns as f64).collect();
    let rows = series.iter().filter_map(|one| {
        let turns = delays(one);
        let best = *turns.iter().min_by_key(|turn| turn.p50_ns)?;
        let peers = if let Name::Peers(peers) = one.name { peers } else { 0 };
        Some(Row { peers, best, turns })
    });
    let outcomes = series.iter().flat_map(|one| &one.turns);
    let rates = outcomes.filter_map(Outcome::rates).cloned().collect();
    let splits = [Passing::Held, Passing::Refused].map(|way| {
        let size = |name| match name {
            Name::Split(peers, passing) if passing == way => Some(peers),
            _ => None,
        };
        let of = |outcome: &Outcome| {
            if let Outcome::Split(healed) = outcome { Some(*healed) } else { None }
        };
        Splits { crossing: way, sizes: turns(series, size, of) }
    });
    let crashes = turns(
        series,
        |name| if let Name::Crash(peers) = name { Some(peers) } else { None },
        |outcome| if let Outcome::Crash(backs) = outcome { Some(backs.clone()) } else { None },
    );
    let idle = turns(
        series,
        |name| if let Name::Idle(peers) = name { Some(peers) } else { None },
        |outcome| if let Outcome::Idle(rest) = outcome { Some(*rest) } else { None },
    );
    Results { rows: rows.collect(), ratios, rates, splits: splits.into(), crashes, idle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_the_same_turn_and_the_best_turn_has_the_smallest_median() {
        let turn = |p50_ns| Measured {
            p50_ns,
            p99_ns: 0,
            p999_ns: 0,
            trades: 1,
            join_ns: 0,
            peer_bytes: 0,
        };
        let series = |name, turns: [u64; 2]| Series {
            name,
            turns: turns.map(turn).map(Outcome::Delays).to_vec(),
        };
        let all = [series(Name::Hop, [10, 20]), series(Name::Peers(2), [15, 20])];
        let results = results(&all);
        assert_eq!(results.ratios, [1.5, 1.0]);
        assert_eq!(results.rows[1].best.p50_ns, 15);
        assert!(page::of_results(&results).contains("2 peers"));
    }
}
