//! A gap: outcomes of a ticker that the feed has lost.

use std::fmt;

use crate::{Refusal, Unanswered};

/// Outcomes of one ticker that the feed has lost.
#[derive(Clone, Debug)]
pub struct Gap {
    /// The topic.
    pub topic: String,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// Why they could not be had again; none where they were, and came as publications.
    pub unrepaired: Option<Unrepaired>,
}

/// Why outcomes could not be had again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Unrepaired {
    /// They are no longer kept.
    NotKept {
        /// The number of the oldest that is.
        oldest: u64,
    },
    /// The shard does not know them: it has lost its state.
    NotKnown {
        /// The number of the newest that it knows.
        newest: u64,
    },
    /// The front door did not reply in time.
    NoReply(Unanswered),
    /// The front door has refused.
    Refused(Refusal),
    /// What the front door replied is no such page.
    NotUnderstood(String),
}

impl fmt::Display for Unrepaired {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKept { oldest } => {
                write!(out, "they are no longer kept; the oldest that is kept is {oldest}")
            }
            Self::NotKnown { newest } => {
                write!(out, "the server knows outcomes up to {newest} only")
            }
            Self::NoReply(why) => write!(out, "no reply from the front door: {why}"),
            Self::Refused(refusal) => write!(out, "refused: {refusal}"),
            Self::NotUnderstood(what) => write!(out, "the front door replied with {what}"),
        }
    }
}
