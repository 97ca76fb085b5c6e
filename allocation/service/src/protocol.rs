//! Protocol: allocation at the front door.
//!
//! Fills, busts and replays go to the shard that owns their ticker, splits to all once every shard
//! was asked who holds what. All shards know the same splits, and one of them, always the same,
//! tells them.

use allot_domain::Ticker;
use allot_router::{Admission, Protocol, Submission};
use allot_wire::Rejection;
use allot_wire::backplane::InputKind;

use crate::finding::judge;
use crate::{
    Allocation, FillLine, InputName, Request, RequestKind, decode_line, decode_request,
    encode_request, routing_keys, routing_rejection,
};

impl Protocol for Allocation {
    const FEEDBACK: Option<InputKind> = Some(InputName::Netting.kind());

    fn admit_line(line: &[u8], admission: &mut Admission<'_>) -> Result<(), Rejection> {
        match FillLine::read(line) {
            Some(fill) => admit_fill(&fill, admission),
            None => admit_request(&decode_line(line)?, admission),
        }
        Ok(())
    }

    fn check_kind(kind: u8) -> Result<(), Rejection> {
        RequestKind::try_from(kind).map(|_| ()).map_err(|reject| Rejection::unread(&reject))
    }

    #[inline]
    fn admit_record(
        kind: u8,
        record: &[u8],
        admission: &mut Admission<'_>,
    ) -> Result<(), Rejection> {
        let kind = RequestKind::try_from(kind).map_err(|reject| Rejection::unread(&reject))?;
        let name = match kind {
            RequestKind::Fill => InputName::Fill,
            RequestKind::Bust => InputName::Bust,
            RequestKind::Split
            | RequestKind::Report
            | RequestKind::Replay
            | RequestKind::Splits => {
                let request = decode_request(kind, record)?;
                admit_request(&request, admission);
                return Ok(());
            }
        };
        let Some(keys) = routing_keys(record) else {
            return Err(routing_rejection(record));
        };
        let (source, seq) = (keys.source, keys.seq);
        let submission = Submission { kind: name.kind(), record, source, seq };
        admission.by_key(keys.ticker.as_bytes(), submission);
        Ok(())
    }

    fn judge(request: Submission<'_>, findings: &[&[u8]]) -> Result<(), Rejection> {
        judge(&request, findings)
    }
}

/// Hands a fill on as the binary record of the same meaning.
#[inline]
fn admit_fill(fill: &FillLine<'_>, admission: &mut Admission<'_>) {
    let mut record = admission.take_scratch();
    fill.write(&mut record);
    let (source, seq) = (fill.keys.source, fill.keys.seq);
    let submission = Submission { kind: InputName::Fill.kind(), record: &record, source, seq };
    admission.by_key(fill.keys.ticker.as_bytes(), submission);
    admission.return_scratch(record);
}

/// Hands a request on as the binary record of the same meaning.
fn admit_request(request: &Request, admission: &mut Admission<'_>) {
    let (source, seq) = (request.source().as_bytes(), request.seq());
    let (name, key) = match request {
        Request::Fill(fill) => (InputName::Fill, Some(&fill.ticker)),
        Request::Bust(bust) => (InputName::Bust, Some(&bust.ticker)),
        Request::Replay(replay) => (InputName::Replay, Some(&replay.ticker)),
        Request::Split(_) => (InputName::Split, None),
        Request::Splits(_) => (InputName::Splits, None),
        Request::Report(_) => return admission.report(source, seq),
    };
    let mut record = admission.take_scratch();
    encode_request(request, &mut record);
    let submission = Submission { kind: name.kind(), record: &record, source, seq };
    let key = key.map_or(&b""[..], Ticker::as_bytes);
    match name {
        InputName::Replay | InputName::Splits => admission.query(key, submission),
        InputName::Split => admission.check(InputName::Check.kind(), submission),
        _ => admission.by_key(key, submission),
    }
    admission.return_scratch(record);
}
