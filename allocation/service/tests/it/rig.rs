//! A rig: one shard, whoever writes for it, and the other ends of its links.

use allocation_counter::measure;
use allot_domain::{Blend, BookConfig, Fill, Price, Quantity, Side, SourceId, Ticker};
use allot_journal::{Checkpointer, Committer, Journal, JournalConfig, Recovery, SimDisk, Wakers};
use allot_runtime::{Agent, Counters, Link, Nanos, Waker, ring_pair};
use allot_shard::{Shard, ShardConfig, State, recover};
use allot_wire::backplane::{
    FrameKind, InputFrame, InputKind, Welcome, encode_welcome, inputs, kind,
};
use allot_wire::{Encoding, Request, decode_line, encode_request};
use std::sync::Arc;

/// A short history, so that it is full and forgets from early on.
const BOOK: BookConfig = BookConfig { blend: Blend::NONE, history: 256 };

/// The life of the router.
pub(crate) const ROUTER: u64 = 9;

/// A shard, whoever writes for it, and the other ends of its links.
pub(crate) struct Rig {
    pub(crate) shard: Shard,
    writers: Option<(Committer, Checkpointer)>,
    pub(crate) router: Link,
    publisher: Link,
    /// The number of the last input that was sent.
    pub(crate) sent: u64,
    frame: Vec<u8>,
    heard: Vec<u8>,
}

impl Rig {
    /// A shard that lives in memory only.
    pub(crate) fn without_journal() -> Self {
        Self::start(State::new(BOOK), Journal::none(), None)
    }

    /// A shard that goes on from what is on a disk.
    pub(crate) fn on(disk: &SimDisk) -> Self {
        let mut config = JournalConfig::new("0", "");
        config.segment_bytes = 8 << 20;
        let mut recovery = Recovery::open(Arc::new(disk.clone()), config).unwrap();
        let state = recover(&mut recovery, BOOK).unwrap();
        let silent = Waker::silent();
        let wakers = Wakers { shard: &silent, committer: &silent, checkpointer: &silent };
        let (journal, committer, checkpointer) = recovery.finish(wakers).unwrap();
        Self::start(state, journal, Some((committer, checkpointer)))
    }

    fn start(state: State, journal: Journal, writers: Option<(Committer, Checkpointer)>) -> Self {
        let silent = Waker::silent();
        let (router, shards_router) = ring_pair(64, &silent, &silent);
        let (publisher, shards_publisher) = ring_pair(64, &silent, &silent);
        let (config, sent) =
            (ShardConfig { shard: 0, shards: 1, incarnation: 1 }, journal.appended().get());
        let links = (shards_router, shards_publisher);
        let shard = Shard::new(config, state, journal, links, Counters::new());
        let (frame, heard) = (Vec::new(), Vec::new());
        let mut rig = Self { shard, writers, router, publisher, sent, frame, heard };
        rig.welcome(sent);
        rig
    }

    /// The router says that its inputs follow this number.
    pub(crate) fn welcome(&mut self, base: u64) {
        encode_welcome(&Welcome { incarnation: ROUTER, base, shards: 1, life: 1 }, &mut self.frame);
        self.router.send(&mut self.frame).unwrap();
        self.shard.do_work(Nanos::ZERO);
    }

    pub(crate) fn send(&mut self, requests: &[Request]) {
        inputs::begin(&mut self.frame, self.sent + 1, ROUTER);
        for request in requests {
            let mut body = Vec::new();
            encode_request(request, &mut body);
            let kind = match request {
                Request::Split(_) => InputKind::Split,
                _ => InputKind::Fill,
            };
            let encoding = Encoding::Binary;
            let input = InputFrame { client: 6, encoding, kind, body: &body };
            inputs::push(&mut self.frame, input);
            self.sent += 1;
        }
        self.router.send(&mut self.frame).unwrap();
    }

    /// A turn of whoever writes.
    pub(crate) fn write(&mut self) {
        self.write_at(Nanos::ZERO);
    }

    /// The same at some time.
    pub(crate) fn write_at(&mut self, now: Nanos) {
        if let Some((committer, checkpointer)) = &mut self.writers {
            committer.do_work(now);
            checkpointer.do_work(now);
        }
    }

    /// A turn of the shard; returns the frames that the router then hears.
    pub(crate) fn turn(&mut self, now: Nanos) -> Vec<Vec<u8>> {
        self.shard.do_work(now);
        let mut frames = Vec::new();
        while self.router.receive(&mut self.heard) {
            frames.push(self.heard.clone());
        }
        while self.publisher.receive(&mut self.heard) {}
        frames
    }

    /// Everybody's turns until the shard has answered; returns what the shard's cost.
    pub(crate) fn settle(&mut self) -> u64 {
        let (mut allocations, mut answers) = (0, 0);
        while answers == 0 {
            allocations += measure(|| {
                self.shard.do_work(Nanos::ZERO);
            })
            .count_total;
            self.write();
            while self.router.receive(&mut self.heard) {
                answers += u64::from(kind(&self.heard) == Some(FrameKind::Answers));
            }
            while self.publisher.receive(&mut self.heard) {}
        }
        allocations
    }
}

/// So many purchases from this number on.
pub(crate) fn fills(from: u64, count: u64) -> Vec<Request> {
    let fill = |seq: u64| Fill {
        source: SourceId::new(b"f").unwrap(),
        seq,
        ticker: Ticker::new(format!("T{}", seq % 10).as_bytes()).unwrap(),
        side: Side::Buy,
        price: Price::from_nanos(i128::from(10 + seq * 31 % 490) * 1_000_000_000).unwrap(),
        quantity: Quantity::new(i128::from(seq * 7_919 % 300 + 1)).unwrap(),
    };
    (from..from + count).map(|seq| Request::Fill(fill(seq))).collect()
}

/// A split over so many accounts.
pub(crate) fn split(seq: u64, accounts: u64) -> Request {
    let weight = |account| format!(r#""a{account}":"{}""#, 100 / accounts);
    let weights: Vec<_> = (0..accounts).map(weight).collect();
    let weights = weights.join(",");
    let line = format!(r#"{{"type":"split","source":"aum","seq":{seq},"weights":{{{weights}}}}}"#);
    decode_line(line.as_bytes()).unwrap()
}
