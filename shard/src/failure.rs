//! Failure: why a shard has stopped.

use std::fmt;

use allot_domain::LogIndex;
use allot_journal::JournalError;

/// Why a shard has stopped. It sends no more replies.
#[derive(Debug)]
pub enum ShardFailure {
    /// A write or a sync failed; it is never tried again.
    Journal(JournalError),
    /// The router knows inputs to be durable that the journal does not have.
    Behind {
        /// The last input of the journal.
        applied: LogIndex,
        /// How many inputs are missing after it.
        missing: u64,
    },
}

impl fmt::Display for ShardFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Behind { applied, missing } => write!(
                f,
                "its journal ends with input {applied}, but {missing} more were replied to as \
                 durable: the directory was exchanged or restored from an older copy; restore \
                 the newest one, or stop the router too and start over from this one"
            ),
        }
    }
}

impl std::error::Error for ShardFailure {}

impl From<JournalError> for ShardFailure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}
