//! Topic: the first frame of everything that is published.
//!
//! ```text
//!   family:encoding   family:encoding:name:   heartbeat:
//! ```
//!
//! Subscriptions are prefixes (ZeroMQ RFC 29, PUB/SUB): `fills:json:` is every ticker in JSON. A
//! name in a topic holds no `:`, so that a prefix that ends with one never matches a neighbour:
//! `account:json:a:` does not match `account:json:ab:`. A `:` of the name itself is written `%3A`,
//! and a `%` is written `%25`, as RFC 3986 does.

use std::borrow::Cow;

use crate::Encoding;

/// The topic of [`crate::Heartbeat`].
pub const HEARTBEAT: &str = "heartbeat:";

/// Writes a topic; `out` then holds nothing else. A family ends with its `:`.
pub fn write_topic(family: &str, name: Option<&str>, encoding: Encoding, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(family.as_bytes());
    out.extend_from_slice(encoding.name().as_bytes());
    if let Some(name) = name {
        out.push(b':');
        escape(name, out);
        out.push(b':');
    }
}

fn escape(name: &str, out: &mut Vec<u8>) {
    for byte in name.bytes() {
        match byte {
            b':' => out.extend_from_slice(b"%3A"),
            b'%' => out.extend_from_slice(b"%25"),
            byte => out.push(byte),
        }
    }
}

/// The name that was escaped; none where no name is written like this.
fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut parts = text.split('%');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix("3A") {
            name.push(':');
            name.push_str(rest);
        } else {
            name.push('%');
            name.push_str(part.strip_prefix("25")?);
        }
    }
    Some(Cow::Owned(name))
}

/// Splits a topic of a family into its name, if it has one, and its encoding; none where it is of
/// another family, or no topic.
#[must_use]
pub fn split_topic<'a>(family: &str, topic: &'a [u8]) -> Option<(Option<Cow<'a, str>>, Encoding)> {
    let rest = str::from_utf8(topic).ok()?.strip_prefix(family)?;
    let Some((encoding, name)) = rest.split_once(':') else {
        return Some((None, rest.parse().ok()?));
    };
    let name = name.strip_suffix(':').filter(|name| !name.contains(':'))?;
    Some((Some(unescape(name)?), encoding.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_whatever_it_holds() {
        for name in ["AAPL", "BTC/USDT:USDT", "100%", "%3A", "::", "%", "BRK B"] {
            let mut topic = Vec::new();
            write_topic("fills:", Some(name), Encoding::Json, &mut topic);
            let colons = topic.iter().filter(|byte| **byte == b':').count();
            assert_eq!(colons, 3, "those of the topic alone");
            let read = split_topic("fills:", &topic);
            assert_eq!(read, Some((Some(Cow::Borrowed(name)), Encoding::Json)));
        }
    }

    #[test]
    fn what_nothing_writes_is_none() {
        for topic in
            ["fills:json:A", "fills:json:A:B:", "fills:json:%3a:", "fills:json:%:", "fills:xml:A:"]
        {
            assert_eq!(split_topic("fills:", topic.as_bytes()), None, "{topic}");
        }
    }
}
