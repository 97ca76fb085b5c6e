//! Requests as JSON objects.

use allot_domain::{Seq, Side, SourceId};
use allot_wire::json::Object;

use super::Request;

/// Writes a request as one object; `out` then holds nothing else.
pub(super) fn write(request: &Request, source: &SourceId, seq: Seq, out: &mut Vec<u8>) {
    out.clear();
    let mut object = Object::begin(out);
    object.plain("type", kind(request));
    object.plain("source", source.as_str());
    object.number("seq", seq.get());
    match request {
        Request::Fill(fill) => {
            if let Some(id) = &fill.id {
                object.plain("id", &id.to_string());
            }
            object.plain("ticker", fill.ticker.as_str());
            object.plain("side", if fill.side == Side::Buy { "buy" } else { "sell" });
            object.decimal("price", fill.price.nanos().into());
            object.number("quantity", fill.quantity.get());
        }
        Request::Bust(bust) => {
            object.plain("ticker", bust.ticker.as_str());
            object.plain("of", &bust.of.to_string());
        }
        Request::Split(split) => {
            let mut weights = object.object("weights");
            for (account, weight) in &split.weights {
                weights.decimal(account.as_str(), (*weight).into());
            }
            weights.end();
            let closes: Vec<_> = split.closes.iter().map(|account| account.as_str()).collect();
            object.texts("closes", &closes);
        }
        Request::Report => {}
        Request::Replay(replay) => {
            object.plain("ticker", replay.ticker.as_str());
            object.number("from", replay.from);
            if let Some(to) = replay.to {
                object.number("to", to);
            }
        }
        Request::Splits(splits) => object.number("from", splits.from),
    }
    object.end();
}

const fn kind(request: &Request) -> &'static str {
    match request {
        Request::Fill(_) => "fill",
        Request::Bust(_) => "bust",
        Request::Split(_) => "split",
        Request::Report => "report",
        Request::Replay(_) => "replay",
        Request::Splits(_) => "splits",
    }
}
