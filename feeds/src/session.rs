//! The session: brings requests to the front door, and each of them again until it is answered.
//!
//! ```text
//!   post ─► window ─► batch ═► link ═► front door
//!             ▲  │ due again     ▲
//!             │  └───────────────┘
//!             └── answers ◄══ link ◄══
//! ```

use crate::backoff::Backoff;
use crate::batch_builder::BatchBuilder;
use crate::in_flight::{Effect, InFlight, InFlightConfig, ReplyKind};
use crate::limits::{
    BUSY_FIRST, BUSY_LONGEST, DRAIN, FRAMES_PER_TURN, HELD_ASK_EVERY, RESEND_FIRST, RESEND_LONGEST,
    SILENCE_FIRST, SILENCE_LONGEST, UNEXPECTED_LOGGED_MAX,
};
use crate::{FeedProgress, ReplyLog, Tally};
use allot_domain::{Reject, SourceId};
use allot_runtime::{Counter, Counters, Link, Nanos, PollSet};
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

/// What a session carries, and how.
pub(crate) struct SessionConfig {
    pub(crate) source: SourceId,
    pub(crate) kind: RequestKind,
    pub(crate) encoding: Encoding,
    pub(crate) capacity: usize,
    pub(crate) batch_max: usize,
    pub(crate) waits_for_held: bool,
    pub(crate) patience: Patience,
}

/// One source's messages of one kind, and its end of the link.
pub(crate) struct Session {
    source: SourceId,
    kind: RequestKind,
    encoding: Encoding,
    batch_max: usize,
    waits_for_held: bool,
    silence: Backoff,
    link: Link,
    in_flight: InFlight,
    batch: BatchBuilder,
    /// Messages to be sent again, on their way into a batch.
    due: VecDeque<u64>,
    /// Since when an answer is due and nothing was heard.
    silent_since: Nanos,
    /// How often the connection was made anew since something was heard.
    silences: u32,
    /// Whether anything has left over this connection, and over any.
    has_left: bool,
    has_ever_left: bool,
    /// The code that was told of last, of those that mean that there is no room.
    no_room_code: String,
    frame: Vec<u8>,
    replies: Vec<Reply>,
    reply_log: Option<ReplyLog>,
    progress: FeedProgress,
    counters: Counters,
}

impl Session {
    pub(crate) fn new(
        config: SessionConfig,
        mut link: Link,
        progress: FeedProgress,
        counters: Counters,
    ) -> Self {
        link.count_into(&counters);
        let SessionConfig { source, kind, encoding, capacity, batch_max, waits_for_held, patience } =
            config;
        let in_flight = InFlight::new(InFlightConfig {
            capacity,
            resend: Backoff { first: patience.resend, longest: patience.resend_longest },
            busy: Backoff { first: patience.busy, longest: patience.busy_longest },
            ask_every: waits_for_held.then_some(patience.ask_every),
        });
        Self {
            source,
            kind,
            encoding,
            batch_max,
            waits_for_held,
            silence: Backoff { first: patience.silence, longest: patience.silence_longest },
            link,
            in_flight,
            batch: BatchBuilder::new(kind, encoding),
            due: VecDeque::new(),
            silent_since: Nanos::ZERO,
            silences: 0,
            has_left: false,
            has_ever_left: false,
            no_room_code: String::new(),
            frame: Vec::new(),
            replies: Vec::new(),
            reply_log: None,
            progress,
            counters,
        }
    }

    /// Keeps every answer from now on.
    pub(crate) fn log_replies(&mut self, reply_log: ReplyLog) {
        self.reply_log = Some(reply_log);
    }

    /// Whether a message of this number can be taken now.
    pub(crate) fn has_room(&self, seq: u64) -> bool {
        !self.batch.is_closed() && self.in_flight.has_room(seq)
    }

    /// Whether no answer is due, nor the one after `held` where it is waited for.
    pub(crate) fn is_idle(&self) -> bool {
        let held_count = if self.waits_for_held { self.in_flight.held_count() } else { 0 };
        self.in_flight.open_count() == 0 && held_count == 0
    }

    /// Takes a message; it leaves when the batch is full or flushed. Returns how many left.
    pub(crate) fn push(&mut self, request: &Request, now: Nanos) -> usize {
        if self.in_flight.open_count() == 0 {
            self.silent_since = now;
        }
        let encoding = self.encoding;
        let record = self.in_flight.admit(request.seq(), |record| match encoding {
            Encoding::Json => encode_line(request, record),
            Encoding::Binary => encode_request(request, record),
        });
        self.batch.push(request.seq(), record);
        if self.batch.count() < self.batch_max { 0 } else { self.flush(now) }
    }

    /// Hands the batch to the link, full or not; returns how many left.
    pub(crate) fn flush(&mut self, now: Nanos) -> usize {
        if self.batch.count() == 0 || self.link.send(self.batch.close()).is_err() {
            return 0;
        }
        self.note_sent(now);
        for seq in self.batch.unload() {
            let (tally, counter) = if self.in_flight.sent(seq, now) {
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

    /// A silence lasts from when there was somebody to answer.
    fn note_sent(&mut self, now: Nanos) {
        if !self.has_left {
            self.silent_since = now;
        }
        (self.has_left, self.has_ever_left) = (true, true);
    }

    /// Sends again what is due, over a new connection if nothing was heard for long.
    pub(crate) fn retry(&mut self, now: Nanos) -> usize {
        let mut left = self.flush(now);
        if self.silence_at() <= now {
            self.reconnect(now);
        }
        if !self.batch.is_closed() {
            self.in_flight.take_due(now, &mut self.due);
        }
        while left < FRAMES_PER_TURN && !self.batch.is_closed() {
            let Some(seq) = self.due.pop_front() else { break };
            if let Some(record) = self.in_flight.record(seq) {
                self.batch.push(seq, record);
            }
            if self.batch.count() == self.batch_max || self.due.is_empty() {
                left += self.flush(now);
            }
        }
        left
    }

    /// Makes the connection anew. While nothing has ever left this only tries again to reach a
    /// server that is not there yet, which is neither said nor counted.
    fn reconnect(&mut self, now: Nanos) {
        if self.has_ever_left {
            let silent_for = now - self.silent_since;
            tracing::warn!(source = %self.source, ?silent_for, "nothing heard; connecting anew");
            self.progress.add(Tally::Reconnects, 1);
        }
        if let Err(error) = self.link.reconnect() {
            tracing::error!(source = %self.source, %error, "no new connection");
        }
        self.silences = self.silences.saturating_add(1);
        self.silent_since = now;
        self.has_left = false;
        self.batch.unload().for_each(drop);
        self.due.clear();
        self.in_flight.make_all_due(now);
    }

    /// Takes in what the front door has said; hands each answer that changes something, with what
    /// it changes, to `on_reply`. Returns how many messages there were.
    pub(crate) fn receive(
        &mut self,
        now: Nanos,
        mut on_reply: impl FnMut(&Reply, Effect),
    ) -> usize {
        let mut frame_count = 0;
        while frame_count < FRAMES_PER_TURN && self.link.receive(&mut self.frame) {
            frame_count += 1;
            self.silent_since = now;
            self.silences = 0;
            let mut replies = std::mem::take(&mut self.replies);
            if let Err(error) = decode_replies(&self.frame, &mut replies) {
                self.count_unexpected(&format!("a damaged message: {error}"));
            }
            for reply in replies.drain(..) {
                self.log(&reply);
                let effect = self.acknowledge(&reply, now);
                self.count(&reply, effect, now);
                if matches!(effect, Effect::First(_) | Effect::Followed) {
                    on_reply(&reply, effect);
                }
            }
            self.replies = replies;
        }
        frame_count
    }

    /// A feed that cannot keep its answers sends nothing new: it was asked to keep all of them.
    fn log(&mut self, reply: &Reply) {
        let Some(reply_log) = &mut self.reply_log else { return };
        if let Err(what) = reply_log.append(reply) {
            tracing::error!(source = %self.source, what, "an answer cannot be kept; ending");
            self.reply_log = None;
            self.progress.note_log_failure(what);
        }
    }

    fn acknowledge(&mut self, reply: &Reply, now: Nanos) -> Effect {
        match reply_kind(self.kind, reply) {
            Some(kind) if reply.source() == self.source.as_str() => {
                self.in_flight.acknowledge(reply.seq(), kind, now)
            }
            _ => Effect::Unknown,
        }
    }

    fn count(&mut self, reply: &Reply, effect: Effect, now: Nanos) {
        match effect {
            Effect::First(latency) => {
                self.progress.add(Tally::Answered, 1);
                self.counters.add(Counter::FeedAnswered, 1);
                self.progress.note_latency(latency);
                self.count_reply(reply);
            }
            Effect::Followed => {
                self.progress.add(Tally::Followed, 1);
                self.count_reply(reply);
            }
            Effect::Again => self.progress.add(Tally::Again, 1),
            Effect::Postponed => {
                self.progress.add(Tally::Busy, 1);
                self.warn_no_room(reply);
            }
            Effect::Unknown => {
                self.count_unexpected(&format!("{reply:?} answers nothing of this feed"))
            }
        }
        self.progress.touch(now);
    }

    /// Says so once in a row for each reason: it may last, and somebody may have to make room.
    fn warn_no_room(&mut self, reply: &Reply) {
        if let Reply::Rejected { code, reason, .. } = reply
            && *code != self.no_room_code
        {
            tracing::warn!(source = %self.source, code, reason, "no room; sending again later");
            self.no_room_code.clone_from(code);
        }
    }

    /// Says so for the first few: a server that is not ours would fill the log.
    fn count_unexpected(&self, what: &str) {
        self.progress.add(Tally::Strange, 1);
        if self.progress.get(Tally::Strange) <= UNEXPECTED_LOGGED_MAX {
            tracing::warn!(source = %self.source, what, "the server says something strange");
        }
    }

    fn count_reply(&self, reply: &Reply) {
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
        let lost = self.in_flight.lost();
        for (tally, count) in [(Tally::Lost, lost.sent), (Tally::Unsent, lost.unsent)] {
            self.progress.add(tally, u64::try_from(count).expect("few messages are in flight"));
        }
    }

    /// When the next message is due again, or the silence has lasted too long. A refused batch
    /// has no timer but that: the link wakes us.
    pub(crate) fn wake_at(&self) -> Nanos {
        let due = if self.batch.is_closed() { Nanos::MAX } else { self.in_flight.next_due() };
        due.min(self.silence_at())
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.link.wait_on(poll_set);
    }

    fn silence_at(&self) -> Nanos {
        if self.in_flight.open_count() == 0 {
            return Nanos::MAX;
        }
        self.silent_since + self.silence.after(self.silences.saturating_add(1))
    }
}

/// The codes of rejections that say nothing of the message, only that there is no room for it now:
/// it changed nothing, and is to be sent again later. By their texts, as both encodings have them:
/// a feed knows what a newer server means.
const NO_ROOM: [&str; 2] = ["busy", "storage_full"];

/// What a reply says of a request of this kind; none where it cannot be its answer.
fn reply_kind(kind: RequestKind, reply: &Reply) -> Option<ReplyKind> {
    match (kind, reply) {
        (_, Reply::Rejected { code, .. }) if NO_ROOM.contains(&&**code) => Some(ReplyKind::Busy),
        (_, Reply::Rejected { code, .. }) if *code == Reject::SequenceTooOld(0).code() => {
            Some(ReplyKind::TooOld)
        }
        (RequestKind::Fill, Reply::Held { .. }) => Some(ReplyKind::Held),
        (_, Reply::Rejected { .. })
        | (RequestKind::Fill, Reply::Allocated { .. })
        | (RequestKind::Split, Reply::Accepted { .. }) => Some(ReplyKind::Final),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_is_no_reply_and_every_other_rejection_is_one() {
        assert!(NO_ROOM.contains(&Reject::Busy.code()));
        let kind_of = |code: &str| {
            let (source, code, reason) = (String::new(), code.to_owned(), String::new());
            let (duplicate, late) = (false, false);
            let reply = Reply::Rejected { source, seq: 1, duplicate, late, code, reason };
            reply_kind(RequestKind::Fill, &reply)
        };
        for code in NO_ROOM {
            assert_eq!(kind_of(code), Some(ReplyKind::Busy), "{code}");
        }
        for code in Reject::CODES.iter().filter(|code| !NO_ROOM.contains(code)) {
            let expected =
                if *code == "sequence_too_old" { ReplyKind::TooOld } else { ReplyKind::Final };
            assert_eq!(kind_of(code), Some(expected), "{code}");
        }
    }
}
