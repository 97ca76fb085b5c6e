//! Data for the tools of others: Arrow for pandas and Perspective, and the widgets of OpenBB
//! Workspace.
//!
//! Whoever asks has a session, or a token that `allot console user token` gave. A page of OpenBB
//! Workspace is of another origin: it always needs a token, so that no other page can read what an
//! open console shows.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN,
    WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_http::cors::CorsLayer;

use crate::app::App;
use crate::arrow::{self, ArrowStream, MoneyAs, float};
use crate::guard::{Person, of_api_token, who};
use crate::limits::{EXPORTS_AT_ONCE, EXPORTS_EACH_MAX, WIDGET_ROWS_MAX};
use crate::pages::{drift, warnings};
use crate::picture::{Account, Picture};

/// The one other origin whose pages may read data, with a token.
const OPENBB: &str = "https://pro.openbb.co";

/// The header that OpenBB Workspace sends a token in.
const API_KEY: &str = "x-api-key";

/// What a page of OpenBB Workspace may ask: to read, with its headers, also of an address of the
/// machine it runs on.
pub(super) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(OPENBB))
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static(API_KEY)])
        .allow_private_network(true)
}

/// Somebody who reads data.
pub(super) struct Reader(Person);

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let headers = &parts.headers;
        let person = match token(headers) {
            Some(token) => of_api_token(app, token),
            None if headers.contains_key(ORIGIN) => None,
            None => who(app, headers, false),
        };
        person.map(Self).ok_or_else(|| {
            let why = "Log in, or send a token of `allot console user token` as `Authorization: \
                       Bearer TOKEN` or `X-API-KEY: TOKEN`.";
            refused(StatusCode::UNAUTHORIZED, why)
        })
    }
}

/// The token that somebody sent, if they did.
fn token(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| headers.get(API_KEY)?.to_str().ok()).map(str::trim)
}

fn refused(status: StatusCode, why: &str) -> Response {
    let mut response = (status, Json(json!({ "detail": why }))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// How positions are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    /// A part of the account's id.
    account: String,
    /// A part of the ticker.
    ticker: String,
}

/// How money is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Shape {
    money: Option<String>,
}

/// All positions of the newest report.
pub(super) async fn positions(
    State(app): State<Arc<App>>,
    Reader(person): Reader,
    shape: Result<Query<Shape>, QueryRejection>,
) -> Response {
    let money = match shape.map(|Query(shape)| shape.money) {
        Ok(None) => MoneyAs::Float,
        Ok(Some(text)) if text == "float" => MoneyAs::Float,
        Ok(Some(text)) if text == "decimal" => MoneyAs::Decimal,
        Ok(Some(_)) => return refused(StatusCode::BAD_REQUEST, "money is float or decimal"),
        Err(rejection) => return refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    let Some(picture) = app.board.picture() else { return no_report() };
    let Ok(permit) = Arc::clone(&app.exports).try_acquire_owned() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "Others read positions; try again.");
    };
    // Without a log-in all are one person, who may have all of them.
    let most = if person.name.is_some() { EXPORTS_EACH_MAX } else { EXPORTS_AT_ONCE };
    let Some(own) = app.exports_each.take(person.label(), most) else {
        return refused(StatusCode::TOO_MANY_REQUESTS, "You read positions already; try again.");
    };
    let Ok(parts) = ArrowStream::new(picture, person, money) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = stream::unfold((parts, permit, own), async |(mut parts, permit, own)| {
        parts.next().map(|part| (part, (parts, permit, own)))
    });
    let head = [
        (CONTENT_TYPE, arrow::CONTENT),
        (CONTENT_DISPOSITION, "attachment; filename=\"positions.arrow\""),
    ];
    (head, Body::from_stream(body)).into_response()
}

fn no_report() -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, "There is no report yet.")
}

/// The widgets, as OpenBB Workspace reads them.
pub(super) async fn widgets(_: Reader) -> Json<Value> {
    let column = |field: &str, name: &str, kind: &str| {
        json!({
            "field": field, "headerName": name, "cellDataType": kind,
        })
    };
    let table = |name: &str, about: &str, endpoint: &str, columns: Vec<Value>, params: Value| {
        json!({
            "name": name, "description": about, "category": "Allot", "type": "table",
            "endpoint": endpoint, "gridData": { "w": 40, "h": 14 }, "refetchInterval": 5_000,
            "staleTime": 5_000, "params": params,
            "data": { "table": { "showAll": true, "columnsDefs": columns } },
        })
    };
    let text = |name: &str, label: &str, about: &str| {
        json!({
            "paramName": name, "label": label, "description": about, "type": "text", "value": "",
            "optional": true, "show": true,
        })
    };
    let account = text("account", "Account", "Part of an account's id");
    let accounts = [
        ("account", "Account", "text"),
        ("weight", "Weight %", "number"),
        ("value", "Value", "number"),
        ("target", "Target", "number"),
        ("deviation", "Deviation", "number"),
        ("drift", "Drift %", "number"),
        ("warnings", "Warnings", "text"),
    ];
    let positions = [
        ("account", "Account", "text"),
        ("ticker", "Ticker", "text"),
        ("quantity", "Shares", "number"),
        ("value", "Value", "number"),
    ];
    let columns = |all: &[(&str, &str, &str)]| {
        all.iter().map(|(field, name, kind)| column(field, name, kind)).collect()
    };
    Json(json!({
        "allot_accounts": table("Accounts", "Each account against its target",
            "openbb/accounts", columns(&accounts), json!([account])),
        "allot_positions": table("Positions", "Shares of each account",
            "openbb/positions", columns(&positions),
            json!([account, text("ticker", "Ticker", "Part of a ticker")])),
        "allot_state": json!({
            "name": "State", "description": "How the data is, and how old", "category": "Allot",
            "type": "metric", "endpoint": "openbb/state", "gridData": { "w": 14, "h": 4 },
            "refetchInterval": 5_000, "staleTime": 5_000,
        }),
    }))
}

/// There is no app made of these widgets.
pub(super) async fn apps(_: Reader) -> Json<Value> {
    Json(json!([]))
}

/// Every account against its target.
pub(super) async fn widget_accounts(
    State(app): State<Arc<App>>,
    Reader(person): Reader,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    rows(&app, &person, wanted, |picture, account, _, rows| {
        let amount = |amount: Option<allot_domain::Money>| amount.map(|money| float(money.nanos()));
        rows.push(json!({
            "account": account.id.as_str(),
            "weight": account.weight.map(|weight| float(weight.nanos().into())),
            "value": amount(Some(account.value)),
            "target": amount(account.target),
            "deviation": amount(account.deviation),
            "drift": drift(account).map(|points| float(points * 10_000_000)),
            "warnings": warnings(picture, account).join(", "),
        }));
    })
}

/// The shares of every account.
pub(super) async fn widget_positions(
    State(app): State<Arc<App>>,
    Reader(person): Reader,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    rows(&app, &person, wanted, |picture, account, ticker, rows| {
        for cell in picture.cells(account) {
            let name = picture.tickers[cell.ticker as usize].as_str();
            if name.to_uppercase().contains(ticker) {
                rows.push(json!({
                    "account": account.id.as_str(), "ticker": name, "quantity": cell.quantity,
                    "value": float(cell.value.nanos()),
                }));
            }
        }
    })
}

fn rows(
    app: &App,
    person: &Person,
    wanted: Result<Query<Wanted>, QueryRejection>,
    add: impl Fn(&Picture, &Account, &str, &mut Vec<Value>),
) -> Response {
    let Wanted { account, ticker } = match wanted {
        Ok(Query(wanted)) => wanted,
        Err(rejection) => return refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    let Some(picture) = app.board.picture() else { return no_report() };
    let (part, ticker) = (account.trim().to_lowercase(), ticker.trim().to_uppercase());
    let is_wanted = |account: &&Account| {
        person.sees(&account.id) && account.id.as_str().to_lowercase().contains(&part)
    };
    let mut rows = Vec::new();
    for account in picture.accounts.iter().filter(is_wanted) {
        add(&picture, account, &ticker, &mut rows);
        if WIDGET_ROWS_MAX < rows.len() {
            let why = format!("More than {WIDGET_ROWS_MAX} rows: name an account or a ticker.");
            return refused(StatusCode::BAD_REQUEST, &why);
        }
    }
    Json(rows).into_response()
}

/// How the data is.
pub(super) async fn widget_state(
    State(app): State<Arc<App>>,
    Reader(_): Reader,
) -> Result<Json<Value>, Infallible> {
    let freshness = app.board.freshness();
    let age = freshness.age.map_or_else(|| "–".to_owned(), crate::text::span);
    let line = |label: &str, value: &str| json!({ "label": label, "value": value });
    Ok(Json(json!([line("Data", freshness.state.word()), line("Age", &age)])))
}
