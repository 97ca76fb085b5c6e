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
use std::collections::VecDeque;
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
    /// The life of the shard that numbers were agreed with; none before its first greeting.
    incarnation: Option<u64>,
    is_here: bool,
    heard_at: Nanos,
    /// How much was sent when this life was welcomed.
    welcomed_at: u64,
    /// The number of the last input that was sent.
    sent: u64,
    /// The number of the last input that the shard says it applied.
    applied: u64,
    /// The same, when the shard greeted last.
    greeted_at: u64,
    /// The number of the last split that was put on its way.
    split: u64,
    frame: Vec<u8>,
    waiting: u64,
    /// Who waits for the answers to inputs that were not applied yet, by their numbers.
    askers: VecDeque<(u64, u64)>,
    /// What was sent and not applied yet, with the number of its last input: a socket may lose it.
    kept: VecDeque<(u64, Vec<u8>)>,
}

impl Lane {
    fn new() -> Self {
        Self {
            incarnation: None,
            is_here: false,
            heard_at: Nanos::ZERO,
            welcomed_at: 0,
            sent: 0,
            applied: 0,
            greeted_at: 0,
            split: 0,
            frame: Vec::new(),
            waiting: 0,
            askers: VecDeque::new(),
            kept: VecDeque::new(),
        }
    }

    const fn owed(&self) -> u64 {
        self.sent - self.applied + self.waiting
    }

    /// The shard has applied all inputs up to `through`; `settled` gets those who asked for them.
    fn settle(&mut self, through: u64, settled: &mut Vec<u64>) {
        self.applied = self.applied.max(through.min(self.sent));
        while self.askers.front().is_some_and(|(number, _)| *number <= self.applied) {
            settled.extend(self.askers.pop_front().map(|(_, client)| client));
        }
        while self.kept.front().is_some_and(|(last, _)| *last <= self.applied) {
            self.kept.pop_front();
        }
    }
}

/// The router's links to the shards, and to the publisher as the peer after the last shard.
pub(crate) struct Lanes {
    hub: Hub,
    lanes: Vec<Lane>,
    owed_max: u64,
    /// Links over sockets may lose frames when a connection breaks; rings never do.
    may_lose: bool,
    counters: Counters,
}

impl Lanes {
    pub(crate) fn new(mut hub: Hub, shards: usize, owed_max: u64, counters: Counters) -> Self {
        assert!(hub.peers() == shards + 1, "a peer for each shard and one for the publisher");
        hub.count_into(&counters);
        let lanes = (0..shards).map(|_| Lane::new()).collect();
        let may_lose = hub.endpoint().is_some();
        Self { hub, lanes, owed_max, may_lose, counters }
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
        lane.is_here && lane.owed() < self.owed_max
    }

    /// Whether every shard takes another input now.
    pub(crate) fn all_have_room(&self) -> bool {
        (0..self.lanes.len()).all(|shard| self.has_room(shard))
    }

    /// Whether a shard is there.
    pub(crate) fn is_here(&self, shard: usize) -> bool {
        self.lanes[shard].is_here
    }

    /// Whether every shard is there.
    pub(crate) fn all_here(&self) -> bool {
        self.lanes.iter().all(|lane| lane.is_here)
    }

    /// Whether every shard takes a split now: the one before it is applied everywhere, so that
    /// splits, the largest of all messages, do not pile up.
    pub(crate) fn all_take_split(&self) -> bool {
        self.all_have_room() && self.lanes.iter().all(|lane| lane.split <= lane.applied)
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
        let number = lane.sent + lane.waiting;
        if client != 0 {
            lane.askers.push_back((number, client));
        }
        if kind == InputKind::Split {
            lane.split = number;
        }
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
        if lane.waiting == 0 {
            return 0;
        }
        let copy = self.may_lose.then(|| lane.frame.clone());
        if self.hub.send(shard, &mut lane.frame).is_err() {
            return 0;
        }
        self.counters.add(Counter::Routed, lane.waiting);
        lane.sent += lane.waiting;
        lane.waiting = 0;
        lane.kept.extend(copy.map(|frame| (lane.sent, frame)));
        1
    }

    /// Hands the same frame to every shard that is there, past the queues.
    pub(crate) fn tell_all(&mut self, frame: &[u8]) {
        for shard in 0..self.lanes.len() {
            self.tell(shard, frame);
        }
    }

    /// Hands a frame to a shard that is there, past the queue; one that has no room misses it.
    pub(crate) fn tell(&mut self, shard: usize, frame: &[u8]) {
        if self.lanes[shard].is_here {
            self.try_send(shard, frame.to_vec());
        }
    }

    /// A shard says that it has applied all inputs up to `through`; `settled` gets those who
    /// asked for them.
    pub(crate) fn applied(
        &mut self,
        shard: usize,
        through: u64,
        now: Nanos,
        settled: &mut Vec<u64>,
    ) {
        let lane = &mut self.lanes[shard];
        lane.heard_at = now;
        lane.settle(through, settled);
    }

    /// A shard says that it is there. A new life of it, or of this router, agrees on numbers first:
    /// both go on from the higher one, and what was on its way to the old life is owed no more.
    /// `unanswered` gets those whose answers will not come. Returns whether the shard is ours.
    pub(crate) fn hello(
        &mut self,
        shard: usize,
        hello: &Hello,
        incarnation: u64,
        now: Nanos,
        unanswered: &mut Vec<u64>,
    ) -> bool {
        let shards = u32::try_from(self.lanes.len()).expect("at most SHARDS_MAX");
        let lane = &mut self.lanes[shard];
        lane.heard_at = now;
        let known = lane.incarnation == Some(hello.incarnation);
        if !known {
            lane.sent = lane.sent.max(hello.applied);
            lane.welcomed_at = lane.sent;
        }
        let welcome = Welcome { incarnation, sent: lane.welcomed_at, shards };
        if hello.shards != shards {
            // The shard hears of how many there are, and says so; it gets no inputs.
            self.welcome(shard, &welcome);
            return false;
        }
        if known {
            self.greet_again(shard, hello, &welcome, unanswered);
        } else if self.welcome(shard, &welcome) {
            let lane = &mut self.lanes[shard];
            lane.incarnation = Some(hello.incarnation);
            lane.is_here = true;
            lane.greeted_at = hello.applied;
            lane.settle(lane.sent, unanswered);
            if lane.waiting > 0 {
                inputs::renumber(&mut lane.frame, lane.sent + 1);
            }
        }
        true
    }

    /// A greeting of a life that is known. If it has come no further since the last one although
    /// inputs are on their way, the connection broke and lost them: they are sent again.
    fn greet_again(
        &mut self,
        shard: usize,
        hello: &Hello,
        welcome: &Welcome,
        unanswered: &mut Vec<u64>,
    ) {
        let lane = &mut self.lanes[shard];
        lane.is_here = true;
        lane.settle(hello.applied, unanswered);
        let stuck = hello.applied == lane.greeted_at && lane.applied < lane.sent;
        lane.greeted_at = hello.applied;
        if stuck && self.welcome(shard, welcome) {
            let again: Vec<_> =
                self.lanes[shard].kept.iter().map(|(_, frame)| frame.clone()).collect();
            for frame in again {
                self.try_send(shard, frame);
            }
        }
    }

    fn welcome(&mut self, shard: usize, welcome: &Welcome) -> bool {
        let mut frame = Vec::new();
        encode_welcome(welcome, &mut frame);
        self.try_send(shard, frame)
    }

    /// Sends what will be said again if it finds no room.
    fn try_send(&mut self, shard: usize, mut frame: Vec<u8>) -> bool {
        let sent = self.hub.send(shard, &mut frame).is_ok();
        if !sent {
            self.counters.add(Counter::FramesRefused, 1);
        }
        sent
    }

    /// Gives up shards that were not heard of for long; returns how many went away just now.
    pub(crate) fn look_for_absent(&mut self, now: Nanos) -> usize {
        let mut gone = 0;
        for lane in &mut self.lanes {
            if lane.is_here && now >= lane.heard_at + AWAY_AFTER {
                lane.is_here = false;
                gone += 1;
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests;
