//! A crew: the threads of a process and the agents on each.
//!
//! Wiring goes in three steps, as a link needs the wakers of the threads at its two ends:
//!
//! ```
//! # use allot_runtime::*;
//! # struct Box_(Link);
//! # impl Agent for Box_ {
//! #     fn role(&self) -> &str { "box" }
//! #     fn do_work(&mut self, _now: Nanos) -> usize { 0 }
//! # }
//! let mut crew = Crew::new(Clock::system(), WaitStrategy::default(), Threads::Dedicated);
//! let (left, right) = (crew.thread("left")?, crew.thread("right")?);
//! let (link_left, link_right) = ring_pair(1_024, left.waker(), right.waker());
//! crew.add(&left, Box::new(Box_(link_left)));
//! crew.add(&right, Box::new(Box_(link_right)));
//! let running = crew.start()?;
//! running.stop();
//! running.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::duty_cycle::DutyCycle;
use crate::{
    Agent, Clock, Running, RuntimeError, Stopper, Threads, WaitStrategy, Waker, affinity, cores,
};

/// Threads that do not run yet.
pub struct Crew {
    clock: Clock,
    wait: WaitStrategy,
    threads: Threads,
    watches: Vec<Watch>,
    /// The one thread, where all share it.
    shared: Option<usize>,
}

/// A place in the crew: one thread.
#[derive(Clone, Debug)]
pub struct ThreadSlot {
    index: usize,
    waker: Waker,
}

/// One thread to be.
struct Watch {
    name: String,
    core: Option<usize>,
    waker: Waker,
    /// Whether it stands aside: it waits for devices, and sleeps whenever it can.
    aside: bool,
    agents: Vec<Box<dyn Agent>>,
}

impl Crew {
    /// A crew without threads.
    pub fn new(clock: Clock, wait: WaitStrategy, threads: Threads) -> Self {
        Self { clock, wait, threads, watches: Vec::new(), shared: None }
    }

    /// One more thread, or the only one if the crew shares it: then its name is that of the
    /// first who asked.
    ///
    /// # Errors
    /// When the kernel has no more file descriptors for the thread's waker.
    pub fn thread(&mut self, name: &str) -> Result<ThreadSlot, RuntimeError> {
        let index = match self.shared {
            Some(index) => index,
            None => self.watch(name, false)?,
        };
        if self.threads == Threads::Shared {
            self.shared = Some(index);
        }
        Ok(self.slot(index))
    }

    /// One more thread that stands aside, whether or not the others are shared: for an agent that
    /// waits for a device, such as a disk. It never spins, and so needs no core of its own.
    ///
    /// # Errors
    /// When the kernel has no more file descriptors for the thread's waker.
    pub fn thread_aside(&mut self, name: &str) -> Result<ThreadSlot, RuntimeError> {
        let index = self.watch(name, true)?;
        Ok(self.slot(index))
    }

    fn watch(&mut self, name: &str, aside: bool) -> Result<usize, RuntimeError> {
        let (name, waker) = (name.to_owned(), Waker::new()?);
        self.watches.push(Watch { name, core: None, waker, aside, agents: Vec::new() });
        Ok(self.watches.len() - 1)
    }

    fn slot(&self, index: usize) -> ThreadSlot {
        ThreadSlot { index, waker: self.watches[index].waker.clone() }
    }

    /// Puts an agent on a thread. Several on one thread take turns.
    pub fn add(&mut self, slot: &ThreadSlot, agent: Box<dyn Agent>) {
        self.watches[slot.index].agents.push(agent);
    }

    /// Ties a thread to a core.
    pub fn pin(&mut self, slot: &ThreadSlot, core: usize) {
        self.watches[slot.index].core = Some(core);
    }

    /// Starts all threads.
    ///
    /// # Errors
    /// When there are too few cores to spin, no core of a number that was asked for, or no more
    /// threads. Nothing is left running then.
    pub fn start(self) -> Result<Running, RuntimeError> {
        let threads = self.watches.iter().filter(|watch| !watch.aside).count();
        let cores = cores().len();
        self.wait.check(threads, cores)?;
        let wait = self.wait.fitted(threads, cores);
        self.watches.iter().filter_map(|watch| watch.core).try_for_each(affinity::check)?;
        let stopper = Stopper::new(self.watches.iter().map(|watch| watch.waker.clone()).collect());
        let mut running = Running::new(stopper.clone());
        for Watch { name, core, waker, aside, agents } in self.watches {
            let (clock, stopper) = (self.clock.clone(), stopper.clone());
            let wait = if aside { WaitStrategy::Block } else { wait };
            let cycle = DutyCycle { thread: name, agents, waker, clock, wait, stopper };
            running.launch(cycle, core)?;
        }
        Ok(running)
    }
}

impl ThreadSlot {
    /// Wakes this thread: for the other ends of its links.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }
}
