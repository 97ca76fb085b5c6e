//! Reply writer: a reply before it is written; it borrows from the outcome that it tells of.

use allot_allocation_rules::{Allocated, Origin, Outcome, Replayed, Share, SplitNumber, TickerSeq};
use allot_domain::{AccountId, MessageId, Price, Quantity, ReportNumber, Side, Ticker};
use allot_wire::reply::Echo;

use super::Reply;
use crate::request::own_id;

/// Which request an outcome belongs to.
pub(super) fn echo(origin: &Origin, late: bool) -> Echo<'_> {
    let source = origin.source.as_bytes();
    let id = own_id(&origin.id, origin.seq);
    let Origin { seq, time_ns, duplicate, .. } = *origin;
    Echo { source, seq, id, time_ns, duplicate, late }
}

/// A reply whose shares are still to be named.
#[derive(Clone, Debug)]
pub(super) enum ReplyWriter<'a, S> {
    Allocated {
        echo: Echo<'a>,
        ticker: &'a Ticker,
        side: Side,
        price: Price,
        quantity: Quantity,
        split: SplitNumber,
        shares: S,
    },
    Held {
        echo: Echo<'a>,
    },
    Busted {
        echo: Echo<'a>,
        ticker: &'a Ticker,
        of: &'a MessageId,
        shares: S,
    },
    Accepted {
        echo: Echo<'a>,
        split: SplitNumber,
    },
    Reported {
        echo: Echo<'a>,
        report: ReportNumber,
    },
    Rejected {
        echo: Echo<'a>,
        code: &'a str,
        reason: &'a str,
    },
}

/// A reply to a replay, but for the outcomes.
pub(super) struct ReplayedHead<'a> {
    pub(super) echo: Echo<'a>,
    pub(super) ticker: Ticker,
    pub(super) from: TickerSeq,
    pub(super) last: TickerSeq,
    pub(super) oldest: TickerSeq,
}

impl<'a> ReplayedHead<'a> {
    pub(super) fn of(replayed: &'a Replayed) -> Self {
        let Replayed { ticker, from, last, oldest, .. } = *replayed;
        Self { echo: echo(&replayed.origin, false), ticker, from, last, oldest }
    }

    /// That of a reply, and its outcomes; none where it is another reply.
    pub(super) fn of_reply(reply: &'a Reply) -> Option<(Self, &'a [Reply])> {
        let Reply::Replayed { source, seq, time_ns, ticker, from, last, oldest, fills } = reply
        else {
            return None;
        };
        let (source, seq, time_ns) = (source.as_bytes(), *seq, *time_ns);
        let echo = Echo { source, seq, id: None, time_ns, duplicate: false, late: false };
        let (ticker, from, last, oldest) = (*ticker, *from, *last, *oldest);
        Some((Self { echo, ticker, from, last, oldest }, fills))
    }
}

/// The shares of an outcome among those of all.
pub(super) fn shares_of<'a>(outcome: &Outcome, shares: &'a [Share]) -> &'a [Share] {
    match outcome {
        Outcome::Allocated(Allocated { shares: range, .. })
        | Outcome::Busted { shares: range, .. } => &shares[range.clone()],
        _ => &[],
    }
}

/// The shares of a reply.
pub(super) fn shares_of_reply(reply: &Reply) -> impl Iterator<Item = (&AccountId, u64)> + Clone {
    let shares: &[(AccountId, u64)] = match reply {
        Reply::Allocated { shares, .. } | Reply::Busted { shares, .. } => shares,
        _ => &[],
    };
    shares.iter().map(|(account, quantity)| (account, *quantity))
}

impl<'a, S> ReplyWriter<'a, S> {
    /// The reply to any outcome; `reason` is the text of a rejection.
    pub(super) fn of_outcome(outcome: &'a Outcome, reason: &'a str, shares: S) -> Self {
        match outcome {
            Outcome::Allocated(allocated) => Self::Allocated {
                echo: echo(&allocated.origin, allocated.late),
                ticker: &allocated.ticker,
                side: allocated.side,
                price: allocated.price,
                quantity: allocated.quantity,
                split: allocated.split,
                shares,
            },
            Outcome::Held { origin, .. } => Self::Held { echo: echo(origin, false) },
            Outcome::Busted { origin, ticker, of, .. } => {
                Self::Busted { echo: echo(origin, false), ticker, of, shares }
            }
            Outcome::Accepted { origin, split } => {
                Self::Accepted { echo: echo(origin, false), split: *split }
            }
            Outcome::Checked { .. } => unreachable!("a finding is written apart"),
            Outcome::Rejected { origin, reject, late } => {
                Self::Rejected { echo: echo(origin, late.is_some()), code: reject.code(), reason }
            }
            Outcome::Replayed(_) => unreachable!("it is written with its outcomes"),
            Outcome::Listed(_) => unreachable!("it is written with its splits"),
        }
    }

    /// The draft from which a reply was read.
    pub(super) fn of_reply(reply: &'a Reply, shares: S) -> Self {
        let echo = Echo {
            source: reply.source().as_bytes(),
            seq: reply.seq(),
            id: reply.own_id(),
            time_ns: reply.time_ns(),
            duplicate: reply.is_duplicate(),
            late: reply.is_late(),
        };
        match reply {
            Reply::Allocated { ticker, side, price, quantity, split, .. } => Self::Allocated {
                echo,
                ticker,
                side: *side,
                price: *price,
                quantity: *quantity,
                split: *split,
                shares,
            },
            Reply::Held { .. } => Self::Held { echo },
            Reply::Busted { ticker, of, .. } => Self::Busted { echo, ticker, of, shares },
            Reply::Accepted { split, .. } => Self::Accepted { echo, split: *split },
            Reply::Reported { report, .. } => Self::Reported { echo, report: *report },
            Reply::Rejected { code, reason, .. } => Self::Rejected { echo, code, reason },
            Reply::Replayed { .. } => unreachable!("it is written with its outcomes"),
            Reply::Listed { .. } => unreachable!("it is written with its splits"),
        }
    }
}
