//! History: the latest outcomes, so that a repeat gets the first one and a fill can be busted.
//!
//! ```text
//!   entries  ┌──┬──┬──┬──┐   a ring of outcomes     shares ┌─┬─┬─┬─┬─┬─┐  a ring of shares
//!            └──┴──┴──┴──┘                                 └─┴─┴─┴─┴─┴─┘
//!   an outcome is forgotten when either ring needs its room; nothing is allocated after the start
//! ```

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use allot_domain::mix;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use allot_domain::{Lookup, Seq, SourceIndex};
use allot_domain::{Price, Quantity, Side, Ticker};

use crate::input::Share;
use crate::limits::HISTORY_SHARES_EACH;
use crate::{AccountIndex, RowIndex, SplitNumber};

/// How many slots of the index share a cache line.
const INDEX_LINE: u64 = 8;

/// Which message an outcome is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    /// The source.
    pub(crate) source: SourceIndex,
    /// Its sequence number.
    pub(crate) seq: Seq,
}

impl Key {
    /// Consecutive messages of a source are side by side in the index, on one cache line.
    fn hash(self) -> u64 {
        let seq = self.seq.get();
        let line = mix((seq / INDEX_LINE) ^ (u64::from(self.source.get()) << 48));
        line - line % INDEX_LINE + seq % INDEX_LINE
    }
}

/// What came of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FirstOutcome {
    /// A fill was divided.
    Fill {
        /// The ticker, by its row.
        row: RowIndex,
        side: Side,
        price: Price,
        quantity: Quantity,
        split: SplitNumber,
        busted: bool,
    },
    /// A fill was held, and taken back before it was divided.
    Held,
    /// A fill was taken back.
    Bust { ticker: Ticker, of: Seq },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    outcome: FirstOutcome,
    shares_from: u64,
    shares_len: u32,
}

/// Bytes of an outcome in a snapshot: the shortest, and that of a fill.
const ENTRY_LEN_MIN: usize = 4 + 8 + 4 + 1;
const ENTRY_LEN_USUAL: usize = ENTRY_LEN_MIN + 4 + 1 + 8 + 8 + 8 + 1;

/// What an outcome is, in a snapshot.
const FILL: u8 = 0;
const HELD: u8 = 1;
const BUST: u8 = 2;

impl Entry {
    const FORGOTTEN: Self = Self {
        key: Key { source: SourceIndex::new(0), seq: Seq::new(0) },
        outcome: FirstOutcome::Held,
        shares_from: 0,
        shares_len: 0,
    };

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.source.get().to_le_bytes());
        out.extend_from_slice(&self.key.seq.get().to_le_bytes());
        out.extend_from_slice(&self.shares_len.to_le_bytes());
        match &self.outcome {
            FirstOutcome::Fill { row, side, price, quantity, split, busted } => {
                out.push(FILL);
                out.extend_from_slice(&row.get().to_le_bytes());
                out.push(u8::from(*side == Side::Sell));
                out.extend_from_slice(&price.nanos().to_le_bytes());
                out.extend_from_slice(&quantity.get().to_le_bytes());
                out.extend_from_slice(&split.get().to_le_bytes());
                out.push(u8::from(*busted));
            }
            FirstOutcome::Held => out.push(HELD),
            FirstOutcome::Bust { ticker, of } => {
                out.push(BUST);
                put_name(out, ticker.as_bytes());
                out.extend_from_slice(&of.get().to_le_bytes());
            }
        }
    }

    fn load(cursor: &mut Cursor<'_>, shares_from: u64) -> Result<Self, SnapshotError> {
        let key = Key { source: SourceIndex::new(cursor.u32()?), seq: Seq::new(cursor.u64()?) };
        let shares_len = cursor.u32()?;
        let outcome = match cursor.u8()? {
            FILL => FirstOutcome::Fill {
                row: RowIndex::new(cursor.u32()?),
                side: cursor.side()?,
                price: cursor.price()?,
                quantity: cursor.quantity()?,
                split: SplitNumber::new(cursor.u64()?),
                busted: cursor.flag()?,
            },
            HELD => FirstOutcome::Held,
            BUST => FirstOutcome::Bust { ticker: cursor.ticker()?, of: Seq::new(cursor.u64()?) },
            _ => return Err(SnapshotError::Broken("an outcome of an unknown kind")),
        };
        Ok(Self { key, outcome, shares_from, shares_len })
    }
}

/// Bytes of a share in a snapshot.
const SHARE_LEN: usize = 4 + 8;

fn share_bytes(share: &Share) -> [u8; SHARE_LEN] {
    let mut bytes = [0; SHARE_LEN];
    bytes[..4].copy_from_slice(&share.account.get().to_le_bytes());
    bytes[4..].copy_from_slice(&share.quantity.to_le_bytes());
    bytes
}

fn share_from(bytes: &[u8; SHARE_LEN]) -> Share {
    let (account, quantity) = bytes.split_first_chunk().expect("an account comes first");
    let quantity = quantity.first_chunk().expect("and a quantity after it");
    Share {
        account: AccountIndex::new(u32::from_le_bytes(*account)),
        quantity: u64::from_le_bytes(*quantity),
    }
}

/// The rings and the index over them.
#[derive(Clone, Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
    ring: Ring,
    /// How many outcomes were ever forgotten.
    first: u64,
    shares: Box<[Share]>,
    shares_ring: Ring,
    /// The first share of the oldest outcome.
    shares_first: u64,
    lookup: Lookup,
}

/// The slots of a ring for numbers that count up for ever: `number % capacity`, without a division
/// for the last two rounds, which are all that are needed.
#[derive(Clone, Copy, Debug)]
struct Ring {
    capacity: u64,
    /// The next number.
    next: u64,
    /// The first number of this round.
    round: u64,
}

impl Ring {
    const fn new(capacity: u64) -> Self {
        Self { capacity, next: 0, round: 0 }
    }

    /// Advances by `count` numbers, at most a round.
    fn advance(&mut self, count: u64) {
        self.next += count;
        if self.capacity <= self.next - self.round {
            self.round += self.capacity;
        }
    }

    /// Continues from this number.
    fn start_at(&mut self, next: u64) {
        (self.next, self.round) = (next, next - next % self.capacity);
    }

    /// The slot of a number: the next, or one of the last round before it.
    fn slot(&self, number: u64) -> usize {
        let from = if number < self.round { self.round - self.capacity } else { self.round };
        usize::try_from(number - from).expect("less than the capacity")
    }
}

impl History {
    /// A history of up to `capacity` outcomes, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            entries: Vec::with_capacity(capacity),
            ring: Ring::new(wide(capacity)),
            first: 0,
            shares: vec![Share::default(); capacity * HISTORY_SHARES_EACH].into(),
            shares_ring: Ring::new(wide(capacity * HISTORY_SHARES_EACH)),
            shares_first: 0,
            lookup: Lookup::new(capacity),
        }
    }

    /// Stores an outcome; one with more shares than the whole ring is kept without them.
    pub(crate) fn store(&mut self, key: Key, outcome: FirstOutcome, shares: &[Share]) {
        if self.ring.next - self.first == self.ring.capacity {
            self.forget_oldest();
        }
        let shares = if self.shares.len() < shares.len() { &[] } else { shares };
        let shares_from = self.store_shares(shares);
        let shares_len = u32::try_from(shares.len()).expect("at most the accounts");
        self.push(Entry { key, outcome, shares_from, shares_len });
    }

    /// The outcome of a message, with its shares in two runs (the ring may wrap).
    pub(crate) fn find(&self, key: Key) -> Option<(FirstOutcome, [&[Share]; 2])> {
        let entry = &self.entries[self.find_slot(key)?];
        Some((entry.outcome, self.shares_of(entry)))
    }

    /// All outcomes, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, FirstOutcome, [&[Share]; 2])> {
        let entries =
            (self.first..self.ring.next).map(|number| &self.entries[self.ring.slot(number)]);
        entries.map(|entry| (entry.key, entry.outcome, self.shares_of(entry)))
    }

    fn shares_of(&self, entry: &Entry) -> [&[Share]; 2] {
        self.runs(entry.shares_from, wide_index(entry.shares_len))
    }

    /// `len` shares from this number on: the ring may wrap.
    fn runs(&self, from: u64, len: usize) -> [&[Share]; 2] {
        let from = self.shares_ring.slot(from);
        let until = (from + len).min(self.shares.len());
        [&self.shares[from..until], &self.shares[..len - (until - from)]]
    }

    /// Marks a fill as busted, so that it is not busted twice.
    pub(crate) fn mark_busted(&mut self, key: Key) {
        let slot = self.find_slot(key).expect("found a moment ago");
        if let FirstOutcome::Fill { busted, .. } = &mut self.entries[slot].outcome {
            *busted = true;
        }
    }

    fn find_slot(&self, key: Key) -> Option<usize> {
        let found =
            self.lookup.find(key.hash(), |slot| self.entries[wide_index(slot)].key == key)?;
        Some(wide_index(found))
    }

    /// Writes shares into their ring, forgetting the outcomes whose shares were there.
    fn store_shares(&mut self, shares: &[Share]) -> u64 {
        let from = self.shares_ring.next;
        let until = from + wide(shares.len());
        while self.first < self.ring.next && self.shares_first + wide(self.shares.len()) < until {
            self.forget_oldest();
        }
        let slot = self.shares_ring.slot(from);
        let (before_end, rest) = shares.split_at(shares.len().min(self.shares.len() - slot));
        self.shares[slot..slot + before_end.len()].copy_from_slice(before_end);
        self.shares[..rest.len()].copy_from_slice(rest);
        self.shares_ring.advance(wide(shares.len()));
        from
    }

    fn forget_oldest(&mut self) {
        let slot = self.ring.slot(self.first);
        let Entry { key, shares_from, shares_len, .. } = self.entries[slot];
        self.lookup.remove(key.hash(), u32::try_from(slot).expect("small"));
        self.first += 1;
        // Shares are in the order of their outcomes, without gaps.
        self.shares_first = shares_from + u64::from(shares_len);
    }

    /// Writes the outcomes that are kept, with the numbers of their slots.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let entries =
            (self.first..self.ring.next).map(|number| &self.entries[self.ring.slot(number)]);
        let shares_len = self.shares_ring.next - self.shares_first;
        let shares_len = usize::try_from(shares_len).expect("in the ring");
        out.reserve(entries.clone().count() * ENTRY_LEN_USUAL + shares_len * SHARE_LEN);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.shares_first.to_le_bytes());
        put_count(out, entries.clone().count());
        for entry in entries {
            entry.save(out);
        }
        for share in self.runs(self.shares_first, shares_len).into_iter().flatten() {
            out.extend_from_slice(&share_bytes(share));
        }
    }

    /// Reads what [`History::save`] wrote, while nothing is kept.
    pub(crate) fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        self.first = cursor.counter()?;
        self.ring.start_at(self.first);
        self.shares_first = cursor.counter()?;
        self.shares_ring.start_at(self.shares_first);
        let capacity = usize::try_from(self.ring.capacity).expect("it was a usize");
        let count = cursor.count(capacity, ENTRY_LEN_MIN)?;
        // Slots of forgotten outcomes hold anything, but they are there.
        let forgotten = self.first.min(self.ring.capacity);
        let forgotten = usize::try_from(forgotten).expect("at most the capacity");
        self.entries.resize(forgotten, Entry::FORGOTTEN);
        let mut shares_next = self.shares_first;
        for _ in 0..count {
            let entry = Entry::load(cursor, shares_next)?;
            ensure(self.find_slot(entry.key).is_none(), "an outcome twice")?;
            shares_next += u64::from(entry.shares_len);
            let is_room = shares_next - self.shares_first <= wide(self.shares.len());
            ensure(is_room, "more shares than the history keeps")?;
            self.push(entry);
        }
        let shares_len = usize::try_from(shares_next - self.shares_first).expect("in the ring");
        for bytes in cursor.records(shares_len)? {
            let slot = self.shares_ring.slot(self.shares_ring.next);
            self.shares[slot] = share_from(bytes);
            self.shares_ring.advance(1);
        }
        Ok(())
    }

    /// Adds an entry, for which there is room. Inlined, so that it is built where it stays.
    #[inline(always)]
    fn push(&mut self, entry: Entry) {
        let at = self.ring.slot(self.ring.next);
        if at == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[at] = entry;
        }
        self.lookup.insert(entry.key.hash(), u32::try_from(at).expect("a slot number is small"));
        self.ring.advance(1);
    }
}

fn wide_index(small: u32) -> usize {
    usize::try_from(small).expect("a usize has at least 32 bits")
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a usize fits")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn outcome(of: Seq) -> FirstOutcome {
        FirstOutcome::Bust { ticker: Ticker::new(b"T").unwrap(), of }
    }

    proptest! {
        #[test]
        fn the_slot_of_a_number_is_its_remainder(
            capacity in 1..9_u64,
            start in 0..50_u64,
            steps in prop::collection::vec(0..9_u64, 0..40),
        ) {
            let mut ring = Ring::new(capacity);
            ring.start_at(start);
            for step in steps {
                ring.advance(step.min(capacity));
                for number in ring.next.saturating_sub(capacity)..=ring.next {
                    prop_assert_eq!(wide(ring.slot(number)), number % capacity);
                }
            }
        }

        #[test]
        fn the_latest_outcomes_are_found_whole(
            capacity in 1..9_usize,
            lens in prop::collection::vec(0..12_usize, 1..80),
        ) {
            let mut history = History::new(capacity);
            let mut kept: BTreeMap<u64, Vec<Share>> = BTreeMap::new();
            for (seq, len) in lens.iter().enumerate() {
                let seq = wide(seq) + 1;
                let account = AccountIndex::new(7);
                let share = |at| Share { account, quantity: seq * 100 + wide(at) };
                let shares: Vec<_> = (0..*len).map(share).collect();
                let key = Key { source: SourceIndex::new(3), seq: Seq::new(seq) };
                history.store(key, outcome(Seq::new(seq)), &shares);
                let fits = *len <= capacity * HISTORY_SHARES_EACH;
                kept.insert(seq, if fits { shares } else { vec![] });
            }
            let newest = wide(lens.len());
            for (seq, shares) in &kept {
                let key = Key { source: SourceIndex::new(3), seq: Seq::new(*seq) };
                if let Some((found, runs)) = history.find(key) {
                    prop_assert_eq!(found, outcome(Seq::new(*seq)));
                    prop_assert_eq!(&runs.concat(), shares);
                } else {
                    prop_assert!(*seq < newest, "the newest is always there");
                }
            }
            prop_assert!(history.ring.next - history.first <= wide(capacity));
        }
    }
}
