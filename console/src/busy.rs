//! Busy: what is replied where there is no room for a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// To be tried again in a moment.
pub(crate) fn busy() -> Response {
    let busy = "Too many pages at a time: try again in a moment.";
    (StatusCode::SERVICE_UNAVAILABLE, busy).into_response()
}

/// The same to a person who has taken all that there is for one.
pub(crate) fn busy_with_own() -> Response {
    let busy = "Too many of your pages at a time: wait until some are there.";
    (StatusCode::TOO_MANY_REQUESTS, busy).into_response()
}
