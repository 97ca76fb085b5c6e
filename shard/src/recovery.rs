//! Recovery: the latest good image and the suffix of the journal make the state, on every start.

use crate::{Entry, ImageError, State};
use allot_domain::{BookConfig, Outcomes};
use allot_journal::{JournalError, Recovery};
use allot_wire::DecodeError;
use std::fmt;

/// Why a state could not be recovered.
#[derive(Debug)]
pub enum RecoverError {
    /// The journal is not what was written, or cannot be read.
    Journal(JournalError),
    /// An image whose bytes are what was written does not mean a state.
    Image {
        /// The last input in it.
        sequence: u64,
        /// What is wrong.
        error: ImageError,
    },
    /// A record whose bytes are what was written is none of a shard.
    Record {
        /// Which.
        sequence: u64,
        /// What is wrong.
        error: DecodeError,
    },
}

/// Replays the journal of a shard onto its latest image; returns the state after its last input.
///
/// # Errors
/// [`RecoverError`]: nothing was changed on the disk.
pub fn recover(recovery: &mut Recovery, config: BookConfig) -> Result<State, RecoverError> {
    let mut state = match recovery.image() {
        None => State::new(config),
        Some(image) => {
            let sequence = image.sequence;
            State::load(config, &image.state)
                .map_err(|error| RecoverError::Image { sequence, error })?
        }
    };
    let mut outcomes = Outcomes::default();
    while let Some(record) = recovery.next()? {
        let sequence = record.sequence;
        let entry = Entry::of(record.kind, record.tag, record.payload)
            .map_err(|error| RecoverError::Record { sequence, error })?;
        state.replay(entry, &mut outcomes);
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
            Self::Image { sequence, error } => write!(
                f,
                "the image of input {sequence} is intact but cannot be used: {error}; start with \
                 the version that wrote it"
            ),
            Self::Record { sequence, error } => write!(
                f,
                "record {sequence} of the journal is intact but cannot be used: {error}; start \
                 with the version that wrote it"
            ),
        }
    }
}

impl std::error::Error for RecoverError {}
