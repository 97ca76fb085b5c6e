//! The live stream: one for each open page. It says what has changed; the page asks for it.
//!
//! Each message begins with the whole state of what may have changed, so that a stream that broke
//! and came again has missed nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
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
    heard: Heard,
    /// What was told last; none before the first message.
    told: Option<Changes>,
    /// What [`desk_of`] said when that was told last.
    told_desk: (u64, bool),
    /// Messages that wait.
    waiting: Vec<Event>,
    _permit: OwnedSemaphorePermit,
    _one: One,
}

/// The stream of a page, until its session ends.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    Query(heard): Query<Heard>,
    person: Person,
) -> Response {
    let Ok(permit) = Arc::clone(&app.streams).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Too many pages are open.").into_response();
    };
    // Without a log-in, all are one person, who may have all of them.
    let most = if person.name.is_some() { STREAMS_EACH_MAX } else { STREAMS_MAX };
    let Some(one) = app.streams_each.take(person.label(), most) else {
        return (StatusCode::TOO_MANY_REQUESTS, "You have too many pages open.").into_response();
    };
    let changes = app.board.changes();
    let is_connected = desk_of(&app, &person).1;
    let streaming = Streaming {
        app,
        person,
        changes,
        heard,
        told: None,
        told_desk: (0, is_connected),
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
                let _ = timeout_at(beat_at, self.changes.changed()).await;
                if let Some(token) = self.person.token.clone() {
                    of_token(&self.app, token, false)?;
                }
            }
            self.look();
            match self.waiting.pop() {
                Some(event) => return Some(event),
                None if is_first || beat_at <= Instant::now() => {
                    return Some(Event::default().comment("still here"));
                }
                None => {}
            }
        }
    }

    /// Looks what has changed since it was told last.
    fn look(&mut self) {
        let now = *self.changes.borrow_and_update();
        let told = self.told.replace(now);
        let is_first = told.is_none();
        let told = told.unwrap_or_default();
        let desk = desk_of(&self.app, &self.person);
        let told_desk = std::mem::replace(&mut self.told_desk, desk);
        let parts = [
            ("report", told.reports != now.reports),
            ("fills", told.fills != now.fills),
            ("health", told.health != now.health),
            ("desk", told_desk != desk),
        ];
        let retry = Duration::from_secs(1);
        self.waiting = parts
            .into_iter()
            .filter(|(name, has_changed)| (*has_changed || is_first) && self.heard.has(name))
            .map(|(name, _)| Event::default().event(name).data("changed").retry(retry))
            .collect();
    }
}
