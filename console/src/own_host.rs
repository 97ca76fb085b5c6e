//! Own host: whether somebody asked for this host by an address, and not by a name.
//!
//! A page elsewhere can make a name of its own stand for 127.0.0.1, and then read what is there as
//! if it were its own. An address cannot be made to stand for another one.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::HOST;

/// Whether the request names this host by an address or as `localhost`.
pub(crate) fn is_own_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn addresses_and_localhost_are_own_and_other_names_are_not() {
        let is_own = |host| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            is_own_host(&headers)
        };
        for host in
            ["127.0.0.1", "127.0.0.1:8080", "[::1]:80", "[::1]", "10.0.0.7:1", "LocalHost:80"]
        {
            assert!(is_own(host), "{host}");
        }
        for host in ["elsewhere.example", "elsewhere.example:80", "127.0.0.1.example", "", ":80"] {
            assert!(!is_own(host), "{host}");
        }
        assert!(!is_own_host(&HeaderMap::new()));
    }
}
