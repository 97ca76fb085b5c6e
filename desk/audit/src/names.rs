//! Names: which messages were applied. Nothing is applied twice.
//!
//! Maps and sets of all that is remembered: the same answers as the memory of a shard, and nothing
//! of how it gets to them. There may be millions of names, so that each is kept in 32 bytes: its
//! source and its user as numbers, and 128 bits of what names it among theirs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use allot_desk_rules::User;
use allot_domain::{JUMP, MessageId, Seq, SourceId, limits};

/// What a message is called; a request to all has no user.
pub(crate) type Name = (SourceId, Option<User>, MessageId);

/// What is due for a message, as far as its name tells.
pub(crate) enum Standing<V> {
    /// It was not applied yet.
    New,
    /// It was applied: its first answer is due again, if it says the same.
    Applied(V),
    /// It cannot be told from this number, which is forgotten.
    TooOld(Seq),
}

/// A name as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    source: SourceNumber,
    /// Zero where there is no user.
    user: u32,
    /// The number of the message, or 128 bits of its text.
    id: u128,
}

const _: () = assert!(size_of::<Key>() == 32);

/// Which of the sources that ever came, from 1.
type SourceNumber = u64;

/// All messages that are remembered.
#[derive(Clone, Debug)]
pub(crate) struct Names<V> {
    capacity: usize,
    known: BTreeMap<Key, V>,
    oldest_first: VecDeque<Key>,
    /// All users with a name, numbered as they came, from 1.
    users: BTreeMap<User, u32>,
    by_source: BTreeMap<SourceId, Sent>,
    /// The sources of these, by their numbers.
    sources: BTreeMap<SourceNumber, SourceId>,
    /// How many sources ever came.
    sourced: SourceNumber,
    /// The sources without a name left, by when they lost the last.
    quiet: BTreeSet<(u64, SourceId)>,
    /// How many sources ever lost their last name.
    quieted: u64,
}

/// What one source sent. Zero stands for none.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    source: SourceNumber,
    /// How many of its names are known.
    names: usize,
    /// The highest number, without outliers.
    latest: Seq,
    /// Whether another number came near the latest.
    has_company: bool,
    outlier: Seq,
    forgotten_to: Seq,
    forgotten_from: Seq,
    quiet_since: u64,
}

fn is_far_above(number: Seq, latest: Seq) -> bool {
    latest.get().checked_add(JUMP).is_some_and(|near| near < number.get())
}

impl Sent {
    fn follow(&mut self, number: Seq) {
        if self.latest == Seq::ZERO {
            self.latest = number;
        } else if self.outlier != Seq::ZERO
            && is_far_above(number, self.latest)
            && self.outlier.get().abs_diff(number.get()) <= JUMP
        {
            (self.latest, self.outlier) = (self.outlier.max(number), Seq::ZERO);
            self.has_company = true;
        } else if is_far_above(number, self.latest) {
            self.outlier = number;
        } else if !self.has_company && is_far_above(self.latest, number) {
            (self.outlier, self.latest) = (self.latest, number);
        } else {
            self.latest = self.latest.max(number);
            self.has_company = true;
        }
    }

    fn forget(&mut self, number: Seq) {
        if !is_far_above(number, self.latest) {
            self.forgotten_to = self.forgotten_to.max(number);
            return;
        }
        if self.outlier == number {
            self.outlier = Seq::ZERO;
        }
        if self.forgotten_from == Seq::ZERO || number < self.forgotten_from {
            self.forgotten_from = number;
        }
    }
}

impl<V: Clone> Names<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: BTreeMap::new(),
            oldest_first: VecDeque::new(),
            users: BTreeMap::new(),
            by_source: BTreeMap::new(),
            sources: BTreeMap::new(),
            sourced: 0,
            quiet: BTreeSet::new(),
            quieted: 0,
        }
    }

    /// The key of a name; none of a source, or of a user, that nothing is kept of.
    fn find(&self, name: &Name) -> Option<Key> {
        let source = self.by_source.get(&name.0)?.source;
        let user = name.1.map_or(Some(0), |user| self.users.get(&user).copied())?;
        Some(Key { source, user, id: name.2.digest() })
    }

    /// The same, where something is to be kept of it.
    fn enter(&mut self, name: &Name) -> Key {
        let next = u32::try_from(self.users.len() + 1).expect("users are bounded");
        let user = name.1.map_or(0, |user| *self.users.entry(user).or_insert(next));
        let sent = self.by_source.entry(name.0).or_default();
        if sent.source == 0 {
            self.sourced += 1;
            sent.source = self.sourced;
            self.sources.insert(sent.source, name.0);
        }
        Key { source: sent.source, user, id: name.2.digest() }
    }

    pub(crate) fn standing(&self, name: &Name) -> Standing<V> {
        if let Some(value) = self.find(name).and_then(|key| self.known.get(&key)) {
            return Standing::Applied(value.clone());
        }
        let sent = self.by_source.get(&name.0).copied().unwrap_or_default();
        match name.2.number() {
            Some(number) if number <= sent.forgotten_to => Standing::TooOld(sent.forgotten_to),
            Some(number) if Seq::ZERO < sent.forgotten_from && sent.forgotten_from <= number => {
                Standing::TooOld(sent.forgotten_from)
            }
            _ => Standing::New,
        }
    }

    /// Remembers a message as applied.
    pub(crate) fn mark(&mut self, name: Name, value: V) {
        if self.oldest_first.len() == self.capacity {
            self.forget_oldest();
        }
        let key = self.enter(&name);
        self.oldest_first.push_back(key);
        let before = self.known.insert(key, value);
        assert!(before.is_none(), "a name is new once");
        let sent = self.by_source.get_mut(&name.0).expect("it was entered just now");
        if sent.names == 0 {
            self.quiet.remove(&(sent.quiet_since, name.0));
        }
        sent.names += 1;
        if let Some(number) = name.2.number() {
            sent.follow(number);
        }
    }

    /// What is kept of a message, to be changed.
    pub(crate) fn get_mut(&mut self, name: &Name) -> Option<&mut V> {
        let key = self.find(name)?;
        self.known.get_mut(&key)
    }

    fn forget_oldest(&mut self) {
        let key = self.oldest_first.pop_front().expect("it is full");
        self.known.remove(&key).expect("it was not forgotten before");
        let source = self.sources[&key.source];
        // Of a text, a bit above the 64 of a number is set.
        if let (Ok(number), Some(sent)) = (u64::try_from(key.id), self.by_source.get_mut(&source)) {
            sent.forget(Seq::new(number));
        }
        self.lose(source);
    }

    fn lose(&mut self, source: SourceId) {
        let sent = self.by_source.get_mut(&source).expect("its name was known");
        sent.names -= 1;
        if 0 < sent.names {
            return;
        }
        sent.quiet_since = self.quieted;
        self.quiet.insert((self.quieted, source));
        self.quieted += 1;
        if limits::QUIET_SOURCES_MAX < self.quiet.len()
            && let Some((_, source)) = self.quiet.pop_first()
        {
            let sent = self.by_source.remove(&source).expect("it was quiet");
            self.sources.remove(&sent.source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u64) -> Name {
        (SourceId::new(b"f").unwrap(), None, Seq::new(number).into())
    }

    /// The standing of a number after these were applied, with room for three.
    #[track_caller]
    fn check(applied: &[u64], number: u64, expected: &str) {
        let mut names = Names::new(3);
        for number in applied {
            names.mark(name(*number), ());
        }
        let standing = match names.standing(&name(number)) {
            Standing::New => "new".to_owned(),
            Standing::Applied(()) => "applied".to_owned(),
            Standing::TooOld(forgotten) => format!("too old: {forgotten}"),
        };
        assert_eq!(standing, expected);
    }

    #[test]
    fn what_was_applied_is_known_while_it_is_among_the_last() {
        check(&[], 1, "new");
        check(&[1, 2, 3], 1, "applied");
        check(&[1, 2, 3, 4], 1, "too old: 1");
        check(&[7, 8, 9, 10], 6, "too old: 7");
        check(&[1, u64::MAX, 2, 3, 4, 5], 6, "new");
        check(&[1, u64::MAX, 2, 3, 4, 5], u64::MAX, "too old: 18446744073709551615");
    }
}
