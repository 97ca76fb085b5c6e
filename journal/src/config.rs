//! What can be chosen of a journal.

use crate::JournalError;
use crate::limits::{
    SECTOR, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN,
    SNAPSHOT_EVERY_BYTES_DEFAULT, STAMP_BYTES_MAX,
};

/// What an answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ack {
    /// It leaves when everything before it is on disk.
    #[default]
    Journal,
    /// It leaves at once: a crash of the machine may take back what it said.
    Memory,
}

/// How a journal is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalConfig {
    /// Whose it is, for the roles of its agents: `journal-NAME` and `checkpointer-NAME`.
    pub name: String,
    /// The size of a segment: a multiple of 512, from
    /// [`SEGMENT_BYTES_REAL_MIN`](crate::SEGMENT_BYTES_REAL_MIN) on in real use. One that was
    /// begun keeps the size it has.
    pub segment_bytes: u64,
    /// How much is appended between two snapshots.
    pub snapshot_every_bytes: u64,
    /// What an answer means.
    pub ack: Ack,
    /// Whether snapshots and segments that nothing needs any more are removed.
    pub prune: bool,
    /// What must be the same in every incarnation of this journal, in words, at most
    /// [`STAMP_BYTES_MAX`] bytes: "shard 0 of 2, blend 0/1, history 65536".
    pub stamp: String,
}

impl JournalConfig {
    /// The usual settings.
    pub fn new(name: &str, stamp: &str) -> Self {
        Self {
            name: name.to_owned(),
            segment_bytes: SEGMENT_BYTES_DEFAULT,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES_DEFAULT,
            ack: Ack::Journal,
            prune: true,
            stamp: stamp.to_owned(),
        }
    }

    /// Whether it can be done so.
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
        if self.stamp.len() > STAMP_BYTES_MAX {
            let bytes = self.stamp.len();
            let what = format!("a stamp of {bytes} bytes; use at most {STAMP_BYTES_MAX}");
            return Err(JournalError::Setting { what });
        }
        Ok(())
    }
}
