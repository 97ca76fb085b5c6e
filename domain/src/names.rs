//! Names: which messages were applied. A message has a name for ever, and changes a state once.
//!
//! ```text
//!   name      │ source │ scope │ id │     the scope is the system's: a ticker, for example
//!   entries  ┌──┬──┬──┬──┬──┬──┐
//!            └──┴──┴──┴──┴──┴──┘        a ring: the newest name takes the place of the oldest
//!   source    │ forgotten up to │ forgotten from │ latest │
//! ```
//!
//! An entry is found through the run of its source where its number came in order, as nearly all
//! do, and else through an index by hash.
//!
//! The memory is bounded, and its size does not depend on how many sources there are. It is exact
//! for the last `capacity` names. Of older ones it keeps, for each source, up to which number they
//! are forgotten: at or below, nobody can say whether a number was applied, and it is refused. An
//! id that is a text has no order; once forgotten it is new.
//!
//! A number far above the latest of its source (by more than [`JUMP`]) is an outlier until another
//! one follows near it: when it is forgotten, it forbids what lies above it, and not all below. The
//! first number of a source is one too if the next lies that far below it.

mod ring;
mod run;
mod sources;

use alloc::vec::Vec;

use crate::lookup::Lookup;
use crate::snapshot::{Cursor, SnapshotError, ensure, put_count};
use crate::{MessageId, Seq, SourceId, SourceIndex, mix};
pub use ring::Ring;
pub use run::JUMP;
use sources::Sources;

/// What is known of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It was not applied.
    New,
    /// It was applied; its entry.
    Known(EntryIndex),
    /// It cannot be told from a number that is forgotten; holds that number.
    TooOld(Seq),
}

/// A message, as its entry is found: within a source, and within what the system numbers apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name<'a> {
    /// Who sent it.
    pub source: &'a SourceId,
    /// What the system numbers apart.
    pub scope: u32,
    /// Which of the source's messages in that scope.
    pub id: &'a MessageId,
}

crate::index!(
    /// Where the entry of a name is; valid until the next name is stored.
    EntryIndex
);

/// Fixed bytes of what a system keeps of a name.
pub trait Remembered: Copy {
    /// How many bytes it has.
    const LEN: usize;

    /// Appends its bytes.
    fn save(&self, out: &mut Vec<u8>);

    /// Reads what [`Remembered::save`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`]: no value has these bytes.
    fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError>;
}

/// An entry whose name was withdrawn has no source.
const WITHDRAWN: SourceIndex = SourceIndex::new(u32::MAX);

#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    /// The digest of the id, the lower half first: a `u128` is aligned to 16 bytes, and would make
    /// an entry longer.
    id: [u64; 2],
    source: SourceIndex,
    scope: u32,
    value: V,
}

impl<V> Entry<V> {
    fn digest(&self) -> u128 {
        let [low, high] = self.id;
        u128::from(low) | u128::from(high) << 64
    }
}

/// The memory of names.
#[derive(Clone, Debug)]
pub struct Names<V> {
    entries: Vec<Entry<V>>,
    ring: Ring,
    /// The number of the oldest entry.
    first: u64,
    lookup: Lookup,
    sources: Sources,
}

/// How many numbers of a source share a cache line of the index.
const LINE: u64 = 8;

impl<V: Remembered> Names<V> {
    /// A memory of up to `capacity` names, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            entries: Vec::new(),
            ring: Ring::of(capacity),
            first: 0,
            lookup: Lookup::new(capacity),
            sources: Sources::new(capacity),
        }
    }

    /// What is known of a name.
    #[inline]
    #[must_use]
    pub fn look(&self, name: Name<'_>) -> Standing {
        let Some(source) = self.sources.find(name.source) else {
            return Standing::New;
        };
        if let Some(entry) = self.find(source, name.scope, name.id.digest()) {
            return Standing::Known(entry);
        }
        match name.id.number().and_then(|number| self.sources.forgotten(source, number)) {
            Some(forgotten) => Standing::TooOld(forgotten),
            None => Standing::New,
        }
    }

    #[inline]
    fn find(&self, source: SourceIndex, scope: u32, id: u128) -> Option<EntryIndex> {
        let is_it = |at: EntryIndex| {
            let entry = &self.entries[at.index()];
            entry.digest() == id && entry.scope == scope && entry.source == source
        };
        let number = MessageId::number_of(id);
        let in_run = number.and_then(|number| self.sources.find_in_run(source, number));
        match in_run.filter(|at| is_it(*at)) {
            None if self.sources.has_scattered(source) => {
                let is_it = |slot| is_it(EntryIndex::new(slot));
                self.lookup.find(hash(source, scope, id), is_it).map(EntryIndex::new)
            }
            found => found,
        }
    }

    /// What the system keeps of a name.
    #[must_use]
    pub fn get(&self, entry: EntryIndex) -> &V {
        &self.entries[entry.index()].value
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, entry: EntryIndex) -> &mut V {
        &mut self.entries[entry.index()].value
    }

    /// Remembers a name that is new; the oldest is forgotten when there is no more room.
    ///
    /// # Panics
    /// Never: indexes are small.
    pub fn store(&mut self, name: Name<'_>, value: V) -> EntryIndex {
        if self.ring.next() - self.first == self.ring.capacity() {
            self.forget_oldest();
        }
        let source = self.sources.enter(name.source, name.id.number());
        let (id, scope) = (name.id.digest_words(), name.scope);
        let at = self.push(Entry { id, source, scope, value });
        self.index(at);
        at
    }

    /// Makes an entry be found.
    fn index(&mut self, at: EntryIndex) {
        let entry = &self.entries[at.index()];
        let (id, source, scope) = (entry.digest(), entry.source, entry.scope);
        if !self.sources.push(source, MessageId::number_of(id), at) {
            self.lookup.insert(hash(source, scope, id), at.get());
        }
    }

    /// Takes a name back: the message may be sent again, and is then new.
    ///
    /// # Panics
    /// If it was taken back before.
    pub fn withdraw(&mut self, entry: EntryIndex) {
        let kept = &self.entries[entry.index()];
        let (id, source, scope) = (kept.digest(), kept.source, kept.scope);
        assert!(source != WITHDRAWN, "a name is taken back once");
        if !self.sources.withdraw(source, MessageId::number_of(id), entry) {
            self.lookup.remove(hash(source, scope, id), entry.get());
        }
        self.entries[entry.index()].source = WITHDRAWN;
    }

    /// How many names are remembered, those that were taken back included.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.ring.next() - self.first
    }

    /// Whether nothing was ever remembered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each name's source, and what the system keeps of it, from the oldest on.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        let entries =
            (self.first..self.ring.next()).map(|number| &self.entries[self.ring.slot(number)]);
        entries.filter(|entry| entry.source != WITHDRAWN).map(|entry| &entry.value)
    }

    /// Adds an entry, for which there is room. Inlined, so that it is built where it stays.
    #[inline(always)]
    fn push(&mut self, entry: Entry<V>) -> EntryIndex {
        let at = self.ring.slot(self.ring.next());
        if at == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[at] = entry;
        }
        self.ring.advance(1);
        EntryIndex::at(at)
    }

    fn forget_oldest(&mut self) {
        let slot = self.ring.slot(self.first);
        self.first += 1;
        let entry = &self.entries[slot];
        let (id, source, scope) = (entry.digest(), entry.source, entry.scope);
        if source == WITHDRAWN {
            return;
        }
        let at = EntryIndex::at(slot);
        if !self.sources.forget(source, MessageId::number_of(id), at) {
            self.lookup.remove(hash(source, scope, id), at.get());
        }
    }

    /// Writes the memory; equal memories give equal bytes.
    ///
    /// ```text
    ///   │ first 8 │ sources │ entries 4 ║ entry ║ …
    ///
    ///   entry:  │ source 4 │ scope 4 │ id 16 │ value │     the source is 2^32 − 1 if withdrawn
    /// ```
    ///
    /// # Panics
    /// Never: indexes are small.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first.to_le_bytes());
        let entries =
            || (self.first..self.ring.next()).map(|number| &self.entries[self.ring.slot(number)]);
        let active = entries().map(|entry| entry.source).filter(|source| *source != WITHDRAWN);
        let ordinals = self.sources.save(active, out);
        let count = usize::try_from(self.len()).expect("at most the capacity");
        put_count(out, count);
        out.reserve(count * (4 + 4 + 16 + V::LEN));
        for entry in entries() {
            let ordinal = ordinals.get(entry.source.index()).copied().unwrap_or(u32::MAX);
            out.extend_from_slice(&ordinal.to_le_bytes());
            out.extend_from_slice(&entry.scope.to_le_bytes());
            out.extend_from_slice(&entry.digest().to_le_bytes());
            entry.value.save(out);
        }
    }

    /// Reads what [`Names::save`] wrote, into a memory that is empty.
    ///
    /// # Errors
    /// [`SnapshotError`]: no memory has these bytes.
    ///
    /// # Panics
    /// If the memory is not empty.
    pub fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        assert!(self.ring.next() == 0, "a snapshot is loaded into an empty memory");
        self.first = cursor.counter()?;
        self.ring.start_at(self.first);
        self.sources.load(cursor)?;
        let capacity = usize::try_from(self.ring.capacity()).expect("it was a usize");
        let count = cursor.count(capacity, 4 + 4 + 16 + V::LEN)?;
        ensure(self.first == 0 || count == capacity, "names forgotten while there was room")?;
        // Slots of forgotten names hold anything, but they are there.
        let forgotten = usize::try_from(self.first.min(self.ring.capacity())).expect("small");
        let mut next_ordinal = 0;
        for number in 0..count {
            let source = SourceIndex::new(cursor.u32()?);
            let entry = Entry {
                source,
                scope: cursor.u32()?,
                id: [cursor.u64()?, cursor.u64()?],
                value: V::load(cursor)?,
            };
            if number == 0 {
                self.entries.resize(forgotten, Entry { source: WITHDRAWN, ..entry });
            }
            if source != WITHDRAWN {
                ensure(source.get() <= next_ordinal, "sources out of order")?;
                next_ordinal = next_ordinal.max(source.get() + 1);
                ensure(self.sources.re_enter(source), "a name of an unknown source")?;
                ensure(MessageId::is_digest(entry.digest()), "an id that is none")?;
                let twice = self.find(source, entry.scope, entry.digest());
                ensure(twice.is_none(), "a name twice")?;
                let at = self.push(entry);
                self.index(at);
            } else {
                self.push(entry);
            }
        }
        self.sources.end_load(next_ordinal)
    }
}

/// Consecutive numbers of a source are side by side in the index, on one cache line.
#[inline]
fn hash(source: SourceIndex, scope: u32, id: u128) -> u64 {
    let among = (u64::from(source.get()) << 40) ^ (u64::from(scope) << 20);
    match MessageId::number_of(id) {
        None => mix(MessageId::low_half(id) ^ among),
        Some(number) => {
            let number = number.get();
            let line = mix((number / LINE) ^ among);
            line - line % LINE + number % LINE
        }
    }
}

#[cfg(test)]
mod tests;
