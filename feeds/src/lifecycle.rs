//! The life cycle of a feed: running, draining, finished.
//!
//! ```text
//!   Running ─ nothing new to send, or asked to end ─► Draining ─ idle, or out of time ─► Finished
//! ```
//!
//! A feed that hears nothing for too long finishes from either.

use std::time::Duration;

use allot_runtime::Nanos;

use crate::session::Session;
use crate::{FeedProgress, Phase};

/// Where a feed is in its life cycle. Its phase is in its progress, where others see it.
pub(crate) struct Lifecycle {
    progress: FeedProgress,
    /// The longest that it drains.
    drain: Duration,
    drain_ends_at: Nanos,
}

impl Lifecycle {
    pub(crate) const fn new(progress: FeedProgress, drain: Duration) -> Self {
        Self { progress, drain, drain_ends_at: Nanos::MAX }
    }

    /// Whether the feed may send something new.
    pub(crate) fn is_running(&self) -> bool {
        self.progress.phase() == Phase::Running
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.progress.is_finished()
    }

    /// Stops sending anything new; from here on the feed waits for its last replies.
    pub(crate) fn drain(&mut self, now: Nanos) {
        self.drain_ends_at = now + self.drain;
        self.progress.enter(Phase::Draining);
    }

    /// Enters the next phase if it is time.
    pub(crate) fn check_end(&mut self, session: &Session, now: Nanos) {
        if self.is_running() && self.progress.is_ending() {
            self.drain(now);
        }
        let is_over = session.is_idle() || self.drain_ends_at <= now;
        if session.gives_up_at() <= now {
            session.note_gave_up(now);
            self.finish(session);
        } else if self.progress.phase() == Phase::Draining && is_over {
            self.finish(session);
        }
    }

    /// Finishes whatever the phase, and counts the messages without a reply.
    pub(crate) fn finish(&mut self, session: &Session) {
        if !self.is_finished() {
            session.give_up();
            self.drain_ends_at = Nanos::MAX;
            self.progress.enter(Phase::Finished);
        }
    }

    /// When it runs out of time.
    pub(crate) fn wake_at(&self, session: &Session) -> Nanos {
        self.drain_ends_at.min(session.gives_up_at())
    }
}
