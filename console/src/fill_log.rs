//! The fill log: the latest outcomes of the feed, bounded in bytes.

use std::collections::{BTreeMap, VecDeque};

use allot_allocation_rules::SplitNumber;
use allot_allocation_service::Reply;
use allot_domain::{AccountId, MessageId, Price, Side, Ticker};

use crate::limits::FILL_BYTES_MAX;
use crate::source_log::SourceLog;

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
    /// How many the feed gave.
    count: u64,
    /// How many were fetched, from before the console began.
    fetched: usize,
    /// Whether some had to make room.
    is_cut: bool,
    /// Which numbers of each ticker the feed gave.
    heard: BTreeMap<Ticker, Heard>,
    sources: SourceLog,
}

/// The outcomes of a ticker that the feed gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Heard {
    /// From this number on.
    pub(crate) first: u64,
    /// The newest one.
    pub(crate) last: u64,
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

    fn fit(&mut self) {
        self.shares.shrink_to_fit();
        self.source.shrink_to_fit();
    }

    /// What it takes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let shares = self.shares.capacity() * size_of::<(AccountId, u64)>();
        size_of::<Self>() + self.source.capacity() + shares
    }
}

impl FillLog {
    /// The feed gave this number of a ticker. Says which ones it passed over.
    pub(crate) fn hear(&mut self, ticker: Ticker, number: u64) -> Option<(u64, u64)> {
        let Some(heard) = self.heard.get_mut(&ticker) else {
            self.heard.insert(ticker, Heard { first: number, last: number });
            return None;
        };
        let next = heard.last + 1;
        heard.last = number;
        (next < number).then(|| (next, number - 1))
    }

    /// Which numbers of a ticker the feed gave.
    pub(crate) fn heard(&self, ticker: &Ticker) -> Option<Heard> {
        self.heard.get(ticker).copied()
    }

    /// A ticker of which the feed has given nothing had this many outcomes before.
    pub(crate) fn expect_after(&mut self, ticker: Ticker, last: u64) {
        self.heard.entry(ticker).or_insert(Heard { first: last + 1, last });
    }

    /// Adds an outcome; the oldest make room.
    pub(crate) fn push(&mut self, mut line: FillLine) {
        line.fit();
        self.sources.hear(&line.source, line.time_ns);
        self.bytes += line.bytes();
        self.count += 1;
        self.lines.push_back(line);
        while FILL_BYTES_MAX < self.bytes {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.bytes();
            self.is_cut = true;
        }
    }

    /// Adds outcomes from before the console began, the newest first, as far as there is room.
    pub(crate) fn push_earlier(&mut self, lines: impl Iterator<Item = FillLine>) {
        for mut line in lines {
            line.fit();
            if FILL_BYTES_MAX < self.bytes + line.bytes() {
                self.is_cut = true;
                return;
            }
            self.sources.hear(&line.source, line.time_ns);
            self.bytes += line.bytes();
            self.fetched += 1;
            self.lines.push_front(line);
        }
    }

    /// Puts all in the order of time: some that were fetched are newer than others.
    pub(crate) fn order(&mut self) {
        let lines = self.lines.make_contiguous();
        lines.sort_by_key(|line| (line.time_ns, line.ticker, line.number));
    }

    /// How many were fetched, from before the console began.
    pub(crate) const fn fetched(&self) -> usize {
        self.fetched
    }

    /// Whether some had to make room.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Who sent them.
    pub(crate) const fn sources(&self) -> &SourceLog {
        &self.sources
    }

    /// The outcomes, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &FillLine> {
        self.lines.iter().rev()
    }

    /// How many are kept.
    pub(crate) fn kept(&self) -> usize {
        self.lines.len()
    }

    /// How many the feed gave.
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
