//! The fill log: the latest outcomes of the feed, bounded in bytes.

use std::collections::VecDeque;

use allot_allocation_rules::SplitNumber;
use allot_allocation_service::Reply;
use allot_domain::{AccountId, MessageId, Price, Side, Ticker};

use crate::limits::FILL_BYTES_MAX;

/// A division or a bust, as the feed gave it.
#[derive(Clone, Debug)]
pub(crate) struct FillLine {
    /// When the router took it: nanoseconds of Unix time.
    pub(crate) time_ns: u64,
    pub(crate) ticker: Ticker,
    /// The ticker's own count of outcomes.
    pub(crate) number: u64,
    pub(crate) source: String,
    pub(crate) id: MessageId,
    pub(crate) kind: FillKind,
    /// Who got, or returned, how many.
    pub(crate) shares: Vec<(AccountId, u64)>,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum FillKind {
    Divided { side: Side, price: Price, quantity: u64, split: SplitNumber },
    Busted { of: MessageId },
}

/// The latest outcomes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FillLog {
    lines: VecDeque<FillLine>,
    bytes: usize,
    /// How many came in all.
    count: u64,
}

impl FillLine {
    /// What a publication of `fills:` says; none where it is something else.
    pub(crate) fn of(number: u64, reply: Reply) -> Option<Self> {
        Some(match reply {
            Reply::Allocated {
                source,
                id,
                time_ns,
                ticker,
                side,
                price,
                quantity,
                split,
                shares,
                ..
            } => {
                let kind = FillKind::Divided { side, price, quantity: quantity.get(), split };
                Self { time_ns, ticker, number, source, id, kind, shares }
            }
            Reply::Busted { source, id, time_ns, ticker, of, shares, .. } => {
                Self { time_ns, ticker, number, source, id, kind: FillKind::Busted { of }, shares }
            }
            _ => return None,
        })
    }

    fn bytes(&self) -> usize {
        let shares = self.shares.capacity() * size_of::<(AccountId, u64)>();
        size_of::<Self>() + self.source.capacity() + shares
    }
}

impl FillLog {
    /// Adds an outcome; the oldest make room.
    pub(crate) fn push(&mut self, mut line: FillLine) {
        line.shares.shrink_to_fit();
        line.source.shrink_to_fit();
        self.bytes += line.bytes();
        self.count += 1;
        self.lines.push_back(line);
        while FILL_BYTES_MAX < self.bytes {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }

    /// The outcomes, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &FillLine> {
        self.lines.iter().rev()
    }

    /// How many are kept.
    pub(crate) fn kept(&self) -> usize {
        self.lines.len()
    }

    /// How many came in all.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::Seq;

    use super::*;

    #[test]
    fn the_log_never_takes_more_than_its_bytes() {
        let account = AccountId::new(b"a").unwrap();
        let mut log = FillLog::default();
        for number in 0..200 {
            log.push(FillLine {
                time_ns: 0,
                ticker: Ticker::new(b"A").unwrap(),
                number,
                source: "s".to_owned(),
                id: MessageId::Number(Seq::new(number)),
                kind: FillKind::Busted { of: MessageId::Number(Seq::new(1)) },
                shares: vec![(account, 1); 10_000],
            });
            assert!(log.bytes <= FILL_BYTES_MAX);
        }
        assert_eq!(log.count(), 200);
        assert_eq!(log.newest().next().unwrap().number, 199);
        assert!(10 < log.kept() && log.kept() < 100, "{}", log.kept());
        assert_eq!(log.bytes, log.lines.iter().map(FillLine::bytes).sum::<usize>());
    }
}
