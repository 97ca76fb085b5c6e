//! A loader: one connection's sender and receiver, on a thread of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allot_domain::SourceId;
use allot_runtime::{Agent, Clock, Nanos, PollSet};
use allot_wire::Encoding;

use crate::batch_builder::{self, BatchBuilder};
use crate::client::Client;
use crate::fills::Fills;
use crate::offer::{Offer, Pace};
use crate::pending::Pending;
use crate::phases::Phases;
use crate::recorder::Recorder;
use crate::reply_reader::{self, FillReply};
use crate::schedule::Schedule;
use crate::span::nanoseconds;

/// Messages sent, and frames read, before the other has its turn.
const SENDS_PER_TURN: usize = 64;
const FRAMES_PER_TURN: usize = 64;

/// How long before a send a hybrid pace stops sleeping: about as late as a wake-up can be.
const SPIN_BEFORE: Duration = Duration::from_micros(100);

/// What is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exchange {
    /// A server: every fill has a reply.
    Allot,
    /// An echo: every message comes back.
    Echo,
}

/// What all connections of a run do.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) exchange: Exchange,
    pub(crate) offer: Offer,
    pub(crate) pace: Pace,
    pub(crate) batch: u32,
    pub(crate) encoding: Encoding,
    pub(crate) fills: Fills,
    pub(crate) phases: Phases,
    pub(crate) connections: u64,
}

/// Counters of all loaders while they run, and their results at the end.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) sent: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) results: Mutex<Vec<Recorder>>,
}

/// When messages leave.
enum Timing {
    Open(Schedule),
    Closed(usize),
}

/// One connection.
pub(crate) struct Loader {
    task: Task,
    source: SourceId,
    builder: BatchBuilder,
    clock: Clock,
    client: Client,
    timing: Timing,
    pending: Pending,
    recorder: Recorder,
    board: Arc<Board>,
    next_seq: u64,
    /// The next message, written ahead of its time.
    message: Vec<u8>,
    frame: Vec<u8>,
    /// The last send found no room; the client signals when there is.
    is_refused: bool,
    wake_at: Nanos,
    is_done: bool,
}

/// Which connection of the run, and the source of its messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) source: SourceId,
}

impl Loader {
    /// What drives one connection of the run.
    pub(crate) fn new(
        task: Task,
        connection: Connection,
        client: Client,
        clock: Clock,
        board: Arc<Board>,
    ) -> Self {
        let Connection { number, source } = connection;
        let timing = match task.offer {
            Offer::Rate(rate) => {
                Timing::Open(Schedule::new(task.phases.start, rate, number, task.connections))
            }
            Offer::Window(window) => Timing::Closed(window),
        };
        let mut loader = Self {
            source,
            builder: BatchBuilder::new(source, task.batch, task.encoding),
            clock,
            client,
            timing,
            pending: Pending::new(task.batch),
            recorder: Recorder::new(),
            board,
            next_seq: 1,
            message: Vec::new(),
            frame: Vec::new(),
            is_refused: false,
            wake_at: task.phases.start,
            is_done: false,
            task,
        };
        loader.write_next();
        loader
    }

    /// Writes the next message ahead of its time, so that writing is not measured.
    fn write_next(&mut self) {
        self.next_seq = self.builder.write(&self.task.fills, self.next_seq, &mut self.message);
    }

    /// When the next message is due; never, once all have left.
    fn due(&self, now: Nanos) -> Nanos {
        let due = match &self.timing {
            Timing::Open(schedule) => schedule.due(),
            Timing::Closed(window) if self.pending.open() < *window => {
                now.max(self.task.phases.start)
            }
            Timing::Closed(_) => Nanos::MAX,
        };
        if due < self.task.phases.end { due } else { Nanos::MAX }
    }

    /// Sends what is due. What finds no room stays due, and is late.
    fn send_due(&mut self) -> usize {
        let mut sent_count = 0;
        while sent_count < SENDS_PER_TURN {
            let now = self.clock.now();
            let intended = self.due(now);
            if now < intended {
                break;
            }
            self.is_refused = !self.client.send(&mut self.message);
            if self.is_refused {
                break;
            }
            self.recorder.note_sent(&self.task.phases, intended, now);
            self.pending.push(intended, now);
            if let Timing::Open(schedule) = &mut self.timing {
                schedule.advance();
            }
            self.write_next();
            sent_count += 1;
        }
        if let Err(lost) = self.client.flush() {
            self.recorder.note_wrong(lost);
        }
        self.board.sent.fetch_add(u64::try_from(sent_count).unwrap_or(0), Ordering::Relaxed);
        sent_count
    }

    fn receive(&mut self) -> usize {
        let mut frame_count = 0;
        let open = self.pending.open();
        while frame_count < FRAMES_PER_TURN {
            match self.client.receive(&mut self.frame) {
                Ok(true) => frame_count += 1,
                Ok(false) => break,
                Err(lost) => {
                    self.recorder.note_wrong(lost);
                    break;
                }
            }
            let at = self.clock.now();
            let read = match self.task.exchange {
                Exchange::Allot => self.receive_replies(at),
                Exchange::Echo => self.receive_echo(at),
            };
            if let Err(what) = read {
                self.recorder.note_wrong(what);
            }
        }
        let answered = u64::try_from(open - self.pending.open()).unwrap_or(0);
        self.board.answered.fetch_add(answered, Ordering::Relaxed);
        frame_count
    }

    fn receive_echo(&mut self, at: Nanos) -> Result<(), String> {
        let first = batch_builder::first_seq(&self.frame).ok_or("an echo of something else")?;
        if let Some(message) = self.pending.acknowledge_message(first)? {
            self.recorder.note_replied(&self.task.phases, &message, at);
        }
        Ok(())
    }

    fn receive_replies(&mut self, at: Nanos) -> Result<(), String> {
        let Self { task, pending, recorder, frame, source, .. } = self;
        reply_reader::read(frame, source.as_str(), |reply| {
            let acknowledged = match reply {
                FillReply::Allocated { seq, quantity, shares } => {
                    let kind = task.fills.kind(seq);
                    if quantity != kind.quantity.get() || shares != quantity {
                        let due = kind.quantity.get();
                        let what = format!("fill {seq} of {due}: {shares} of {quantity} divided");
                        recorder.note_wrong(what);
                    }
                    task.fills.count(seq, &mut recorder.counts);
                    pending.acknowledge(seq, false)
                }
                FillReply::Busy { seq } => pending.acknowledge(seq, true),
                FillReply::Other(what) => Err(format!("an unexpected reply: {what}")),
            };
            match acknowledged {
                Ok(Some(message)) => recorder.note_replied(&task.phases, &message, at),
                Ok(None) => {}
                Err(what) => recorder.note_wrong(what),
            }
        })
    }

    /// Whether to spin instead of sleeping.
    fn is_restless(&self, now: Nanos, due: Nanos) -> bool {
        match self.task.pace {
            Pace::Sleep => false,
            Pace::Hybrid => due < now + SPIN_BEFORE && !self.is_refused,
            Pace::Spin => true,
        }
    }

    /// When there is something to do without a message.
    fn next_wake(&self, now: Nanos, due: Nanos) -> Nanos {
        let Phases { end, give_up, .. } = self.task.phases;
        let end = if now < end { end } else { give_up };
        match self.task.pace {
            _ if self.is_done => Nanos::MAX,
            // The client signals when there is room.
            _ if self.is_refused => end,
            Pace::Hybrid => {
                Nanos::from_unix(due.as_unix().saturating_sub(nanoseconds(SPIN_BEFORE))).min(end)
            }
            Pace::Sleep | Pace::Spin => due.min(end),
        }
    }

    /// Hands over the results once every reply has come, or the drain is over.
    fn finish(&mut self, now: Nanos, due: Nanos) {
        let Phases { end, give_up, .. } = self.task.phases;
        let is_answered = end <= now && due == Nanos::MAX && self.pending.open() == 0;
        if !is_answered && now < give_up {
            return;
        }
        self.is_done = true;
        self.recorder.unanswered = u64::try_from(self.pending.open()).unwrap_or(u64::MAX);
        if let Timing::Open(schedule) = &self.timing {
            self.recorder.unsent = schedule.clone().left_before(end);
        }
        self.recorder.totals = self.task.fills.totals(&self.recorder.counts);
        let recorder = std::mem::replace(&mut self.recorder, Recorder::new());
        let mut results = self.board.results.lock().expect("nothing panics while it holds it");
        results.push(recorder);
    }
}

impl Agent for Loader {
    fn role(&self) -> &str {
        "loader"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        if self.is_done {
            return 0;
        }
        let work_count = self.receive() + self.send_due();
        let now = self.clock.now();
        let due = self.due(now);
        self.finish(now, due);
        self.wake_at = self.next_wake(now, due);
        let restless = usize::from(!self.is_done && self.is_restless(now, due));
        work_count.max(restless)
    }

    fn wake_at(&self) -> Nanos {
        self.wake_at
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.client.wait_on(poll_set);
    }
}
