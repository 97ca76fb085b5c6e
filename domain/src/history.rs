//! History: the latest answers, so that a repeat gets the first one and a fill can be busted.
//!
//! ```text
//!   entries  ┌──┬──┬──┬──┐   a ring of answers      shares ┌─┬─┬─┬─┬─┬─┐  a ring of shares
//!            └──┴──┴──┴──┘                                 └─┴─┴─┴─┴─┴─┘
//!   an answer is forgotten when either ring needs its room; it allocates nothing after the start
//! ```

use crate::ids::mix;
use crate::input::Share;
use crate::limits::HISTORY_SHARES_EACH;
use crate::lookup::Lookup;
use crate::{Price, Quantity, Side, Ticker};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Which message an answer was given to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    /// The source, by its place in the book.
    pub(crate) source: u32,
    /// Its sequence.
    pub(crate) seq: u64,
}

impl Key {
    fn hash(self) -> u64 {
        mix(self.seq ^ (u64::from(self.source) << 48))
    }
}

/// What was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// A fill was divided.
    Fill {
        /// The ticker, by its row.
        row: u32,
        side: Side,
        price: Price,
        quantity: Quantity,
        split: u64,
        busted: bool,
    },
    /// A fill was held, and taken back before anybody had any of it.
    Held,
    /// A fill was taken back.
    Bust { ticker: Ticker, of: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    answer: Answer,
    shares_from: u64,
    shares_len: u32,
}

/// The rings and the index over them.
#[derive(Clone, Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
    capacity: u64,
    /// Answers ever kept; the newest stands at `(next − 1) % capacity`.
    next: u64,
    /// Answers ever forgotten.
    first: u64,
    shares: Box<[Share]>,
    /// Shares ever kept.
    shares_next: u64,
    lookup: Lookup,
}

impl History {
    /// A history of up to `capacity` answers, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            entries: Vec::with_capacity(capacity),
            capacity: wide(capacity),
            next: 0,
            first: 0,
            shares: vec![Share::default(); capacity * HISTORY_SHARES_EACH].into(),
            shares_next: 0,
            lookup: Lookup::new(capacity),
        }
    }

    /// Keeps an answer; one with more shares than the whole ring is kept without them.
    pub(crate) fn keep(&mut self, key: Key, answer: Answer, shares: &[Share]) {
        if self.next - self.first == self.capacity {
            self.forget_oldest();
        }
        let shares = if shares.len() > self.shares.len() { &[] } else { shares };
        let shares_from = self.keep_shares(shares);
        let shares_len = u32::try_from(shares.len()).expect("at most the accounts");
        let entry = Entry { key, answer, shares_from, shares_len };
        let at = self.slot(self.next);
        if at == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[at] = entry;
        }
        self.lookup.insert(key.hash(), u32::try_from(at).expect("a slot number is small"));
        self.next += 1;
    }

    /// The answer to a message, with its shares in two runs (the ring may wrap).
    pub(crate) fn find(&self, key: Key) -> Option<(Answer, [&[Share]; 2])> {
        let entry = &self.entries[self.find_slot(key)?];
        let from = self.share_slot(entry.shares_from);
        let len = crate::holdings::index(entry.shares_len);
        let until = (from + len).min(self.shares.len());
        Some((entry.answer, [&self.shares[from..until], &self.shares[..len - (until - from)]]))
    }

    /// Marks a fill as busted, so that it is not busted twice.
    pub(crate) fn mark_busted(&mut self, key: Key) {
        let slot = self.find_slot(key).expect("found a moment ago");
        if let Answer::Fill { busted, .. } = &mut self.entries[slot].answer {
            *busted = true;
        }
    }

    fn find_slot(&self, key: Key) -> Option<usize> {
        let found = self
            .lookup
            .find(key.hash(), |slot| self.entries[crate::holdings::index(slot)].key == key)?;
        Some(crate::holdings::index(found))
    }

    /// Writes shares into their ring, forgetting the answers whose shares stood there.
    fn keep_shares(&mut self, shares: &[Share]) -> u64 {
        let from = self.shares_next;
        let until = from + wide(shares.len());
        while self.first < self.next
            && self.entries[self.slot(self.first)].shares_from + wide(self.shares.len()) < until
        {
            self.forget_oldest();
        }
        for (at, share) in (from..until).zip(shares) {
            let slot = self.share_slot(at);
            self.shares[slot] = *share;
        }
        self.shares_next = until;
        from
    }

    fn forget_oldest(&mut self) {
        let slot = self.slot(self.first);
        let (entries, key) = (&self.entries, self.entries[slot].key);
        self.lookup.remove(key.hash(), u32::try_from(slot).expect("small"), |slot| {
            entries[crate::holdings::index(slot)].key.hash()
        });
        self.first += 1;
    }

    fn slot(&self, number: u64) -> usize {
        usize::try_from(number % self.capacity).expect("less than the capacity")
    }

    fn share_slot(&self, number: u64) -> usize {
        usize::try_from(number % wide(self.shares.len())).expect("less than the ring")
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a usize fits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn answer(of: u64) -> Answer {
        Answer::Bust { ticker: Ticker::new(b"T").unwrap(), of }
    }

    proptest! {
        #[test]
        fn the_latest_answers_are_found_whole(
            capacity in 1..9_usize,
            lens in prop::collection::vec(0..12_usize, 1..80),
        ) {
            let mut history = History::new(capacity);
            let mut kept: BTreeMap<u64, Vec<Share>> = BTreeMap::new();
            for (seq, len) in lens.iter().enumerate() {
                let seq = wide(seq) + 1;
                let share = |at| Share { account: 7, quantity: seq * 100 + wide(at) };
                let shares: Vec<_> = (0..*len).map(share).collect();
                history.keep(Key { source: 3, seq }, answer(seq), &shares);
                let fits = *len <= capacity * HISTORY_SHARES_EACH;
                kept.insert(seq, if fits { shares } else { vec![] });
            }
            let newest = wide(lens.len());
            for (seq, shares) in &kept {
                if let Some((found, runs)) = history.find(Key { source: 3, seq: *seq }) {
                    prop_assert_eq!(found, answer(*seq));
                    prop_assert_eq!(&runs.concat(), shares);
                } else {
                    prop_assert!(*seq < newest, "the newest is always there");
                }
            }
            prop_assert!(history.next - history.first <= wide(capacity));
        }
    }
}
