//! Reply text: what came of a request, for people.

use allot_allocation_service::Reply;
use allot_domain::{AccountId, Side};

/// A sentence about a reply, without the message that it is of.
pub(crate) fn sentence(reply: &Reply) -> String {
    let again = if reply.is_duplicate() { " (known before; nothing changed now)" } else { "" };
    match reply {
        Reply::Allocated { ticker, side, price, quantity, split, shares, .. } => {
            let (verb, quantity) = (verb(*side), quantity.get());
            let shares = list(shares);
            format!("{verb} {quantity} {ticker} at {price}, split {split}: {shares}{again}")
        }
        Reply::Held { .. } => format!("held until the first split{again}"),
        Reply::Busted { ticker, of, shares, .. } if shares.is_empty() => {
            format!("fill {of} of {ticker} is busted; no shares were given back{again}")
        }
        Reply::Busted { ticker, of, shares, .. } => {
            format!("fill {of} of {ticker} is busted; given back: {}{again}", list(shares))
        }
        Reply::Accepted { split, .. } => format!("split {split} is in force{again}"),
        Reply::Reported { report, .. } => format!("report {report} is being published"),
        Reply::Rejected { code, reason, .. } => format!("refused: {reason} ({code})"),
        Reply::Replayed { ticker, from, last, .. } => {
            format!("outcomes of {ticker} from {from} on; the newest is {last}")
        }
        Reply::Listed { from, last, .. } => format!("splits from {from} on; {last} is in force"),
    }
}

/// What was done.
pub(crate) const fn verb(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// Who got, or gave back, how many.
pub(crate) fn list(shares: &[(AccountId, u64)]) -> String {
    let share = |(account, shares): &(AccountId, u64)| format!("{account} {shares}");
    shares.iter().map(share).collect::<Vec<_>>().join(", ")
}
