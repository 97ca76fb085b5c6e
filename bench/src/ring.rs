//! The ring: one round trip between two threads of this process, the floor of the link between
//! router and shard.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allot_runtime::{Agent, Clock, Link, Nanos, ThreadGroup, Threads, WaitStrategy, ring_pair};
use anyhow::Result;

use crate::arguments::{LengthArgs, OutArgs};
use crate::floor;
use crate::interrupt;
use crate::offer::Offer;
use crate::output::Output;
use crate::pending::Sent;
use crate::phases::Phases;
use crate::recorder::Recorder;

/// Frames that have room; one is in flight.
const CAPACITY: usize = 16;

/// How late the end may be noticed.
const TICK: Duration = Duration::from_millis(20);

/// Measures the ring.
///
/// # Errors
/// When there are too few cores for the wait strategy, or results cannot be written.
pub(crate) fn measure(wait: WaitStrategy, lengths: LengthArgs, out: &OutArgs) -> Result<ExitCode> {
    let facts = BTreeMap::from([("wait".to_owned(), wait.to_string())]);
    let mut output = Output::begin("ring", out, facts);
    let (clock, lengths) = (Clock::system(), lengths.lengths());
    let mut group = ThreadGroup::new(clock.clone(), wait, Threads::Dedicated);
    let (near_slot, far_slot) = (group.thread("near")?, group.thread("far")?);
    let (near, far) = ring_pair(CAPACITY, near_slot.waker(), far_slot.waker());
    let phases = lengths.from(clock.now());
    let result = Arc::new(Mutex::new(None));
    let pinger = Pinger {
        link: near,
        clock,
        phases,
        message: floor::one_fill(),
        left: None,
        recorder: Some(Recorder::new()),
        result: Arc::clone(&result),
    };
    group.add(&near_slot, Box::new(pinger));
    group.add(&far_slot, Box::new(Ponger { link: far, frame: Vec::new() }));
    let mut running = group.start()?;
    let taken = loop {
        let taken = result.lock().expect("nothing panics while it holds it").take();
        if taken.is_some() || interrupt::check().is_err() || running.wait(TICK) {
            break taken;
        }
    };
    running.stop();
    running.join()?;
    interrupt::check()?;
    let recorder = taken.unwrap_or_else(Recorder::new);
    output.add(floor::measured(recorder, Some(Offer::Window(1)), lengths, phases));
    output.finish()
}

/// Sends a message as soon as the last one is back.
struct Pinger {
    link: Link,
    clock: Clock,
    phases: Phases,
    message: Vec<u8>,
    /// When the message on its way left.
    left: Option<Nanos>,
    /// None once it is handed over.
    recorder: Option<Recorder>,
    result: Arc<Mutex<Option<Recorder>>>,
}

impl Agent for Pinger {
    fn role(&self) -> &str {
        "pinger"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        let Some(recorder) = &mut self.recorder else { return 0 };
        if let Some(left) = self.left {
            if !self.link.receive(&mut self.message) {
                return 0;
            }
            let message = Sent { intended: left, sent: left, left: 0, refused: false };
            recorder.note_replied(&self.phases, &message, self.clock.now());
        }
        let now = self.clock.now();
        if self.phases.to <= now {
            *self.result.lock().expect("nothing panics while it holds it") = self.recorder.take();
            return 0;
        }
        recorder.note_sent(&self.phases, now, now);
        self.left = Some(now);
        self.link.send(&mut self.message).expect("one frame has room, and the other end is there");
        1
    }
}

/// Sends every message back.
struct Ponger {
    link: Link,
    frame: Vec<u8>,
}

impl Agent for Ponger {
    fn role(&self) -> &str {
        "ponger"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        if !self.link.receive(&mut self.frame) {
            return 0;
        }
        // The pinger may have ended meanwhile.
        let _ = self.link.send(&mut self.frame);
        1
    }
}
