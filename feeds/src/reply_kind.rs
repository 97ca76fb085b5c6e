//! The kind of a reply: what it says of the message that it replies to.

use allot_allocation_service::{Reply, RequestKind};
use allot_domain::{Reject, Seq};

/// What a reply says of its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReplyKind {
    /// It is done, or rejected for good.
    Final,
    /// It is journaled, and its shares may follow.
    Held,
    /// There was no room for it, and nothing changed. It must be resent.
    Busy,
    /// The server no longer knows whether it was applied.
    TooOld,
}

/// The codes of rejections that only mean that nothing takes the message now. They are
/// compared as text, as both encodings carry them: a newer server may send one that `Reject` lacks.
const NO_ROOM: [&str; 3] = ["busy", "storage_full", "shard_away"];

/// Those of them that say that nothing is taken at all: somebody has to do something.
const NOTHING_TAKEN: [&str; 2] = ["storage_full", "shard_away"];

/// Why the server takes nothing for now, if a reply says so.
pub(crate) fn nothing_taken(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Rejected { code, reason, .. } if NOTHING_TAKEN.contains(&&**code) => Some(reason),
        _ => None,
    }
}

impl ReplyKind {
    /// What `reply` says of a request of this kind; `None` if it cannot be a reply to one.
    pub(crate) fn of(reply: &Reply, request: RequestKind) -> Option<Self> {
        match (request, reply) {
            (_, Reply::Rejected { code, .. }) if NO_ROOM.contains(&&**code) => Some(Self::Busy),
            (_, Reply::Rejected { code, .. })
                if *code == Reject::SequenceTooOld(Seq::default()).code() =>
            {
                Some(Self::TooOld)
            }
            (RequestKind::Fill, Reply::Held { .. }) => Some(Self::Held),
            (_, Reply::Rejected { .. })
            | (RequestKind::Fill, Reply::Allocated { .. })
            | (RequestKind::Split, Reply::Accepted { .. }) => Some(Self::Final),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::Reject as Any;

    use super::*;

    #[test]
    fn no_room_is_not_final_and_every_other_rejection_is() {
        assert!(NO_ROOM.contains(&Reject::Busy.code()));
        let kind_of = |code: &str| {
            let reply = Reply::Rejected {
                source: String::new(),
                seq: Seq::new(1),
                id: Seq::new(1).into(),
                time_ns: 0,
                duplicate: false,
                late: false,
                code: code.to_owned(),
                reason: String::new(),
            };
            ReplyKind::of(&reply, RequestKind::Fill)
        };
        for code in NO_ROOM {
            assert_eq!(kind_of(code), Some(ReplyKind::Busy), "{code}");
        }
        for code in Any::CODES.iter().filter(|code| !NO_ROOM.contains(code)) {
            let is_too_old = *code == "sequence_too_old";
            let expected = if is_too_old { ReplyKind::TooOld } else { ReplyKind::Final };
            assert_eq!(kind_of(code), Some(expected), "{code}");
        }
    }
}
