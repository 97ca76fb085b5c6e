//! Rejection: why a request went no further than its decoder, and whose it was.

use allot_domain::{Reject, SourceId};

/// A request that was refused before it reached a book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// Who sent it; empty where that could not be read or is no source.
    pub source: String,
    /// The source's number of it; zero where it could not be read.
    pub seq: u64,
    /// Why.
    pub reject: Reject,
}

impl Rejection {
    /// A rejection of a message of which nothing could be read.
    #[must_use]
    pub const fn unread(reject: Reject) -> Self {
        Self { source: String::new(), seq: 0, reject }
    }

    /// A rejection that echoes `source` where it is one; anything else is not repeated to the sender.
    pub(crate) fn new(source: &str, seq: u64, reject: Reject) -> Self {
        let source = SourceId::new(source.as_bytes()).map(|source| source.to_string());
        Self { source: source.unwrap_or_default(), seq, reject }
    }
}

/// The two fields that every request has.
pub(crate) fn origin(source: &str, seq: u64) -> Result<(SourceId, u64), Reject> {
    let source = SourceId::new(source.as_bytes())?;
    if seq == 0 {
        return Err(Reject::SequenceMustBePositive);
    }
    Ok((source, seq))
}
