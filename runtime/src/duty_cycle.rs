//! A duty cycle: the loop in which one thread runs its agents until it is stopped.
//!
//! ```text
//!   ┌─► read the clock ─► a turn of each agent ─► any work? ── yes ─┐
//!   │                                                │ no           │
//!   │                         spin, for as long as it pays          │
//!   │                                                │              │
//!   │        say "asleep" ─► one more turn each ─► any work? ─ yes ─┤
//!   │                                                │ no           │
//!   │                     poll: waker, sockets, earliest timer       │
//!   └────────────────────────────────────────────────┴──────────────┘
//! ```

use std::any::Any;
use std::hint;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::poll_set::PollSetMemory;
use crate::spinner::Spinner;
use crate::{Agent, Clock, Nanos, PollSet, Stopper, ThreadGroupError, WaitStrategy, Waker};

/// The closed agents of threads that have ended. The last thread of a group drops them all: an
/// agent in its last turn may still hand something to one that is closed, and must not take it for
/// one that failed.
pub(crate) struct ClosedAgents {
    /// How many threads have not ended, and the agents of the others.
    state: Mutex<(usize, Vec<Box<dyn Agent>>)>,
}

impl ClosedAgents {
    /// Of a group with this many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self { state: Mutex::new((threads, Vec::new())) }
    }

    /// A thread has ended, and these were its agents.
    pub(crate) fn take(&self, agents: Vec<Box<dyn Agent>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, closed) = &mut *state;
        *left = left.saturating_sub(1);
        closed.extend(agents);
        let all = if *left == 0 { mem::take(closed) } else { Vec::new() };
        // Outside of the lock: what an agent does as it is dropped is its own.
        drop(state);
        drop(all);
    }
}

/// The agents of one thread, and everything that the thread needs to run them.
pub(crate) struct DutyCycle {
    pub(crate) thread: String,
    pub(crate) agents: Vec<Box<dyn Agent>>,
    pub(crate) waker: Waker,
    pub(crate) clock: Clock,
    pub(crate) wait: WaitStrategy,
    pub(crate) stopper: Stopper,
}

/// A duty cycle under way.
struct Turns {
    cycle: DutyCycle,
    /// The agent whose turn it is; named in the error if it panics.
    current: usize,
    memory: PollSetMemory,
}

impl DutyCycle {
    /// Runs until the thread group is stopped. If an agent fails or panics it stops the group: the
    /// other agents would wait for it for ever.
    pub(crate) fn run(self, closed: &ClosedAgents) -> Result<(), ThreadGroupError> {
        let mut turns = Turns { cycle: self, current: 0, memory: PollSet::without_waker() };
        let worked = turns.guarded(Turns::work).and_then(|()| turns.failed());
        turns.cycle.stopper.stop();
        let broken = worked.is_err().then_some(turns.current);
        let result = worked.and(turns.close(broken));
        closed.take(turns.cycle.agents);
        result
    }
}

impl Turns {
    fn work(&mut self) {
        let now = self.cycle.clock.now();
        self.each(|agent| agent.start(now));
        let mut spinner = Spinner::new(self.cycle.wait.spin());
        while !self.cycle.stopper.is_stopped() && !self.has_failed() {
            let now = self.cycle.clock.now();
            if 0 < self.turn(now) {
                spinner.note_work();
            } else if !self.waits_for_thread() && spinner.goes_on(now) {
                hint::spin_loop();
            } else {
                self.sleep();
            }
        }
    }

    fn waits_for_thread(&self) -> bool {
        self.cycle.wait != WaitStrategy::Spin
            && self.cycle.agents.iter().any(|agent| agent.waits_for_thread())
    }

    fn has_failed(&self) -> bool {
        self.cycle.agents.iter().any(|agent| agent.failure().is_some())
    }

    /// An error if an agent cannot go on; it names the first.
    fn failed(&mut self) -> Result<(), ThreadGroupError> {
        let agents = &self.cycle.agents;
        let Some(failed) = agents.iter().position(|agent| agent.failure().is_some()) else {
            return Ok(());
        };
        self.current = failed;
        let reason = agents[failed].failure().unwrap_or_default();
        Err(ThreadGroupError::failed(&self.cycle.thread, agents[failed].role(), reason))
    }

    /// One turn of each agent.
    fn turn(&mut self, now: Nanos) -> usize {
        let mut work_count = 0;
        self.each(|agent| work_count += agent.do_work(now));
        work_count
    }

    /// This order is why no wake-up is lost: see `waker.rs`.
    fn sleep(&mut self) {
        self.cycle.waker.declare_asleep();
        let now = self.cycle.clock.now();
        if !self.cycle.stopper.is_stopped() && self.turn(now) == 0 {
            self.poll(now);
        }
        self.cycle.waker.declare_awake();
    }

    fn poll(&mut self, now: Nanos) {
        let agents = &self.cycle.agents;
        let wake_at = agents.iter().map(|agent| agent.wake_at()).min().unwrap_or(Nanos::MAX);
        let mut poll_set = PollSet::new(
            &self.cycle.waker,
            mem::replace(&mut self.memory, PollSet::without_waker()),
        );
        agents.iter().for_each(|agent| agent.wait_on(&mut poll_set));
        poll_set.sleep((wake_at < Nanos::MAX).then(|| wake_at - now));
        self.memory = poll_set.into_memory();
    }

    /// Closes all agents but the broken one, whose state cannot be trusted.
    fn close(&mut self, broken: Option<usize>) -> Result<(), ThreadGroupError> {
        let now = self.cycle.clock.now();
        let mut closed = Ok(());
        for index in (0..self.cycle.agents.len()).filter(|&index| Some(index) != broken) {
            self.current = index;
            closed = closed.and(self.guarded(|turns| turns.cycle.agents[index].close(now)));
        }
        closed
    }

    fn each(&mut self, mut act: impl FnMut(&mut dyn Agent)) {
        for (index, agent) in self.cycle.agents.iter_mut().enumerate() {
            self.current = index;
            act(agent.as_mut());
        }
    }

    /// Turns a panic into an error that names the agent. The panic may have left the agent in an
    /// inconsistent state, so it is not called again.
    fn guarded(&mut self, act: impl FnOnce(&mut Self)) -> Result<(), ThreadGroupError> {
        catch_unwind(AssertUnwindSafe(|| act(self))).map_err(|panic| {
            let role = self.cycle.agents.get(self.current).map_or("", |agent| agent.role());
            ThreadGroupError::panicked(&self.cycle.thread, role, &message_of(panic.as_ref()))
        })
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
