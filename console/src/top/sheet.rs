//! A sheet: the rows of a view, found, sorted and cut to what the screen has room for.

use std::cmp::Reverse;
use std::ops::Range;

use allot_domain::Money;

use crate::pages::{drift, warnings};
use crate::picture::{Account, Picture};
use crate::scrape::{CounterLine, Quantiles, ShardFigures, Subscriber};
use crate::text;
use crate::top::command::{Place, View};
use crate::top::snapshot::Snapshot;

/// What accounts are sorted by, in the order of their columns.
pub(crate) const SORTS: &[&str] = &["account", "weight", "value", "target", "deviation", "drift"];

/// The narrowest column of a ticker.
const TICKER_WIDTH: usize = 9;

/// A cell, and whether it is to be noticed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

/// How a cell is to be read. Colour goes with a sign or a word, and never alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    More,
    Less,
    Warned,
}

/// The part of a view that is shown.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// The heads, and whether the column has numbers.
    pub(crate) heads: Vec<(String, bool)>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// How many rows there are beside those that are shown.
    pub(crate) found: usize,
    /// Tickers that are looked for, and the first that is shown.
    pub(crate) tickers: usize,
    pub(crate) ticker: usize,
    /// What stands in place of rows, where there are none.
    pub(crate) nothing: &'static str,
}

/// Which part of a view.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) rows: Range<usize>,
    /// The first ticker, and how many cells of the screen all columns may take.
    pub(crate) ticker: usize,
    pub(crate) width: usize,
    pub(crate) sort: usize,
    pub(crate) is_down: bool,
}

impl Sheet {
    /// The part of a view.
    pub(crate) fn of(snapshot: &Snapshot, place: &Place, cut: &Cut) -> Self {
        match place.view {
            View::Accounts => match &snapshot.picture {
                Some(picture) => accounts(picture, place, cut),
                None => Self { nothing: "There is no report yet.", ..Self::default() },
            },
            View::Shards => {
                let heads = [
                    "Shard",
                    "inputs/s",
                    "rejected/s",
                    "queue",
                    "divide p50",
                    "p99",
                    "fsync p50",
                    "p99",
                    "answer p50",
                    "p99",
                ];
                of_lines(&heads, &snapshot.figures.shards, shard, place, cut)
            }
            View::Subscribers => {
                let subscribers = &snapshot.figures.most_pending;
                of_lines(&["Subscriber", "pending bytes"], subscribers, subscriber, place, cut)
            }
            View::Counters => {
                let heads = ["Counter", "box", "total", "a second"];
                of_lines(&heads, &snapshot.figures.counters, counter, place, cut)
            }
        }
    }
}

fn plain(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone: Tone::Plain }
}

fn of_lines<T>(
    heads: &[&str],
    lines: &[T],
    row: fn(&T) -> Vec<Cell>,
    place: &Place,
    cut: &Cut,
) -> Sheet {
    let wanted = place.filter.to_lowercase();
    let is_found = |row: &Vec<Cell>| {
        wanted.is_empty() || row.iter().any(|cell| cell.text.to_lowercase().contains(&wanted))
    };
    let rows: Vec<_> = lines.iter().map(row).filter(is_found).collect();
    let found = rows.len();
    let names = if place.view == View::Counters { 2 } else { 1 };
    Sheet {
        heads: heads.iter().enumerate().map(|(at, head)| ((*head).into(), names <= at)).collect(),
        rows: rows.into_iter().take(cut.rows.end).skip(cut.rows.start).collect(),
        found,
        nothing: if lines.is_empty() {
            "No metrics: start the server with --metrics HOST:PORT, and give that to allot top."
        } else {
            "Nothing is found."
        },
        ..Sheet::default()
    }
}

fn shard(shard: &ShardFigures) -> Vec<Cell> {
    let rate = |rate: Option<f64>| plain(rate.map_or_else(dash, self::rate));
    let times = |times: Option<Quantiles>| {
        let part = |of: fn(&Quantiles) -> f64| {
            plain(times.as_ref().map_or_else(dash, |times| duration(of(times))))
        };
        [part(|times| times.p50), part(|times| times.p99)]
    };
    let mut row = vec![
        plain(shard.shard.to_string()),
        rate(shard.inputs_per_second),
        rate(shard.rejected_per_second),
        plain(shard.queue.map_or_else(dash, text::count)),
    ];
    let all = [shard.allocate_seconds, shard.fsync_seconds, shard.answer_seconds];
    row.extend(all.into_iter().flat_map(times));
    row
}

fn subscriber(subscriber: &Subscriber) -> Vec<Cell> {
    vec![plain(&subscriber.peer), plain(text::count(subscriber.pending_bytes))]
}

fn counter(counter: &CounterLine) -> Vec<Cell> {
    let per_second = counter.per_second.map_or_else(dash, rate);
    vec![
        plain(&counter.name),
        plain(&counter.of),
        plain(text::count(counter.total)),
        plain(per_second),
    ]
}

fn accounts(picture: &Picture, place: &Place, cut: &Cut) -> Sheet {
    let wanted = place.filter.to_uppercase();
    let is_wanted = |name: &str| name.to_uppercase().contains(&wanted);
    let tickers: Vec<u32> = (0..)
        .zip(&picture.tickers)
        .filter(|(_, ticker)| is_wanted(ticker.as_str()))
        .map(|(at, _)| at)
        .collect();
    let mut found = find(picture, place, &tickers);
    sort(&mut found, cut);
    let count = found.len();
    let shown = &found[cut.rows.start.min(count)..cut.rows.end.min(count)];
    let mut rows: Vec<_> = shown.iter().map(|account| fixed(picture, account)).collect();
    let heads = ["Account", "Weight %", "Value", "Target", "Deviation", "Drift", "Warnings"];
    let mut heads: Vec<_> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| ((*head).to_owned(), (1..6).contains(&at)))
        .collect();
    if let Some((head, _)) = heads.get_mut(cut.sort) {
        head.push_str(if cut.is_down { " ▼" } else { " ▲" });
    }
    let ticker = cut.ticker.min(tickers.len().saturating_sub(1));
    let mut left = cut.width.saturating_sub(width(&heads, &rows));
    for place in &tickers[ticker..] {
        let name = picture.tickers[*place as usize].as_str();
        let quantity = |account: &&&Account| {
            picture.cell(account, *place).map_or(String::new(), |cell| text::count(cell.quantity))
        };
        let cells: Vec<_> = shown.iter().map(|account| quantity(&account)).collect();
        let longest = cells.iter().map(String::len).max().unwrap_or(0);
        let Some(rest) = left.checked_sub(1 + longest.max(name.len()).max(TICKER_WIDTH)) else {
            break;
        };
        left = rest;
        heads.push((name.to_owned(), true));
        rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(plain(cell)));
    }
    Sheet {
        heads,
        rows,
        found: count,
        tickers: tickers.len(),
        ticker,
        nothing: "No account is found.",
    }
}

fn find<'a>(picture: &'a Picture, place: &Place, tickers: &[u32]) -> Vec<&'a Account> {
    let part = place.id.to_lowercase();
    let holds = |account: &Account| {
        let cells = picture.cells(account).iter();
        cells
            .into_iter()
            .any(|cell| 0 < cell.quantity && tickers.binary_search(&cell.ticker).is_ok())
    };
    let is_found = |account: &&Account| {
        account.id.as_str().to_lowercase().contains(&part)
            && (place.filter.is_empty() || holds(account))
    };
    picture.accounts.iter().filter(is_found).collect()
}

fn sort(found: &mut [&Account], cut: &Cut) {
    let money = |money: Option<Money>| money.map_or(i128::MIN + 1, Money::nanos);
    let key = |account: &&Account| match SORTS.get(cut.sort).copied().unwrap_or("account") {
        "weight" => account.weight.map_or(-1, |weight| weight.nanos().into()),
        "value" => account.value.nanos(),
        "target" => money(account.target),
        "deviation" => money(account.deviation),
        "drift" => drift(account).unwrap_or(i128::MIN + 1),
        _ => 0,
    };
    match (cut.sort, cut.is_down) {
        // They come in this order.
        (0, false) => {}
        (0, true) => found.reverse(),
        (_, false) => found.sort_by_cached_key(key),
        (_, true) => found.sort_by_cached_key(|account| Reverse(key(account))),
    }
}

/// The columns that every account has.
fn fixed(picture: &Picture, account: &Account) -> Vec<Cell> {
    let toned = |text: String, nanos: i128| {
        let tone = match nanos {
            0 => Tone::Plain,
            ..0 => Tone::Less,
            _ => Tone::More,
        };
        Cell { text, tone }
    };
    let deviation = account.deviation.map_or_else(dash, text::signed_money);
    let drift = drift(account);
    let warnings = warnings(picture, account).join(", ");
    vec![
        plain(account.id.as_str()),
        plain(account.weight.map_or_else(|| "closed".to_owned(), text::short_weight)),
        plain(text::money(account.value)),
        plain(account.target.map_or_else(dash, text::money)),
        toned(deviation, account.deviation.map_or(0, Money::nanos)),
        toned(drift.map_or_else(dash, text::basis_points), drift.unwrap_or(0)),
        Cell { text: warnings, tone: Tone::Warned },
    ]
}

/// Cells of the screen that columns take, with a space after each.
fn width(heads: &[(String, bool)], rows: &[Vec<Cell>]) -> usize {
    widths(heads, rows).iter().map(|width| width + 1).sum()
}

/// The widest of each column.
pub(crate) fn widths(heads: &[(String, bool)], rows: &[Vec<Cell>]) -> Vec<usize> {
    let of = |at: usize| {
        let cells = rows.iter().filter_map(move |row| row.get(at));
        cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    (0..).zip(heads).map(|(at, (head, _))| of(at).max(head.chars().count())).collect()
}

/// What there is none of.
pub(crate) fn dash() -> String {
    "–".to_owned()
}

/// A rate with as many digits as it needs: `0.25`, `1,234`.
pub(crate) fn rate(rate: f64) -> String {
    if rate < 10.0 && rate.fract() != 0.0 {
        return format!("{rate:.2}");
    }
    let digits = format!("{:.0}", rate.max(0.0));
    digits.parse().map_or(digits, text::thousands)
}

/// Seconds in their unit: `950 ns`, `41 µs`, `3.2 ms`, `1.5 s`.
pub(crate) fn duration(seconds: f64) -> String {
    let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
    match units.iter().find(|(unit, _)| *unit <= seconds) {
        Some((unit, name)) if seconds / unit < 10.0 => format!("{:.1} {name}", seconds / unit),
        Some((unit, name)) => format!("{:.0} {name}", seconds / unit),
        None => format!("{:.0} ns", seconds * 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (value, expected) in [(0.0, "0"), (0.25, "0.25"), (9.0, "9"), (1_234.4, "1,234")] {
            assert_eq!(rate(value), expected);
        }
        for (seconds, expected) in [
            (9.5e-7, "950 ns"),
            (4.1e-6, "4.1 µs"),
            (4.1e-5, "41 µs"),
            (0.0032, "3.2 ms"),
            (1.5, "1.5 s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
