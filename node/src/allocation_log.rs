//! Allocation log: reads the journal of one shard and makes of it what the shard made of it: a
//! state, and the outcomes of each input.
//!
//! It begins with the empty state; where the journal was pruned, with the oldest good snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_rules::{Book, Input, Outcomes};
use allot_allocation_service::Allocation;
use allot_domain::{LogIndex, Step};
use allot_journal::{Folder, Reader, SegmentState};
use allot_server::JournalStamp;
use allot_shard::{Entry, State};
use allot_wire::Encoding;
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

/// Number of records between two updates of the progress bar.
const RECORDS_PER_TICK: u64 = 4_096;

/// A journal that is read.
pub(crate) struct AllocationLog {
    path: PathBuf,
    reader: Reader,
    /// None where nothing was ever written.
    stamp: Option<JournalStamp<Allocation>>,
    state: State<Allocation>,
    replayed_from: LogIndex,
    last: LogIndex,
    /// Reused.
    outcomes: Outcomes,
    /// Reused.
    late: Vec<Encoding>,
    bar: ProgressBar,
}

/// One record that is an input, and is not applied yet.
pub(crate) struct Logged {
    /// Its number in the journal.
    pub(crate) index: LogIndex,
    /// When the router took it, in nanoseconds of Unix time; zero of one that has no time.
    pub(crate) time_ns: u64,
    /// What it says.
    pub(crate) input: Input,
    encoding: Encoding,
}

impl AllocationLog {
    /// Opens the journal in a directory, and loads the snapshot where one is needed.
    ///
    /// # Errors
    /// When it cannot be read, or is not of this system.
    pub(crate) fn open(path: &Path, bar: &ProgressBar) -> Result<Self> {
        let shown = path.display();
        let folder = Folder::read_only(path)?;
        let reader =
            Reader::open(Arc::new(folder)).with_context(|| format!("cannot read {shown}"))?;
        if let Some(error) = reader.failed() {
            bail!("{shown}: {error}");
        }
        if let Some(file) = reader.lost() {
            bail!("{shown}: {file} is missing, and it was not pruned; restore it from a backup");
        }
        let stamp = match reader.stamp() {
            "" => None,
            stamp => Some(stamp.parse::<JournalStamp<Allocation>>()?),
        };
        bar.set_message(shown.to_string());
        bar.inc_length(reader.segments().iter().map(|segment| segment.bytes_used).sum());
        let book = stamp.as_ref().map_or_else(<_>::default, |stamp| stamp.machine);
        let (state, replayed_from) = match first_snapshot(&reader) {
            None => (State::new(book), LogIndex::ZERO),
            Some(index) => {
                let snapshot = reader.snapshot(index)?;
                let snapshot =
                    snapshot.with_context(|| format!("{shown}: no good snapshot of {index}"))?;
                let state = State::load(book, &snapshot.state);
                (state.with_context(|| format!("{shown}: the snapshot of {index}"))?, index)
            }
        };
        let (path, last, bar) = (path.to_owned(), replayed_from, bar.clone());
        let (outcomes, late) = (Outcomes::default(), Vec::new());
        Ok(Self { path, reader, stamp, state, replayed_from, last, outcomes, late, bar })
    }

    /// Whose journal it is; none where nothing was ever written.
    pub(crate) const fn stamp(&self) -> Option<&JournalStamp<Allocation>> {
        self.stamp.as_ref()
    }

    /// The state after the last record that was applied.
    pub(crate) const fn book(&self) -> &Book {
        self.state.machine()
    }

    /// The record of the snapshot where the reading began; zero if nothing was pruned.
    pub(crate) const fn replayed_from(&self) -> LogIndex {
        self.replayed_from
    }

    /// The last record that was applied.
    pub(crate) const fn last(&self) -> LogIndex {
        self.last
    }

    /// The next input, none at the end. What the shard refused changed nothing and is passed over.
    ///
    /// # Errors
    /// Damage, with its place.
    pub(crate) fn next(&mut self) -> Result<Option<Logged>> {
        loop {
            let next = self.reader.next();
            let next = next.with_context(|| format!("{}", self.path.display()))?;
            let Some(found) = next else { return Ok(None) };
            let record = found.record;
            self.bar.inc(record.payload.len().try_into().unwrap_or(0));
            if record.index.get().is_multiple_of(RECORDS_PER_TICK) {
                self.bar.tick();
            }
            if record.index <= self.replayed_from {
                continue;
            }
            let entry = Entry::of::<Allocation>(&record).with_context(|| {
                format!("{}: record {} of {}", self.path.display(), record.index, found.file)
            })?;
            if let Ok(input) = self.state.read(entry) {
                let (index, time_ns, encoding) = (record.index, record.time_ns, entry.encoding);
                return Ok(Some(Logged { index, time_ns, input, encoding }));
            }
            self.last = record.index;
        }
    }

    /// Applies an input. `take` gets its outcomes in order, some at a time, with the book that has
    /// applied them.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn apply(
        &mut self,
        logged: &Logged,
        mut take: impl FnMut(&Outcomes, &Book) -> Result<()>,
    ) -> Result<()> {
        let Self { state, outcomes, late, .. } = self;
        let mut step = state.apply(&logged.input, logged.encoding, outcomes, late);
        take(outcomes, state.machine())?;
        while step == Step::Pending {
            outcomes.clear();
            late.clear();
            step = state.resume(logged.encoding, outcomes, late);
            take(outcomes, state.machine())?;
        }
        outcomes.clear();
        late.clear();
        self.last = logged.index;
        Ok(())
    }
}

/// The last record before the first that is in a segment; zero if nothing was pruned.
pub(crate) fn pruned_through(reader: &Reader) -> LogIndex {
    let is_begun = |state: &SegmentState| *state != SegmentState::Spare;
    let begun = reader.segments().iter().find(|segment| is_begun(&segment.state));
    begun.map_or(LogIndex::ZERO, |segment| segment.first_index.previous().unwrap_or_default())
}

/// The snapshot where the reading of a pruned journal begins: the oldest good one that holds what
/// was pruned.
fn first_snapshot(reader: &Reader) -> Option<LogIndex> {
    let pruned = Some(pruned_through(reader)).filter(|pruned| LogIndex::ZERO < *pruned)?;
    let good = reader.snapshots().iter().filter(|snapshot| snapshot.damage.is_none());
    good.map(|snapshot| snapshot.index).find(|index| pruned <= *index)
}
