//! A fill feed: one source of fills, sent to the front door and followed until all are answered.

use crate::limits::{
    BATCH_MAX, IN_FLIGHT_DEFAULT, IN_FLIGHT_MAX, PULLS_PER_TURN, REJECTIONS_LOGGED_MAX,
};
use crate::pace::Schedule;
use crate::session::{Session, SessionConfig};
use crate::{
    BadLine, FeedError, FeedProgress, Pace, Patience, Phase, Pull, ReplyLog, Source, Tally,
    UnnamedFill,
};
use allot_domain::SourceId;
use allot_runtime::{Agent, Counters, Link, Nanos, PollSet};
use allot_wire::{Encoding, Reply, Request, RequestKind};

/// What can be chosen of a fill feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FillConfig {
    /// The name under which it sends: see [`unique_source`](crate::unique_source).
    pub source: SourceId,
    /// When each fill is sent.
    pub pace: Pace,
    /// How many fills it sends; without a bound, all that its source has.
    pub count: Option<u64>,
    /// How many fills may be unanswered at once.
    pub in_flight_max: usize,
    /// The most fills of one message. None is kept waiting for others.
    pub batch: usize,
    /// How fills, and so their answers, are written.
    pub encoding: Encoding,
    /// Whether it waits, at the end, for the shares of fills that were held.
    pub waits_for_held: bool,
    /// How long it waits before it does something about it.
    pub patience: Patience,
}

impl FillConfig {
    /// As fast as a window of 256 allows, one JSON fill a message, without a bound.
    #[must_use]
    pub fn new(source: SourceId) -> Self {
        Self {
            source,
            pace: Pace::Unlimited,
            count: None,
            in_flight_max: IN_FLIGHT_DEFAULT,
            batch: 1,
            encoding: Encoding::Json,
            waits_for_held: false,
            patience: Patience::default(),
        }
    }

    fn check(&self) -> Result<(), FeedError> {
        for (setting, given, most) in
            [("window", self.in_flight_max, IN_FLIGHT_MAX), ("batch", self.batch, BATCH_MAX)]
        {
            if !(1..=most).contains(&given) {
                let expected = format!("it is a number of fills from 1 to {most}");
                return Err(FeedError::setting(setting, &given.to_string(), expected));
            }
        }
        Ok(())
    }
}

/// One fill server, as an agent.
pub struct FillFeed {
    config: FillConfig,
    source: Box<dyn Source>,
    schedule: Schedule,
    session: Session,
    /// The next fill, taken from the source and not yet due.
    ahead: Option<UnnamedFill>,
    /// The source has said that there is nothing yet.
    is_waiting: bool,
    taken: u64,
    drain_at: Nanos,
    progress: FeedProgress,
}

impl FillFeed {
    /// A feed, and its end of the link to the front door.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: a window or a batch out of bounds.
    pub fn new(
        config: FillConfig,
        source: Box<dyn Source>,
        link: Link,
        counters: Counters,
    ) -> Result<Self, FeedError> {
        config.check()?;
        let expected = [config.count, source.expected()].into_iter().flatten().min();
        let progress = FeedProgress::new(config.source, expected);
        let session_config = SessionConfig {
            source: config.source,
            kind: RequestKind::Fill,
            encoding: config.encoding,
            in_flight_max: config.in_flight_max,
            batch_max: config.batch,
            waits_for_held: config.waits_for_held,
            patience: config.patience,
        };
        Ok(Self {
            session: Session::new(session_config, link, progress.clone(), counters),
            schedule: Schedule::new(config.pace),
            config,
            source,
            ahead: None,
            is_waiting: false,
            taken: 0,
            drain_at: Nanos::MAX,
            progress,
        })
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

    /// Takes in answers; the first few rejections are logged, all are counted.
    fn receive(&mut self, now: Nanos) -> usize {
        let (source, progress) = (&self.config.source, &self.progress);
        self.session.receive(now, |reply, _| {
            if let Reply::Rejected { seq, code, reason, .. } = reply
                && progress.get(Tally::Rejected) <= REJECTIONS_LOGGED_MAX
            {
                tracing::warn!(%source, seq, code, reason, "a fill was rejected");
            }
        })
    }

    /// Sends the fills that are due, as far as the window has room.
    fn send_due(&mut self, now: Nanos) -> usize {
        let mut work_count = 0;
        while work_count < PULLS_PER_TURN && self.progress.phase() == Phase::Running {
            work_count += self.look_ahead(now);
            let Some(fill) = self.ahead.filter(|fill| self.may_leave(fill, now)) else { break };
            self.ahead = None;
            self.schedule.take(&fill);
            let request = Request::Fill(fill.named(self.config.source));
            self.session.push(&request, now);
            self.begin_schedule(now);
            work_count += 1;
        }
        self.session.flush(now);
        self.begin_schedule(now);
        work_count
    }

    fn begin_schedule(&mut self, now: Nanos) {
        if 0 < self.progress.get(Tally::Sent) {
            self.schedule.begin(now);
        }
    }

    fn may_leave(&self, fill: &UnnamedFill, now: Nanos) -> bool {
        self.schedule.due(fill) <= now && self.session.has_room(fill.seq)
    }

    /// Takes the next fill from the source, if there is none yet; returns how many lines were bad.
    fn look_ahead(&mut self, now: Nanos) -> usize {
        let mut bad_count = 0;
        while self.ahead.is_none() && bad_count < PULLS_PER_TURN {
            if self.config.count.is_some_and(|count| count <= self.taken) {
                self.drain(now);
                break;
            }
            let pull = self.source.next();
            self.is_waiting = pull == Pull::Waiting;
            match pull {
                Pull::Fill(fill) => {
                    self.taken += 1;
                    self.ahead = Some(fill);
                }
                Pull::Bad(line) => {
                    bad_count += 1;
                    self.pass_over(&line);
                }
                Pull::Broken(line) => {
                    self.stop(line);
                    self.drain(now);
                    break;
                }
                Pull::Done => {
                    self.drain(now);
                    break;
                }
                Pull::Waiting => break,
            }
        }
        bad_count
    }

    fn pass_over(&self, line: &BadLine) {
        if self.progress.note_bad_line(line) {
            tracing::warn!(source = %self.config.source, %line, "a bad line is passed over");
        }
    }

    fn stop(&self, line: BadLine) {
        tracing::error!(source = %self.config.source, %line, "a bad line ends the feed");
        self.progress.note_stop(line);
    }

    /// From here on nothing new is sent.
    fn drain(&mut self, now: Nanos) {
        self.ahead = None;
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

impl Agent for FillFeed {
    fn role(&self) -> &str {
        self.config.source.as_str()
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = self.receive(now);
        if self.progress.is_finished() {
            return work_count;
        }
        work_count += self.session.check_timers(now);
        self.begin_schedule(now);
        work_count += self.send_due(now);
        self.check_end(now);
        work_count
    }

    fn wake_at(&self) -> Nanos {
        if self.progress.is_finished() {
            return Nanos::MAX;
        }
        let next = self.ahead.filter(|fill| self.session.has_room(fill.seq));
        let next = next.map_or(Nanos::MAX, |fill| self.schedule.due(&fill));
        next.min(self.session.wake_at()).min(self.drain_at)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.session.wait_on(poll_set);
        if self.is_waiting && self.progress.phase() == Phase::Running {
            self.source.wait_on(poll_set);
        }
    }

    fn close(&mut self, now: Nanos) {
        self.receive(now);
        if !self.progress.is_finished() {
            self.finish();
        }
    }
}
