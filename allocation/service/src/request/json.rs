//! JSON: requests as one object each, on one line.
//!
//! Numbers are never read through binary fractions: a price, quantity, weight or sequence is a
//! decimal text, and a JSON number stands for its own text.

use allot_allocation_rules::{Fill, Split, limits};
use allot_domain::{AccountId, MessageId, Reject as Core, Side};
use allot_wire::Rejection;
use allot_wire::json::{Object, read_request};

use super::fields::Fields;
use super::{ReportRequest, Request, own_id};

/// Reads one request and judges every field of it.
///
/// # Errors
/// The first reject that applies, in their order; source and seq are echoed where they can be
/// read, whatever else is wrong.
pub fn decode_line(line: &[u8]) -> Result<Request, Rejection> {
    if limits::MESSAGE_MAX < line.len() {
        return Err(Rejection::unread(&Core::OversizedMessage(line.len())));
    }
    let fields: Fields<'_> = read_request(line).map_err(|reject| Rejection::unread(&reject))?;
    fields.request().map_err(|reject| fields.rejection(&reject))
}

/// Appends a request as one object, without a line's end.
pub fn encode_line(request: &Request, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.plain("type", request.kind().name());
    object.plain("source", request.source().as_str());
    object.number("seq", request.seq().get());
    match request {
        Request::Fill(fill) => write_fill(fill, &mut object),
        Request::Bust(bust) => {
            write_id(own_id(&bust.id, bust.seq), &mut object);
            object.plain("ticker", bust.ticker.as_str());
            write_of(&bust.of, &mut object);
        }
        Request::Split(split) => {
            write_weights(split, &mut object);
            let closes: Vec<_> = split.closes().iter().map(AccountId::as_str).collect();
            object.texts("closes", &closes);
        }
        Request::Report(ReportRequest { .. }) => {}
        Request::Replay(replay) => {
            object.plain("ticker", replay.ticker.as_str());
            object.number("from", replay.from.get());
            if let Some(to) = replay.to {
                object.number("to", to.get());
            }
        }
        Request::Splits(listing) => object.number("from", listing.from.get()),
    }
    object.end();
}

fn write_id(id: Option<&MessageId>, object: &mut Object<'_>) {
    if let Some(id) = id {
        object.plain("id", &id.to_string());
    }
}

/// Writes the id of a fill that is busted: a number as a number.
pub(crate) fn write_of(of: &MessageId, object: &mut Object<'_>) {
    match of {
        MessageId::Number(number) => object.number("of", number.get()),
        MessageId::Text(text) => object.plain("of", text.as_str()),
    }
}

fn write_fill(fill: &Fill, object: &mut Object<'_>) {
    write_id(own_id(&fill.id, fill.seq), object);
    object.plain("ticker", fill.ticker.as_str());
    write_side(fill.side, object);
    object.decimal("price", fill.price.nanos().into());
    object.number("quantity", fill.quantity.get());
}

/// Writes a side, unless it is a purchase.
pub(crate) fn write_side(side: Side, object: &mut Object<'_>) {
    match side {
        Side::Buy => {}
        Side::Sell => object.plain("side", "sell"),
    }
}

fn write_weights(split: &Split, object: &mut Object<'_>) {
    let mut weights = object.object("weights");
    for (account, weight) in split.weights() {
        weights.decimal(account.as_str(), weight.nanos().into());
    }
    weights.end();
}
