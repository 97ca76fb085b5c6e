//! Generator: one signal a period, and replies to whoever asks for it.
//!
//! A request for a signal that is not there yet is kept and replied to when it is, or when the
//! period is over.

use std::collections::VecDeque;

use crate::reject::{PeriodMismatch, Periods};
use crate::{ComponentName, Now, Period, Problem, ProblemKind, Reject, Schedule, Steady, Ticket};
use crate::{Value, limits};

/// The state of a generator.
#[derive(Clone, Debug)]
pub struct Generator {
    name: ComponentName,
    schedule: Schedule,
    period: Option<Period>,
    signal: Signal,
    kept: Vec<Kept>,
    last: Option<(Period, Value)>,
    /// The last signals, [`limits::SIGNALS_KEPT`] of them: a clock that is set back must not give a
    /// period a second one.
    made: VecDeque<(Period, Value)>,
    problem: Option<Problem>,
    /// Whether the period of its start has no signal of it: a run before may have made another.
    skips_start: bool,
    /// That period.
    started_in: Option<Period>,
    wake_at: Steady,
}

/// The signal of the current period.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Signal {
    /// Its moment has not come.
    Due,
    /// It was asked for.
    Asked,
    Made(Value),
    Failed(String),
    /// The generator has started in it, and makes none.
    NotOwed,
}

/// A request that waits.
#[derive(Clone, Copy, Debug)]
struct Kept {
    ticket: Ticket,
    period: Period,
}

/// A wish for the signal of a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Which period.
    pub period: Period,
    /// How long a period is for the asker.
    pub length: core::time::Duration,
}

/// What the generator wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GeneratorEffect {
    /// Make the signal of this period, and call [`Generator::made`].
    Make(Period),
    /// Reply to a request. After [`GeneratorReply::Held`] there is another reply.
    Reply(Ticket, GeneratorReply),
    /// The signal of this period is there.
    Signal(Period, Value),
    /// What is wrong has changed; none is well.
    Problem(Option<Problem>),
}

/// A reply of a generator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GeneratorReply {
    /// The signal.
    Signal(Period, Value),
    /// The signal is not there yet; it follows.
    Held(Period),
    /// There is none.
    Rejected(Reject),
}

impl Generator {
    /// A generator that has made nothing yet. Its source gives a period one signal whenever it is
    /// asked.
    #[must_use]
    pub const fn new(name: ComponentName, schedule: Schedule) -> Self {
        Self {
            name,
            schedule,
            period: None,
            signal: Signal::Due,
            kept: Vec::new(),
            last: None,
            made: VecDeque::new(),
            problem: None,
            skips_start: false,
            started_in: None,
            wake_at: Steady::new(0),
        }
    }

    /// The same with another source: its first signal is that of the period after its start,
    /// because a run before may have made one of this period that differs.
    #[must_use]
    pub const fn after_its_start(name: ComponentName, schedule: Schedule) -> Self {
        let mut generator = Self::new(name, schedule);
        generator.skips_start = true;
        generator
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &ComponentName {
        &self.name
    }

    /// Its schedule.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Its last signal.
    #[must_use]
    pub const fn last(&self) -> Option<(Period, Value)> {
        self.last
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// When [`Generator::tick`] has something to do.
    #[must_use]
    pub const fn wake_at(&self) -> Steady {
        self.wake_at
    }

    /// How many requests it keeps.
    #[must_use]
    pub const fn kept_len(&self) -> usize {
        self.kept.len()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now, out: &mut Vec<GeneratorEffect>) {
        let period = self.schedule.period_at(now.unix);
        if self.period != Some(period) {
            self.begin(period, now, out);
        }
        let begin = self.schedule.begin_of(period, &self.name);
        if self.signal == Signal::Due && begin <= now.unix {
            self.signal = Signal::Asked;
            out.push(GeneratorEffect::Make(period));
        }
        let next = if self.signal == Signal::Due { begin } else { self.next_start(period) };
        self.wake_at = now.until(next).min(self.schedule.look_again(now));
    }

    fn next_start(&self, period: Period) -> crate::Unix {
        self.schedule.start_of(period.next())
    }

    fn begin(&mut self, period: Period, now: Now, out: &mut Vec<GeneratorEffect>) {
        if let Some(before) = self.period.filter(|_| self.signal == Signal::Asked) {
            let reason = crate::problem::killed(before);
            self.fail(now, reason, out);
        }
        if self.skips_start {
            self.started_in = self.started_in.or(Some(period));
        }
        self.period = Some(period);
        let known = self.made.iter().find(|(made, _)| *made == period);
        self.signal = match known {
            Some((_, value)) => Signal::Made(*value),
            None if self.started_in == self.period => Signal::NotOwed,
            None => Signal::Due,
        };
        let (mine, over) = self.kept.drain(..).partition(|kept| period <= kept.period);
        self.kept = mine;
        for Kept { ticket, period: meant } in over {
            let stale = Reject::Stale(Periods { meant, current: period });
            out.push(GeneratorEffect::Reply(ticket, GeneratorReply::Rejected(stale)));
        }
        self.serve_kept(period, out);
    }

    /// Replies to the requests for the signal of this period, if it is there.
    fn serve_kept(&mut self, period: Period, out: &mut Vec<GeneratorEffect>) {
        let Some(reply) = self.reply_now(period) else { return };
        let (ready, kept) = self.kept.drain(..).partition(|kept| kept.period == period);
        self.kept = kept;
        let replies = ready.into_iter();
        out.extend(
            replies.map(|Kept { ticket, .. }| GeneratorEffect::Reply(ticket, reply.clone())),
        );
    }

    /// The source has made the signal of a period, or says why not. What comes too late is dropped.
    pub fn made(
        &mut self,
        now: Now,
        period: Period,
        made: Result<Value, String>,
        out: &mut Vec<GeneratorEffect>,
    ) {
        self.tick(now, out);
        if self.period != Some(period) || self.signal != Signal::Asked {
            return;
        }
        match made {
            Ok(value) => {
                self.signal = Signal::Made(value);
                self.last = Some((period, value));
                self.made.push_back((period, value));
                if limits::SIGNALS_KEPT < self.made.len() {
                    self.made.pop_front();
                }
                out.push(GeneratorEffect::Signal(period, value));
                if self.problem.take().is_some() {
                    out.push(GeneratorEffect::Problem(None));
                }
            }
            Err(reason) => {
                self.signal = Signal::Failed(reason.clone());
                self.fail(now, reason, out);
            }
        }
        self.serve_kept(period, out);
        self.tick(now, out);
    }

    fn fail(&mut self, now: Now, reason: String, out: &mut Vec<GeneratorEffect>) {
        let before = self.problem.clone();
        Problem::set(&mut self.problem, ProblemKind::NoData, now.unix, reason);
        if before != self.problem {
            out.push(GeneratorEffect::Problem(self.problem.clone()));
        }
    }

    /// The reply that the signal of the current period allows.
    fn reply_now(&self, period: Period) -> Option<GeneratorReply> {
        match &self.signal {
            Signal::Due | Signal::Asked => None,
            Signal::Made(value) => Some(GeneratorReply::Signal(period, *value)),
            Signal::Failed(why) => Some(GeneratorReply::Rejected(Reject::NoSignal(why.clone()))),
            Signal::NotOwed => Some(GeneratorReply::Rejected(Reject::JustStarted(period))),
        }
    }

    /// Somebody asks for the signal of a period.
    pub fn ask(&mut self, now: Now, ticket: Ticket, ask: Ask, out: &mut Vec<GeneratorEffect>) {
        self.tick(now, out);
        let reply = self.judge(ask);
        if matches!(reply, GeneratorReply::Held(_)) {
            self.kept.push(Kept { ticket, period: ask.period });
        }
        out.push(GeneratorEffect::Reply(ticket, reply));
    }

    fn judge(&self, ask: Ask) -> GeneratorReply {
        let Ask { period: meant, length } = ask;
        let ours = self.schedule.length();
        let current = self.period.expect("a tick sets the period");
        if length != ours {
            let mismatch = PeriodMismatch { strategy: length, receiver: "generator", ours };
            return GeneratorReply::Rejected(Reject::PeriodMismatch(mismatch));
        }
        if meant < current {
            return GeneratorReply::Rejected(Reject::Stale(Periods { meant, current }));
        }
        // The asker's clock may be a little ahead: its period begins here in a moment.
        if current.next() < meant {
            return GeneratorReply::Rejected(Reject::TooEarly(Periods { meant, current }));
        }
        let now = if meant == current { self.reply_now(current) } else { None };
        now.unwrap_or_else(|| match self.kept.len() < limits::KEPT_MAX {
            true => GeneratorReply::Held(meant),
            false => GeneratorReply::Rejected(allot_domain::Reject::Busy.into()),
        })
    }

    /// A request that was held will not be waited for any more.
    pub fn forget(&mut self, ticket: Ticket) {
        self.kept.retain(|kept| kept.ticket != ticket);
    }
}

#[cfg(test)]
mod tests;
