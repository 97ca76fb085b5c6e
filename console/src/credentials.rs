//! Credentials: whether somebody is the user that they say they are.

use std::sync::Arc;
use std::time::Duration;

use allot_runtime::Nanos;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;

use crate::app::App;
use crate::attempts::{Attempt, network};
use crate::hashing::{Also, Whose};
use crate::users::{User, is_password};

/// Why an attempt shows nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoUser {
    /// There were too many attempts: so long is there to wait.
    PutOff(Duration),
    /// Too many others are guessing.
    Crowded,
    /// No user has this name and this password, or the code is not theirs.
    Wrong,
}

/// What somebody shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Factors<'a> {
    /// The password alone: they are logged in already.
    Password,
    /// And a code, which counts for users who have a second factor.
    PasswordAndCode(&'a str),
}

/// The user of this name and password. It takes as long where nobody has the name.
///
/// # Errors
/// When there is none, or too many attempts came before this one, or too many passwords wait to be
/// hashed.
pub(crate) async fn check(
    app: &Arc<App>,
    attempt: &Attempt<'_>,
    password: String,
    factors: Factors<'_>,
) -> Result<User, NoUser> {
    let (now, address) = (app.board.clock.now(), attempt.address);
    if let Err(wait) = app.attempts.take(attempt, now) {
        if let Some(count) = app.attempts.tells_put_off(now) {
            tracing::warn!(count, %address, "log-ins were put off: too many attempts before them");
        }
        return Err(NoUser::PutOff(wait));
    }
    let user = app.users.all().and_then(|users| users.get(attempt.name).cloned());
    let whose = match factors == Factors::Password || app.attempts.is_known(attempt) {
        true => Whose::Known(attempt.name),
        false => Whose::Stranger(network(address)),
    };
    let (hashing, hashed) = (Arc::clone(app), user.clone());
    let hash = move || is_password(&hashing.buffers, hashed.as_ref(), &password);
    let second = second(app, attempt.name, user.as_ref(), factors, now);
    match app.hashing.is_right(whose, hash, second).await {
        None => {
            app.attempts.give_back(attempt);
            if let Some(count) = app.attempts.tells_put_off(now) {
                tracing::warn!(count, "log-ins were put off: too many wrong guesses, or at once");
            }
            Err(NoUser::Crowded)
        }
        Some(true) => user.ok_or(NoUser::Wrong),
        Some(false) => {
            // The name may be a password that was typed into the wrong field.
            tracing::warn!(%address, "a log-in failed");
            Err(NoUser::Wrong)
        }
    }
}

/// Whether a second factor is shown, or none is asked for. It is looked at with the password: no
/// time tells that the password alone was right.
fn second(
    app: &Arc<App>,
    name: &str,
    user: Option<&User>,
    factors: Factors<'_>,
    now: Nanos,
) -> Also {
    match (factors, user.and_then(|user| user.code_secret.clone())) {
        (Factors::PasswordAndCode(code), Some(secret)) => {
            let (app, name, code) = (Arc::clone(app), name.to_owned(), code.to_owned());
            Box::new(move || app.codes.take(&name, &secret, &code, now))
        }
        _ => Box::new(|| true),
    }
}

/// A wait in whole seconds, never too short.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(0 < wait.subsec_nanos())
}

/// What somebody is told for whom there was no turn.
pub(crate) const CROWDED: &str = "Many are trying passwords now, and yours was not looked at: try \
     again in a few seconds. A browser in which you have logged in before does not wait for them.";

/// When they may come again.
pub(crate) const CROWDED_WAIT: Duration = Duration::from_secs(2);

/// The answer to an attempt that was put off.
pub(crate) fn with_wait(mut response: Response, wait: Duration) -> Response {
    response.headers_mut().insert(RETRY_AFTER, seconds(wait).into());
    response
}
