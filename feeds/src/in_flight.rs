//! In flight: the messages of one source that were sent, or are about to be, and have no reply.
//!
//! ```text
//!              ┌──────────────────────── due ────────────────────────┐
//!              ▼                                                     │
//!   admit ─► Batched ── batch leaves ─► Waiting ─┬─ no reply ────────┤ after 1, 2, 4 … 30 s
//!              ▲                                 ├─ no room ─────────┘ after 10, 20, 40 … 1,000 ms
//!              │                                 ├─ held ──► held: replied to; shares may follow
//!              │                                 │             │
//!              │                                 └─ final ─────┼─► forgotten
//!              └──────────────── time to ask for shares ───────┘
//! ```
//!
//! A message is always resent as the bytes that were sent first.

use crate::backoff::Backoff;
use crate::limits::{SPAN_MAX, SPARES_MAX};
use crate::reply_kind::ReplyKind;
use allot_runtime::Nanos;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlightConfig {
    /// The most messages without a reply.
    pub(crate) capacity: usize,
    /// When a message without a reply is resent.
    pub(crate) resend: Backoff,
    /// When a message that the server had no room for is resent.
    pub(crate) busy: Backoff,
    /// How often to ask for the shares of a held fill; `None` if the feed does not wait for them.
    pub(crate) ask_every: Option<Duration>,
}

/// The messages of one source that have no reply.
pub(crate) struct InFlight {
    config: InFlightConfig,
    open: BTreeMap<u64, Message>,
    /// Fills that were held, each with the next question for its shares.
    held: BTreeMap<u64, Option<Question>>,
    /// No message is due before.
    next_due: Nanos,
    highest: u64,
    spares: Vec<Vec<u8>>,
}

/// A message that is open: it counts against the capacity.
struct Message {
    record: Vec<u8>,
    state: MessageState,
    expects: Expected,
    /// How often it was sent since it was opened.
    tries: u32,
    /// How often the server had no room for it since it was opened.
    busy_count: u32,
}

/// Where an open message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum MessageState {
    /// In a batch that has not left. It has no timer of its own.
    Batched,
    /// Waiting for a reply, or for room. It is resent at `due`.
    Waiting { due: Nanos },
}

/// The reply that an open message waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// The first. The message first left at `sent_at`; `None` if it never has.
    First { sent_at: Option<Nanos> },
    /// The one that follows `held`.
    Shares,
}

/// The next question for the shares of a held fill: the fill itself, sent again.
struct Question {
    due: Nanos,
    record: Vec<u8>,
}

/// What a reply changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// The first reply, this long after the message first left.
    First(Duration),
    /// The reply that follows `held`.
    Followed,
    /// A reply to a message that had one; nothing changes.
    Again,
    /// The message will be resent.
    Postponed,
    /// No such message was sent.
    Unknown,
}

impl MessageState {
    /// When the message is resent; `Nanos::MAX` while it has no timer.
    const fn due(self) -> Nanos {
        match self {
            Self::Batched => Nanos::MAX,
            Self::Waiting { due } => due,
        }
    }
}

impl Expected {
    /// The effect of a reply that arrives now and does not follow `held`.
    fn effect(self, now: Nanos) -> Effect {
        match self {
            Self::First { sent_at: Some(sent_at) } => Effect::First(now - sent_at),
            Self::First { sent_at: None } => Effect::First(Duration::ZERO),
            Self::Shares => Effect::Again,
        }
    }
}

impl InFlight {
    pub(crate) const fn new(config: InFlightConfig) -> Self {
        Self {
            config,
            open: BTreeMap::new(),
            held: BTreeMap::new(),
            next_due: Nanos::MAX,
            highest: 0,
            spares: Vec::new(),
        }
    }

    /// How many messages are open.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many fills were held and have no shares yet.
    pub(crate) fn held_count(&self) -> usize {
        let asked = self.open.values().filter(|message| message.expects == Expected::Shares);
        self.held.len() + asked.count()
    }

    /// How many messages have no reply although they were sent, and how many were never sent.
    pub(crate) fn lost(&self) -> Lost {
        let mut lost = Lost { sent: 0, unsent: 0 };
        for message in self.open.values() {
            match message.expects {
                Expected::First { sent_at: Some(_) } => lost.sent += 1,
                Expected::First { sent_at: None } => lost.unsent += 1,
                Expected::Shares => {}
            }
        }
        lost
    }

    /// Whether a message with this sequence number may be sent now. If it were too far from an open
    /// one, a shard could forget whether it has applied that one.
    pub(crate) fn has_room(&self, seq: u64) -> bool {
        let oldest = self.open.first_key_value().map_or(seq, |(oldest, _)| *oldest);
        self.open.len() < self.config.capacity && seq.saturating_sub(oldest) < SPAN_MAX
    }

    /// When the next message must be resent.
    pub(crate) const fn next_due(&self) -> Nanos {
        self.next_due
    }

    /// Takes a new message, which goes into a batch; returns its bytes.
    pub(crate) fn admit(&mut self, seq: u64, encode: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        assert!(self.highest < seq, "sequences count up: {seq} after {}", self.highest);
        self.highest = seq;
        let mut record = self.spares.pop().unwrap_or_default();
        encode(&mut record);
        let message = Message::batched(record, Expected::First { sent_at: None });
        &self.open.entry(seq).or_insert(message).record
    }

    /// The bytes of a message that is still open.
    pub(crate) fn record(&self, seq: u64) -> Option<&[u8]> {
        self.open.get(&seq).map(|message| &message.record[..])
    }

    /// The batch with this message has left. True if the message had never left before.
    pub(crate) fn sent(&mut self, seq: u64, now: Nanos) -> bool {
        let Some(message) = self.open.get_mut(&seq) else { return false };
        message.tries = message.tries.saturating_add(1);
        let due = now + self.config.resend.after(message.tries);
        message.state = MessageState::Waiting { due };
        self.next_due = self.next_due.min(due);
        let is_first = message.expects == Expected::First { sent_at: None };
        if is_first {
            message.expects = Expected::First { sent_at: Some(now) };
        }
        is_first
    }

    /// Appends the messages that are due to `due`; they go into a batch.
    pub(crate) fn take_due(&mut self, now: Nanos, due: &mut VecDeque<u64>) {
        if now < self.next_due {
            return;
        }
        self.ask_for_shares(now);
        self.next_due = self.held.values().flatten().map(|ask| ask.due).min().unwrap_or(Nanos::MAX);
        for (seq, message) in &mut self.open {
            if message.state.due() <= now {
                message.state = MessageState::Batched;
                due.push_back(*seq);
            }
            self.next_due = self.next_due.min(message.state.due());
        }
    }

    /// Makes every message due. The connection that they were sent on is gone, and with it the
    /// replies that were to follow `held`.
    pub(crate) fn make_all_due(&mut self, now: Nanos) {
        for message in self.open.values_mut() {
            message.state = MessageState::Waiting { due: now };
        }
        self.held.values_mut().flatten().for_each(|question| question.due = now);
        self.next_due = self.next_due.min(now);
    }

    /// Reopens the held fills whose questions are due, as far as there is room.
    fn ask_for_shares(&mut self, now: Nanos) {
        let mut room = self.config.capacity.saturating_sub(self.open.len());
        let is_due = |question: &&mut Option<Question>| {
            question.as_ref().is_some_and(|question| question.due <= now)
        };
        let mut reopened = Vec::new();
        for (seq, question) in self.held.iter_mut().filter(|(_, question)| is_due(question)) {
            if 0 < room {
                room -= 1;
                reopened.extend(question.take().map(|question| (*seq, question)));
            } else if let Some(question) = question {
                // Its turn comes when those that were reopened now probably have their replies.
                question.due = now + self.config.resend.first;
            }
        }
        for (seq, Question { due, record }) in reopened {
            self.held.remove(&seq);
            let state = MessageState::Waiting { due };
            self.open.insert(seq, Message { state, ..Message::batched(record, Expected::Shares) });
        }
    }

    /// Takes a reply.
    pub(crate) fn acknowledge(&mut self, seq: u64, kind: ReplyKind, now: Nanos) -> Effect {
        if let Some(message) = self.open.remove(&seq) {
            return self.acknowledge_open(seq, message, kind, now);
        }
        if kind == ReplyKind::Final
            && let Some(question) = self.held.remove(&seq)
        {
            question.into_iter().for_each(|question| self.spare(question.record));
            return Effect::Followed;
        }
        if self.highest < seq { Effect::Unknown } else { Effect::Again }
    }

    fn acknowledge_open(
        &mut self,
        seq: u64,
        message: Message,
        kind: ReplyKind,
        now: Nanos,
    ) -> Effect {
        let expects = message.expects;
        match (kind, expects) {
            (ReplyKind::Busy, _) => {
                self.postpone(seq, message, now);
                Effect::Postponed
            }
            (ReplyKind::Held, _) => {
                self.hold(seq, message.record, self.config.ask_every.map(|every| now + every));
                expects.effect(now)
            }
            // It was journaled as held. That the server no longer knows it does not undo that.
            (ReplyKind::TooOld, Expected::Shares) => {
                self.hold(seq, message.record, None);
                expects.effect(now)
            }
            (ReplyKind::Final, Expected::Shares) => {
                self.spare(message.record);
                Effect::Followed
            }
            (ReplyKind::Final | ReplyKind::TooOld, Expected::First { .. }) => {
                self.spare(message.record);
                expects.effect(now)
            }
        }
    }

    /// The server had no room: the message is resent later.
    fn postpone(&mut self, seq: u64, mut message: Message, now: Nanos) {
        message.busy_count = message.busy_count.saturating_add(1);
        let due = now + self.config.busy.after(message.busy_count);
        message.state = MessageState::Waiting { due };
        self.next_due = self.next_due.min(due);
        self.open.insert(seq, message);
    }

    /// The fill is held. Its record is kept only to ask for its shares.
    fn hold(&mut self, seq: u64, record: Vec<u8>, ask_at: Option<Nanos>) {
        let Some(due) = ask_at else {
            self.spare(record);
            self.held.insert(seq, None);
            return;
        };
        self.next_due = self.next_due.min(due);
        self.held.insert(seq, Some(Question { due, record }));
    }

    /// Keeps the memory of a record for the next message.
    fn spare(&mut self, mut record: Vec<u8>) {
        if self.spares.len() < SPARES_MAX {
            record.clear();
            self.spares.push(record);
        }
    }
}

/// How many messages a feed gives up on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lost {
    /// Sent, and without a reply.
    pub(crate) sent: usize,
    /// Never sent.
    pub(crate) unsent: usize,
}

impl Message {
    const fn batched(record: Vec<u8>, expects: Expected) -> Self {
        Self { record, state: MessageState::Batched, expects, tries: 0, busy_count: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Nanos {
        Nanos::ZERO + Duration::from_millis(millis)
    }

    fn in_flight(capacity: usize, ask_every: Option<Duration>) -> InFlight {
        let resend = Backoff { first: SECOND, longest: 30 * SECOND };
        let busy = Backoff { first: SECOND / 100, longest: SECOND };
        InFlight::new(InFlightConfig { capacity, resend, busy, ask_every })
    }

    const fn lost(sent: usize, unsent: usize) -> Lost {
        Lost { sent, unsent }
    }

    /// Sends these at 0 ms.
    fn sent(messages: &mut InFlight, seqs: &[u64]) {
        for seq in seqs {
            let record =
                messages.admit(*seq, |record| record.extend_from_slice(&seq.to_le_bytes()));
            assert_eq!(record, seq.to_le_bytes());
            assert!(messages.sent(*seq, at(0)));
        }
    }

    fn due(messages: &mut InFlight, now: Nanos) -> Vec<u64> {
        let mut due = VecDeque::new();
        messages.take_due(now, &mut due);
        due.into()
    }

    #[test]
    fn there_is_room_up_to_the_capacity_and_not_far_from_the_oldest() {
        let mut messages = in_flight(2, None);
        sent(&mut messages, &[5]);
        assert!(messages.has_room(5 + SPAN_MAX - 1) && !messages.has_room(5 + SPAN_MAX));
        sent(&mut messages, &[6]);
        assert!(!messages.has_room(7), "two are open");
        messages.acknowledge(5, ReplyKind::Final, at(1));
        assert!(messages.has_room(6 + SPAN_MAX - 1) && !messages.has_room(6 + SPAN_MAX));
        messages.acknowledge(6, ReplyKind::Held, at(1));
        assert!(messages.has_room(u64::MAX), "held fills take no room");
    }

    #[test]
    fn a_reply_counts_once() {
        let mut messages = in_flight(9, None);
        sent(&mut messages, &[1, 2, 4]);
        for (millis, seq, kind, effect) in [
            (5, 1, ReplyKind::Final, Effect::First(SECOND / 200)),
            (6, 1, ReplyKind::Final, Effect::Again),
            (6, 1, ReplyKind::Busy, Effect::Again),
            (7, 2, ReplyKind::Busy, Effect::Postponed),
            (8, 2, ReplyKind::Held, Effect::First(SECOND / 125)),
            (9, 2, ReplyKind::Held, Effect::Again),
            (9, 2, ReplyKind::Busy, Effect::Again),
            (9, 2, ReplyKind::Final, Effect::Followed),
            (9, 2, ReplyKind::Final, Effect::Again),
            (9, 4, ReplyKind::TooOld, Effect::First(SECOND * 9 / 1_000)),
            (9, 5, ReplyKind::Final, Effect::Unknown),
        ] {
            assert_eq!(messages.acknowledge(seq, kind, at(millis)), effect, "{seq} at {millis} ms");
        }
        assert_eq!(
            (messages.open_count(), messages.held_count(), messages.lost()),
            (0, 0, lost(0, 0))
        );
    }

    #[test]
    fn what_is_in_a_batch_is_not_due_until_the_batch_has_left() {
        let mut messages = in_flight(9, None);
        sent(&mut messages, &[1]);
        assert_eq!(messages.next_due(), at(1_000));
        assert!(due(&mut messages, at(999)).is_empty());
        assert_eq!(due(&mut messages, at(1_000)), [1]);
        assert_eq!((due(&mut messages, at(9_000)), messages.next_due()), (vec![], Nanos::MAX));
        assert_eq!(messages.record(1), Some(&1_u64.to_le_bytes()[..]), "the same bytes");
        assert!(!messages.sent(1, at(9_000)), "not for the first time");
        assert_eq!(messages.next_due(), at(11_000), "twice as long");
        messages.make_all_due(at(9_500));
        assert_eq!(due(&mut messages, at(9_500)), [1]);
        messages.admit(2, |_| {});
        assert_eq!(messages.lost(), lost(1, 1), "one left, the other never did");
    }

    #[test]
    fn questions_for_held_fills_take_turns_for_room_and_a_forgotten_fill_stays_held() {
        let mut messages = in_flight(2, Some(30 * SECOND));
        sent(&mut messages, &[1, 2]);
        messages.acknowledge(1, ReplyKind::Held, at(0));
        messages.acknowledge(2, ReplyKind::Held, at(0));
        sent(&mut messages, &[3]);
        assert_eq!(messages.next_due(), at(1_000));
        assert_eq!(due(&mut messages, at(1_000)), [3]);
        assert_eq!(messages.next_due(), at(30_000));
        assert_eq!(due(&mut messages, at(30_000)), [1], "there is room for one");
        assert_eq!((messages.held_count(), messages.lost()), (2, lost(1, 0)));
        assert!(!messages.sent(1, at(30_000)));
        assert_eq!(messages.acknowledge(1, ReplyKind::TooOld, at(30_001)), Effect::Again);
        assert_eq!((messages.held_count(), messages.open_count()), (2, 1));
        messages.acknowledge(3, ReplyKind::Final, at(30_001));
        assert_eq!(due(&mut messages, at(31_000)), [2], "and for the other later");
        messages.sent(2, at(31_000));
        assert_eq!(messages.acknowledge(2, ReplyKind::Held, at(31_001)), Effect::Again);
        assert!(due(&mut messages, at(32_000)).is_empty(), "there are no more questions for 1");
        assert_eq!(messages.next_due(), at(61_001));
        assert_eq!(messages.acknowledge(2, ReplyKind::Final, at(31_002)), Effect::Followed);
        assert_eq!(messages.acknowledge(1, ReplyKind::Final, at(31_002)), Effect::Followed);
    }

    #[test]
    fn a_message_that_is_dropped_with_its_batch_is_due_and_leaves_for_the_first_time_later() {
        let mut messages = in_flight(9, None);
        messages.admit(1, |_| {});
        assert_eq!((messages.next_due(), messages.lost()), (Nanos::MAX, lost(0, 1)));
        messages.make_all_due(at(3_000));
        assert_eq!(due(&mut messages, at(3_000)), [1]);
        assert!(messages.sent(1, at(3_000)));
        assert_eq!((messages.next_due(), messages.lost()), (at(4_000), lost(1, 0)));
        assert_eq!(messages.acknowledge(1, ReplyKind::Final, at(3_500)), Effect::First(SECOND / 2));
    }

    #[test]
    #[should_panic(expected = "sequences count up: 3 after 3")]
    fn a_sequence_is_given_once() {
        let mut messages = in_flight(9, None);
        sent(&mut messages, &[3, 3]);
    }
}
