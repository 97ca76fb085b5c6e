//! Alterations: one wrong fact in a message, which the checkers must find.

use allot_allocation_rules::PositionsPart;
use allot_allocation_service::{
    Reply, decode_part, decode_replies, encode_part, encode_reply_message,
};
use allot_wire::Encoding;
use allot_wire::backplane::{self, PartFrame};

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
