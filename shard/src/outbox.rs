//! Outbox: what came of the inputs, on its way to the router and to the publisher.
//!
//! ```text
//!   book ─► frames being filled ─► sealed ──journal──► open ─► router, publisher
//!                                  not yet durable      durable
//! ```
//!
//! A frame is **sealed** when it is closed, and only the journal opens it: an answer that leaves
//! before its input is durable cannot be written down here.

use allot_domain::{AccountId, Book, Outcome, Outcomes};
use allot_journal::{Journal, Sealed};
use allot_runtime::{Counter, Counters, Link, Nanos, PollSet, Stage, Stages};
use allot_wire::backplane::{To, answers, applied};
use allot_wire::{Encoding, encode_outcome};
use std::collections::VecDeque;

/// A frame of answers that has grown so large is sent before the frame of inputs is done, and
/// before its buffer doubles to more than is kept.
const ANSWERS_LEN_FULL: usize = 32 << 10;

/// So many bytes that wait for the disk or for the router hold up the shard.
const WAITING_LEN_MAX: usize = 16 << 20;

/// Buffers that are kept for reuse.
const SPARES_MAX: usize = 64;

/// The largest buffer that is kept: one large report must not make all of them large. A frame of
/// answers always is: buffers double as they grow, and the last answer may be long.
const SPARE_LEN_MAX: usize = 3 * ANSWERS_LEN_FULL;

/// Who asked, and in which encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// The router's number of the client; zero where nobody waits for an answer.
    pub(crate) client: u64,
    /// Whether this shard answers for all of them.
    pub(crate) of_all: bool,
    /// The encoding of the answer.
    pub(crate) encoding: Encoding,
}

impl Asker {
    fn to(&self) -> To<'static> {
        if self.of_all { To::ClientOfAll(self.client) } else { To::Client(self.client) }
    }
}

/// Where a frame goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// To the router: inputs up to this number are answered with it.
    Router {
        through: u64,
    },
    Publisher,
}

/// A frame that waits.
struct Waiting {
    way: Way,
    len: usize,
    /// When it was closed, if that is timed; else zero.
    closed_at: Nanos,
    sealed: Sealed,
}

/// The shard's ends of its links, and the frames on their way out.
pub(crate) struct Outbox {
    router: Link,
    publisher: Link,
    answers: Vec<u8>,
    waiting: VecDeque<Waiting>,
    waiting_len: usize,
    /// A frame of answers that is open, and that the router had no room for.
    refused: Option<(u64, Vec<u8>)>,
    spares: Vec<Vec<u8>>,
    stream: Vec<u8>,
    stream_number: u64,
    stream_count: u64,
    /// The last input whose answer has left.
    answered: u64,
    /// What the router was told last of what is durable.
    told_durable: u64,
    counters: Counters,
    stages: Stages,
}

impl Outbox {
    pub(crate) fn new(mut router: Link, mut publisher: Link, counters: Counters) -> Self {
        router.count_into(&counters);
        publisher.count_into(&counters);
        Self {
            router,
            publisher,
            answers: Vec::new(),
            waiting: VecDeque::new(),
            waiting_len: 0,
            refused: None,
            spares: Vec::new(),
            stream: Vec::new(),
            stream_number: 0,
            stream_count: 0,
            answered: 0,
            told_durable: 0,
            counters,
            stages: Stages::off(),
        }
    }

    /// Times its stages into this set from now on.
    pub(crate) fn time(&mut self, stages: &Stages) {
        self.stages = stages.clone();
    }

    /// The number of the last input whose answer has left.
    pub(crate) const fn answered(&self) -> u64 {
        self.answered
    }

    /// Whether so much waits that nothing should be added to it.
    pub(crate) fn is_blocked(&self) -> bool {
        self.refused.is_some() || self.waiting_len > WAITING_LEN_MAX
    }

    /// Whether the answers so far are better closed than added to.
    pub(crate) fn is_full(&self) -> bool {
        self.answers.len() > ANSWERS_LEN_FULL
    }

    /// Takes the next frame of the router.
    pub(crate) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        self.router.receive(frame)
    }

    /// Takes the next frame of the publisher.
    pub(crate) fn receive_from_publisher(&mut self, frame: &mut Vec<u8>) -> bool {
        self.publisher.receive(frame)
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.router.wait_on(poll_set);
        self.publisher.wait_on(poll_set);
    }

    /// Starts the frames of one frame of inputs.
    pub(crate) fn begin(&mut self, shard: u32, incarnation: u64) {
        self.begin_answers();
        applied::begin(&mut self.stream, shard, incarnation, self.stream_number + 1);
        self.stream_count = 0;
    }

    /// Starts another frame of answers to the same inputs.
    pub(crate) fn begin_answers(&mut self) {
        self.answers = self.spare();
        answers::begin(&mut self.answers);
    }

    /// Adds an answer that was not made by the book.
    pub(crate) fn answer(&mut self, asker: Asker, encode: impl FnOnce(&mut Vec<u8>)) {
        if asker.client != 0 {
            answers::push_with(&mut self.answers, asker.to(), asker.encoding, encode);
        }
    }

    /// Adds what came of an input: its answer, late answers to others, and the stream if wanted.
    pub(crate) fn add(
        &mut self,
        asker: Asker,
        outcomes: &Outcomes,
        book: &Book,
        stream: bool,
        encodings: &[Encoding],
    ) {
        let account = |place| book.account(place);
        let mut encodings = encodings.iter();
        for outcome in &outcomes.list {
            self.count(outcome);
            let (to, encoding) = if outcome.is_late() {
                let encoding = encodings.next().copied().unwrap_or_default();
                (To::Source(outcome.origin().source.as_str()), encoding)
            } else {
                (asker.to(), asker.encoding)
            };
            if asker.client != 0 || outcome.is_late() {
                answers::push_with(&mut self.answers, to, encoding, |out| {
                    encode_outcome(encoding, outcome, &outcomes.shares, account, out);
                });
            }
            if stream && is_news(outcome) {
                self.stream_news(outcome, outcomes, account);
            }
        }
    }

    fn stream_news<'a>(
        &mut self,
        outcome: &Outcome,
        outcomes: &Outcomes,
        account: impl Fn(u32) -> &'a AccountId,
    ) {
        applied::push(&mut self.stream, outcome, &outcomes.shares, account);
        self.stream_count += 1;
    }

    fn count(&self, outcome: &Outcome) {
        if outcome.origin().duplicate {
            self.counters.add(Counter::Duplicates, 1);
        } else if matches!(outcome, Outcome::Rejected { .. }) {
            self.counters.add(Counter::InputsRejected, 1);
        }
    }

    /// Closes the stream of what was applied so far; it goes before the part that contains it.
    pub(crate) fn end_stream(&mut self, shard: u32, incarnation: u64, journal: &Journal) {
        if self.stream_count > 0 {
            self.stream_number += 1;
            self.stream_count = 0;
            let frame = std::mem::take(&mut self.stream);
            self.publish(frame, journal);
            self.stream = self.spare();
            applied::begin(&mut self.stream, shard, incarnation, self.stream_number + 1);
        }
    }

    /// Puts a frame on its way to the publisher.
    pub(crate) fn publish(&mut self, frame: Vec<u8>, journal: &Journal) {
        self.wait(Way::Publisher, frame, journal);
    }

    /// Closes the answers: with them all inputs up to `through` are answered.
    pub(crate) fn end(&mut self, through: u64, journal: &Journal) {
        let mut frame = std::mem::take(&mut self.answers);
        answers::end(&mut frame, through);
        self.wait(Way::Router { through }, frame, journal);
    }

    fn wait(&mut self, way: Way, frame: Vec<u8>, journal: &Journal) {
        let len = frame.len();
        self.waiting_len += len;
        let closed_at = match way {
            Way::Router { .. } => self.stages.leave(Stage::Journal),
            Way::Publisher => Nanos::ZERO,
        };
        self.waiting.push_back(Waiting { way, len, closed_at, sealed: journal.seal(frame) });
    }

    /// Sends what is durable, in order; returns how many frames left.
    pub(crate) fn send(&mut self, journal: &Journal) -> usize {
        let mut sent = 0;
        if let Some((through, frame)) = self.refused.take() {
            sent += self.send_answers(through, frame, journal.durable());
        }
        while self.refused.is_none() {
            let Some(Waiting { way, len, closed_at, sealed }) = self.waiting.pop_front() else {
                break;
            };
            match journal.unseal(sealed) {
                Ok(mut frame) => {
                    self.waiting_len -= len;
                    sent += match way {
                        Way::Router { through } => {
                            self.stages.arrive(Stage::Journal, closed_at);
                            let left_at = self.stages.leave(Stage::Return);
                            answers::set_left(&mut frame, left_at.as_unix());
                            self.send_answers(through, frame, journal.durable())
                        }
                        Way::Publisher => self.send_publisher(frame),
                    };
                }
                Err(sealed) => {
                    self.waiting.push_front(Waiting { way, len, closed_at, sealed });
                    break;
                }
            }
        }
        sent + self.tell_durable(journal.durable())
    }

    fn send_answers(&mut self, through: u64, mut frame: Vec<u8>, durable: u64) -> usize {
        answers::set_durable(&mut frame, durable);
        if self.router.send(&mut frame).is_err() {
            self.refused = Some((through, frame));
            return 0;
        }
        self.answered = self.answered.max(through);
        self.told_durable = durable;
        self.keep(frame);
        1
    }

    /// What was answered before it was durable has become so: the router need keep it no longer.
    fn tell_durable(&mut self, durable: u64) -> usize {
        let is_news = durable > self.told_durable && self.told_durable < self.answered;
        if !is_news || !self.waiting.is_empty() || self.refused.is_some() {
            return 0;
        }
        let mut frame = self.spare();
        answers::begin(&mut frame);
        answers::end(&mut frame, self.answered);
        self.send_answers(self.answered, frame, durable)
    }

    /// Hands a frame to the publisher, or drops it: the publisher sees the gap.
    fn send_publisher(&mut self, mut frame: Vec<u8>) -> usize {
        let sent = self.publisher.send(&mut frame).is_ok();
        if !sent {
            self.counters.add(Counter::FramesRefused, 1);
        }
        self.keep(frame);
        usize::from(sent)
    }

    /// An empty buffer, used before if there is one.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    fn keep(&mut self, mut buffer: Vec<u8>) {
        if self.spares.len() < SPARES_MAX && buffer.capacity() <= SPARE_LEN_MAX {
            buffer.clear();
            self.spares.push(buffer);
        }
    }

    /// Sends a greeting; one that finds no room is followed by the next.
    pub(crate) fn greet(&mut self, frame: &mut Vec<u8>) {
        let mut copy = self.spare();
        copy.extend_from_slice(frame);
        if self.publisher.send(&mut copy).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
        self.keep(copy);
        if self.router.send(frame).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
    }
}

/// Whether an outcome is news for those who follow fills: nothing said twice, nothing refused.
fn is_news(outcome: &Outcome) -> bool {
    let applied = matches!(outcome, Outcome::Allocated(_) | Outcome::Busted { .. });
    applied && !outcome.origin().duplicate
}
