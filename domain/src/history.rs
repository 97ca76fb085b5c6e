//! History: the latest answers, so that a repeat gets the first one and a fill can be busted.
//!
//! ```text
//!   entries  ┌──┬──┬──┬──┐   a ring of answers      shares ┌─┬─┬─┬─┬─┬─┐  a ring of shares
//!            └──┴──┴──┴──┘                                 └─┴─┴─┴─┴─┴─┘
//!   an answer is forgotten when either ring needs its room; it allocates nothing after the start
//! ```

use crate::ids::mix;
use crate::image::{Cursor, ImageError, ensure, put_count, put_name};
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

/// Bytes of an answer in an image: the shortest, and that of a fill.
const ENTRY_LEN_MIN: usize = 4 + 8 + 4 + 1;
const ENTRY_LEN_USUAL: usize = ENTRY_LEN_MIN + 4 + 1 + 8 + 8 + 8 + 1;

/// What an answer is, in an image.
const FILL: u8 = 0;
const HELD: u8 = 1;
const BUST: u8 = 2;

impl Entry {
    const FORGOTTEN: Self = Self {
        key: Key { source: 0, seq: 0 },
        answer: Answer::Held,
        shares_from: 0,
        shares_len: 0,
    };

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.source.to_le_bytes());
        out.extend_from_slice(&self.key.seq.to_le_bytes());
        out.extend_from_slice(&self.shares_len.to_le_bytes());
        match &self.answer {
            Answer::Fill { row, side, price, quantity, split, busted } => {
                out.push(FILL);
                out.extend_from_slice(&row.to_le_bytes());
                out.push(u8::from(*side == Side::Sell));
                out.extend_from_slice(&price.nanos().to_le_bytes());
                out.extend_from_slice(&quantity.get().to_le_bytes());
                out.extend_from_slice(&split.to_le_bytes());
                out.push(u8::from(*busted));
            }
            Answer::Held => out.push(HELD),
            Answer::Bust { ticker, of } => {
                out.push(BUST);
                put_name(out, ticker.as_bytes());
                out.extend_from_slice(&of.to_le_bytes());
            }
        }
    }

    fn load(cursor: &mut Cursor<'_>, shares_from: u64) -> Result<Self, ImageError> {
        let key = Key { source: cursor.u32()?, seq: cursor.u64()? };
        let shares_len = cursor.u32()?;
        let answer = match cursor.u8()? {
            FILL => Answer::Fill {
                row: cursor.u32()?,
                side: cursor.side()?,
                price: cursor.price()?,
                quantity: cursor.quantity()?,
                split: cursor.u64()?,
                busted: cursor.flag()?,
            },
            HELD => Answer::Held,
            BUST => Answer::Bust { ticker: cursor.ticker()?, of: cursor.u64()? },
            _ => return Err(ImageError::Broken("an answer of an unknown kind")),
        };
        Ok(Self { key, answer, shares_from, shares_len })
    }
}

/// Bytes of a share in an image.
const SHARE_LEN: usize = 4 + 8;

fn share_bytes(share: &Share) -> [u8; SHARE_LEN] {
    let mut bytes = [0; SHARE_LEN];
    bytes[..4].copy_from_slice(&share.account.to_le_bytes());
    bytes[4..].copy_from_slice(&share.quantity.to_le_bytes());
    bytes
}

fn share_from(bytes: &[u8; SHARE_LEN]) -> Share {
    let (account, quantity) = bytes.split_first_chunk().expect("an account comes first");
    let quantity = quantity.first_chunk().expect("and a quantity after it");
    Share { account: u32::from_le_bytes(*account), quantity: u64::from_le_bytes(*quantity) }
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
        self.push(Entry { key, answer, shares_from, shares_len });
    }

    /// The answer to a message, with its shares in two runs (the ring may wrap).
    pub(crate) fn find(&self, key: Key) -> Option<(Answer, [&[Share]; 2])> {
        let entry = &self.entries[self.find_slot(key)?];
        Some((entry.answer, self.shares_of(entry)))
    }

    /// All answers, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, Answer, [&[Share]; 2])> {
        let entries = (self.first..self.next).map(|number| &self.entries[self.slot(number)]);
        entries.map(|entry| (entry.key, entry.answer, self.shares_of(entry)))
    }

    fn shares_of(&self, entry: &Entry) -> [&[Share]; 2] {
        self.runs(entry.shares_from, crate::holdings::index(entry.shares_len))
    }

    /// So many shares from this number on: the ring may wrap.
    fn runs(&self, from: u64, len: usize) -> [&[Share]; 2] {
        let from = self.share_slot(from);
        let until = (from + len).min(self.shares.len());
        [&self.shares[from..until], &self.shares[..len - (until - from)]]
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
        let key = self.entries[slot].key;
        self.lookup.remove(key.hash(), u32::try_from(slot).expect("small"));
        self.first += 1;
    }

    /// Writes the answers that are kept, with the numbers that say where they stand.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let entries = (self.first..self.next).map(|number| &self.entries[self.slot(number)]);
        let shares_first = entries.clone().next().map_or(self.shares_next, |it| it.shares_from);
        let shares_len = usize::try_from(self.shares_next - shares_first).expect("in the ring");
        out.reserve(entries.clone().count() * ENTRY_LEN_USUAL + shares_len * SHARE_LEN);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&shares_first.to_le_bytes());
        put_count(out, entries.clone().count());
        for entry in entries {
            entry.save(out);
        }
        for share in self.runs(shares_first, shares_len).into_iter().flatten() {
            out.extend_from_slice(&share_bytes(share));
        }
    }

    /// Reads what [`History::save`] wrote, while nothing is kept.
    pub(crate) fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), ImageError> {
        self.first = cursor.counter()?;
        self.next = self.first;
        self.shares_next = cursor.counter()?;
        let shares_first = self.shares_next;
        let capacity = usize::try_from(self.capacity).expect("it was a usize");
        let count = cursor.count(capacity, ENTRY_LEN_MIN)?;
        // Slots whose answers are forgotten hold anything, but they are there.
        let forgotten = usize::try_from(self.first.min(self.capacity)).expect("at most capacity");
        self.entries.resize(forgotten, Entry::FORGOTTEN);
        for _ in 0..count {
            let entry = Entry::load(cursor, self.shares_next)?;
            ensure(self.find_slot(entry.key).is_none(), "an answer twice")?;
            self.shares_next += u64::from(entry.shares_len);
            let is_room = self.shares_next - shares_first <= wide(self.shares.len());
            ensure(is_room, "more shares than the history keeps")?;
            self.push(entry);
        }
        let shares_len = usize::try_from(self.shares_next - shares_first).expect("in the ring");
        for (number, bytes) in (shares_first..).zip(cursor.records(shares_len)?) {
            let slot = self.share_slot(number);
            self.shares[slot] = share_from(bytes);
        }
        Ok(())
    }

    /// Adds an entry, for which there is room.
    fn push(&mut self, entry: Entry) {
        let at = self.slot(self.next);
        if at == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[at] = entry;
        }
        self.lookup.insert(entry.key.hash(), u32::try_from(at).expect("a slot number is small"));
        self.next += 1;
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
