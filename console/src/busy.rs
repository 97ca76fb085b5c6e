//! Busy: what is replied where there is no room for a page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// To be tried again in a moment.
pub(crate) fn busy() -> Response {
    let busy = "Too many pages at a time: try again in a moment.";
    (StatusCode::SERVICE_UNAVAILABLE, busy).into_response()
}
