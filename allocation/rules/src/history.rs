//! History: the latest outcomes, so that a repeat gets the first one and a fill can be busted.
//!
//! ```text
//!   entries  ┌──┬──┬──┬──┐   a ring of outcomes     shares ┌─┬─┬─┬─┬─┬─┐  a ring of shares
//!            └──┴──┴──┴──┘                                 └─┴─┴─┴─┴─┴─┘
//!   an outcome is forgotten when either ring needs its room; nothing is allocated after the start
//! ```
//!
//! Each fill writes one entry, and reads the one in whose place it comes; neither is in a cache. So
//! an entry is short: ids that are texts are beside the ring, from the first of them on.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use allot_domain::{MessageId, Price, Quantity, Ring, Seq, Side, SourceId, TextId};

use crate::input::Share;
use crate::limits::HISTORY_SHARES_EACH;
use crate::{AccountIndex, OutcomeNumber, RowIndex, SplitNumber, TickerSeq};

/// What came of a message first, with ids as they are told or as they are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct First<Id = MessageId> {
    /// The message.
    pub(crate) source: SourceId,
    pub(crate) seq: Seq,
    pub(crate) id: Id,
    pub(crate) time_ns: u64,
    /// Its ticker, by its row.
    pub(crate) row: RowIndex,
    pub(crate) what: What<Id>,
    /// The outcome of the same row before it; zero before the first.
    pub(crate) before: OutcomeNumber,
    /// The last outcome of the same row before it that is marked; zero where none is.
    pub(crate) mark: OutcomeNumber,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What<Id = MessageId> {
    /// A fill was divided.
    Divided {
        side: Side,
        price: Price,
        quantity: Quantity,
        split: SplitNumber,
        busted: bool,
        /// Whether the fill had been held.
        late: bool,
    },
    /// A fill was taken back.
    Busted { of: Id },
}

/// An id as it is kept: a number, or zero where it is a text.
type KeptId = Seq;

/// The ids of an outcome that are texts.
#[derive(Clone, Copy, Debug)]
struct Texts {
    id: Option<TextId>,
    of: Option<TextId>,
}

impl First {
    fn texts(&self) -> Texts {
        let text = |id: &MessageId| match id {
            MessageId::Number(_) => None,
            MessageId::Text(text) => Some(*text),
        };
        let of = match &self.what {
            What::Divided { .. } => None,
            What::Busted { of } => text(of),
        };
        Texts { id: text(&self.id), of }
    }

    #[inline(always)]
    fn has_text(&self) -> bool {
        let is_text = |id: &MessageId| matches!(id, MessageId::Text(_));
        is_text(&self.id) || matches!(&self.what, What::Busted { of } if is_text(of))
    }
}

impl<Id: Copy> First<Id> {
    /// The same with other ids: what the message is named, and what a bust takes back.
    #[inline(always)]
    fn with_ids<To>(&self, id: impl Fn(Id) -> To, of: impl Fn(Id) -> To) -> First<To> {
        let Self { source, seq, time_ns, row, before, mark, .. } = *self;
        let what = match self.what {
            What::Divided { side, price, quantity, split, busted, late } => {
                What::Divided { side, price, quantity, split, busted, late }
            }
            What::Busted { of: fill } => What::Busted { of: of(fill) },
        };
        First { source, seq, id: id(self.id), time_ns, row, what, before, mark }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    first: First<KeptId>,
    shares_from: u64,
    shares_len: u32,
}

/// Bytes of an outcome in a snapshot: the shortest, and that of a fill.
const ENTRY_LEN_MIN: usize = 2 + 8 + 2 + 8 + 4 + 4 + 1;
const ENTRY_LEN_USUAL: usize = ENTRY_LEN_MIN + 16 + 1 + 8 + 8 + 8 + 1 + 1;

/// What an outcome is, in a snapshot.
const DIVIDED: u8 = 0;
const BUSTED: u8 = 1;

impl First {
    fn save(&self, shares_len: u32, out: &mut Vec<u8>) {
        let Self { source, seq, id, time_ns, row, what, .. } = self;
        put_name(out, source.as_bytes());
        out.extend_from_slice(&seq.get().to_le_bytes());
        put_id(out, (*seq).into(), id);
        out.extend_from_slice(&time_ns.to_le_bytes());
        out.extend_from_slice(&row.get().to_le_bytes());
        out.extend_from_slice(&shares_len.to_le_bytes());
        match what {
            What::Divided { side, price, quantity, split, busted, late } => {
                out.push(DIVIDED);
                out.push(u8::from(*side == Side::Sell));
                out.extend_from_slice(&price.nanos().to_le_bytes());
                out.extend_from_slice(&quantity.get().to_le_bytes());
                out.extend_from_slice(&split.get().to_le_bytes());
                out.push(u8::from(*busted));
                out.push(u8::from(*late));
            }
            What::Busted { of } => {
                out.push(BUSTED);
                put_id(out, MessageId::Number(Seq::ZERO), of);
            }
        }
    }

    /// Reads what [`First::save`] wrote, and how many shares it has; those before it in its row are
    /// not known yet.
    fn load(cursor: &mut Cursor<'_>) -> Result<(Self, u32), SnapshotError> {
        let (source, seq) = (cursor.source()?, Seq::new(cursor.u64()?));
        let id = cursor.id(seq.into())?;
        let (time_ns, row) = (cursor.u64()?, RowIndex::new(cursor.u32()?));
        let shares_len = cursor.u32()?;
        let what = match cursor.u8()? {
            DIVIDED => What::Divided {
                side: cursor.side()?,
                price: cursor.price()?,
                quantity: cursor.quantity()?,
                split: SplitNumber::new(cursor.u64()?),
                busted: cursor.flag()?,
                late: cursor.flag()?,
            },
            BUSTED => What::Busted { of: cursor.id(MessageId::Number(Seq::ZERO))? },
            _ => return Err(SnapshotError::Broken("an outcome of an unknown kind")),
        };
        let (before, mark) = (OutcomeNumber::ZERO, OutcomeNumber::ZERO);
        Ok((Self { source, seq, id, time_ns, row, what, before, mark }, shares_len))
    }
}

impl Entry {
    /// Whether it was kept without its shares.
    fn is_bare(&self) -> bool {
        matches!(self.first.what, What::Divided { .. }) && self.shares_len == 0
    }
}

/// Writes an id: nothing where it is the usual one.
pub(crate) fn put_id(out: &mut Vec<u8>, usual: MessageId, id: &MessageId) {
    match id {
        id if *id == usual => out.push(0),
        MessageId::Text(text) => put_name(out, text.as_bytes()),
        MessageId::Number(number) => {
            // Digits as text: the same id however it was written.
            let text = alloc::string::ToString::to_string(number);
            put_name(out, text.as_bytes());
        }
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

/// The rings.
#[derive(Clone, Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
    /// The texts of each slot; empty while no id was a text.
    texts: Vec<Texts>,
    ring: Ring,
    /// How many outcomes were ever forgotten.
    first: u64,
    shares: Box<[Share]>,
    shares_ring: Ring,
    /// The first share of the oldest outcome.
    shares_first: u64,
    /// The last outcome that is kept without its shares: it had more than the whole ring.
    bare: OutcomeNumber,
}

impl History {
    /// A history of up to `capacity` outcomes, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            entries: Vec::new(),
            texts: Vec::new(),
            ring: Ring::of(capacity),
            first: 0,
            shares: vec![Share::default(); capacity * HISTORY_SHARES_EACH].into(),
            shares_ring: Ring::of(capacity * HISTORY_SHARES_EACH),
            shares_first: 0,
            bare: OutcomeNumber::ZERO,
        }
    }

    /// The number of the next outcome.
    pub(crate) fn next_number(&self) -> OutcomeNumber {
        OutcomeNumber::new(self.ring.next() + 1)
    }

    /// Stores an outcome; one with more shares than the whole ring is kept without them.
    pub(crate) fn store(&mut self, first: First, shares: &[Share]) -> OutcomeNumber {
        let number = self.next_number();
        if self.ring.next() - self.first == self.ring.capacity() {
            self.forget_oldest();
        }
        let is_bare = self.shares.len() < shares.len();
        let shares = if is_bare { &[] } else { shares };
        if is_bare {
            self.bare = number;
        }
        let shares_from = self.store_shares(shares);
        let shares_len = u32::try_from(shares.len()).expect("at most the accounts");
        self.push(&first, shares_from, shares_len);
        number
    }

    /// An outcome that is kept, with its shares in two runs (the ring may wrap).
    pub(crate) fn get(&self, number: OutcomeNumber) -> Option<(First, [&[Share]; 2])> {
        Some(self.at(self.slot(number)?))
    }

    /// Those before an outcome that is kept: the one before it in its row, and the last marked one.
    pub(crate) fn links(&self, number: OutcomeNumber) -> Option<(OutcomeNumber, OutcomeNumber)> {
        let First { before, mark, .. } = self.entries[self.slot(number)?].first;
        Some((before, mark))
    }

    /// What is in a slot.
    fn at(&self, slot: usize) -> (First, [&[Share]; 2]) {
        let Entry { first, shares_from, shares_len } = &self.entries[slot];
        let texts = self.texts.get(slot).copied().unwrap_or(Texts { id: None, of: None });
        let told =
            |number, text: Option<TextId>| text.map_or(MessageId::Number(number), MessageId::Text);
        let first = first.with_ids(|id| told(id, texts.id), |of| told(of, texts.of));
        (first, self.runs(*shares_from, wide_index(*shares_len)))
    }

    /// Whether an outcome is kept, and all after it with their shares.
    pub(crate) fn is_whole(&self, number: OutcomeNumber) -> bool {
        self.bare < number && self.slot(number).is_some()
    }

    /// All outcomes, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (First, [&[Share]; 2])> {
        (self.first..self.ring.next()).map(|number| self.at(self.ring.slot(number)))
    }

    /// Marks a fill as busted, so that it is not busted twice.
    pub(crate) fn mark_busted(&mut self, number: OutcomeNumber) {
        let slot = self.slot(number).expect("found a moment ago");
        if let What::Divided { busted, .. } = &mut self.entries[slot].first.what {
            *busted = true;
        }
    }

    fn slot(&self, number: OutcomeNumber) -> Option<usize> {
        let at = number.get().checked_sub(1)?;
        let is_kept = (self.first..self.ring.next()).contains(&at);
        is_kept.then(|| self.ring.slot(at))
    }

    /// `len` shares from this number on: the ring may wrap.
    fn runs(&self, from: u64, len: usize) -> [&[Share]; 2] {
        let from = self.shares_ring.slot(from);
        let until = (from + len).min(self.shares.len());
        [&self.shares[from..until], &self.shares[..len - (until - from)]]
    }

    /// Writes shares into their ring, forgetting the outcomes whose shares were there.
    fn store_shares(&mut self, shares: &[Share]) -> u64 {
        let from = self.shares_ring.next();
        let until = from + wide(shares.len());
        while self.first < self.ring.next() && self.shares_first + wide(self.shares.len()) < until {
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
        let Entry { shares_from, shares_len, .. } = self.entries[self.ring.slot(self.first)];
        self.first += 1;
        // Shares are in the order of their outcomes, without gaps.
        self.shares_first = shares_from + u64::from(shares_len);
    }

    /// Writes the outcomes that are kept, with the numbers of their slots.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let count = usize::try_from(self.ring.next() - self.first).expect("in the ring");
        let shares_len = self.shares_ring.next() - self.shares_first;
        let shares_len = usize::try_from(shares_len).expect("in the ring");
        out.reserve(count * ENTRY_LEN_USUAL + shares_len * SHARE_LEN);
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.shares_first.to_le_bytes());
        put_count(out, count);
        for number in self.first..self.ring.next() {
            let slot = self.ring.slot(number);
            self.at(slot).0.save(self.entries[slot].shares_len, out);
        }
        for share in self.runs(self.shares_first, shares_len).into_iter().flatten() {
            out.extend_from_slice(&share_bytes(share));
        }
    }

    /// Reads what [`History::save`] wrote, while nothing is kept; `outcomes` is how many each row
    /// had. Returns the last outcome of each, and the last that is marked.
    pub(crate) fn load(
        &mut self,
        cursor: &mut Cursor<'_>,
        outcomes: &[TickerSeq],
    ) -> Result<Vec<(OutcomeNumber, OutcomeNumber)>, SnapshotError> {
        self.first = cursor.counter()?;
        self.ring.start_at(self.first);
        self.shares_first = cursor.counter()?;
        self.shares_ring.start_at(self.shares_first);
        let capacity = usize::try_from(self.ring.capacity()).expect("it was a usize");
        let count = cursor.count(capacity, ENTRY_LEN_MIN)?;
        let is_kept = if self.first == 0 { self.shares_first == 0 } else { 0 < count };
        ensure(is_kept, "all outcomes forgotten, or shares of none")?;
        // Slots of forgotten outcomes hold anything, but they are there.
        let forgotten = self.first.min(self.ring.capacity());
        let forgotten = usize::try_from(forgotten).expect("at most the capacity");
        let rows = outcomes.len();
        let mut shares_next = self.shares_first;
        for _ in 0..count {
            let (first, shares_len) = First::load(cursor)?;
            ensure(first.row.index() < rows, "an outcome with an unknown ticker")?;
            let entry = Entry { first: kept(&first), shares_from: shares_next, shares_len };
            if entry.is_bare() {
                self.bare = self.next_number();
            }
            if self.entries.is_empty() {
                self.entries.resize(forgotten, entry);
            }
            self.push(&first, shares_next, shares_len);
            shares_next += u64::from(shares_len);
            let is_room = shares_next - self.shares_first <= wide(self.shares.len());
            ensure(is_room, "more shares than the history keeps")?;
        }
        let shares_len = usize::try_from(shares_next - self.shares_first).expect("in the ring");
        for bytes in cursor.records(shares_len)? {
            let slot = self.shares_ring.slot(self.shares_ring.next());
            self.shares[slot] = share_from(bytes);
            self.shares_ring.advance(1);
        }
        self.link(outcomes)
    }

    /// Links each outcome that was read to those before it in its row.
    fn link(
        &mut self,
        outcomes: &[TickerSeq],
    ) -> Result<Vec<(OutcomeNumber, OutcomeNumber)>, SnapshotError> {
        let numbers = self.first + 1..=self.ring.next();
        let mut forgotten: Vec<_> = outcomes.iter().map(|count| count.get()).collect();
        for (first, _) in self.iter() {
            let left = &mut forgotten[first.row.index()];
            let fewer = left.checked_sub(1);
            *left = fewer.ok_or(SnapshotError::Broken("more outcomes than a ticker had"))?;
        }
        let mut links = vec![(OutcomeNumber::ZERO, OutcomeNumber::ZERO); outcomes.len()];
        let mut numbered: Vec<_> = forgotten.into_iter().map(TickerSeq::new).collect();
        for outcome in numbers.map(OutcomeNumber::new) {
            let slot = self.slot(outcome).expect("it is one of those that were read");
            let first = &mut self.entries[slot].first;
            let row = first.row.index();
            (first.before, first.mark) = links[row];
            numbered[row] = numbered[row].next();
            links[row].0 = outcome;
            if numbered[row].is_marked() {
                links[row].1 = outcome;
            }
        }
        Ok(links)
    }

    /// Adds an entry, for which there is room. Inlined, so that it is built where it stays.
    #[inline(always)]
    fn push(&mut self, first: &First, shares_from: u64, shares_len: u32) {
        let at = self.ring.slot(self.ring.next());
        let entry = Entry { first: kept(first), shares_from, shares_len };
        if at == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[at] = entry;
        }
        if first.has_text() || !self.texts.is_empty() {
            self.keep_texts(at, first.texts());
        }
        self.ring.advance(1);
    }

    #[cold]
    fn keep_texts(&mut self, at: usize, texts: Texts) {
        if self.texts.len() <= at {
            self.texts.resize(at + 1, Texts { id: None, of: None });
        }
        self.texts[at] = texts;
    }
}

/// Without the ids that are texts.
#[inline(always)]
fn kept(first: &First) -> First<KeptId> {
    let number = |id: MessageId| id.number().unwrap_or(KeptId::ZERO);
    first.with_ids(number, number)
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

    fn first(seq: u64) -> First {
        // Numbers first, then texts too, among which a number stands for none.
        let id = |is_text: bool, text: &str| match is_text {
            true => MessageId::new(text.as_bytes()).unwrap(),
            false => Seq::new(seq).into(),
        };
        First {
            source: SourceId::new(b"f").unwrap(),
            seq: Seq::new(seq),
            id: id(20 < seq && seq.is_multiple_of(3), &format!("id-{seq}")),
            time_ns: 0,
            row: RowIndex::new(0),
            what: What::Busted { of: id(20 < seq && seq.is_multiple_of(2), &format!("of-{seq}")) },
            before: OutcomeNumber::ZERO,
            mark: OutcomeNumber::ZERO,
        }
    }

    proptest! {
        #[test]
        fn the_latest_outcomes_are_found_whole(
            capacity in 1..9_usize,
            lens in prop::collection::vec(0..12_usize, 1..80),
        ) {
            let mut history = History::new(capacity);
            let mut kept: BTreeMap<OutcomeNumber, Vec<Share>> = BTreeMap::new();
            for (seq, len) in lens.iter().enumerate() {
                let seq = wide(seq) + 1;
                let account = AccountIndex::new(7);
                let share = |at| Share { account, quantity: seq * 100 + wide(at) };
                let shares: Vec<_> = (0..*len).map(share).collect();
                let number = history.store(first(seq), &shares);
                let fits = *len <= capacity * HISTORY_SHARES_EACH;
                kept.insert(number, if fits { shares } else { vec![] });
            }
            let newest = OutcomeNumber::new(wide(lens.len()));
            for (number, shares) in &kept {
                if let Some((found, runs)) = history.get(*number) {
                    prop_assert_eq!(found, first(number.get()));
                    prop_assert_eq!(&runs.concat(), shares);
                } else {
                    prop_assert!(*number < newest, "the newest is always there");
                }
            }
            prop_assert!(history.ring.next() - history.first <= wide(capacity));
        }
    }
}
