//! The router's duty cycle: replies in, messages in, both on their way.

use std::marker::PhantomData;

use allot_domain::{Reject, ReportNumber, ShardId};
use allot_runtime::{Agent, Counter, Counters, Door, Envelope, Hub, Nanos, PollSet, Stage, Stages};
use allot_wire::backplane::{
    self, ClientHandle, FrameKind, Hello, InputFrame, ReplyFrame, ReplyTo, To, replies,
};
use allot_wire::reply::{Echo, write_reported};
use allot_wire::{Encoding, Rejection};

use crate::admission::Admission;
use crate::limits::{
    CHECK_EVERY, FRAMES_PER_TURN, MESSAGES_LEN_PER_TURN, MESSAGES_PER_TURN, PARKED_RETRY,
    PAUSE_LEAST, SHUT_AT_MOST, SLICE_LEN_FULL, TOO_MUCH_LEN,
};
use crate::markers::Markers;
use crate::pending_check::{CheckNumbers, PendingCheck};
use crate::pending_to_all::PendingToAll;
use crate::progress::Progress;
use crate::replies::Replies;
use crate::report_requests::{ReportRequest, ReportRequests};
use crate::shard_streams::{Greeting, Reached, ShardStreams};
use crate::{Protocol, RouterConfig};

/// The front door, as an agent.
pub struct Router<P> {
    replies: Replies,
    streams: ShardStreams,
    markers: Markers,
    pending_to_all: Option<PendingToAll>,
    pending_check: Option<PendingCheck>,
    check_numbers: CheckNumbers,
    /// How far the message in `envelope` is admitted, where the rest of it waits for the check.
    unfinished: Option<(ReplyTo, Progress)>,
    report_requests: ReportRequests,
    counters: Counters,
    stages: Stages,
    scratch: Vec<u8>,
    envelope: Envelope,
    frame: Vec<u8>,
    replied: Vec<ClientHandle>,
    open: bool,
    open_at: Nanos,
    check_at: Nanos,
    now: Nanos,
    protocol: PhantomData<fn() -> P>,
}

impl<P: Protocol> Router<P> {
    /// A router with its door, and its links: to the shards, then to the publisher, then to
    /// feeders, which send feedback as the publisher does.
    ///
    /// # Panics
    /// If the hub has not one peer for each shard and one more.
    #[must_use]
    pub fn new(config: RouterConfig, door: Door, peers: Hub, counters: Counters) -> Self {
        Self {
            replies: Replies::new(door, config.incarnation, counters.clone()),
            streams: ShardStreams::new(
                config.incarnation,
                peers,
                config.shards,
                config.inputs_owed_max,
                counters.clone(),
            ),
            markers: Markers::new(config.report_every, config.marker_every),
            pending_to_all: None,
            pending_check: None,
            check_numbers: CheckNumbers::new(config.incarnation),
            unfinished: None,
            report_requests: ReportRequests::default(),
            counters,
            stages: Stages::off(),
            scratch: Vec::new(),
            envelope: Envelope::new(),
            frame: Vec::new(),
            replied: Vec::new(),
            open: false,
            open_at: Nanos::MAX,
            check_at: Nanos::ZERO,
            now: Nanos::ZERO,
            protocol: PhantomData,
        }
    }

    /// The same router, with its stages timed into this set.
    #[must_use]
    pub fn timed(mut self, stages: &Stages) -> Self {
        self.stages = stages.clone();
        self.streams.time(stages);
        self.replies.time(stages);
        self
    }

    /// Where clients connect to, with the real port.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.replies.endpoint()
    }

    fn take_frames(&mut self, now: Nanos) -> usize {
        let mut frame = std::mem::take(&mut self.frame);
        let mut work_count = 0;
        while work_count < FRAMES_PER_TURN {
            let Some(peer) = self.streams.receive(&mut frame) else {
                break;
            };
            work_count += 1;
            if !self.on_frame(peer, &frame, now) {
                self.counters.add(Counter::FramesDropped, 1);
            }
        }
        self.frame = frame;
        work_count
    }

    fn on_frame(&mut self, peer: usize, frame: &[u8], now: Nanos) -> bool {
        let is_shard = peer < self.streams.count();
        match backplane::kind(frame) {
            Some(FrameKind::Replies) if is_shard => self.on_replies(ShardId::at(peer), frame, now),
            Some(FrameKind::Hello) if is_shard => self.on_hello(ShardId::at(peer), frame, now),
            Some(FrameKind::Feedback) if !is_shard => self.on_feedback(frame),
            Some(FrameKind::Reported) if !is_shard => self.on_reported(frame, now),
            _ => false,
        }
    }

    fn on_replies(&mut self, shard: ShardId, frame: &[u8], now: Nanos) -> bool {
        let Ok(frame) = replies::read(frame) else {
            return false;
        };
        self.stages.arrive(Stage::Return, Nanos::from_unix(frame.left_ns));
        let reached = Reached { through: frame.through, durable: frame.durable };
        let mut understood = true;
        for reply in frame {
            let Ok(reply) = reply else {
                understood = false;
                break;
            };
            self.on_reply(shard, &reply);
        }
        let mut replied = std::mem::take(&mut self.replied);
        assert!(replied.is_empty(), "those who waited for the frame before have heard");
        self.streams.on_replies(shard, reached, now, &mut replied);
        replied.drain(..).for_each(|client| self.replies.mark_replied(client));
        self.replied = replied;
        self.reply_for_all();
        understood
    }

    #[inline]
    fn on_reply(&mut self, shard: ShardId, reply: &ReplyFrame<'_>) {
        let ReplyFrame { to, encoding, body } = *reply;
        match to {
            To::Client(client) => self.replies.deliver(client, encoding, body),
            To::Source(source) => self.replies.deliver_late(source, encoding, body),
            To::ClientOfAll(client) => {
                let pending = self.pending_to_all.as_mut();
                if let Some(pending) = pending.filter(|pending| pending.client == client) {
                    pending.reply = Some((encoding, body.to_vec()));
                }
            }
            To::Router(check) => {
                if let Some(pending) = &mut self.pending_check {
                    pending.take(shard, check, body);
                }
            }
        }
    }

    /// Replies to the request that went to all once every shard has: what is acknowledged holds
    /// everywhere.
    fn reply_for_all(&mut self) {
        if !self.streams.broadcast_is_replied() {
            return;
        }
        if let Some(PendingToAll { client, reply }) = self.pending_to_all.take() {
            match reply {
                Some((encoding, body)) => {
                    self.replies.mark_replied(client);
                    self.replies.deliver(client, encoding, &body);
                }
                None => self.replies.give_up(client),
            }
        }
    }

    fn on_hello(&mut self, shard: ShardId, frame: &[u8], now: Nanos) -> bool {
        let Ok(hello) = backplane::decode_hello(frame) else {
            return false;
        };
        // No peer greets for another.
        if hello.shard != shard {
            return false;
        }
        let mut unreplied = std::mem::take(&mut self.replied);
        assert!(unreplied.is_empty(), "those who waited for the frame before have heard");
        if self.streams.on_hello(&hello, now, &mut unreplied) == Greeting::Joined {
            self.markers.catch_up(hello.marker);
            self.log_joined(&hello);
            // Without its part the report under way is not made.
            self.report_requests.give_up();
            self.pending_check.iter_mut().for_each(PendingCheck::give_up);
        }
        unreplied.drain(..).for_each(|client| self.replies.give_up(client));
        self.replied = unreplied;
        self.reply_for_all();
        true
    }

    /// Says which ledger the shards are of, where they are processes of their own.
    fn log_joined(&self, hello: &Hello) {
        if self.streams.may_lose() {
            let ledger = hello.ledger.map_or("none".to_owned(), |ledger| ledger.to_string());
            let (shard, inputs) = (hello.shard.get(), hello.applied.get());
            tracing::info!(shard, ledger, inputs, "a shard has joined");
        }
    }

    /// Feedback goes to all shards between the same inputs, or to none.
    fn on_feedback(&mut self, frame: &[u8]) -> bool {
        let Ok(feedback) = backplane::decode_feedback(frame) else {
            return false;
        };
        let is_known = P::FEEDBACK == Some(feedback.kind);
        let is_whole = feedback.bodies.len() == self.streams.count() && self.streams.all_here();
        if !is_known || !is_whole {
            return false;
        }
        let (reply_to, kind, time_ns) = (ReplyTo::NOBODY, feedback.kind, self.now.as_unix());
        for (shard, body) in self.streams.ids().zip(&feedback.bodies) {
            self.streams.push(shard, InputFrame { reply_to, kind, time_ns, body });
        }
        self.counters.add(Counter::Feedback, 1);
        true
    }

    /// A report is out: the next one may be made.
    fn on_reported(&mut self, frame: &[u8], now: Nanos) -> bool {
        let Ok(report) = backplane::decode_reported(frame) else {
            return false;
        };
        if self.report_requests.end(report) {
            self.make_next_report(now);
        }
        true
    }

    /// Makes the report that requests wait for, or the regular one, unless one is under way.
    fn make_next_report(&mut self, now: Nanos) {
        let Some(requests) = self.report_requests.take_next() else {
            return;
        };
        let is_busy = self.streams.rejection_of_all() == Some(Reject::Busy);
        let report = ReportNumber::new(self.streams.push_marker(&mut self.markers, now, true));
        self.report_requests.begin(report, now);
        for request in &requests {
            self.reply_reported(request, (!is_busy).then_some(report), now);
        }
    }

    /// Tells a request that waited the number of its report, or `busy` where none can be made.
    fn reply_reported(
        &mut self,
        request: &ReportRequest,
        report: Option<ReportNumber>,
        now: Nanos,
    ) {
        let ReportRequest { reply_to: ReplyTo { client, encoding }, source, seq } = request;
        self.replies.mark_replied(*client);
        self.replies.append(*client, *encoding, |out| match report {
            Some(report) => {
                let (id, time_ns) = (None, now.as_unix());
                let echo = Echo { source, seq: *seq, id, time_ns, duplicate: false, late: false };
                write_reported(*encoding, echo, report, out);
            }
            None => Rejection::new(source, *seq, &Reject::Busy).encode(*encoding, out),
        });
    }

    /// Whether messages are taken: not while the shards are asked about a request.
    fn is_reading(&self) -> bool {
        self.open && self.pending_check.is_none()
    }

    /// Goes on with the request that was checked once every shard has said what it finds.
    fn end_check(&mut self, now: Nanos) -> usize {
        let Some(check) = &self.pending_check else {
            return 0;
        };
        let judged = check.findings().map(|findings| P::judge(check.submission(), &findings));
        let is_lost =
            check.is_given_up() || !self.streams.all_here() || self.streams.broadcast_is_replied();
        if judged.is_none() && !is_lost {
            return 0;
        }
        let check = self.pending_check.take().expect("it was there just now");
        self.admission(check.reply_to, now).end_check(&check, judged);
        1
    }

    /// Admits what waited for the check behind its request in the same message.
    fn finish_message(&mut self, envelope: &mut Envelope, now: Nanos) {
        if let Some((reply_to, progress)) = self.unfinished.take() {
            let _ = self.admit(envelope, reply_to, progress, now);
        }
    }

    fn take_messages(&mut self, now: Nanos) -> usize {
        if !self.is_reading() {
            return 0;
        }
        let mut envelope = std::mem::take(&mut self.envelope);
        self.finish_message(&mut envelope, now);
        let (mut work_count, mut len) = (0, 0);
        while self.pending_check.is_none()
            && work_count < MESSAGES_PER_TURN
            && len < MESSAGES_LEN_PER_TURN
            && let Some(progress) = self.replies.receive(&mut envelope)
        {
            let len_least = if progress.is_too_much { TOO_MUCH_LEN } else { SLICE_LEN_FULL };
            let len_least = envelope.body().len().min(len_least);
            let began = self.stages.begin(Stage::Route);
            let taken_len = self.on_message(&mut envelope, progress, now);
            // One line may be longer than a slice, and takes as much longer.
            len += if SLICE_LEN_FULL < taken_len { taken_len } else { len_least };
            self.stages.end(Stage::Route, began);
            work_count += 1;
        }
        self.envelope = envelope;
        self.counters.add(Counter::Received, u64::try_from(work_count).expect("a few"));
        work_count
    }

    /// Returns how much of the message was taken.
    #[inline]
    fn on_message(&mut self, envelope: &mut Envelope, progress: Progress, now: Nanos) -> usize {
        let clients = &mut self.replies.clients;
        let client = if progress.done == 0 {
            clients.arrive(envelope.identity(), envelope.delimiter())
        } else {
            clients.find(envelope.identity())
        };
        let Some(client) = client else {
            self.counters.add(Counter::RepliesUndeliverable, 1);
            return 0;
        };
        let encoding = Encoding::of(envelope.body());
        self.admit(envelope, ReplyTo { client, encoding }, progress, now)
    }

    #[inline]
    fn admit(
        &mut self,
        envelope: &mut Envelope,
        reply_to: ReplyTo,
        progress: Progress,
        now: Nanos,
    ) -> usize {
        let mut admission = self.admission(reply_to, now);
        admission.progress = progress;
        let rest = admission.admit::<P>(envelope);
        let taken_len = admission.taken_len;
        match rest {
            Some(progress) if self.pending_check.is_some() => {
                self.unfinished = Some((reply_to, progress));
            }
            Some(progress) => self.replies.pause(reply_to.client, envelope, progress),
            None => {}
        }
        taken_len
    }

    #[inline]
    fn admission(&mut self, reply_to: ReplyTo, now: Nanos) -> Admission<'_> {
        Admission {
            replies: &mut self.replies,
            streams: &mut self.streams,
            markers: &mut self.markers,
            pending_to_all: &mut self.pending_to_all,
            pending_check: &mut self.pending_check,
            check_numbers: &mut self.check_numbers,
            report_requests: &mut self.report_requests,
            scratch: &mut self.scratch,
            counters: &self.counters,
            reply_to,
            now,
            progress: Progress::default(),
            taken_len: 0,
        }
    }

    /// Opens the door when all shards are there, or when waiting for them has taken too long.
    fn check_timers(&mut self, now: Nanos) {
        self.open |= self.streams.all_here() || self.open_at <= now;
        if self.check_at <= now {
            // A pause of this process is no silence of the shards: what they sent meanwhile may not
            // have reached it yet.
            let was_paused = self.check_at + PAUSE_LEAST <= now;
            self.check_at = now + CHECK_EVERY;
            let gone = if was_paused { 0 } else { self.streams.check_absent(now) };
            self.counters.add(Counter::ShardAway, u64::try_from(gone).expect("a few"));
        }
        self.replies.set_now(now);
        if self.report_requests.is_lost(now) {
            self.report_requests.give_up();
        }
        if self.markers.report_is_due(now) {
            let is_late = self.report_requests.is_under_way();
            self.counters.add(Counter::ReportsLate, u64::from(is_late));
            self.report_requests.delay();
        }
        self.make_next_report(now);
    }
}

impl<P: Protocol> Agent for Router<P> {
    fn role(&self) -> &str {
        "router"
    }

    fn start(&mut self, now: Nanos) {
        self.markers.start(now);
        self.open_at = now + SHUT_AT_MOST;
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.now = now;
        self.streams.tick(now);
        let mut work_count = self.take_frames(now);
        self.check_timers(now);
        work_count += self.end_check(now);
        work_count += self.take_messages(now);
        work_count += self.streams.flush();
        work_count + self.replies.flush()
    }

    fn wake_at(&self) -> Nanos {
        let check_at = if self.open { self.check_at } else { self.check_at.min(self.open_at) };
        let retry_at = if self.replies.has_parked() { self.now + PARKED_RETRY } else { Nanos::MAX };
        let report_at = self.markers.report_at().min(self.report_requests.lost_at());
        let socket_at = self.replies.wake_at().min(self.streams.wake_at());
        check_at.min(report_at).min(retry_at).min(socket_at)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if self.is_reading() {
            self.replies.wait_on(poll_set);
        }
        self.streams.wait_on(poll_set);
    }

    fn close(&mut self, now: Nanos) {
        self.do_work(now);
    }
}
