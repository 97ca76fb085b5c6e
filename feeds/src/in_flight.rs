//! In flight: the messages of one source that were sent, or are about to be, and have no reply.
//!
//! ```text
//!   admit ─► Batched ─ batch leaves ─► Waiting ─┬─ no reply ─► Batched, after 1, 2, 4 … 30 s
//!                                               ├─ no room ──► Batched, after 10, 20 … 1,000 ms
//!                                               ├─ held ─────► held: has its reply; shares follow
//!                                               └─ final ────► forgotten
//!   held ─┬─ time to ask for the shares ───────────────────────► Batched
//!         └─ final ────────────────────────────────────────────► forgotten
//! ```
//!
//! A message is always resent as the bytes that were sent first.

mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use allot_domain::{Backoff, Seq};
use allot_runtime::Nanos;

use self::message::{Expected, Message, MessageState, Question};
use crate::limits::{HELD_MAX, SPAN_MAX, SPARES_MAX};
use crate::reply_kind::ReplyKind;

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
    /// Open messages, by sequence number.
    open: BTreeMap<Seq, Message>,
    /// Fills that were held, by sequence number, each with the next question for its shares.
    held: BTreeMap<Seq, Option<Question>>,
    /// No message is due before.
    next_due: Nanos,
    /// The sequence number of the last message that was admitted; 0 before the first.
    last_seq: Seq,
    spares: Vec<Vec<u8>>,
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

impl InFlight {
    pub(crate) const fn new(config: InFlightConfig) -> Self {
        Self {
            config,
            open: BTreeMap::new(),
            held: BTreeMap::new(),
            next_due: Nanos::MAX,
            last_seq: Seq::new(0),
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

    /// The first fills that are held, and the first messages without any reply.
    pub(crate) fn first_open(&self, count_max: usize) -> (Vec<Seq>, Vec<Seq>) {
        let is_held = |message: &Message| message.expects == Expected::Shares;
        let open = |held| {
            self.open
                .iter()
                .filter(move |(_, message)| is_held(message) == held)
                .map(|(seq, _)| *seq)
        };
        let mut held: Vec<_> = self.held.keys().copied().take(count_max).collect();
        held.extend(open(true).take(count_max));
        held.sort_unstable();
        held.truncate(count_max);
        (held, open(false).take(count_max).collect())
    }

    /// Whether as many fills are held as are kept.
    pub(crate) fn is_held_full(&self) -> bool {
        HELD_MAX <= self.held.len()
    }

    /// Whether a message with this sequence number may be sent now. If it were too far from an open
    /// one, a shard could forget whether it has applied that one.
    pub(crate) fn has_room(&self, seq: Seq) -> bool {
        let oldest = self.open.first_key_value().map_or(seq, |(oldest, _)| *oldest);
        self.open.len() < self.config.capacity
            && seq.get().saturating_sub(oldest.get()) < SPAN_MAX
            && !self.is_held_full()
    }

    /// When the next message must be resent.
    pub(crate) const fn next_due(&self) -> Nanos {
        self.next_due
    }

    /// Takes a new message, which goes into a batch; returns its bytes.
    pub(crate) fn admit(&mut self, seq: Seq, encode: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        assert!(self.last_seq < seq, "sequences count up: {seq} after {}", self.last_seq);
        self.last_seq = seq;
        let mut record = self.spares.pop().unwrap_or_default();
        encode(&mut record);
        let message = Message::batched(record, Expected::First { sent_at: None });
        &self.open.entry(seq).or_insert(message).record
    }

    /// The bytes of a message that is still open.
    pub(crate) fn record(&self, seq: Seq) -> Option<&[u8]> {
        self.open.get(&seq).map(|message| &message.record[..])
    }

    /// The batch with this message has left. True if the message had never left before.
    pub(crate) fn sent(&mut self, seq: Seq, now: Nanos) -> bool {
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

    /// Appends the sequence numbers of the messages that are due; they go into a batch.
    pub(crate) fn take_due(&mut self, now: Nanos, due_seqs: &mut VecDeque<Seq>) {
        if now < self.next_due {
            return;
        }
        self.ask_for_shares(now);
        self.next_due = self.held.values().flatten().map(|ask| ask.due).min().unwrap_or(Nanos::MAX);
        for (seq, message) in &mut self.open {
            if message.state.due() <= now {
                message.state = MessageState::Batched;
                due_seqs.push_back(*seq);
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
            let message = Message { state, ..Message::batched(record, Expected::Shares) };
            let open = self.open.insert(seq, message);
            assert!(open.is_none(), "{seq} is open and held");
        }
    }

    /// Takes a reply.
    pub(crate) fn acknowledge(&mut self, seq: Seq, kind: ReplyKind, now: Nanos) -> Effect {
        if let Some(message) = self.open.remove(&seq) {
            return self.acknowledge_open(seq, message, kind, now);
        }
        if kind == ReplyKind::Final
            && let Some(question) = self.held.remove(&seq)
        {
            question.into_iter().for_each(|question| self.spare(question.record));
            return Effect::Followed;
        }
        if self.last_seq < seq { Effect::Unknown } else { Effect::Again }
    }

    fn acknowledge_open(
        &mut self,
        seq: Seq,
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
    fn postpone(&mut self, seq: Seq, mut message: Message, now: Nanos) {
        message.busy_count = message.busy_count.saturating_add(1);
        let due = now + self.config.busy.after(message.busy_count);
        message.state = MessageState::Waiting { due };
        self.next_due = self.next_due.min(due);
        self.open.insert(seq, message);
    }

    /// The fill is held. Its record is kept only to ask for its shares.
    fn hold(&mut self, seq: Seq, record: Vec<u8>, ask_at: Option<Nanos>) {
        let question = if let Some(due) = ask_at {
            self.next_due = self.next_due.min(due);
            Some(Question { due, record })
        } else {
            self.spare(record);
            None
        };
        let held = self.held.insert(seq, question);
        assert!(held.is_none(), "{seq} is open and held");
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
