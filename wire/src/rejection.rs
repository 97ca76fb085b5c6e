//! Rejection: why a message changed nothing, and whose it was.

use allot_domain::{Reason, Reject, Seq, SourceId};

use crate::Encoding;
use crate::reply::{self, Echo};

/// A message that was refused before it reached a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// Who sent it; empty where that could not be read or is no source.
    pub source: String,
    /// The source's number of it; zero where it could not be read.
    pub seq: Seq,
    /// Why: one of the codes of the system.
    pub code: &'static str,
    /// Why, in a sentence for people.
    pub reason: String,
}

impl Rejection {
    /// The rejection of a message of which nothing could be read.
    #[must_use]
    pub fn unread(reason: &impl Reason) -> Self {
        Self::of(String::new(), Seq::default(), reason)
    }

    /// A rejection that echoes `source` where it is one; anything else is not sent back.
    #[must_use]
    pub fn new(source: &[u8], seq: Seq, reason: &impl Reason) -> Self {
        let source = SourceId::new(source).map(|source| source.to_string());
        Self::of(source.unwrap_or_default(), seq, reason)
    }

    fn of(source: String, seq: Seq, reason: &impl Reason) -> Self {
        Self { source, seq, code: reason.code(), reason: reason.to_string() }
    }

    /// Appends the reply that tells of it: a JSON object without a line's end, or a binary record
    /// with its size.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        let source = self.source.as_bytes();
        let (id, time_ns) = (None, 0);
        let echo = Echo { source, seq: self.seq, id, time_ns, duplicate: false, late: false };
        reply::write_rejected(encoding, echo, self.code, &self.reason, out);
    }
}

/// The two fields that every request has.
///
/// # Errors
/// [`Reject::BadSource`] and [`Reject::SequenceMustBePositive`].
pub fn origin(source: &str, seq: u64) -> Result<(SourceId, Seq), Reject> {
    let source = SourceId::new(source.as_bytes())?;
    if seq == 0 {
        return Err(Reject::SequenceMustBePositive);
    }
    Ok((source, Seq::new(seq)))
}
