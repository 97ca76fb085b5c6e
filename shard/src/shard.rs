//! The shard's duty cycle: take a frame of inputs, apply each, send the answers.

use crate::ShardConfig;
use crate::inbox::{Inbox, Turn};
use crate::outbox::{Asker, Outbox};
use allot_domain::{Book, Input, Machine, Marker, Outcome, Outcomes, Progress, SourceId};
use allot_runtime::{Agent, Counter, Counters, Link, Nanos, Waits};
use allot_wire::backplane::{self, FrameKind, Hello, InputFrame, PartFrame, decode_input, inputs};
use allot_wire::{Encoding, Refusal, encode_refusal};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many frames of inputs are taken in one turn; other agents may share the thread.
const FRAMES_PER_TURN: usize = 16;

/// How often a shard tells the router and the publisher that it is there.
const GREET_EVERY: Duration = Duration::from_secs(1);

/// One shard, as an agent.
pub struct Shard {
    config: ShardConfig,
    role: String,
    book: Book,
    inbox: Inbox,
    outbox: Outbox,
    /// The encodings of answers still owed for held fills.
    owed: BTreeMap<(SourceId, u64), Encoding>,
    outcomes: Outcomes,
    frame: Vec<u8>,
    spare: Vec<u8>,
    /// Whether anybody follows the fills.
    stream: bool,
    last_marker: Option<Marker>,
    greet_at: Nanos,
    counters: Counters,
}

impl Shard {
    /// A shard with an empty book, and its ends of the links to the router and the publisher.
    #[must_use]
    pub fn new(config: ShardConfig, router: Link, publisher: Link, counters: Counters) -> Self {
        Self {
            role: format!("shard-{}", config.shard),
            book: Book::new(config.book),
            inbox: Inbox::default(),
            outbox: Outbox::new(router, publisher, counters.clone()),
            owed: BTreeMap::new(),
            outcomes: Outcomes::default(),
            frame: Vec::new(),
            spare: Vec::new(),
            stream: false,
            last_marker: None,
            greet_at: Nanos::ZERO,
            counters,
            config,
        }
    }

    fn take_frame(&mut self) {
        let frame = core::mem::take(&mut self.frame);
        let understood = match backplane::kind(&frame) {
            Some(FrameKind::Inputs) => self.apply_frame(&frame),
            Some(FrameKind::Welcome) => self.welcome(&frame),
            Some(FrameKind::Interest) => backplane::decode_interest(&frame)
                .map(|interest| self.stream = interest.fills)
                .is_ok(),
            _ => false,
        };
        if !understood {
            self.counters.add(Counter::FramesDropped, 1);
        }
        self.frame = frame;
    }

    fn welcome(&mut self, frame: &[u8]) -> bool {
        let Ok(welcome) = backplane::decode_welcome(frame) else {
            return false;
        };
        if welcome.shards != self.config.shards {
            tracing::error!(
                shard = self.config.shard,
                own = self.config.shards,
                router = welcome.shards,
                "the router was told of another number of shards: start all boxes with the same"
            );
            return true;
        }
        if self.inbox.welcome(welcome.sent) {
            tracing::error!(
                shard = self.config.shard,
                lost_inputs = self.inbox.lost(),
                "this shard starts without the state of its earlier life: its positions lack \
                 everything before now; restart the whole server to start over"
            );
        }
        true
    }

    fn apply_frame(&mut self, frame: &[u8]) -> bool {
        let Ok(batch) = inputs::read(frame) else {
            return false;
        };
        self.outbox.begin(self.config.shard, self.config.incarnation);
        let mut understood = true;
        for (number, input) in (batch.first..).zip(batch) {
            let Ok(input) = input else {
                understood = false;
                break;
            };
            match self.inbox.take(number) {
                Turn::Apply => {
                    self.apply(&input);
                    if self.outbox.is_full() {
                        self.outbox.end(number);
                        self.outbox.begin_answers();
                    }
                }
                Turn::Skip => {}
                Turn::Gap => {
                    understood = false;
                    break;
                }
            }
        }
        self.outbox.flush_stream(self.config.shard, self.config.incarnation);
        self.outbox.end(self.inbox.applied());
        self.counters.add(Counter::Batches, 1);
        understood
    }

    fn apply(&mut self, frame: &InputFrame<'_>) {
        self.counters.add(Counter::InputsApplied, 1);
        let asker = Asker { client: frame.client, encoding: frame.encoding };
        match decode_input(frame.kind, frame.body) {
            Ok(input) => self.apply_input(asker, &input),
            Err(refusal) => self.refuse(asker, &refusal),
        }
    }

    fn refuse(&mut self, asker: Asker, refusal: &Refusal) {
        self.counters.add(Counter::InputsRejected, 1);
        self.outbox.answer(asker, |out| encode_refusal(asker.encoding, refusal, out));
    }

    fn apply_input(&mut self, asker: Asker, input: &Input) {
        self.outcomes.clear();
        let mut progress = self.book.apply(input, &mut self.outcomes);
        self.owe(asker);
        self.take_outcomes(asker);
        while progress == Progress::More {
            self.outcomes.clear();
            progress = self.book.go_on(&mut self.outcomes);
            self.take_outcomes(asker);
        }
        if let Input::Marker(marker) = input {
            self.mark(marker);
        }
    }

    /// Hands the outbox what the book said.
    fn take_outcomes(&mut self, asker: Asker) {
        let owed = &mut self.owed;
        self.outbox.add(asker, &self.outcomes, &self.book, self.stream, |outcome| {
            let origin = outcome.origin();
            owed.remove(&(origin.source, origin.seq)).unwrap_or_default()
        });
    }

    /// Remembers in which encoding the answer is due that follows `held`, if one still is.
    fn owe(&mut self, asker: Asker) {
        match self.outcomes.list.last() {
            Some(Outcome::Held(origin)) => {
                self.owed.insert((origin.source, origin.seq), asker.encoding);
            }
            Some(Outcome::Busted { origin, of, .. }) => {
                self.owed.remove(&(origin.source, *of));
            }
            _ => {}
        }
    }

    /// Hands the publisher this shard's part of the cut.
    fn mark(&mut self, marker: &Marker) {
        self.last_marker = Some(*marker);
        self.outbox.flush_stream(self.config.shard, self.config.incarnation);
        let part = PartFrame {
            shard: self.config.shard,
            shards: self.config.shards,
            incarnation: self.config.incarnation,
            lost_inputs: self.inbox.lost(),
            part: self.book.part(marker),
        };
        backplane::encode_part(&part, &mut self.spare);
        self.outbox.publish(&mut self.spare);
        self.counters.add(Counter::Parts, 1);
    }

    fn greet(&mut self, now: Nanos) {
        self.greet_at = now + GREET_EVERY;
        let hello = Hello {
            role: backplane::ROLE_SHARD,
            shard: self.config.shard,
            shards: self.config.shards,
            incarnation: self.config.incarnation,
            applied: self.inbox.applied(),
            marker: self.last_marker.map_or(0, |marker| marker.number),
            cut: self.last_marker.map_or(0, |marker| marker.cut),
            netting: 0,
        };
        backplane::encode_hello(&hello, &mut self.spare);
        self.outbox.greet(&mut self.spare);
    }
}

impl Agent for Shard {
    fn role(&self) -> &str {
        &self.role
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = self.outbox.flush_answers();
        if now >= self.greet_at {
            self.greet(now);
        }
        for _ in 0..FRAMES_PER_TURN {
            if self.outbox.is_blocked() || !self.outbox.receive(&mut self.frame) {
                break;
            }
            self.take_frame();
            work_count += 1;
        }
        work_count
    }

    fn wake_at(&self) -> Nanos {
        self.greet_at
    }

    fn wait_on<'a>(&'a self, waits: &mut Waits<'a>) {
        self.outbox.wait_on(waits);
    }
}
