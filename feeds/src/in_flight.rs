//! The window: messages that were sent, or are about to be, and have no answer yet.
//!
//! ```text
//!   admitted ─► sent ─┬─ no answer ──► due ─► sent again, after 1, 2, 4 … 30 s
//!                     ├─ no room ────► due ─► sent again, after 10, 20, 40 … 1,000 ms
//!                     ├─ held ───────► held: answered; its shares may follow
//!                     └─ any other ──► forgotten
//! ```
//!
//! What goes out again is the bytes that went out first.

use crate::backoff::Backoff;
use crate::limits::{SPAN_MAX, SPARES_MAX};
use allot_runtime::Nanos;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Duration;

/// What can be chosen of a messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlightConfig {
    /// How many messages may be unanswered.
    pub(crate) capacity: usize,
    /// When what has no answer is sent again.
    pub(crate) resend: Backoff,
    /// When what there was no room for is sent again.
    pub(crate) busy: Backoff,
    /// How often what is held is asked after; none where nobody waits for it.
    pub(crate) ask_every: Option<Duration>,
}

/// The unanswered messages of one source.
pub(crate) struct InFlight {
    config: InFlightConfig,
    open: BTreeMap<u64, Message>,
    /// Answered with `held`. Their records are kept only to ask after them.
    held: BTreeMap<u64, Message>,
    /// No message is due before.
    next_due: Nanos,
    highest: u64,
    spares: Vec<Vec<u8>>,
}

struct Message {
    record: Vec<u8>,
    first_sent: Option<Nanos>,
    /// When it goes out again; never while it is in a frame that has not left.
    due: Nanos,
    tries: u32,
    busy_count: u32,
    was_held: bool,
}

/// What an answer says of its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReplyKind {
    /// It is done, or refused for good.
    Final,
    /// It is journaled, and its shares may follow.
    Held,
    /// There was no room for it, and nothing changed; it is to be sent again.
    Busy,
    /// Whether it was applied is no longer known.
    TooOld,
}

/// What an answer has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It is the first answer, after so long.
    First(Duration),
    /// It is the answer that follows `held`.
    Followed,
    /// It was answered before; nothing changes.
    Again,
    /// It will be sent again.
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
            highest: 0,
            spares: Vec::new(),
        }
    }

    /// How many messages have no answer.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many were answered with `held`, and not yet with more.
    pub(crate) fn held_count(&self) -> usize {
        self.held.len() + self.open.values().filter(|message| message.was_held).count()
    }

    /// How many have no answer though they were sent, and how many were never sent.
    pub(crate) fn lost(&self) -> (usize, usize) {
        let unanswered = self.open.values().filter(|message| !message.was_held);
        let (sent, unsent): (Vec<_>, Vec<_>) = unanswered.partition(|message| 0 < message.tries);
        (sent.len(), unsent.len())
    }

    /// Whether a message of this number may be sent now: one that is too far from an unanswered one
    /// could make a shard forget whether it has applied that.
    pub(crate) fn has_room(&self, seq: u64) -> bool {
        let oldest = self.open.first_key_value().map_or(seq, |(oldest, _)| *oldest);
        self.open.len() < self.config.capacity && seq.saturating_sub(oldest) < SPAN_MAX
    }

    /// When the next message is to be sent again.
    pub(crate) const fn next_due(&self) -> Nanos {
        self.next_due
    }

    /// Takes in a new message, which is on its way into a frame; returns its bytes.
    pub(crate) fn admit(&mut self, seq: u64, encode: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        assert!(self.highest < seq, "sequences count up: {seq} after {}", self.highest);
        self.highest = seq;
        let mut record = self.spares.pop().unwrap_or_default();
        encode(&mut record);
        let message = Message {
            record,
            first_sent: None,
            due: Nanos::MAX,
            tries: 0,
            busy_count: 0,
            was_held: false,
        };
        &self.open.entry(seq).or_insert(message).record
    }

    /// The bytes of a message that is still unanswered.
    pub(crate) fn record(&self, seq: u64) -> Option<&[u8]> {
        self.open.get(&seq).map(|message| &message.record[..])
    }

    /// The frame with this message has left. True if it never had before.
    pub(crate) fn sent(&mut self, seq: u64, now: Nanos) -> bool {
        let Some(message) = self.open.get_mut(&seq) else { return false };
        message.tries = message.tries.saturating_add(1);
        message.due = now + self.config.resend.after(message.tries);
        self.next_due = self.next_due.min(message.due);
        message.first_sent.replace(message.first_sent.unwrap_or(now)).is_none()
    }

    /// Appends the messages that are due: they are on their way into a frame.
    pub(crate) fn take_due(&mut self, now: Nanos, due: &mut VecDeque<u64>) {
        if now < self.next_due {
            return;
        }
        self.ask_after_held(now);
        self.next_due = Nanos::MAX;
        for (seq, message) in &mut self.open {
            if message.due <= now {
                message.due = Nanos::MAX;
                due.push_back(*seq);
            }
            self.next_due = self.next_due.min(message.due);
        }
        let held_due = self.held.values().map(|message| message.due).min();
        self.next_due = self.next_due.min(held_due.unwrap_or(Nanos::MAX));
    }

    /// Makes everything due: the connection that it was sent on is gone, and with it the answers
    /// that were to follow `held`.
    pub(crate) fn make_all_due(&mut self, now: Nanos) {
        let asked_after = self.held.values_mut().filter(|message| message.due != Nanos::MAX);
        let all = self.open.values_mut().chain(asked_after);
        all.for_each(|message| message.due = now);
        self.next_due = self.next_due.min(now);
    }

    /// Opens again what is held and due, as far as there is room.
    fn ask_after_held(&mut self, now: Nanos) {
        let room = self.config.capacity.saturating_sub(self.open.len());
        let due = self.held.iter().filter(|(_, message)| message.due <= now);
        for seq in due.map(|(seq, _)| *seq).take(room).collect::<Vec<_>>() {
            let message = self.held.remove(&seq).expect("it was just found");
            self.open.insert(seq, Message { tries: 0, busy_count: 0, ..message });
        }
        // Those without room have their turn when these are likely to be answered.
        for message in self.held.values_mut().filter(|message| message.due <= now) {
            message.due = now + self.config.resend.first;
        }
    }

    /// Takes in an answer.
    pub(crate) fn acknowledge(&mut self, seq: u64, kind: ReplyKind, now: Nanos) -> Effect {
        if let Some(message) = self.open.remove(&seq) {
            return self.acknowledge_open(seq, message, kind, now);
        }
        match (self.held.contains_key(&seq), kind) {
            (true, ReplyKind::Final) => {
                let message = self.held.remove(&seq);
                self.spare(message.map_or(Vec::new(), |message| message.record));
                Effect::Followed
            }
            (false, _) if self.highest < seq => Effect::Unknown,
            _ => Effect::Again,
        }
    }

    fn acknowledge_open(
        &mut self,
        seq: u64,
        message: Message,
        kind: ReplyKind,
        now: Nanos,
    ) -> Effect {
        let first = match (message.was_held, message.first_sent) {
            (true, _) => Effect::Again,
            (false, sent) => Effect::First(sent.map_or(Duration::ZERO, |sent| now - sent)),
        };
        match kind {
            ReplyKind::Busy => {
                let busy_count = message.busy_count.saturating_add(1);
                let due = now + self.config.busy.after(busy_count);
                self.next_due = self.next_due.min(due);
                self.open.insert(seq, Message { busy_count, due, ..message });
                Effect::Postponed
            }
            ReplyKind::Held => {
                self.hold(
                    seq,
                    message,
                    self.config.ask_every.map_or(Nanos::MAX, |every| now + every),
                );
                first
            }
            // It was journaled as held: that it is not known any more does not undo that.
            ReplyKind::TooOld if message.was_held => {
                self.hold(seq, message, Nanos::MAX);
                first
            }
            ReplyKind::Final | ReplyKind::TooOld => {
                let was_held = message.was_held;
                self.spare(message.record);
                if was_held { Effect::Followed } else { first }
            }
        }
    }

    fn hold(&mut self, seq: u64, mut message: Message, due: Nanos) {
        if due == Nanos::MAX {
            self.spare(mem::take(&mut message.record));
        }
        self.next_due = self.next_due.min(due);
        self.held.insert(seq, Message { due, was_held: true, ..message });
    }

    /// Keeps the memory of a record for the next message.
    fn spare(&mut self, mut record: Vec<u8>) {
        if self.spares.len() < SPARES_MAX {
            record.clear();
            self.spares.push(record);
        }
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
    fn there_is_room_for_so_many_and_not_far_from_the_oldest() {
        let mut messages = in_flight(2, None);
        sent(&mut messages, &[5]);
        assert!(messages.has_room(5 + SPAN_MAX - 1) && !messages.has_room(5 + SPAN_MAX));
        sent(&mut messages, &[6]);
        assert!(!messages.has_room(7), "two are open");
        messages.acknowledge(5, ReplyKind::Final, at(1));
        assert!(messages.has_room(6 + SPAN_MAX - 1) && !messages.has_room(6 + SPAN_MAX));
        messages.acknowledge(6, ReplyKind::Held, at(1));
        assert!(messages.has_room(u64::MAX), "what is held takes no room");
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
        assert_eq!((messages.open_count(), messages.held_count(), messages.lost()), (0, 0, (0, 0)));
    }

    #[test]
    fn what_is_in_a_frame_is_not_due_until_the_frame_has_left() {
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
        assert_eq!(messages.lost(), (1, 1), "one left, the other never did");
    }

    #[test]
    fn held_fills_are_asked_after_as_room_permits_and_stay_held_when_forgotten() {
        let mut messages = in_flight(2, Some(30 * SECOND));
        sent(&mut messages, &[1, 2]);
        messages.acknowledge(1, ReplyKind::Held, at(0));
        messages.acknowledge(2, ReplyKind::Held, at(0));
        sent(&mut messages, &[3]);
        assert_eq!(messages.next_due(), at(1_000));
        assert_eq!(due(&mut messages, at(1_000)), [3]);
        assert_eq!(messages.next_due(), at(30_000));
        assert_eq!(due(&mut messages, at(30_000)), [1], "there is room for one");
        assert_eq!((messages.held_count(), messages.lost()), (2, (1, 0)));
        assert!(!messages.sent(1, at(30_000)));
        assert_eq!(messages.acknowledge(1, ReplyKind::TooOld, at(30_001)), Effect::Again);
        assert_eq!((messages.held_count(), messages.open_count()), (2, 1));
        messages.acknowledge(3, ReplyKind::Final, at(30_001));
        assert_eq!(due(&mut messages, at(31_000)), [2], "and for the other later");
        messages.sent(2, at(31_000));
        assert_eq!(messages.acknowledge(2, ReplyKind::Held, at(31_001)), Effect::Again);
        assert!(due(&mut messages, at(32_000)).is_empty(), "1 is not asked after any more");
        assert_eq!(messages.next_due(), at(61_001));
        assert_eq!(messages.acknowledge(2, ReplyKind::Final, at(31_002)), Effect::Followed);
        assert_eq!(messages.acknowledge(1, ReplyKind::Final, at(31_002)), Effect::Followed);
    }

    #[test]
    #[should_panic(expected = "sequences count up: 3 after 3")]
    fn a_sequence_is_given_once() {
        let mut messages = in_flight(9, None);
        sent(&mut messages, &[3, 3]);
    }
}
