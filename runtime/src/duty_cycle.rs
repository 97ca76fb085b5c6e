//! A duty cycle: what one thread does with its agents until it is told to stop.
//!
//! ```text
//!   ┌─► read the clock ─► a turn of each agent ─► any work? ── yes ─┐
//!   │                                                │ no           │
//!   │                         spin, for as long as the strategy says│
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

use crate::poll_set::WaitsMemory;
use crate::{Agent, Clock, CrewError, Nanos, PollSet, Stopper, WaitStrategy, Waker};

/// The agents of one thread, and all that the thread needs to run them.
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
    /// Whose turn it is: to blame, should it panic.
    current: usize,
    memory: WaitsMemory,
}

impl DutyCycle {
    /// Runs until the crew is stopped, or stops the crew because an agent panicked: the others
    /// would wait for answers that never come.
    pub(crate) fn run(self) -> Result<(), CrewError> {
        let mut turns = Turns { cycle: self, current: 0, memory: PollSet::without_waker() };
        let worked = turns.guarded(Turns::work).and_then(|()| turns.failed());
        turns.cycle.stopper.stop();
        let broken = worked.is_err().then_some(turns.current);
        worked.and(turns.close(broken))
    }
}

impl Turns {
    fn work(&mut self) {
        let now = self.cycle.clock.now();
        self.each(|agent| agent.start(now));
        let spin = self.cycle.wait.spin();
        let mut idle_since = None;
        while !self.cycle.stopper.is_stopped() && !self.has_failed() {
            let now = self.cycle.clock.now();
            if 0 < self.turn(now) {
                idle_since = None;
            } else if now - *idle_since.get_or_insert(now) < spin {
                hint::spin_loop();
            } else {
                self.sleep();
                idle_since = None;
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.cycle.agents.iter().any(|agent| agent.failure().is_some())
    }

    /// The first agent that cannot go on, if there is one, is to blame.
    fn failed(&mut self) -> Result<(), CrewError> {
        let agents = &self.cycle.agents;
        let Some(failed) = agents.iter().position(|agent| agent.failure().is_some()) else {
            return Ok(());
        };
        self.current = failed;
        let reason = agents[failed].failure().unwrap_or_default();
        Err(CrewError::failed(&self.cycle.thread, agents[failed].role(), reason))
    }

    /// One turn of each agent.
    fn turn(&mut self, now: Nanos) -> usize {
        let mut work_count = 0;
        self.each(|agent| work_count += agent.do_work(now));
        work_count
    }

    /// The order is what keeps wake-ups from being lost: see `waker.rs`.
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
        let mut waits = PollSet::new(
            &self.cycle.waker,
            mem::replace(&mut self.memory, PollSet::without_waker()),
        );
        agents.iter().for_each(|agent| agent.wait_on(&mut waits));
        waits.sleep((wake_at < Nanos::MAX).then(|| wake_at - now));
        self.memory = waits.into_memory();
    }

    /// Closes all agents but the broken one, whose state cannot be trusted.
    fn close(&mut self, broken: Option<usize>) -> Result<(), CrewError> {
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

    /// A panic becomes an error that names the agent. Nothing is used afterwards that a panic
    /// may have left half-changed: the agent that panicked is not called again.
    fn guarded(&mut self, act: impl FnOnce(&mut Self)) -> Result<(), CrewError> {
        catch_unwind(AssertUnwindSafe(|| act(self))).map_err(|panic| {
            let role = self.cycle.agents.get(self.current).map_or("", |agent| agent.role());
            CrewError::panicked(&self.cycle.thread, role, &message_of(panic.as_ref()))
        })
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
