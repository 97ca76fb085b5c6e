//! Service: allocation on a shard.

use allot_allocation_rules::{Allocated, Book, Input, Outcome, Outcomes};
use allot_domain::Marker;
use allot_shard::{Delivery, Description, Entry, Reach, Service};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, Rejection, append_sized};

use crate::{Allocation, InputName, decode_input, encode_outcome, encode_part};

impl Service for Allocation {
    const NAME: &'static str = "allocation";
    type Machine = Book;

    #[inline]
    fn reach(kind: InputKind) -> Option<Reach> {
        Some(match InputName::of(kind)? {
            InputName::Fill | InputName::Bust => Reach::Key,
            InputName::Split => Reach::All,
            InputName::Check => Reach::Check,
            InputName::Marker | InputName::Netting => Reach::Feedback,
            InputName::Replay | InputName::Splits => Reach::Query,
        })
    }

    #[inline]
    fn read(entry: Entry<'_>) -> Result<Input, Rejection> {
        decode_input(entry.kind, entry.time_ns, entry.body)
    }

    #[inline]
    fn describe(outcome: &Outcome) -> Description<'_> {
        let origin = outcome.origin();
        let delivery = match outcome {
            Outcome::Held { origin, ticker } if !origin.duplicate => {
                Delivery::Owing { key: ticker }
            }
            Outcome::Busted { ticker, of, .. } => Delivery::Cancelling { key: ticker, of: *of },
            Outcome::Allocated(Allocated { late: true, ticker, .. })
            | Outcome::Rejected { late: Some(ticker), .. } => Delivery::Late { key: ticker },
            _ => Delivery::Now,
        };
        let is_applied = matches!(outcome, Outcome::Allocated(_) | Outcome::Busted { .. });
        Description {
            source: &origin.source,
            id: origin.id,
            delivery,
            is_duplicate: origin.duplicate,
            is_rejected: matches!(outcome, Outcome::Rejected { .. }),
            is_event: is_applied && !origin.duplicate,
        }
    }

    #[inline]
    fn write_reply(
        book: &Book,
        outcomes: &Outcomes,
        outcome: &Outcome,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        encode_outcome(encoding, outcome, &outcomes.shares, |index| book.account(index), out);
    }

    /// The number of the outcome among those of its ticker, then the reply.
    fn write_event(book: &Book, outcomes: &Outcomes, outcome: &Outcome, out: &mut Vec<u8>) {
        let number = outcome.number().expect("what is an event is an outcome of a ticker");
        append_sized(out, |out| {
            out.extend_from_slice(&number.get().to_le_bytes());
            Self::write_reply(book, outcomes, outcome, Encoding::Binary, out);
        });
    }

    fn write_part(book: &Book, marker: &Marker, out: &mut Vec<u8>) {
        encode_part(&book.part(marker), out);
    }
}
