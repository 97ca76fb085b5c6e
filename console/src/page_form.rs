//! A form of a page: it is read first, and then counts as a page that is made.

use std::sync::Arc;

use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;

/// A form, and the room for the page that replies to it. It stands behind the person in a list of
/// arguments, so that nothing is read of somebody who is not logged in.
pub(crate) struct PageForm<T> {
    pub(crate) form: T,
    pub(crate) _page: OwnedSemaphorePermit,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for PageForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let Ok(reading) = app.forms.try_acquire() else { return Err(busy()) };
        let Form(form) =
            Form::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        drop(reading);
        let page = Arc::clone(&app.pages).try_acquire_owned().map_err(|_| busy())?;
        Ok(Self { form, _page: page })
    }
}

/// What is replied where there is no room for a page.
pub(crate) fn busy() -> Response {
    let busy = "Too many pages at a time: try again in a moment.";
    (StatusCode::SERVICE_UNAVAILABLE, busy).into_response()
}
