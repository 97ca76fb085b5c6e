//! The page of a mesh, as it is printed: what was not measured is not on it.

use super::rate::Rates;
use super::{Measured, Results, Row, Splits};
use crate::{grid, span};

/// All tables.
pub(super) fn of_results(results: &Results) -> String {
    let parts = [delays(results), rates(results), splits(results), crashes(results), idle(results)];
    parts.into_iter().flatten().map(|part| format!("\n{part}\n")).collect()
}

/// The middle one.
fn middle(figures: impl Iterator<Item = u64>) -> u64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn middle_of(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn delays(results: &Results) -> Option<String> {
    let row = |row: &Row| {
        let (best, is_mesh) = (row.best, row.peers != 0);
        let middle = |of: fn(&Measured) -> u64| span::show(middle(row.turns.iter().map(of)));
        vec![
            if is_mesh { format!("{} peers", row.peers) } else { "PUB to SUB".to_owned() },
            span::show(best.p50_ns),
            span::show(best.p99_ns),
            span::show(best.p999_ns),
            middle(|turn| turn.p50_ns),
            middle(|turn| turn.p99_ns),
            middle(|turn| turn.p999_ns),
            if is_mesh { middle(|turn| turn.join_ns) } else { String::new() },
            if is_mesh { format!("{} KiB", best.peer_bytes >> 10) } else { String::new() },
        ]
    };
    if results.rows.is_empty() {
        return None;
    }
    let head = [
        "",
        "p50",
        "p99",
        "p99.9",
        "p50 of turns",
        "p99 of turns",
        "p99.9 of turns",
        "one more joins",
        "a peer",
    ];
    let table = grid::lay_out(&head, results.rows.iter().map(row).collect(), &[]);
    Some(format!(
        "trade in to visible at the last peer, best turn and middle of the turns\n\n{table}\n\n\
         two peers over a bare hop, p50, middle of the turns: {:.2} x",
        middle_of(results.ratios.clone())
    ))
}

fn rates(results: &Results) -> Option<String> {
    let rates = &results.rates;
    if rates.is_empty() {
        return None;
    }
    Some(format!(
        "trades of one owner a second, middle of the turns: {} with every version seen, {} with 99 \
         in 100",
        middle(rates.iter().map(Rates::last_whole)),
        middle(rates.iter().map(|rates| rates.last(100))),
    ))
}

fn splits(results: &Results) -> Option<String> {
    let mut rows = Vec::new();
    for Splits { crossing, sizes } in &results.splits {
        for split in sizes {
            let healed = || split.turns.iter().map(|turn| turn.healed_ns);
            rows.push(vec![
                format!("{} peers, {crossing:?}", split.peers).to_lowercase(),
                span::show(middle(split.turns.iter().map(|turn| turn.apart_ns))),
                middle(split.turns.iter().map(|turn| turn.trades)).to_string(),
                span::show(middle(healed())),
                span::show(healed().max().unwrap_or_default()),
            ]);
        }
    }
    let is_measured = !rows.is_empty();
    let head = ["", "apart", "trades meanwhile", "equal after", "slowest turn"];
    let table = grid::lay_out(&head, rows, &[0]);
    let title = "two halves that were apart, what crossed held or refused, until all views are \
                 equal, middle of the turns";
    is_measured.then(|| format!("{title}\n\n{table}"))
}

fn crashes(results: &Results) -> Option<String> {
    let rows = results.crashes.iter().map(|crash| {
        let kills = || crash.turns.iter().flatten();
        vec![
            format!("{} peers", crash.peers),
            kills().count().to_string(),
            span::show(middle(kills().map(|back| back.started_ns))),
            span::show(middle(kills().map(|back| back.equal_ns))),
            span::show(kills().map(|back| back.equal_ns).max().unwrap_or_default()),
        ]
    });
    let head = ["", "kills", "takes trades after", "all equal after", "slowest"];
    let table = grid::lay_out(&head, rows.collect(), &[]);
    let title = "a process killed under load, from its new start on, middle of all kills";
    (!results.crashes.is_empty()).then(|| format!("{title}\n\n{table}"))
}

fn idle(results: &Results) -> Option<String> {
    let rows = results.idle.iter().map(|idle| {
        let cpu = middle_of(idle.turns.iter().map(|turn| turn.cpu).collect());
        let bytes = middle(idle.turns.iter().map(|turn| turn.resident_bytes));
        vec![format!("{} peers", idle.peers), format!("{cpu:.3}"), format!("{} KiB", bytes >> 10)]
    });
    let head = ["", "processor seconds a second", "a process"];
    let table = grid::lay_out(&head, rows.collect(), &[]);
    let title = "processes that do nothing, middle of the turns";
    (!results.idle.is_empty()).then(|| format!("{title}\n\n{table}"))
}
