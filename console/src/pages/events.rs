//! The live stream: one for each open page. It says what has changed; the page asks for it.
//!
//! Each message begins with the whole state of what may have changed, so that a stream that broke
//! and came again has missed nothing.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::App;
use crate::board::Changes;
use crate::desk::Desk;
use crate::each::One;
use crate::guard::{Person, of_token};
use crate::limits::{STREAM_BEAT, STREAM_EVERY, STREAMS_EACH_MAX, STREAMS_MAX};

/// What may change.
const PARTS: [&str; 4] = ["report", "fills", "health", "desk"];

/// What a page renews itself by; all there is, if it does not say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heard {
    of: Option<String>,
}

/// One open page.
struct Streaming {
    app: Arc<App>,
    person: Person,
    changes: watch::Receiver<Changes>,
    /// None where the page does not hear of fills.
    fills: Option<watch::Receiver<u64>>,
    heard: Heard,
    /// What was told last; none before the first message.
    told: Option<Told>,
    /// Messages that wait.
    waiting: Vec<Event>,
    _permit: OwnedSemaphorePermit,
    _one: One,
}

/// What a message was about: how often each part had changed.
#[derive(Clone, Copy)]
struct Told {
    changes: Changes,
    fills: u64,
    /// What [`desk_of`] said.
    desk: (u64, bool),
}

/// The stream of a page, until its session ends.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    Query(heard): Query<Heard>,
    headers: HeaderMap,
    person: Person,
) -> Response {
    // A page of another site hears nothing, but could take the streams of those that may.
    let from = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if from.is_some_and(|from| from != b"same-origin" && from != b"none") {
        let sentence = "A page of another site may not open a live stream.";
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    if let Some(part) = heard.unknown() {
        let sentence = format!("There is no part {part:?}: there are {}.", PARTS.join(", "));
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    }
    let Ok(permit) = Arc::clone(&app.streams).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Too many pages are open.").into_response();
    };
    // Without a log-in, all are one person, who may have all of them.
    let most = if person.name.is_some() { STREAMS_EACH_MAX } else { STREAMS_MAX };
    let Some(one) = app.streams_each.take(person.label(), most) else {
        return (StatusCode::TOO_MANY_REQUESTS, "You have too many pages open.").into_response();
    };
    let changes = app.board.changes();
    let fills = heard.has("fills").then(|| app.board.fills());
    let streaming = Streaming {
        app,
        person,
        changes,
        fills,
        heard,
        told: None,
        waiting: Vec::new(),
        _permit: permit,
        _one: one,
    };
    Sse::new(messages(streaming)).into_response()
}

fn messages(streaming: Streaming) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(streaming, async |mut streaming| {
        let event = streaming.next().await?;
        Some((Ok(event), streaming))
    })
}

/// How often something came to a person at the desk, and whether the desk is connected.
fn desk_of(app: &App, person: &Person) -> (u64, bool) {
    let of = |desk: &Desk| (desk.book.changes(person.label()), desk.caller.is_connected());
    app.desk.as_ref().map_or((0, false), of)
}

impl Heard {
    /// A part that there is not.
    fn unknown(&self) -> Option<String> {
        let mut parts = self.of.as_deref()?.split(',');
        parts.find(|part| !PARTS.contains(part)).map(|part| part.chars().take(64).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.of.as_ref().is_none_or(|of| of.split(',').any(|one| one == name))
    }
}

impl Streaming {
    /// The next message; none when the session has ended.
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.waiting.pop() {
            return Some(event);
        }
        let beat_at = Instant::now() + STREAM_BEAT;
        loop {
            let is_first = self.told.is_none();
            if !is_first {
                sleep(STREAM_EVERY).await;
                let _ = timeout_at(beat_at, self.changed()).await;
                if let Some(token) = self.person.token.clone() {
                    of_token(&self.app, token, false)?;
                }
            }
            let now = self.now();
            if self.news(&now).next().is_some() {
                self.app.pace.turn().await;
                if let Some(token) = self.person.token.clone() {
                    of_token(&self.app, token, false)?;
                }
                self.look();
                return self.waiting.pop();
            }
            self.told = Some(now);
            if is_first || beat_at <= Instant::now() {
                return Some(Event::default().comment("still here"));
            }
        }
    }

    /// Waits until anything changes that this page may hear of.
    async fn changed(&mut self) {
        let fills = async {
            match &mut self.fills {
                Some(fills) => fills.changed().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.changes.changed() => {}
            _ = fills => {}
        }
    }

    /// How everything is.
    fn now(&mut self) -> Told {
        Told {
            changes: *self.changes.borrow_and_update(),
            fills: self.fills.as_mut().map_or(0, |fills| *fills.borrow_and_update()),
            desk: desk_of(&self.app, &self.person),
        }
    }

    /// The parts that the page hears of and that are not as they were told; at first, all of them.
    fn news(&self, now: &Told) -> impl Iterator<Item = &'static str> {
        let changed = self.told.map_or([true; 4], |told| {
            [
                told.changes.reports != now.changes.reports,
                told.fills != now.fills,
                told.changes.health != now.changes.health,
                told.desk != now.desk,
            ]
        });
        let parts = PARTS.into_iter().zip(changed);
        let is_news = |(name, has_changed): &(&str, bool)| *has_changed && self.heard.has(name);
        parts.filter(is_news).map(|(name, _)| name)
    }

    /// Writes the messages of all that has changed.
    fn look(&mut self) {
        let now = self.now();
        let retry = Duration::from_secs(1);
        let event = |name| Event::default().event(name).data("changed").retry(retry);
        self.waiting = self.news(&now).map(event).collect();
        self.told = Some(now);
    }
}
