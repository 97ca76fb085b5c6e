//! Draft: a reply before it is written; it borrows from what it answers.

use super::Reply;
use allot_domain::{AccountId, Allocated, Origin, Outcome, Price, Quantity, Share, Side, Ticker};

/// Who said what a reply answers, and which answer it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echo<'a> {
    /// The name of a source, in ASCII; empty where it could not be read.
    pub(super) source: &'a [u8],
    pub(super) seq: u64,
    pub(super) duplicate: bool,
    pub(super) late: bool,
}

impl<'a> Echo<'a> {
    /// The source as text.
    pub(super) fn source_text(&self) -> &'a str {
        str::from_utf8(self.source).expect("names are ASCII, and were texts before")
    }

    pub(super) fn origin(origin: &'a Origin, late: bool) -> Self {
        let (source, seq) = (origin.source.as_bytes(), origin.seq);
        Self { source, seq, duplicate: origin.duplicate, late }
    }
}

/// A reply whose shares are still to be named.
#[derive(Clone, Debug)]
pub(super) enum Draft<'a, S> {
    Allocated {
        echo: Echo<'a>,
        ticker: Ticker,
        side: Side,
        price: Price,
        quantity: Quantity,
        split: u64,
        shares: S,
    },
    Held {
        echo: Echo<'a>,
    },
    Busted {
        echo: Echo<'a>,
        ticker: Ticker,
        of: u64,
        shares: S,
    },
    Accepted {
        echo: Echo<'a>,
        split: u64,
    },
    Reported {
        echo: Echo<'a>,
        report: u64,
    },
    Rejected {
        echo: Echo<'a>,
        code: &'a str,
        reason: &'a str,
    },
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

impl<'a, S> Draft<'a, S> {
    /// The draft of any outcome; `reason` is the text of a rejection.
    pub(super) fn of_outcome(outcome: &'a Outcome, reason: &'a str, shares: S) -> Self {
        match outcome {
            Outcome::Allocated(allocated) => Self::Allocated {
                echo: Echo::origin(&allocated.origin, allocated.late),
                ticker: allocated.ticker,
                side: allocated.side,
                price: allocated.price,
                quantity: allocated.quantity,
                split: allocated.split,
                shares,
            },
            Outcome::Held(origin) => Self::Held { echo: Echo::origin(origin, false) },
            Outcome::Busted { origin, ticker, of, .. } => {
                Self::Busted { echo: Echo::origin(origin, false), ticker: *ticker, of: *of, shares }
            }
            Outcome::Accepted { origin, split } => {
                Self::Accepted { echo: Echo::origin(origin, false), split: split.unwrap_or(0) }
            }
            Outcome::Rejected { origin, reject, late } => {
                Self::Rejected { echo: Echo::origin(origin, *late), code: reject.code(), reason }
            }
        }
    }

    /// The draft from which a reply was read.
    pub(super) fn of_reply(reply: &'a Reply, shares: S) -> Self {
        let echo = Echo {
            source: reply.source().as_bytes(),
            seq: reply.seq(),
            duplicate: reply.is_duplicate(),
            late: reply.is_late(),
        };
        match reply {
            Reply::Allocated { ticker, side, price, quantity, split, .. } => Self::Allocated {
                echo,
                ticker: *ticker,
                side: *side,
                price: *price,
                quantity: *quantity,
                split: *split,
                shares,
            },
            Reply::Held { .. } => Self::Held { echo },
            Reply::Busted { ticker, of, .. } => {
                Self::Busted { echo, ticker: *ticker, of: *of, shares }
            }
            Reply::Accepted { split, .. } => Self::Accepted { echo, split: *split },
            Reply::Reported { report, .. } => Self::Reported { echo, report: *report },
            Reply::Rejected { code, reason, .. } => Self::Rejected { echo, code, reason },
        }
    }
}
