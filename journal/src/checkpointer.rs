//! The checkpointer: everything that is slow. It makes the next segment, stores snapshots, and
//! removes what is no longer needed.
//!
//! ```text
//!   segment:   zeros under another name, synced ─► renamed ─► folder synced ─► ready
//!   snapshot:  written under another name, synced ─► renamed ─► folder synced ─► read back
//!                                                                                  │ good
//!              what neither it nor the good one before it needs is removed ◄───────┘
//! ```
//!
//! Once a second it looks whether the folder and the current segment are still there, and ends the
//! journal if they are not.
//!
//! It writes in steps of one mebibyte, so that it can share a thread with the shard. If the disk
//! has no room it tries again every second; any other failure ends the journal.

mod unfinished_file;
mod preallocation;
mod snapshot_writer;
mod retention;

use std::mem;
use std::sync::Arc;

use allot_runtime::{Agent, Link, Nanos};

use crate::failure::Failure;
use crate::file_name;
use crate::limits::{CHECK_EVERY, RETRY_AFTER};
use crate::status::{self, CheckpointStatus, SEGMENT_BEGUN};
use crate::{JournalError, Media};
pub(crate) use preallocation::Preallocation;
pub(crate) use retention::Retention;
use snapshot_writer::SnapshotWriter;

/// Makes and removes the files of one journal, as an agent.
pub struct Checkpointer {
    role: String,
    media: Arc<dyn Media>,
    committer: Link,
    failure: Failure,
    preallocation: Preallocation,
    /// When to try again to make a segment.
    preallocate_at: Nanos,
    snapshots: SnapshotWriter,
    /// When to try again to write a snapshot.
    snapshot_at: Nanos,
    /// When to look again whether the folder is there.
    check_at: Nanos,
    status: CheckpointStatus,
    /// The status that the committer has.
    sent: CheckpointStatus,
    buffer: Vec<u8>,
}

/// What a checkpointer starts from.
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) media: Arc<dyn Media>,
    pub(crate) committer: Link,
    pub(crate) failure: Failure,
    pub(crate) preallocation: Preallocation,
    pub(crate) retention: Retention,
    pub(crate) stamp: String,
    pub(crate) status: CheckpointStatus,
}

impl Checkpointer {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            role: format!("checkpointer-{}", start.name),
            media: start.media,
            committer: start.committer,
            failure: start.failure,
            preallocation: start.preallocation,
            preallocate_at: Nanos::ZERO,
            snapshots: SnapshotWriter::new(start.stamp, start.retention),
            snapshot_at: Nanos::ZERO,
            check_at: Nanos::ZERO,
            status: start.status,
            sent: start.status,
            buffer: Vec::new(),
        }
    }

    /// Takes what the committer has sent; returns the number of messages.
    fn receive(&mut self) -> usize {
        let mut count = 0;
        while self.committer.receive(&mut self.buffer) {
            count += 1;
            if self.buffer.last() == Some(&SEGMENT_BEGUN) {
                let start = status::read_segment_begun(&self.buffer);
                self.snapshots.retention.segment_begun(start);
                self.preallocation.want(start.number + 1);
            } else {
                self.snapshots.take(mem::take(&mut self.buffer));
            }
        }
        count
    }

    /// Takes one step of the snapshot under way; returns the number of steps.
    fn step_snapshot(&mut self, now: Nanos) -> Result<usize, JournalError> {
        if self.snapshots.is_idle() || now < self.snapshot_at {
            return Ok(0);
        }
        match self.snapshots.step(&*self.media) {
            Ok(None) => {}
            Ok(Some(index)) => {
                assert!(self.status.snapshot <= Some(index), "snapshots are stored in order");
                self.status.snapshot = Some(index);
                // Files may have been removed, so there may be room for a segment.
                self.preallocate_at = Nanos::ZERO;
            }
            Err(JournalError::DiskFull { .. }) => {
                self.snapshots.abandon(&*self.media)?;
                self.snapshot_at = now + RETRY_AFTER;
            }
            Err(error) => return Err(error),
        }
        Ok(1)
    }

    /// Takes one step of the segment that is wanted; returns the number of steps.
    fn step_segment(&mut self, now: Nanos) -> Result<usize, JournalError> {
        // If room is short the snapshot gets it: files can be removed once it is stored.
        let yields = self.status.is_full && self.snapshots.is_under_way();
        if self.preallocation.is_ready() || now < self.preallocate_at || yields {
            return Ok(0);
        }
        match self.preallocation.step(&*self.media) {
            Ok(()) => self.status.is_full &= !self.preallocation.is_ready(),
            Err(JournalError::DiskFull { .. }) => {
                self.preallocation.abandon(&*self.media)?;
                self.status.is_full = true;
                self.preallocate_at = now + RETRY_AFTER;
            }
            Err(error) => return Err(error),
        }
        let ready = self.preallocation.ready();
        assert!(self.status.ready_segment <= ready, "a segment that is ready stays ready");
        self.status.ready_segment = ready;
        Ok(1)
    }

    /// Ends the journal once the folder or the current segment is gone.
    fn check_folder(&mut self, now: Nanos) -> Result<(), JournalError> {
        if now < self.check_at {
            return Ok(());
        }
        self.check_at = now + CHECK_EVERY;
        let file = file_name::segment(self.snapshots.retention.current());
        match self.media.holds(&file) {
            Ok(true) => Ok(()),
            Ok(false) => Err(JournalError::Removed { file }),
            Err(cause) => Err(JournalError::final_media("find", &file, &cause)),
        }
    }

    /// One step of each. A journal that has failed is left as it is.
    fn step(&mut self, now: Nanos) -> usize {
        if self.failure.is_set() {
            return 0;
        }
        let checked = self.check_folder(now).and_then(|()| self.step_snapshot(now));
        let stepped = checked.and_then(|count| Ok(count + self.step_segment(now)?));
        stepped.unwrap_or_else(|error| {
            self.failure.set(error);
            0
        })
    }

    fn send_status(&mut self) -> usize {
        self.status.is_failed = self.failure.is_set();
        if self.status == self.sent {
            return 0;
        }
        self.status.write(&mut self.buffer);
        if self.committer.send(&mut self.buffer).is_err() {
            return 0;
        }
        self.sent = self.status;
        1
    }
}

impl Agent for Checkpointer {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let received = self.receive();
        let stepped = self.step(now);
        received + stepped + self.send_status()
    }

    fn wake_at(&self) -> Nanos {
        if self.failure.is_set() {
            return Nanos::MAX;
        }
        let segment_at =
            if self.preallocation.is_ready() { Nanos::MAX } else { self.preallocate_at };
        let snapshot_at = if self.snapshots.is_idle() { Nanos::MAX } else { self.snapshot_at };
        segment_at.min(snapshot_at).min(self.check_at)
    }
}
