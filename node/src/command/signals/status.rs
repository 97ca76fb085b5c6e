//! `allot signals status`: how every component is.

use std::process::ExitCode;
use std::time::Duration;

use allot_domain::Seq;
use allot_runtime::{WallClock, duration};
use allot_signals_rules::{ComponentReport, Period, Problem, TraderProblem, Unix, Value};
use allot_signals_service::{Reply, ReplyBody, RequestBody, Status};
use allot_wire::Encoding;
use anyhow::{Result, bail};
use clap::Args;
use comfy_table::{ContentLineStyle, LineStyle, Table, TableStyle};

use super::client::Client;
use crate::address::{Address, parse_other};
use crate::stdout::print;

/// Show how the trader, its strategies and their generators are
///
/// Each component has its last data, how old they are, its state, and what is wrong with it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot signals status --trader 1010
  allot signals status --trader 1010 --check || mail -s 'no median' desk
  allot signals status --trader tcp://trader:1010 --json")]
pub(super) struct StatusPage {
    /// Where the trader is: a port of this machine, HOST:PORT, tcp:// or ipc://
    #[arg(long, value_name = "ADDR", value_parser = parse_other)]
    trader: Address,
    /// How long to wait for the trader
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
    /// Print the trader's reply as one JSON object
    #[arg(long)]
    json: bool,
    /// End with status 1 while anything is wrong, for a script
    #[arg(long)]
    check: bool,
}

/// No frame: a line under the header, and space between the columns.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// Asks and prints.
pub(super) fn run(page: &StatusPage) -> Result<ExitCode> {
    let mut client = Client::connect(&page.trader.0, page.timeout)?;
    let status = status(&mut client)?;
    let is_refused = page.check && !status.state.is_ok();
    if page.json {
        let (seq, time) = (Seq::new(1), status.state.time);
        let body = ReplyBody::Status(Box::new(status));
        let mut out = Vec::new();
        let reply = Reply { source: "ops".to_owned(), seq, time, sent: time, body };
        reply.encode(Encoding::Json, &mut out);
        print(&String::from_utf8_lossy(&out))?;
    } else {
        let now = Unix::new(WallClock::system().now().as_unix());
        print(&text(&status, now))?;
    }
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// All pages of the status as one.
fn status(client: &mut Client) -> Result<Status> {
    let mut whole: Option<Status> = None;
    loop {
        let strategies = whole.as_ref().map_or(&[][..], |whole| &whole.strategies);
        let after = strategies.last().map(|strategy| strategy.name);
        let page = match client.ask(RequestBody::Status(after))? {
            ReplyBody::Status(page) => *page,
            ReplyBody::Rejected { reason, .. } => bail!("{reason}"),
            other => bail!("an unexpected reply: {other:?}"),
        };
        let is_last = !page.more || page.strategies.is_empty();
        match &mut whole {
            Some(whole) => {
                whole.strategies.extend(page.strategies);
                whole.more = page.more;
            }
            None => whole = Some(page),
        }
        if is_last && let Some(whole) = whole.take() {
            return Ok(whole);
        }
    }
}

/// The status as a page.
fn text(status: &Status, now: Unix) -> String {
    let state = &status.state;
    let how = if state.is_ok() { "ok" } else { "error" };
    let median = match &status.median {
        Some(median) => format!("median {} of period {}", median.value, median.period),
        None => "no median yet".to_owned(),
    };
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(["component", "kind", "period", "value", "age", "state", "reason"]);
    for strategy in &status.strategies {
        let name = strategy.name.to_string();
        let problem = strategy.problem.as_ref();
        table.add_row(row([&name, "strategy"], strategy.last, problem, status, now));
        for ComponentReport { name, address, last, problem } in &strategy.generators {
            let name = match name.as_str() {
                "" => format!("  {address}"),
                name if is_of_two(status, name) => format!("  {name} ({address})"),
                name => format!("  {name}"),
            };
            table.add_row(row([&name, "generator"], *last, problem.as_ref(), status, now));
        }
    }
    let is_listed = |problem: &&TraderProblem| {
        let is_it = |name: &str| problem.component == name;
        problem.strategy.is_some()
            || status.strategies.iter().any(|strategy| is_it(strategy.name.as_str()))
    };
    for problem in state.problems.iter().filter(|problem| !is_listed(problem)) {
        let names = [problem.component.as_str(), ""];
        table.add_row(row(names, None, Some(&problem.problem), status, now));
    }
    format!("trader {how} · period {} · {median}\n\n{table}", state.period)
}

/// Whether generators at two addresses have this name: only the addresses tell them apart.
fn is_of_two(status: &Status, name: &str) -> bool {
    let generators = status.strategies.iter().flat_map(|strategy| &strategy.generators);
    let mut addresses = generators.filter(|one| one.name == name).map(|one| &one.address);
    addresses.next().is_some_and(|first| addresses.any(|other| first != other))
}

fn row(
    [name, kind]: [&str; 2],
    last: Option<(Period, Value)>,
    problem: Option<&Problem>,
    status: &Status,
    now: Unix,
) -> [String; 7] {
    let (period, value) = last
        .map_or_else(Default::default, |(period, value)| (period.to_string(), value.to_string()));
    let length = status.state.length;
    // Data are as old as the period that they are of.
    let age = last.map_or_else(String::new, |(period, _)| {
        let start =
            u64::try_from(length.as_nanos()).unwrap_or(u64::MAX).saturating_mul(period.get());
        duration::show(Duration::from_secs((now - Unix::new(start)).as_secs()))
    });
    let (state, reason) = problem.map_or_else(
        || ("ok".to_owned(), String::new()),
        |problem| {
            let since = duration::show(Duration::from_secs((now - problem.since).as_secs()));
            (problem.kind.to_string(), format!("{} (for {since})", problem.reason))
        },
    );
    [name.to_owned(), kind.to_owned(), period, value, age, state, reason]
}

#[cfg(test)]
mod tests {
    use allot_domain::Incarnation;
    use allot_signals_rules::ComponentName;
    use allot_signals_service::{StrategyStatus, TraderState};

    use super::*;

    #[test]
    fn two_generators_of_one_name_are_told_apart_by_their_addresses() {
        let generator = |name: &str, address: &str| ComponentReport {
            name: name.to_owned(),
            address: address.to_owned(),
            last: None,
            problem: None,
        };
        let strategy = StrategyStatus {
            name: ComponentName::new(b"Y").unwrap(),
            instance: Incarnation::new(1),
            since: Unix::new(0),
            heard: None,
            last: None,
            problem: None,
            generators: vec![generator("G", "a:1"), generator("G", "b:2"), generator("H", "c:3")],
        };
        let minute = Duration::from_mins(1);
        let state = TraderState::new(Unix::new(0), Period::new(0), minute, Vec::new());
        let status = Status { state, median: None, strategies: vec![strategy], more: false };
        let text = text(&status, Unix::new(0));
        assert!(text.contains("  G (a:1) ") && text.contains("  G (b:2) "), "{text}");
        assert!(text.contains("  H ") && !text.contains("c:3"), "{text}");
    }
}
