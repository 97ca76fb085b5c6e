//! The pages, and the ways to them.

mod assets;
mod login;
mod events;
mod positions;
mod account;
mod fills;
mod split_text;
mod split_check;
mod splits;
mod one_split;
mod tracking;
mod health;
mod desk_rows;
mod desk;
mod desk_log;
mod signals;
mod mesh;
mod people;
mod own_password;
mod own_sessions;
mod data;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::csrf::CsrfLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::board::State as DataState;
use crate::frame::{Frame, notice, page};
use crate::guard::{Person, guard, one_of_few, see_other, who};
use crate::limits::{ANSWER_WITHIN, FORM_BYTES_MAX, SHORT_FORM_BYTES_MAX};
use crate::metrics;
use crate::parameters::known_parameters;
pub(crate) use assets::ASSET_VERSION;
pub use positions::PositionsPreview;
pub(crate) use positions::{drift, warnings};

/// Every page, behind the guard.
pub(crate) fn router(app: Arc<App>) -> Router {
    let short = || DefaultBodyLimit::max(SHORT_FORM_BYTES_MAX);
    let pages = Router::new()
        .route("/", get(positions::show))
        .route("/account/{id}", get(account::show))
        .route("/fills", get(fills::show))
        .route("/splits", get(splits::show).post(splits::send))
        .route("/splits/{number}", get(one_split::show))
        .route("/splits/preview", post(splits::preview))
        .route("/splits/preview/{seq}", get(splits::show_preview))
        .route("/splits/sent/{seq}", get(splits::show_sent))
        .route("/tracking", get(tracking::show))
        .route("/health", get(health::show))
        .route("/desk", get(desk::show).post(desk::send).layer(short()))
        .route("/desk/log", post(desk_log::give).layer(short()))
        .route("/signals", get(signals::show))
        .route("/mesh", get(mesh::show))
        .route("/people", get(people::show))
        .route("/people/end", post(people::end).layer(short()))
        .route("/status", get(status))
        .route("/password", get(to_sessions).post(own_password::change).layer(short()))
        .route("/sessions", get(own_sessions::show).post(own_sessions::end).layer(short()))
        .route("/login", get(login::show).post(login::log_in).layer(short()))
        .route("/logout", post(login::log_out))
        .route("/assets/{name}", get(assets::asset))
        .route_layer(from_fn_with_state(Arc::clone(&app), known_parameters))
        .fallback(missing)
        .method_not_allowed_fallback(no_page)
        .layer(from_fn_with_state(Arc::clone(&app), one_of_few))
        // What machines ask for is small, and is there when no page has room.
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN));
    let data = Router::new()
        .route("/positions.arrow", get(data::positions))
        .route("/widgets.json", get(data::widgets))
        .route("/apps.json", get(data::apps))
        .route("/openbb/accounts", get(data::widget_accounts))
        .route("/openbb/positions", get(data::widget_positions))
        .route("/openbb/state", get(data::widget_state))
        .layer(from_fn_with_state(Arc::clone(&app), one_of_few))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(data::cors());
    pages
        .route("/events", get(events::stream))
        .merge(data)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(CsrfLayer::new())
        .layer(from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

async fn missing(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let person = who(&app, &headers, false);
    let sentence = "Nothing is at this address.";
    notice(&app, person.as_ref(), StatusCode::NOT_FOUND, sentence)
}

/// A form where a page is, or the other way round.
async fn no_page(State(app): State<Arc<App>>, method: Method, headers: HeaderMap) -> Response {
    let person = who(&app, &headers, false);
    let sentence = match method {
        Method::GET | Method::HEAD => {
            "This address takes a form and shows no page: go back to the page of the form."
        }
        _ => "This address shows a page and takes no form: go back to the page of the form.",
    };
    notice(&app, person.as_ref(), StatusCode::METHOD_NOT_ALLOWED, sentence)
}

/// Counts, and no position: a scraper need not log in.
async fn metrics_page(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT)], metrics::board_page(&app.board)).into_response()
}

/// What stands above a page that stays as it is.
#[derive(Template)]
#[template(path = "status.html")]
struct StatusPart {
    frame: Frame,
}

/// How the data is, for a page that renews nothing else.
async fn status(State(app): State<Arc<App>>, person: Person) -> Response {
    page(StatusCode::OK, &StatusPart { frame: Frame::new(&app, Some(&person), "") })
}

/// The page of the form that is sent there.
async fn to_sessions() -> Response {
    see_other("/sessions")
}

/// Ready while the pages show data that is not stale.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let freshness = app.board.freshness();
    let body = format!("{}\n{}\n", freshness.state.word(), freshness.reasons.join("\n"));
    match freshness.state {
        DataState::Fresh | DataState::Degraded => body.into_response(),
        DataState::Stale | DataState::Empty => {
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}
