//! A shard replay: one shard's journal, read record by record, with the state that it makes.
//!
//! It reads and changes nothing, so a server may append meanwhile: what is not whole yet is the
//! end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_rules::{Input, Outcomes};
use allot_allocation_service::Allocation;
use allot_domain::snapshot::SnapshotError;
use allot_domain::{LogIndex, Step};
use allot_journal::{Folder, JournalError, Reader, SegmentState};
use allot_server::{JournalStamp, NoStamp};
use allot_shard::{Entry, State};
use allot_wire::Encoding;
use anyhow::{Context, Result, anyhow, bail};

use crate::time_text;

/// Where a replay begins.
pub(crate) struct Start {
    /// The stamp of the journal; none where nothing was ever written.
    pub(crate) stamp: Option<JournalStamp<Allocation>>,
    /// The empty state, or that of the oldest good snapshot if segments were pruned.
    pub(crate) state: State<Allocation>,
    /// The record of that snapshot; zero where the replay begins with the empty state.
    pub(crate) from: LogIndex,
    /// Whether the journal has everything from its first record on.
    pub(crate) is_whole: bool,
    /// The snapshot that could not be loaded, if that was the case.
    pub(crate) invalid: Option<(LogIndex, SnapshotError)>,
}

/// Why there is no start.
pub(crate) enum NoStart {
    /// It is no journal of allocation.
    Stamp(NoStamp),
    /// A snapshot cannot be read.
    Journal(JournalError),
}

impl Start {
    /// Where the replay of this journal begins.
    pub(crate) fn of(reader: &Reader) -> Result<Self, NoStart> {
        let is_begun = |state: &SegmentState| *state != SegmentState::Spare;
        let begun = reader.segments().iter().find(|segment| is_begun(&segment.state));
        let pruned_through = begun
            .map_or(LogIndex::ZERO, |segment| segment.first_index.previous().unwrap_or_default());
        // A journal that cannot be read at all has no stamp; reading on says what is wrong.
        let stamp = match reader.stamp() {
            "" => None,
            stamp => Some(stamp.parse::<JournalStamp<Allocation>>().map_err(NoStart::Stamp)?),
        };
        let book = stamp.as_ref().map_or_else(<_>::default, |stamp| stamp.machine);
        let is_whole = pruned_through == LogIndex::ZERO;
        let mut start =
            Self { stamp, state: State::new(book), from: LogIndex::ZERO, is_whole, invalid: None };
        let good = reader.snapshots().iter().filter(|snapshot| snapshot.damage.is_none());
        let oldest = good.map(|snapshot| snapshot.index).find(|index| pruned_through <= *index);
        if !is_whole
            && let Some(index) = oldest
            && let Some(snapshot) = reader.snapshot(index).map_err(NoStart::Journal)?
        {
            match State::load(book, &snapshot.state) {
                Ok(state) => (start.state, start.from) = (state, index),
                Err(error) => start.invalid = Some((index, error)),
            }
        }
        Ok(start)
    }
}

/// Opens a journal of which nothing is missing but what was pruned.
///
/// # Errors
/// When it cannot be read, or some of it is missing.
pub(crate) fn open_whole(path: &Path) -> Result<Reader> {
    let what = || format!("cannot read {}", path.display());
    let folder = Folder::read_only(path).with_context(what)?;
    let reader = Reader::open(Arc::new(folder)).with_context(what)?;
    if let Some(error) = reader.failed() {
        return Err(anyhow!("{error}").context(what()));
    }
    if let Some(file) = reader.lost() {
        let error = anyhow!("{file} is missing, and it was not pruned; restore it from a backup");
        return Err(error.context(what()));
    }
    if let Some(index) = reader.cut_before() {
        let error = anyhow!(
            "it ends before record {index}, of which it has a snapshot: its last segments are \
             missing; restore them from a backup"
        );
        return Err(error.context(what()));
    }
    Ok(reader)
}

/// That a journal is of another system.
pub(crate) fn of_another_system(path: &Path, stamp: &NoStamp) -> anyhow::Error {
    anyhow!("{} is no journal of allocation; it says {:?}", path.display(), stamp.text)
}

/// A replay in progress.
pub(crate) struct ShardReplay {
    path: PathBuf,
    reader: Reader,
    start: Start,
    /// When the last record before the start was taken; none where it is not there.
    before_start_ns: Option<u64>,
    index: LogIndex,
    time_ns: u64,
    outcomes: Outcomes,
    late: Vec<Encoding>,
    bytes: u64,
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

impl ShardReplay {
    /// Opens the journal in `path`.
    ///
    /// # Errors
    /// When it cannot be read, or is no journal of allocation.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let what = || format!("cannot read {}", path.display());
        let reader = open_whole(path)?;
        let start = Start::of(&reader).map_err(|why| match why {
            NoStart::Stamp(stamp) => of_another_system(path, &stamp),
            NoStart::Journal(error) => anyhow!(error).context(what()),
        })?;
        if let Some((index, error)) = &start.invalid {
            return Err(
                anyhow!("the snapshot after record {index} is invalid: {error}").context(what())
            );
        }
        if !start.is_whole {
            tracing::warn!(
                "{} was pruned: it begins with the snapshot of record {}, and knows nothing of \
                 what was before",
                path.display(),
                start.from
            );
        }
        Ok(Self {
            path: path.to_owned(),
            reader,
            index: start.from,
            start,
            before_start_ns: None,
            time_ns: 0,
            outcomes: Outcomes::default(),
            late: Vec::new(),
            bytes: 0,
        })
    }

    /// The next input, unless it came at `before` or later; none where there is none. What the
    /// shard refused changed nothing and is passed over.
    ///
    /// # Errors
    /// When the journal is damaged.
    pub(crate) fn next(&mut self, before: u64) -> Result<Option<Logged>> {
        loop {
            let next = self.reader.next().map_err(|error| {
                let path = self.path.display();
                anyhow!("{path} is damaged; allot verify says where else: {error}")
            })?;
            let Some(found) = next else { return Ok(None) };
            let record = &found.record;
            self.bytes += u64::try_from(record.payload.len()).unwrap_or(0);
            let index = record.index;
            if index < self.start.from {
                continue;
            }
            let entry = Entry::of::<Allocation>(record).with_context(|| {
                format!("{}: record {index} of {}", self.path.display(), found.file)
            })?;
            let (encoding, time_ns) = (entry.encoding, entry.time_ns);
            if index == self.start.from {
                self.before_start_ns = Some(time_ns);
            }
            let is_first = self.index == self.start.from && self.before_start_ns.is_none();
            if before <= time_ns && !self.start.is_whole && (index == self.start.from || is_first) {
                bail!(
                    "{} was pruned: what there was before {} is not in it any more; look in a copy \
                     that was made before",
                    self.path.display(),
                    time_text::exact(time_ns)
                );
            }
            if index == self.start.from {
                continue;
            }
            if before <= time_ns {
                return Ok(None);
            }
            if let Ok(input) = self.start.state.read(entry) {
                return Ok(Some(Logged { index, time_ns, input, encoding }));
            }
            (self.index, self.time_ns) = (index, time_ns);
        }
    }

    /// Applies an input, and keeps the first of its outcomes: a split divides the fills that were
    /// held, which may be many, a part at a time.
    pub(crate) fn apply(&mut self, logged: &Logged) -> Step {
        self.begin(logged);
        let Self { start: Start { state, .. }, outcomes, late, .. } = self;
        state.apply(&logged.input, logged.encoding, outcomes, late)
    }

    /// Goes on with an input that is pending, and keeps its next outcomes.
    pub(crate) fn resume(&mut self, logged: &Logged) -> Step {
        self.begin(logged);
        let Self { start: Start { state, .. }, outcomes, late, .. } = self;
        state.resume(logged.encoding, outcomes, late)
    }

    /// Applies the next input, unless it came at `before` or later, and keeps all its outcomes;
    /// none where there is none.
    ///
    /// # Errors
    /// As [`ShardReplay::next`].
    pub(crate) fn advance(&mut self, before: u64) -> Result<Option<Input>> {
        let Some(logged) = self.next(before)? else {
            self.outcomes.clear();
            return Ok(None);
        };
        self.apply_whole(&logged);
        Ok(Some(logged.input))
    }

    /// Applies an input, and keeps all its outcomes.
    pub(crate) fn apply_whole(&mut self, logged: &Logged) {
        let mut step = self.apply(logged);
        let Self { start: Start { state, .. }, outcomes, late, .. } = self;
        while step == Step::Pending {
            step = state.resume(logged.encoding, outcomes, late);
        }
    }

    fn begin(&mut self, logged: &Logged) {
        (self.index, self.time_ns) = (logged.index, logged.time_ns);
        self.outcomes.clear();
        self.late.clear();
    }

    /// Where the replay began.
    pub(crate) const fn start(&self) -> &Start {
        &self.start
    }

    /// The last record that was applied.
    pub(crate) const fn index(&self) -> LogIndex {
        self.index
    }

    /// When the router took it, in nanoseconds of Unix time.
    pub(crate) const fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// What came of it.
    pub(crate) const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// The state after it.
    pub(crate) const fn state(&self) -> &State<Allocation> {
        &self.start.state
    }

    /// How many bytes of records there are.
    pub(crate) fn bytes_expected(&self) -> u64 {
        self.reader.segments().iter().map(|segment| segment.bytes_used).sum()
    }

    /// How many bytes were read since this was asked last.
    pub(crate) const fn take_bytes(&mut self) -> u64 {
        std::mem::replace(&mut self.bytes, 0)
    }
}
