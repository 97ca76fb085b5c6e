//! Alterations: one wrong fact in a message, which the checkers must find.

use allot_allocation_rules::{Finding, Origin, Outcome, PositionsPart};
use allot_allocation_service::{
    Reply, decode_part, decode_replies, encode_outcome, encode_part, encode_reply_message,
};
use allot_domain::{Seq, SourceId};
use allot_wire::Encoding;
use allot_wire::backplane::{self, PartFrame, ReplyFrame, To, replies};

/// One share more in the first allocated fill of a message.
pub(super) fn reply(message: Vec<u8>) -> Vec<u8> {
    let mut replies = Vec::new();
    if decode_replies(&message, &mut replies).is_err() {
        return message;
    }
    let Some(Reply::Allocated { shares, .. }) = replies.first_mut() else { return message };
    let Some((_, quantity)) = shares.first_mut() else { return message };
    *quantity += 1;
    let mut altered = Vec::new();
    encode_reply_message(Encoding::Json, &replies[0], &mut altered);
    altered
}

/// One share more in the first holding of a part.
pub(super) fn part(frame: Vec<u8>) -> Vec<u8> {
    let Ok(PartFrame { head, body }) = backplane::decode_part(&frame) else { return frame };
    let Ok(mut part) = decode_part(body) else { return frame };
    let rows = part.positions.iter_mut().flat_map(|PositionsPart { rows, .. }| rows);
    let Some(cell) = rows.flat_map(|row| &mut row.cells).next() else { return frame };
    cell.quantity += 1;
    let mut altered = Vec::new();
    backplane::encode_part(&head, &mut altered, |out| encode_part(&part, out));
    altered
}

/// Every finding in a frame of replies says that nobody is left out.
pub(super) fn finding(frame: Vec<u8>) -> Vec<u8> {
    let Ok(read) = replies::read(&frame) else { return frame };
    let (through, durable, left_ns) = (read.through, read.durable, read.left_ns);
    let mut altered = Vec::new();
    replies::begin(&mut altered);
    for reply in read {
        let Ok(ReplyFrame { to, encoding, body }) = reply else { return frame };
        replies::push_with(&mut altered, to, encoding, |out| match to {
            To::Router(_) => clear(out),
            _ => out.extend_from_slice(body),
        });
    }
    replies::end(&mut altered, through);
    replies::set_durable(&mut altered, durable);
    replies::set_left(&mut altered, left_ns);
    altered
}

fn clear(out: &mut Vec<u8>) {
    let name = SourceId::new(b"any").expect("a plain name");
    let (seq, time_ns, duplicate) = (Seq::new(1), 0, false);
    let origin = Origin { source: name, seq, id: seq.into(), time_ns, duplicate };
    let finding = Box::new(Finding::Omits(Vec::new()));
    let checked = Outcome::Checked { origin, finding };
    encode_outcome(Encoding::Binary, &checked, &[], |_| unreachable!("nobody has shares"), out);
}
