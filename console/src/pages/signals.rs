//! Signals: how the trader, its strategies and their generators are, with the reasons.

use std::sync::Arc;
use std::time::Duration;

use allot_domain::Unix;
use allot_signals_rules::{Period, Problem, TraderProblem, Value};
use allot_signals_service::{Status, StrategyStatus};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::time::timeout;

use crate::app::App;
use crate::board::sentence_of;
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::limits::STATUS_PATIENCE;
use crate::text;

/// The page.
#[derive(Template)]
#[template(path = "signals.html")]
struct SignalsPage {
    frame: Frame,
    address: String,
    problem: String,
    /// Whether the trader makes medians.
    is_ok: bool,
    period: String,
    length: String,
    median: Option<(String, String)>,
    rows: Vec<Row>,
    has_more: bool,
    hidden_problems: u64,
}

/// A component.
struct Row {
    name: String,
    /// Beside the name, where that is another.
    address: String,
    kind: &'static str,
    period: String,
    value: String,
    age: String,
    state: String,
    is_ok: bool,
    reason: String,
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    let (Some(trader), Some(address)) = (&app.signals, &app.places.signals) else {
        let sentence = "This console was started without signals: allot console --signals says \
                        where their trader is.";
        return notice(&app, Some(&person), StatusCode::NOT_FOUND, sentence);
    };
    if !person.role.sees_all() {
        let sentence = "A trader sees their own accounts.";
        return notice(&app, Some(&person), StatusCode::FORBIDDEN, sentence);
    }
    let status = timeout(STATUS_PATIENCE, trader.status(address)).await;
    let status = status.unwrap_or_else(|_| {
        Err(format!(
            "No reply came from {address}: check that a trader of signals runs there, and that \
             --signals is the address on which it listens."
        ))
    });
    let frame = Frame::new(&app, Some(&person), "Signals").renewed("/signals");
    let now = Unix::new(app.board.clock.now().as_unix());
    page(StatusCode::OK, &SignalsPage::of(frame, address, status, now))
}

impl SignalsPage {
    fn of(frame: Frame, address: &str, status: Result<Status, String>, now: Unix) -> Self {
        let address = address.to_owned();
        let status = match status {
            Ok(status) => status,
            Err(problem) => {
                let (period, length, rows) = (String::new(), String::new(), Vec::new());
                let (is_ok, median, has_more, hidden_problems) = (false, None, false, 0);
                return Self {
                    frame,
                    address,
                    problem,
                    is_ok,
                    period,
                    length,
                    median,
                    rows,
                    has_more,
                    hidden_problems,
                };
            }
        };
        let kept = u64::try_from(status.state.problems.len()).unwrap_or(u64::MAX);
        Self {
            frame,
            address,
            problem: String::new(),
            is_ok: status.state.is_ok(),
            period: status.state.period.to_string(),
            length: text::span(status.state.length),
            median: status
                .median
                .map(|median| (median.value.to_string(), median.period.to_string())),
            rows: rows(&status, now),
            has_more: status.more,
            hidden_problems: status.state.problem_count.saturating_sub(kept),
        }
    }
}

/// Each strategy with its generators, then what else the trader has a problem with.
fn rows(status: &Status, now: Unix) -> Vec<Row> {
    let length = status.state.length;
    let mut rows = Vec::new();
    for strategy in &status.strategies {
        let StrategyStatus { name, last, problem, generators, .. } = strategy;
        rows.push(row(name.to_string(), "strategy", *last, problem.as_ref(), length, now));
        rows.extend(generators.iter().map(|one| {
            let (name, address) = match one.name.as_str() {
                "" => (one.address.clone(), String::new()),
                name => (name.to_owned(), one.address.clone()),
            };
            let of = row(name, "generator", one.last, one.problem.as_ref(), length, now);
            Row { address, ..of }
        }));
    }
    let is_listed = |problem: &&TraderProblem| {
        let name = &problem.component;
        problem.strategy.is_some()
            || status.strategies.iter().any(|strategy| strategy.name.as_str() == name)
    };
    let others = status.state.problems.iter().filter(|problem| !is_listed(problem));
    rows.extend(
        others.map(|one| row(one.component.clone(), "", None, Some(&one.problem), length, now)),
    );
    rows
}

fn row(
    name: String,
    kind: &'static str,
    last: Option<(Period, Value)>,
    problem: Option<&Problem>,
    length: Duration,
    now: Unix,
) -> Row {
    // Data are as old as the period that they are of.
    let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    let age = |period: Period| now - Unix::new(length_ns.saturating_mul(period.get()));
    let since = |problem: &Problem| text::span(now - problem.since);
    Row {
        name,
        address: String::new(),
        kind,
        period: last.map(|(period, _)| period.to_string()).unwrap_or_default(),
        value: last.map(|(_, value)| value.to_string()).unwrap_or_default(),
        age: last.map(|(period, _)| text::span(age(period))).unwrap_or_default(),
        state: problem.map_or_else(|| "ok".to_owned(), |problem| problem.kind.to_string()),
        is_ok: problem.is_none(),
        reason: problem
            .map(|problem| {
                let reason = sentence_of(&problem.reason);
                format!("{reason} For {}.", since(problem))
            })
            .unwrap_or_default(),
    }
}
