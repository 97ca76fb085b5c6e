//! A operator: a client that takes fills back, sends its own, and asks for reports.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_domain::{Bust, Fill, Price, Quantity, Reject, Side, SourceId, Ticker};
use allot_runtime::{Link, Nanos};
use allot_wire::{Reply, ReportRequest, Request, decode_replies, encode_line};

use crate::history::ClientHistory;
use crate::prng::Prng;

/// How soon a message that was not answered is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The first number of a bust: far from those of the fills of the same source, and near enough
/// not to make a shard forget them.
const BUSTS_FROM: u64 = 30_000;

/// A person at a operator.
pub struct Operator {
    link: Link,
    source: SourceId,
    tickers: Vec<Ticker>,
    every: Duration,
    next_at: Nanos,
    seq: u64,
    busts: u64,
    open: BTreeMap<(SourceId, u64), (Vec<u8>, Nanos)>,
    is_closed: bool,
}

impl Operator {
    /// A operator, and its end of the link to the front door.
    pub fn new(link: Link, tickers: Vec<Ticker>, every: Duration, now: Nanos) -> Self {
        Self {
            link,
            source: SourceId::new(b"desk").expect("a plain name"),
            tickers,
            every,
            next_at: now,
            seq: 0,
            busts: BUSTS_FROM,
            open: BTreeMap::new(),
            is_closed: false,
        }
    }

    /// Nothing new is sent from now on.
    pub const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Whether everything was answered.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Its messages that were not answered.
    pub fn waits_for(&self) -> Vec<String> {
        self.open.keys().map(|(source, seq)| format!("the operator's {source} {seq}")).collect()
    }

    /// Hears answers, and says something when it is time.
    pub fn step(&mut self, now: Nanos, history: &ClientHistory, prng: &mut Prng) -> usize {
        let mut work = self.hear();
        if !self.is_closed && self.next_at <= now {
            self.next_at = now + prng.span(self.every / 10..=self.every * 3);
            self.act(now, history, prng);
            work += 1;
        }
        work + self.say(now)
    }

    /// When there is something to do again.
    pub fn wake_at(&self) -> Nanos {
        let again = self.open.values().map(|(_, due)| *due).min().unwrap_or(Nanos::MAX);
        if self.is_closed { again } else { again.min(self.next_at) }
    }

    fn hear(&mut self) -> usize {
        let (mut frame, mut replies) = (Vec::new(), Vec::new());
        while self.link.receive(&mut frame) {
            // What the answers say is the history's business, who has heard them before.
            let _ = decode_replies(&frame, &mut replies);
        }
        for reply in &replies {
            let again = [Reject::Busy.code(), Reject::StorageFull.code()];
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
            _ if history.divided.is_empty() => return,
            _ => {
                // Mostly one of the last, which can still be taken back.
                let from = history.divided.len().saturating_sub(*prng.pick(&[8, 8, 1_000]));
                let divided = *prng.pick(&history.divided[from..]);
                self.busts += 1;
                let (source, ticker, of) = (divided.source, divided.ticker, divided.seq);
                Request::Bust(Bust { source, seq: self.busts, ticker, of })
            }
        };
        let mut line = Vec::new();
        encode_line(&request, &mut line);
        self.open.insert((*request.source(), request.seq()), (line, now));
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn fill(&mut self, prng: &mut Prng) -> Fill {
        let price = i128::from(prng.between(1..=1_000)) * 10_000_000;
        Fill {
            source: self.source,
            seq: self.next_seq(),
            ticker: *prng.pick(&self.tickers),
            side: *prng.pick(&[Side::Buy, Side::Buy, Side::Sell]),
            price: Price::from_nanos(price).expect("a small price"),
            quantity: Quantity::new(prng.between(1..=2_000).into()).expect("a few"),
        }
    }

    /// Sends what is due, as far as there is room.
    fn say(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        for (line, due) in self.open.values_mut().filter(|(_, due)| *due <= now) {
            if self.link.send(&mut line.clone()).is_err() {
                break;
            }
            *due = now + AGAIN_AFTER;
            count += 1;
        }
        count
    }
}
