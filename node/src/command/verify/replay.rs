//! Replay: reads one shard's journal from its start and checks every record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_audit::{Auditor, Summary};
use allot_allocation_rules::Outcomes;
use allot_allocation_service::Allocation;
use allot_domain::LogIndex;
use allot_journal::{Folder, Reader, SegmentState, SnapshotSummary, state_hash};
use allot_server::JournalStamp;
use allot_shard::{Entry, State};
use allot_wire::DecodeError;
use anyhow::{Context, Result};
use indicatif::ProgressBar;

use super::failure::Failure;
use super::given_replies::GivenReplies;

/// Number of records between two updates of the progress bar.
const RECORDS_PER_TICK: u64 = 4_096;

/// The result for one shard.
pub(super) struct ShardResult {
    pub(super) path: PathBuf,
    pub(super) stamp: String,
    pub(super) records: u64,
    /// The number of snapshots that were compared with the replay.
    pub(super) snapshots: usize,
    pub(super) summary: Summary,
    pub(super) state_hash: u128,
    pub(super) torn_bytes: u64,
    /// The record of the snapshot where the replay began; zero if it began with the empty state.
    pub(super) replayed_from: LogIndex,
    /// Everything that is wrong.
    pub(super) failures: Vec<Failure>,
}

/// A replay in progress.
struct Replay<'a> {
    state: State<Allocation>,
    /// `None` after a fault, and if the replay began with a snapshot.
    auditor: Option<Auditor>,
    /// The state hashes of the snapshots that were not compared yet, by record.
    snapshots: BTreeMap<LogIndex, u128>,
    given: &'a mut GivenReplies,
    outcomes: Outcomes,
    /// The state as bytes, reused.
    bytes: Vec<u8>,
    result: ShardResult,
}

/// Replays the journal in `path`.
///
/// # Errors
/// When the directory cannot be read.
pub(super) fn replay(
    path: &Path,
    given: &mut GivenReplies,
    bar: &ProgressBar,
) -> Result<ShardResult> {
    let place = || format!("cannot verify {}", path.display());
    let folder = Folder::read_only(path).with_context(place)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(place)?;
    bar.set_message(path.display().to_string());
    bar.inc_length(reader.segments().iter().map(|segment| segment.bytes_used).sum());
    let mut replay = Replay::start(path, &reader, given).with_context(place)?;
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                let record = entry.record;
                replay.check(record.index, Entry::of::<Allocation>(&record));
                bar.inc(entry.record.payload.len().try_into().unwrap_or(0));
                if record.index.get().is_multiple_of(RECORDS_PER_TICK) {
                    bar.tick();
                }
            }
            Err(error) => {
                replay.result.failures.push(Failure::Journal(error));
                break;
            }
        }
    }
    replay.result.torn_bytes = reader.tail().map_or(0, |tail| tail.torn_bytes);
    Ok(replay.end())
}

impl<'a> Replay<'a> {
    /// Begins with the empty state, or with the oldest good snapshot if segments were pruned.
    fn start(path: &Path, reader: &Reader, given: &'a mut GivenReplies) -> Result<Self> {
        let mut failures: Vec<_> = reader.snapshots().iter().filter_map(damage_of).collect();
        let is_begun = |state: &SegmentState| *state != SegmentState::Spare;
        let begun = reader.segments().iter().find(|segment| is_begun(&segment.state));
        let pruned_through = begun
            .map_or(LogIndex::ZERO, |segment| segment.first_index.previous().unwrap_or_default());
        let book = if begun.is_some() {
            reader.stamp().parse::<JournalStamp<Allocation>>()?.machine
        } else {
            <_>::default()
        };
        let good = reader.snapshots().iter().filter(|snapshot| snapshot.damage.is_none());
        let snapshots: BTreeMap<_, _> =
            good.map(|snapshot| (snapshot.index, snapshot.hash)).collect();
        let mut state = State::new(book);
        let mut replayed_from = LogIndex::ZERO;
        if LogIndex::ZERO < pruned_through
            && let Some((&index, _)) = snapshots.range(pruned_through..).next()
            && let Some(snapshot) = reader.snapshot(index)?
        {
            match State::load(book, &snapshot.state) {
                Ok(loaded) => {
                    state = loaded;
                    replayed_from = index;
                }
                Err(error) => failures.push(Failure::SnapshotInvalid { index, error }),
            }
        }
        let result = ShardResult {
            path: path.to_owned(),
            stamp: reader.stamp().to_owned(),
            records: 0,
            snapshots: 0,
            summary: Summary::default(),
            state_hash: 0,
            torn_bytes: 0,
            replayed_from,
            failures,
        };
        let auditor = (pruned_through == LogIndex::ZERO).then(|| Auditor::new(book));
        let outcomes = Outcomes::default();
        Ok(Self { state, auditor, snapshots, given, outcomes, bytes: Vec::new(), result })
    }

    fn check(&mut self, index: LogIndex, entry: Result<Entry<'_>, DecodeError>) {
        if index <= self.result.replayed_from {
            return;
        }
        self.result.records += 1;
        match entry {
            Err(error) => self.result.failures.push(Failure::Record { index, error }),
            Ok(entry) => self.apply(index, entry),
        }
        if let Some(hash) = self.snapshots.remove(&index) {
            self.compare_snapshot(index, hash);
        }
    }

    fn apply(&mut self, index: LogIndex, entry: Entry<'_>) {
        self.outcomes.clear();
        let Ok(input) = self.state.replay(entry, &mut self.outcomes, |_| {}) else {
            return;
        };
        let book = self.state.machine();
        let account = |index| *book.account(index);
        if let Some(auditor) = &mut self.auditor
            && let Err(fault) = auditor.check(index, &input, &self.outcomes, account)
        {
            self.result.failures.push(Failure::Audit(fault));
            self.result.summary = auditor.summary().clone();
            self.auditor = None;
        }
        if let Err(message) = self.given.find(&self.outcomes, account) {
            self.result.failures.push(Failure::SharesDiffer { index, message });
        }
    }

    fn compare_snapshot(&mut self, index: LogIndex, stored: u128) {
        self.result.snapshots += 1;
        let replayed = self.hash();
        if replayed != stored {
            self.result.failures.push(Failure::SnapshotDiffers { index, stored, replayed });
        }
    }

    fn hash(&mut self) -> u128 {
        self.bytes.clear();
        self.state.save(&mut self.bytes);
        state_hash(&self.bytes)
    }

    fn end(mut self) -> ShardResult {
        self.result.state_hash = self.hash();
        let failures = &mut self.result.failures;
        if let Some(auditor) = &self.auditor {
            failures.extend(auditor.compare(self.state.machine()).err().map(Failure::Audit));
            self.result.summary = auditor.summary().clone();
        }
        failures.extend(self.given.splits_missing().into_iter().map(Failure::SplitMissing));
        let replayed_from = self.result.replayed_from;
        let ahead = self.snapshots.into_keys().filter(|index| replayed_from < *index);
        failures.extend(ahead.map(|index| Failure::SnapshotAhead { index }));
        self.result
    }
}

fn damage_of(snapshot: &SnapshotSummary) -> Option<Failure> {
    let damage = snapshot.damage.clone()?;
    Some(Failure::SnapshotDamaged { file: snapshot.file.clone(), damage })
}
