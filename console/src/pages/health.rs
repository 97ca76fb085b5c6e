//! Health: the parts of the server as the console sees them, and what to do.

use std::sync::Arc;

use allot_runtime::Counter;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::board::{Known, State as DataState, sentence_of};
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::limits::{JOURNAL_ROOM_LEAST, SILENCE, SOURCES_SHOWN};
use crate::remedies::remedy;
use crate::scrape::{Figures, Quantiles};
use crate::source_log::SourceHeard;
use crate::text;

/// The page.
#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    frame: Frame,
    checks: Vec<Check>,
    degraded: Vec<String>,
    facts: Vec<(&'static str, String)>,
    feeds: Vec<Feed>,
    /// None where nobody said where it is.
    counted: Option<Counted>,
}

/// A source of fills.
struct Feed {
    source: String,
    /// The name as it stands in a link.
    link: String,
    outcomes: String,
    newest: String,
}

/// What to do about a part of which nothing is known while the publisher is not heard.
const UNHEARD: &str = "See to the publisher first: nothing else can be known without it.";

/// A part, how it is, and what to do.
struct Check {
    part: &'static str,
    state: &'static str,
    facts: String,
    remedy: &'static str,
}

/// What the processes of the server count and time.
struct Counted {
    shards: Vec<ShardLine>,
    /// Whether anything times the stages of inputs.
    has_times: bool,
    faults: Vec<Fault>,
    /// On the disk of the journals.
    room: Option<String>,
    is_short: bool,
    subscribers: Option<String>,
    pending: String,
    problems: Vec<String>,
}

struct ShardLine {
    shard: u32,
    waiting: String,
    /// The last input on disk, and how many of the journal are not yet.
    durable: String,
    behind: String,
    on_disk: String,
    answered: String,
}

/// A counter that needs attention.
struct Fault {
    meaning: &'static str,
    of: String,
    total: String,
    remedy: &'static str,
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    if !person.role.sees_all() {
        let sentence = "A trader sees their own accounts.";
        return notice(&app, Some(&person), StatusCode::FORBIDDEN, sentence);
    }
    let frame = Frame::new(&app, Some(&person), "Health");
    let frame = frame.live("/health".to_owned(), "sse:report, sse:health");
    let counted = app.counting.look(&app.board.clock).await;
    let known = app.board.known();
    let template = HealthPage {
        frame,
        checks: checks(&app, &known),
        degraded: known.feed.degraded.iter().map(|text| sentence_of(text)).collect(),
        facts: facts(&app, &known),
        feeds: feeds(&known),
        counted: counted.map(|figures| Counted::of(&figures)),
    };
    drop(known);
    page(StatusCode::OK, &template)
}

impl Counted {
    fn of(figures: &Figures) -> Self {
        let times = |times: Option<Quantiles>| {
            times.map_or_else(
                || "–".to_owned(),
                |Quantiles { p50, p99 }| format!("{} and {} ms", millis(p50), millis(p99)),
            )
        };
        let count = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), text::count);
        let shards = figures.shards.iter().map(|shard| ShardLine {
            shard: shard.shard,
            waiting: count(shard.queue),
            durable: count(shard.durable),
            behind: count(shard.behind),
            on_disk: times(shard.fsync_seconds),
            answered: times(shard.answer_seconds),
        });
        let has_times = figures.answer_seconds.is_some() || figures.fsync_seconds.is_some();
        let faults = figures.counters.iter().filter_map(|line| {
            let remedy = remedy(&line.name)?;
            let counter = Counter::ALL.iter().find(|counter| counter.label() == line.name)?;
            let (of, total) = (line.of.clone(), text::count(line.total));
            Some(Fault { meaning: counter.sentence(), of, total, remedy })
        });
        let gib = |bytes: u64| format!("{}.{} GiB", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30);
        let is_short = figures.journal_free_bytes.is_some_and(|free| free < JOURNAL_ROOM_LEAST);
        Self {
            shards: shards.collect(),
            has_times,
            faults: faults.collect(),
            room: figures.journal_free_bytes.map(gib),
            is_short,
            subscribers: figures.subscribers.map(text::count),
            pending: figures.pending_bytes.map(text::count).unwrap_or_default(),
            problems: figures.problems.iter().map(|problem| sentence_of(problem)).collect(),
        }
    }
}

/// Milliseconds, with the digits that count.
fn millis(seconds: f64) -> String {
    let millis = seconds * 1e3;
    if millis < 10.0 { format!("{millis:.2}") } else { format!("{millis:.0}") }
}

fn checks(app: &App, known: &Known) -> Vec<Check> {
    let silent = known.feed.heard_at.map(|heard| app.board.clock.now() - heard);
    let is_heard = silent.is_some_and(|silent| silent < SILENCE);
    vec![
        publisher(app, known),
        front_door(app, known, is_heard),
        shards(known, is_heard),
        reports(app, known, is_heard),
        fills(known, is_heard),
        held(known, is_heard),
    ]
}

fn publisher(app: &App, known: &Known) -> Check {
    let silent = known.feed.heard_at.map(|heard| app.board.clock.now() - heard);
    let restarts = known.feed.publisher_restarts;
    let (state, facts) = match silent {
        None => ("bad", format!("nothing came from {} yet", app.places.publish)),
        Some(silent) if SILENCE <= silent => ("bad", format!("silent for {}", text::span(silent))),
        Some(_) if restarts == 0 => ("good", "is heard".to_owned()),
        Some(_) => ("good", format!("is heard; restarts since the console began: {restarts}")),
    };
    let remedy = "Check that the server or its publisher runs, and that --publish is its endpoint.";
    Check { part: "Publisher", state, facts, remedy }
}

fn front_door(app: &App, known: &Known, is_heard: bool) -> Check {
    let front = &app.places.front;
    let (state, facts) = match (known.feed.is_front_connected, is_heard) {
        (true, true) => ("good", format!("connected at {front}")),
        (true, false) => {
            ("warned", format!("connected at {front}; whether it replies is not known"))
        }
        (false, _) => ("bad", format!("no connection to {front}")),
    };
    let remedy = "Check that the router runs, and --front-key where it encrypts: splits cannot be \
                  sent meanwhile.";
    Check { part: "Front door", state, facts, remedy }
}

fn shards(known: &Known, is_heard: bool) -> Check {
    let count = known.feed.shards;
    let (state, facts) = match (count, known.feed.degraded.is_empty()) {
        (1.., _) if !is_heard => {
            ("warned", "not known while nothing comes from the publisher".to_owned())
        }
        (0, _) => ("warned", "the first heartbeat says how many".to_owned()),
        (count, true) => ("good", format!("{count}, and nothing is missing")),
        (count, false) => ("bad", format!("{count}; the server says that something is missing")),
    };
    let remedy = match is_heard {
        true => "Read the sentences below: they name the shard, its disk or its ledger.",
        false => UNHEARD,
    };
    Check { part: "Shards and journals", state, facts, remedy }
}

fn reports(app: &App, known: &Known, is_heard: bool) -> Check {
    let freshness = known.freshness(app.board.clock.now());
    let age = freshness.age.map_or_else(
        || "none yet".to_owned(),
        |age| format!("the newest is {} old", text::span(age)),
    );
    let missed = match known.feed.reports_missed {
        0 => String::new(),
        missed => format!(", {missed} passed unseen"),
    };
    let state = match freshness.state {
        DataState::Fresh => "good",
        DataState::Degraded => "warned",
        // The first one comes within an interval.
        DataState::Empty if is_heard => "warned",
        DataState::Stale | DataState::Empty => "bad",
    };
    let facts = format!("{age}{missed}");
    let remedy = match is_heard {
        true => "A report waits for every shard: find the one that is away, or slow.",
        false => UNHEARD,
    };
    Check { part: "Reports", state, facts, remedy }
}

fn fills(known: &Known, is_heard: bool) -> Check {
    let heard = text::count(known.fills.count());
    let (state, facts) = match known.feed.fills_missed {
        0 if !is_heard => ("warned", format!("{heard} heard; none can be heard now")),
        0 => ("good", format!("{heard} heard, none missed")),
        missed => ("warned", format!("{heard} heard, {} passed unseen", text::count(missed))),
    };
    let remedy = match known.feed.fills_missed {
        0 => UNHEARD,
        _ => "The ledger has them: the page of fills names the commands that print them.",
    };
    Check { part: "Fills", state, facts, remedy }
}

fn held(known: &Known, is_heard: bool) -> Check {
    let held = known.picture.as_ref().filter(|_| is_heard).map(|picture| picture.held);
    let Some(held) = held else {
        let facts = "not known without a report".to_owned();
        return Check { part: "Held fills", state: "warned", facts, remedy: UNHEARD };
    };
    let (state, facts) = match held {
        0 => ("good", "no fill waits for a split".to_owned()),
        1 => ("warned", "1 fill waits for the first split".to_owned()),
        held => ("warned", format!("{} fills wait for the first split", text::count(held))),
    };
    Check { part: "Held fills", state, facts, remedy: "Send a split: they are divided then." }
}

fn feeds(known: &Known) -> Vec<Feed> {
    let newest = known.fills.sources().newest().into_iter().take(SOURCES_SHOWN);
    let feed = |(source, heard): (&str, SourceHeard)| Feed {
        source: source.to_owned(),
        link: text::in_query(source),
        outcomes: text::count(heard.outcomes),
        newest: text::time_to_seconds(heard.newest_ns),
    };
    newest.map(feed).collect()
}

fn facts(app: &App, known: &Known) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Front door", app.places.front.clone()),
        ("Publisher", app.places.publish.clone()),
        ("Console", app.places.listen.to_string()),
    ];
    if let Some(incarnation) = known.feed.publisher {
        facts.push(("Incarnation of the publisher", incarnation.to_string()));
    }
    let ledger = match known.feed.ledger {
        Some(ledger) => ledger.to_string(),
        None if known.feed.publisher.is_none() => "not known yet".to_owned(),
        None => "none: the state is in memory only".to_owned(),
    };
    facts.push(("Ledger", ledger));
    if let Some(picture) = &known.picture {
        facts.extend([
            ("Report", picture.report.to_string()),
            ("Cut", text::count(picture.cut)),
            ("Made at", text::time(picture.time_ns)),
            ("Fills divided", text::count(picture.fills)),
            ("Accounts", text::thousands(picture.accounts.len() as u128)),
            ("Tickers", text::thousands(picture.tickers.len() as u128)),
        ]);
    }
    facts
}
