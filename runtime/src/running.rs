//! A running thread group: its threads, to be stopped and waited for.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::duty_cycle::{ClosedAgents, DutyCycle};
use crate::{RuntimeError, Stopper, pin_to};

/// The threads of a group. Dropping it stops and joins them.
pub struct Running {
    stopper: Stopper,
    threads: Vec<JoinHandle<Result<(), ThreadGroupError>>>,
    closed: Arc<ClosedAgents>,
    /// Every thread holds a clone, so that the channel closes when the last one ends.
    alive: Option<Sender<()>>,
    ended: Receiver<()>,
}

/// Why an agent ended its group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ThreadGroupError {
    thread: String,
    role: String,
    message: String,
    /// Whether it was a bug, and not a failure of the environment.
    panicked: bool,
}

impl Running {
    /// Of a group of this many threads, none of which is launched yet.
    pub(crate) fn new(stopper: Stopper, threads: usize) -> Self {
        let (alive, ended) = bounded(0);
        let closed = Arc::new(ClosedAgents::new(threads));
        Self { stopper, threads: Vec::new(), closed, alive: Some(alive), ended }
    }

    pub(crate) fn launch(
        &mut self,
        cycle: DutyCycle,
        core: Option<usize>,
    ) -> Result<(), RuntimeError> {
        let name = cycle.thread.clone();
        let (alive, closed) = (self.alive.clone(), Arc::clone(&self.closed));
        let thread = Builder::new().name(name.clone()).spawn(move || {
            // Dropped last, when the agents are gone and their sockets closed.
            let _alive = alive;
            if let Err(error) = core.map_or(Ok(()), pin_to) {
                let failed = ThreadGroupError::failed(&cycle.thread, "", &error.to_string());
                closed.take(cycle.agents);
                return Err(failed);
            }
            cycle.run(&closed)
        });
        let thread = thread
            .map_err(|error| RuntimeError::Thread { thread: name, cause: error.to_string() })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Asks all threads to end after the turn they are in. Does not wait.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// A handle that stops the thread group, for a signal handler or another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Whether a thread still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.threads.iter().any(|thread| !thread.is_finished())
    }

    /// Waits until all threads have ended, but not longer than `timeout`; true if they have.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        self.alive = None;
        self.ended.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
    }

    /// Waits until all threads have ended.
    ///
    /// # Errors
    /// The first agent, in the order of the threads, that failed or panicked.
    pub fn join(mut self) -> Result<(), ThreadGroupError> {
        self.join_all()
    }

    /// Waits until all threads have ended, but not longer than `timeout`. A thread that the kernel
    /// holds, in a write to a disk or to a pipe, is left behind, to end with the process.
    ///
    /// # Errors
    /// As [`Running::join`], and after those a thread that was left behind.
    pub fn join_within(mut self, timeout: Duration) -> Result<(), ThreadGroupError> {
        if self.wait(timeout) {
            return self.join_all();
        }
        let threads = mem::take(&mut self.threads);
        let (ended, left): (_, Vec<_>) = threads.into_iter().partition(JoinHandle::is_finished);
        self.threads = ended;
        let joined = self.join_all();
        joined.and(left.first().map_or(Ok(()), |thread| {
            let name = thread.thread().name().unwrap_or_default();
            let message = format!("it did not end within {} s", timeout.as_secs());
            Err(ThreadGroupError::failed(name, "", &message))
        }))
    }

    fn join_all(&mut self) -> Result<(), ThreadGroupError> {
        let mut joined = Ok(());
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            let result = thread.join().unwrap_or_else(|_| {
                Err(ThreadGroupError::panicked(&name, "", "while its agents were dropped"))
            });
            joined = joined.and(result);
        }
        joined
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        // A caller that wants the reason calls `join`.
        let _ = self.join_all();
    }
}

impl ThreadGroupError {
    pub(crate) fn panicked(thread: &str, role: &str, message: &str) -> Self {
        Self {
            thread: thread.to_owned(),
            role: role.to_owned(),
            message: message.to_owned(),
            panicked: true,
        }
    }

    pub(crate) fn failed(thread: &str, role: &str, message: &str) -> Self {
        Self { panicked: false, ..Self::panicked(thread, role, message) }
    }

    /// The agent that failed or panicked; empty if it was the thread itself.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }
}

impl fmt::Display for ThreadGroupError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role.as_str() {
            "" => write!(out, "the thread {} failed: {}", self.thread, self.message),
            role if !self.panicked => write!(out, "{role} stopped: {}", self.message),
            role => write!(out, "{role} panicked on the thread {}: {}", self.thread, self.message),
        }
    }
}

impl std::error::Error for ThreadGroupError {}
