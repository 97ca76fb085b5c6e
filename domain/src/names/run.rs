//! Run: the numbers of a source that came in ascending order, each with its entry.
//!
//! Nearly every source counts up. Its next number is then told apart from all before it by one
//! look at the last of them, and its name is remembered and forgotten at the two ends of a queue:
//! nothing is hashed, and nothing is read that is in no cache. A number that came before is found
//! by halving. What comes out of order is indexed elsewhere.

use alloc::collections::VecDeque;

use super::EntryIndex;
use crate::Seq;

/// How far a number may lie above the latest of its source and be the next.
pub const JUMP: u64 = 1 << 40;

/// The numbers, and where their entries are. The entries are in the order in which they are
/// forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Run(VecDeque<Place>);

#[derive(Clone, Copy, Debug)]
struct Place {
    number: Seq,
    /// None of a name that was withdrawn.
    entry: Option<EntryIndex>,
}

impl Run {
    /// The entry of a number.
    pub(super) fn find(&self, number: Seq) -> Option<EntryIndex> {
        // Nearly every number that is looked for is the next one.
        let is_within = self.0.back().is_some_and(|last| number <= last.number);
        let at = if is_within { self.position(number)? } else { return None };
        self.0[at].entry
    }

    fn position(&self, number: Seq) -> Option<usize> {
        self.0.binary_search_by_key(&number, |place| place.number).ok()
    }

    /// Takes a number that comes in order; false where it does not, or lies so far above that those
    /// which follow would not.
    pub(super) fn push(&mut self, number: Seq, entry: EntryIndex) -> bool {
        let comes_next = self
            .0
            .back()
            .is_none_or(|last| last.number < number && !is_outlier(last.number, number));
        if comes_next {
            self.0.push_back(Place { number, entry: Some(entry) });
        }
        comes_next
    }

    /// Forgets the oldest entry of all; false where it is not in here.
    pub(super) fn forget(&mut self, entry: EntryIndex) -> bool {
        while self.0.pop_front_if(|place| place.entry.is_none()).is_some() {}
        self.0.pop_front_if(|place| place.entry == Some(entry)).is_some()
    }

    /// Withdraws a name; false where it is not in here.
    pub(super) fn withdraw(&mut self, number: Seq, entry: EntryIndex) -> bool {
        let place = self.position(number).map(|at| &mut self.0[at]);
        let place = place.filter(|place| place.entry == Some(entry));
        place.map(|place| place.entry = None).is_some()
    }

    /// Gives its memory back: no name of the source is remembered.
    pub(super) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
}

/// Whether a number lies far above the latest of its source.
pub(super) const fn is_outlier(latest: Seq, number: Seq) -> bool {
    JUMP < number.get().saturating_sub(latest.get())
}
