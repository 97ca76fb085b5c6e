//! Logging in and out.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::app::App;
use crate::attempts::Attempt;
use crate::credentials::{CROWDED, CROWDED_WAIT, Factors, NoUser, check, seconds, with_wait};
use crate::frame::{Frame, page};
use crate::guard::{address, browser_cookie_name, cookie, cookie_name, see_other, token};
use crate::limits::{NAME_LEN_MAX, NEXT_LEN_MAX};
use crate::listener::PeerAddress;
use crate::page_form;
use crate::sessions::random_token;

/// The page.
#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    next: String,
    problem: String,
    success: &'static str,
    name: String,
}

/// Where to go after the log-in.
#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
    /// Present after the password was changed.
    changed: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct LoginForm {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// Shows the form.
pub(super) async fn show(State(app): State<Arc<App>>, Query(next): Query<Next>) -> Response {
    let success = match next.changed.as_deref() {
        Some("yes") => "Your password is changed, and all your sessions are over: log in with it.",
        _ => "",
    };
    login_page(&app, StatusCode::OK, &next.next, "", success, "")
}

/// Begins a session.
pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    written: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let Form(LoginForm { name, password, code, next }) = match written {
        Ok(written) => written,
        Err(rejection) => {
            let (status, sentence) = page_form::told(&rejection);
            return form(&app, status, "/", sentence, "");
        }
    };
    let now = app.board.clock.now();
    let browser = cookie(&headers, &browser_cookie_name(&app.places));
    let address = address(&app, &headers, peer);
    let attempt = Attempt { name: &name, address, browser: browser.as_deref() };
    let user = match check(&app, &attempt, password, Factors::PasswordAndCode(&code)).await {
        Ok(user) => user,
        Err(NoUser::PutOff(wait)) => {
            let problem = format!("Too many attempts: wait {} s, then try again.", seconds(wait));
            let response = form(&app, StatusCode::TOO_MANY_REQUESTS, "/", &problem, "");
            return with_wait(response, wait);
        }
        Err(NoUser::Crowded) => {
            let response = form(&app, StatusCode::TOO_MANY_REQUESTS, "/", CROWDED, "");
            return with_wait(response, CROWDED_WAIT);
        }
        Err(NoUser::Wrong) => {
            let problem = match code.is_empty() {
                true => "No user has this name and this password, or a code is missing.",
                false => "No user has this name, this password and this code.",
            };
            return form(&app, StatusCode::UNAUTHORIZED, &next, problem, &name);
        }
    };
    if let Some(old) = token(&app, &headers) {
        app.sessions.end(&old);
    }
    let begun = app.sessions.begin(&name, &user.credentials(), address, now);
    match begun.and_then(|token| Ok((token, random_token()?))) {
        Ok((token, known)) => {
            app.attempts.succeeded(&attempt, &known, now);
            tracing::info!(user = name, role = user.role.name(), "logged in");
            let response = with_cookie(&app, see_other(local(&next)), &token, "");
            with_browser_cookie(&app, response, &known)
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

/// A cookie by which this browser is known for 30 days, or until the console restarts. It logs
/// nobody in.
fn with_browser_cookie(app: &App, mut response: Response, known: &str) -> Response {
    let name = browser_cookie_name(&app.places);
    let secure = if app.places.is_behind_tls { "; Secure" } else { "" };
    let cookie = format!("{name}={known}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age=2592000");
    let cookie = HeaderValue::from_str(&cookie).expect("a token is made of hex digits");
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

/// The form again. It echoes what a user can have written, and nothing longer: each sign may take
/// five on the page, and whoever asked need not read it.
fn form(app: &App, status: StatusCode, next: &str, problem: &str, name: &str) -> Response {
    login_page(app, status, next, problem, "", name)
}

fn login_page(
    app: &App,
    status: StatusCode,
    next: &str,
    problem: &str,
    success: &'static str,
    name: &str,
) -> Response {
    let frame = Frame::new(app, None, "Log in");
    let name = if name.len() <= NAME_LEN_MAX { name } else { "" };
    let (next, name) = (local(next).to_owned(), name.to_owned());
    let problem = problem.to_owned();
    page(status, &LoginPage { frame, next, problem, success, name })
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
