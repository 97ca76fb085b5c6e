//! The AUM feed: says at a fixed cadence how the assets are to be split.
//!
//! One split at a time. The next leaves when the one before it was answered, so that an old split,
//! sent again, cannot come into force after a new one. Ticks have a fixed cadence, t0 + k · period:
//! one that was held up moves no other, and those missed are made up for by one.

use crate::in_flight::Effect;
use crate::limits::SPLIT_EVERY;
use crate::session::{Session, SessionConfig};
use crate::{BadLine, FeedProgress, Patience, Phase, ReplyLog, Tally, Weights, WeightsPull};
use allot_domain::decimal::nanos_text;
use allot_domain::{AccountId, SourceId, Split, Weight};
use allot_runtime::{Agent, Counters, Link, Nanos, PollSet};
use allot_wire::{Encoding, Reply, Request, RequestKind};
use std::fmt::Write;
use std::time::Duration;

/// Accounts of a split that are named in the log; the rest is counted.
const ACCOUNTS_LOGGED: usize = 10;

/// What can be chosen of an AUM feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AumConfig {
    /// The name under which it sends: see [`unique_source`](crate::unique_source).
    pub source: SourceId,
    /// The number of its first split: a feed that goes on under a name goes on with its numbers.
    pub first_seq: u64,
    /// How often it speaks; the first time at once.
    pub every: Duration,
    /// How many splits it sends; without a bound, all that its weights have.
    pub count: Option<u64>,
    /// How splits, and so their answers, are written.
    pub encoding: Encoding,
    /// How long it waits before it does something about it.
    pub patience: Patience,
}

impl AumConfig {
    /// Every 30 seconds, in JSON, without a bound.
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
}

/// The AUM server, as an agent.
pub struct AumFeed {
    config: AumConfig,
    weights: Weights,
    session: Session,
    /// The last split that was sent.
    seq: u64,
    tick_at: Nanos,
    drain_at: Nanos,
    /// What the last split says, for the log.
    shown: String,
    /// How often messages had been sent again when it was sent.
    resent: u64,
    progress: FeedProgress,
}

impl AumFeed {
    /// A feed, and its end of the link to the front door.
    ///
    /// # Panics
    /// With a period of zero, or a first number of zero.
    #[must_use]
    pub fn new(config: AumConfig, weights: Weights, link: Link, counters: Counters) -> Self {
        assert!(Duration::ZERO < config.every, "a cadence has a period");
        assert!(0 < config.first_seq, "numbers count from one");
        let progress = FeedProgress::new(config.source, config.count);
        let session_config = SessionConfig {
            source: config.source,
            kind: RequestKind::Split,
            encoding: config.encoding,
            in_flight_max: 1,
            batch_max: 1,
            waits_for_held: false,
            patience: config.patience,
        };
        Self {
            session: Session::new(session_config, link, progress.clone(), counters),
            weights,
            seq: config.first_seq - 1,
            config,
            tick_at: Nanos::ZERO,
            drain_at: Nanos::MAX,
            shown: String::new(),
            resent: 0,
            progress,
        }
    }

    /// Keeps every answer in a file from now on.
    pub fn log_replies(&mut self, reply_log: ReplyLog) {
        self.session.log_replies(reply_log);
    }

    /// A handle on what it does, to be kept when the feed goes to its thread.
    #[must_use]
    pub fn progress(&self) -> FeedProgress {
        self.progress.clone()
    }

    fn receive(&mut self, now: Nanos) -> usize {
        let (source, weights) = (&self.config.source, &self.shown);
        let was_sent_once = self.progress.get(Tally::Resent) == self.resent;
        self.session.receive(now, |reply, effect| match (reply, effect) {
            (Reply::Accepted { seq, duplicate: true, .. }, Effect::First(_)) if was_sent_once => {
                let what = "this name had a split of this number: these weights are not in force";
                tracing::warn!(%source, seq, weights, "{what}");
            }
            (Reply::Accepted { seq, split, .. }, Effect::First(latency)) => {
                tracing::info!(%source, seq, split, ?latency, weights, "a split is in force");
            }
            (Reply::Rejected { seq, code, reason, .. }, _) => {
                tracing::error!(%source, seq, code, reason, weights, "the split was rejected");
            }
            _ => {}
        })
    }

    /// Says what is to be said at a tick; returns how many splits and faults there were.
    fn tick(&mut self, now: Nanos) -> usize {
        let is_running = self.progress.phase() == Phase::Running;
        if !is_running || now < self.tick_at || !self.session.has_room(self.seq + 1) {
            return 0;
        }
        if self.is_complete() {
            self.drain(now);
            return 0;
        }
        while self.tick_at <= now {
            self.tick_at += self.config.every;
        }
        match self.weights.pull() {
            WeightsPull::Weights(weights) => self.send(weights, now),
            WeightsPull::Bad(what) => {
                tracing::error!(source = %self.config.source, what, "there is no split to send");
                self.progress.note_bad_line(&BadLine { number: self.seq + 1, what });
            }
            WeightsPull::Done => self.drain(now),
        }
        1
    }

    fn send(&mut self, weights: Vec<(AccountId, Weight)>, now: Nanos) {
        self.seq += 1;
        self.shown = show(&weights);
        self.resent = self.progress.get(Tally::Resent);
        let split = Split::new(self.config.source, self.seq, weights)
            .expect("weights are judged when they are read or made");
        self.session.push(&Request::Split(split), now);
        if self.is_complete() {
            self.drain(now);
        }
    }

    /// Whether it has sent as many as it should.
    fn is_complete(&self) -> bool {
        let sent = self.seq + 1 - self.config.first_seq;
        self.config.count.is_some_and(|count| count <= sent)
    }

    /// From here on nothing new is sent.
    fn drain(&mut self, now: Nanos) {
        self.drain_at = now + self.config.patience.drain;
        self.progress.enter(Phase::Draining);
    }

    fn check_end(&mut self, now: Nanos) {
        if self.progress.phase() == Phase::Running && self.progress.is_ending() {
            self.drain(now);
        }
        let is_over = self.session.is_idle() || self.drain_at <= now;
        if self.progress.phase() == Phase::Draining && is_over {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.session.give_up();
        self.drain_at = Nanos::MAX;
        self.progress.enter(Phase::Finished);
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
        if !self.progress.is_finished() {
            work_count += self.session.check_timers(now);
            work_count += self.tick(now);
            self.check_end(now);
        }
        work_count
    }

    fn wake_at(&self) -> Nanos {
        if self.progress.is_finished() {
            return Nanos::MAX;
        }
        let can_speak =
            self.progress.phase() == Phase::Running && self.session.has_room(self.seq + 1);
        let tick_at = if can_speak { self.tick_at } else { Nanos::MAX };
        tick_at.min(self.session.wake_at()).min(self.drain_at)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.session.wait_on(poll_set);
    }

    fn close(&mut self, now: Nanos) {
        self.receive(now);
        if !self.progress.is_finished() {
            self.finish();
        }
    }
}

fn show(weights: &[(AccountId, Weight)]) -> String {
    let mut shown = String::new();
    for (account, weight) in weights.iter().take(ACCOUNTS_LOGGED) {
        let gap = if shown.is_empty() { "" } else { " " };
        // A string takes every write.
        let _ = write!(shown, "{gap}{account}={}", nanos_text(weight.nanos().into()));
    }
    if ACCOUNTS_LOGGED < weights.len() {
        let _ = write!(shown, " and {} more", weights.len() - ACCOUNTS_LOGGED);
    }
    shown
}
