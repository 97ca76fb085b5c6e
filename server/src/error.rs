//! Error: why a server does not start.

use std::fmt;
use std::path::PathBuf;

use allot_domain::ShardId;
use allot_journal::JournalError;
use allot_runtime::RuntimeError;
use allot_shard::RecoverError;

/// Why a server does not start.
#[derive(Debug)]
pub enum ServerError {
    /// A socket, a thread or a file descriptor is not to be had.
    Runtime(RuntimeError),
    /// A shard has no journal, and others of its ledger have inputs in theirs.
    ShardLost {
        /// Which.
        shard: ShardId,
        /// Its directory.
        directory: PathBuf,
    },
    /// A shard cannot start from its directory.
    Shard {
        /// Which.
        shard: ShardId,
        /// Its directory.
        directory: PathBuf,
        /// Why.
        error: RecoverError,
    },
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(error) => error.fmt(f),
            Self::ShardLost { shard, directory } => write!(
                f,
                "the journal of shard {shard} in {} is gone: restore that folder from a backup",
                directory.display()
            ),
            Self::Shard { shard, directory, .. } => {
                write!(f, "shard {shard} cannot start from {}", directory.display())
            }
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Runtime(error) => std::error::Error::source(error),
            Self::ShardLost { .. } => None,
            Self::Shard { error, .. } => Some(error),
        }
    }
}

impl From<RuntimeError> for ServerError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

impl ServerError {
    /// That a shard cannot start from its directory.
    pub(crate) fn of_shard(shard: ShardId, directory: PathBuf, error: JournalError) -> Self {
        Self::Shard { shard, directory, error: error.into() }
    }
}
