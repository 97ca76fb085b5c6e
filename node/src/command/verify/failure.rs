//! A failure: one thing that is wrong with the journal or the snapshots of a shard.

use std::fmt;

use allot_allocation_audit::Fault;
use allot_domain::{LogIndex, SnapshotError};
use allot_journal::JournalError;
use allot_server::NoStamp;
use allot_wire::DecodeError;

use super::given_replies::MessageName;

/// What is wrong.
pub(super) enum Failure {
    /// The journal cannot be read any further.
    Journal(JournalError),
    /// A segment is missing although it was not pruned.
    SegmentLost(String),
    /// The journal belongs to another system.
    Stamp(NoStamp),
    /// A record cannot be decoded.
    Record { file: String, offset: u64, index: LogIndex, error: DecodeError },
    /// The auditor disagrees with an outcome, or with the state.
    Audit(Fault),
    /// A client was told something else than the journal says.
    ReplyDiffers { index: LogIndex, message: MessageName },
    /// A snapshot file is damaged.
    SnapshotDamaged { file: String, damage: String },
    /// The state in a snapshot cannot be loaded.
    SnapshotInvalid { index: LogIndex, error: SnapshotError },
    /// A snapshot and a replay of the journal have different states.
    SnapshotDiffers { index: LogIndex, stored: u128, replayed: u128 },
    /// A snapshot is of a record that the journal does not have.
    SnapshotAhead { index: LogIndex },
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(out),
            Self::SegmentLost(file) => {
                write!(out, "{file} is missing and was not pruned; restore it from a backup")
            }
            Self::Stamp(error) => error.fmt(out),
            Self::Record { file, offset, index, error } => {
                write!(out, "{file} at byte {offset}, record {index}: {error}")
            }
            Self::Audit(fault) => fault.fmt(out),
            Self::ReplyDiffers { index, message } => write!(
                out,
                "record {index}: the client was given another outcome of {message} than the \
                 journal has: its shares, split, ticker, side, price or quantity differ"
            ),
            Self::SnapshotDamaged { file, damage } => write!(out, "{file} is {damage}"),
            Self::SnapshotInvalid { index, error: error @ SnapshotError::UnknownVersion(..) } => {
                write!(
                    out,
                    "the snapshot of record {index} is not damaged, but cannot be checked: {error}"
                )
            }
            Self::SnapshotInvalid { index, error } => {
                write!(out, "the snapshot of record {index}: {error}")
            }
            Self::SnapshotDiffers { index, stored, replayed } => write!(
                out,
                "the snapshot of record {index} has the state {stored:032x}, and a replay of the \
                 journal gives {replayed:032x}"
            ),
            Self::SnapshotAhead { index } => {
                write!(out, "the snapshot of record {index} is ahead of the end of the journal")
            }
        }
    }
}
