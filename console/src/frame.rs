//! The frame: what stands around every page, and how a page is answered.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::app::{App, Systems};
use crate::board::{Board, Freshness};
use crate::guard::Person;
use crate::role::Role;
use crate::text;

/// What stands around a page.
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    /// The pages of the person, the one that is shown marked.
    pub(crate) links: Vec<NavLink>,
    pub(crate) name: Option<String>,
    pub(crate) role: &'static str,
    pub(crate) can_log_in: bool,
    /// How the page renews itself; none for a page that stays.
    pub(crate) live: Option<Live>,
    /// Whether a part of the page renews itself, as its template says.
    pub(crate) is_live_in_part: bool,
    /// Whether the page is of the positions, so that their status stands above it.
    pub(crate) has_status: bool,
    pub(crate) status: Status,
    pub(crate) version: &'static str,
}

/// A page in the head.
pub(crate) struct NavLink {
    pub(crate) place: &'static str,
    pub(crate) title: &'static str,
    pub(crate) is_shown: bool,
}

/// How a page renews itself.
pub(crate) struct Live {
    /// The page itself, with its filters.
    pub(crate) place: String,
    /// What htmx waits for.
    pub(crate) trigger: &'static str,
    /// The messages of the live stream among that: it gets no others.
    pub(crate) heard: String,
}

/// How the data is, as the page shows it.
pub(crate) struct Status {
    pub(crate) word: &'static str,
    pub(crate) reasons: Vec<String>,
    pub(crate) age: Option<String>,
    /// When the report was made, and from which age on it is stale, in milliseconds.
    pub(crate) made_ms: u64,
    pub(crate) stale_ms: u128,
    /// The clock of the console, so that a browser's own does not matter.
    pub(crate) now_ms: u64,
    pub(crate) report: u64,
    pub(crate) cut: String,
    pub(crate) split: u64,
    pub(crate) ledger: Option<String>,
}

/// Every page: where it is, its title, and who sees it.
const PAGES: &[(&str, &str, IsSeen)] = &[
    ("/", "Positions", |_, _| true),
    ("/fills", "Fills", |_, role| role.sees_all()),
    ("/splits", "Splits", |_, role| role.sees_all()),
    ("/tracking", "Tracking", |_, role| role.sees_all()),
    ("/health", "Health", |_, role| role.sees_all()),
    ("/desk", "Desk", |systems, role| systems.desk && role.may_trade()),
    ("/signals", "Signals", |systems, role| systems.signals && role.sees_all()),
    ("/mesh", "Mesh", |systems, role| systems.mesh && role.sees_all()),
    ("/people", "People", |_, role| role.may_end_sessions()),
];

type IsSeen = fn(Systems, Role) -> bool;

/// Pages that are of another system, whose data have a status of their own.
const OTHERS: [&str; 3] = ["Desk", "Signals", "Mesh"];

/// How often a page asks again that no message of the live stream renews.
const EVERY: &str = "every 2s";

impl Frame {
    /// The frame of a page that stays as it is.
    pub(crate) fn new(app: &App, person: Option<&Person>, title: &'static str) -> Self {
        let frame = Self::of(&app.board, app.places.systems(), person, title);
        // Without a file of users, nobody can.
        Self { can_log_in: frame.can_log_in && app.users.has_file(), ..frame }
    }

    /// The same, of a board alone.
    pub(crate) fn of(
        board: &Board,
        systems: Systems,
        person: Option<&Person>,
        title: &'static str,
    ) -> Self {
        let is_seen = |(.., is_seen): &&(_, _, IsSeen)| {
            person.is_some_and(|person| is_seen(systems, person.role))
        };
        let link = |&(place, name, _): &(&'static str, &'static str, IsSeen)| NavLink {
            place,
            title: name,
            is_shown: name == title,
        };
        let links: Vec<_> = PAGES.iter().filter(is_seen).map(link).collect();
        let has_status = !links.is_empty() && !OTHERS.contains(&title);
        let name = person.and_then(|person| person.name.clone());
        let can_log_in = person.is_some() && name.is_none();
        let role = person.map_or("", |person| person.role.name());
        let (status, version) = (Status::of(board), crate::pages::ASSET_VERSION);
        let (live, is_live_in_part) = (None, false);
        Self {
            title,
            links,
            name,
            role,
            can_log_in,
            live,
            is_live_in_part,
            has_status,
            status,
            version,
        }
    }

    /// The same, renewed by these messages of the live stream.
    pub(crate) fn live(mut self, place: String, trigger: &'static str) -> Self {
        let heard = trigger.split(", ").filter_map(|one| one.strip_prefix("sse:"));
        let heard = heard.collect::<Vec<_>>().join(",");
        self.live = Some(Live { place, trigger, heard });
        self
    }

    /// The same, renewed every two seconds; it hears no message of the live stream.
    pub(crate) fn renewed(self, place: &str) -> Self {
        self.live(place.to_owned(), EVERY)
    }

    /// The same, with a part that renews itself.
    pub(crate) fn in_part(mut self) -> Self {
        self.is_live_in_part = true;
        self
    }
}

impl Status {
    fn of(board: &Board) -> Self {
        let now = board.clock.now();
        let known = board.known();
        let Freshness { state, reasons, age } = known.freshness(now);
        let picture = known.picture.as_ref();
        let millis = |nanos: u64| nanos / 1_000_000;
        let nanos = |age: Duration| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        Self {
            word: state.word(),
            reasons,
            age: age.map(text::span),
            made_ms: age.map_or(0, |age| millis(now.as_unix().saturating_sub(nanos(age)))),
            stale_ms: known.stale_after().as_millis(),
            now_ms: millis(now.as_unix()),
            report: picture.map_or(0, |picture| picture.report.get()),
            cut: text::count(picture.map_or(0, |picture| picture.cut)),
            split: picture.map_or(0, |picture| picture.split.get()),
            ledger: known.feed.ledger.map(|ledger| ledger.to_string()),
        }
    }
}

/// A page with its status.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(body) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(CONTENT_TYPE, html)], body).into_response()
        }
        Err(error) => {
            tracing::error!("a page cannot be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "notice.html")]
struct Notice {
    frame: Frame,
    heading: &'static str,
    sentence: String,
}

/// Such a page.
pub(crate) fn notice(
    app: &Arc<App>,
    person: Option<&Person>,
    status: StatusCode,
    sentence: impl Into<String>,
) -> Response {
    let heading = match status {
        StatusCode::FORBIDDEN => "Not for your role",
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::METHOD_NOT_ALLOWED => "There is no page of this",
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => "This cannot be read",
        _ => "Not now",
    };
    let frame = Frame::new(app, person, heading);
    page(status, &Notice { frame, heading, sentence: sentence.into() })
}
