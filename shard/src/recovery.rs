//! Recovery: the latest good snapshot and the suffix of the journal make the state, on every start.

use std::fmt;

use allot_domain::{LogIndex, Outcomes, SnapshotError};
use allot_journal::{JournalError, Recovery};
use allot_wire::DecodeError;

use crate::state::ConfigOf;
use crate::{Entry, OutcomesOf, Service, State};

/// Why a state could not be recovered.
#[derive(Debug)]
pub enum RecoverError {
    /// The journal is not what was written, or cannot be read.
    Journal(JournalError),
    /// A snapshot whose bytes are what was written is not one of a state.
    Snapshot {
        /// The last input in it.
        index: LogIndex,
        /// What is wrong.
        error: SnapshotError,
    },
    /// A record whose bytes are what was written is not one of a shard.
    Record {
        /// Which.
        index: LogIndex,
        /// What is wrong.
        error: DecodeError,
    },
}

/// Replays the journal of a shard onto its latest snapshot; returns the state after its last input.
///
/// # Errors
/// [`RecoverError`]: nothing was changed on the disk.
pub fn recover<S: Service>(
    recovery: &mut Recovery,
    config: ConfigOf<S>,
) -> Result<State<S>, RecoverError> {
    let mut state = match recovery.snapshot() {
        None => State::new(config),
        Some(snapshot) => {
            let index = snapshot.index;
            State::load(config, &snapshot.state)
                .map_err(|error| RecoverError::Snapshot { index, error })?
        }
    };
    let mut outcomes = OutcomesOf::<S>::default();
    while let Some(record) = recovery.next()? {
        let index = record.index;
        let entry =
            Entry::of::<S>(&record).map_err(|error| RecoverError::Record { index, error })?;
        // What was rejected is rejected again; no client waits for the replies.
        let _ = state.replay(entry, &mut outcomes, Outcomes::clear);
    }
    Ok(state)
}

impl From<JournalError> for RecoverError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Snapshot { index, error } => write!(
                f,
                "the snapshot of input {index} is intact but cannot be used: {error}; start with \
                 the version that wrote it; or, if the journal was never pruned, move its files \
                 image-… away, and the start replays all records"
            ),
            Self::Record { index, error } => write!(
                f,
                "record {index} of the journal is intact but cannot be used: {error}; start with \
                 the version that wrote it"
            ),
        }
    }
}

impl std::error::Error for RecoverError {}
