//! An agent: a box of the picture as a thread sees it, work to do in small turns.

use crate::{Nanos, PollSet};

/// Something that a thread does again and again until it is told to stop.
///
/// The same agent runs on its own pinned thread, on one shared with others, or in a test that
/// takes each step by hand and owns the time: it cannot tell, as it neither blocks nor reads a
/// clock.
///
/// ```text
///   start(now) ─► do_work(now) ─► do_work(now) ─► … ─► close(now)
///                     │  0: nothing to do
///                     └─► wait_on(sockets) and wake_at() say what ends the sleep
/// ```
pub trait Agent: Send {
    /// What it is called in errors and logs.
    fn role(&self) -> &str;

    /// Called once on the thread that will run it, before the first turn.
    fn start(&mut self, _now: Nanos) {}

    /// One turn: takes what has arrived, in a batch of bounded size, and never blocks.
    ///
    /// Returns how much was done; zero means that another turn would find nothing either, until
    /// something arrives or [`wake_at`](Agent::wake_at) is reached.
    fn do_work(&mut self, now: Nanos) -> usize;

    /// Why it cannot go on, once it cannot: the crew then stops, and says so.
    ///
    /// For what the world does to it, such as a disk that fails; a bug panics.
    fn failure(&self) -> Option<&str> {
        None
    }

    /// When its earliest timer is due.
    fn wake_at(&self) -> Nanos {
        Nanos::MAX
    }

    /// Names the sockets whose messages must end a sleep. The thread's waker is always waited on.
    fn wait_on<'a>(&'a self, _waits: &mut PollSet<'a>) {}

    /// Called once, after the last turn.
    fn close(&mut self, _now: Nanos) {}
}
