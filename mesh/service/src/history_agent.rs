//! History agent: stores the snapshots that a peer takes, on a thread that may wait for the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allot_mesh_rules::Unix;
use allot_runtime::{Agent, Nanos, Waker};

use crate::{History, SnapshotKind, ViewSnapshot};

const DAY: u64 = 86_400_000_000_000;

/// Where a snapshot waits to be stored: one at most. Clones are one place.
#[derive(Clone, Debug)]
pub struct SnapshotQueue {
    waiting: Arc<Mutex<Option<ViewSnapshot>>>,
    /// The last one was not stored.
    has_failed: Arc<AtomicBool>,
    waker: Waker,
}

impl SnapshotQueue {
    /// A place for the agent on the thread of this waker.
    #[must_use]
    pub fn new(waker: &Waker) -> Self {
        Self { waiting: Arc::default(), has_failed: Arc::default(), waker: waker.clone() }
    }

    /// Whether one still waits.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.lock().expect("nothing panics while it holds the lock").is_some()
    }

    pub(crate) fn put(&self, snapshot: ViewSnapshot) {
        *self.waiting.lock().expect("nothing panics while it holds the lock") = Some(snapshot);
        self.waker.wake();
    }

    /// Whether one was not stored since this was asked last.
    pub(crate) fn take_failure(&self) -> bool {
        self.has_failed.swap(false, Ordering::Relaxed)
    }

    fn take(&self) -> Option<ViewSnapshot> {
        self.waiting.lock().expect("nothing panics while it holds the lock").take()
    }
}

/// A history as a thread runs it.
pub struct HistoryAgent {
    history: History,
    queue: SnapshotQueue,
}

impl HistoryAgent {
    /// Stores what is put into the queue.
    #[must_use]
    pub const fn new(history: History, queue: SnapshotQueue) -> Self {
        Self { history, queue }
    }

    fn store_next(&mut self) -> usize {
        let Some(snapshot) = self.queue.take() else { return 0 };
        let (rows, kind) = (snapshot.rows.len(), snapshot.kind.name());
        let stored = self.history.store(&snapshot);
        // Its file may have been removed or replaced: then there is another one now.
        let stored = stored.or_else(|_| {
            if let Some(aside) = self.history.reopen()? {
                tracing::error!(
                    "history.sqlite is no database any more: it is {} now, and a new one begins",
                    aside.display()
                );
            }
            self.history.store(&snapshot)
        });
        match stored {
            Ok(()) => tracing::info!(rows, kind, digest = %snapshot.digest, "stored a snapshot"),
            Err(error) => {
                self.queue.has_failed.store(true, Ordering::Relaxed);
                tracing::error!(
                    "a snapshot of {rows} rows was not stored: {error}; it is tried again when the \
                     next one is due"
                );
            }
        }
        1
    }
}

impl Agent for HistoryAgent {
    fn role(&self) -> &'static str {
        "history"
    }

    fn do_work(&mut self, _now: Nanos) -> usize {
        self.store_next()
    }

    fn close(&mut self, _now: Nanos) {
        self.store_next();
    }
}

/// When snapshots are taken.
#[derive(Clone, Copy, Debug)]
pub struct HistoryTimes {
    every: Duration,
    /// Since midnight, UTC.
    end_of_day: Option<Duration>,
    periodic_at: Nanos,
    /// When the day ends, by the wall clock.
    day_ends_at: Option<Unix>,
}

impl HistoryTimes {
    /// Every so often, and at this time after midnight in UTC.
    #[must_use]
    pub fn new(every: Duration, end_of_day: Option<Duration>) -> Self {
        Self { every, end_of_day, periodic_at: Nanos::ZERO, day_ends_at: None }
    }

    /// Begins to count.
    pub(crate) fn start(&mut self, steady: Nanos, wall: Unix) {
        self.periodic_at = steady + self.every;
        self.day_ends_at = self.end_of_day.map(|end| next_end(wall, end));
    }

    /// The kind of the snapshot that is due, if one is. A clock that is set back gives a day no
    /// second end.
    pub(crate) fn due(&mut self, steady: Nanos, wall: Unix) -> Option<SnapshotKind> {
        if let (Some(at), Some(end)) = (self.day_ends_at, self.end_of_day)
            && at <= wall
        {
            self.day_ends_at = Some(next_end(wall, end));
            return Some(SnapshotKind::EndOfDay);
        }
        if self.periodic_at <= steady {
            self.periodic_at = steady + self.every;
            return Some(SnapshotKind::Periodic);
        }
        None
    }

    /// When to look again.
    pub(crate) fn wake_at(&self, steady: Nanos, wall: Unix) -> Nanos {
        let end = self.day_ends_at.map_or(Nanos::MAX, |at| steady + (at - wall));
        self.periodic_at.min(end)
    }
}

/// The first end of a day after a moment.
fn next_end(wall: Unix, end: Duration) -> Unix {
    let today = Unix::new(wall.get() - wall.get() % DAY) + end;
    if wall < today { today } else { today + Duration::from_nanos(DAY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_once_and_snapshots_come_between() {
        let hour = Duration::from_hours(1);
        let mut times = HistoryTimes::new(hour * 5, Some(hour * 17));
        let midnight = Unix::new(20_000 * DAY);
        let at = |hours: u32| (Nanos::ZERO + hour * hours, midnight + hour * hours);
        let (steady, wall) = at(1);
        times.start(steady, wall);
        assert_eq!(times.wake_at(steady, wall), Nanos::ZERO + hour * 6);
        let due: Vec<_> = (1..=48)
            .filter_map(|hours| {
                let (steady, wall) = at(hours);
                times.due(steady, wall).map(|kind| (hours, kind.name()))
            })
            .collect();
        let ends: Vec<_> = due.iter().filter(|(_, kind)| *kind == "end_of_day").collect();
        assert_eq!(ends, [&(17, "end_of_day"), &(41, "end_of_day")]);
        assert_eq!(due.iter().filter(|(_, kind)| *kind == "periodic").count(), 9);
    }
}
