//! Replies: the frames being filled with what came of inputs, for the router and the publisher.
//!
//! ```text
//!   outcomes ─► replies ═► router        one frame for each frame of inputs, or more
//!           └─► events ══► publisher     while anybody subscribes to events
//! ```

use allot_domain::{LogIndex, Outcomes};
use allot_runtime::{Counter, Counters};
use allot_wire::backplane::{ReplyTo, To, events, replies};
use allot_wire::{Encoding, Rejection};

use crate::limits::REPLIES_LEN_FULL;
use crate::{Delivery, OutcomeOf, OutcomesOf, Reach, Service, ShardConfig, State};

/// The frames that are open.
pub(crate) struct Replies {
    config: ShardConfig,
    replies: Vec<u8>,
    /// Whether anybody subscribes to events.
    pub(crate) has_listeners: bool,
    events: Vec<u8>,
    events_number: u64,
    events_count: u64,
    counters: Counters,
}

/// Who waits for a reply, and which shards have the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) reply_to: ReplyTo,
    pub(crate) reach: Reach,
}

impl Asked {
    fn to(&self) -> To<'static> {
        let client = self.reply_to.client;
        match self.reach {
            Reach::All => To::ClientOfAll(client),
            Reach::Check => To::Router(self.reply_to.check()),
            Reach::Key | Reach::Query | Reach::Feedback => To::Client(client),
        }
    }
}

impl Replies {
    pub(crate) fn new(config: ShardConfig, counters: Counters) -> Self {
        Self {
            config,
            replies: Vec::new(),
            has_listeners: false,
            events: Vec::new(),
            events_number: 0,
            events_count: 0,
            counters,
        }
    }

    /// Whether the replies are better closed than added to.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        REPLIES_LEN_FULL < self.replies.len()
    }

    /// Starts the frames of one frame of inputs; `spare` is an empty buffer for the replies.
    pub(crate) fn begin(&mut self, spare: Vec<u8>) {
        self.begin_replies(spare);
        self.begin_events();
    }

    /// Starts another frame of replies to the same inputs.
    pub(crate) fn begin_replies(&mut self, spare: Vec<u8>) {
        assert!(self.replies.is_empty(), "the frame before has left");
        assert!(spare.is_empty(), "a spare buffer holds nothing");
        self.replies = spare;
        replies::begin(&mut self.replies);
    }

    fn begin_events(&mut self) {
        assert!(self.events_count == 0, "the events before have left");
        let ShardConfig { shard, incarnation, .. } = self.config;
        events::begin(&mut self.events, shard, incarnation, self.events_number + 1);
    }

    /// Adds the reply to what was refused before it reached the machine.
    pub(crate) fn refuse(&mut self, asked: Asked, rejection: &Rejection) {
        self.counters.add(Counter::InputsRejected, 1);
        if !asked.reply_to.client.is_none() {
            let encoding = asked.reply_to.encoding;
            replies::push_with(&mut self.replies, asked.to(), encoding, |out| {
                rejection.encode(encoding, out);
            });
        }
    }

    /// Adds what came of an input: its reply, late replies to others, and events if they are
    /// wanted. `late` has the encodings of the late replies, in order.
    #[inline]
    pub(crate) fn add<S: Service>(
        &mut self,
        asked: Asked,
        state: &State<S>,
        outcomes: &OutcomesOf<S>,
        late: &[Encoding],
    ) {
        let mut late = late.iter();
        for outcome in outcomes.list() {
            let description = S::describe(outcome);
            self.count(description.is_duplicate, description.is_rejected);
            match description.delivery {
                Delivery::Late { .. } | Delivery::LateOwing { .. } => {
                    let to = To::Source(description.source.as_str());
                    let encoding = *late.next().expect("the state has one for each late reply");
                    self.push::<S>(to, encoding, state, outcomes, outcome);
                }
                Delivery::Nobody => {}
                _ if asked.reply_to.client.is_none() => {}
                _ => self.push::<S>(asked.to(), asked.reply_to.encoding, state, outcomes, outcome),
            }
            if self.has_listeners && description.is_event {
                events::push_with(&mut self.events, |out| {
                    S::write_event(state.machine(), outcomes, outcome, out);
                });
                self.events_count += 1;
            }
        }
        assert!(late.next().is_none(), "a late reply for each encoding");
    }

    #[inline]
    fn push<S: Service>(
        &mut self,
        to: To<'_>,
        encoding: Encoding,
        state: &State<S>,
        outcomes: &OutcomesOf<S>,
        outcome: &OutcomeOf<S>,
    ) {
        replies::push_with(&mut self.replies, to, encoding, |out| {
            S::write_reply(state.machine(), outcomes, outcome, encoding, out);
        });
    }

    #[inline]
    fn count(&self, is_duplicate: bool, is_rejected: bool) {
        if is_duplicate {
            self.counters.add(Counter::Duplicates, 1);
        } else if is_rejected {
            self.counters.add(Counter::InputsRejected, 1);
        }
    }

    /// Closes the replies: with them all inputs up to `through` are replied to.
    pub(crate) fn end_replies(&mut self, through: LogIndex) -> Vec<u8> {
        let mut frame = std::mem::take(&mut self.replies);
        assert!(!frame.is_empty(), "a frame is begun before it ends");
        replies::end(&mut frame, through);
        frame
    }

    /// Whether there are events to be sent.
    #[inline]
    pub(crate) const fn has_events(&self) -> bool {
        0 < self.events_count
    }

    /// Whether the events are to be sent at once.
    #[inline]
    pub(crate) const fn are_events_full(&self) -> bool {
        REPLIES_LEN_FULL <= self.events.len()
    }

    /// Closes the events of what was applied so far; `spare` is an empty buffer for the next.
    pub(crate) fn end_events(&mut self, spare: Vec<u8>) -> Vec<u8> {
        assert!(self.has_events(), "an empty frame of events is not sent");
        self.events_number += 1;
        self.events_count = 0;
        let frame = std::mem::replace(&mut self.events, spare);
        self.begin_events();
        frame
    }
}
