//! Service: the desk on a shard.

use std::sync::LazyLock;

use allot_desk_rules::{Accounts, Answer, Input, Outcome, Outcomes};
use allot_domain::{Marker, MessageId, Seq, SourceId};
use allot_shard::{Delivery, Description, Entry, Reach, Service};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, Rejection, append_sized};

use crate::{Desk, InputName, WantedEvent, Wish, decode_input, reply, report, wanted};

/// The source of what came by itself, which is not looked at.
static ITSELF: LazyLock<SourceId> =
    LazyLock::new(|| SourceId::new(b"desk").expect("the name is valid"));

impl Service for Desk {
    const NAME: &'static str = "desk";
    type Machine = Accounts;

    #[inline]
    fn reach(kind: InputKind) -> Option<Reach> {
        Some(match InputName::of(kind)? {
            InputName::Command => Reach::Key,
            InputName::DumpAll => Reach::All,
            InputName::Marker | InputName::Quote => Reach::Feedback,
        })
    }

    #[inline]
    fn read(entry: Entry<'_>) -> Result<Input, Rejection> {
        decode_input(entry.kind, entry.time_ns, entry.body)
    }

    #[inline]
    fn describe(outcome: &Outcome) -> Description<'_> {
        let (origin, delivery) = match outcome {
            Outcome::Fired(firing) => {
                (Some(&firing.origin), Delivery::Late { key: firing.user.key() })
            }
            Outcome::Disarmed { origin, user, .. } => {
                (Some(origin), Delivery::Late { key: user.key() })
            }
            Outcome::Expired { .. } | Outcome::Wanted(_) | Outcome::Due(_) => {
                (None, Delivery::Nobody)
            }
            Outcome::Answered { told, .. }
            | Outcome::Awaiting { told, .. }
            | Outcome::Rejected { told, .. } => {
                let delivery = match (&told.user, outcome) {
                    (None, _) => Delivery::Now,
                    (Some(user), Outcome::Awaiting { .. }) if !told.origin.duplicate => {
                        Delivery::Owing { key: user.key() }
                    }
                    (Some(user), Outcome::Answered { answer: Answer::Armed { .. }, .. })
                        if !told.origin.duplicate =>
                    {
                        let key = user.key();
                        if told.late {
                            Delivery::LateOwing { key }
                        } else {
                            Delivery::Owing { key }
                        }
                    }
                    (Some(user), _) if told.late => Delivery::Late { key: user.key() },
                    _ => Delivery::Now,
                };
                (Some(&told.origin), delivery)
            }
        };
        Description {
            source: origin.map_or_else(|| &*ITSELF, |origin| &origin.source),
            id: origin.map_or(MessageId::Number(Seq::ZERO), |origin| origin.id),
            delivery,
            is_duplicate: origin.is_some_and(|origin| origin.duplicate),
            is_rejected: matches!(outcome, Outcome::Rejected { .. }),
            is_event: matches!(outcome, Outcome::Wanted(_) | Outcome::Due(_)),
        }
    }

    #[inline]
    fn write_reply(
        _: &Accounts,
        outcomes: &Outcomes,
        outcome: &Outcome,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        reply::write(outcomes, outcome, encoding, out);
    }

    /// A wish: for a quote, with the time at which it was said, or for a tick.
    fn write_event(accounts: &Accounts, _: &Outcomes, outcome: &Outcome, out: &mut Vec<u8>) {
        let wish = match outcome {
            Outcome::Wanted(wanted) => {
                Wish::Quote(WantedEvent { wanted: *wanted, time_ns: accounts.now_ns() })
            }
            Outcome::Due(due_ns) => Wish::Tick(*due_ns),
            _ => unreachable!("only wishes are events"),
        };
        append_sized(out, |out| wanted::append(&wish, out));
    }

    fn write_part(accounts: &Accounts, marker: &Marker, out: &mut Vec<u8>) {
        report::append_part(accounts, marker, out);
    }
}
