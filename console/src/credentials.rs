//! Credentials: whether somebody is the user that they say they are.

use std::sync::Arc;
use std::time::Duration;

use allot_runtime::Nanos;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;

use crate::app::App;
use crate::attempts::Attempt;
use crate::hashing::Whose;
use crate::users::{User, is_password};

/// Why an attempt shows nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoUser {
    /// There were too many attempts: so long is there to wait.
    PutOff(Duration),
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
        true => Whose::Known,
        false => Whose::Stranger(address),
    };
    match is_right(app, whose, user.as_ref(), password).await {
        None => Err(NoUser::PutOff(Duration::from_secs(1))),
        Some(true) if has_second(app, attempt.name, user.as_ref(), factors, now) => {
            user.ok_or(NoUser::Wrong)
        }
        Some(_) => {
            // The name may be a password that was typed into the wrong field.
            tracing::warn!(%address, "a log-in failed");
            Err(NoUser::Wrong)
        }
    }
}

/// Whether a second factor was shown, or none is asked for.
fn has_second(
    app: &App,
    name: &str,
    user: Option<&User>,
    factors: Factors<'_>,
    now: Nanos,
) -> bool {
    match (factors, user.and_then(|user| user.code_secret.as_ref())) {
        (Factors::PasswordAndCode(code), Some(secret)) => app.codes.take(name, secret, code, now),
        _ => true,
    }
}

/// Whether the password is that of the user; takes as long where there is no user. None where too
/// many passwords wait to be hashed.
async fn is_right(
    app: &Arc<App>,
    whose: Whose,
    user: Option<&User>,
    password: String,
) -> Option<bool> {
    let (hashing, user) = (Arc::clone(app), user.cloned());
    let check = move || is_password(&hashing.buffers, user.as_ref(), &password);
    app.hashing.is_right(whose, check).await
}

/// A wait in whole seconds, never too short.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(0 < wait.subsec_nanos())
}

/// The answer to an attempt that was put off.
pub(crate) fn with_wait(mut response: Response, wait: Duration) -> Response {
    response.headers_mut().insert(RETRY_AFTER, seconds(wait).into());
    response
}
