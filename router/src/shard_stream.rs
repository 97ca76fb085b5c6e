//! Shard stream: the inputs on their way to one shard, and the replies it still owes.
//!
//! ```text
//!   index  … │ replied │ owed: sent, not replied to yet │ waiting: in the frame, not sent │
//! ```
//!
//! Inputs of one shard have indexes from 1 over its journal. This file is pure: what is
//! sent, and when, is for [`ShardStreams`](crate::shard_streams::ShardStreams) to say.

use std::collections::VecDeque;

use allot_domain::{Incarnation, LogIndex};
use allot_runtime::Nanos;
use allot_wire::backplane::{ClientHandle, Hello, InputFrame, inputs};

/// Who waits for the reply to an input.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    index: LogIndex,
    client: ClientHandle,
}

/// A frame that was sent and is not durable yet.
struct Stored {
    /// The index of its last input.
    last: LogIndex,
    frame: Vec<u8>,
}

/// One shard, as the router sees it.
pub(crate) struct ShardStream {
    /// The incarnation of the shard that indexes were agreed with; none before the first.
    pub(crate) incarnation: Option<Incarnation>,
    /// Whether it is there.
    pub(crate) is_here: bool,
    /// Its disk has no room.
    pub(crate) is_full: bool,
    /// When it was heard last.
    pub(crate) heard_at: Nanos,
    /// The last input that was sent.
    sent: LogIndex,
    /// The last input that the shard has replied to.
    replied: LogIndex,
    /// The last input that no crash of the shard can take back.
    durable: LogIndex,
    /// The last input that was put on the link since the shard and its connection are there: less
    /// than `sent` while what was lost is sent again.
    again: LogIndex,
    /// How far the shard was when it greeted last.
    greeted_at: LogIndex,
    /// The last input to all shards that was put on its way.
    broadcast: LogIndex,
    /// The last query that was put on its way.
    query: LogIndex,
    /// The frame being filled.
    pub(crate) frame: Vec<u8>,
    /// How many inputs are in it.
    waiting: u64,
    /// Who waits for replies, by index.
    clients: VecDeque<Waiting>,
    /// What was sent and is not durable yet: a socket may lose it, and so may a crash of the shard.
    stored: VecDeque<Stored>,
}

impl ShardStream {
    pub(crate) fn new() -> Self {
        Self {
            incarnation: None,
            is_here: false,
            is_full: false,
            heard_at: Nanos::ZERO,
            sent: LogIndex::default(),
            replied: LogIndex::default(),
            durable: LogIndex::default(),
            again: LogIndex::default(),
            greeted_at: LogIndex::default(),
            broadcast: LogIndex::default(),
            query: LogIndex::default(),
            frame: Vec::new(),
            waiting: 0,
            clients: VecDeque::new(),
            stored: VecDeque::new(),
        }
    }

    /// What must hold between any two calls.
    #[inline]
    fn check(&self) {
        assert!(self.replied <= self.sent, "only what was sent is replied to");
        assert!(self.durable <= self.sent, "only what was sent is durable");
        assert!(self.again <= self.sent, "only what was sent is sent again");
        assert!(
            self.stored.front().is_none_or(|stored| self.durable < stored.last),
            "what is durable is stored no longer"
        );
    }

    /// How many inputs it owes replies to, those in the frame included.
    #[inline]
    pub(crate) const fn owed(&self) -> u64 {
        self.sent.get() - self.replied.get() + self.waiting
    }

    /// Whether it has replied to the last input that went to all shards.
    pub(crate) fn broadcast_is_replied(&self) -> bool {
        self.broadcast <= self.replied
    }

    /// Whether a query is on its way that it has not replied to.
    pub(crate) fn query_is_under_way(&self) -> bool {
        self.replied < self.query
    }

    /// Whether nothing is in the frame.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether what was lost has yet to be sent again.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        self.again < self.sent
    }

    /// Whether inputs are on their way although the shard has come no further since it greeted
    /// last: the connection broke and lost them.
    pub(crate) fn is_stuck(&mut self, hello: &Hello) -> bool {
        let stuck = hello.applied == self.greeted_at && hello.applied < self.sent;
        self.greeted_at = hello.applied;
        stuck
    }

    /// Starts a frame, if none is being filled; returns whether it did.
    #[inline]
    pub(crate) fn begin(&mut self, router: Incarnation) -> bool {
        if !self.is_empty() {
            return false;
        }
        inputs::begin(&mut self.frame, self.sent.next(), router);
        true
    }

    /// Puts an input into the frame.
    #[inline]
    pub(crate) fn push(&mut self, input: InputFrame<'_>) {
        let reply_to = input.reply_to;
        inputs::push(&mut self.frame, input);
        self.waiting += 1;
        if !reply_to.client.is_none() {
            let index = LogIndex::new(self.sent.get() + self.waiting);
            assert!(
                self.clients.back().is_none_or(|waiting| waiting.index < index),
                "clients wait in the order of their inputs"
            );
            self.clients.push_back(Waiting { index, client: reply_to.client });
        }
    }

    /// Puts a query into the frame.
    pub(crate) fn push_query(&mut self, input: InputFrame<'_>) {
        self.push(input);
        self.query = LogIndex::new(self.sent.get() + self.waiting);
        assert!(self.query_is_under_way(), "it is sent before it is replied to");
    }

    /// Puts an input into the frame that goes to all shards: its reply is not counted here.
    pub(crate) fn push_broadcast(&mut self, input: InputFrame<'_>) {
        inputs::push(&mut self.frame, input);
        self.waiting += 1;
        self.broadcast = LogIndex::new(self.sent.get() + self.waiting);
        assert!(self.replied < self.broadcast, "it is sent before it is replied to");
    }

    /// The frame has left; `copy` is what is sent again should it be lost. Returns how many inputs
    /// were in it.
    #[inline]
    pub(crate) fn on_sent(&mut self, copy: Option<Vec<u8>>) -> u64 {
        assert!(!self.is_behind(), "what is new never overtakes what is sent again");
        let count = std::mem::take(&mut self.waiting);
        self.sent = LogIndex::new(self.sent.get() + count);
        self.again = self.sent;
        if let Some(frame) = copy {
            let first = inputs::first(&frame);
            assert!(
                first.get() + count == self.sent.next().get(),
                "a frame follows the one before"
            );
            assert!(
                self.stored.back().is_none_or(|stored| stored.last.next() == first),
                "what is stored is contiguous"
            );
            self.stored.push_back(Stored { last: self.sent, frame });
        }
        self.check();
        count
    }

    /// The next frame to be sent again, and the index of its last input.
    pub(crate) fn next_again(&self) -> Option<(LogIndex, &[u8])> {
        let next = self.stored.partition_point(|stored| stored.last <= self.again);
        self.stored.get(next).map(|stored| (stored.last, &stored.frame[..]))
    }

    /// Everything up to this input is on the link again.
    pub(crate) fn on_sent_again(&mut self, last: LogIndex) {
        assert!(self.again < last, "each frame is sent again once");
        self.again = last;
        self.check();
    }

    /// Nothing is left to be sent again.
    pub(crate) fn end_again(&mut self) {
        assert!(self.next_again().is_none(), "every frame that is stored is on the link again");
        self.again = self.sent;
        self.check();
    }

    /// Sends again what the shard has not greeted with.
    pub(crate) fn begin_again(&mut self) {
        self.again = self.greeted_at.min(self.sent);
        self.check();
    }

    /// The shard has replied to all inputs up to `through`; `replied` gets those who waited.
    ///
    /// A frame that the shard wrote for an earlier incarnation of the router may say more than this
    /// one has sent: it counts for no more than that.
    #[inline]
    pub(crate) fn mark_replied(&mut self, through: LogIndex, replied: &mut Vec<ClientHandle>) {
        self.replied = self.replied.max(through.min(self.sent));
        while self.clients.front().is_some_and(|waiting| waiting.index <= self.replied) {
            replied.extend(self.clients.pop_front().map(|waiting| waiting.client));
        }
        self.check();
    }

    /// No crash of the shard can take back the inputs up to `durable`; for what a frame may say see
    /// [`ShardStream::mark_replied`].
    #[inline]
    pub(crate) fn mark_durable(&mut self, durable: LogIndex) {
        self.durable = self.durable.max(durable.min(self.sent));
        while self.stored.front().is_some_and(|stored| stored.last <= self.durable) {
            self.stored.pop_front();
        }
        self.check();
    }

    /// The index from which a new incarnation of the shard can go on: where it is, as long as
    /// nothing that was durable is missing; else what it lacks is lost.
    pub(crate) fn base(&self, applied: LogIndex) -> LogIndex {
        if self.durable <= applied { applied } else { self.sent }
    }

    /// Whether a shard that greets like this lacks nothing that was durable: one that does was told
    /// where to go on from, and has not heeded it.
    pub(crate) fn may_join(&self, hello: &Hello) -> bool {
        self.incarnation == Some(hello.incarnation) || self.durable <= hello.applied
    }

    /// The shard goes on from where it is; `unreplied` gets those whose replies went down with an
    /// earlier incarnation of it, or with a connection.
    pub(crate) fn join(&mut self, hello: &Hello, unreplied: &mut Vec<ClientHandle>) {
        assert!(self.may_join(hello), "nothing durable is missing");
        if self.incarnation == Some(hello.incarnation) {
            self.mark_replied(hello.replied, unreplied);
        } else {
            self.mark_replied(hello.applied, unreplied);
            self.renumber(hello.applied);
        }
        self.mark_durable(hello.durable);
        self.incarnation = Some(hello.incarnation);
        self.greeted_at = hello.applied;
        self.is_here = true;
    }

    /// Gives what is stored and what waits new indexes, so that it follows input `applied`.
    ///
    /// Mostly nothing changes. But a new router starts where the shard is; and should the shard
    /// then crash, what an earlier router sent may be lost between the two, without a reply.
    fn renumber(&mut self, applied: LogIndex) {
        while self.stored.front().is_some_and(|stored| stored.last <= applied) {
            self.stored.pop_front();
        }
        self.replied = self.replied.min(applied);
        let first = |stored: &Stored| inputs::first(&stored.frame);
        let next = self.stored.front().map_or(self.sent.next(), first);
        if next <= applied && !self.stored.is_empty() {
            return;
        }
        let moved = |index: LogIndex| LogIndex::new(index.get() + applied.get() + 1 - next.get());
        for Stored { last, frame } in &mut self.stored {
            *last = moved(*last);
            let first = moved(inputs::first(frame));
            inputs::renumber(frame, first);
        }
        for waiting in &mut self.clients {
            waiting.index = moved(waiting.index);
        }
        let moved_or_lost =
            |index: LogIndex| if index < next { LogIndex::default() } else { moved(index) };
        self.broadcast = moved_or_lost(self.broadcast);
        self.query = moved_or_lost(self.query);
        self.sent = LogIndex::new(moved(self.sent.next()).get() - 1);
        self.replied = applied;
        self.durable = self.durable.min(applied);
        self.again = self.again.min(self.sent);
        if !self.is_empty() {
            inputs::renumber(&mut self.frame, self.sent.next());
        }
        self.check();
    }
}
