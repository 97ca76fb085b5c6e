//! The AUM feed: sends at a fixed cadence how the assets are to be split.
//!
//! It sends one split at a time. The next leaves when the one before it has a reply, so that an old
//! split, resent, cannot come into force after a newer one. Tick k is due at t0 + k · period. A
//! late tick moves no other tick, and one split makes up for all ticks that were missed.

use std::fmt::Write;
use std::time::Duration;

use allot_allocation_rules::{Split, Weight};
use allot_allocation_service::{Reply, Request, RequestKind};
use allot_domain::decimal::nanos_text;
use allot_domain::{AccountId, Seq, SourceId};
use allot_runtime::{Agent, Clock, Counters, Link, Nanos, PollSet};
use allot_wire::Encoding;

use crate::in_flight::Effect;
use crate::lifecycle::Lifecycle;
use crate::limits::{ACCOUNTS_LOGGED_MAX, SPLIT_EVERY};
use crate::session::{Session, SessionConfig};
use crate::{FeedProgress, Patience, ReplyLog, Skipped, Tally, Target, Weights, WeightsPull};

/// What can be chosen of an AUM feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AumConfig {
    /// The name that it sends under: see [`unique_source`](crate::unique_source).
    pub source: SourceId,
    /// The sequence number of its first split. A feed that continues under a name continues its
    /// sequence numbers.
    pub first_seq: u64,
    /// Its period; the first split is sent at once.
    pub every: Duration,
    /// How many splits it sends; `None` for all that its weights have.
    pub count: Option<u64>,
    /// How splits, and so the replies to them, are encoded.
    pub encoding: Encoding,
    /// How long it waits before it acts.
    pub patience: Patience,
}

impl AumConfig {
    /// Every 30 seconds, in JSON, all that the weights have.
    #[must_use]
    pub fn new(source: SourceId) -> Self {
        Self {
            source,
            first_seq: 1,
            every: SPLIT_EVERY,
            count: None,
            encoding: Encoding::Json,
            patience: Patience::default(),
        }
    }

    const fn session(&self) -> SessionConfig {
        SessionConfig {
            source: self.source,
            kind: RequestKind::Split,
            encoding: self.encoding,
            in_flight_max: 1,
            batch_max: 1,
            waits_for_held: false,
            patience: self.patience,
        }
    }
}

/// The AUM server, as an agent.
pub struct AumFeed {
    config: AumConfig,
    weights: Weights,
    session: Session,
    lifecycle: Lifecycle,
    /// The sequence number of the next split.
    next_seq: Seq,
    sent_count: u64,
    tick_at: Nanos,
    /// The last split that was sent.
    last: LastSplit,
    progress: FeedProgress,
}

/// What the log says of the last split.
#[derive(Default)]
struct LastSplit {
    weights: String,
    /// How many messages had been resent when it was sent.
    resent_before: u64,
}

impl AumFeed {
    /// A feed, and its end of the link to the front door.
    ///
    /// # Panics
    /// With a period of zero, or a first sequence number of zero.
    #[must_use]
    pub fn new(config: AumConfig, weights: Weights, link: Link, counters: Counters) -> Self {
        assert!(Duration::ZERO < config.every, "a cadence has a period");
        assert!(0 < config.first_seq, "sequence numbers count from 1");
        let progress = FeedProgress::new(config.source, config.count);
        Self {
            session: Session::new(config.session(), link, progress.clone(), counters),
            lifecycle: Lifecycle::new(progress.clone(), config.patience.drain),
            weights,
            next_seq: Seq::new(config.first_seq),
            sent_count: 0,
            config,
            tick_at: Nanos::ZERO,
            last: LastSplit::default(),
            progress,
        }
    }

    /// Appends every reply to `reply_log` from now on.
    pub fn log_replies(&mut self, reply_log: ReplyLog) {
        self.session.log_replies(reply_log);
    }

    /// Times replies by this clock, which must be that of the turns, and not by the beginning of
    /// the turn that takes them.
    pub fn time_replies_by(&mut self, clock: Clock) {
        self.session.time_replies_by(clock);
    }

    /// A handle on what it does, to keep when the feed goes to its thread.
    #[must_use]
    pub fn progress(&self) -> FeedProgress {
        self.progress.clone()
    }

    fn receive(&mut self, now: Nanos) -> usize {
        let source = &self.config.source;
        let weights = &self.last.weights;
        let was_sent_once = self.progress.get(Tally::Resent) == self.last.resent_before;
        self.session.receive(now, |reply, effect| match (reply, effect) {
            (Reply::Accepted { seq, duplicate: true, .. }, Effect::First(_)) if was_sent_once => {
                let what = "an earlier split of this source has this sequence number; \
                            these weights are not in force";
                tracing::warn!(%source, seq = seq.get(), weights, "{what}");
            }
            (Reply::Accepted { seq, split, .. }, Effect::First(latency)) => {
                let (seq, split) = (seq.get(), split.get());
                tracing::info!(%source, seq, split, ?latency, weights, "a split is in force");
            }
            (Reply::Rejected { seq, code, reason, .. }, _) => {
                tracing::error!(%source, seq = seq.get(), code, reason, weights, "split rejected");
            }
            _ => {}
        })
    }

    /// Sends the split of a tick that is due; returns how many splits and faults there were.
    fn tick(&mut self, now: Nanos) -> usize {
        if !self.may_send() || now < self.tick_at {
            return 0;
        }
        if self.is_complete() {
            self.lifecycle.drain(now);
            return 0;
        }
        while self.tick_at <= now {
            self.tick_at += self.config.every;
        }
        match self.weights.pull() {
            WeightsPull::Weights(target) => self.send(target, now),
            WeightsPull::Bad { file, cause } => {
                tracing::error!(source = %self.config.source, file, %cause, "no split to send");
                let skipped = Skipped::Split { seq: self.next_seq, file, cause };
                self.progress.note_skipped(&skipped);
            }
            WeightsPull::Done => self.lifecycle.drain(now),
        }
        1
    }

    fn may_send(&self) -> bool {
        self.lifecycle.is_running() && self.session.has_room(self.next_seq)
    }

    fn send(&mut self, Target { weights, closes }: Target, now: Nanos) {
        self.last = LastSplit {
            weights: weights_text(&weights),
            resent_before: self.progress.get(Tally::Resent),
        };
        let split = Split::new(self.config.source, self.next_seq, weights)
            .and_then(|split| split.closing(closes))
            .expect("weights are checked when they are read or made");
        self.next_seq = self.next_seq.next();
        self.sent_count += 1;
        self.session.push(&Request::Split(split), None, now);
        if self.is_complete() {
            self.lifecycle.drain(now);
        }
    }

    /// Whether it has sent as many splits as it should.
    fn is_complete(&self) -> bool {
        self.config.count.is_some_and(|count| count <= self.sent_count)
    }
}

impl Agent for AumFeed {
    fn role(&self) -> &str {
        self.config.source.as_str()
    }

    fn start(&mut self, now: Nanos) {
        self.tick_at = now;
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = self.receive(now);
        if !self.lifecycle.is_finished() {
            work_count += self.session.check_timers(now);
            work_count += self.tick(now);
            self.lifecycle.check_end(&self.session, now);
        }
        work_count
    }

    fn wake_at(&self) -> Nanos {
        if self.lifecycle.is_finished() {
            return Nanos::MAX;
        }
        let tick_at = if self.may_send() { self.tick_at } else { Nanos::MAX };
        tick_at.min(self.session.wake_at()).min(self.lifecycle.wake_at(&self.session))
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.session.wait_on(poll_set);
    }

    fn close(&mut self, now: Nanos) {
        self.receive(now);
        self.lifecycle.finish(&self.session);
    }
}

/// The first accounts of a split for the log, such as `a=40 b=60`.
fn weights_text(weights: &[(AccountId, Weight)]) -> String {
    let mut text = String::new();
    for (account, weight) in weights.iter().take(ACCOUNTS_LOGGED_MAX) {
        let gap = if text.is_empty() { "" } else { " " };
        // A string takes every write.
        let _ = write!(text, "{gap}{account}={}", nanos_text(weight.nanos().into()));
    }
    if ACCOUNTS_LOGGED_MAX < weights.len() {
        let _ = write!(text, " and {} more", weights.len() - ACCOUNTS_LOGGED_MAX);
    }
    text
}
