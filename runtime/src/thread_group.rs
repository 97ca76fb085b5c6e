//! A thread group: some threads of a process, and the agents on each.
//!
//! Wiring takes three steps, because a link needs the wakers of the threads at its two ends:
//!
//! ```
//! # use allot_runtime::*;
//! # struct Box_(Link);
//! # impl Agent for Box_ {
//! #     fn role(&self) -> &str { "box" }
//! #     fn do_work(&mut self, _now: Nanos) -> usize { 0 }
//! # }
//! let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::default(), Threads::Dedicated);
//! let (left, right) = (group.thread("left")?, group.thread("right")?);
//! let (link_left, link_right) = ring_pair(1_024, left.waker(), right.waker());
//! group.add(&left, Box::new(Box_(link_left)));
//! group.add(&right, Box::new(Box_(link_right)));
//! let running = group.start()?;
//! running.stop();
//! running.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::duty_cycle::DutyCycle;
use crate::{
    Agent, Clock, Running, RuntimeError, Stopper, Threads, WaitStrategy, Waker, affinity, cores,
};

/// Threads that do not run yet.
pub struct ThreadGroup {
    clock: Clock,
    wait: WaitStrategy,
    threads: Threads,
    /// How many threads of ZeroMQ bring the work.
    io_threads: usize,
    planned: Vec<PlannedThread>,
    /// The one thread, if all agents share it.
    shared: Option<usize>,
}

/// One thread of a group, on which agents can be put.
#[derive(Clone, Debug)]
pub struct ThreadSlot {
    index: usize,
    waker: Waker,
}

/// A thread that does not run yet.
struct PlannedThread {
    name: String,
    core: Option<usize>,
    waker: Waker,
    /// Whether its agents block on a device. It sleeps whenever it can.
    blocks: bool,
    agents: Vec<Box<dyn Agent>>,
}

impl ThreadGroup {
    /// A thread group without threads.
    #[must_use]
    pub fn new(clock: Clock, wait: WaitStrategy, threads: Threads) -> Self {
        Self { clock, wait, threads, io_threads: 1, planned: Vec::new(), shared: None }
    }

    /// The same, whose sockets are all native: no thread of ZeroMQ brings what its threads wait
    /// for, so that they may spin with a core less.
    #[must_use]
    pub const fn without_io_thread(mut self) -> Self {
        self.io_threads = 0;
        self
    }

    /// Adds a thread, or returns the only one if all agents share it: it then has the name of the
    /// first call.
    ///
    /// # Errors
    /// When the kernel has no more file descriptors for the thread's waker.
    pub fn thread(&mut self, name: &str) -> Result<ThreadSlot, RuntimeError> {
        let index = match self.shared {
            Some(index) => index,
            None => self.plan(name, false)?,
        };
        if self.threads == Threads::Shared {
            self.shared = Some(index);
        }
        Ok(self.slot(index))
    }

    /// Adds a thread of its own, even if the others are shared, for an agent that blocks on a
    /// device, such as a disk. It never spins, and so needs no core of its own.
    ///
    /// # Errors
    /// When the kernel has no more file descriptors for the thread's waker.
    pub fn blocking_thread(&mut self, name: &str) -> Result<ThreadSlot, RuntimeError> {
        let index = self.plan(name, true)?;
        Ok(self.slot(index))
    }

    fn plan(&mut self, name: &str, blocks: bool) -> Result<usize, RuntimeError> {
        let name = name.to_owned();
        let waker = Waker::new()?;
        let agents = Vec::new();
        self.planned.push(PlannedThread { name, core: None, waker, blocks, agents });
        Ok(self.planned.len() - 1)
    }

    fn slot(&self, index: usize) -> ThreadSlot {
        ThreadSlot { index, waker: self.planned[index].waker.clone() }
    }

    /// Puts an agent on a thread. Agents on one thread take turns.
    pub fn add(&mut self, slot: &ThreadSlot, agent: Box<dyn Agent>) {
        self.planned[slot.index].agents.push(agent);
    }

    /// Ties a thread to a core.
    pub fn pin(&mut self, slot: &ThreadSlot, core: usize) {
        self.planned[slot.index].core = Some(core);
    }

    /// Starts all threads.
    ///
    /// # Errors
    /// When there are too few cores to spin, when a core does not exist, or when the process may
    /// not start more threads. No thread is left running then.
    pub fn start(self) -> Result<Running, RuntimeError> {
        let threads = self.planned.iter().filter(|thread| !thread.blocks).count();
        let cores = cores().len();
        self.wait.check(threads, cores)?;
        let wait = self.wait.fitted(threads + self.io_threads, cores);
        self.planned.iter().filter_map(|thread| thread.core).try_for_each(affinity::check)?;
        let wakers = self.planned.iter().map(|thread| thread.waker.clone());
        let stopper = Stopper::new(wakers.collect());
        let mut running = Running::new(stopper.clone(), self.planned.len());
        for PlannedThread { name, core, waker, blocks, agents } in self.planned {
            let clock = self.clock.clone();
            let stopper = stopper.clone();
            let wait = if blocks { WaitStrategy::Block } else { wait };
            let cycle = DutyCycle { thread: name, agents, waker, clock, wait, stopper };
            running.launch(cycle, core)?;
        }
        Ok(running)
    }
}

impl ThreadSlot {
    /// The waker of this thread, for the other ends of its links.
    #[must_use]
    pub fn waker(&self) -> &Waker {
        &self.waker
    }
}
