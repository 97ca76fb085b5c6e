//! Prefixes: which subscribers hear what.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::native_socket::Key;

/// The prefixes of all subscribers, in the order of their bytes.
///
/// Those that a topic begins with are found from the longest to the shortest: a prefix that is not
/// one of the topic stands before it in the order, and all between what they have in common and it
/// are skipped. So a look-up costs about as many steps as it finds, and one or two more.
#[derive(Default)]
pub(super) struct Prefixes {
    subscribers: BTreeMap<Arc<[u8]>, BTreeSet<Key>>,
}

impl Prefixes {
    /// Adds a subscriber of a prefix; returns the prefix as it is kept.
    pub(super) fn add(&mut self, prefix: &[u8], subscriber: Key) -> Arc<[u8]> {
        if let Some((kept, _)) = self.subscribers.get_key_value(prefix) {
            let kept = Arc::clone(kept);
            self.subscribers.get_mut(prefix).expect("it is there").insert(subscriber);
            return kept;
        }
        let kept: Arc<[u8]> = prefix.into();
        self.subscribers.insert(Arc::clone(&kept), BTreeSet::from([subscriber]));
        kept
    }

    /// Removes a subscriber of a prefix.
    pub(super) fn remove(&mut self, prefix: &[u8], subscriber: Key) {
        let subscribers = self.subscribers.get_mut(prefix).expect("what is removed was added");
        subscribers.remove(&subscriber);
        if subscribers.is_empty() {
            self.subscribers.remove(prefix);
        }
    }

    /// Whoever hears a topic; with several prefixes of it, as often.
    pub(super) fn hearers(&self, topic: &[u8]) -> impl Iterator<Item = Key> {
        let mut rest = Some(topic);
        std::iter::from_fn(move || {
            while let Some(end) = rest {
                let range = (Bound::Unbounded, Bound::Included(end));
                let (prefix, subscribers) = self.subscribers.range::<[u8], _>(range).next_back()?;
                let alike = prefix.iter().zip(end).take_while(|(a, b)| a == b).count();
                if alike == prefix.len() {
                    // The next one is shorter.
                    rest = alike.checked_sub(1).map(|len| &end[..len]);
                    return Some(subscribers);
                }
                rest = Some(&end[..alike]);
            }
            None
        })
        .flatten()
        .copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hearers_are_those_whose_prefixes_a_topic_begins_with(
            prefixes in prop::collection::vec("[ab:]{0,6}", 0..60),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            topics in prop::collection::vec("[ab:c]{0,9}", 1..20),
        ) {
            let mut table = Prefixes::default();
            let mut all: Vec<_> =
                (0_u64..).zip(prefixes).map(|(at, one)| (one, Key::of_token(at))).collect();
            all.iter().for_each(|(one, key)| {
                assert_eq!(&*table.add(one.as_bytes(), *key), one.as_bytes());
            });
            for index in removed {
                if !all.is_empty() {
                    let (one, key) = all.swap_remove(index.index(all.len()));
                    table.remove(one.as_bytes(), key);
                }
            }
            for topic in topics {
                let mut heard: Vec<_> = table.hearers(topic.as_bytes()).collect();
                heard.sort_unstable();
                let mut expected: Vec<_> = all
                    .iter()
                    .filter(|(one, _)| topic.starts_with(one.as_str()))
                    .map(|(_, key)| *key)
                    .collect();
                expected.sort_unstable();
                prop_assert_eq!(heard, expected);
            }
            all.iter().for_each(|(one, key)| table.remove(one.as_bytes(), *key));
            prop_assert!(table.subscribers.is_empty());
        }
    }
}
