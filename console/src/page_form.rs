//! A form of a page: it is read first, and then counts as a page that is made.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::busy::{busy, busy_with_own};
use crate::each::One;
use crate::frame::notice;
use crate::guard::{Person, own_page, who};
use crate::limits::FORMS_EACH_MAX;

/// A form, and the room for the page that replies to it. It stands behind the person in a list of
/// arguments, so that nothing is read of somebody who is not logged in.
pub(crate) struct PageForm<T> {
    pub(crate) form: T,
    pub(crate) _page: PageRoom,
}

/// The room for a page, in all and of the person who asks; it is taken until it is dropped.
pub(crate) struct PageRoom {
    _page: OwnedSemaphorePermit,
    _own: One,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for PageForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let person = who(app, request.headers(), false);
        let label = person.as_ref().map_or("", Person::label);
        let Some(own) = app.forms_each.take(label, FORMS_EACH_MAX) else {
            let busy = "Too many of your forms are on their way: wait until they have arrived.";
            return Err((StatusCode::TOO_MANY_REQUESTS, busy).into_response());
        };
        let Ok(reading) = app.forms.try_acquire() else { return Err(busy()) };
        let own_page = own_page(app, request.headers()).ok_or_else(busy_with_own)?;
        let form = Form::<T>::from_request(request, app).await;
        let Form(form) = form.map_err(|rejection| {
            let (status, sentence) = told(&rejection);
            notice(app, person.as_ref(), status, sentence)
        })?;
        drop((reading, own));
        let page = Arc::clone(&app.pages).try_acquire_owned().map_err(|_| busy())?;
        Ok(Self { form, _page: PageRoom { _page: page, _own: own_page } })
    }
}

/// What is wrong with a form that no page of the console sends, and what to do.
pub(crate) fn told(rejection: &FormRejection) -> (StatusCode, &'static str) {
    let status = rejection.status();
    let sentence = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            "The form is longer than the console reads. Go back, where what you wrote still is, \
             and make it shorter."
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "The form came in another encoding than a browser uses: send it as \
             application/x-www-form-urlencoded."
        }
        _ => {
            "A field of the form is missing, or is no number where one is needed. Go back, where \
             what you wrote still is, load the page again, and press its button."
        }
    };
    (status, sentence)
}

/// What is wrong with the filters of an address, and what to do. The reader names the one at fault.
pub(crate) fn query_told(read: &str) -> String {
    let mut parts = read.split(": ");
    let name = parts.nth(1).filter(|_| parts.next().is_some());
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase());
    match name.filter(is_name) {
        Some(name) => format!(
            "The page does not know this value of {name} in its address: correct it, or leave it \
             out."
        ),
        None => {
            "The page does not know a value in its address: correct it, or leave it out.".to_owned()
        }
    }
}
