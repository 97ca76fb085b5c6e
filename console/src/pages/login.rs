//! Logging in and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::app::App;
use crate::frame::{Frame, page};
use crate::guard::{cookie_name, see_other, token};
use crate::limits::{NAME_LEN_MAX, NEXT_LEN_MAX};
use crate::users::is_password;

/// The page.
#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    next: String,
    problem: &'static str,
    name: String,
}

/// Where to go after the log-in.
#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// Shows the form.
pub(super) async fn show(State(app): State<Arc<App>>, Query(next): Query<Next>) -> Response {
    form(&app, StatusCode::OK, &next.next, "", "")
}

/// Begins a session.
pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(LoginForm { name, password, next }): Form<LoginForm>,
) -> Response {
    let now = app.board.clock.now();
    let user = app.users.all().get(&name).cloned();
    if !app.sessions.may_try(&name, now) {
        tracing::warn!("a log-in was put off: too many within a minute");
        let problem = "Too many attempts: wait a minute, then try again.";
        let mut response = form(&app, StatusCode::TOO_MANY_REQUESTS, "/", problem, "");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        return response;
    }
    let Ok(permit) = Arc::clone(&app.hashes).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let known = user.clone();
    let check = move || {
        let is_right = is_password(known.as_ref(), &password);
        drop(permit);
        is_right
    };
    let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
    let Some(user) = user.filter(|_| is_right) else {
        // The name may be a password that was typed into the wrong field.
        tracing::warn!("a log-in failed");
        let problem = "No user has this name and this password.";
        return form(&app, StatusCode::UNAUTHORIZED, &next, problem, &name);
    };
    if let Some(old) = token(&app, &headers) {
        app.sessions.end(&old);
    }
    match app.sessions.begin(&name, &user.password, now) {
        Ok(token) => {
            tracing::info!(user = name, role = user.role.name(), "logged in");
            with_cookie(&app, see_other(local(&next)), &token, "")
        }
        Err(error) => {
            tracing::error!("no session can begin: {error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Ends the session.
pub(super) async fn log_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(token) = token(&app, &headers) {
        app.sessions.end(&token);
    }
    with_cookie(&app, see_other("/login"), "", "; Max-Age=0")
}

fn with_cookie(app: &App, mut response: Response, token: &str, more: &str) -> Response {
    let name = cookie_name(&app.places);
    let secure = if app.places.is_behind_tls { "; Secure" } else { "" };
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    let cookie = HeaderValue::from_str(&cookie).expect("a token is made of hex digits");
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

/// The form again. It echoes what a user can have written, and nothing longer: each sign may take
/// five on the page, and whoever asked need not read it.
fn form(app: &App, status: StatusCode, next: &str, problem: &'static str, name: &str) -> Response {
    let frame = Frame::new(app, None, "Log in");
    let name = if name.len() <= NAME_LEN_MAX { name } else { "" };
    let (next, name) = (local(next).to_owned(), name.to_owned());
    page(status, &LoginPage { frame, next, problem, name })
}

/// A place on this console, and nowhere else.
fn local(next: &str) -> &str {
    let is_local = next.len() <= NEXT_LEN_MAX
        && next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\r', '\n', '\t'])
        && !next.starts_with("/login");
    if is_local { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_leads_to_no_other_host() {
        for (next, place) in [
            ("/fills?ticker=A", "/fills?ticker=A"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("https://evil.example", "/"),
            ("/login?next=/login", "/"),
        ] {
            assert_eq!(local(next), place, "{next}");
        }
        assert_eq!(local(&format!("/?ticker={}", "A".repeat(NEXT_LEN_MAX))), "/");
    }
}
