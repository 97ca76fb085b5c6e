//! The operator: a client that busts fills, sends its own, and requests reports, replays and
//! splits.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_allocation_rules::{Bust, Fill, Listing, Replay, SplitNumber, TickerSeq};
use allot_allocation_service::{Reply, ReportRequest, Request, decode_replies, encode_line};
use allot_domain::{Price, Quantity, Reject, Seq, ShardId, Side, SourceId, Ticker};
use allot_runtime::{Link, Nanos};

use super::history::ClientHistory;
use super::options::AllocationOptions;
use crate::engine::prng::Prng;

/// When a message without a reply is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(1);

/// The first number of a bust: above those of the fills of the same source, and within a shard's
/// dedup window of them.
const BUSTS_FROM: u64 = 30_000;

/// Its name as a source. The length and the rank of the name decide what a seed means.
const SOURCE: &[u8] = b"desk";

/// A client that never crashes.
pub struct Operator {
    link: Link,
    source: SourceId,
    tickers: Vec<Ticker>,
    every: Duration,
    next_at: Nanos,
    seq: Seq,
    bust_seq: Seq,
    /// Messages without a reply, and when each is sent (again).
    open: BTreeMap<(SourceId, Seq), (Vec<u8>, Nanos)>,
    is_closed: bool,
}

impl Operator {
    /// An operator at its end of the link to the front door.
    #[must_use]
    pub fn new(link: Link, options: &AllocationOptions, now: Nanos) -> Self {
        Self {
            link,
            source: SourceId::new(SOURCE).expect("a plain name"),
            tickers: options.tickers.clone(),
            every: options.operator_every,
            next_at: now,
            seq: Seq::default(),
            bust_seq: Seq::new(BUSTS_FROM),
            open: BTreeMap::new(),
            is_closed: false,
        }
    }

    /// From now on it sends nothing new.
    pub const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Its messages without a reply.
    #[must_use]
    pub fn unreplied(&self) -> Vec<String> {
        self.open.keys().map(|(source, seq)| format!("the operator's {source} {seq}")).collect()
    }

    /// Receives replies, and sends something when it is time.
    pub fn step(&mut self, now: Nanos, history: &ClientHistory, prng: &mut Prng) -> usize {
        let mut work = self.receive();
        if !self.is_closed && self.next_at <= now {
            self.next_at = now + prng.span(self.every / 10..=self.every * 3);
            self.act(now, history, prng);
            work += 1;
        }
        work + self.send(now)
    }

    /// When there is something to do again.
    #[must_use]
    pub fn wake_at(&self) -> Nanos {
        let again = self.open.values().map(|(_, due)| *due).min().unwrap_or(Nanos::MAX);
        if self.is_closed { again } else { again.min(self.next_at) }
    }

    fn receive(&mut self) -> usize {
        let mut frame = Vec::new();
        let mut replies = Vec::new();
        while self.link.receive(&mut frame) {
            // The history has checked every reply already.
            let _ = decode_replies(&frame, &mut replies);
        }
        for reply in &replies {
            let away = Reject::ShardAway(ShardId::default());
            let again = [Reject::Busy.code(), Reject::StorageFull.code(), away.code()];
            let postponed =
                matches!(reply, Reply::Rejected { code, .. } if again.contains(&code.as_str()));
            if let (false, Ok(source)) = (postponed, SourceId::new(reply.source().as_bytes())) {
                self.open.remove(&(source, reply.seq()));
            }
        }
        replies.len()
    }

    fn act(&mut self, now: Nanos, history: &ClientHistory, prng: &mut Prng) {
        let request = match prng.between(0..=9) {
            0 => Request::Report(ReportRequest { source: self.source, seq: self.next_seq() }),
            1..=3 => Request::Fill(self.fill(prng)),
            4 if prng.between(0..=3) == 0 => Request::Splits(self.listing(prng)),
            4 => Request::Replay(self.replay(prng)),
            _ if history.allocated.is_empty() => return,
            _ => {
                // Mostly a recent one, which can still be busted.
                let from = history.allocated.len().saturating_sub(*prng.pick(&[8, 8, 1_000]));
                let fill = *prng.pick(&history.allocated[from..]);
                self.bust_seq = self.bust_seq.next();
                let seq = self.bust_seq;
                Request::Bust(Bust {
                    source: fill.source,
                    seq,
                    id: seq.into(),
                    time_ns: 0,
                    ticker: fill.ticker,
                    of: fill.seq.into(),
                })
            }
        };
        let mut line = Vec::new();
        encode_line(&request, &mut line);
        self.open.insert((*request.source(), request.seq()), (line, now));
    }

    fn next_seq(&mut self) -> Seq {
        self.seq = self.seq.next();
        self.seq
    }

    fn fill(&mut self, prng: &mut Prng) -> Fill {
        let price = i128::from(prng.between(1..=1_000)) * 10_000_000;
        Fill {
            source: self.source,
            seq: self.next_seq(),
            id: self.next_seq().into(),
            time_ns: 0,
            ticker: *prng.pick(&self.tickers),
            side: *prng.pick(&[Side::Buy, Side::Buy, Side::Sell]),
            price: Price::from_nanos(price).expect("a small price"),
            quantity: Quantity::new(prng.between(1..=2_000).into()).expect("a few"),
        }
    }

    /// Splits from anywhere, some of them not there yet.
    fn listing(&mut self, prng: &mut Prng) -> Listing {
        let from = SplitNumber::new(prng.between(1..=8));
        Listing { source: self.source, seq: self.next_seq(), time_ns: 0, from }
    }

    /// Outcomes of any ticker from anywhere, some of them forgotten, or not there yet.
    fn replay(&mut self, prng: &mut Prng) -> Replay {
        let farthest = *prng.pick(&[3, 50, 1_000]);
        let from = prng.between(1..=farthest);
        let to = prng.pick(&[None, Some(0), Some(40)]).map(|more| TickerSeq::new(from + more));
        Replay {
            source: self.source,
            seq: self.next_seq(),
            time_ns: 0,
            ticker: *prng.pick(&self.tickers),
            from: TickerSeq::new(from),
            to,
        }
    }

    /// Sends what is due, as far as there is room.
    fn send(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        for (line, due) in self.open.values_mut().filter(|(_, due)| *due <= now) {
            if self.link.send(&mut line.clone()).is_err() {
                break;
            }
            *due = now + RESEND_AFTER;
            count += 1;
        }
        count
    }
}
