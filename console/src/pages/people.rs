//! People: who may log in and who is logged in, for an admin.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::frame::{Frame, notice, page};
use crate::guard::{Person, see_other};
use crate::page_form::PageForm;
use crate::text;

/// The page.
#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    rows: Vec<Row>,
}

/// A user.
struct Row {
    name: String,
    role: &'static str,
    accounts: String,
    sessions: usize,
    used: String,
}

/// Whose sessions end.
#[derive(Deserialize)]
pub(super) struct EndForm {
    name: String,
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    if !person.role.may_end_sessions() {
        return refuse(&app, &person);
    }
    let now = app.board.clock.now();
    let open = app.sessions.open(now);
    let users = app.users.all().unwrap_or_default();
    let row = |(name, user): (&String, &crate::users::User)| {
        let own = || open.iter().filter(|session| session.user == *name);
        let used = own().map(|session| session.used_at).max();
        Row {
            name: name.clone(),
            role: user.role.name(),
            accounts: user.accounts.join(", "),
            sessions: own().count(),
            used: used.map_or_else(String::new, |used| format!("{} ago", text::span(now - used))),
        }
    };
    let rows = users.iter().map(row).collect();
    page(StatusCode::OK, &PeoplePage { frame: Frame::new(&app, Some(&person), "People"), rows })
}

/// Ends all sessions of a user.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    person: Person,
    PageForm { form: EndForm { name }, _page }: PageForm<EndForm>,
) -> Response {
    if !person.role.may_end_sessions() {
        return refuse(&app, &person);
    }
    let count = app.sessions.end_of(&name);
    tracing::info!(by = person.label(), user = name, count, "sessions ended");
    see_other("/people")
}

fn refuse(app: &Arc<App>, person: &Person) -> Response {
    let sentence = "Only an admin sees who is logged in.";
    notice(app, Some(person), StatusCode::FORBIDDEN, sentence)
}
