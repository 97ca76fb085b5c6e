//! Service: what joins the counters to router, shard and publisher, and every byte of it.
//!
//! | kind | request | input  | binary record                                   |
//! |------|---------|--------|-------------------------------------------------|
//! | 1    | add     | add    | `key 32 │ seq 8 │ source 8 + n │ amount 8`      |
//! | 2    | await   | await  | `key 32 │ seq 8 │ source 8 + n │ threshold 8`   |
//! | 3    | cancel  | cancel | `key 32 │ seq 8 │ source 8 + n │ of 8`          |
//! | 4    | report  | marker | `seq 8 │ source 8 + n`                          |
//! | 5    | raise   | raise  | `seq 8 │ source 8 + n │ amount 8`               |
//! | 6    |         | level  | `marker 8 │ total 8`                            |
//!
//! A kind is the number of a binary batch and of an input alike: 4 is the core's marker, and a
//! wish for a report becomes one.

mod kind;
mod request;
mod reply;
mod report;
mod input;
mod protocol;
mod view;

use allot_domain::Marker;
use allot_shard::{Delivery, Description, Entry, Reach, Service};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, Rejection, append_sized};

use crate::Counter;
use crate::rules::{Counters, Input, Outcome, Outcomes, What};
pub use kind::Kind;
pub use reply::{Reply, ReplyBody, decode_replies};
pub use report::Report;
pub use request::{Request, decode_line, decode_record, encode_line, encode_record};
pub use view::Last;

impl Service for Counter {
    const NAME: &'static str = "counter";
    type Machine = Counters;

    fn reach(kind: InputKind) -> Option<Reach> {
        match Kind::of(kind.get())? {
            Kind::Add | Kind::Await | Kind::Cancel => Some(Reach::Key),
            Kind::Raise => Some(Reach::All),
            Kind::Level => Some(Reach::Feedback),
            // As an input this number is the marker: the core's own.
            Kind::Report => None,
        }
    }

    fn read(entry: Entry<'_>) -> Result<Input, Rejection> {
        input::decode(entry.kind, entry.body)
    }

    fn describe(outcome: &Outcome) -> Description<'_> {
        let is_new = !outcome.is_duplicate;
        let delivery = match &outcome.what {
            What::Reached { key, .. } if outcome.is_late => Delivery::Late { key },
            What::Awaiting { key, .. } if is_new => Delivery::Owing { key },
            What::Cancelled { key, of } if is_new => Delivery::Cancelling { key, of: (*of).into() },
            _ => Delivery::Now,
        };
        let is_event = matches!(outcome.what, What::Counted { .. } | What::Reached { .. });
        Description {
            source: &outcome.name.source,
            id: outcome.name.seq.into(),
            delivery,
            is_duplicate: outcome.is_duplicate,
            is_rejected: matches!(outcome.what, What::Rejected(_)),
            is_event: is_event && is_new,
        }
    }

    fn write_reply(
        _: &Counters,
        _: &Outcomes,
        outcome: &Outcome,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        reply::encode(outcome, encoding, out);
    }

    /// The key, padded, and the reply as JSON: the publisher passes it on unread.
    fn write_event(_: &Counters, _: &Outcomes, outcome: &Outcome, out: &mut Vec<u8>) {
        let key = outcome.what.key().expect("what is an event has a key");
        append_sized(out, |out| {
            out.extend_from_slice(key.padded());
            reply::encode(outcome, Encoding::Json, out);
        });
    }

    fn write_part(counters: &Counters, marker: &Marker, out: &mut Vec<u8>) {
        report::encode_part(counters, marker, out);
    }
}

#[cfg(test)]
mod tests;
