//! Exposure: what other machines, and other users of this one, can reach.

use std::net::IpAddr;

use crate::setting::Key;
use crate::settings::Settings;

/// Warns of endpoints that other machines can connect to and nothing protects.
pub(crate) fn warn_of_endpoints(settings: &Settings, keys: &[Key]) {
    for key in keys {
        if let Some(warning) = warning(settings, *key) {
            tracing::warn!("{warning}");
        }
    }
}

/// What somebody elsewhere could do at the endpoint of this setting, if anybody can reach it.
fn warning(settings: &Settings, key: Key) -> Option<String> {
    let (endpoint, danger, remedy) = match key {
        Key::Front if settings.front_secret.is_some() => return None,
        Key::Front => (
            &settings.front,
            "it is not encrypted, and whoever can connect can send whatever clients send",
            "encrypt it with --front-secret FILE, and let only clients connect",
        ),
        Key::Publish if settings.publish_secret.is_some() => return None,
        Key::Publish => (
            &settings.publish,
            "it is not encrypted, and whoever can connect reads all that is published",
            "encrypt it with --publish-secret FILE, and let only subscribers connect",
        ),
        Key::Backplane => (
            &settings.backplane,
            "whoever can connect can act as a shard or as the publisher of this server",
            "let only the boxes of this server connect, or use ipc://",
        ),
        Key::Parts => (
            &settings.parts,
            "whoever can connect can act as a shard of this server",
            "let only the boxes of this server connect, or use ipc://",
        ),
        _ => return None,
    };
    let name = key.name();
    is_reachable(endpoint).then(|| {
        format!("{name} {endpoint} can be reached from other machines: {danger}; {remedy}")
    })
}

/// Whether other machines may reach an endpoint: it is not on the loopback interface, or nobody can
/// tell.
pub(crate) fn is_reachable(endpoint: &str) -> bool {
    let Some((host, _)) = endpoint.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':'))
    else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => !address.to_canonical().is_loopback(),
        // `lo` is the interface itself.
        Err(_) => host != "localhost" && host != "lo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_interface_is_out_of_reach() {
        for (endpoint, expected) in [
            ("tcp://127.0.0.1:9998", false),
            ("tcp://127.8.0.1:*", false),
            ("tcp://[::1]:9998", false),
            ("tcp://[::ffff:127.0.0.1]:9998", false),
            ("tcp://localhost:9998", false),
            ("tcp://lo:9998", false),
            ("ipc:///tmp/front", false),
            ("tcp://0.0.0.0:9998", true),
            ("tcp://*:9998", true),
            ("tcp://[::]:9998", true),
            ("tcp://10.0.0.1:9998", true),
            ("tcp://eth0:9998", true),
            ("tcp://server.example:9998", true),
        ] {
            assert_eq!(is_reachable(endpoint), expected, "{endpoint}");
        }
    }

    #[test]
    fn an_encrypted_front_door_is_no_danger() {
        let mut settings = Settings { front: "tcp://*:1".to_owned(), ..Settings::default() };
        assert!(
            warning(&settings, Key::Front)
                .is_some_and(|text| text.contains("whatever clients send"))
        );
        assert_eq!(warning(&settings, Key::Publish), None);
        settings.front_secret = Some("keys".into());
        assert_eq!(warning(&settings, Key::Front), None);
        assert_eq!(warning(&settings, Key::Shards), None);
    }
}
