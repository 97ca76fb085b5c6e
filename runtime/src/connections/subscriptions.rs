//! Subscriptions: the prefixes that subscribers have asked for, and what they cost ZeroMQ.
//!
//! ZeroMQ keeps the prefixes of all subscribers in one tree: a node for each byte, and prefixes
//! that begin alike share their nodes. Whenever a subscriber goes it walks the whole tree, within
//! one call, at more than a microsecond for each node. So the nodes are counted.

use std::collections::BTreeMap;
use std::ops::Bound;

/// The prefixes of one subscriber.
#[derive(Default)]
pub(super) struct Subscriptions {
    prefixes: BTreeMap<Box<[u8]>, usize>,
    bytes: usize,
    nodes: usize,
}

/// The prefixes of all subscribers, with the number of those who have each.
#[derive(Default)]
pub(super) struct Tree {
    prefixes: BTreeMap<Box<[u8]>, usize>,
    nodes: usize,
}

impl Subscriptions {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// The bytes of all.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The nodes that they added to the tree.
    pub(super) const fn nodes(&self) -> usize {
        self.nodes
    }

    /// Adds a prefix, unless it is there.
    pub(super) fn add(&mut self, prefix: &[u8], tree: &mut Tree) {
        if !self.prefixes.contains_key(prefix) {
            let nodes = tree.add(prefix);
            self.prefixes.insert(prefix.into(), nodes);
            self.bytes += prefix.len();
            self.nodes += nodes;
        }
    }

    /// Removes a prefix, if it is there.
    pub(super) fn remove(&mut self, prefix: &[u8], tree: &mut Tree) {
        if let Some(nodes) = self.prefixes.remove(prefix) {
            tree.remove(prefix);
            self.bytes -= prefix.len();
            self.nodes -= nodes;
        }
    }

    /// Removes all.
    pub(super) fn clear(&mut self, tree: &mut Tree) {
        let prefixes = std::mem::take(self).prefixes;
        prefixes.keys().for_each(|prefix| tree.remove(prefix));
    }
}

impl Tree {
    /// How many nodes it has.
    pub(super) const fn nodes(&self) -> usize {
        self.nodes
    }

    /// Adds a prefix of one more subscriber; returns how many nodes that adds.
    fn add(&mut self, prefix: &[u8]) -> usize {
        if let Some(subscribers) = self.prefixes.get_mut(prefix) {
            *subscribers += 1;
            return 0;
        }
        let nodes = prefix.len() - self.shared(prefix);
        self.prefixes.insert(prefix.into(), 1);
        self.nodes += nodes;
        nodes
    }

    /// Removes a prefix of one subscriber.
    fn remove(&mut self, prefix: &[u8]) {
        let subscribers = self.prefixes.get_mut(prefix).expect("what is removed was added");
        *subscribers -= 1;
        if *subscribers == 0 {
            self.prefixes.remove(prefix);
            self.nodes -= prefix.len() - self.shared(prefix);
        }
    }

    /// How many bytes at the start of a prefix have nodes already: those that it shares with the
    /// next one before or after it in the order of bytes.
    fn shared(&self, prefix: &[u8]) -> usize {
        let before = (Bound::Unbounded, Bound::Excluded(prefix));
        let after = (Bound::Excluded(prefix), Bound::Unbounded);
        let before = self.prefixes.range::<[u8], _>(before).next_back();
        let after = self.prefixes.range::<[u8], _>(after).next();
        let alike = |other: &[u8]| prefix.iter().zip(other).take_while(|(a, b)| a == b).count();
        let neighbours = before.into_iter().chain(after);
        neighbours.map(|(other, _)| alike(other)).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every start of every prefix is a node.
    fn nodes_of(all: &[Subscriptions]) -> usize {
        let prefixes = all.iter().flat_map(|one| one.prefixes.keys());
        let starts = prefixes.flat_map(|prefix| (1..=prefix.len()).map(|len| &prefix[..len]));
        starts.collect::<BTreeSet<_>>().len()
    }

    proptest! {
        #[test]
        fn nodes_are_those_of_a_tree(
            steps in prop::collection::vec((0..3_usize, 0..5_u8, "[ab]{0,5}"), 1..80),
        ) {
            let mut all: [Subscriptions; 3] = Default::default();
            let mut tree = Tree::default();
            for (who, kind, prefix) in steps {
                match kind {
                    0 => all[who].clear(&mut tree),
                    1 => all[who].remove(prefix.as_bytes(), &mut tree),
                    _ => all[who].add(prefix.as_bytes(), &mut tree),
                }
                prop_assert_eq!(tree.nodes(), nodes_of(&all));
                let bytes = all[who].prefixes.keys().map(|prefix| prefix.len()).sum::<usize>();
                prop_assert_eq!(all[who].bytes(), bytes);
            }
        }
    }
}
