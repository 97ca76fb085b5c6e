//! A stepper: a thread group without threads, on a clock that a test owns.

use std::time::Duration;

use crate::limits::IDLE_STEPS_MAX;
use crate::{Agent, Clock, Nanos};

/// Agents that take a turn in each step.
///
/// The same agents and the same steps always give the same result: links are silent rings, and
/// time passes only in [`Stepper::advance`].
pub struct Stepper {
    clock: Clock,
    agents: Vec<Box<dyn Agent>>,
}

impl Stepper {
    /// No agents yet, on a virtual clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, agents: Vec::new() }
    }

    /// Adds and starts an agent. In every step the agents take their turns in this order.
    pub fn add(&mut self, mut agent: Box<dyn Agent>) {
        agent.start(self.clock.now());
        self.agents.push(agent);
    }

    /// Closes and drops the agent with this role, as if its process had ended; false if there is
    /// none.
    pub fn remove(&mut self, role: &str) -> bool {
        let Some(index) = self.agents.iter().position(|agent| agent.role() == role) else {
            return false;
        };
        self.agents.remove(index).close(self.clock.now());
        true
    }

    /// The first agent that cannot go on, and why.
    #[must_use]
    pub fn failure(&self) -> Option<(&str, &str)> {
        self.agents.iter().find_map(|agent| Some((agent.role(), agent.failure()?)))
    }

    /// The time that agents see.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// One turn of each agent; returns how much was done.
    pub fn step(&mut self) -> usize {
        let now = self.clock.now();
        self.agents.iter_mut().map(|agent| agent.do_work(now)).sum()
    }

    /// Steps until no agent has anything to do at this moment; returns how much was done.
    ///
    /// # Panics
    /// When some agent still has work after a million steps.
    pub fn run_until_idle(&mut self) -> usize {
        let mut work_count = 0;
        for _ in 0..IDLE_STEPS_MAX {
            match self.step() {
                0 => return work_count,
                done => work_count += done,
            }
        }
        panic!("the agents keep each other busy: still not idle after {IDLE_STEPS_MAX} steps");
    }

    /// Lets time pass, and stops at every timer that becomes due on the way to run until idle.
    ///
    /// # Panics
    /// When an agent has a timer in the past and nothing to do: on a thread it would never sleep.
    pub fn advance(&mut self, span: Duration) {
        let end = self.clock.now() + span;
        self.run_until_idle();
        while let Some(due) = self.next_timer().filter(|&due| due <= end) {
            assert!(self.now() < due, "a timer of {} is in the past", self.latest());
            self.clock.advance(due - self.now());
            self.run_until_idle();
        }
        self.clock.advance(end - self.now());
        self.run_until_idle();
    }

    fn next_timer(&self) -> Option<Nanos> {
        self.agents.iter().map(|agent| agent.wake_at()).min()
    }

    fn latest(&self) -> &str {
        let latest = self.agents.iter().min_by_key(|agent| agent.wake_at());
        latest.map_or("no agent", |agent| agent.role())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Ticks every `period`, and records when.
    struct Metronome {
        period: Duration,
        next: Nanos,
        ticks: Arc<Mutex<Vec<u64>>>,
    }

    impl Agent for Metronome {
        fn role(&self) -> &str {
            "metronome"
        }

        fn start(&mut self, now: Nanos) {
            self.next = now + self.period;
        }

        fn do_work(&mut self, now: Nanos) -> usize {
            if now < self.next {
                return 0;
            }
            self.ticks.lock().unwrap().push(now.as_unix());
            self.next += self.period;
            1
        }

        fn wake_at(&self) -> Nanos {
            self.next
        }
    }

    #[test]
    fn time_stops_at_every_timer_on_the_way() {
        let mut stepper = Stepper::new(Clock::virtual_at(Nanos::from_unix(100)));
        let ticks = Arc::new(Mutex::new(Vec::new()));
        for period in [3, 5] {
            let (period, ticks) = (Duration::from_nanos(period), Arc::clone(&ticks));
            stepper.add(Box::new(Metronome { period, next: Nanos::ZERO, ticks }));
        }
        assert_eq!(stepper.run_until_idle(), 0);
        stepper.advance(Duration::from_nanos(10));
        assert_eq!(*ticks.lock().unwrap(), [103, 105, 106, 109, 110]);
        assert_eq!(stepper.now(), Nanos::from_unix(110));
        assert!(stepper.remove("metronome"));
        assert!(stepper.remove("metronome"));
        assert!(!stepper.remove("metronome"));
    }
}
