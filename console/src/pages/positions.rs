//! Positions: accounts by tickers, found, sorted and cut into pages here.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::sync::Arc;

use allot_allocation_service::Report;
use allot_runtime::Clock;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::uri::InvalidUri;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use crate::ConsoleError;
use crate::app::{App, Systems};
use crate::board::Board;
use crate::frame::{Frame, notice, page};
use crate::guard::{Person, see_other};
use crate::limits::{COLUMNS_PER_PAGE, ROWS_PER_PAGE};
use crate::page_form::query_told;
use crate::picture::{Account, Picture};
use crate::role::Role;
use crate::text;

/// From this drift on an account is marked, in hundredths of a percent of its target.
const DRIFT_MARKED: u128 = 100;

/// What a person looks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    /// A part of the account's id.
    account: String,
    /// Parts of tickers, with spaces between.
    ticker: String,
    show: Show,
    sort: String,
    down: u8,
    /// Pages of rows and of columns, from 0.
    row: usize,
    column: usize,
}

/// Which accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Show {
    #[default]
    All,
    Open,
    Closed,
    Warned,
}

impl Show {
    const ALL: [(Self, &str, &str); 4] = [
        (Self::All, "all", "All accounts"),
        (Self::Open, "open", "Open"),
        (Self::Closed, "closed", "Closed"),
        (Self::Warned, "warned", "With a warning"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(show, ..)| *show == self).map_or("all", |(_, name, _)| name)
    }
}

/// The page.
#[derive(Template)]
#[template(path = "positions.html")]
struct PositionsPage {
    frame: Frame,
    search: Search,
    shows: Vec<(&'static str, &'static str, bool)>,
    heads: Vec<Head>,
    rows: Vec<Row>,
    total: Option<String>,
    found: String,
    accounts: String,
    rows_from: usize,
    rows_to: usize,
    before: Option<String>,
    after: Option<String>,
    columns: String,
    columns_before: Option<String>,
    columns_after: Option<String>,
    has_picture: bool,
    /// Whether nothing can be divided yet, and how many fills wait for the first split.
    is_before_splits: bool,
    held: String,
}

/// The head of a column.
struct Head {
    title: String,
    link: String,
    /// For assistive technology: `ascending`, `descending`, or nothing.
    sorted: &'static str,
    is_number: bool,
}

/// An account.
struct Row {
    id: String,
    state: &'static str,
    weight: String,
    value: String,
    target: String,
    deviation: String,
    sign: &'static str,
    drift: String,
    drift_sign: &'static str,
    warnings: Vec<String>,
    /// Of each column: the shares, and the value for whoever points at them.
    cells: Vec<(String, String)>,
}

/// The positions of one report, for those who measure how long a page takes.
pub struct PositionsPreview {
    board: Board,
    picture: Picture,
}

impl PositionsPreview {
    /// The positions of a report.
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self { board: Board::new(Clock::system()), picture: Picture::of(report) }
    }

    /// The page that a viewer gets at this address, such as `/?sort=value&down=1`.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn page(&self, address: &str) -> Result<String, ConsoleError> {
        let fail = |why: String| ConsoleError(format!("cannot read {address}: {why}"));
        let address: Uri = address.parse().map_err(|error: InvalidUri| fail(error.to_string()))?;
        let search = Query::<Search>::try_from_uri(&address);
        let Query(search) = search.map_err(|rejection| fail(rejection.body_text()))?;
        let person = Person { name: None, role: Role::Viewer, accounts: Vec::new(), token: None };
        let frame = Frame::of(&self.board, Systems::default(), Some(&person), "Positions");
        let page = PositionsPage::of(frame, search, Some(&self.picture), &person);
        page.render().map_err(|error| fail(error.to_string()))
    }
}

/// Shows the page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    search: Result<Query<Search>, QueryRejection>,
) -> Response {
    let search = match search {
        Ok(Query(search)) => search,
        Err(rejection) => {
            let status = StatusCode::BAD_REQUEST;
            return notice(&app, Some(&person), status, query_told(&rejection.body_text()));
        }
    };
    if let Some(problem) = search.problem() {
        return notice(&app, Some(&person), StatusCode::BAD_REQUEST, problem);
    }
    if !person.role.sees_all() && person.accounts.is_empty() && app.desk.is_some() {
        return see_other("/desk");
    }
    let frame = Frame::new(&app, Some(&person), "Positions");
    let frame = frame.live(search.link(|_| {}), "sse:report, sse:health");
    let picture = app.board.picture();
    let picture = picture.as_deref();
    page(StatusCode::OK, &PositionsPage::of(frame, search, picture, &person))
}

impl PositionsPage {
    fn of(frame: Frame, search: Search, picture: Option<&Picture>, person: &Person) -> Self {
        let nothing = Picture::default();
        let has_picture = picture.is_some();
        let picture = picture.unwrap_or(&nothing);
        let columns = search.columns(picture, person);
        let found = search.find(picture, &columns, person);
        let row = search.row.min(found.len().saturating_sub(1) / ROWS_PER_PAGE);
        let from = row * ROWS_PER_PAGE;
        let to = found.len().min(from + ROWS_PER_PAGE);
        let column = search.column.min(columns.len().saturating_sub(1) / COLUMNS_PER_PAGE);
        let left = column * COLUMNS_PER_PAGE;
        let right = columns.len().min(left + COLUMNS_PER_PAGE);
        let shown = &columns[left..right];
        let rows = found[from..to].iter().map(|account| Row::of(picture, account, shown));
        let turn = |is_there: bool, turn: fn(&mut Search, usize), to: usize| {
            is_there.then(|| search.link(|search| turn(search, to)))
        };
        Self {
            shows: Show::ALL.map(|(show, name, title)| (name, title, show == search.show)).into(),
            heads: search.heads(picture, shown),
            rows: rows.collect(),
            total: person.role.sees_all().then(|| text::money(picture.total_value)),
            found: text::thousands(found.len() as u128),
            accounts: text::thousands(seen(picture, person).count() as u128),
            rows_from: from + usize::from(!found.is_empty()),
            rows_to: to,
            before: turn(0 < row, |search, to| search.row = to, row.saturating_sub(1)),
            after: turn(to < found.len(), |search, to| search.row = to, row + 1),
            columns: format!(
                "{} to {} of {}",
                left + usize::from(!columns.is_empty()),
                right,
                text::thousands(columns.len() as u128)
            ),
            columns_before: turn(
                0 < column,
                |search, to| search.column = to,
                column.saturating_sub(1),
            ),
            columns_after: turn(right < columns.len(), |search, to| search.column = to, column + 1),
            frame,
            search,
            has_picture,
            is_before_splits: has_picture && picture.accounts.is_empty(),
            held: text::count(picture.held),
        }
    }
}

/// The accounts that a person sees.
fn seen<'a>(picture: &'a Picture, person: &Person) -> impl Iterator<Item = &'a Account> {
    picture.accounts.iter().filter(|account| person.sees(&account.id))
}

/// The columns that are always there: how each is called, and in an address.
const FIXED: [(&str, &str); 7] = [
    ("Account", "account"),
    ("Weight %", "weight"),
    ("Value", "value"),
    ("Target", "target"),
    ("Deviation", "deviation"),
    ("Drift", "drift"),
    ("Warnings", "warnings"),
];

impl Search {
    /// What is wrong with it.
    fn problem(&self) -> Option<String> {
        let is_known = self.sort.is_empty()
            || self.sort.starts_with("ticker:")
            || FIXED.iter().any(|(_, sort)| *sort == self.sort);
        if !is_known {
            let known = FIXED.map(|(_, sort)| sort).join(", ");
            return Some(format!("The page is sorted by {known}, or a ticker, as ticker:AAPL."));
        }
        (1 < self.down).then(|| "down is 0 or 1.".to_owned())
    }

    /// The same page with a change.
    fn link(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut search = self.clone();
        change(&mut search);
        let Self { account, ticker, show, sort, down, row, column } = &search;
        let (account, ticker) = (text::in_query(account), text::in_query(ticker));
        let (show, sort) = (show.name(), text::in_query(sort));
        format!(
            "/?account={account}&ticker={ticker}&show={show}&sort={sort}&down={down}&row={row}\
             &column={column}"
        )
    }

    /// The columns that are looked for. What nobody holds whom the person sees is not there.
    fn columns(&self, picture: &Picture, person: &Person) -> Vec<u32> {
        let own: Option<BTreeSet<u32>> = (!person.role.sees_all()).then(|| {
            let cells = seen(picture, person).flat_map(|account| picture.cells(account));
            cells.map(|cell| cell.ticker).collect()
        });
        let is_seen = |place: u32| own.as_ref().is_none_or(|own| own.contains(&place));
        let wanted: Vec<_> = self.ticker.split_whitespace().map(str::to_uppercase).collect();
        let is_wanted = |name: &str| {
            let name = name.to_uppercase();
            wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
        };
        let places = (0..).zip(&picture.tickers);
        let found = places.filter(|(place, ticker)| is_seen(*place) && is_wanted(ticker.as_str()));
        found.map(|(place, _)| place).collect()
    }

    /// The accounts that are looked for, in their order. Where tickers are looked for, those that
    /// hold none of them are left out.
    fn find<'a>(&self, picture: &'a Picture, columns: &[u32], person: &Person) -> Vec<&'a Account> {
        let part = self.account.trim().to_lowercase();
        let has_ticker = !self.ticker.trim().is_empty();
        let is_found = |account: &&Account| {
            (part.is_empty() || account.id.as_str().to_lowercase().contains(&part))
                && match self.show {
                    Show::All => true,
                    Show::Open => account.weight.is_some(),
                    Show::Closed => account.weight.is_none(),
                    Show::Warned => !warnings(picture, account).is_empty(),
                }
                && (!has_ticker
                    || picture.cells(account).iter().any(|cell| {
                        0 < cell.quantity && columns.binary_search(&cell.ticker).is_ok()
                    }))
        };
        let mut found: Vec<_> = seen(picture, person).filter(is_found).collect();
        self.order(picture, &mut found);
        found
    }

    fn order(&self, picture: &Picture, found: &mut [&Account]) {
        let is_down = self.down != 0;
        let by = |found: &mut [&Account], key: &dyn Fn(&Account) -> i128| {
            if is_down {
                found.sort_by_cached_key(|account| Reverse(key(account)));
            } else {
                found.sort_by_cached_key(|account| key(account));
            }
        };
        match self.sort.as_str() {
            "weight" => by(found, &|a| a.weight.map_or(-1, |weight| weight.nanos().into())),
            "value" => by(found, &|a| a.value.nanos()),
            "target" => by(found, &|a| a.target.map_or(i128::MIN + 1, |target| target.nanos())),
            "deviation" => by(found, &|a| a.deviation.map_or(i128::MIN + 1, |d| d.nanos())),
            "drift" => by(found, &|a| drift(a).unwrap_or(i128::MIN + 1)),
            "warnings" => by(found, &|a| warnings(picture, a).len() as i128),
            sort => {
                let place = sort.strip_prefix("ticker:").and_then(|name| {
                    let found = picture.tickers.binary_search_by(|t| t.as_str().cmp(name)).ok()?;
                    u32::try_from(found).ok()
                });
                // A trader is not told of a ticker that none of these accounts ever held.
                let is_held = |place: &u32| {
                    found.iter().any(|account| picture.cell(account, *place).is_some())
                };
                match place.filter(is_held) {
                    Some(place) => by(found, &|account| {
                        picture.cell(account, place).map_or(-1, |cell| cell.quantity.into())
                    }),
                    None if is_down => found.reverse(),
                    None => {}
                }
            }
        }
    }

    fn heads(&self, picture: &Picture, shown: &[u32]) -> Vec<Head> {
        let fixed = FIXED.map(|(title, sort)| (title.to_owned(), sort.to_owned()));
        let tickers = shown.iter().map(|place| {
            let ticker = picture.tickers[*place as usize].as_str();
            (ticker.to_owned(), format!("ticker:{ticker}"))
        });
        let current = if self.sort.is_empty() { "account" } else { &self.sort };
        let head = |(title, sort): (String, String)| {
            let is_current = sort == current;
            // Numbers are looked for from the largest on.
            let down = if is_current { 1 - self.down.min(1) } else { u8::from(sort != "account") };
            let sorted = match (is_current, self.down) {
                (false, _) => "none",
                (true, 0) => "ascending",
                (true, _) => "descending",
            };
            let is_number = sort != "account" && sort != "warnings";
            let link = self.link(|search| {
                (search.sort, search.down, search.row) = (sort, down, 0);
            });
            Head { title, link, sorted, is_number }
        };
        fixed.into_iter().chain(tickers).map(head).collect()
    }
}

impl Row {
    fn of(picture: &Picture, account: &Account, shown: &[u32]) -> Self {
        let deviation = account.deviation;
        let cell = |place: &u32| match picture.cell(account, *place) {
            Some(cell) => (text::count(cell.quantity), text::money(cell.value)),
            None => (String::new(), String::new()),
        };
        let dash = || "–".to_owned();
        Self {
            id: account.id.to_string(),
            state: if account.weight.is_some() { "open" } else { "closed" },
            weight: account.weight.map_or_else(|| "closed".to_owned(), text::short_weight),
            value: text::money(account.value),
            target: account.target.map_or_else(dash, text::money),
            deviation: deviation.map_or_else(dash, text::signed_money),
            sign: sign(deviation.map_or(0, |deviation| deviation.nanos())),
            drift: drift(account).map_or_else(dash, text::basis_points),
            drift_sign: sign(drift(account).unwrap_or(0)),
            warnings: warnings(picture, account),
            cells: shown.iter().map(cell).collect(),
        }
    }
}

/// For the style sheet: colour goes with a sign, and never alone.
pub(super) fn sign(nanos: i128) -> &'static str {
    match nanos.cmp(&0) {
        Ordering::Less => "less",
        Ordering::Equal => "",
        Ordering::Greater => "more",
    }
}

/// The deviation of an account in hundredths of a percent of its target.
pub(crate) fn drift(account: &Account) -> Option<i128> {
    let target = account.target?.nanos();
    (0 < target).then(|| account.deviation.map(|d| d.nanos() * 10_000 / target)).flatten()
}

/// What a person should know of an account, in words.
pub(crate) fn warnings(picture: &Picture, account: &Account) -> Vec<String> {
    let mut warnings = Vec::new();
    let holds = picture.holds(account);
    match account.weight {
        None if holds => warnings.push("closed, and holds shares".to_owned()),
        Some(weight) if weight.nanos() == 0 && holds => {
            warnings.push("is wound down".to_owned());
        }
        Some(weight) if 0 < weight.nanos() && !holds && 0 < picture.total_value.nanos() => {
            warnings.push("has a weight, and holds nothing".to_owned());
        }
        _ => {}
    }
    let drift = drift(account).unwrap_or(0);
    if DRIFT_MARKED <= drift.unsigned_abs() && holds {
        let side = if drift < 0 { "below" } else { "above" };
        warnings.push(format!("≥ 1 % {side} target"));
    }
    warnings
}
