//! Shard streams: the router's links to the shards, and to the publisher as the last peer.
//!
//! A stream has room while it owes and waits for less than `inputs_owed_max`: that bounds every
//! queue between here and the shard, whether the link is a ring, a socket, or broken.
//!
//! An incarnation of the router and one of a shard agree on indexes before anything is sent:
//!
//! ```text
//!   shard                                     router
//!     hello (applied 41, agreed with none) ──►     offers to go on from there
//!     ◄── welcome (incarnation 8, base 41)
//!     hello (applied 41, agreed with 8) ──►        sends what 41 does not contain, then the rest
//! ```
//!
//! A shard takes inputs of the incarnation it has agreed with and of no other, so that what an
//! earlier router left behind in a socket is never mistaken for something new. A welcome names the
//! incarnation of the shard that it replies to: the greeting of one that has ended since may be
//! read late, and the next incarnation may know less.

use allot_domain::{Incarnation, LogIndex, Reject, ShardId};
use allot_runtime::{Counter, Counters, Hub, Nanos, PollSet, Stage, Stages};
use allot_wire::backplane::{
    AWAY_AFTER, ClientHandle, Hello, InputFrame, InputKind, ReplyTo, Welcome, encode_welcome,
    inputs,
};

use crate::limits::INPUTS_LEN_FULL;
use crate::markers::Markers;
use crate::shard_stream::ShardStream;

/// What a greeting of a shard changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Greeting {
    /// Indexes are not agreed yet: the shard was told where to go on from.
    Offered,
    /// Indexes are agreed now.
    Joined,
    /// Indexes were agreed before.
    Known,
}

/// How far a shard is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    /// The last input that it has replied to.
    pub(crate) through: LogIndex,
    /// The last input that no crash can take back.
    pub(crate) durable: LogIndex,
}

/// All streams.
pub(crate) struct ShardStreams {
    incarnation: Incarnation,
    hub: Hub,
    streams: Vec<ShardStream>,
    owed_max: u64,
    /// Links over sockets may lose frames when a connection breaks; rings never do.
    may_lose: bool,
    counters: Counters,
    stages: Stages,
}

impl ShardStreams {
    pub(crate) fn new(
        incarnation: Incarnation,
        mut hub: Hub,
        shards: usize,
        owed_max: u64,
        counters: Counters,
    ) -> Self {
        assert!(shards < hub.peers(), "a peer for each shard and one for the publisher");
        assert!(incarnation != Incarnation::default(), "zero stands for no router");
        hub.count_into(&counters);
        counters.levels().open_queues(shards);
        let streams = (0..shards).map(|_| ShardStream::new()).collect();
        let may_lose = hub.may_lose();
        let stages = Stages::off();
        Self { incarnation, hub, streams, owed_max, may_lose, counters, stages }
    }

    /// Times its stages into this set from now on.
    pub(crate) fn time(&mut self, stages: &Stages) {
        self.stages = stages.clone();
    }

    /// How many shards there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.streams.len()
    }

    /// All shards, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..ShardId::at(self.streams.len()).get()).map(ShardId::new)
    }

    /// The next frame of a shard, of the publisher, which is the peer after the last shard, or of a
    /// feeder, which comes after it.
    pub(crate) fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        self.hub.receive(frame)
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.hub.wait_on(poll_set);
    }

    /// What the time is in this turn.
    pub(crate) fn tick(&mut self, now: Nanos) {
        self.hub.tick(now);
    }

    /// When its links have something to do next.
    pub(crate) fn wake_at(&self) -> Nanos {
        self.hub.wake_at()
    }

    /// Why a shard takes no input now, if it takes none.
    #[inline]
    pub(crate) fn rejection(&self, shard: ShardId) -> Option<Reject> {
        let stream = &self.streams[shard.index()];
        if !stream.is_here {
            return Some(Reject::ShardAway(shard));
        }
        if self.owed_max <= stream.owed() {
            return Some(Reject::Busy);
        }
        stream.is_full.then_some(Reject::StorageFull)
    }

    /// Why not every shard takes an input now, if not every one does: a shard that is away before
    /// one that is busy, and one whose disk is full last.
    pub(crate) fn rejection_of_all(&self) -> Option<Reject> {
        let order = |reject: &Reject| match reject {
            Reject::ShardAway(_) => 0,
            Reject::StorageFull => 2,
            _ => 1,
        };
        self.ids().filter_map(|shard| self.rejection(shard)).min_by_key(order)
    }

    /// Whether the links may lose frames: they are sockets between processes.
    pub(crate) fn may_lose(&self) -> bool {
        self.may_lose
    }

    /// Whether a shard is there.
    pub(crate) fn is_here(&self, shard: ShardId) -> bool {
        self.streams[shard.index()].is_here
    }

    /// Whether every shard is there.
    pub(crate) fn all_here(&self) -> bool {
        self.streams.iter().all(|stream| stream.is_here)
    }

    /// Whether every shard has replied to the last input that went to all.
    pub(crate) fn broadcast_is_replied(&self) -> bool {
        self.streams.iter().all(ShardStream::broadcast_is_replied)
    }

    /// Puts an input on its way to one shard.
    #[inline]
    pub(crate) fn push(&mut self, shard: ShardId, input: InputFrame<'_>) {
        self.begin(shard);
        self.streams[shard.index()].push(input);
        self.flush_full(shard);
    }

    /// Whether a query is on its way that a shard has not replied to.
    pub(crate) fn query_is_under_way(&self, shard: ShardId) -> bool {
        self.streams[shard.index()].query_is_under_way()
    }

    /// Puts a query on its way to one shard.
    pub(crate) fn push_query(&mut self, shard: ShardId, input: InputFrame<'_>) {
        self.begin(shard);
        self.streams[shard.index()].push_query(input);
        self.flush_full(shard);
    }

    /// Puts an input on its way to one shard that goes to all.
    pub(crate) fn push_broadcast(&mut self, shard: ShardId, input: InputFrame<'_>) {
        self.begin(shard);
        self.streams[shard.index()].push_broadcast(input);
        self.flush_full(shard);
    }

    /// Puts a marker on its way to every shard that is there; returns its number.
    pub(crate) fn push_marker(&mut self, markers: &mut Markers, now: Nanos, report: bool) -> u64 {
        let marker = markers.next(now, report, self.all_here());
        assert!(0 < marker.number, "a report of number zero is none");
        for shard in self.ids() {
            if self.is_here(shard) {
                self.push(
                    shard,
                    InputFrame {
                        reply_to: ReplyTo::NOBODY,
                        kind: InputKind::MARKER,
                        time_ns: marker.time_ns,
                        body: markers.body(),
                    },
                );
            }
        }
        self.counters.add(Counter::Markers, 1);
        marker.number
    }

    #[inline]
    fn begin(&mut self, shard: ShardId) {
        let stream = &mut self.streams[shard.index()];
        assert!(stream.is_here, "inputs go to shards that are there");
        if stream.begin(self.incarnation) {
            let queued_at = self.stages.leave(Stage::Queue);
            inputs::set_queued(&mut stream.frame, queued_at.as_unix());
        }
    }

    #[inline]
    fn flush_full(&mut self, shard: ShardId) {
        if INPUTS_LEN_FULL < self.streams[shard.index()].frame.len() {
            self.flush_stream(shard);
        }
    }

    /// Sends what waits, as far as the shards have room; returns how many frames left.
    pub(crate) fn flush(&mut self) -> usize {
        let left = self.ids().map(|shard| self.flush_stream(shard)).sum();
        for (place, stream) in self.streams.iter().enumerate() {
            self.counters.levels().set_queue(place, stream.owed());
        }
        self.hub.flush();
        left
    }

    fn flush_stream(&mut self, shard: ShardId) -> usize {
        // What reaches a new incarnation before it joins is applied, and its replies are on their
        // way, while those who wait for them are told that they will not come.
        if !self.streams[shard.index()].is_here {
            return 0;
        }
        let sent_again = self.flush_again(shard);
        let stream = &mut self.streams[shard.index()];
        // What is new never overtakes what is sent again: the shard would drop it.
        if stream.is_empty() || stream.is_behind() {
            return sent_again;
        }
        let copy = self.may_lose.then(|| untimed(&stream.frame));
        if self.hub.send(shard.index(), &mut stream.frame).is_err() {
            return sent_again;
        }
        let count = stream.on_sent(copy);
        assert!(0 < count && stream.is_empty(), "a frame leaves whole, and with something in it");
        self.counters.add(Counter::Routed, count);
        sent_again + 1
    }

    /// Goes on with what is sent again, as far as there is room; returns how many frames left.
    fn flush_again(&mut self, shard: ShardId) -> usize {
        let stream = &mut self.streams[shard.index()];
        if !stream.is_behind() {
            return 0;
        }
        let mut count = 0;
        while let Some((last, frame)) = stream.next_again() {
            if self.hub.send(shard.index(), &mut frame.to_vec()).is_err() {
                return count;
            }
            stream.on_sent_again(last);
            count += 1;
        }
        stream.end_again();
        assert!(!stream.is_behind(), "all of it is on the link again");
        count
    }

    /// A shard says how far it is; `replied` gets those who waited for it.
    pub(crate) fn on_replies(
        &mut self,
        shard: ShardId,
        reached: Reached,
        now: Nanos,
        replied: &mut Vec<ClientHandle>,
    ) {
        let stream = &mut self.streams[shard.index()];
        stream.heard_at = now;
        stream.mark_replied(reached.through, replied);
        stream.mark_durable(reached.durable);
    }

    /// A shard says that it is there; `unreplied` gets those whose replies will not come.
    pub(crate) fn on_hello(
        &mut self,
        hello: &Hello,
        now: Nanos,
        unreplied: &mut Vec<ClientHandle>,
    ) -> Greeting {
        let shards = ShardId::at(self.streams.len()).get();
        assert!(hello.shard.get() < shards, "the link that it came over is of one of the shards");
        let stream = &mut self.streams[hello.shard.index()];
        stream.heard_at = now;
        let is_agreed = hello.router == self.incarnation && stream.may_join(hello);
        if hello.shards != shards || !is_agreed {
            // It hears of how many there are, and from where to go on, and greets again.
            stream.is_here = false;
            let base = stream.base(hello.applied);
            self.welcome(hello, base);
            return Greeting::Offered;
        }
        stream.is_full = hello.full;
        if stream.incarnation == Some(hello.incarnation) && stream.is_here {
            self.greet_again(hello, unreplied);
            return Greeting::Known;
        }
        stream.join(hello, unreplied);
        assert!(stream.is_here, "a shard that has joined is there");
        self.send_again(hello.shard);
        Greeting::Joined
    }

    /// A greeting of an incarnation that is known.
    fn greet_again(&mut self, hello: &Hello, unreplied: &mut Vec<ClientHandle>) {
        if self.streams[hello.shard.index()].is_stuck(hello) {
            self.send_again(hello.shard);
        }
        // Replies leave before the greeting that counts them: those that did not come will not.
        self.streams[hello.shard.index()].mark_replied(hello.replied, unreplied);
    }

    /// Sends again what the shard has not greeted with, and nothing new before it.
    fn send_again(&mut self, shard: ShardId) {
        self.streams[shard.index()].begin_again();
        self.flush_again(shard);
    }

    /// Tells a shard where to go on from; it is told again if there is no room now.
    fn welcome(&mut self, hello: &Hello, base: LogIndex) {
        let welcome = Welcome {
            router_incarnation: self.incarnation,
            shard_incarnation: hello.incarnation,
            base,
            shards: ShardId::at(self.streams.len()).get(),
        };
        let mut frame = Vec::new();
        encode_welcome(&welcome, &mut frame);
        if self.hub.send(hello.shard.index(), &mut frame).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
    }

    /// Gives up shards that were silent for too long; returns how many went away just now.
    pub(crate) fn check_absent(&mut self, now: Nanos) -> usize {
        let mut gone = 0;
        for stream in &mut self.streams {
            if stream.is_here && stream.heard_at + AWAY_AFTER <= now {
                stream.is_here = false;
                gone += 1;
            }
        }
        gone
    }
}

/// A copy to be sent again: how long that takes is no time of a queue.
fn untimed(frame: &[u8]) -> Vec<u8> {
    let mut copy = frame.to_vec();
    inputs::set_queued(&mut copy, 0);
    copy
}

#[cfg(test)]
mod tests;
