//! Commit: frames on their way out, each held until its inputs are durable.
//!
//! ```text
//!   frames being filled ─► sealed ──journal──► open ─► router, publisher
//!                          not yet durable     durable
//! ```
//!
//! A frame is **sealed** when it is closed, and only the journal opens it: a reply that leaves
//! before its input is durable cannot be written down here.

use std::collections::VecDeque;

use allot_domain::LogIndex;
use allot_journal::{Journal, Sealed};
use allot_runtime::{Counter, Counters, Link, Nanos, PollSet, Stage, Stages};
use allot_wire::backplane::replies;

use crate::limits::{SPARE_LEN_MAX, SPARES_MAX, WAITING_LEN_MAX};

/// The shard's ends of its two links.
pub struct ShardLinks {
    /// To the router: inputs in, replies out.
    pub router: Link,
    /// To the publisher: parts and events out, interest in.
    pub publisher: Link,
}

/// Where a frame goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Destination {
    /// To the router: inputs up to this index are replied to with it.
    Router { through: LogIndex },
    /// To the publisher.
    Publisher,
}

/// A frame that waits.
struct Waiting {
    destination: Destination,
    len: usize,
    /// When it was closed, if that is timed; else zero.
    closed_at: Nanos,
    sealed: Sealed,
}

/// A frame of replies that is open, and that the router had no room for.
struct Refused {
    through: LogIndex,
    frame: Vec<u8>,
}

/// The links, and the frames on their way out.
pub(crate) struct Commit {
    links: ShardLinks,
    waiting: VecDeque<Waiting>,
    waiting_len: usize,
    refused: Option<Refused>,
    spares: Vec<Vec<u8>>,
    /// The last input that was closed with a frame of replies.
    closed: LogIndex,
    /// The last input whose reply has left.
    replied: LogIndex,
    /// What the router was told last of what is durable.
    told_durable: LogIndex,
    counters: Counters,
    stages: Stages,
}

impl Commit {
    pub(crate) fn new(mut links: ShardLinks, applied: LogIndex, counters: Counters) -> Self {
        links.router.count_into(&counters);
        links.publisher.count_into(&counters);
        Self {
            links,
            waiting: VecDeque::new(),
            waiting_len: 0,
            refused: None,
            spares: Vec::new(),
            closed: applied,
            replied: LogIndex::default(),
            told_durable: LogIndex::default(),
            counters,
            stages: Stages::off(),
        }
    }

    /// Times its stages into this set from now on.
    pub(crate) fn time(&mut self, stages: &Stages) {
        self.stages = stages.clone();
    }

    /// What must hold between any two calls.
    #[inline]
    fn check(&self) {
        assert!(
            self.waiting.is_empty() == (self.waiting_len == 0),
            "bytes wait while frames are held"
        );
        assert!(self.replied <= self.closed, "only what is closed leaves");
        assert!(self.spares.len() <= SPARES_MAX, "no more buffers are kept than are used at once");
    }

    /// The last input whose reply has left.
    pub(crate) const fn replied(&self) -> LogIndex {
        self.replied
    }

    /// Whether nothing should be added to what waits.
    #[inline]
    pub(crate) fn is_blocked(&self) -> bool {
        self.refused.is_some() || WAITING_LEN_MAX < self.waiting_len
    }

    /// Takes the next frame of the router.
    pub(crate) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        self.links.router.receive(frame)
    }

    /// Takes the next frame of the publisher.
    pub(crate) fn receive_from_publisher(&mut self, frame: &mut Vec<u8>) -> bool {
        self.links.publisher.receive(frame)
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.links.router.wait_on(poll_set);
        self.links.publisher.wait_on(poll_set);
    }

    /// What the time is in this turn.
    pub(crate) fn tick(&mut self, now: Nanos) {
        self.links.router.tick(now);
        self.links.publisher.tick(now);
    }

    /// Lets everything leave that was put on a link in this turn.
    pub(crate) fn flush(&mut self) {
        self.links.router.flush();
        self.links.publisher.flush();
    }

    /// When its links have something to do next.
    pub(crate) fn wake_at(&self) -> Nanos {
        self.links.router.wake_at().min(self.links.publisher.wake_at())
    }

    /// Puts a frame on its way to the publisher.
    pub(crate) fn publish(&mut self, frame: Vec<u8>, journal: &Journal) {
        self.hold(Destination::Publisher, frame, journal);
    }

    /// Puts a frame of replies on its way: with it all inputs up to `through` are replied to.
    pub(crate) fn reply(&mut self, through: LogIndex, frame: Vec<u8>, journal: &Journal) {
        assert!(self.closed <= through, "replies are closed in the order of their inputs");
        self.closed = through;
        self.hold(Destination::Router { through }, frame, journal);
    }

    /// Continues after inputs that are lost: no reply to them is owed.
    pub(crate) fn skip_to(&mut self, applied: LogIndex) {
        assert!(self.closed <= applied, "what is lost lies ahead");
        self.closed = applied;
        self.check();
    }

    fn hold(&mut self, destination: Destination, frame: Vec<u8>, journal: &Journal) {
        let len = frame.len();
        assert!(0 < len, "a frame has at least its kind");
        self.waiting_len += len;
        let closed_at = match destination {
            Destination::Router { .. } => self.stages.leave(Stage::Journal),
            Destination::Publisher => Nanos::ZERO,
        };
        let sealed = journal.seal(frame);
        self.waiting.push_back(Waiting { destination, len, closed_at, sealed });
        self.check();
    }

    /// Sends what is durable, in order; returns how many frames left.
    pub(crate) fn send(&mut self, journal: &Journal) -> usize {
        let durable = journal.durable();
        let mut sent = 0;
        if let Some(Refused { through, frame }) = self.refused.take() {
            sent += self.send_replies(through, frame, durable);
        }
        while self.refused.is_none() {
            let Some(waiting) = self.waiting.pop_front() else {
                break;
            };
            let Waiting { destination, len, closed_at, sealed } = waiting;
            match journal.unseal(sealed) {
                Ok(frame) => {
                    assert!(frame.len() == len, "a frame leaves as it was closed");
                    self.waiting_len -= len;
                    sent += self.send_open(destination, closed_at, frame, durable);
                }
                Err(sealed) => {
                    self.waiting.push_front(Waiting { destination, len, closed_at, sealed });
                    break;
                }
            }
        }
        sent += self.tell_durable(durable);
        self.check();
        sent
    }

    fn send_open(
        &mut self,
        destination: Destination,
        closed_at: Nanos,
        mut frame: Vec<u8>,
        durable: LogIndex,
    ) -> usize {
        match destination {
            Destination::Router { through } => {
                self.stages.arrive(Stage::Journal, closed_at);
                let left_at = self.stages.leave(Stage::Return);
                replies::set_left(&mut frame, left_at.as_unix());
                self.send_replies(through, frame, durable)
            }
            Destination::Publisher => self.send_to_publisher(frame),
        }
    }

    fn send_replies(&mut self, through: LogIndex, mut frame: Vec<u8>, durable: LogIndex) -> usize {
        assert!(through <= self.closed, "only what is closed leaves");
        assert!(self.refused.is_none(), "replies leave in the order of their inputs");
        replies::set_durable(&mut frame, durable);
        if self.links.router.send(&mut frame).is_err() {
            self.refused = Some(Refused { through, frame });
            return 0;
        }
        self.replied = self.replied.max(through);
        assert!(self.told_durable <= durable, "what is durable stays so");
        self.told_durable = durable;
        self.store(frame);
        1
    }

    /// What was replied to before it was durable has become so: the router need keep it no longer.
    fn tell_durable(&mut self, durable: LogIndex) -> usize {
        let is_news = self.told_durable < durable && self.told_durable < self.replied;
        if !is_news || !self.waiting.is_empty() || self.refused.is_some() {
            return 0;
        }
        let mut frame = self.spare();
        replies::begin(&mut frame);
        replies::end(&mut frame, self.replied);
        self.send_replies(self.replied, frame, durable)
    }

    /// Hands a frame to the publisher, or drops it: the publisher sees the gap.
    fn send_to_publisher(&mut self, mut frame: Vec<u8>) -> usize {
        let sent = self.links.publisher.send(&mut frame).is_ok();
        if !sent {
            self.counters.add(Counter::FramesRefused, 1);
        }
        self.store(frame);
        usize::from(sent)
    }

    /// An empty buffer, used before if there is one.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    fn store(&mut self, mut buffer: Vec<u8>) {
        if self.spares.len() < SPARES_MAX && buffer.capacity() <= SPARE_LEN_MAX {
            buffer.clear();
            self.spares.push(buffer);
        }
        self.check();
    }

    /// Sends a greeting; one that finds no room is followed by the next.
    pub(crate) fn greet(&mut self, frame: &mut Vec<u8>) {
        let mut copy = self.spare();
        copy.extend_from_slice(frame);
        if self.links.publisher.send(&mut copy).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
        self.store(copy);
        if self.links.router.send(frame).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
    }
}
