//! Service: allocation on a shard.

use allot_allocation_rules::{Book, Input, Outcome, Outcomes};
use allot_domain::Marker;
use allot_shard::{Delivery, Description, Reach, Service};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, Rejection};

use crate::{Allocation, InputName, decode_input, encode_outcome, encode_part};

impl Service for Allocation {
    const NAME: &'static str = "allocation";
    type Machine = Book;

    #[inline]
    fn reach(kind: InputKind) -> Option<Reach> {
        Some(match InputName::of(kind)? {
            InputName::Fill | InputName::Bust => Reach::Key,
            InputName::Split => Reach::All,
            InputName::Marker | InputName::Netting => Reach::Feedback,
        })
    }

    #[inline]
    fn read(kind: InputKind, body: &[u8]) -> Result<Input, Rejection> {
        decode_input(kind, body)
    }

    #[inline]
    fn describe(outcome: &Outcome) -> Description<'_> {
        let origin = outcome.origin();
        let delivery = match outcome {
            Outcome::Held(origin) if !origin.duplicate => Delivery::Owing,
            Outcome::Busted { of, .. } => Delivery::Cancelling(*of),
            late if late.is_late() => Delivery::Late,
            _ => Delivery::Now,
        };
        let is_applied = matches!(outcome, Outcome::Allocated(_) | Outcome::Busted { .. });
        Description {
            source: &origin.source,
            seq: origin.seq,
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

    fn write_part(book: &Book, marker: &Marker, out: &mut Vec<u8>) {
        encode_part(&book.part(marker), out);
    }
}
