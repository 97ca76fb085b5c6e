//! An agent: a box of the picture as its thread runs it, in small turns.

use crate::{Nanos, PollSet};

/// Work that a thread does in turns until it is stopped.
///
/// The same agent runs on its own pinned thread, on a thread shared with others, or in a test that
/// makes each step and owns the time. It cannot tell the difference, because it neither blocks nor
/// reads a clock.
///
/// ```text
///   start(now) ─► do_work(now) ─► do_work(now) ─► … ─► close(now)
///                     │  0: nothing to do
///                     └─► wait_on(sockets) and wake_at() say what ends the sleep
/// ```
pub trait Agent: Send {
    /// Its name in errors and logs.
    fn role(&self) -> &str;

    /// Called once on the thread that will run it, before the first turn.
    fn start(&mut self, _now: Nanos) {}

    /// One turn: takes what has arrived, in a batch of bounded size, and never blocks.
    ///
    /// Returns how much was done. Zero means that another turn would do nothing either, until
    /// something arrives or [`wake_at`](Agent::wake_at) is reached.
    fn do_work(&mut self, now: Nanos) -> usize;

    /// Why it cannot go on, once it cannot: the thread group then stops with this reason.
    ///
    /// For failures of the environment, such as a disk that fails. A bug panics.
    fn failure(&self) -> Option<&str> {
        None
    }

    /// When its earliest timer is due.
    fn wake_at(&self) -> Nanos {
        Nanos::MAX
    }

    /// Adds the sockets whose messages must end a sleep. The thread's waker is always in the set.
    fn wait_on<'a>(&'a self, _poll_set: &mut PollSet<'a>) {}

    /// Whether it waits for what another thread of this process is doing. Then its thread sleeps at
    /// once: one that spins may take the core that the other needs.
    fn waits_for_thread(&self) -> bool {
        false
    }

    /// Called once, after the last turn.
    fn close(&mut self, _now: Nanos) {}
}
