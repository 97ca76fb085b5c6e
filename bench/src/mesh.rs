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
//! until its peer sees fewer versions than were made.

mod crowd;
mod hop;
mod pace;
mod place;
mod rate;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::experiment::{Experiment, Order, Series, Subject};
use crate::grid;
use crate::span;
use rate::Rates;

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
    /// Few peers, few trades: a check that it works
    #[arg(long)]
    quick: bool,
    /// Directory for mesh.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What has a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Hop,
    Peers(usize),
    Rate,
}

/// What a turn of it gave.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Outcome {
    Delays(Measured),
    Rates(Rates),
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
}

/// Measures everything.
///
/// # Errors
/// When a peer does not start, or nothing comes for too long.
pub(crate) fn measure(args: &MeshArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("mesh", args.turns, args.out.as_ref());
    let sizes: &[usize] = if args.quick { &[2, 4] } else { &[2, 8, 32, 64] };
    let peers = sizes.iter().map(|peers| Name::Peers(*peers));
    let subjects = [Name::Hop, Name::Rate].into_iter().chain(peers).map(|name| {
        Subject::new(name, move || {
            let measured = match name {
                Name::Hop => hop::measure(args.trades).map(Outcome::Delays),
                Name::Peers(peers) => crowd::measure(peers, args.trades).map(Outcome::Delays),
                Name::Rate => rate::measure(args.quick).map(Outcome::Rates),
            };
            measured.with_context(|| format!("{name:?}"))
        })
    });
    let series = experiment.run(Order::Random, subjects.collect())?;
    let results = results(&series);
    experiment.finish(&page(&results), &results, false)
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
    Results { rows: rows.collect(), ratios, rates }
}

/// The middle one.
fn middle(figures: impl Iterator<Item = u64>) -> u64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn page(results: &Results) -> String {
    let row = |row: &Row| {
        let (best, is_mesh) = (row.best, row.peers != 0);
        let middle = |of: fn(&Measured) -> u64| middle(row.turns.iter().map(of));
        vec![
            if is_mesh { format!("{} peers", row.peers) } else { "PUB to SUB".to_owned() },
            span::show(best.p50_ns),
            span::show(best.p99_ns),
            span::show(best.p999_ns),
            span::show(middle(|turn| turn.p50_ns)),
            span::show(middle(|turn| turn.p99_ns)),
            if is_mesh { span::show(middle(|turn| turn.join_ns)) } else { String::new() },
            if is_mesh { format!("{} KiB", best.peer_bytes >> 10) } else { String::new() },
        ]
    };
    let head =
        ["", "p50", "p99", "p99.9", "p50 of turns", "p99 of turns", "one more joins", "a peer"];
    let table = grid::lay_out(&head, results.rows.iter().map(row).collect(), &[]);
    let mut ratios = results.ratios.clone();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    format!(
        "\ntrade in to visible at the last peer, best turn and middle of the turns\n\n{table}\n\n\
         two peers over a bare hop, p50, middle of the turns: {ratio:.2} x\n\
         trades of one owner a second, middle of the turns: {} with every version seen, {} with 99 \
         in 100",
        middle(results.rates.iter().map(Rates::last_whole)),
        middle(results.rates.iter().map(|rates| rates.last(100))),
    )
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
        assert!(page(&results).contains("2 peers"));
    }
}
