//! The settings of a journal.

use crate::JournalError;
use crate::limits::{
    SECTOR, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN,
    SNAPSHOT_EVERY_BYTES_DEFAULT, STAMP_BYTES_MAX,
};

/// When a reply leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ack {
    /// When everything before it is on disk.
    #[default]
    Journal,
    /// At once: a crash of the machine may lose an input that was replied to.
    Memory,
}

/// How a journal is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalConfig {
    /// The name in the roles of its agents: `journal-NAME` and `checkpointer-NAME`.
    pub name: String,
    /// The size of a segment: a multiple of 512, in production at least
    /// [`SEGMENT_BYTES_REAL_MIN`](crate::SEGMENT_BYTES_REAL_MIN). A segment that was begun keeps
    /// its size.
    pub segment_bytes: u64,
    /// How much is appended between two snapshots.
    pub snapshot_every_bytes: u64,
    /// When a reply leaves.
    pub ack: Ack,
    /// Whether the folder is looked for after each batch, and not only each second: then no record
    /// of a folder that was removed is ever called durable, for three more system calls a batch.
    pub checks_each_batch: bool,
    /// Whether snapshots and segments are removed once no start needs them.
    pub prune: bool,
    /// The settings that must never change, in words, at most [`STAMP_BYTES_MAX`] bytes:
    /// "shard 0 of 2, blend 0/1, history 65536".
    pub stamp: String,
}

impl JournalConfig {
    /// The default settings.
    #[must_use]
    pub fn new(name: &str, stamp: &str) -> Self {
        Self {
            name: name.to_owned(),
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES_DEFAULT,
            ack: Ack::Journal,
            checks_each_batch: false,
            prune: true,
            stamp: stamp.to_owned(),
        }
    }

    /// Refuses a setting that is out of its bounds.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        let size = self.segment_bytes;
        if !size.is_multiple_of(SECTOR) || !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&size)
        {
            let what = format!(
                "a segment of {size} bytes; use a multiple of {SECTOR} from {SEGMENT_BYTES_MIN} \
                 to {SEGMENT_BYTES_MAX}"
            );
            return Err(JournalError::Setting { what });
        }
        if STAMP_BYTES_MAX < self.stamp.len() {
            let bytes = self.stamp.len();
            let what = format!("a stamp of {bytes} bytes; use at most {STAMP_BYTES_MAX}");
            return Err(JournalError::Setting { what });
        }
        Ok(())
    }
}
