//! The courier: brings requests to the front door, and each of them again until it is answered.
//!
//! ```text
//!   post ─► window ─► parcel ═► link ═► front door
//!             ▲  │ due again     ▲
//!             │  └───────────────┘
//!             └── answers ◄══ link ◄══
//! ```

use crate::backoff::Backoff;
use crate::limits::{
    BUSY_FIRST, BUSY_LONGEST, DRAIN, FRAMES_PER_TURN, HELD_ASK_EVERY, RESEND_FIRST, RESEND_LONGEST,
    SILENCE_FIRST, SILENCE_LONGEST, STRANGE_LOGGED_MAX,
};
use crate::parcel::Parcel;
use crate::window::{Answer, Effect, Window, WindowConfig};
use crate::{Progress, Tally};
use allot_domain::{Reject, SourceId};
use allot_runtime::{Counter, Counters, Link, Nanos, Waits};
use allot_wire::{
    Encoding, Reply, Request, RequestKind, decode_replies, encode_line, encode_request,
};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a feed waits before it does something about it. Each wait doubles, up to its longest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For an answer, until the message is sent again.
    pub resend: Duration,
    /// The longest of these waits.
    pub resend_longest: Duration,
    /// After the answer `busy`, until the message is sent again.
    pub busy: Duration,
    /// The longest of these waits.
    pub busy_longest: Duration,
    /// For any sign of life while an answer is due, until the connection is made anew.
    pub silence: Duration,
    /// The longest of these waits.
    pub silence_longest: Duration,
    /// Between two questions after a held fill, by a feed that waits for its shares.
    pub ask_every: Duration,
    /// For the last answers, once there is nothing new to send.
    pub drain: Duration,
}

impl Default for Patience {
    /// Resend after 1 s to 30 s, `busy` after 10 ms to 1 s, silence of 3 s to 30 s, drain 30 s.
    fn default() -> Self {
        Self {
            resend: RESEND_FIRST,
            resend_longest: RESEND_LONGEST,
            busy: BUSY_FIRST,
            busy_longest: BUSY_LONGEST,
            silence: SILENCE_FIRST,
            silence_longest: SILENCE_LONGEST,
            ask_every: HELD_ASK_EVERY,
            drain: DRAIN,
        }
    }
}

/// What a courier carries, and how.
pub(crate) struct CourierConfig {
    pub(crate) source: SourceId,
    pub(crate) kind: RequestKind,
    pub(crate) encoding: Encoding,
    pub(crate) capacity: usize,
    pub(crate) batch: usize,
    pub(crate) waits_for_held: bool,
    pub(crate) patience: Patience,
}

/// One source's messages of one kind, and its end of the link.
pub(crate) struct Courier {
    source: SourceId,
    kind: RequestKind,
    encoding: Encoding,
    batch: usize,
    waits_for_held: bool,
    silence: Backoff,
    link: Link,
    window: Window,
    parcel: Parcel,
    /// Messages to be sent again, on their way into a parcel.
    due: VecDeque<u64>,
    heard_at: Nanos,
    /// How often the connection was made anew since something was heard.
    silences: u32,
    frame: Vec<u8>,
    replies: Vec<Reply>,
    progress: Progress,
    counters: Counters,
}

impl Courier {
    pub(crate) fn new(
        config: CourierConfig,
        mut link: Link,
        progress: Progress,
        counters: Counters,
    ) -> Self {
        link.count_into(&counters);
        let CourierConfig { source, kind, encoding, capacity, batch, waits_for_held, patience } =
            config;
        let window = Window::new(WindowConfig {
            capacity,
            resend: Backoff { first: patience.resend, longest: patience.resend_longest },
            busy: Backoff { first: patience.busy, longest: patience.busy_longest },
            ask_every: waits_for_held.then_some(patience.ask_every),
        });
        Self {
            source,
            kind,
            encoding,
            batch,
            waits_for_held,
            silence: Backoff { first: patience.silence, longest: patience.silence_longest },
            link,
            window,
            parcel: Parcel::new(kind, encoding),
            due: VecDeque::new(),
            heard_at: Nanos::ZERO,
            silences: 0,
            frame: Vec::new(),
            replies: Vec::new(),
            progress,
            counters,
        }
    }

    /// Whether a message of this number can be taken now.
    pub(crate) fn has_room(&self, seq: u64) -> bool {
        !self.parcel.is_closed() && self.window.has_room(seq)
    }

    /// Whether no answer is due, nor the one after `held` where it is waited for.
    pub(crate) fn is_settled(&self) -> bool {
        let held_count = if self.waits_for_held { self.window.held_count() } else { 0 };
        self.window.open_count() == 0 && held_count == 0
    }

    /// Takes a message; it leaves when the parcel is full or flushed. Returns how many left.
    pub(crate) fn post(&mut self, request: &Request, now: Nanos) -> usize {
        if self.window.open_count() == 0 {
            self.heard_at = now;
        }
        let encoding = self.encoding;
        let record = self.window.admit(request.seq(), |record| match encoding {
            Encoding::Json => encode_line(request, record),
            Encoding::Binary => encode_request(request, record),
        });
        self.parcel.push(request.seq(), record);
        if self.parcel.count() < self.batch { 0 } else { self.flush(now) }
    }

    /// Hands the parcel to the link, full or not; returns how many left.
    pub(crate) fn flush(&mut self, now: Nanos) -> usize {
        if self.parcel.count() == 0 || self.link.send(self.parcel.close()).is_err() {
            return 0;
        }
        for seq in self.parcel.unload() {
            let (tally, counter) = if self.window.sent(seq, now) {
                (Tally::Sent, Counter::FeedSent)
            } else {
                (Tally::Resent, Counter::FeedResent)
            };
            self.progress.add(tally, 1);
            self.counters.add(counter, 1);
        }
        self.progress.touch(now);
        1
    }

    /// Sends again what is due, over a new connection if nothing was heard for long.
    pub(crate) fn retry(&mut self, now: Nanos) -> usize {
        let mut left = self.flush(now);
        if self.silence_at() <= now {
            self.reconnect(now);
        }
        if !self.parcel.is_closed() {
            self.window.take_due(now, &mut self.due);
        }
        while left < FRAMES_PER_TURN && !self.parcel.is_closed() {
            let Some(seq) = self.due.pop_front() else { break };
            if let Some(record) = self.window.record(seq) {
                self.parcel.push(seq, record);
            }
            if self.parcel.count() == self.batch || self.due.is_empty() {
                left += self.flush(now);
            }
        }
        left
    }

    fn reconnect(&mut self, now: Nanos) {
        let silent_for = now - self.heard_at;
        tracing::warn!(source = %self.source, ?silent_for, "nothing heard; connecting anew");
        if let Err(error) = self.link.reconnect() {
            tracing::error!(source = %self.source, %error, "no new connection");
        }
        self.progress.add(Tally::Reconnects, 1);
        self.silences = self.silences.saturating_add(1);
        self.heard_at = now;
        self.parcel.unload().for_each(drop);
        self.due.clear();
        self.window.make_all_due(now);
    }

    /// Takes in what the front door has said; hands each answer that changes something, with what
    /// it changes, to `on_answer`. Returns how many messages there were.
    pub(crate) fn hear(&mut self, now: Nanos, mut on_answer: impl FnMut(&Reply, Effect)) -> usize {
        let mut frame_count = 0;
        while frame_count < FRAMES_PER_TURN && self.link.receive(&mut self.frame) {
            frame_count += 1;
            self.heard_at = now;
            self.silences = 0;
            let mut replies = std::mem::take(&mut self.replies);
            if let Err(error) = decode_replies(&self.frame, &mut replies) {
                self.count_strange(&format!("a damaged message: {error}"));
            }
            for reply in replies.drain(..) {
                let effect = self.settle(&reply, now);
                self.count(&reply, effect, now);
                if matches!(effect, Effect::First(_) | Effect::Followed) {
                    on_answer(&reply, effect);
                }
            }
            self.replies = replies;
        }
        frame_count
    }

    fn settle(&mut self, reply: &Reply, now: Nanos) -> Effect {
        match answer(self.kind, reply) {
            Some(answer) if reply.source() == self.source.as_str() => {
                self.window.settle(reply.seq(), answer, now)
            }
            _ => Effect::Unknown,
        }
    }

    fn count(&self, reply: &Reply, effect: Effect, now: Nanos) {
        match effect {
            Effect::First(latency) => {
                self.progress.add(Tally::Answered, 1);
                self.counters.add(Counter::FeedAnswered, 1);
                self.progress.note_latency(latency);
                self.count_answer(reply);
            }
            Effect::Followed => {
                self.progress.add(Tally::Followed, 1);
                self.count_answer(reply);
            }
            Effect::Again => self.progress.add(Tally::Again, 1),
            Effect::Postponed => self.progress.add(Tally::Busy, 1),
            Effect::Unknown => {
                self.count_strange(&format!("{reply:?} answers nothing of this feed"))
            }
        }
        self.progress.touch(now);
    }

    /// Says so for the first few: a server that is not ours would fill the log.
    fn count_strange(&self, what: &str) {
        self.progress.add(Tally::Strange, 1);
        if self.progress.get(Tally::Strange) <= STRANGE_LOGGED_MAX {
            tracing::warn!(source = %self.source, what, "the server says something strange");
        }
    }

    fn count_answer(&self, reply: &Reply) {
        if reply.is_duplicate() {
            self.progress.add(Tally::Duplicates, 1);
        }
        match reply {
            Reply::Allocated { .. } => self.progress.add(Tally::Allocated, 1),
            Reply::Accepted { .. } => self.progress.add(Tally::Accepted, 1),
            Reply::Held { .. } => self.progress.add(Tally::Held, 1),
            Reply::Rejected { seq, code, reason, .. } => {
                self.progress.note_rejection(*seq, code, reason);
            }
            Reply::Busted { .. } | Reply::Reported { .. } => {}
        }
    }

    /// Counts what will never be answered.
    pub(crate) fn give_up(&self) {
        let (lost, unsent) = self.window.lost();
        for (tally, count) in [(Tally::Lost, lost), (Tally::Unsent, unsent)] {
            self.progress.add(tally, u64::try_from(count).expect("a window is small"));
        }
    }

    /// When the next message is due again, or the silence has lasted too long. A refused parcel
    /// has no timer but that: the link wakes us.
    pub(crate) fn wake_at(&self) -> Nanos {
        let due = if self.parcel.is_closed() { Nanos::MAX } else { self.window.next_due() };
        due.min(self.silence_at())
    }

    pub(crate) fn wait_on<'a>(&'a self, waits: &mut Waits<'a>) {
        self.link.wait_on(waits);
    }

    fn silence_at(&self) -> Nanos {
        if self.window.open_count() == 0 {
            return Nanos::MAX;
        }
        self.heard_at + self.silence.after(self.silences.saturating_add(1))
    }
}

/// What a reply says of a request of this kind; none where it cannot be its answer.
fn answer(kind: RequestKind, reply: &Reply) -> Option<Answer> {
    let for_now = [Reject::Busy.code(), Reject::StorageFull.code()];
    match (kind, reply) {
        (_, Reply::Rejected { code, .. }) if for_now.contains(&code.as_str()) => Some(Answer::Busy),
        (_, Reply::Rejected { code, .. }) if *code == Reject::SequenceTooOld(0).code() => {
            Some(Answer::TooOld)
        }
        (RequestKind::Fill, Reply::Held { .. }) => Some(Answer::Held),
        (_, Reply::Rejected { .. })
        | (RequestKind::Fill, Reply::Allocated { .. })
        | (RequestKind::Split, Reply::Accepted { .. }) => Some(Answer::Final),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_sent_again_is_not_given_up() {
        let rejected = |code: &str| Reply::Rejected {
            source: "f".to_owned(),
            seq: 1,
            duplicate: false,
            late: false,
            code: code.to_owned(),
            reason: String::new(),
        };
        for (code, expected) in [
            ("busy", Answer::Busy),
            ("storage_full", Answer::Busy),
            ("sequence_too_old", Answer::TooOld),
            ("exceeds_holdings", Answer::Final),
        ] {
            for kind in [RequestKind::Fill, RequestKind::Split] {
                assert_eq!(answer(kind, &rejected(code)), Some(expected), "{code}");
            }
        }
    }
}
