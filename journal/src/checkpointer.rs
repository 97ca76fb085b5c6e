//! The checkpointer: everything that is slow. The next segment, snapshots, and what may be removed.
//!
//! ```text
//!   spare:  zeros under another name, synced ─► renamed ─► folder synced ─► ready
//!   snapshot:  written under another name, synced ─► renamed ─► folder synced ─► read back
//!                                                                               │ good
//!           what neither it nor the good one before it needs is removed ◄───────┘
//! ```
//!
//! It writes in steps of a mebibyte, so that it can share a thread with the shard. What there is
//! no room for is tried again every second; what fails otherwise ends the journal.

mod unfinished_file;
mod preallocation;
mod snapshot_writer;
mod retention;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use allot_runtime::{Agent, Link, Nanos};

use crate::failure::Failure;
use crate::status::{self, BEGUN, CheckpointStatus};
use crate::{JournalError, Media};
use snapshot_writer::SnapshotWriter;

pub(crate) use preallocation::Preallocation;
pub(crate) use retention::Retention;

/// How long to wait for somebody to make room.
const RETRY: Duration = Duration::from_secs(1);

/// Looks after the files of one journal, as an agent.
pub struct Checkpointer {
    role: String,
    media: Arc<dyn Media>,
    committer: Link,
    failure: Failure,
    preallocation: Preallocation,
    /// When to try again to make a spare segment.
    spare_at: Nanos,
    snapshots: SnapshotWriter,
    /// When to try again to write a snapshot.
    snapshot_at: Nanos,
    checkpoint: CheckpointStatus,
    said: CheckpointStatus,
    frame: Vec<u8>,
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
    pub(crate) checkpoint: CheckpointStatus,
}

impl Checkpointer {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            role: format!("checkpointer-{}", start.name),
            media: start.media,
            committer: start.committer,
            failure: start.failure,
            preallocation: start.preallocation,
            spare_at: Nanos::ZERO,
            snapshots: SnapshotWriter::new(start.stamp, start.retention),
            snapshot_at: Nanos::ZERO,
            checkpoint: start.checkpoint,
            said: start.checkpoint,
            frame: Vec::new(),
        }
    }

    /// Takes what the committer said.
    fn hear(&mut self) -> usize {
        let mut count = 0;
        while self.committer.receive(&mut self.frame) {
            count += 1;
            if self.frame.last() == Some(&BEGUN) {
                let (number, first_index) = status::read_begun(&self.frame);
                self.snapshots.retention.begun(number, first_index);
                self.preallocation.want(number + 1);
            } else {
                self.snapshots.take(mem::take(&mut self.frame));
            }
        }
        count
    }

    /// One step of the snapshot under way.
    fn snapshot(&mut self, now: Nanos) -> Result<usize, JournalError> {
        if self.snapshots.is_idle() || now < self.snapshot_at {
            return Ok(0);
        }
        match self.snapshots.step(&*self.media) {
            Ok(None) => {}
            Ok(Some(index)) => {
                self.checkpoint.snapshotd = index + 1;
                // Something may have been removed.
                self.spare_at = Nanos::ZERO;
            }
            Err(JournalError::DiskFull { .. }) => {
                self.snapshots.abandon(&*self.media)?;
                self.snapshot_at = now + RETRY;
            }
            Err(error) => return Err(error),
        }
        Ok(1)
    }

    /// One step of the spare segment that is wanted.
    fn spare(&mut self, now: Nanos) -> Result<usize, JournalError> {
        // Where room is short the snapshot gets it: it is what makes room.
        let yields = self.checkpoint.full && self.snapshots.is_under_way();
        if self.preallocation.is_ready() || now < self.spare_at || yields {
            return Ok(0);
        }
        match self.preallocation.step(&*self.media) {
            Ok(()) => self.checkpoint.full &= !self.preallocation.is_ready(),
            Err(JournalError::DiskFull { .. }) => {
                self.preallocation.abandon(&*self.media)?;
                self.checkpoint.full = true;
                self.spare_at = now + RETRY;
            }
            Err(error) => return Err(error),
        }
        self.checkpoint.spare = self.preallocation.ready();
        Ok(1)
    }

    /// A journal that has failed is left as it is.
    fn step(&mut self, now: Nanos) -> usize {
        if self.failure.is_set() {
            return 0;
        }
        let snapshot = self.snapshot(now);
        let stepped = snapshot.and_then(|count| Ok(count + self.spare(now)?));
        stepped.unwrap_or_else(|error| {
            self.failure.set(error);
            0
        })
    }

    fn tell(&mut self) -> usize {
        self.checkpoint.failed = self.failure.is_set();
        if self.checkpoint == self.said {
            return 0;
        }
        self.checkpoint.write(&mut self.frame);
        if self.committer.send(&mut self.frame).is_err() {
            return 0;
        }
        self.said = self.checkpoint;
        1
    }
}

impl Agent for Checkpointer {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let heard = self.hear();
        let stepped = self.step(now);
        heard + stepped + self.tell()
    }

    fn wake_at(&self) -> Nanos {
        if self.failure.is_set() {
            return Nanos::MAX;
        }
        let spare_at = if self.preallocation.is_ready() { Nanos::MAX } else { self.spare_at };
        let snapshot_at = if self.snapshots.is_idle() { Nanos::MAX } else { self.snapshot_at };
        spare_at.min(snapshot_at)
    }
}
