//! Protocol: what a system gives the router. What a message is, and where each part of it goes.

use allot_wire::Rejection;
use allot_wire::backplane::InputKind;

use crate::{Admission, Submission};

/// How a system reads what clients send, as far as the router has to.
///
/// Each request ends in one call of [`Admission`]: by key, to all, check, report. What cannot be
/// read is returned as a rejection, and the router sends it back.
///
/// Implemented by a marker type of the system, so that everything is monomorphic.
pub trait Protocol: 'static {
    /// The kind of the inputs that the system's view sends back to all shards; none where it sends
    /// none. Feedback of any other kind is dropped: shards would not know it.
    const FEEDBACK: Option<InputKind>;

    /// Reads one line of JSON whole, and hands it on as the binary record of the same meaning, so
    /// that shards see one form.
    ///
    /// # Errors
    /// The rejection that is sent back.
    fn admit_line(line: &[u8], admission: &mut Admission<'_>) -> Result<(), Rejection>;

    /// Checks the kind of a binary batch, before any of its records is admitted.
    ///
    /// # Errors
    /// The rejection of the whole batch.
    fn check_kind(kind: u8) -> Result<(), Rejection>;

    /// Reads the routing keys of one record of a batch, and hands it on as it is.
    ///
    /// # Errors
    /// The rejection that is sent back.
    fn admit_record(
        kind: u8,
        record: &[u8],
        admission: &mut Admission<'_>,
    ) -> Result<(), Rejection>;

    /// Judges a request that went through [`Admission::check`] by what the shards found, in their
    /// order: it goes to all of them, or is refused. A system that checks nothing has none.
    ///
    /// # Errors
    /// The rejection that is sent back.
    fn judge(request: Submission<'_>, findings: &[&[u8]]) -> Result<(), Rejection> {
        let _ = (request, findings);
        Ok(())
    }
}
