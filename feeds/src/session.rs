//! A session: delivers requests to the front door at least once, over one connection at a time.
//!
//! ```text
//!   push ─► in flight ─► batch ═► link ═► front door
//!             ▲   │ due   ▲
//!             │   └───────┘
//!             └── replies ◄══ link ◄═════ front door
//! ```

use std::collections::VecDeque;

use allot_allocation_service::{
    Reply, Request, RequestKind, decode_replies, encode_line, encode_request,
};
use allot_domain::{Backoff, Seq, SourceId};
use allot_runtime::{Clock, Counters, Link, Nanos, PollSet};
use allot_wire::Encoding;

use crate::batch_builder::BatchBuilder;
use crate::in_flight::{Effect, InFlight, InFlightConfig};
use crate::limits::{FRAMES_PER_TURN, REASONS_MAX};
use crate::notes::GaveUp;
use crate::recorder::Recorder;
use crate::reply_kind::{ReplyKind, nothing_taken};
use crate::silence::Silence;
use crate::{FeedProgress, Patience, ReplyLog};

/// What a session sends, and how.
pub(crate) struct SessionConfig {
    pub(crate) source: SourceId,
    pub(crate) kind: RequestKind,
    pub(crate) encoding: Encoding,
    /// The most messages without a reply.
    pub(crate) in_flight_max: usize,
    /// The most requests of one message.
    pub(crate) batch_max: usize,
    /// Whether it waits for the shares of held fills.
    pub(crate) waits_for_held: bool,
    pub(crate) patience: Patience,
}

/// One source's requests of one kind, and its end of the link.
pub(crate) struct Session {
    config: SessionConfig,
    link: Link,
    /// What replies are timed by, if not by the turn that takes them.
    clock: Option<Clock>,
    in_flight: InFlight,
    batch: BatchBuilder,
    /// The sequence numbers to be resent, on their way into a batch.
    due_seqs: VecDeque<Seq>,
    silence: Silence,
    /// Why the server takes nothing, if the last message from it said so.
    refused: Option<String>,
    frame: Vec<u8>,
    replies: Vec<Reply>,
    recorder: Recorder,
}

impl Session {
    pub(crate) fn new(
        config: SessionConfig,
        mut link: Link,
        progress: FeedProgress,
        counters: Counters,
    ) -> Self {
        link.count_into(&counters);
        let patience = config.patience;
        let in_flight = InFlight::new(InFlightConfig {
            capacity: config.in_flight_max,
            resend: Backoff { first: patience.resend, longest: patience.resend_longest },
            busy: Backoff { first: patience.busy, longest: patience.busy_longest },
            ask_every: config.waits_for_held.then_some(patience.ask_every),
        });
        let silence = Backoff { first: patience.silence, longest: patience.silence_longest };
        Self {
            batch: BatchBuilder::new(config.kind, config.encoding),
            config,
            link,
            clock: None,
            in_flight,
            due_seqs: VecDeque::new(),
            silence: Silence::new(silence),
            refused: None,
            frame: Vec::new(),
            replies: Vec::new(),
            recorder: Recorder::new(progress, counters),
        }
    }

    /// Appends every reply to `reply_log` from now on.
    pub(crate) fn log_replies(&mut self, reply_log: ReplyLog) {
        self.recorder.log_replies(reply_log);
    }

    /// Times replies by this clock from now on, which must be that of the turns.
    ///
    /// A turn writes to the kernel before it reads, and that takes as long as a reply: by the time
    /// of its beginning, the reply would have come before there was one.
    pub(crate) fn time_replies_by(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// Whether a request with this sequence number can be pushed now.
    pub(crate) fn has_room(&self, seq: Seq) -> bool {
        !self.batch.is_closed() && self.in_flight.has_room(seq)
    }

    /// Whether no reply is expected; the one that follows `held` counts where it is waited for.
    pub(crate) fn is_idle(&self) -> bool {
        let held_count = if self.config.waits_for_held { self.in_flight.held_count() } else { 0 };
        self.in_flight.open_count() == 0 && held_count == 0
    }

    /// Takes a request, and the line of the file that it comes from; it leaves when its batch is
    /// full or flushed.
    pub(crate) fn push(&mut self, request: &Request, line: Option<u64>, now: Nanos) {
        self.recorder.open_line(request.seq(), line);
        if self.in_flight.open_count() == 0 {
            self.silence.begin(now);
        }
        let encoding = self.config.encoding;
        let record = self.in_flight.admit(request.seq(), |record| match encoding {
            Encoding::Json => encode_line(request, record),
            Encoding::Binary => encode_request(request, record),
        });
        self.batch.push(request.seq(), record);
        if self.config.batch_max <= self.batch.count() {
            self.flush(now);
        }
    }

    /// Hands the batch to the link, full or not; returns how many messages left.
    pub(crate) fn flush(&mut self, now: Nanos) -> usize {
        if self.batch.count() == 0 || self.link.send(self.batch.close()).is_err() {
            return 0;
        }
        self.silence.note_sent(now);
        for seq in self.batch.drain() {
            let is_first = self.in_flight.sent(Seq::new(seq.get()), now);
            self.recorder.count_sent(is_first);
        }
        self.recorder.touch(now);
        1
    }

    /// Reconnects after too long a silence, and resends what is due. Returns how many messages
    /// left.
    pub(crate) fn check_timers(&mut self, now: Nanos) -> usize {
        let mut sent_count = self.flush(now);
        if self.silence_ends_at() <= now {
            self.reconnect(now);
        }
        if !self.batch.is_closed() {
            self.in_flight.take_due(now, &mut self.due_seqs);
        }
        while sent_count < FRAMES_PER_TURN && !self.batch.is_closed() {
            let Some(seq) = self.due_seqs.pop_front() else { break };
            if let Some(record) = self.in_flight.record(seq) {
                self.batch.push(seq, record);
            }
            if self.batch.count() == self.config.batch_max || self.due_seqs.is_empty() {
                sent_count += self.flush(now);
            }
        }
        sent_count
    }

    /// Replaces the connection, and makes everything due. Before anything has ever left, this is
    /// only another attempt to reach a server that is not there yet, and is not counted.
    fn reconnect(&mut self, now: Nanos) {
        if let Some(silent_for) = self.silence.lasted(now) {
            self.recorder.count_reconnect(silent_for);
        }
        if let Err(error) = self.link.reconnect() {
            tracing::error!(source = %self.config.source, %error, "cannot reconnect");
        }
        self.silence.note_reconnect(now);
        self.batch.drain().for_each(drop);
        self.due_seqs.clear();
        self.in_flight.make_all_due(now);
    }

    /// Receives what the front door has sent. Calls `on_reply` with each reply that changes
    /// something, and what it changes. Returns how many messages arrived.
    pub(crate) fn receive(
        &mut self,
        now: Nanos,
        mut on_reply: impl FnMut(&Reply, Effect),
    ) -> usize {
        let mut frame_count = 0;
        while frame_count < FRAMES_PER_TURN && self.link.receive(&mut self.frame) {
            frame_count += 1;
            let now = self.clock.as_ref().map_or(now, Clock::now);
            self.silence.note_received(now);
            let mut replies = std::mem::take(&mut self.replies);
            if let Err(error) = decode_replies(&self.frame, &mut replies) {
                self.recorder.count_unexpected(&format!("a damaged message: {error}"));
            }
            self.refused = replies.iter().find_map(nothing_taken).map(str::to_owned);
            if self.refused.is_none() || !replies.iter().all(|one| nothing_taken(one).is_some()) {
                self.silence.note_taken(now);
            }
            let was_full = self.in_flight.is_held_full();
            for reply in replies.drain(..) {
                self.recorder.log(&reply);
                let effect = self.acknowledge(&reply, now);
                self.recorder.count(&reply, effect, now);
                if matches!(effect, Effect::First(_) | Effect::Followed) {
                    on_reply(&reply, effect);
                }
            }
            self.replies = replies;
            if !was_full && self.in_flight.is_held_full() {
                self.recorder.warn_held_full();
            }
        }
        frame_count
    }

    fn acknowledge(&mut self, reply: &Reply, now: Nanos) -> Effect {
        match ReplyKind::of(reply, self.config.kind) {
            Some(kind) if reply.source() == self.config.source.as_str() => {
                self.in_flight.acknowledge(reply.seq(), kind, now)
            }
            _ => Effect::Unknown,
        }
    }

    /// Names fills by the lines of this file from now on.
    pub(crate) fn name_lines_of(&mut self, file: &str) {
        self.recorder.name_lines_of(file);
    }

    /// When there was nothing from the server for too long, or nothing but that it takes nothing,
    /// while a reply was expected.
    pub(crate) fn gives_up_at(&self) -> Nanos {
        if self.in_flight.open_count() == 0 {
            return Nanos::MAX;
        }
        self.silence.taken_at() + self.config.patience.give_up
    }

    /// Notes that it was so.
    pub(crate) fn note_gave_up(&self, now: Nanos) {
        let (after, refused) = (now - self.silence.taken_at(), self.refused.clone());
        self.recorder.note_gave_up(GaveUp { after, refused });
    }

    /// Counts what will never have a reply, and keeps where the first of it stands.
    pub(crate) fn give_up(&self) {
        self.recorder.count_lost(self.in_flight.lost());
        let (held, unanswered) = self.in_flight.first_open(REASONS_MAX);
        self.recorder.note_open(&held, &unanswered);
    }

    /// When the next message is due, or the silence is too long. A batch that the link refused has
    /// no timer but the silence: the link wakes us.
    pub(crate) fn wake_at(&self) -> Nanos {
        let due = if self.batch.is_closed() { Nanos::MAX } else { self.in_flight.next_due() };
        due.min(self.silence_ends_at())
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.link.wait_on(poll_set);
    }

    /// A silence is a silence only while a reply is expected.
    fn silence_ends_at(&self) -> Nanos {
        if self.in_flight.open_count() == 0 { Nanos::MAX } else { self.silence.ends_at() }
    }
}
