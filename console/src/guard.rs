//! The guard: who asks, what they may see, and what every answer carries.

use std::net::IpAddr;
use std::sync::Arc;

use allot_domain::AccountId;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue,
    LOCATION, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::{App, Places};
use crate::busy::{busy, busy_with_own};
use crate::each::One;
use crate::limits::{NEXT_LEN_MAX, PAGES_AT_ONCE_MAX, PAGES_EACH_MAX};
use crate::listener::PeerAddress;
use crate::own_host::is_own_host;
use crate::role::Role;
use crate::sessions::Token;
use crate::text;
use crate::users::{User, token_hash};

/// Scripts and styles come from here alone, and nobody may frame a page.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What a form of another site is told, and of a proxy that hides where forms come from.
const OTHER_SITE: &str = "This form was sent by a page of another site, and nothing was done. \
    Behind a proxy: let it pass on Host and Origin as they are.";

/// Where a proxy says whom it speaks for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What htmx sends with the requests that it makes by itself.
const BY_SCRIPT: &str = "hx-request";

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// None where pages are open and nobody is logged in.
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
    /// The accounts of a trader.
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) token: Option<Token>,
}

impl Person {
    fn of_user(name: String, user: &User, token: Option<Token>) -> Self {
        let accounts = user.accounts.iter().filter_map(|id| AccountId::new(id.as_bytes()).ok());
        let accounts = accounts.collect();
        Self { name: Some(name), role: user.role, accounts, token }
    }

    /// Whether they may see this account.
    pub(crate) fn sees(&self, account: &AccountId) -> bool {
        self.role.sees_all() || self.accounts.contains(account)
    }

    /// Under which name streams are counted.
    pub(crate) fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("")
    }
}

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let is_by_script = is_by_script(&parts.headers);
        let is_use = !is_by_script && parts.uri.path() != "/events";
        who(app, &parts.headers, is_use).ok_or_else(|| to_login(parts, is_by_script))
    }
}

/// Whether a script asks, to renew a page that is open.
pub(crate) fn is_by_script(headers: &HeaderMap) -> bool {
    headers.contains_key(BY_SCRIPT)
}

/// Who asks; none where nobody is logged in and pages are not open.
pub(crate) fn who(app: &App, headers: &HeaderMap, is_use: bool) -> Option<Person> {
    let known = token(app, headers).and_then(|token| of_token(app, token, is_use));
    let anyone = || Person { name: None, role: Role::Viewer, accounts: Vec::new(), token: None };
    known.or_else(|| app.places.is_open.then(anyone))
}

/// The person of a session, as the file of users has them now.
pub(crate) fn of_token(app: &App, token: Token, is_use: bool) -> Option<Person> {
    let session = app.sessions.find(&token, is_use, app.board.clock.now())?;
    let users = app.users.all()?;
    let user = users.get(&session.user).filter(|user| user.credentials() == session.credentials);
    let Some(user) = user else {
        app.sessions.end(&token);
        return None;
    };
    Some(Person::of_user(session.user, user, Some(token)))
}

/// The person whose token this is, as the file of users has them now. Comparing hashes tells nobody
/// anything of the token.
pub(crate) fn of_api_token(app: &App, token: &str) -> Option<Person> {
    let hash = token_hash(token);
    let users = app.users.all()?;
    let (name, user) = users.iter().find(|(_, user)| user.token.as_ref() == Some(&hash))?;
    Some(Person::of_user(name.clone(), user, None))
}

/// The name of the cookie: behind TLS the browser lets nobody but this host set it. A browser gives
/// cookies to every port of a host, so each console has its own.
pub(crate) fn cookie_name(places: &Places) -> String {
    let prefix = if places.is_behind_tls { "__Host-" } else { "" };
    format!("{prefix}allot-{}", places.listen.port())
}

/// The name of the cookie by which a browser says that it has logged in before.
pub(crate) fn browser_cookie_name(places: &Places) -> String {
    format!("{}-browser", cookie_name(places))
}

/// The session of the browser, as it claims.
pub(crate) fn token(app: &App, headers: &HeaderMap) -> Option<Token> {
    cookie(headers, &cookie_name(&app.places))
}

/// A cookie of the browser.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|c| c.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// Where a browser is: at the other end, or where the proxy in front says that it is.
pub(crate) fn address(app: &App, headers: &HeaderMap, peer: PeerAddress) -> IpAddr {
    let told = headers.get_all(FORWARDED_FOR).iter().next_back();
    let told = told.and_then(|value| value.to_str().ok()).filter(|_| app.places.is_behind_tls);
    // What stands before the last comma is what the browser claims.
    let last = told.and_then(|value| value.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(peer.0)
}

/// A page sends to the log-in; a script is told to, and a form too.
fn to_login(parts: &Parts, is_by_script: bool) -> Response {
    if parts.uri.path() == "/events" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let is_kept = parts.method == Method::GET && next.len() <= NEXT_LEN_MAX;
    let next = if is_kept { next } else { "/" };
    let place = format!("/login?next={}", text::in_query(next));
    if is_by_script {
        let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static("/login"));
        let name = HeaderName::from_static("hx-redirect");
        return (StatusCode::UNAUTHORIZED, [(name, place)]).into_response();
    }
    see_other(&place)
}

/// A redirection that is asked for with GET.
pub(crate) fn see_other(place: &str) -> Response {
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response()
}

/// Room for one more page of whoever asks; none where as many as one person has are being made.
/// Without a log-in all are one person, who may have all of them.
pub(crate) fn own_page(app: &App, headers: &HeaderMap) -> Option<One> {
    let person = who(app, headers, false).and_then(|person| person.name);
    let most = if person.is_some() { PAGES_EACH_MAX } else { PAGES_AT_ONCE_MAX };
    app.pages_each.take(person.as_deref().unwrap_or_default(), most)
}

/// Bounds the pages that are made at a time. A form is waited for, so it takes its place itself,
/// once it is there: unfinished ones keep nobody from a page.
pub(crate) async fn one_of_few(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() == Method::POST {
        return next.run(request).await;
    }
    let Some(_own) = own_page(&app, request.headers()) else { return busy_with_own() };
    match app.pages.try_acquire() {
        Ok(_page) => next.run(request).await,
        Err(_) => busy(),
    }
}

/// Refuses names of this host that are not its own, and gives every answer its headers.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // A proxy knows its names itself.
    let is_own = app.places.is_behind_tls || is_own_host(request.headers());
    let mut response = if is_own {
        next.run(request).await
    } else {
        let wrong = "This console is reached by its address: 127.0.0.1 or localhost.";
        (StatusCode::MISDIRECTED_REQUEST, wrong).into_response()
    };
    // What the layer against forms of other sites refuses has no body.
    if response.status() == StatusCode::FORBIDDEN && !response.headers().contains_key(CONTENT_TYPE)
    {
        response = (StatusCode::FORBIDDEN, OTHER_SITE).into_response();
    }
    let headers = response.headers_mut();
    let fixed = |text| HeaderValue::from_static(text);
    headers.insert(CONTENT_SECURITY_POLICY, fixed(CONTENT_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(X_FRAME_OPTIONS, fixed("DENY"));
    headers.insert(REFERRER_POLICY, fixed("same-origin"));
    for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
        headers.insert(HeaderName::from_static(name), fixed("same-origin"));
    }
    headers.entry(CACHE_CONTROL).or_insert(fixed("no-store"));
    if app.places.is_behind_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000"));
    }
    response
}
