//! Allocation: none for a fill on the thread of a shard, with a journal and without, once it is
//! warm.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

use allocation_counter::measure;
use allot_domain::{BookConfig, Fill, Price, Quantity, Side, SourceId, Ticker};
use allot_journal::{Bells, Committer, Journal, JournalConfig, Keeper, Recovery, SimDisk};
use allot_runtime::{Agent, Bell, Counters, Link, Nanos, ring_pair};
use allot_shard::{Shard, ShardConfig, State, recover};
use allot_wire::backplane::{
    FrameKind, InputFrame, InputKind, Welcome, encode_welcome, inputs, kind,
};
use allot_wire::{Encoding, Request, decode_line, encode_request};
use std::sync::Arc;

/// The life of the router.
const ROUTER: u64 = 9;

/// Fills of one frame.
const FILLS: u64 = 32;

/// A shard, whoever writes for it, and the other ends of its links.
struct Rig {
    shard: Shard,
    disk: Option<(Committer, Keeper)>,
    router: Link,
    publisher: Link,
    sent: u64,
    frame: Vec<u8>,
    heard: Vec<u8>,
}

impl Rig {
    fn new(is_kept: bool) -> Self {
        let silent = Bell::silent();
        let (router, shards_router) = ring_pair(64, &silent, &silent);
        let (publisher, shards_publisher) = ring_pair(64, &silent, &silent);
        // A short history, so that it is full and forgets from early on.
        let book = BookConfig { history: 256, ..BookConfig::default() };
        let (state, journal, disk) = if is_kept {
            let config = JournalConfig::new("0", "");
            let mut recovery = Recovery::open(Arc::new(SimDisk::new(1)), config).unwrap();
            let state = recover(&mut recovery, book).unwrap();
            let bells = Bells { shard: &silent, committer: &silent, keeper: &silent };
            let (journal, committer, keeper) = recovery.finish(bells).unwrap();
            (state, journal, Some((committer, keeper)))
        } else {
            (State::new(book), Journal::none(), None)
        };
        let config = ShardConfig { shard: 0, shards: 1, incarnation: 1 };
        let links = (shards_router, shards_publisher);
        let shard = Shard::new(config, state, journal, links, Counters::new());
        let (frame, heard) = (Vec::new(), Vec::new());
        let mut rig = Self { shard, disk, router, publisher, sent: 0, frame, heard };
        encode_welcome(&Welcome { incarnation: ROUTER, base: 0, shards: 1 }, &mut rig.frame);
        rig.router.send(&mut rig.frame).unwrap();
        rig.shard.do_work(Nanos::ZERO);
        rig
    }

    fn send(&mut self, requests: &[Request]) {
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

    /// Everybody's turns until the shard has answered; returns what the shard's cost.
    fn settle(&mut self) -> u64 {
        let (mut allocations, mut answers) = (0, 0);
        while answers == 0 {
            allocations += measure(|| {
                self.shard.do_work(Nanos::ZERO);
            })
            .count_total;
            if let Some((committer, keeper)) = &mut self.disk {
                committer.do_work(Nanos::ZERO);
                keeper.do_work(Nanos::ZERO);
            }
            while self.router.receive(&mut self.heard) {
                answers += u64::from(kind(&self.heard) == Some(FrameKind::Answers));
            }
            while self.publisher.receive(&mut self.heard) {}
        }
        allocations
    }
}

fn fills(from: u64) -> Vec<Request> {
    let fill = |seq: u64| Fill {
        source: SourceId::new(b"f").unwrap(),
        seq,
        ticker: Ticker::new(format!("T{}", seq % 10).as_bytes()).unwrap(),
        side: Side::Buy,
        price: Price::from_nanos(i128::from(10 + seq * 31 % 490) * 1_000_000_000).unwrap(),
        quantity: Quantity::new(i128::from(seq * 7_919 % 300 + 1)).unwrap(),
    };
    (from..from + FILLS).map(|seq| Request::Fill(fill(seq))).collect()
}

fn assert_allocates_nothing(is_kept: bool) {
    let mut rig = Rig::new(is_kept);
    let split = r#"{"type":"split","source":"aum","seq":1,"weights":{"a":"40","b":"35","c":"25"}}"#;
    rig.send(&[decode_line(split.as_bytes()).unwrap()]);
    rig.settle();
    let mut allocations = 0;
    for turn in 0..400 {
        rig.send(&fills(1 + turn * FILLS));
        let spent = rig.settle();
        if turn >= 200 {
            allocations += spent;
        }
    }
    assert_eq!(allocations, 0, "in {} fills", 200 * FILLS);
    assert_eq!(rig.shard.journal().durable(), rig.sent);
}

#[test]
fn a_fill_in_memory_allocates_nothing() {
    assert_allocates_nothing(false);
}

#[test]
fn a_fill_in_a_journal_allocates_nothing() {
    assert_allocates_nothing(true);
}
