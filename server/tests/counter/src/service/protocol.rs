//! Protocol: the counters at the front door. Commands go by their key, raises to all.
//!
//! It reads every record whole. A system with a hot path reads the routing keys and no more.

use allot_router::{Admission, Protocol, Submission};
use allot_wire::Rejection;
use allot_wire::backplane::InputKind;

use super::request::unknown;
use super::{Kind, Request, decode_line, decode_record, encode_record};
use crate::Counter;

impl Protocol for Counter {
    const FEEDBACK: Option<InputKind> = Some(Kind::Level.input());

    fn admit_line(line: &[u8], admission: &mut Admission<'_>) -> Result<(), Rejection> {
        let request = decode_line(line)?;
        let mut record = admission.take_scratch();
        encode_record(&request, &mut record);
        submit(&request, &record, admission);
        admission.return_scratch(record);
        Ok(())
    }

    fn check_kind(kind: u8) -> Result<(), Rejection> {
        request_kind(kind).map(|_| ())
    }

    fn admit_record(
        kind: u8,
        record: &[u8],
        admission: &mut Admission<'_>,
    ) -> Result<(), Rejection> {
        let request = decode_record(request_kind(kind)?, record)?;
        submit(&request, record, admission);
        Ok(())
    }
}

/// The kind of a batch; no client sends a level.
fn request_kind(kind: u8) -> Result<Kind, Rejection> {
    let known = Kind::of(kind).filter(|kind| *kind != Kind::Level);
    known.ok_or_else(|| Rejection::unread(&unknown(&kind.to_string())))
}

/// Sends a request where it belongs.
fn submit(request: &Request, record: &[u8], admission: &mut Admission<'_>) {
    let name = request.name();
    let (source, seq) = (name.source.as_bytes(), name.seq);
    let submission = Submission { kind: request.kind().input(), record, source, seq };
    match request {
        Request::Command(command) => admission.by_key(command.key.as_bytes(), submission),
        Request::Raise(_) => admission.to_all(submission),
        Request::Report(_) => admission.report(source, seq),
    }
}
