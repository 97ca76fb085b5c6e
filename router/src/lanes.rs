//! Lanes: one for each shard, with the inputs on their way to it and the answers it still owes.
//!
//! ```text
//!   number  … │ answered │ owed: sent, not answered yet │ waiting: in the frame, not sent │
//! ```
//!
//! Inputs of one shard are numbered from 1 over the life of the firm. A lane has room while it owes
//! and waits for less than `inputs_owed_max`: that bounds every queue between here and the shard,
//! whether the link is a ring, a socket, or broken.
//!
//! A life of the router and a life of a shard agree on numbers before anything is sent:
//!
//! ```text
//!   shard                                     router
//!     hello (applied 41, agreed with nobody) ──►   offers to go on from there
//!     ◄── welcome (life 8, base 41)
//!     hello (applied 41, agreed with life 8) ──►   sends what 41 does not contain, then the rest
//! ```
//!
//! A shard takes inputs of the life it has agreed with and of no other, so that what an earlier
//! router left behind in a socket is never mistaken for something new. A welcome names the life of
//! the shard that it answers: the greeting of one that has ended since may be read late, and the
//! next life may know less.

use allot_domain::Reject;
use allot_runtime::{Counter, Counters, Hub, Nanos, PollSet, Stage, Stages};
use allot_wire::Encoding;
use allot_wire::backplane::{Hello, InputFrame, InputKind, Welcome, encode_welcome, inputs};
use std::collections::VecDeque;
use std::time::Duration;

/// A shard that was not heard of for so long is away.
const AWAY_AFTER: Duration = Duration::from_secs(4);

/// A frame that has grown so large is sent at once rather than at the end of the turn: before its
/// buffer doubles to more than rings hand back.
const FRAME_LEN_FULL: usize = 32 << 10;

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

/// What a greeting of a shard changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Greeting {
    /// Numbers are not agreed yet: the shard was told where to go on from.
    Offered,
    /// Numbers are agreed now.
    Joined,
    /// Numbers were agreed before.
    Known,
}

struct Lane {
    /// The life of the shard that numbers were agreed with; none before the first.
    incarnation: Option<u64>,
    is_here: bool,
    /// Its disk has no room.
    is_full: bool,
    heard_at: Nanos,
    /// The number of the last input that was sent.
    sent: u64,
    /// The number of the last input that the shard has answered.
    answered: u64,
    /// The number of the last input that no crash of the shard can take back.
    durable: u64,
    /// The number of the last input that was put on the link since the shard and its connection are
    /// there: less than `sent` while what was lost is sent again.
    again: u64,
    /// How far the shard was when it greeted last.
    greeted_at: u64,
    /// The number of the last split that was put on its way.
    split: u64,
    frame: Vec<u8>,
    waiting: u64,
    /// Who waits for the answers to inputs that were not answered yet, by their numbers.
    askers: VecDeque<(u64, u64)>,
    /// What was sent and is not durable yet, with the number of its last input: a socket may lose
    /// it, and so may a crash of the shard.
    kept: VecDeque<(u64, Vec<u8>)>,
}

impl Lane {
    fn new() -> Self {
        Self {
            incarnation: None,
            is_here: false,
            is_full: false,
            heard_at: Nanos::ZERO,
            sent: 0,
            answered: 0,
            durable: 0,
            again: 0,
            greeted_at: 0,
            split: 0,
            frame: Vec::new(),
            waiting: 0,
            askers: VecDeque::new(),
            kept: VecDeque::new(),
        }
    }

    const fn owed(&self) -> u64 {
        self.sent - self.answered + self.waiting
    }

    /// The shard has answered all inputs up to `through`; `settled` gets those who asked for them.
    fn settle(&mut self, through: u64, settled: &mut Vec<u64>) {
        self.answered = self.answered.max(through.min(self.sent));
        while self.askers.front().is_some_and(|(number, _)| *number <= self.answered) {
            settled.extend(self.askers.pop_front().map(|(_, client)| client));
        }
    }

    /// No crash of the shard can take back the inputs up to `durable`.
    fn forget(&mut self, durable: u64) {
        self.durable = self.durable.max(durable.min(self.sent));
        while self.kept.front().is_some_and(|(last, _)| *last <= self.durable) {
            self.kept.pop_front();
        }
    }

    /// The number from which a new life of the shard can go on: where it is, so long as nothing
    /// that was durable is missing; else what it lacks is lost.
    const fn base(&self, applied: u64) -> u64 {
        if applied >= self.durable { applied } else { self.sent }
    }

    /// The shard goes on from where it is; `unanswered` gets those whose answers went down with an
    /// earlier life of it, or with a connection.
    fn resume(&mut self, hello: &Hello, unanswered: &mut Vec<u64>) {
        if self.incarnation == Some(hello.incarnation) {
            self.settle(hello.answered, unanswered);
        } else {
            self.settle(hello.applied, unanswered);
            self.renumber(hello.applied);
        }
        self.forget(hello.durable);
        self.incarnation = Some(hello.incarnation);
        self.greeted_at = hello.applied;
        self.is_here = true;
    }

    /// Numbers what is kept and what waits anew, so that it follows input `applied`.
    ///
    /// Mostly nothing changes. But a new router starts where the shard is; and should the shard
    /// then crash, what an earlier router sent may be lost between the two, unanswered.
    fn renumber(&mut self, applied: u64) {
        while self.kept.front().is_some_and(|(last, _)| *last <= applied) {
            self.kept.pop_front();
        }
        self.answered = self.answered.min(applied);
        let next = self.kept.front().map_or(self.sent + 1, |(_, frame)| inputs::first(frame));
        if next <= applied && !self.kept.is_empty() {
            return;
        }
        let moved = |number: u64| number + applied + 1 - next;
        for (last, frame) in &mut self.kept {
            *last = moved(*last);
            let first = moved(inputs::first(frame));
            inputs::renumber(frame, first);
        }
        for (number, _) in &mut self.askers {
            *number = moved(*number);
        }
        self.split = if self.split < next { 0 } else { moved(self.split) };
        self.sent = moved(self.sent + 1) - 1;
        self.answered = applied;
        self.durable = self.durable.min(applied);
        if self.waiting > 0 {
            inputs::renumber(&mut self.frame, self.sent + 1);
        }
    }
}

/// The router's links to the shards, and to the publisher as the peer after the last shard.
pub(crate) struct Lanes {
    /// Which life of the router this is.
    incarnation: u64,
    hub: Hub,
    lanes: Vec<Lane>,
    owed_max: u64,
    /// Links over sockets may lose frames when a connection breaks; rings never do.
    may_lose: bool,
    counters: Counters,
    stages: Stages,
}

impl Lanes {
    pub(crate) fn new(
        incarnation: u64,
        mut hub: Hub,
        shards: usize,
        owed_max: u64,
        counters: Counters,
    ) -> Self {
        assert!(hub.peers() == shards + 1, "a peer for each shard and one for the publisher");
        hub.count_into(&counters);
        let lanes = (0..shards).map(|_| Lane::new()).collect();
        let may_lose = hub.may_lose();
        let stages = Stages::off();
        Self { incarnation, hub, lanes, owed_max, may_lose, counters, stages }
    }

    /// Times its stages into this set from now on.
    pub(crate) fn time(&mut self, stages: &Stages) {
        self.stages = stages.clone();
    }

    /// How many shards there are.
    pub(crate) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// The next frame of a shard, or of the publisher: the peer after the last shard.
    pub(crate) fn receive(&mut self, frame: &mut Vec<u8>) -> Option<usize> {
        self.hub.receive(frame)
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.hub.wait_on(poll_set);
    }

    /// Why a shard takes no input now, if it takes none.
    pub(crate) fn rejection(&self, shard: usize) -> Option<Reject> {
        let lane = &self.lanes[shard];
        if !lane.is_here || lane.owed() >= self.owed_max {
            return Some(Reject::Busy);
        }
        lane.is_full.then_some(Reject::StorageFull)
    }

    /// Why not every shard takes an input now, if not every one does: `busy` before the others.
    pub(crate) fn refusal_of_all(&self) -> Option<Reject> {
        let refusals = || (0..self.lanes.len()).filter_map(|shard| self.rejection(shard));
        refusals().find(|reject| *reject == Reject::Busy).or_else(|| refusals().next())
    }

    /// Whether a shard is there.
    pub(crate) fn is_here(&self, shard: usize) -> bool {
        self.lanes[shard].is_here
    }

    /// Whether every shard is there.
    pub(crate) fn all_here(&self) -> bool {
        self.lanes.iter().all(|lane| lane.is_here)
    }

    /// Whether every shard has answered the last split. The next one waits for that: splits are
    /// the largest of all messages, and do not pile up.
    pub(crate) fn split_is_answered(&self) -> bool {
        self.lanes.iter().all(|lane| lane.split <= lane.answered)
    }

    /// Puts an input on its way to one shard.
    pub(crate) fn push(&mut self, shard: usize, asker: Asker, kind: InputKind, body: &[u8]) {
        let lane = &mut self.lanes[shard];
        if lane.waiting == 0 {
            inputs::begin(&mut lane.frame, lane.sent + 1, self.incarnation);
            inputs::set_queued(&mut lane.frame, self.stages.leave(Stage::Queue).as_unix());
        }
        let Asker { client, encoding } = asker;
        inputs::push(&mut lane.frame, InputFrame { client, encoding, kind, body });
        lane.waiting += 1;
        let number = lane.sent + lane.waiting;
        if kind == InputKind::Split {
            lane.split = number;
        } else if client != 0 {
            lane.askers.push_back((number, client));
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
        let sent_again = self.flush_again(shard);
        let lane = &mut self.lanes[shard];
        // What is new never overtakes what is sent again: the shard would drop it.
        if lane.waiting == 0 || lane.again < lane.sent {
            return sent_again;
        }
        let copy = self.may_lose.then(|| untimed(&lane.frame));
        if self.hub.send(shard, &mut lane.frame).is_err() {
            return sent_again;
        }
        self.counters.add(Counter::Routed, lane.waiting);
        lane.sent += lane.waiting;
        lane.again = lane.sent;
        lane.waiting = 0;
        lane.kept.extend(copy.map(|frame| (lane.sent, frame)));
        sent_again + 1
    }

    /// Goes on with what is sent again, as far as there is room; returns how many frames left.
    fn flush_again(&mut self, shard: usize) -> usize {
        let Lane { kept, again, sent, .. } = &mut self.lanes[shard];
        if *again == *sent {
            return 0;
        }
        let (from, mut count) = (*again, 0);
        for (last, frame) in kept.iter().filter(|(last, _)| *last > from) {
            if self.hub.send(shard, &mut frame.clone()).is_err() {
                return count;
            }
            (*again, count) = (*last, count + 1);
        }
        *again = *sent;
        count
    }

    /// A shard says that it has answered all inputs up to `through`, and that those up to `durable`
    /// will survive it; `settled` gets those who asked for them.
    pub(crate) fn answered(
        &mut self,
        shard: usize,
        (through, durable): (u64, u64),
        now: Nanos,
        settled: &mut Vec<u64>,
    ) {
        let lane = &mut self.lanes[shard];
        lane.heard_at = now;
        lane.settle(through, settled);
        lane.forget(durable);
    }

    /// A shard says that it is there; `unanswered` gets those whose answers will not come.
    pub(crate) fn hello(
        &mut self,
        shard: usize,
        hello: &Hello,
        now: Nanos,
        unanswered: &mut Vec<u64>,
    ) -> Greeting {
        let shards = u32::try_from(self.lanes.len()).expect("at most SHARDS_MAX");
        let lane = &mut self.lanes[shard];
        lane.heard_at = now;
        if hello.shards != shards || hello.router != self.incarnation {
            // It hears of how many there are, and from where to go on, and greets again.
            lane.is_here = false;
            let base = lane.base(hello.applied);
            let (incarnation, life) = (self.incarnation, hello.incarnation);
            self.welcome(shard, Welcome { incarnation, base, shards, life });
            return Greeting::Offered;
        }
        lane.is_full = hello.full;
        if lane.incarnation == Some(hello.incarnation) && lane.is_here {
            self.greet_again(shard, hello, unanswered);
            Greeting::Known
        } else {
            self.join(shard, hello, unanswered);
            Greeting::Joined
        }
    }

    /// Numbers are agreed with this life of the shard: what it lacks is sent again.
    fn join(&mut self, shard: usize, hello: &Hello, unanswered: &mut Vec<u64>) {
        self.lanes[shard].resume(hello, unanswered);
        self.send_again(shard);
    }

    /// A greeting of a life that is known. If it has come no further since the last one although
    /// inputs are on their way, the connection broke and lost them: they are sent again.
    fn greet_again(&mut self, shard: usize, hello: &Hello, unanswered: &mut Vec<u64>) {
        let lane = &mut self.lanes[shard];
        let stuck = hello.applied == lane.greeted_at && hello.applied < lane.sent;
        lane.greeted_at = hello.applied;
        if stuck {
            self.send_again(shard);
        }
        // Answers leave before the greeting that counts them: those that did not come will not.
        self.lanes[shard].settle(hello.answered, unanswered);
    }

    /// Sends again what the shard has not greeted with, and nothing new before it.
    fn send_again(&mut self, shard: usize) {
        self.lanes[shard].again = self.lanes[shard].greeted_at;
        self.flush_again(shard);
    }

    fn welcome(&mut self, shard: usize, welcome: Welcome) {
        let mut frame = Vec::new();
        encode_welcome(&welcome, &mut frame);
        self.try_send(shard, frame);
    }

    /// Sends what will be said again if it finds no room.
    fn try_send(&mut self, shard: usize, mut frame: Vec<u8>) {
        if self.hub.send(shard, &mut frame).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
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

/// A copy to be sent again: how long that takes is no time of a queue.
fn untimed(frame: &[u8]) -> Vec<u8> {
    let mut copy = frame.to_vec();
    inputs::set_queued(&mut copy, 0);
    copy
}

#[cfg(test)]
mod tests;
