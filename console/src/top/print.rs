//! Printing: a snapshot for scripts, and for people without a terminal.

use serde_json::{Value, json};

use crate::picture::{Account, Picture};
use crate::scrape::Quantiles;
use crate::text;
use crate::top::command::{Place, View};
use crate::top::sheet::{Cell, Cut, Sheet, dash, duration, rate, widths};
use crate::top::snapshot::Snapshot;

/// How a snapshot is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TopFormat {
    /// Lines for people, rounded.
    Text,
    /// One JSON object; money is exact, as decimal text.
    Json,
    /// `scope,name,figure,value`, one figure on each line.
    Csv,
}

/// A sentence of a server is for a line.
const REASON_SIGNS_MAX: usize = 500;

/// The whole snapshot, without a newline at the end.
pub(crate) fn print(snapshot: &Snapshot, format: TopFormat) -> String {
    match format {
        TopFormat::Text => text(snapshot),
        TopFormat::Json => json(snapshot).to_string(),
        TopFormat::Csv => csv(snapshot),
    }
}

/// Figures of the server that stand in all formats under the same names.
fn server(snapshot: &Snapshot) -> Vec<(&'static str, Value)> {
    let picture = snapshot.picture.as_deref();
    let number = |of: fn(&Picture) -> u64| picture.map(of);
    vec![
        ("state", snapshot.freshness.state.word().into()),
        ("age_seconds", snapshot.freshness.age.map(|age| age.as_secs_f64()).into()),
        ("front_connected", snapshot.is_front_connected.into()),
        ("report", number(|picture| picture.report.get()).into()),
        ("cut", number(|picture| picture.cut).into()),
        ("split", number(|picture| picture.split.get()).into()),
        ("fills", number(|picture| picture.fills).into()),
        ("fills_held", number(|picture| picture.held).into()),
        ("fills_per_second", snapshot.fills_per_second.into()),
    ]
}

fn json(snapshot: &Snapshot) -> Value {
    let mut page = json!(snapshot.figures);
    let picture = snapshot.picture.as_deref();
    let account = |picture: &Picture, account: &Account| {
        let position = |cell: &crate::picture::Cell| {
            json!({
                "ticker": picture.tickers[cell.ticker as usize].as_str(),
                "quantity": cell.quantity,
                "value": cell.value.to_string(),
            })
        };
        let positions: Vec<_> = picture.cells(account).iter().map(position).collect();
        json!({
            "id": account.id.as_str(),
            "weight": account.weight.map(text::weight),
            "value": account.value.to_string(),
            "target": account.target.map(|target| target.to_string()),
            "deviation": account.deviation.map(|deviation| deviation.to_string()),
            "positions": positions,
        })
    };
    let accounts = picture.map(|picture| {
        picture.accounts.iter().map(|one| account(picture, one)).collect::<Vec<_>>()
    });
    let ledger = picture.and_then(|picture| picture.ledger).map(|ledger| ledger.to_string());
    let more = [
        ("reasons", json!(snapshot.freshness.reasons)),
        ("ledger", ledger.into()),
        ("accounts", accounts.unwrap_or_default().into()),
    ];
    for (name, value) in server(snapshot).into_iter().chain(more) {
        page[name] = value;
    }
    page
}

fn csv(snapshot: &Snapshot) -> String {
    let mut lines = vec!["scope,name,figure,value".to_owned()];
    let mut add = |scope: &str, name: &str, figure: &str, value: &Value| {
        let value = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        // No name has a comma: not an id, not an address, not a figure.
        lines.push(format!("{scope},{name},{figure},{value}"));
    };
    let page = json(snapshot);
    for (figure, value) in server(snapshot) {
        add("server", "", figure, &value);
    }
    for figure in ["inputs_per_second", "queue", "subscribers", "pending_bytes", "drops"] {
        add("server", "", figure, &page[figure]);
    }
    for figure in ["answer", "fsync"] {
        add_times(&mut add, "server", "", figure, &page);
    }
    for shard in page["shards"].as_array().into_iter().flatten() {
        let name = shard["shard"].to_string();
        for figure in ["inputs_per_second", "rejected_per_second", "queue"] {
            add("shard", &name, figure, &shard[figure]);
        }
        for figure in ["allocate", "fsync", "answer"] {
            add_times(&mut add, "shard", &name, figure, shard);
        }
    }
    for subscriber in &snapshot.figures.most_pending {
        add("subscriber", &subscriber.peer, "pending_bytes", &subscriber.pending_bytes.into());
    }
    for account in page["accounts"].as_array().into_iter().flatten() {
        let id = account["id"].as_str().unwrap_or_default();
        for figure in ["weight", "value", "target", "deviation"] {
            add("account", id, figure, &account[figure]);
        }
        for position in account["positions"].as_array().into_iter().flatten() {
            let ticker = position["ticker"].as_str().unwrap_or_default();
            add("account", id, &format!("quantity {ticker}"), &position["quantity"]);
        }
    }
    lines.join("\n")
}

fn add_times(
    add: &mut impl FnMut(&str, &str, &str, &Value),
    scope: &str,
    name: &str,
    figure: &str,
    of: &Value,
) {
    let times = &of[format!("{figure}_seconds")];
    for part in ["p50", "p99"] {
        add(scope, name, &format!("{figure}_seconds_{part}"), &times[part]);
    }
}

fn text(snapshot: &Snapshot) -> String {
    let figures = &snapshot.figures;
    let times = |times: Option<Quantiles>| {
        times
            .map_or_else(dash, |times| format!("{} / {}", duration(times.p50), duration(times.p99)))
    };
    let count = |count: Option<u64>| count.map_or_else(dash, text::count);
    let mut lines = vec![format!(
        "{} · age {} · report {}",
        snapshot.freshness.state.word(),
        snapshot.freshness.age.map_or_else(dash, text::span),
        snapshot.report()
    )];
    let reasons = snapshot.freshness.reasons.iter().chain(&figures.problems);
    lines.extend(reasons.map(|reason| text::plain(reason, REASON_SIGNS_MAX)));
    lines.push(format!(
        "fills/s {} · inputs/s {} · answer p50/p99 {} · queue {} · fsync p50/p99 {}",
        snapshot.fills_per_second.map_or_else(dash, rate),
        figures.inputs_per_second.map_or_else(dash, rate),
        times(figures.answer_seconds),
        count(figures.queue),
        times(figures.fsync_seconds)
    ));
    lines.push(format!(
        "subscribers {} · pending {} B · drops {}",
        count(figures.subscribers),
        count(figures.pending_bytes),
        count(figures.drops)
    ));
    for view in [View::Shards, View::Subscribers, View::Accounts] {
        let place = Place { view, ..Place::default() };
        // The tickers are left out: `allot positions --once` has them all.
        let cut = Cut { rows: 0..usize::MAX, ticker: 0, width: 0, sort: 0, is_down: false };
        let sheet = Sheet::of(snapshot, &place, &cut);
        if !sheet.rows.is_empty() {
            lines.push(String::new());
            lines.extend(laid_out(&sheet));
        }
    }
    lines.join("\n")
}

/// A sheet as lines.
fn laid_out(sheet: &Sheet) -> Vec<String> {
    let widths = widths(&sheet.heads, &sheet.rows);
    let line = |cells: Vec<&str>| {
        let cells = cells.into_iter().zip(&widths).zip(&sheet.heads);
        let cells = cells.map(|((cell, width), (_, is_number))| {
            if *is_number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let heads = line(sheet.heads.iter().map(|(head, _)| head.as_str()).collect());
    let text = |row: &Vec<Cell>| line(row.iter().map(|cell| cell.text.as_str()).collect());
    [heads].into_iter().chain(sheet.rows.iter().map(text)).collect()
}
