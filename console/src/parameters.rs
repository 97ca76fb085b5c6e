//! The parameters of addresses: which each page knows, and that nothing else is passed over.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::frame::notice;
use crate::guard::who;

/// What pages know. A page that is not named here knows none.
const KNOWN: &[(&str, &[&str])] = &[
    ("/", &["account", "ticker", "show", "sort", "down", "row", "column"]),
    ("/fills", &["ticker", "source", "account", "since", "until", "page"]),
    ("/tracking", &["account"]),
    ("/desk", &["done"]),
    ("/login", &["next", "changed"]),
];

/// Where nothing is shown: who asks there is told so, whatever the parameters.
const FORMS: &[&str] = &["/splits/preview", "/desk/log", "/people/end", "/logout"];

/// What assets know: the version that a page asks for.
const OF_ASSETS: &[&str] = &["v"];

/// Refuses a parameter that the page does not know, or that is there twice: whoever writes one
/// means something by it.
pub(crate) async fn known_parameters(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match wrong(request.uri().path(), request.uri().query()) {
        None => next.run(request).await,
        Some(sentence) => {
            let person = who(&app, request.headers(), false);
            notice(&app, person.as_ref(), StatusCode::BAD_REQUEST, sentence)
        }
    }
}

/// What is wrong with the parameters of an address.
fn wrong(path: &str, query: Option<&str>) -> Option<String> {
    if FORMS.contains(&path) {
        return None;
    }
    let address = format!("/?{}", query?).parse().ok()?;
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&address);
    let Ok(Query(pairs)) = pairs else {
        return Some("The address of this page cannot be read: correct it.".to_owned());
    };
    let known = match path.starts_with("/assets/") {
        true => OF_ASSETS,
        false => KNOWN.iter().find(|(page, _)| *page == path).map_or(&[][..], |(_, known)| known),
    };
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        let unknown: String = unknown.chars().take(64).collect();
        return Some(match known {
            [] => format!("The page has no parameters, and its address has {unknown:?}."),
            known => format!(
                "The page does not know {unknown:?} in its address: it knows {}.",
                known.join(", ")
            ),
        });
    }
    let twice = (1..names.len()).find(|place| names[..*place].contains(&names[*place]))?;
    Some(format!("{} is in the address of the page twice: leave one out.", names[twice]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_knows_is_taken_and_only_once() {
        for (path, query) in [
            ("/", None),
            ("/", Some("account=a&row=1")),
            ("/fills", Some("ticker=%26&since=")),
            ("/assets/console.css", Some("v=1")),
            ("/health", Some("")),
        ] {
            assert_eq!(wrong(path, query), None, "{path} {query:?}");
        }
        for (path, query, why) in [
            ("/", "acount=a", "\"acount\" in its address: it knows account, ticker"),
            ("/", "%61ccount=a&account=b", "account is in the address of the page twice"),
            ("/fills", "row=1", "does not know \"row\""),
            ("/health", "x", "has no parameters, and its address has \"x\""),
        ] {
            let sentence = wrong(path, Some(query)).unwrap();
            assert!(sentence.contains(why), "{sentence}");
        }
        let long = wrong("/", Some(&"x".repeat(5_000))).unwrap();
        assert!(long.len() < 300, "{long}");
    }
}
