//! Protocol: the desk at the front door. Commands go to the shard that owns their user.

use allot_router::{Admission, Protocol, Submission};
use allot_wire::Rejection;
use allot_wire::backplane::InputKind;

use crate::request::{RefusedLine, encode_refused, read_refused, routing_keys, routing_rejection};
use crate::{Desk, InputName, Request, RequestKind, decode_line, decode_request, encode_request};

impl Protocol for Desk {
    const FEEDBACK: Option<InputKind> = Some(InputName::Quote.kind());

    fn admit_line(line: &[u8], admission: &mut Admission<'_>) -> Result<(), Rejection> {
        match decode_line(line) {
            Ok(request) => admit_request(&request, admission),
            Err(rejection) => {
                let refused = read_refused(line).ok_or(rejection)?;
                admit_refused(&refused, admission);
            }
        }
        Ok(())
    }

    fn check_kind(kind: u8) -> Result<(), Rejection> {
        RequestKind::of(kind).map(|_| ()).map_err(|reject| Rejection::unread(&reject))
    }

    #[inline]
    fn admit_record(
        kind: u8,
        record: &[u8],
        admission: &mut Admission<'_>,
    ) -> Result<(), Rejection> {
        let kind = RequestKind::of(kind).map_err(|reject| Rejection::unread(&reject))?;
        if kind != RequestKind::Command {
            admit_request(&decode_request(kind, record)?, admission);
            return Ok(());
        }
        let Some(keys) = routing_keys(record) else {
            return Err(routing_rejection(record));
        };
        let (kind, source, seq) = (InputName::Command.kind(), keys.source, keys.seq);
        admission.by_key(keys.user.as_bytes(), Submission { kind, record, source, seq });
        Ok(())
    }
}

/// Hands a refused command to the shard of its user, which answers it: so the log has it.
fn admit_refused(refused: &RefusedLine<'_>, admission: &mut Admission<'_>) {
    let mut record = admission.take_scratch();
    encode_refused(refused, &mut record);
    let (kind, source) = (InputName::Command.kind(), refused.source.as_bytes());
    let submission = Submission { kind, record: &record, source, seq: refused.seq };
    admission.by_key(refused.user.as_bytes(), submission);
    admission.return_scratch(record);
}

/// Hands a request on as the binary record of the same meaning.
fn admit_request(request: &Request, admission: &mut Admission<'_>) {
    let (source, seq) = (request.source().as_bytes(), request.seq());
    let mut record = admission.take_scratch();
    encode_request(request, &mut record);
    let submission =
        |name: InputName| Submission { kind: name.kind(), record: &record, source, seq };
    match request {
        Request::Command(command) => {
            admission.by_key(command.user.as_bytes(), submission(InputName::Command));
        }
        Request::DumpAll(_) => admission.to_all(submission(InputName::DumpAll)),
        Request::Report(_) => admission.report(source, seq),
    }
    admission.return_scratch(record);
}
