//! Outbox: what came of the inputs, on its way to the router and to the publisher.

use allot_domain::{AccountId, Book, Outcome, Outcomes};
use allot_runtime::{Counter, Counters, Link, Waits};
use allot_wire::backplane::{To, answers, applied};
use allot_wire::{Encoding, encode_outcome};
use std::collections::VecDeque;

/// A frame of answers that has grown so large is sent before the frame of inputs is done.
const ANSWERS_LEN_FULL: usize = 1 << 20;

/// Who asked, and in which encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    /// The router's number of the client; zero where nobody waits for an answer.
    pub(crate) client: u64,
    /// The encoding of the answer.
    pub(crate) encoding: Encoding,
}

/// The shard's ends of its links, and the frames on their way out.
pub(crate) struct Outbox {
    router: Link,
    publisher: Link,
    answers: Vec<u8>,
    /// Frames of answers that the router had no room for.
    ready: VecDeque<Vec<u8>>,
    stream: Vec<u8>,
    stream_number: u64,
    stream_count: u64,
    counters: Counters,
}

impl Outbox {
    pub(crate) fn new(mut router: Link, mut publisher: Link, counters: Counters) -> Self {
        router.count_into(&counters);
        publisher.count_into(&counters);
        Self {
            router,
            publisher,
            answers: Vec::new(),
            ready: VecDeque::new(),
            stream: Vec::new(),
            stream_number: 0,
            stream_count: 0,
            counters,
        }
    }

    /// Whether answers still wait for the router to read.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether the answers so far are better sent than added to.
    pub(crate) fn is_full(&self) -> bool {
        self.answers.len() > ANSWERS_LEN_FULL
    }

    /// Takes the next frame of the router.
    pub(crate) fn receive(&mut self, frame: &mut Vec<u8>) -> bool {
        self.router.receive(frame)
    }

    pub(crate) fn wait_on<'a>(&'a self, waits: &mut Waits<'a>) {
        self.router.wait_on(waits);
        self.publisher.wait_on(waits);
    }

    /// Starts the frames of one frame of inputs.
    pub(crate) fn begin(&mut self, shard: u32, incarnation: u64) {
        self.begin_answers();
        applied::begin(&mut self.stream, shard, incarnation, self.stream_number + 1);
        self.stream_count = 0;
    }

    /// Starts another frame of answers to the same inputs.
    pub(crate) fn begin_answers(&mut self) {
        answers::begin(&mut self.answers);
    }

    /// Adds an answer that was not made by the book.
    pub(crate) fn answer(&mut self, asker: Asker, encode: impl FnOnce(&mut Vec<u8>)) {
        if asker.client != 0 {
            let to = To::Client(asker.client);
            answers::push_with(&mut self.answers, to, asker.encoding, encode);
        }
    }

    /// Adds what came of an input: its answer, late answers to others, and the stream if wanted.
    pub(crate) fn add(
        &mut self,
        asker: Asker,
        outcomes: &Outcomes,
        book: &Book,
        stream: bool,
        mut late_encoding: impl FnMut(&Outcome) -> Encoding,
    ) {
        let account = |place| book.account(place);
        for outcome in &outcomes.list {
            self.count(outcome);
            let (to, encoding) = if outcome.is_late() {
                (To::Source(outcome.origin().source.as_str()), late_encoding(outcome))
            } else {
                (To::Client(asker.client), asker.encoding)
            };
            if !matches!(to, To::Client(0)) {
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

    /// Sends the stream of what was applied so far; it goes before the part that contains it.
    pub(crate) fn flush_stream(&mut self, shard: u32, incarnation: u64) {
        if self.stream_count > 0 {
            self.stream_number += 1;
            self.stream_count = 0;
            self.publish_frame();
            applied::begin(&mut self.stream, shard, incarnation, self.stream_number + 1);
        }
    }

    fn publish_frame(&mut self) {
        let mut frame = core::mem::take(&mut self.stream);
        self.publish(&mut frame);
        self.stream = frame;
    }

    /// Hands a frame to the publisher, or drops it: the publisher sees the gap.
    pub(crate) fn publish(&mut self, frame: &mut Vec<u8>) {
        if self.publisher.send(frame).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
            frame.clear();
        }
    }

    /// Closes the frames: all inputs up to `through` are applied.
    pub(crate) fn end(&mut self, through: u64) {
        answers::end(&mut self.answers, through);
        if !self.is_blocked() && self.router.send(&mut self.answers).is_ok() {
            return;
        }
        self.ready.push_back(std::mem::take(&mut self.answers));
    }

    /// Tries again to send what the router had no room for; returns how much was done.
    pub(crate) fn flush_answers(&mut self) -> usize {
        let mut sent = 0;
        while let Some(frame) = self.ready.front_mut() {
            if self.router.send(frame).is_err() {
                break;
            }
            self.ready.pop_front();
            sent += 1;
        }
        sent
    }

    /// Sends a greeting; one that finds no room is followed by the next.
    pub(crate) fn greet(&mut self, frame: &mut Vec<u8>) {
        let mut copy = frame.clone();
        self.publish(&mut copy);
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
