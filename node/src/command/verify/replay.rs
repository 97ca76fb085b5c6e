//! Replay: reads one shard's journal from its start and checks every record.

use std::collections::BTreeMap;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_audit::{Auditor, Summary};
use allot_allocation_rules::Outcomes;
use allot_allocation_service::Allocation;
use allot_domain::LogIndex;
use allot_journal::{Folder, Reader, SnapshotSummary, state_hash};
use allot_server::JournalStamp;
use allot_shard::{Entry, State};
use indicatif::ProgressBar;

use super::failure::Failure;
use super::given_replies::{FoundReplies, ReplyFinder};
use super::memory::Memory;
use super::record_counts::RecordCounts;
use crate::progress_bar::RECORDS_PER_TICK;
use crate::shard_replay::{NoStart, Start};

/// The result for one shard.
pub(super) struct ShardResult {
    pub(super) path: PathBuf,
    pub(super) stamp: String,
    pub(super) records: u64,
    /// The records that can be decoded, by kind.
    pub(super) counts: RecordCounts,
    /// The number of snapshots that were compared with the replay.
    pub(super) snapshots: usize,
    /// The number of those behind something that cannot be read: they were not compared.
    pub(super) snapshots_unchecked: usize,
    pub(super) summary: Summary,
    /// Whether the summary is of the whole journal: nothing of it was pruned.
    pub(super) is_audited: bool,
    pub(super) state_hash: u128,
    pub(super) torn_bytes: u64,
    /// The record of the snapshot where the replay began; zero if it began with the empty state.
    pub(super) replayed_from: LogIndex,
    /// Everything that is wrong.
    pub(super) failures: Vec<Failure>,
}

/// A replay in progress.
pub(super) struct Replay {
    reader: Reader,
    checker: Checker,
    /// The bytes of records that were read and are not in the bar yet.
    read: u64,
    bar: ProgressBar,
}

/// Applies the records, and checks what comes of them.
struct Checker {
    stamp: Option<JournalStamp<Allocation>>,
    state: State<Allocation>,
    /// `None` after a fault, and if the replay began with a snapshot.
    auditor: Option<Auditor>,
    /// The state hashes of the snapshots that were not compared yet, by record.
    snapshots: BTreeMap<LogIndex, u128>,
    finder: ReplyFinder,
    outcomes: Outcomes,
    /// The state as bytes, reused.
    bytes: Vec<u8>,
    /// A record before the present one could not be read: the state is not that of the journal.
    is_cut: bool,
    result: ShardResult,
}

/// What one journal says, whatever the others do.
pub(super) struct Replayed {
    pub(super) result: ShardResult,
    /// What it has of the replies.
    pub(super) found: FoundReplies,
    /// What the shard knew where the replay began; none if it began with the empty state.
    pub(super) memory: Option<Memory>,
}

impl Replay {
    /// Begins with the journal in `path`, whose replies are looked for by `finder`.
    ///
    /// # Errors
    /// The result, where nothing of it can be read: that is a failure too.
    pub(super) fn open(
        path: &Path,
        finder: ReplyFinder,
        bar: &ProgressBar,
    ) -> Result<Self, Box<ShardResult>> {
        let opened = Folder::read_only(path).and_then(|folder| Reader::open(Arc::new(folder)));
        let reader = opened
            .map_err(|error| Box::new(ShardResult::new(path, "", vec![Failure::Journal(error)])))?;
        bar.inc_length(reader.segments().iter().map(|segment| segment.bytes_used).sum());
        match Checker::start(path, &reader, finder) {
            Ok(checker) => Ok(Self { reader, checker, read: 0, bar: bar.clone() }),
            Err(failure) => Err(Box::new(ShardResult::new(path, reader.stamp(), vec![failure]))),
        }
    }

    /// Checks the next record; false at the end of what can be read.
    pub(super) fn read(&mut self) -> bool {
        match self.reader.next() {
            Ok(Some(found)) => {
                self.checker.check(&found);
                self.read += u64::try_from(found.record.payload.len()).unwrap_or(0);
                if found.record.index.get().is_multiple_of(RECORDS_PER_TICK) {
                    self.bar.inc(mem::take(&mut self.read));
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.checker.is_cut = true;
                self.checker.result.failures.push(Failure::Journal(error));
                false
            }
        }
    }

    /// Compares the state at the end.
    pub(super) fn end(mut self) -> Replayed {
        self.bar.inc(self.read);
        let torn_bytes = self.reader.tail().map_or(0, |tail| tail.torn_bytes);
        self.checker.result.torn_bytes = torn_bytes;
        self.checker.end(&self.reader)
    }
}

impl Checker {
    /// Begins with the empty state, or with the oldest good snapshot if segments were pruned.
    fn start(path: &Path, reader: &Reader, finder: ReplyFinder) -> Result<Self, Failure> {
        let mut failures: Vec<_> = reader.snapshots().iter().filter_map(damage_of).collect();
        let is_cut = reader.lost().is_some();
        failures.extend(reader.lost().map(|file| Failure::SegmentLost(file.to_owned())));
        let start = Start::of(reader).map_err(|why| match why {
            NoStart::Stamp(error) => Failure::Stamp(error),
            NoStart::Journal(error) => Failure::Journal(error),
        })?;
        let Start { stamp, state, from: replayed_from, is_whole, invalid } = start;
        let invalid = invalid.map(|(index, error)| Failure::SnapshotInvalid { index, error });
        failures.extend(invalid);
        let book = stamp.as_ref().map_or_else(<_>::default, |stamp| stamp.machine);
        let good = reader.snapshots().iter().filter(|snapshot| snapshot.damage.is_none());
        let snapshots: BTreeMap<_, _> =
            good.map(|snapshot| (snapshot.index, snapshot.hash)).collect();
        let result =
            ShardResult { replayed_from, ..ShardResult::new(path, reader.stamp(), failures) };
        let auditor = is_whole.then(|| Auditor::new(book));
        let outcomes = Outcomes::default();
        let bytes = Vec::new();
        Ok(Self { stamp, state, auditor, snapshots, finder, outcomes, bytes, is_cut, result })
    }

    fn check(&mut self, found: &allot_journal::Entry<'_>) {
        let record = &found.record;
        let index = record.index;
        if index <= self.result.replayed_from {
            return;
        }
        self.result.records += 1;
        match Entry::of::<Allocation>(record) {
            Err(error) => {
                let (file, offset) = (found.file.to_owned(), found.offset);
                self.result.failures.push(Failure::Record { file, offset, index, error });
                self.is_cut = true;
            }
            Ok(entry) => self.apply(index, entry),
        }
        if let Some(hash) = self.snapshots.remove(&index) {
            self.compare_snapshot(index, hash);
        }
    }

    fn apply(&mut self, index: LogIndex, entry: Entry<'_>) {
        self.outcomes.clear();
        let input = self.state.replay(entry, &mut self.outcomes, |_| {});
        self.result.counts.count(input.as_ref().ok());
        let Ok(input) = input else { return };
        let book = self.state.machine();
        let account = |index| *book.account(index);
        if let Some(auditor) = &mut self.auditor
            && let Err(fault) = auditor.check(index, &input, &self.outcomes, account)
        {
            self.result.failures.push(Failure::Audit(fault));
            self.result.summary = auditor.summary().clone();
            self.auditor = None;
        }
        let contradicted = self.finder.find(&self.outcomes, account).into_iter();
        let differ = contradicted.map(|message| Failure::ReplyDiffers { index, message });
        self.result.failures.extend(differ);
    }

    fn compare_snapshot(&mut self, index: LogIndex, stored: u128) {
        // What the replay makes behind a hole says nothing of a snapshot.
        if self.is_cut {
            self.result.snapshots_unchecked += 1;
            return;
        }
        self.result.snapshots += 1;
        let replayed = self.hash();
        if replayed != stored {
            self.result.failures.push(Failure::SnapshotDiffers { index, stored, replayed });
        }
    }

    /// A snapshot that differs because it cannot be loaded is called that, and not a fault.
    fn name_unreadable(&mut self, reader: &Reader) {
        let Some(stamp) = &self.stamp else { return };
        for failure in &mut self.result.failures {
            if let Failure::SnapshotDiffers { index, .. } = *failure
                && let Ok(Some(snapshot)) = reader.snapshot(index)
                && let Err(error) = State::<Allocation>::load(stamp.machine, &snapshot.state)
            {
                *failure = Failure::SnapshotInvalid { index, error };
            }
        }
    }

    /// What the shard knew where the replay began; none if it began with the empty state.
    fn memory(&self, reader: &Reader) -> Option<Memory> {
        let from = Some(self.result.replayed_from).filter(|from| LogIndex::ZERO < *from)?;
        let stamp = self.stamp.as_ref()?;
        let snapshot = reader.snapshot(from).ok()??;
        let state = State::load(stamp.machine, &snapshot.state).ok()?;
        Some(Memory::new(state, stamp.shard, stamp.shards))
    }

    fn hash(&mut self) -> u128 {
        self.bytes.clear();
        self.state.save(&mut self.bytes);
        state_hash(&self.bytes)
    }

    fn end(mut self, reader: &Reader) -> Replayed {
        self.result.state_hash = self.hash();
        self.name_unreadable(reader);
        let memory = self.memory(reader);
        let failures = &mut self.result.failures;
        if let Some(auditor) = &self.auditor {
            failures.extend(auditor.compare(self.state.machine()).err().map(Failure::Audit));
            self.result.summary = auditor.summary().clone();
            self.result.is_audited = true;
        }
        let replayed_from = self.result.replayed_from;
        let ahead = self.snapshots.into_keys().filter(|index| replayed_from < *index);
        if self.is_cut {
            self.result.snapshots_unchecked += ahead.count();
        } else {
            failures.extend(ahead.map(|index| Failure::SnapshotAhead { index }));
        }
        Replayed { result: self.result, found: self.finder.end(), memory }
    }
}

impl ShardResult {
    /// Whether a segment is missing that was not pruned.
    pub(super) fn has_lost_segment(&self) -> bool {
        self.failures.iter().any(|failure| matches!(failure, Failure::SegmentLost(_)))
    }

    /// Nothing was read yet.
    fn new(path: &Path, stamp: &str, failures: Vec<Failure>) -> Self {
        Self {
            path: path.to_owned(),
            stamp: stamp.to_owned(),
            records: 0,
            counts: RecordCounts::default(),
            snapshots: 0,
            snapshots_unchecked: 0,
            summary: Summary::default(),
            is_audited: false,
            state_hash: 0,
            torn_bytes: 0,
            replayed_from: LogIndex::ZERO,
            failures,
        }
    }
}

fn damage_of(snapshot: &SnapshotSummary) -> Option<Failure> {
    let damage = snapshot.damage.clone()?;
    Some(Failure::SnapshotDamaged { file: snapshot.file.clone(), damage })
}
