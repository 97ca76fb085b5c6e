//! Topic: the first frame of everything that is published.
//!
//! ```text
//!   family:encoding   family:name:encoding   heartbeat:
//! ```
//!
//! Subscriptions are prefixes (ZeroMQ RFC 29, PUB/SUB). No name holds a `:`, so that a prefix that
//! ends with one never matches a neighbour: `account:a:` does not match `account:ab:json`.

use crate::Encoding;

/// The topic of [`crate::Heartbeat`].
pub const HEARTBEAT: &str = "heartbeat:";

/// Writes a topic; `out` then holds nothing else. A family ends with its `:`.
pub fn write_topic(family: &str, name: Option<&str>, encoding: Encoding, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(family.as_bytes());
    if let Some(name) = name {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
    }
    out.extend_from_slice(encoding.name().as_bytes());
}

/// Splits a topic of a family into its name, if it has one, and its encoding; none where it is of
/// another family, or no topic.
#[must_use]
pub fn split_topic<'a>(family: &str, topic: &'a [u8]) -> Option<(Option<&'a str>, Encoding)> {
    let rest = str::from_utf8(topic).ok()?.strip_prefix(family)?;
    match rest.split_once(':') {
        None => Some((None, rest.parse().ok()?)),
        Some((name, encoding)) => Some((Some(name), encoding.parse().ok()?)),
    }
}
