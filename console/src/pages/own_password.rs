//! Own password: somebody gives themselves another one.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::own_sessions::{Asks, Problem, confirm, refuse, sessions};
use crate::app::App;
use crate::frame::notice;
use crate::guard::{Person, see_other};
use crate::listener::PeerAddress;
use crate::page_form::PageForm;
use crate::users::check_password;

/// The password of now and the next one, which is typed twice because nobody sees it.
#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: String,
    new: String,
    again: String,
}

/// Changes the password. Every session of the person ends, this one too.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    person: Person,
    PageForm { form: PasswordForm { password, new, again }, _page }: PageForm<PasswordForm>,
) -> Response {
    let Some(name) = &person.name else { return refuse(&app, &person) };
    let fail =
        |status, problem| sessions(&app, &person, name, status, Problem::OfPassword(problem));
    if new != again {
        let problem = "The two new passwords differ: nothing was changed.".to_owned();
        return fail(StatusCode::UNPROCESSABLE_ENTITY, problem);
    }
    if new == password {
        let problem = "The new password is the one that you have typed as yours: nothing was \
                       changed."
            .to_owned();
        return fail(StatusCode::UNPROCESSABLE_ENTITY, problem);
    }
    let told = Problem::OfPassword;
    let asks = Asks { app: &app, person: &person, name, headers: &headers, peer, told };
    let user = match confirm(asks, password, "changed").await {
        Ok(user) => user,
        Err(answer) => return answer,
    };
    let (changing, of, before) = (Arc::clone(&app), name.clone(), user.password.clone());
    // Looking at a password takes a while too.
    let change = move || {
        check_password(&of, &new)
            .map(|()| changing.users.change_password(&of, &user.password, &new))
    };
    let changed = tokio::task::spawn_blocking(change).await;
    match changed {
        Ok(Err(why)) => {
            fail(StatusCode::UNPROCESSABLE_ENTITY, format!("Nothing was changed: {why}."))
        }
        Ok(Ok(Ok(()))) => {
            let count = app.sessions.end_of(name);
            tracing::info!(user = name, count, "a user changed their password; sessions ended");
            see_other("/login?changed=yes")
        }
        Ok(Ok(Err(_))) if is_another(&app, name, &before) => {
            let sentence = "Your password is changed already, by this form or by another one: log \
                            in with the one that was given first.";
            notice(&app, Some(&person), StatusCode::CONFLICT, sentence)
        }
        why => {
            let why = match why {
                Ok(changed) => changed.ok().and_then(Result::err).map(|error| error.0),
                Err(error) => Some(error.to_string()),
            };
            tracing::error!(user = name, "a password was not changed: {}", why.unwrap_or_default());
            let problem = "The file of users could not be written: nothing was changed. Ask \
                           whoever runs this console to look at its log."
                .to_owned();
            fail(StatusCode::SERVICE_UNAVAILABLE, problem)
        }
    }
}

/// Whether the user has another password than the one of this hash: the form was sent twice, say.
fn is_another(app: &App, name: &str, before: &str) -> bool {
    let users = app.users.all();
    users.and_then(|users| Some(users.get(name)?.password != before)).unwrap_or(false)
}
