//! A rig: one shard, the agents that write its journal, and the other ends of its links.

use std::sync::Arc;

use allocation_counter::measure;
use allot_allocation_rules::{Blend, BookConfig, Fill};
use allot_allocation_service::{Allocation, InputName, Request, decode_line, encode_request};
use allot_domain::{Incarnation, LogIndex, Price, Quantity, Seq, ShardId, Side, SourceId, Ticker};
use allot_journal::{Checkpointer, Committer, Journal, JournalConfig, Recovery, SimDisk, Wakers};
use allot_runtime::{Agent, Counters, Link, Nanos, Waker, ring_pair};
use allot_shard::{Shard, ShardConfig, ShardLinks, State, recover};
use allot_wire::Encoding;
use allot_wire::backplane::{
    ClientHandle, FrameKind, InputFrame, Interest, ReplyTo, Welcome, encode_interest,
    encode_welcome, inputs, kind,
};

use crate::samples::TIME;

/// A short history and few names, so that they are full and forget from early on.
const BOOK: BookConfig = BookConfig { blend: Blend::NONE, history: 256, names: 1_024 };

/// The incarnation of the router.
pub(crate) const ROUTER: Incarnation = Incarnation::new(9);

/// The incarnation of the shard.
pub(crate) const SHARD: Incarnation = Incarnation::new(8);

/// A shard, the agents that write its journal, and the other ends of its links.
pub(crate) struct Rig {
    pub(crate) shard: Shard<Allocation>,
    writers: Option<(Committer, Checkpointer)>,
    pub(crate) router: Link,
    publisher: Link,
    /// The index of the last input that was sent.
    pub(crate) sent: LogIndex,
    frame: Vec<u8>,
    received: Vec<u8>,
    /// What the publisher was sent, while it is interested in events.
    published: Option<Vec<Vec<u8>>>,
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

    fn start(
        state: State<Allocation>,
        journal: Journal,
        writers: Option<(Committer, Checkpointer)>,
    ) -> Self {
        let silent = Waker::silent();
        let (router, to_router) = ring_pair(64, &silent, &silent);
        let (publisher, to_publisher) = ring_pair(64, &silent, &silent);
        let links = ShardLinks { router: to_router, publisher: to_publisher };
        let config =
            ShardConfig { shard: ShardId::new(0), shards: 1, incarnation: SHARD, ledger: None };
        let sent = journal.appended();
        let shard = Shard::new(config, state, journal, links, Counters::new());
        let (frame, received, published) = (Vec::new(), Vec::new(), None);
        let mut rig = Self { shard, writers, router, publisher, sent, frame, received, published };
        rig.welcome(ROUTER, sent);
        rig
    }

    /// An incarnation of the router says that its inputs follow this index.
    pub(crate) fn welcome(&mut self, router: Incarnation, base: LogIndex) {
        let welcome =
            Welcome { router_incarnation: router, shard_incarnation: SHARD, base, shards: 1 };
        self.send_welcome(&welcome);
    }

    pub(crate) fn send_welcome(&mut self, welcome: &Welcome) {
        encode_welcome(welcome, &mut self.frame);
        self.router.send(&mut self.frame).unwrap();
        self.shard.do_work(Nanos::ZERO);
    }

    /// The publisher says whether it wants events; from then on what it is sent is kept.
    pub(crate) fn set_interest(&mut self, events: bool) {
        encode_interest(&Interest { events }, &mut self.frame);
        self.publisher.send(&mut self.frame).unwrap();
        self.shard.do_work(Nanos::ZERO);
        self.published = Some(Vec::new());
    }

    /// What the publisher was sent since it was asked last.
    pub(crate) fn take_published(&mut self) -> Vec<Vec<u8>> {
        self.receive_published();
        self.published.replace(Vec::new()).unwrap_or_default()
    }

    fn receive_published(&mut self) {
        while self.publisher.receive(&mut self.received) {
            if let Some(published) = &mut self.published {
                published.push(self.received.clone());
            }
        }
    }

    pub(crate) fn send(&mut self, requests: &[Request]) {
        inputs::begin(&mut self.frame, self.sent.next(), ROUTER);
        let client = ClientHandle::new(6);
        let reply_to = ReplyTo { client, encoding: Encoding::Binary };
        for request in requests {
            let mut body = Vec::new();
            encode_request(request, &mut body);
            let name = match request {
                Request::Split(_) => InputName::Split,
                Request::Replay(_) => InputName::Replay,
                _ => InputName::Fill,
            };
            let input = InputFrame { reply_to, kind: name.kind(), time_ns: TIME, body: &body };
            inputs::push(&mut self.frame, input);
            self.sent = self.sent.next();
        }
        self.router.send(&mut self.frame).unwrap();
    }

    /// A turn of the agents that write.
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

    /// A turn of the shard; returns the frames that the router receives.
    pub(crate) fn turn(&mut self, now: Nanos) -> Vec<Vec<u8>> {
        self.shard.do_work(now);
        let mut frames = Vec::new();
        while self.router.receive(&mut self.received) {
            frames.push(self.received.clone());
        }
        self.receive_published();
        frames
    }

    /// Turns of all agents until the shard has replied; returns how often the shard allocated.
    pub(crate) fn settle(&mut self) -> u64 {
        let mut allocations = 0;
        let mut replies = 0;
        while replies == 0 {
            allocations += measure(|| {
                self.shard.do_work(Nanos::ZERO);
            })
            .count_total;
            self.write();
            while self.router.receive(&mut self.received) {
                replies += u64::from(kind(&self.received) == Some(FrameKind::Replies));
            }
            self.receive_published();
        }
        allocations
    }
}

/// Purchases with consecutive sequence numbers.
pub(crate) fn fills(from: u64, count: u64) -> Vec<Request> {
    let fill = |seq: u64| Fill {
        source: SourceId::new(b"f").unwrap(),
        seq: Seq::new(seq),
        id: Seq::new(seq).into(),
        time_ns: 0,
        ticker: Ticker::new(format!("T{}", seq % 10).as_bytes()).unwrap(),
        side: Side::Buy,
        price: Price::from_nanos(i128::from(10 + seq * 31 % 490) * 1_000_000_000).unwrap(),
        quantity: Quantity::new(i128::from(seq * 7_919 % 300 + 1)).unwrap(),
    };
    (from..from + count).map(|seq| Request::Fill(fill(seq))).collect()
}

/// A split over this many accounts, in equal parts.
pub(crate) fn split(seq: u64, accounts: u64) -> Request {
    let weight = |account| format!(r#""a{account}":"{}""#, 100 / accounts);
    let weights: Vec<_> = (0..accounts).map(weight).collect();
    let weights = weights.join(",");
    let line = format!(r#"{{"type":"split","source":"aum","seq":{seq},"weights":{{{weights}}}}}"#);
    decode_line(line.as_bytes()).unwrap()
}
