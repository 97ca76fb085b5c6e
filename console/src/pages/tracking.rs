//! Tracking: how far accounts are from their targets, over time and now, in all and of each.

use std::cmp::Reverse;
use std::sync::Arc;

use allot_allocation_rules::SplitNumber;
use allot_domain::decimal::nanos_text;
use allot_domain::{AccountId, Money};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::board::{Known, Point};
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::page_form::query_told;
use crate::pages::positions::{drift, sign};
use crate::picture::Picture;
use crate::text;
use crate::tracking_log::{AccountPoint, TimedPoint, TrackingLog};

/// The drawing, in its own units.
const WIDTH: i128 = 960;
const HEIGHT: i128 = 140;

/// Points that are drawn: more cannot be told apart.
const POINTS_DRAWN: usize = 480;

/// Rows of the tables.
const ROWS: usize = 20;

/// The page.
#[derive(Template)]
#[template(path = "tracking.html")]
struct TrackingPage {
    frame: Frame,
    /// The account that is looked at, if one is.
    account: String,
    /// No report has it.
    is_unknown: bool,
    now: Option<Now>,
    own: Option<Own>,
    charts: Vec<Chart>,
    worst: Vec<Worst>,
}

/// The newest point.
struct Now {
    worst: String,
    deviation: String,
    avoidable: String,
    unavoidable: String,
}

/// The newest figures of the account that is looked at, in the currency.
struct Own {
    deviation: String,
    avoidable: String,
    unavoidable: String,
    /// Whether it is known what is avoidable.
    is_known: bool,
}

/// What is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    /// One account; all where it is empty.
    account: String,
}

/// A value at one time.
#[derive(Clone, Copy)]
struct Dot {
    time_ns: u64,
    split: SplitNumber,
    value: Money,
}

/// A drawing of one value over time, and where splits changed.
struct Chart {
    title: &'static str,
    width: i128,
    height: i128,
    line: String,
    splits: Vec<(i128, String)>,
    /// The same as numbers with spaces between, for a script that draws: seconds, and prices.
    times: String,
    values: String,
    split_times: String,
    top: String,
    from: String,
    to: String,
}

/// An account that is far from its target.
struct Worst {
    id: String,
    value: String,
    target: String,
    deviation: String,
    sign: &'static str,
    drift: String,
    avoidable: String,
    unavoidable: String,
}

/// Shows the page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    person: Person,
    search: Result<Query<Search>, QueryRejection>,
) -> Response {
    let refuse = |status, sentence: String| notice(&app, Some(&person), status, sentence);
    if !person.role.sees_all() {
        return refuse(StatusCode::FORBIDDEN, "A trader sees their own accounts.".to_owned());
    }
    let account = match search {
        Ok(Query(search)) => search.account.trim().to_owned(),
        Err(rejection) => {
            return refuse(StatusCode::BAD_REQUEST, query_told(&rejection.body_text()));
        }
    };
    let id = match AccountId::new(account.as_bytes()) {
        Ok(id) => Some(id),
        Err(_) if account.is_empty() => None,
        Err(_) => {
            return refuse(StatusCode::NOT_FOUND, "This is no name of an account.".to_owned());
        }
    };
    let picture = app.board.picture();
    let is_known = |id| picture.as_ref().is_none_or(|picture| picture.account(&id).is_some());
    if id.is_some_and(|id| !is_known(id)) {
        let sentence = "The ledger has never named this account.";
        return refuse(StatusCode::NOT_FOUND, sentence.to_owned());
    }
    let place = format!("/tracking?account={}", text::in_query(&account));
    let frame = Frame::new(&app, Some(&person), "Tracking");
    let frame = frame.live(place, "sse:report, sse:health");
    let known = app.board.known();
    let template = TrackingPage {
        frame,
        now: known.points.back().map(now),
        own: id.as_ref().and_then(|id| known.tracking.newest(id)).map(own),
        charts: match &id {
            Some(id) => charts_of_account(&known.tracking.of(id)),
            None => charts_of_firm(&known),
        },
        worst: known.picture.as_ref().map(|all| worst(all, &known.tracking)).unwrap_or_default(),
        is_unknown: id.as_ref().is_some_and(|id| {
            let is_it = |picture: &Arc<Picture>| picture.account(id).is_none();
            known.picture.as_ref().is_some_and(is_it)
        }),
        account,
    };
    drop(known);
    page(StatusCode::OK, &template)
}

/// Each has its own scale: a change of split dwarfs what the allocator can avoid.
fn charts_of_firm(known: &Known) -> Vec<Chart> {
    let dots = |of: fn(&Point) -> Money| -> Vec<_> {
        let dot =
            |point: &Point| Dot { time_ns: point.time_ns, split: point.split, value: of(point) };
        known.points.iter().map(dot).collect()
    };
    let charts = [
        chart("Deviation", &dots(|point| point.deviation)),
        chart("Avoidable", &dots(|point| point.avoidable)),
        chart("Unavoidable", &dots(|point| point.unavoidable)),
    ];
    charts.into_iter().flatten().collect()
}

/// The same of one account; what is not known is left out.
fn charts_of_account(points: &[TimedPoint]) -> Vec<Chart> {
    let dots = |of: fn(AccountPoint) -> Option<Money>| -> Vec<_> {
        let dot = |point: &TimedPoint| {
            let value = of(point.of)?;
            Some(Dot { time_ns: point.time_ns, split: point.split, value })
        };
        points.iter().filter_map(dot).collect()
    };
    let charts = [
        chart("Deviation", &dots(|point| Some(point.deviation))),
        chart("Avoidable", &dots(AccountPoint::avoidable)),
        chart("Unavoidable", &dots(|point| point.unavoidable)),
    ];
    charts.into_iter().flatten().collect()
}

fn own(point: AccountPoint) -> Own {
    let dash = || "not known".to_owned();
    Own {
        deviation: text::money(point.deviation),
        avoidable: point.avoidable().map_or_else(dash, text::money),
        unavoidable: point.unavoidable.map_or_else(dash, text::money),
        is_known: point.unavoidable.is_some(),
    }
}

fn now(point: &Point) -> Now {
    Now {
        worst: point.worst.to_string(),
        deviation: text::short_decimal(point.deviation),
        avoidable: text::short_decimal(point.avoidable),
        unavoidable: text::short_decimal(point.unavoidable),
    }
}

fn chart(title: &'static str, points: &[Dot]) -> Option<Chart> {
    let (first, last) = (points.first()?, points.last()?);
    let span = i128::from(last.time_ns) - i128::from(first.time_ns);
    if span <= 0 {
        return None;
    }
    let highest = points.iter().map(|dot| dot.value).max()?;
    let top = highest.nanos().max(1);
    let across =
        |point: &Dot| (i128::from(point.time_ns) - i128::from(first.time_ns)) * WIDTH / span;
    let every = points.len().div_ceil(POINTS_DRAWN);
    // Of the points that share a place the highest is drawn: a peak is never hidden.
    let drawn = points.chunks(every).filter_map(|few| few.iter().max_by_key(|dot| dot.value));
    let drawn: Vec<_> = drawn.collect();
    let place =
        |dot: &Dot| format!("{},{}", across(dot), HEIGHT - dot.value.nanos() * HEIGHT / top);
    let changes = points.windows(2).filter(|pair| pair[0].split != pair[1].split);
    let changes: Vec<_> = changes.map(|pair| &pair[1]).collect();
    let seconds = |dot: &Dot| nanos_text(dot.time_ns.into());
    let spaced = |texts: Vec<String>| texts.join(" ");
    Some(Chart {
        title,
        width: WIDTH,
        height: HEIGHT,
        line: spaced(drawn.iter().map(|point| place(point)).collect()),
        splits: changes.iter().map(|point| (across(point), point.split.to_string())).collect(),
        times: spaced(drawn.iter().map(|point| seconds(point)).collect()),
        values: spaced(drawn.iter().map(|point| nanos_text(point.value.nanos())).collect()),
        split_times: spaced(changes.iter().map(|point| seconds(point)).collect()),
        top: text::short_decimal(highest),
        from: text::time(first.time_ns),
        to: text::time(last.time_ns),
    })
}

fn worst(picture: &Picture, tracking: &TrackingLog) -> Vec<Worst> {
    let far = |account: &&crate::picture::Account| {
        Reverse(account.deviation.map_or(0, |deviation| deviation.nanos().abs()))
    };
    let mut open: Vec<_> =
        picture.accounts.iter().filter(|account| account.deviation.is_some()).collect();
    open.sort_by_cached_key(far);
    let dash = || "–".to_owned();
    let row = |account: &crate::picture::Account| {
        let point = tracking.newest(&account.id);
        let unavoidable = point.and_then(|point| point.unavoidable);
        let avoidable = point.and_then(AccountPoint::avoidable);
        Worst {
            avoidable: avoidable.map_or_else(dash, text::money),
            unavoidable: unavoidable.map_or_else(dash, text::money),
            id: account.id.to_string(),
            value: text::money(account.value),
            target: account.target.map_or_else(dash, text::money),
            deviation: account.deviation.map_or_else(dash, text::signed_money),
            sign: sign(account.deviation.map_or(0, Money::nanos)),
            drift: drift(account).map_or_else(dash, text::basis_points),
        }
    };
    open.into_iter().take(ROWS).map(row).collect()
}
