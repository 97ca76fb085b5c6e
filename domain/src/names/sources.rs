//! Sources: all who sent a name that is remembered, and the last of those who did not for long.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::EntryIndex;
use super::run::{JUMP, Run, is_outlier};
use crate::limits::QUIET_SOURCES_MAX;
use crate::lookup::Lookup;
use crate::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use crate::{Seq, SourceId, SourceIndex};

/// One source.
#[derive(Clone, Debug)]
struct Source {
    id: SourceId,
    /// How many of its names are remembered.
    names: u32,
    /// How many of them are not in the run.
    scattered: u32,
    /// Those that came in order.
    run: Run,
    /// The highest number that is no outlier; zero before the first.
    latest: Seq,
    /// Whether no other number came near the latest: the first may be the wild one.
    is_alone: bool,
    /// An outlier, as long as no number near it has come; zero if there is none.
    outlier: Seq,
    /// The highest number that is forgotten; zero before the first.
    forgotten_to: Seq,
    /// The lowest outlier that is forgotten; zero before the first.
    forgotten_from: Seq,
    /// Its key among the quiet ones, while no name of it is remembered.
    quiet_key: u64,
}

/// All sources that are known. A source of which no name is remembered is **quiet**.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    list: Vec<Source>,
    free: Vec<SourceIndex>,
    /// The one whose name was remembered last.
    last: SourceIndex,
    lookup: Lookup,
    /// The quiet ones, the longest quiet first.
    quiet: BTreeMap<u64, SourceIndex>,
    next_quiet_key: u64,
}

impl Sources {
    /// For this many names; each may be of another source.
    pub(super) fn new(names: usize) -> Self {
        Self {
            list: Vec::new(),
            free: Vec::new(),
            last: SourceIndex::default(),
            lookup: Lookup::new(names + QUIET_SOURCES_MAX + 1),
            quiet: BTreeMap::new(),
            next_quiet_key: 0,
        }
    }

    pub(super) fn find(&self, id: &SourceId) -> Option<SourceIndex> {
        // Nearly every name is of the source of the name before.
        let last = self.list.get(self.last.index());
        if last.is_some_and(|last| 0 < last.names && last.id == *id) {
            return Some(self.last);
        }
        let is_it = |index| self.list[SourceIndex::new(index).index()].id == *id;
        self.lookup.find(id.hash(), is_it).map(SourceIndex::new)
    }

    /// The number that is forgotten and from which this one cannot be told, if there is one.
    pub(super) fn forgotten(&self, index: SourceIndex, number: Seq) -> Option<Seq> {
        let source = &self.list[index.index()];
        if number <= source.forgotten_to {
            return Some(source.forgotten_to);
        }
        let has_outlier = source.forgotten_from != Seq::ZERO;
        (has_outlier && source.forgotten_from <= number).then_some(source.forgotten_from)
    }

    /// One more name of a source is remembered.
    pub(super) fn enter(&mut self, id: &SourceId, number: Option<Seq>) -> SourceIndex {
        let index = self.find(id).unwrap_or_else(|| self.add(id));
        self.last = index;
        let source = &mut self.list[index.index()];
        if source.names == 0 {
            self.quiet.remove(&source.quiet_key);
        }
        source.names += 1;
        if let Some(number) = number {
            source.follow(number);
        }
        index
    }

    /// Where the entry of a name is found: in the run of its source, or else by its hash. True if
    /// it is in the run now.
    pub(super) fn push(
        &mut self,
        index: SourceIndex,
        number: Option<Seq>,
        entry: EntryIndex,
    ) -> bool {
        let source = &mut self.list[index.index()];
        let is_in_run = number.is_some_and(|number| source.run.push(number, entry));
        source.scattered += u32::from(!is_in_run);
        assert!(source.scattered <= source.names, "a name is found in one way");
        is_in_run
    }

    /// The entry that the run of a source has for a number.
    #[inline]
    pub(super) fn find_in_run(&self, index: SourceIndex, number: Seq) -> Option<EntryIndex> {
        self.list[index.index()].run.find(number)
    }

    /// Whether a name of a source may be found by its hash.
    #[inline]
    pub(super) fn has_scattered(&self, index: SourceIndex) -> bool {
        0 < self.list[index.index()].scattered
    }

    /// A name is withdrawn. True if it was in the run of its source.
    pub(super) fn withdraw(
        &mut self,
        index: SourceIndex,
        number: Option<Seq>,
        entry: EntryIndex,
    ) -> bool {
        let run = &mut self.list[index.index()].run;
        let was_in_run = number.is_some_and(|number| run.withdraw(number, entry));
        self.leave(index, was_in_run);
        was_in_run
    }

    /// The oldest name of all is forgotten. True if it was in the run of its source.
    pub(super) fn forget(
        &mut self,
        index: SourceIndex,
        number: Option<Seq>,
        entry: EntryIndex,
    ) -> bool {
        let source = &mut self.list[index.index()];
        let was_in_run = source.run.forget(entry);
        if let Some(number) = number {
            source.forget(number);
        }
        self.leave(index, was_in_run);
        was_in_run
    }

    /// One name less of a source is remembered.
    fn leave(&mut self, index: SourceIndex, was_in_run: bool) {
        let source = &mut self.list[index.index()];
        source.names = source.names.checked_sub(1).expect("a name is forgotten once");
        let scattered = source.scattered.checked_sub(u32::from(!was_in_run));
        source.scattered = scattered.expect("a name is found in one way");
        if source.names == 0 {
            source.run.clear();
            self.quieten(index);
        }
    }

    fn add(&mut self, id: &SourceId) -> SourceIndex {
        let source = Source {
            id: *id,
            names: 0,
            scattered: 0,
            run: Run::default(),
            latest: Seq::ZERO,
            is_alone: true,
            outlier: Seq::ZERO,
            forgotten_to: Seq::ZERO,
            forgotten_from: Seq::ZERO,
            quiet_key: u64::MAX,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.list[index.index()] = source;
                index
            }
            None => {
                self.list.push(source);
                SourceIndex::at(self.list.len() - 1)
            }
        };
        self.lookup.insert(id.hash(), index.get());
        index
    }

    /// Counts a source among the quiet ones; the longest quiet is given up for it.
    fn quieten(&mut self, index: SourceIndex) {
        self.list[index.index()].quiet_key = self.next_quiet_key;
        self.quiet.insert(self.next_quiet_key, index);
        self.next_quiet_key += 1;
        if QUIET_SOURCES_MAX < self.quiet.len() {
            let (_, index) = self.quiet.pop_first().expect("there are some");
            self.lookup.remove(self.list[index.index()].id.hash(), index.get());
            self.free.push(index);
        }
        assert!(self.quiet.len() <= QUIET_SOURCES_MAX, "memory is bounded");
    }

    /// Writes the sources: the active ones in the order of their first names, then the quiet ones,
    /// the longest quiet first. Returns the place of each in that order, by index.
    pub(super) fn save(
        &self,
        active: impl Iterator<Item = SourceIndex>,
        out: &mut Vec<u8>,
    ) -> Vec<u32> {
        let mut ordinals = vec![u32::MAX; self.list.len()];
        let mut order = Vec::with_capacity(self.list.len() - self.free.len());
        for index in active.chain(self.quiet.values().copied()) {
            let ordinal = &mut ordinals[index.index()];
            if *ordinal == u32::MAX {
                *ordinal = SourceIndex::at(order.len()).get();
                order.push(index);
            }
        }
        assert!(order.len() + self.free.len() == self.list.len(), "each is active or quiet");
        put_count(out, order.len());
        for index in order {
            let source = &self.list[index.index()];
            put_name(out, source.id.as_bytes());
            let numbers =
                [source.latest, source.outlier, source.forgotten_to, source.forgotten_from];
            for number in numbers {
                out.extend_from_slice(&number.get().to_le_bytes());
            }
            out.push(u8::from(source.is_alone));
        }
        ordinals
    }

    /// Reads what [`Sources::save`] wrote; [`Sources::end_load`] is to follow.
    pub(super) fn load(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        // The shortest: a name of one byte, and the numbers.
        for _ in 0..cursor.count(usize::MAX, 2 + 4 * 8 + 1)? {
            let id = cursor.source()?;
            ensure(self.find(&id).is_none(), "a source twice")?;
            ensure(self.list.len() < self.lookup.capacity(), "more sources than names")?;
            let index = self.add(&id);
            let source = &mut self.list[index.index()];
            source.latest = Seq::new(cursor.u64()?);
            source.outlier = Seq::new(cursor.u64()?);
            source.forgotten_to = Seq::new(cursor.u64()?);
            source.forgotten_from = Seq::new(cursor.u64()?);
            source.is_alone = cursor.flag()?;
        }
        Ok(())
    }

    /// A name of a source that was loaded is; false where there is no such source.
    pub(super) fn re_enter(&mut self, index: SourceIndex) -> bool {
        let source = self.list.get_mut(index.index());
        source.map(|source| source.names += 1).is_some()
    }

    /// Ends a load: all sources after the first `active` ones are quiet.
    pub(super) fn end_load(&mut self, active: u32) -> Result<(), SnapshotError> {
        let active = SourceIndex::new(active).index();
        ensure(self.list.len() - active <= QUIET_SOURCES_MAX, "too many sources without a name")?;
        for index in active..self.list.len() {
            self.quieten(SourceIndex::at(index));
        }
        Ok(())
    }
}

impl Source {
    /// Takes note of a number that is forgotten.
    fn forget(&mut self, number: Seq) {
        if !is_outlier(self.latest, number) {
            self.forgotten_to = self.forgotten_to.max(number);
            return;
        }
        if self.outlier == number {
            self.outlier = Seq::ZERO;
        }
        let is_lower = self.forgotten_from == Seq::ZERO || number < self.forgotten_from;
        if is_lower {
            self.forgotten_from = number;
        }
    }

    /// Takes note of a number that is applied.
    fn follow(&mut self, number: Seq) {
        if self.latest == Seq::ZERO {
            self.latest = number;
        } else if is_outlier(self.latest, number) {
            let distance = self.outlier.get().abs_diff(number.get());
            let is_near = self.outlier != Seq::ZERO && distance <= JUMP;
            if is_near {
                self.latest = number.max(self.outlier);
                (self.outlier, self.is_alone) = (Seq::ZERO, false);
            } else {
                self.outlier = number;
            }
        } else if self.is_alone && is_outlier(number, self.latest) {
            (self.outlier, self.latest) = (self.latest, number);
        } else {
            (self.latest, self.is_alone) = (self.latest.max(number), false);
        }
    }
}
