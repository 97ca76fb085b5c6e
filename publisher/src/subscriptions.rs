//! Subscriptions: which prefixes of topics have a subscriber.

use std::collections::BTreeMap;

use allot_runtime::PREFIX_BYTES_MAX;

use crate::limits::PREFIXES_MAX;

/// The prefixes subscribed to, and by how many.
#[derive(Default)]
pub(crate) struct Subscriptions {
    prefixes: BTreeMap<Vec<u8>, u32>,
}

impl Subscriptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// Begins or ends to listen; false if the prefix is too long, or one too many, to be kept.
    pub(crate) fn set(&mut self, prefix: &[u8], on: bool) -> bool {
        if PREFIX_BYTES_MAX < prefix.len() {
            return false;
        }
        let is_full = self.prefixes.len() == PREFIXES_MAX;
        match (self.prefixes.get_mut(prefix), on) {
            (Some(subscribers), true) => *subscribers = subscribers.saturating_add(1),
            (Some(subscribers @ 2..), false) => *subscribers -= 1,
            (Some(_), false) => drop(self.prefixes.remove(prefix)),
            (None, true) if is_full => return false,
            (None, true) => drop(self.prefixes.insert(prefix.to_vec(), 1)),
            (None, false) => {}
        }
        true
    }

    /// Whether anybody hears a message on this topic.
    pub(crate) fn hears(&self, topic: &[u8]) -> bool {
        (0..=topic.len()).any(|len| self.prefixes.contains_key(&topic[..len]))
    }

    /// Whether anybody hears some topic that begins like this.
    pub(crate) fn hears_some(&self, family: &[u8]) -> bool {
        let below = self.prefixes.range(family.to_vec()..).next();
        self.hears(family) || below.is_some_and(|(prefix, _)| prefix.starts_with(family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_hears_what_begins_with_it() {
        let mut subscriptions = Subscriptions::default();
        assert!(!subscriptions.hears(b"states:json"));
        subscriptions.set(b"states:", true);
        assert!(subscriptions.hears(b"states:json") && subscriptions.hears(b"states:bin"));
        assert!(!subscriptions.hears(b"state"));
        subscriptions.set(b"events:ab:json", true);
        assert!(subscriptions.hears_some(b"events:"));
        assert!(!subscriptions.hears(b"events:a:json"));
        subscriptions.set(b"events:ab:json", false);
        assert!(!subscriptions.hears_some(b"events:"));
        subscriptions.set(b"", true);
        assert!(subscriptions.hears(b"anything") && subscriptions.hears_some(b"events:"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut subscriptions = Subscriptions::default();
        assert!(!subscriptions.set(&[b'a'; PREFIX_BYTES_MAX + 1], true));
        assert!(subscriptions.set(&[b'a'; PREFIX_BYTES_MAX], true));
        for number in 1..PREFIXES_MAX {
            assert!(subscriptions.set(format!("account:{number}:").as_bytes(), true));
        }
        assert!(!subscriptions.set(b"one too many", true));
        assert!(subscriptions.set(b"account:1:", true), "a second listener to what is kept");
        assert!(subscriptions.set(b"account:1:", false));
        assert!(!subscriptions.set(b"one too many", true), "the first still listens");
        assert!(subscriptions.set(b"account:1:", false));
        assert!(subscriptions.set(b"one too many", true));
    }
}
