//! Subscriptions: which prefixes of topics somebody listens to.

use std::collections::BTreeSet;

/// The prefixes subscribed to. An unsubscription arrives only when the last subscriber leaves.
#[derive(Default)]
pub(crate) struct Subscriptions {
    prefixes: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    pub(crate) fn set(&mut self, prefix: Vec<u8>, on: bool) {
        if on {
            self.prefixes.insert(prefix);
        } else {
            self.prefixes.remove(&prefix);
        }
    }

    /// Whether anybody hears a message on this topic.
    pub(crate) fn hears(&self, topic: &[u8]) -> bool {
        (0..=topic.len()).any(|len| self.prefixes.contains(&topic[..len]))
    }

    /// Whether anybody hears some topic that begins like this.
    pub(crate) fn hears_some(&self, family: &[u8]) -> bool {
        let below = self.prefixes.range(family.to_vec()..).next();
        self.hears(family) || below.is_some_and(|prefix| prefix.starts_with(family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_hears_what_begins_with_it() {
        let mut subscriptions = Subscriptions::default();
        assert!(!subscriptions.hears(b"positions:json"));
        subscriptions.set(b"positions:".to_vec(), true);
        assert!(subscriptions.hears(b"positions:json") && subscriptions.hears(b"positions:bin"));
        assert!(!subscriptions.hears(b"position"));
        subscriptions.set(b"fills:AAPL:json".to_vec(), true);
        assert!(subscriptions.hears_some(b"fills:"));
        assert!(!subscriptions.hears(b"fills:AAP:json"));
        subscriptions.set(b"fills:AAPL:json".to_vec(), false);
        assert!(!subscriptions.hears_some(b"fills:"));
        subscriptions.set(Vec::new(), true);
        assert!(subscriptions.hears(b"anything") && subscriptions.hears_some(b"fills:"));
    }
}
