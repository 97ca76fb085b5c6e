//! Replay: one shard's journal from its start, every record checked.

use super::promises::Promises;
use crate::stamp::Stamp;
use allot_audit::{Auditor, Summary};
use allot_domain::{LogIndex, Outcomes};
use allot_journal::{Folder, Reader, SegmentState, SnapshotSummary, state_hash};
use allot_shard::{Entry, State};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// So many records pass between two looks at the progress bar.
const RECORDS_PER_TICK: u64 = 4_096;

/// What was found of one shard.
pub(super) struct Verdict {
    pub(super) path: PathBuf,
    pub(super) stamp: String,
    pub(super) records: u64,
    /// Images that were compared with the replay.
    pub(super) images: usize,
    pub(super) summary: Summary,
    pub(super) state_hash: u128,
    pub(super) torn_bytes: u64,
    /// The record of the image where the replay began; zero where it began with nothing.
    pub(super) replayed_from: u64,
    /// All that is wrong: nothing, if all is well.
    pub(super) wrong: Vec<String>,
}

/// A replay under way.
struct Replay<'a> {
    state: State,
    /// None after it found a fault, and where the replay began with an image.
    auditor: Option<Auditor>,
    images: BTreeMap<u64, u128>,
    promises: &'a mut Promises,
    outcomes: Outcomes,
    image: Vec<u8>,
    verdict: Verdict,
}

/// Replays the journal in `path`.
///
/// # Errors
/// When there is nothing that could be read.
pub(super) fn replay(path: &Path, promises: &mut Promises, bar: &ProgressBar) -> Result<Verdict> {
    let place = || format!("cannot verify {}", path.display());
    let folder = Folder::read_only(path).with_context(place)?;
    let mut reader = Reader::open(Arc::new(folder)).with_context(place)?;
    bar.set_message(path.display().to_string());
    bar.inc_length(reader.segments().iter().map(|segment| segment.bytes_used).sum());
    let mut replay = Replay::start(path, &reader, promises).with_context(place)?;
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                let record = entry.record;
                replay.take(record.index.get(), Entry::of(record.kind, record.tag, record.payload));
                bar.inc(entry.record.payload.len().try_into().unwrap_or(0));
                if record.index.get().is_multiple_of(RECORDS_PER_TICK) {
                    bar.tick();
                }
            }
            Err(error) => {
                replay.verdict.wrong.push(error.to_string());
                break;
            }
        }
    }
    replay.verdict.torn_bytes = reader.tail().map_or(0, |tail| tail.torn_bytes);
    Ok(replay.end())
}

impl<'a> Replay<'a> {
    /// Begins with nothing, or with the oldest good image where the first segments are gone.
    fn start(path: &Path, reader: &Reader, promises: &'a mut Promises) -> Result<Self> {
        let mut wrong: Vec<_> = reader.snapshots().iter().filter_map(damage_of).collect();
        let is_begun = |state: &SegmentState| *state != SegmentState::Spare;
        let begun = reader.segments().iter().find(|segment| is_begun(&segment.state));
        let before = begun.map_or(0, |segment| segment.first_index.get().saturating_sub(1));
        let book =
            if begun.is_some() { reader.stamp().parse::<Stamp>()?.book } else { <_>::default() };
        let images = reader.snapshots().iter().filter(|image| image.damage.is_none());
        let images: BTreeMap<_, _> = images.map(|image| (image.index.get(), image.hash)).collect();
        let (mut state, mut replayed_from) = (State::new(book), 0);
        if before > 0
            && let Some((sequence, _)) = images.range(before..).next()
            && let Some(image) = reader.snapshot(LogIndex::new(*sequence))?
        {
            match State::load(book, &image.state) {
                Ok(loaded) => (state, replayed_from) = (loaded, *sequence),
                Err(error) => wrong.push(format!("the image of record {sequence}: {error}")),
            }
        }
        let verdict = Verdict {
            path: path.to_owned(),
            stamp: reader.stamp().to_owned(),
            records: 0,
            images: 0,
            summary: Summary::default(),
            state_hash: 0,
            torn_bytes: 0,
            replayed_from,
            wrong,
        };
        let auditor = (before == 0).then(|| Auditor::new(book));
        let (outcomes, image) = (Outcomes::default(), Vec::new());
        Ok(Self { state, auditor, images, promises, outcomes, image, verdict })
    }

    fn take(&mut self, sequence: u64, entry: Result<Entry<'_>, allot_wire::DecodeError>) {
        if sequence <= self.verdict.replayed_from {
            return;
        }
        self.verdict.records += 1;
        match entry {
            Err(error) => self.verdict.wrong.push(format!("record {sequence}: {error}")),
            Ok(entry) => self.apply(sequence, entry),
        }
        if let Some(hash) = self.images.remove(&sequence) {
            self.compare_image(sequence, hash);
        }
    }

    fn apply(&mut self, sequence: u64, entry: Entry<'_>) {
        let Ok(input) = self.state.replay_whole(entry, &mut self.outcomes) else {
            return;
        };
        let book = self.state.book();
        let account = |place| *book.account(place);
        if let Some(auditor) = &mut self.auditor
            && let Err(fault) = auditor.check(sequence, &input, &self.outcomes, account)
        {
            self.verdict.wrong.push(fault.to_string());
            self.verdict.summary = auditor.summary().clone();
            self.auditor = None;
        }
        if let Err(wrong) = self.promises.keep(&self.outcomes, account) {
            self.verdict.wrong.push(format!("record {sequence}: {wrong}"));
        }
    }

    fn compare_image(&mut self, sequence: u64, hash: u128) {
        self.verdict.images += 1;
        let replayed = self.hash();
        if replayed != hash {
            self.verdict.wrong.push(format!(
                "the image of record {sequence} has the state {hash:032x}, a replay of the journal \
                 {replayed:032x}"
            ));
        }
    }

    fn hash(&mut self) -> u128 {
        self.image.clear();
        self.state.save(&mut self.image);
        state_hash(&self.image)
    }

    fn end(mut self) -> Verdict {
        self.verdict.state_hash = self.hash();
        if let Some(auditor) = &self.auditor {
            if let Err(fault) = auditor.compare(self.state.book()) {
                self.verdict.wrong.push(fault.to_string());
            }
            self.verdict.summary = auditor.summary().clone();
        }
        let splits = self.promises.splits_lost();
        self.verdict.wrong.extend(
            splits.iter().map(|split| format!("the split {split} was answered, and is not here")),
        );
        for sequence in self.images.keys().filter(|image| **image > self.verdict.replayed_from) {
            self.verdict.wrong.push(format!(
                "the image of record {sequence} is ahead of the journal, which ends before it"
            ));
        }
        self.verdict
    }
}

fn damage_of(image: &SnapshotSummary) -> Option<String> {
    image.damage.as_ref().map(|damage| format!("{}: {damage}", image.file))
}
