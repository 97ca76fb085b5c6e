//! The page of the desk.

use super::place::{Ack, Delay};
use super::{Figures, Memory, Pace, Results, Row, Setup, latency, middle};
use crate::experiment::{self, Bound};
use crate::{grid, span};

/// All tables.
pub(super) fn page(results: &Results) -> String {
    format!(
        "\ncommands, middle of the turns; a ratio is to the echo of the same turn and size\n\n{}\n\
         \n\
         refusals, of all commands of all turns\n\n{}\n\n\
         the log, written from the journal of a load\n\n{}\n\n\
         resident memory, middle of the turns\n\n{}",
        loads(results),
        refusals(results),
        logs(results),
        memory(results)
    )
}

fn words(setup: &Setup) -> Vec<String> {
    let Setup { users, skewed, ack, delay, batch } = *setup;
    vec![
        users.to_string(),
        if skewed { "skewed" } else { "uniform" }.to_owned(),
        match ack {
            Ack::Memory => "memory",
            Ack::Journal => "journal",
        }
        .to_owned(),
        match delay {
            Delay::None => "none",
            Delay::Course => "course",
        }
        .to_owned(),
        batch.to_string(),
    ]
}

fn loads(results: &Results) -> String {
    let mut rows: Vec<_> = results
        .echoes
        .iter()
        .map(|row| {
            let words = ["echo", "", "", "", &row.name.batch.to_string()].map(str::to_owned);
            let mut cells = words.to_vec();
            cells.extend(cells_of(&row.turns));
            cells
        })
        .collect();
    rows.extend(results.loads.iter().map(|row| {
        let mut cells = words(&row.name);
        cells.extend(cells_of(&row.turns));
        cells.push(experiment::show(ratio(results, row)));
        cells
    }));
    let head = [
        "users",
        "drawn",
        "ack",
        "quotes",
        "a message",
        "commands/s",
        "p50",
        "p99",
        "p99.9",
        "awaited",
        "mean",
        "fired",
        "reply",
        "refused",
        "of echo",
    ];
    grid::lay_out(&head, rows, &[0, 1, 2, 3])
}

/// The rate by that of the echo of the same turn, the middle one.
fn ratio(results: &Results, row: &Row<Setup, Figures>) -> Option<f64> {
    let echo = results.echoes.iter().find(|echo| echo.name.batch == row.name.batch)?;
    let turns = row.turns.iter().zip(&echo.turns);
    let ratios = turns.map(|(of, by)| of.commands_per_s as f64 / by.commands_per_s as f64);
    Bound::AtLeast(None).median(&ratios.collect::<Vec<_>>())
}

fn cells_of(turns: &[Figures]) -> Vec<String> {
    let of = |figure: fn(&Figures) -> u64| middle(turns.iter().map(figure).collect());
    let at = |figure: fn(&Figures) -> Option<u64>| {
        let found: Option<Vec<_>> = turns.iter().map(figure).collect();
        found.map_or_else(|| "n/a".to_owned(), |found| span::show(middle(found)))
    };
    let sum = |figure: fn(&Figures) -> u64| turns.iter().map(figure).sum::<u64>();
    let commands = sum(|one| one.commands).max(1) as f64;
    let refused = sum(|one| one.refused.values().sum()) as f64;
    vec![
        of(|one| one.commands_per_s).to_string(),
        at(|one| one.p50_ns),
        at(|one| one.p99_ns),
        at(|one| one.p999_ns),
        of(|one| one.awaited).to_string(),
        span::show(of(|one| one.awaited_mean_ns)),
        of(|one| one.fired).to_string(),
        format!("{} B", of(|one| one.reply_bytes_mean)),
        format!("{:.1} %", 100.0 * refused / commands),
    ]
}

fn refusals(results: &Results) -> String {
    let mut counts: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    let figures = || results.loads.iter().flat_map(|row| &row.turns);
    for (code, count) in figures().flat_map(|one| &one.refused) {
        *counts.entry(code).or_default() += count;
    }
    let all = figures().map(|one| one.commands).sum::<u64>().max(1) as f64;
    let rows = counts.into_iter().map(|(code, count)| {
        vec![code.to_owned(), count.to_string(), format!("{:.2} %", 100.0 * count as f64 / all)]
    });
    grid::lay_out(&["code", "commands", "of all"], rows.collect(), &[0])
}

fn logs(results: &Results) -> String {
    let rows = results.logs.iter().map(|row| {
        let rate = |of: fn(&Pace) -> u64| {
            let rates = row.turns.iter().map(|pace| latency::whole(of(pace) as f64 / pace.seconds));
            middle(rates.collect())
        };
        let served = results.loads.iter().find(|load| load.name == row.name);
        let served = served
            .map_or(0, |load| middle(load.turns.iter().map(|turn| turn.commands_per_s).collect()));
        let logged = rate(|pace| pace.commands);
        let mut cells = words(&row.name);
        cells.extend([
            logged.to_string(),
            format!("{} MB/s", rate(|pace| pace.bytes) / 1_000_000),
            format!("{:.2} x", logged as f64 / served.max(1) as f64),
        ]);
        cells
    });
    let head =
        ["users", "drawn", "ack", "quotes", "a message", "commands/s", "XML", "of the server"];
    grid::lay_out(&head, rows.collect(), &[0, 1, 2, 3])
}

fn memory(results: &Results) -> String {
    let rows = results.memory.iter().map(|row| {
        let of = |figure: fn(&Memory) -> u64| middle(row.turns.iter().map(figure).collect());
        let (empty, opened) = (of(|one| one.empty_bytes), of(|one| one.opened_bytes));
        let holding = of(|one| one.holding_bytes);
        let each =
            |bytes: u64| (bytes.saturating_sub(empty) / u64::from(row.name.users)).to_string();
        vec![
            row.name.users.to_string(),
            format!("{} MiB", empty >> 20),
            format!("{} MiB", opened >> 20),
            format!("{} MiB", holding >> 20),
            each(opened),
            each(holding),
        ]
    });
    let head =
        ["users", "empty", "with accounts", "with stocks", "bytes an account", "with its stocks"];
    grid::lay_out(&head, rows.collect(), &[])
}
