//! A fill feed: sends the fills of one source to the front door, each until it has a reply.

use allot_allocation_service::{Reply, Request, RequestKind};
use allot_domain::SourceId;
use allot_runtime::{Agent, Clock, Counters, Link, Nanos, PollSet};
use allot_wire::Encoding;

use crate::in_flight::Effect;
use crate::lifecycle::Lifecycle;
use crate::limits::{
    BATCH_MAX, IN_FLIGHT_DEFAULT, IN_FLIGHT_MAX, PULLS_PER_TURN, REJECTIONS_LOGGED_MAX,
};
use crate::pace::Schedule;
use crate::session::{Session, SessionConfig};
use crate::{
    BadLine, FeedError, FeedProgress, Pace, Patience, Pull, ReplyLog, Skipped, Source, Tally,
    UnnamedFill,
};

/// What can be chosen of a fill feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FillConfig {
    /// The name that it sends under: see [`unique_source`](crate::unique_source).
    pub source: SourceId,
    /// When each fill is sent.
    pub pace: Pace,
    /// How many fills it sends; `None` for all that its source has.
    pub count: Option<u64>,
    /// The most fills without a reply.
    pub in_flight_max: usize,
    /// The most fills of one message. No fill waits for others.
    pub batch: usize,
    /// How fills, and so the replies to them, are encoded.
    pub encoding: Encoding,
    /// Whether it waits, at the end, for the shares of fills that were held.
    pub waits_for_held: bool,
    /// How long it waits before it acts.
    pub patience: Patience,
}

impl FillConfig {
    /// As fast as 256 fills in flight allow, one JSON fill a message, all that the source has.
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
                let expected = format!("expected a number of fills from 1 to {most}");
                return Err(FeedError::setting(setting, &given.to_string(), expected));
            }
        }
        Ok(())
    }

    const fn session(&self) -> SessionConfig {
        SessionConfig {
            source: self.source,
            kind: RequestKind::Fill,
            encoding: self.encoding,
            in_flight_max: self.in_flight_max,
            batch_max: self.batch,
            waits_for_held: self.waits_for_held,
            patience: self.patience,
        }
    }
}

/// A fill server, as an agent.
pub struct FillFeed {
    config: FillConfig,
    source: Box<dyn Source>,
    schedule: Schedule,
    session: Session,
    lifecycle: Lifecycle,
    /// The next fill, taken from the source and not yet sent.
    ahead: Option<UnnamedFill>,
    /// Whether the source had nothing yet when it was last asked.
    is_waiting: bool,
    /// How many fills were taken from the source.
    taken_count: u64,
    progress: FeedProgress,
}

impl FillFeed {
    /// A feed, and its end of the link to the front door.
    ///
    /// # Errors
    /// [`FeedError::Setting`]: a number of fills in flight or of a batch that is out of bounds.
    pub fn new(
        config: FillConfig,
        source: Box<dyn Source>,
        link: Link,
        counters: Counters,
    ) -> Result<Self, FeedError> {
        config.check()?;
        let expected = [config.count, source.expected()].into_iter().flatten().min();
        let progress = FeedProgress::new(config.source, expected);
        let mut session = Session::new(config.session(), link, progress.clone(), counters);
        source.file().into_iter().for_each(|file| session.name_lines_of(file));
        Ok(Self {
            session,
            schedule: Schedule::new(config.pace),
            lifecycle: Lifecycle::new(progress.clone(), config.patience.drain),
            config,
            source,
            ahead: None,
            is_waiting: false,
            taken_count: 0,
            progress,
        })
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

    /// Receives replies. All rejections are counted; the first few are logged.
    fn receive(&mut self, now: Nanos) -> usize {
        let source = &self.config.source;
        let progress = &self.progress;
        let fills = &mut self.source;
        self.session.receive(now, |reply, effect| {
            if matches!(effect, Effect::First(_)) {
                fills.replied(reply.seq());
            }
            if let Reply::Rejected { seq, code, reason, .. } = reply
                && progress.get(Tally::Rejected) <= REJECTIONS_LOGGED_MAX
            {
                let seq = seq.get();
                tracing::warn!(%source, seq, code, reason, "fill rejected");
            }
        })
    }

    /// Sends the fills that are due, as far as there is room in flight.
    fn send_due(&mut self, now: Nanos) -> usize {
        let mut work_count = 0;
        while work_count < PULLS_PER_TURN && self.lifecycle.is_running() {
            work_count += self.look_ahead(now);
            let Some(fill) = self.ahead.filter(|fill| self.may_leave(fill, now)) else { break };
            self.ahead = None;
            self.schedule.take(&fill);
            let request = Request::Fill(fill.named(self.config.source));
            self.session.push(&request, fill.line, now);
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

    /// Takes the next fill from the source, unless there is one; returns how many lines were none.
    fn look_ahead(&mut self, now: Nanos) -> usize {
        let mut line_count = 0;
        while self.ahead.is_none() && self.lifecycle.is_running() && line_count < PULLS_PER_TURN {
            if self.config.count.is_some_and(|count| count <= self.taken_count) {
                self.lifecycle.drain(now);
                break;
            }
            let pull = self.source.next();
            self.is_waiting = pull == Pull::Waiting;
            match pull {
                Pull::Fill(fill) => {
                    self.taken_count += 1;
                    self.ahead = Some(fill);
                }
                Pull::NotFill => {
                    line_count += 1;
                    self.progress.add(Tally::NotFills, 1);
                }
                Pull::Bad(line) => {
                    line_count += 1;
                    self.skip(&line);
                }
                Pull::Broken(line) => {
                    self.stop(line);
                    self.lifecycle.drain(now);
                }
                Pull::Done => self.lifecycle.drain(now),
                Pull::Waiting => break,
            }
        }
        line_count
    }

    /// Counts the fills of a file that were never taken from it, once the feed has finished.
    fn count_rest(&self) {
        if self.lifecycle.is_finished() && self.source.file().is_some() {
            let get = |tally| self.progress.get(tally);
            let expected = self.progress.expected().unwrap_or(0);
            let rest = expected.saturating_sub(get(Tally::Sent) + get(Tally::Unsent));
            self.progress.add(Tally::Unsent, rest);
        }
    }

    fn skip(&self, line: &BadLine) {
        if self.progress.note_skipped(&Skipped::Line(line.clone())) {
            tracing::warn!(source = %self.config.source, %line, "bad line skipped");
        }
    }

    fn stop(&self, line: BadLine) {
        tracing::error!(source = %self.config.source, %line, "bad line; the feed ends");
        self.progress.note_stop(line);
    }
}

impl Agent for FillFeed {
    fn role(&self) -> &str {
        self.config.source.as_str()
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = self.receive(now);
        if self.lifecycle.is_finished() {
            return work_count;
        }
        work_count += self.session.check_timers(now);
        self.begin_schedule(now);
        work_count += self.send_due(now);
        self.lifecycle.check_end(&self.session, now);
        self.count_rest();
        work_count
    }

    fn wake_at(&self) -> Nanos {
        if self.lifecycle.is_finished() {
            return Nanos::MAX;
        }
        let may_send =
            |fill: &UnnamedFill| self.lifecycle.is_running() && self.session.has_room(fill.seq);
        let next = self.ahead.filter(may_send);
        let next = next.map_or(Nanos::MAX, |fill| self.schedule.due(&fill));
        next.min(self.session.wake_at()).min(self.lifecycle.wake_at(&self.session))
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.session.wait_on(poll_set);
        if self.is_waiting && self.lifecycle.is_running() {
            self.source.wait_on(poll_set);
        }
    }

    fn close(&mut self, now: Nanos) {
        self.receive(now);
        if !self.lifecycle.is_finished() {
            self.lifecycle.finish(&self.session);
            self.count_rest();
        }
    }
}
