//! Recovery: the only way from what is on disk to a journal that can be appended to.
//!
//! ```text
//!   latest good snapshot ─► every record after it ─► cut what was never finished ─► append
//! ```
//!
//! A new folder is opened the same way; there is only less to read.

mod start_point;

use std::sync::{Arc, Mutex};

use allot_domain::LogIndex;
use allot_runtime::{Waker, ring_pair};

use crate::batch::BATCH_HEAD_BYTES;
use crate::checkpointer::{self, Checkpointer, Preallocation, Retention};
use crate::commit_queue;
use crate::committer::Committer;
use crate::failure::Failure;
use crate::file_name::{self, Listing};
use crate::journal::Journal;
use crate::length::{narrow, wide};
use crate::limits::{BATCH_BYTES_MAX, CHECKPOINTER_FRAMES, LINK_FRAMES, PAYLOAD_BYTES_MAX, SECTOR};
use crate::record::record_bytes;
use crate::scan::Scan;
use crate::segment::{SegmentHead, SegmentStart, first_chain};
use crate::snapshot::Snapshot;
use crate::status::{CheckpointStatus, CommitStatus};
use crate::writer::{self, Current, Writer};
use crate::{JournalConfig, JournalError, Media, Record, Tail};
use start_point::{SnapshotEnd, find_segment, latest_snapshot};

/// A journal that is being read, and can be written once all of it was read.
pub struct Recovery {
    media: Arc<dyn Media>,
    config: JournalConfig,
    snapshot: Option<Snapshot>,
    /// Where the snapshot ends, whether or not it was taken; `None` if there is no good one.
    snapshot_end: Option<SnapshotEnd>,
    /// `None` if there is no record yet.
    scan: Option<Scan>,
    unfinished: Vec<String>,
    /// The segments in the folder.
    segments: Vec<u64>,
    bytes_since_snapshot: u64,
    failed: Option<JournalError>,
    warnings: Vec<String>,
}

/// The wakers of the threads that will run the three ends of the journal.
#[derive(Clone, Copy, Debug)]
pub struct Wakers<'a> {
    /// The thread of the shard.
    pub shard: &'a Waker,
    /// The thread of the committer.
    pub committer: &'a Waker,
    /// The thread of the checkpointer.
    pub checkpointer: &'a Waker,
}

impl Recovery {
    /// Finds the latest good snapshot and the segment with the record after it. Nothing is changed
    /// yet.
    ///
    /// # Errors
    /// [`JournalError`]: an invalid setting, another stamp, damage, or a missing file.
    pub fn open(media: Arc<dyn Media>, config: JournalConfig) -> Result<Self, JournalError> {
        config.check()?;
        let listing = Listing::of(&*media)?;
        let mut warnings = Vec::new();
        let latest = latest_snapshot(&*media, &listing, &config.stamp, &mut warnings)?;
        let (snapshot, snapshot_end) = latest.unzip();
        let index = snapshot_end.map_or(LogIndex::ZERO, |end| end.index);
        let scan = find_segment(&media, &listing, &config.stamp, index)?;
        let kept_from = snapshot_end.map_or(1, |end| end.kept_from);
        warnings.extend(listing.lost(kept_from).map(|number| {
            let file = file_name::segment(number);
            format!("{file} is missing and was not pruned; restore it from a backup")
        }));
        let recovery = Self {
            media,
            config,
            snapshot,
            snapshot_end,
            scan,
            segments: listing.segments,
            unfinished: listing.unfinished,
            bytes_since_snapshot: 0,
            failed: None,
            warnings,
        };
        recovery.check_snapshot()?;
        Ok(recovery)
    }

    /// Whether the folder held no segment: nothing was ever written to it, or all of it is gone.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segments that a start does not read because the snapshot holds what is in them: the
    /// first and the last.
    #[must_use]
    pub fn unread(&self) -> Option<(String, String)> {
        let read_from = self.scan.as_ref()?.begun().first()?.number;
        let mut unread = self.segments.iter().copied().filter(|number| *number < read_from);
        let first = unread.next()?;
        Some((file_name::segment(first), file_name::segment(unread.next_back().unwrap_or(first))))
    }

    /// What an operator should know, in sentences.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Takes the state to start from, if there is one. The second call returns `None`.
    pub fn snapshot(&mut self) -> Option<Snapshot> {
        self.snapshot.take()
    }

    /// The next record after the snapshot; `None` at the end.
    ///
    /// # Errors
    /// [`JournalError`]: the journal is damaged, or cannot be read. Every later call returns the
    /// same.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend what it reads")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.advance() {
            Ok(true) => Ok(self.scan.as_ref().map(Scan::record)),
            Ok(false) => Ok(None),
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Where the journal ends and what will be cut there, once [`next`](Self::next) has reached
    /// the end; `None` in a new folder.
    pub fn tail(&self) -> Option<&Tail> {
        self.scan.as_ref().and_then(Scan::tail)
    }

    /// The last record in the snapshot; zero without one.
    fn snapshot_index(&self) -> LogIndex {
        self.snapshot_end.map_or(LogIndex::ZERO, |end| end.index)
    }

    fn advance(&mut self) -> Result<bool, JournalError> {
        let snapshot = self.snapshot_index();
        while let Some(scan) = &mut self.scan {
            if !scan.advance()? {
                break;
            }
            if snapshot < scan.index() {
                self.bytes_since_snapshot += scan.record_bytes();
                return Ok(true);
            }
            self.check_snapshot()?;
        }
        self.check_end()?;
        Ok(false)
    }

    /// Compares the chain of the snapshot with that of the journal, when the scan is there.
    fn check_snapshot(&self) -> Result<(), JournalError> {
        let (Some(SnapshotEnd { index, chain, .. }), Some(scan)) = (self.snapshot_end, &self.scan)
        else {
            return Ok(());
        };
        if scan.index() == index && scan.chain() != chain {
            return Err(JournalError::Corrupt {
                file: file_name::snapshot(index),
                offset: 0,
                index,
                what: "the snapshot was not made from this journal",
            });
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), JournalError> {
        match self.scan.as_ref().and_then(|scan| Some((scan, scan.tail()?))) {
            Some((scan, tail)) if scan.index() < self.snapshot_index() => {
                Err(JournalError::Corrupt {
                    file: tail.file.clone(),
                    offset: tail.offset,
                    index: scan.index().next(),
                    what: "the journal ends before the snapshot that was made from it",
                })
            }
            _ => Ok(()),
        }
    }

    /// Cuts what was never finished, makes the spare segment, and returns the three ends.
    ///
    /// Then everything that was read is on disk, even if a crash had left it only in the memory of
    /// the operating system.
    ///
    /// # Errors
    /// [`JournalError`]: what [`next`](Self::next) returned, or what the disk reports.
    ///
    /// # Panics
    /// When records are left: the state would lack them.
    pub fn finish(
        mut self,
        wakers: Wakers<'_>,
    ) -> Result<(Journal, Committer, Checkpointer), JournalError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        for name in &self.unfinished {
            let removed = self.media.remove(name);
            removed.map_err(|cause| JournalError::media("remove", name, &cause))?;
        }
        let (segment, chain, durable) = match self.scan.take() {
            Some(mut scan) => {
                let segment = self.reopen(&mut scan)?;
                let chain = scan.chain();
                let durable = scan.index();
                self.scan = Some(scan);
                (segment, chain, durable)
            }
            None => (self.first_segment()?, first_chain(&self.config.stamp), LogIndex::ZERO),
        };
        assert!(self.snapshot_index() <= durable, "the snapshot holds only durable records");
        let (preallocation, checkpoint) = self.spare_segment(segment.head.number)?;
        let status = CommitStatus { durable, checkpoint, is_failed: false };
        self.assemble(wakers, segment, chain, status, preallocation)
    }

    /// Cuts the tail, and writes the last batch again: after a failed sync the operating system
    /// shows bytes that are not on disk, and would not write them by itself.
    fn reopen(&self, scan: &mut Scan) -> Result<Current, JournalError> {
        let tail = scan.tail().expect("every record is read before the journal is written").clone();
        let (last_at, last) = scan.last_written()?;
        assert_eq!(last_at + wide(last.len()), tail.offset, "the tail follows the last batch");
        let name = tail.file;
        let failed = |operation| {
            let name = name.clone();
            move |cause| JournalError::media(operation, &name, &cause)
        };
        let mut file = self.media.open(&name).map_err(failed("open"))?;
        let zeros = vec![0; narrow(tail.torn_bytes)];
        if !zeros.is_empty() {
            file.write_at(tail.offset, &zeros).map_err(failed("write"))?;
        }
        file.write_at(last_at, &last).map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        self.media.sync_folder().map_err(failed("sync the folder of"))?;
        Ok(Current { head: scan.head().clone(), file, offset: tail.offset })
    }

    /// Makes and begins the very first segment. If a crash left one that was not begun, it is
    /// removed.
    fn first_segment(&self) -> Result<Current, JournalError> {
        let start = SegmentStart { number: 1, first_index: LogIndex::FIRST };
        let bytes = self.config.segment_bytes;
        let name = file_name::segment(start.number);
        let failed = |operation| {
            let name = name.clone();
            move |cause| JournalError::media(operation, &name, &cause)
        };
        if Listing::of(&*self.media)?.segments.contains(&start.number) {
            self.media.remove(&name).map_err(failed("remove"))?;
        }
        let mut preallocation = Preallocation::new(bytes, 0);
        preallocation.want(start.number);
        while !preallocation.is_ready() {
            preallocation.step(&*self.media)?;
        }
        let chain = first_chain(&self.config.stamp);
        let head = SegmentHead::new(start, chain, bytes, &self.config.stamp);
        let mut file = self.media.open(&name).map_err(failed("open"))?;
        file.write_at(0, &head.sector()).map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        Ok(Current { head, file, offset: SECTOR })
    }

    /// Makes the segment after the current one, unless it exists or there is no room.
    fn spare_segment(
        &self,
        current: u64,
    ) -> Result<(Preallocation, CheckpointStatus), JournalError> {
        let bytes = self.config.segment_bytes;
        let mut ready = current;
        if let Some(spare) = self.scan.as_ref().and_then(Scan::spare) {
            assert_eq!(spare.number, current + 1, "the spare segment follows the current one");
            if spare.bytes == bytes {
                ready = spare.number;
            } else {
                let name = file_name::segment(spare.number);
                let removed = self.media.remove(&name);
                removed.map_err(|cause| JournalError::media("remove", &name, &cause))?;
            }
        }
        let mut preallocation = Preallocation::new(bytes, ready);
        preallocation.want(current + 1);
        let mut is_full = false;
        while !preallocation.is_ready() && !is_full {
            match preallocation.step(&*self.media) {
                Ok(()) => {}
                Err(JournalError::DiskFull { .. }) => {
                    preallocation.abandon(&*self.media)?;
                    is_full = true;
                }
                Err(error) => return Err(error),
            }
        }
        let ready_segment = preallocation.ready();
        let status = CheckpointStatus { ready_segment, is_full, snapshot: None, is_failed: false };
        Ok((preallocation, status))
    }

    fn assemble(
        self,
        wakers: Wakers<'_>,
        segment: Current,
        chain: u64,
        status: CommitStatus,
        preallocation: Preallocation,
    ) -> Result<(Journal, Committer, Checkpointer), JournalError> {
        let config = self.config;
        let (shard_end, committer_end) = ring_pair(LINK_FRAMES, wakers.shard, wakers.committer);
        let (upper, lower) = ring_pair(CHECKPOINTER_FRAMES, wakers.committer, wakers.checkpointer);
        let failure = Failure::default();
        let current = [segment.head.start()];
        let begun = self.scan.as_ref().map_or(&current[..], Scan::begun);
        let snapshot = self.snapshot_end.map(|end| end.index);
        let kept_from = self.snapshot_end.map_or(1, |end| end.kept_from);
        let retention = Retention::new(config.prune, begun, snapshot, kept_from);
        let checkpointer = Checkpointer::new(checkpointer::Start {
            name: config.name.clone(),
            media: Arc::clone(&self.media),
            committer: lower,
            failure: failure.clone(),
            preallocation,
            retention,
            stamp: config.stamp,
            status: status.checkpoint,
        });
        let writer = Writer::new(writer::Start {
            media: self.media,
            journal: committer_end,
            checkpointer: upper,
            failure: failure.clone(),
            segment,
            segment_bytes: config.segment_bytes,
            checks_each_batch: config.checks_each_batch,
            chain,
            status,
        });
        let writer = Arc::new(Mutex::new(writer));
        let journal = Journal::new(commit_queue::Start {
            committer: shard_end,
            writer: Arc::downgrade(&writer),
            failure,
            ack: config.ack,
            record_bytes_max: record_bytes_max(config.segment_bytes),
            status,
            snapshot_every_bytes: config.snapshot_every_bytes,
            bytes_since_snapshot: self.bytes_since_snapshot,
        });
        Ok((journal, Committer::new(&config.name, writer), checkpointer))
    }
}

/// The largest record: that of the largest payload, or the one that fills a small segment.
fn record_bytes_max(segment_bytes: u64) -> usize {
    let batch_bytes = BATCH_BYTES_MAX.min(narrow(segment_bytes - SECTOR));
    record_bytes(PAYLOAD_BYTES_MAX).min(batch_bytes - BATCH_HEAD_BYTES)
}
