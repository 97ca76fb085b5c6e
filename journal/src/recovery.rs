//! Recovery: the one road from what is on disk to a journal that can be appended to.
//!
//! ```text
//!   latest good snapshot ─► every record after it ─► cut what was never finished ─► append
//! ```
//!
//! A new folder takes the same road; there is only less on it.

use std::sync::Arc;

use allot_runtime::{Waker, ring_pair};

use crate::batch::BATCH_HEAD_BYTES;
use crate::checkpointer::{self, Checkpointer, Preallocation, Retention};
use crate::committer::{self, Committer, Current};
use crate::failure::Failure;
use crate::field::narrow;
use crate::file_name::{self, Listing};
use crate::journal::{self, Journal};
use crate::limits::{BATCH_BYTES_MAX, CHECKPOINTER_FRAMES, LINK_FRAMES, PAYLOAD_BYTES_MAX, SECTOR};
use crate::record::record_bytes;
use crate::scan::{Opened, Scan, corrupt, first_written, open_segment};
use crate::segment::{SegmentHead, first_chain};
use crate::snapshot::{Found, Snapshot, open_snapshot};
use crate::status::{CheckpointStatus, CommitStatus};
use crate::{JournalConfig, JournalError, Media, Record, Tail};

/// A journal that is being read, to be written afterwards.
pub struct Recovery {
    media: Arc<dyn Media>,
    config: JournalConfig,
    snapshot: Option<Snapshot>,
    /// The last record that is in the snapshot, and the chain after it.
    after: Option<(u64, u64)>,
    /// None if there is no record yet.
    scan: Option<Scan>,
    unfinished: Vec<String>,
    bytes_since_snapshot: u64,
    failed: Option<JournalError>,
    warnings: Vec<String>,
}

/// Whom to wake: the wakers of the threads that will run the three ends of the journal.
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
    /// Finds the latest good snapshot and the first record after it. Nothing is changed yet.
    ///
    /// # Errors
    /// [`JournalError`]: a setting that cannot be, another stamp, damage, or missing files.
    pub fn open(media: Arc<dyn Media>, config: JournalConfig) -> Result<Self, JournalError> {
        config.check()?;
        let listing = Listing::of(&*media)?;
        let mut warnings = Vec::new();
        let (snapshot, after) =
            match latest_snapshot(&*media, &listing, &config.stamp, &mut warnings)? {
                Some((snapshot, chain)) => (Some(snapshot.index), Some((snapshot, chain))),
                None => (None, None),
            };
        let scan = find_start(&media, &listing, &config.stamp, snapshot.unwrap_or(0))?;
        let after_snapshot = after.as_ref().map(|(snapshot, chain)| (snapshot.index, *chain));
        let recovery = Self {
            media,
            config,
            snapshot: after.map(|(snapshot, _)| snapshot),
            after: after_snapshot,
            scan,
            unfinished: listing.unfinished,
            bytes_since_snapshot: 0,
            failed: None,
            warnings,
        };
        recovery.check_snapshot()?;
        Ok(recovery)
    }

    /// What is worth telling an operator, in sentences.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The state to start from, if there is one. It is given away: the second time there is none.
    pub fn snapshot(&mut self) -> Option<Snapshot> {
        self.snapshot.take()
    }

    /// The next record after the snapshot; none at the end.
    ///
    /// # Errors
    /// [`JournalError`]: the journal is damaged, or cannot be read. It stays so.
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

    /// Where the journal ends, and what will be cut there, once [`next`](Self::next) has come to
    /// the end; none in a new folder.
    pub fn tail(&self) -> Option<&Tail> {
        self.scan.as_ref().and_then(Scan::tail)
    }

    fn advance(&mut self) -> Result<bool, JournalError> {
        let snapshot = self.after.map_or(0, |(index, _)| index);
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
        self.check_end(snapshot)?;
        Ok(false)
    }

    /// Whether the snapshot belongs where it says it does, once the scan is there.
    fn check_snapshot(&self) -> Result<(), JournalError> {
        let (Some((index, chain)), Some(scan)) = (self.after, &self.scan) else {
            return Ok(());
        };
        if scan.index() == index && scan.chain() != chain {
            return Err(JournalError::Corrupt {
                file: file_name::snapshot(index),
                offset: 0,
                index,
                what: "the snapshot was not made of this journal",
            });
        }
        Ok(())
    }

    fn check_end(&self, snapshot: u64) -> Result<(), JournalError> {
        match self.scan.as_ref().and_then(|scan| Some((scan, scan.tail()?))) {
            Some((scan, tail)) if scan.index() < snapshot => Err(JournalError::Corrupt {
                file: tail.file.clone(),
                offset: tail.offset,
                index: scan.index() + 1,
                what: "the journal ends before the snapshot that was made of it",
            }),
            _ => Ok(()),
        }
    }

    /// Cuts what was never finished, makes the spare segment, and hands over the three ends.
    ///
    /// Everything that was read is on disk then, also what a crash left in the memory of the
    /// system alone.
    ///
    /// # Errors
    /// [`JournalError`]: what [`next`](Self::next) said, or the disk refuses.
    ///
    /// # Panics
    /// When records are left: a state without them must not go on.
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
                let end = (scan.chain(), scan.index());
                self.scan = Some(scan);
                (segment, end.0, end.1)
            }
            None => (self.first_segment()?, first_chain(&self.config.stamp), 0),
        };
        let (preallocation, checkpoint) = self.spare_segment(segment.head.number)?;
        self.assemble(
            wakers,
            segment,
            chain,
            CommitStatus { durable, checkpoint, failed: false },
            preallocation,
        )
    }

    /// Cuts the tail, and writes the last batch once more: after a sync that failed the system
    /// shows what is not on disk, and would not write it again by itself.
    fn reopen(&self, scan: &mut Scan) -> Result<Current, JournalError> {
        let tail = scan.tail().expect("every record is read before the journal goes on").clone();
        let (last_at, last) = scan.last_written()?;
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

    /// Begins the first segment of all. A crash may have left it there, not begun.
    fn first_segment(&self) -> Result<Current, JournalError> {
        let (number, bytes) = (1, self.config.segment_bytes);
        let name = file_name::segment(number);
        let failed = |operation| {
            let name = name.clone();
            move |cause| JournalError::media(operation, &name, &cause)
        };
        if Listing::of(&*self.media)?.segments.contains(&number) {
            self.media.remove(&name).map_err(failed("remove"))?;
        }
        let mut preallocation = Preallocation::new(bytes, 0);
        preallocation.want(number);
        while !preallocation.is_ready() {
            preallocation.step(&*self.media)?;
        }
        let chain = first_chain(&self.config.stamp);
        let head = SegmentHead::new(number, 1, chain, bytes, &self.config.stamp);
        let mut file = self.media.open(&name).map_err(failed("open"))?;
        file.write_at(0, &head.sector()).map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        Ok(Current { head, file, offset: SECTOR })
    }

    /// Makes the segment after the current one, unless it is there or there is no room.
    fn spare_segment(
        &self,
        current: u64,
    ) -> Result<(Preallocation, CheckpointStatus), JournalError> {
        let bytes = self.config.segment_bytes;
        let mut ready = current;
        if let Some((number, length)) = self.scan.as_ref().and_then(Scan::spare) {
            let name = file_name::segment(number);
            if length == bytes {
                ready = number;
            } else {
                let removed = self.media.remove(&name);
                removed.map_err(|cause| JournalError::media("remove", &name, &cause))?;
            }
        }
        let (mut preallocation, mut full) = (Preallocation::new(bytes, ready), false);
        preallocation.want(current + 1);
        while !preallocation.is_ready() && !full {
            match preallocation.step(&*self.media) {
                Ok(()) => {}
                Err(JournalError::DiskFull { .. }) => {
                    preallocation.abandon(&*self.media)?;
                    full = true;
                }
                Err(error) => return Err(error),
            }
        }
        let checkpoint =
            CheckpointStatus { spare: preallocation.ready(), full, snapshotd: 0, failed: false };
        Ok((preallocation, checkpoint))
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
        let head = &segment.head;
        let only = [(head.number, head.first_index)];
        let begun = self.scan.as_ref().map_or(&only[..], Scan::begun);
        let retention = Retention::new(config.prune, begun, self.after.map(|(index, _)| index));
        let journal = Journal::new(journal::Start {
            committer: shard_end,
            failure: failure.clone(),
            ack: config.ack,
            record_bytes_max: record_bytes_max(config.segment_bytes),
            status,
            snapshot_every_bytes: config.snapshot_every_bytes,
            bytes_since_snapshot: self.bytes_since_snapshot,
        });
        let checkpointer = Checkpointer::new(checkpointer::Start {
            name: config.name.clone(),
            media: Arc::clone(&self.media),
            committer: lower,
            failure: failure.clone(),
            preallocation,
            retention,
            stamp: config.stamp,
            checkpoint: status.checkpoint,
        });
        let committer = Committer::new(committer::Start {
            name: config.name,
            media: self.media,
            journal: committer_end,
            checkpointer: upper,
            failure,
            segment,
            segment_bytes: config.segment_bytes,
            chain,
            status,
        });
        Ok((journal, committer, checkpointer))
    }
}

/// The largest record: the largest payload's, or what a small segment has room for.
fn record_bytes_max(segment_bytes: u64) -> usize {
    let batch_bytes = BATCH_BYTES_MAX.min(narrow(segment_bytes - SECTOR));
    record_bytes(PAYLOAD_BYTES_MAX).min(batch_bytes - BATCH_HEAD_BYTES)
}

/// The latest snapshot that is as it was written, and the chain after it.
fn latest_snapshot(
    media: &dyn Media,
    listing: &Listing,
    stamp: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<(Snapshot, u64)>, JournalError> {
    for &index in listing.snapshots.iter().rev() {
        match open_snapshot(media, index, Some(stamp), true)? {
            Found::Good(head, state) => return Ok(Some((Snapshot { index, state }, head.chain))),
            Found::Damaged(what) => {
                let file = file_name::snapshot(index);
                warnings.push(format!("{file} is damaged: {what}; starting from an earlier one"));
            }
        }
    }
    Ok(None)
}

/// The scan that begins in the segment with the record after `snapshot`; none in a new folder.
fn find_start(
    media: &Arc<dyn Media>,
    listing: &Listing,
    stamp: &str,
    snapshot: u64,
) -> Result<Option<Scan>, JournalError> {
    let (run, wanted) = (listing.run(), snapshot + 1);
    for (place, &number) in run.iter().enumerate().rev() {
        match open_segment(&**media, number, wanted, Some(stamp))? {
            Opened::Begun(head, read_ahead) if head.first_index <= wanted => {
                let after = run[place + 1..].to_vec();
                return Ok(Some(Scan::start(Arc::clone(media), head, read_ahead, after)));
            }
            Opened::Begun(..) => {}
            Opened::Spare(read_ahead) if place + 1 < run.len() => {
                let what = "a segment was never begun, and another follows";
                return corrupt(&read_ahead, 0, wanted, what);
            }
            Opened::Spare(mut read_ahead) if run == [1] => {
                if let Some(offset) = first_written(&mut read_ahead, 0)? {
                    let what = "something stands in a segment that was never begun";
                    return corrupt(&read_ahead, offset, wanted, what);
                }
            }
            // The scan comes to it.
            Opened::Spare(_) => {}
        }
    }
    let is_new = listing.snapshots.is_empty() && matches!(run, [] | [1]);
    let missing = run.first().map_or(1, |first| first.saturating_sub(1));
    let file = file_name::segment(missing);
    if is_new { Ok(None) } else { Err(JournalError::Missing { file, index: wanted }) }
}
