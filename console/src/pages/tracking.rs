//! Tracking: how far accounts are from their targets, over time and now.

use std::cmp::Reverse;
use std::sync::Arc;

use allot_domain::Money;
use allot_domain::decimal::nanos_text;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::board::Point;
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::pages::positions::{drift, sign};
use crate::picture::Picture;
use crate::text;

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
    now: Option<Now>,
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
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    if !person.role.sees_all() {
        let sentence = "A trader sees their own accounts.";
        return notice(&app, Some(&person), StatusCode::FORBIDDEN, sentence);
    }
    let frame = Frame::new(&app, Some(&person), "Tracking");
    let frame = frame.live("/tracking".to_owned(), "sse:report, sse:health");
    let points: Vec<_> = app.board.known().points.iter().copied().collect();
    // Each has its own scale: a change of split dwarfs what the allocator can avoid.
    let charts = [
        chart("Deviation", &points, |point| point.deviation),
        chart("Avoidable", &points, |point| point.avoidable),
    ];
    let template = TrackingPage {
        frame,
        now: points.last().map(now),
        charts: charts.into_iter().flatten().collect(),
        worst: app.board.picture().map(|picture| worst(&picture)).unwrap_or_default(),
    };
    page(StatusCode::OK, &template)
}

fn now(point: &Point) -> Now {
    Now {
        worst: point.worst.to_string(),
        deviation: text::short_decimal(point.deviation),
        avoidable: text::short_decimal(point.avoidable),
        unavoidable: text::short_decimal(point.unavoidable),
    }
}

fn chart(title: &'static str, points: &[Point], of: fn(&Point) -> Money) -> Option<Chart> {
    let (first, last) = (points.first()?, points.last()?);
    let span = i128::from(last.time_ns) - i128::from(first.time_ns);
    if span <= 0 {
        return None;
    }
    let highest = points.iter().map(of).max()?;
    let top = highest.nanos().max(1);
    let across =
        |point: &Point| (i128::from(point.time_ns) - i128::from(first.time_ns)) * WIDTH / span;
    let every = points.len().div_ceil(POINTS_DRAWN);
    // Of the points that share a place the highest is drawn: a peak is never hidden.
    let drawn = points.chunks(every).filter_map(|few| few.iter().max_by_key(|point| of(point)));
    let drawn: Vec<_> = drawn.collect();
    let place =
        |point: &Point| format!("{},{}", across(point), HEIGHT - of(point).nanos() * HEIGHT / top);
    let changes = points.windows(2).filter(|pair| pair[0].split != pair[1].split);
    let changes: Vec<_> = changes.map(|pair| &pair[1]).collect();
    let seconds = |point: &Point| nanos_text(point.time_ns.into());
    let spaced = |texts: Vec<String>| texts.join(" ");
    Some(Chart {
        title,
        width: WIDTH,
        height: HEIGHT,
        line: spaced(drawn.iter().map(|point| place(point)).collect()),
        splits: changes.iter().map(|point| (across(point), point.split.to_string())).collect(),
        times: spaced(drawn.iter().map(|point| seconds(point)).collect()),
        values: spaced(drawn.iter().map(|point| nanos_text(of(point).nanos())).collect()),
        split_times: spaced(changes.iter().map(|point| seconds(point)).collect()),
        top: text::short_decimal(highest),
        from: text::time(first.time_ns),
        to: text::time(last.time_ns),
    })
}

fn worst(picture: &Picture) -> Vec<Worst> {
    let far = |account: &&crate::picture::Account| {
        Reverse(account.deviation.map_or(0, |deviation| deviation.nanos().abs()))
    };
    let mut open: Vec<_> =
        picture.accounts.iter().filter(|account| account.deviation.is_some()).collect();
    open.sort_by_cached_key(far);
    let dash = || "–".to_owned();
    let row = |account: &crate::picture::Account| Worst {
        id: account.id.to_string(),
        value: text::money(account.value),
        target: account.target.map_or_else(dash, text::money),
        deviation: account.deviation.map_or_else(dash, text::signed_money),
        sign: sign(account.deviation.map_or(0, Money::nanos)),
        drift: drift(account).map_or_else(dash, text::basis_points),
    };
    open.into_iter().take(ROWS).map(row).collect()
}
