//! Fills: the latest outcomes, as they come, found by ticker, source, account and time.

use std::sync::Arc;

use allot_domain::Side;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::fill_log::{FillKind, FillLine};
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::limits::FILLS_PER_PAGE;
use crate::page_form::query_told;
use crate::text;

/// Shares that are named in a line; more are counted.
const SHARES_NAMED: usize = 6;

/// What a person looks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    /// The whole ticker, or its beginning.
    ticker: String,
    /// A part of the source.
    source: String,
    /// The whole account.
    account: String,
    /// Times in UTC.
    since: String,
    until: String,
    page: usize,
}

/// The page.
#[derive(Template)]
#[template(path = "fills.html")]
struct FillsPage {
    frame: Frame,
    search: Search,
    lines: Vec<Line>,
    found: String,
    kept: String,
    count: String,
    fetched: String,
    earlier: String,
    began: String,
    missed: u64,
    gaps: Vec<String>,
    before: Option<String>,
    after: Option<String>,
}

/// An outcome.
struct Line {
    time: String,
    ticker: String,
    number: u64,
    what: &'static str,
    quantity: String,
    price: String,
    source: String,
    id: String,
    /// The fill that it takes back, of a bust.
    of: Option<String>,
    split: String,
    /// The accounts with their shares.
    shares: Vec<(String, String)>,
    more: usize,
}

/// What is looked for, read.
struct Wanted<'a> {
    ticker: &'a str,
    source: &'a str,
    account: &'a str,
    since: u64,
    until: u64,
}

/// Shows the page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    search: Result<Query<Search>, QueryRejection>,
) -> Response {
    let refuse = |status, sentence: String| notice(&app, Some(&person), status, sentence);
    if !person.role.sees_all() {
        let sentence = "A trader sees what their own accounts got, on the pages of these.";
        return refuse(StatusCode::FORBIDDEN, sentence.to_owned());
    }
    let search = match search {
        Ok(Query(search)) => search,
        Err(rejection) => {
            return refuse(StatusCode::BAD_REQUEST, query_told(&rejection.body_text()));
        }
    };
    let wanted = match search.wanted() {
        Ok(wanted) => wanted,
        Err(wrong) => return refuse(StatusCode::BAD_REQUEST, wrong),
    };
    let frame = Frame::new(&app, Some(&person), "Fills");
    let frame = frame.live(search.link(search.page), "sse:fills, sse:health");
    let known = app.board.known();
    let found = known.fills.newest().filter(|line| wanted.is_met_by(line)).count();
    // Beyond the last page is the last page.
    let number = search.page.min(found.saturating_sub(1) / FILLS_PER_PAGE);
    let shown = known.fills.newest().filter(|line| wanted.is_met_by(line));
    let shown = shown.skip(number * FILLS_PER_PAGE).take(FILLS_PER_PAGE);
    let template = FillsPage {
        frame,
        before: (0 < number).then(|| search.link(number - 1)),
        after: ((number + 1) * FILLS_PER_PAGE < found).then(|| search.link(number + 1)),
        lines: shown.map(Line::of).collect(),
        found: text::thousands(found as u128),
        kept: text::thousands(known.fills.kept() as u128),
        count: text::count(known.fills.count()),
        fetched: text::thousands(known.fills.fetched() as u128),
        earlier: known.past.told(known.fills.is_cut()),
        began: text::time_to_seconds(known.began_ns.unwrap_or(app.board.began_ns)),
        missed: known.feed.fills_missed,
        gaps: known.feed.gaps.iter().cloned().collect(),
        search: search.clone(),
    };
    drop(known);
    page(StatusCode::OK, &template)
}

impl Search {
    fn wanted(&self) -> Result<Wanted<'_>, String> {
        let time = |text: &str, none| match text.trim() {
            "" => Ok(none),
            text => text::read_time(text)
                .ok_or_else(|| format!("A time is 2026-11-20T10:00, in UTC; it was {text:?}.")),
        };
        Ok(Wanted {
            ticker: self.ticker.trim(),
            source: self.source.trim(),
            account: self.account.trim(),
            since: time(&self.since, 0)?,
            until: time(&self.until, u64::MAX)?,
        })
    }

    fn link(&self, page: usize) -> String {
        let [ticker, source, account, since, until] =
            [&self.ticker, &self.source, &self.account, &self.since, &self.until]
                .map(|part| text::in_query(part));
        format!(
            "/fills?ticker={ticker}&source={source}&account={account}&since={since}&until={until}\
             &page={page}"
        )
    }
}

impl Wanted<'_> {
    fn is_met_by(&self, line: &FillLine) -> bool {
        let holder = |(account, _): &(allot_domain::AccountId, u64)| {
            account.as_str().eq_ignore_ascii_case(self.account)
        };
        let (ticker, begin) = (line.ticker.as_str().as_bytes(), self.ticker.as_bytes());
        ticker.get(..begin.len()).is_some_and(|of| of.eq_ignore_ascii_case(begin))
            && line.source.contains(self.source)
            && (self.since..=self.until).contains(&line.time_ns)
            && (self.account.is_empty() || line.shares.iter().any(holder))
    }
}

impl Line {
    fn of(line: &FillLine) -> Self {
        let (what, quantity, price, split) = match &line.kind {
            FillKind::Divided { side, price, quantity, split } => {
                let what = if *side == Side::Sell { "sell" } else { "buy" };
                (what, text::count(*quantity), text::price(*price), split.to_string())
            }
            FillKind::Busted { .. } => {
                let all: u128 = line.shares.iter().map(|(_, count)| u128::from(*count)).sum();
                ("bust", text::thousands(all), String::new(), String::new())
            }
        };
        let of = match &line.kind {
            FillKind::Divided { .. } => None,
            FillKind::Busted { of } => Some(of.to_string()),
        };
        let named = line.shares.iter().take(SHARES_NAMED);
        Self {
            time: text::time(line.time_ns),
            ticker: line.ticker.to_string(),
            number: line.number,
            what,
            quantity,
            price,
            source: line.source.clone(),
            id: line.id.to_string(),
            of,
            split,
            shares: named.map(|(id, count)| (id.to_string(), text::count(*count))).collect(),
            more: line.shares.len().saturating_sub(SHARES_NAMED),
        }
    }
}
