//! Own sessions: where somebody is logged in, and how they end that elsewhere.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::attempts::Attempt;
use crate::credentials::{CROWDED, CROWDED_WAIT, Factors, NoUser, check, seconds, with_wait};
use crate::frame::{Frame, notice, page};
use crate::guard::{Person, address, browser_cookie_name, cookie, see_other};
use crate::listener::PeerAddress;
use crate::page_form::PageForm;
use crate::text;
use crate::users::User;

/// What the form says where all but the one that asks are to end.
const OTHERS: &str = "others";

/// The page.
#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    rows: Vec<Row>,
    has_others: bool,
    problem: Problem,
}

/// What is said beside the form that it is of.
pub(super) enum Problem {
    None,
    OfSessions(String),
    OfPassword(String),
}

impl Problem {
    fn of_sessions(&self) -> Option<&str> {
        if let Self::OfSessions(problem) = self { Some(problem) } else { None }
    }

    fn of_password(&self) -> Option<&str> {
        if let Self::OfPassword(problem) = self { Some(problem) } else { None }
    }
}

/// A session.
struct Row {
    number: u64,
    is_this: bool,
    address: String,
    began: String,
    used: String,
}

/// Which sessions end. The password shows that it is not somebody who found the browser open.
#[derive(Deserialize)]
pub(super) struct EndForm {
    which: String,
    password: String,
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    match &person.name {
        Some(name) => sessions(&app, &person, name, StatusCode::OK, Problem::None),
        None => refuse(&app, &person),
    }
}

/// Ends sessions of the person.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    person: Person,
    PageForm { form: EndForm { which, password }, _page }: PageForm<EndForm>,
) -> Response {
    let Some(name) = &person.name else { return refuse(&app, &person) };
    let told = Problem::OfSessions;
    let asks = Asks { app: &app, person: &person, name, headers: &headers, peer, told };
    if let Err(answer) = confirm(asks, password, "ended").await {
        return answer;
    }
    let count = app.sessions.end_those(name, |token, session| match &*which {
        OTHERS => person.token.as_ref() != Some(token),
        number => session.number.to_string() == number,
    });
    if count == 0 && which != OTHERS {
        let problem = "No session of yours has this number: nothing was ended.".to_owned();
        let told = Problem::OfSessions(problem);
        return sessions(&app, &person, name, StatusCode::NOT_FOUND, told);
    }
    tracing::info!(by = name, user = name, count, "sessions ended");
    see_other("/sessions")
}

/// Somebody who is to show again who they are.
pub(super) struct Asks<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) person: &'a Person,
    pub(super) name: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: PeerAddress,
    /// Beside which form it is said why not.
    pub(super) told: fn(String) -> Problem,
}

/// The user, if this is their password: it is not somebody who found the browser open.
///
/// # Errors
/// The answer that says that nothing was `done`, and why.
pub(super) async fn confirm(
    asks: Asks<'_>,
    password: String,
    done: &str,
) -> Result<User, Response> {
    let Asks { app, person, name, headers, peer, told } = asks;
    let browser = cookie(headers, &browser_cookie_name(&app.places));
    let address = address(app, headers, peer);
    let attempt = Attempt { name, address, browser: browser.as_deref() };
    match check(app, &attempt, password, Factors::Password).await {
        Ok(user) => {
            app.attempts.was_right(&attempt);
            Ok(user)
        }
        Err(NoUser::Wrong) => {
            let problem = format!("This is not your password: nothing was {done}.");
            Err(sessions(app, person, name, StatusCode::FORBIDDEN, told(problem)))
        }
        Err(NoUser::PutOff(wait)) => {
            let problem = format!("Too many attempts: wait {} s, then try again.", seconds(wait));
            let status = StatusCode::TOO_MANY_REQUESTS;
            Err(with_wait(sessions(app, person, name, status, told(problem)), wait))
        }
        Err(NoUser::Crowded) => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = told(CROWDED.to_owned());
            Err(with_wait(sessions(app, person, name, status, problem), CROWDED_WAIT))
        }
    }
}

pub(super) fn sessions(
    app: &App,
    person: &Person,
    name: &str,
    status: StatusCode,
    problem: Problem,
) -> Response {
    let now = app.board.clock.now();
    let row = |(token, session): &(String, crate::sessions::Session)| Row {
        number: session.number,
        is_this: person.token.as_ref() == Some(token),
        address: session.address.to_string(),
        began: text::span(now - session.began_at),
        used: text::span(now - session.used_at),
    };
    let rows: Vec<_> = app.sessions.open_of(name, now).iter().map(row).collect();
    let has_others = rows.iter().any(|row| !row.is_this);
    let frame = Frame::new(app, Some(person), "Sessions");
    page(status, &SessionsPage { frame, rows, has_others, problem })
}

pub(super) fn refuse(app: &Arc<App>, person: &Person) -> Response {
    let sentence = "Nobody is logged in here: there are no sessions of yours.";
    notice(app, Some(person), StatusCode::FORBIDDEN, sentence)
}
