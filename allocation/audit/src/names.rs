//! Names: which messages were applied. Nothing is applied twice.
//!
//! Maps and sets of all that is remembered: the same answers as the book's memory, and nothing of
//! how it gets to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use allot_domain::{JUMP, MessageId, Seq, SourceId, TextId, Ticker, limits};

/// What a message is called; a split has no ticker.
pub(crate) type Name = (SourceId, Option<Ticker>, MessageId);

/// A name but for its id.
type Group = (SourceId, Option<Ticker>);

/// An id as it is kept: most are numbers, and a text is eight times as long.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum KeptId {
    Number(Seq),
    Text(Box<TextId>),
}

impl KeptId {
    fn of(id: &MessageId) -> Self {
        match id {
            MessageId::Number(number) => Self::Number(*number),
            MessageId::Text(text) => Self::Text(Box::new(*text)),
        }
    }

    fn number(&self) -> Option<Seq> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

/// What is due for a message, as far as its name tells.
pub(crate) enum Standing<V> {
    /// It was not applied yet.
    New,
    /// It was applied: its first outcome is due again, if it says the same.
    Applied(V),
    /// It cannot be told from this number, which is forgotten.
    TooOld(Seq),
}

/// All messages that are remembered.
#[derive(Clone, Debug)]
pub(crate) struct Names<V> {
    capacity: usize,
    /// By source and ticker, then by id.
    known: BTreeMap<Group, OfGroup<V>>,
    /// Those that were taken back stand here too, until their turn comes.
    oldest_first: VecDeque<(Arc<Group>, KeptId, u64)>,
    /// How many were ever stored.
    stored: u64,
    by_source: BTreeMap<SourceId, Sent>,
    /// The sources without a name left, by when they lost the last.
    quiet: BTreeSet<(u64, SourceId)>,
    /// How many sources ever lost their last name.
    quieted: u64,
}

/// The names of one group.
#[derive(Clone, Debug)]
struct OfGroup<V> {
    /// Shared by the order of its names: it is long, and they are many.
    group: Arc<Group>,
    by_id: BTreeMap<KeptId, Known<V>>,
}

#[derive(Clone, Debug)]
struct Known<V> {
    value: V,
    serial: u64,
}

/// What one source sent. Zero stands for none.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
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
            stored: 0,
            by_source: BTreeMap::new(),
            quiet: BTreeSet::new(),
            quieted: 0,
        }
    }

    pub(crate) fn standing(&self, name: &Name) -> Standing<V> {
        if let Some(known) = self.find(name) {
            return Standing::Applied(known.value.clone());
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

    /// Remembers a message as applied; returns whether one with a higher number came before it.
    pub(crate) fn mark(&mut self, name: Name, value: V) -> bool {
        if self.oldest_first.len() == self.capacity {
            self.forget_oldest();
        }
        self.stored += 1;
        let group = (name.0, name.1);
        let new = || OfGroup { group: Arc::new(group), by_id: BTreeMap::new() };
        let of_group = self.known.entry(group).or_insert_with(new);
        let id = KeptId::of(&name.2);
        self.oldest_first.push_back((Arc::clone(&of_group.group), id.clone(), self.stored));
        of_group.by_id.insert(id, Known { value, serial: self.stored });
        let sent = self.by_source.entry(name.0).or_default();
        if sent.names == 0 {
            self.quiet.remove(&(sent.quiet_since, name.0));
        }
        sent.names += 1;
        let Some(number) = name.2.number() else { return false };
        let is_out_of_order = number < sent.latest;
        sent.follow(number);
        is_out_of_order
    }

    /// What is kept of a message, to be changed.
    pub(crate) fn get_mut(&mut self, name: &Name) -> Option<&mut V> {
        let of_group = self.known.get_mut(&(name.0, name.1))?;
        of_group.by_id.get_mut(&KeptId::of(&name.2)).map(|known| &mut known.value)
    }

    fn find(&self, name: &Name) -> Option<&Known<V>> {
        self.known.get(&(name.0, name.1))?.by_id.get(&KeptId::of(&name.2))
    }

    /// Whether it was known.
    fn remove(&mut self, group: &Group, id: &KeptId) -> bool {
        let Some(of_group) = self.known.get_mut(group) else { return false };
        let is_known = of_group.by_id.remove(id).is_some();
        if of_group.by_id.is_empty() {
            self.known.remove(group);
        }
        is_known
    }

    /// Forgets a message: a held fill that was then rejected.
    pub(crate) fn unmark(&mut self, name: &Name) {
        if self.remove(&(name.0, name.1), &KeptId::of(&name.2)) {
            self.lose(name.0);
        }
    }

    fn forget_oldest(&mut self) {
        let (group, id, serial) = self.oldest_first.pop_front().expect("it is full");
        let of_group = self.known.get(&*group);
        let known = of_group.and_then(|of_group| of_group.by_id.get(&id));
        if known.is_none_or(|known| known.serial != serial) {
            return;
        }
        self.remove(&group, &id);
        if let (Some(number), Some(sent)) = (id.number(), self.by_source.get_mut(&group.0)) {
            sent.forget(number);
        }
        self.lose(group.0);
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
            self.by_source.remove(&source);
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

    #[test]
    fn an_older_number_after_a_newer_one_is_out_of_order() {
        let mut names = Names::new(9);
        assert!(!names.mark(name(2), ()));
        assert!(names.mark(name(1), ()));
    }
}
