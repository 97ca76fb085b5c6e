//! The router's duty cycle: answers in, messages in, both on their way.

use crate::RouterConfig;
use crate::lanes::{Asker, Greeting, Lanes};
use crate::markers::Markers;
use crate::postbox::Postbox;
use allot_runtime::{Agent, Counter, Counters, Door, Envelope, Hub, Nanos, PollSet, Stage, Stages};
use allot_wire::Encoding;
use allot_wire::backplane::{
    self, FrameKind, InputKind, To, answers, encode_marker, encode_netting,
};
use std::time::Duration;

/// How many messages are taken in one turn; other agents may share the thread.
const MESSAGES_PER_TURN: usize = 256;

/// How many frames of the shards are taken in one turn.
const FRAMES_PER_TURN: usize = 64;

/// How long the door stays shut while a shard is missing at the start.
const SHUT_AT_MOST: Duration = Duration::from_secs(5);

/// How often clients that do not read, and shards that say nothing, are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How soon a parked client is tried again.
const PARKED_RETRY: Duration = Duration::from_millis(1);

/// A split that not every shard has answered, and what the first shard answered for all.
pub(crate) struct SplitOnItsWay {
    pub(crate) client: u64,
    pub(crate) answer: Option<(Encoding, Vec<u8>)>,
}

/// The front door, as an agent.
pub struct Router {
    pub(crate) postbox: Postbox,
    pub(crate) lanes: Lanes,
    pub(crate) markers: Markers,
    pub(crate) counters: Counters,
    stages: Stages,
    pub(crate) record: Vec<u8>,
    /// The marker that is sent; a record may be under way at the same time.
    marker: Vec<u8>,
    envelope: Envelope,
    frame: Vec<u8>,
    settled: Vec<u64>,
    /// The split that not every shard has answered yet.
    pub(crate) split: Option<SplitOnItsWay>,
    open: bool,
    open_at: Nanos,
    look_at: Nanos,
    now: Nanos,
}

impl Router {
    /// A router with its door, and its links to the shards and (last) to the publisher.
    ///
    /// # Panics
    /// If the hub has not one peer for each shard and one more.
    #[must_use]
    pub fn new(config: RouterConfig, door: Door, peers: Hub, counters: Counters) -> Self {
        Self {
            postbox: Postbox::new(door, config.incarnation, counters.clone()),
            lanes: Lanes::new(
                config.incarnation,
                peers,
                config.shards,
                config.inputs_owed_max,
                counters.clone(),
            ),
            markers: Markers::new(config.report_every, config.marker_every),
            counters,
            stages: Stages::off(),
            record: Vec::new(),
            marker: Vec::new(),
            envelope: Envelope::new(),
            frame: Vec::new(),
            settled: Vec::new(),
            split: None,
            open: false,
            open_at: Nanos::MAX,
            look_at: Nanos::ZERO,
            now: Nanos::ZERO,
        }
    }

    /// The same router, with its stages timed into this set.
    #[must_use]
    pub fn timed(mut self, stages: &Stages) -> Self {
        self.stages = stages.clone();
        self.lanes.time(stages);
        self.postbox.time(stages);
        self
    }

    /// Where clients connect to, with the real port.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.postbox.endpoint()
    }

    fn take_frames(&mut self, now: Nanos) -> usize {
        let mut frame = std::mem::take(&mut self.frame);
        let mut work_count = 0;
        while work_count < FRAMES_PER_TURN {
            let Some(peer) = self.lanes.receive(&mut frame) else {
                break;
            };
            work_count += 1;
            if !self.take_frame(peer, &frame, now) {
                self.counters.add(Counter::FramesDropped, 1);
            }
        }
        self.frame = frame;
        work_count
    }

    fn take_frame(&mut self, peer: usize, frame: &[u8], now: Nanos) -> bool {
        let is_shard = peer < self.lanes.count();
        match backplane::kind(frame) {
            Some(FrameKind::Answers) if is_shard => self.take_answers(peer, frame, now),
            Some(FrameKind::Hello) => self.take_hello(frame, now),
            Some(FrameKind::Plan) if !is_shard => self.take_plan(frame),
            _ => false,
        }
    }

    fn take_answers(&mut self, shard: usize, frame: &[u8], now: Nanos) -> bool {
        let Ok(frame) = answers::read(frame) else {
            return false;
        };
        self.stages.arrive(Stage::Return, Nanos::from_unix(frame.left_ns));
        let reached = (frame.through, frame.durable);
        let mut understood = true;
        for answer in frame {
            let Ok(answer) = answer else {
                understood = false;
                break;
            };
            match answer.to {
                To::Client(handle) => self.postbox.deliver(handle, answer.encoding, answer.body),
                To::Source(source) => {
                    self.postbox.deliver_late(source, answer.encoding, answer.body);
                }
                To::ClientOfAll(handle) => {
                    if let Some(split) = self.split.as_mut().filter(|split| split.client == handle)
                    {
                        split.answer = Some((answer.encoding, answer.body.to_vec()));
                    }
                }
            }
        }
        let mut settled = std::mem::take(&mut self.settled);
        self.lanes.answered(shard, reached, now, &mut settled);
        settled.drain(..).for_each(|client| self.postbox.settle(client));
        self.settled = settled;
        self.answer_split();
        understood
    }

    /// Answers the split on its way once every shard has: what is acknowledged holds everywhere.
    fn answer_split(&mut self) {
        if !self.lanes.split_is_answered() {
            return;
        }
        if let Some(SplitOnItsWay { client, answer }) = self.split.take() {
            match answer {
                Some((encoding, body)) => {
                    self.postbox.settle(client);
                    self.postbox.deliver(client, encoding, &body);
                }
                None => self.postbox.give_up_answer(client),
            }
        }
    }

    fn take_hello(&mut self, frame: &[u8], now: Nanos) -> bool {
        let Ok(hello) = backplane::decode_hello(frame) else {
            return false;
        };
        let shard = usize::try_from(hello.shard).ok().filter(|shard| *shard < self.lanes.count());
        let Some(shard) = shard else {
            return false;
        };
        let mut unanswered = std::mem::take(&mut self.settled);
        if self.lanes.hello(shard, &hello, now, &mut unanswered) == Greeting::Joined {
            self.markers.catch_up(hello.marker);
        }
        unanswered.drain(..).for_each(|client| self.postbox.give_up_answer(client));
        self.settled = unanswered;
        self.answer_split();
        true
    }

    /// A netting goes to all shards between the same inputs, or to none.
    fn take_plan(&mut self, frame: &[u8]) -> bool {
        let Ok(plan) = backplane::decode_plan(frame) else {
            return false;
        };
        if plan.columns.len() != self.lanes.count() || !self.lanes.all_here() {
            return false;
        }
        for (shard, column) in plan.columns.iter().enumerate() {
            self.record.clear();
            encode_netting(column, &mut self.record);
            self.lanes.push(shard, Asker::NOBODY, InputKind::Netting, &self.record);
        }
        self.counters.add(Counter::Nettings, 1);
        true
    }

    /// Sends a marker to all shards; returns its number.
    pub(crate) fn mark(&mut self, now: Nanos, report: bool) -> u64 {
        let marker = self.markers.next(now, report, self.lanes.all_here());
        self.marker.clear();
        encode_marker(&marker, &mut self.marker);
        for shard in 0..self.lanes.count() {
            if self.lanes.is_here(shard) {
                self.lanes.push(shard, Asker::NOBODY, InputKind::Marker, &self.marker);
            }
        }
        self.counters.add(Counter::Markers, 1);
        marker.number
    }

    fn take_messages(&mut self, now: Nanos) -> usize {
        if !self.open {
            return 0;
        }
        let mut envelope = std::mem::take(&mut self.envelope);
        let mut work_count = 0;
        while work_count < MESSAGES_PER_TURN && self.postbox.receive(&mut envelope) {
            let began = self.stages.begin(Stage::Route);
            self.admit(&envelope, now);
            self.stages.end(Stage::Route, began);
            work_count += 1;
        }
        self.envelope = envelope;
        self.counters.add(Counter::Received, u64::try_from(work_count).expect("a few"));
        work_count
    }

    /// Opens the door when all shards are there, or when waiting for them has taken too long.
    fn look_after(&mut self, now: Nanos) {
        self.open |= self.lanes.all_here() || now >= self.open_at;
        if now >= self.look_at {
            self.look_at = now + LOOK_EVERY;
            let gone = self.lanes.look_for_absent(now);
            self.counters.add(Counter::ShardAway, u64::try_from(gone).expect("a few"));
        }
        if self.markers.report_is_due(now) {
            self.mark(now, true);
        }
    }
}

impl Agent for Router {
    fn role(&self) -> &str {
        "router"
    }

    fn start(&mut self, now: Nanos) {
        self.markers.start(now);
        self.open_at = now + SHUT_AT_MOST;
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.now = now;
        let mut work_count = self.take_frames(now);
        self.look_after(now);
        work_count += self.take_messages(now);
        work_count += self.lanes.flush();
        work_count + self.postbox.flush()
    }

    fn wake_at(&self) -> Nanos {
        let look_at = if self.open { self.look_at } else { self.look_at.min(self.open_at) };
        let retry_at = if self.postbox.has_parked() { self.now + PARKED_RETRY } else { Nanos::MAX };
        look_at.min(self.markers.report_at()).min(retry_at)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if self.open {
            self.postbox.wait_on(poll_set);
        }
        self.lanes.wait_on(poll_set);
    }

    fn close(&mut self, now: Nanos) {
        self.do_work(now);
    }
}
