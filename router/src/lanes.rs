//! Lanes: one for each shard, with the inputs on their way to it and the answers it still owes.
//!
//! ```text
//!   number  … │ applied │ owed: sent, not applied yet │ waiting: in the frame, not sent │
//! ```
//!
//! Inputs of one shard are numbered from 1 over the life of the firm. A lane has room while it owes
//! and waits for less than `inputs_owed_max`: that bounds every queue between here and the shard,
//! whether the link is a ring, a socket, or broken.

use allot_domain::limits::TICKER_LEN_MAX;
use allot_runtime::{Counter, Counters, Hub, Nanos, Waits};
use allot_wire::Encoding;
use allot_wire::backplane::{Hello, InputFrame, InputKind, Welcome, encode_welcome, inputs};
use std::time::Duration;

const _: () = assert!(TICKER_LEN_MAX == 16);

/// A shard that was not heard of for so long is away.
const AWAY_AFTER: Duration = Duration::from_secs(4);

/// A frame that has grown so large is sent at once rather than at the end of the turn.
const FRAME_LEN_FULL: usize = 64 << 10;

/// Who waits for the answer to an input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// The client's handle; zero where nobody waits.
    pub(crate) client: u64,
    /// The encoding of the request, and so of the answer.
    pub(crate) encoding: Encoding,
}

impl Asker {
    /// Nobody waits for an answer.
    pub(crate) const NOBODY: Self = Self { client: 0, encoding: Encoding::Binary };
}

struct Lane {
    incarnation: Option<u64>,
    heard_at: Nanos,
    /// The number of the last input that was sent.
    sent: u64,
    /// The number of the last input that the shard says it applied.
    applied: u64,
    frame: Vec<u8>,
    waiting: u64,
}

impl Lane {
    fn new() -> Self {
        let (frame, heard_at) = (Vec::new(), Nanos::ZERO);
        Self { incarnation: None, heard_at, sent: 0, applied: 0, frame, waiting: 0 }
    }

    const fn owed(&self) -> u64 {
        self.sent - self.applied + self.waiting
    }

    fn is_here(&self) -> bool {
        self.incarnation.is_some()
    }
}

/// The router's links to the shards, and to the publisher as the peer after the last shard.
pub(crate) struct Lanes {
    hub: Hub,
    lanes: Vec<Lane>,
    owed_max: u64,
    counters: Counters,
}

impl Lanes {
    pub(crate) fn new(mut hub: Hub, shards: usize, owed_max: u64, counters: Counters) -> Self {
        assert!(hub.peers() == shards + 1, "a peer for each shard and one for the publisher");
        hub.count_into(&counters);
        let lanes = (0..shards).map(|_| Lane::new()).collect();
        Self { hub, lanes, owed_max, counters }
    }

    /// How many shards there are.
    pub(crate) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// The next frame of a shard, or of the publisher: the peer after the last shard.
    pub(crate) fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        self.hub.receive(frame)
    }

    pub(crate) fn wait_on<'a>(&'a self, waits: &mut Waits<'a>) {
        self.hub.wait_on(waits);
    }

    /// Whether a shard takes another input now.
    pub(crate) fn has_room(&self, shard: usize) -> bool {
        let lane = &self.lanes[shard];
        lane.is_here() && lane.owed() < self.owed_max
    }

    /// Whether every shard takes another input now.
    pub(crate) fn all_have_room(&self) -> bool {
        (0..self.lanes.len()).all(|shard| self.has_room(shard))
    }

    /// Whether a shard is there.
    pub(crate) fn is_here(&self, shard: usize) -> bool {
        self.lanes[shard].is_here()
    }

    /// Whether every shard is there.
    pub(crate) fn all_here(&self) -> bool {
        self.lanes.iter().all(Lane::is_here)
    }

    /// Puts an input on its way to one shard.
    pub(crate) fn push(&mut self, shard: usize, asker: Asker, kind: InputKind, body: &[u8]) {
        let lane = &mut self.lanes[shard];
        if lane.waiting == 0 {
            inputs::begin(&mut lane.frame, lane.sent + 1);
        }
        let Asker { client, encoding } = asker;
        inputs::push(&mut lane.frame, InputFrame { client, encoding, kind, body });
        lane.waiting += 1;
        if lane.frame.len() > FRAME_LEN_FULL {
            self.flush_lane(shard);
        }
    }

    /// Sends what waits, as far as the shards have room; returns how many frames left.
    pub(crate) fn flush(&mut self) -> usize {
        (0..self.lanes.len()).map(|shard| self.flush_lane(shard)).sum()
    }

    fn flush_lane(&mut self, shard: usize) -> usize {
        let lane = &mut self.lanes[shard];
        if lane.waiting == 0 || self.hub.send(shard, &mut lane.frame).is_err() {
            return 0;
        }
        self.counters.add(Counter::Routed, lane.waiting);
        lane.sent += lane.waiting;
        lane.waiting = 0;
        1
    }

    /// Hands the same frame to every shard that is there, past the queues; one that has no room
    /// misses it.
    pub(crate) fn tell_all(&mut self, frame: &[u8]) {
        for shard in (0..self.lanes.len()).filter(|shard| self.lanes[*shard].is_here()) {
            let mut copy = frame.to_vec();
            if self.hub.send(shard, &mut copy).is_err() {
                self.counters.add(Counter::FramesRefused, 1);
            }
        }
    }

    /// A shard says that it has applied all inputs up to `through`.
    pub(crate) fn applied(&mut self, shard: usize, through: u64, now: Nanos) {
        let lane = &mut self.lanes[shard];
        lane.heard_at = now;
        lane.applied = lane.applied.max(through.min(lane.sent));
    }

    /// A shard says that it is there. A new life of it, or of this router, agrees on numbers first:
    /// both go on from the higher one, and what was on its way to the old life is owed no more.
    pub(crate) fn hello(&mut self, hello: &Hello, now: Nanos, incarnation: u64) {
        let shards = self.lanes.len();
        let Some(shard) = usize::try_from(hello.shard).ok().filter(|shard| *shard < shards) else {
            self.counters.add(Counter::FramesUnknown, 1);
            return;
        };
        let lane = &mut self.lanes[shard];
        lane.heard_at = now;
        if lane.incarnation == Some(hello.incarnation) {
            return;
        }
        lane.sent = lane.sent.max(hello.applied);
        let welcome = Welcome {
            incarnation,
            sent: lane.sent,
            shards: u32::try_from(shards).expect("at most SHARDS_MAX"),
        };
        let mut frame = Vec::new();
        encode_welcome(&welcome, &mut frame);
        if self.hub.send(shard, &mut frame).is_err() {
            // The next greeting gets another welcome.
            self.counters.add(Counter::FramesRefused, 1);
            return;
        }
        lane.incarnation = Some(hello.incarnation);
        lane.applied = lane.sent;
        if lane.waiting > 0 {
            inputs::renumber(&mut lane.frame, lane.sent + 1);
        }
    }

    /// Gives up shards that were not heard of for long; returns those that went away just now.
    pub(crate) fn look_for_absent(&mut self, now: Nanos) -> usize {
        let mut gone = 0;
        for lane in &mut self.lanes {
            if lane.is_here() && now >= lane.heard_at + AWAY_AFTER {
                lane.incarnation = None;
                gone += 1;
            }
        }
        gone
    }
}
