//! One split: all its weights, where the list of splits has only the first of them.

use std::sync::Arc;

use allot_allocation_rules::SplitNumber;
use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::text;

/// The page.
#[derive(Template)]
#[template(path = "split.html")]
struct SplitPage {
    frame: Frame,
    number: String,
    since: String,
    sent: String,
    count: String,
    rows: Vec<Row>,
}

/// An account and its weight.
struct Row {
    id: String,
    weight: String,
}

/// Shows the page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    number: Result<Path<u64>, PathRejection>,
) -> Response {
    if !person.role.sees_all() {
        let sentence = "A trader sees their own accounts.";
        return notice(&app, Some(&person), StatusCode::FORBIDDEN, sentence);
    }
    let number = number.ok().map(|Path(number)| SplitNumber::new(number));
    let seen = {
        let known = app.board.known();
        known.splits.seen().find(|seen| Some(seen.number) == number).cloned()
    };
    let Some(seen) = seen else {
        let sentence = "No split of this number is known: the page of splits has those that are.";
        return notice(&app, Some(&person), StatusCode::NOT_FOUND, sentence);
    };
    let rows = seen
        .weights
        .iter()
        .map(|(id, weight)| Row { id: id.to_string(), weight: text::weight(*weight) });
    let template = SplitPage {
        frame: Frame::new(&app, Some(&person), "Splits"),
        number: seen.number.to_string(),
        since: text::time(seen.since_ns),
        sent: seen.sent.map_or_else(String::new, |(source, seq)| format!("{source}/{seq}")),
        count: text::thousands(seen.weights.len() as u128),
        rows: rows.collect(),
    };
    page(StatusCode::OK, &template)
}
