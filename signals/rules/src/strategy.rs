//! Strategy: asks its generators for the signals of a period, decides, and tells the trader.
//!
//! ```text
//!   period begins ─► ask all generators ─► all signals there ─► decide ─► submit ─► accepted
//!                        │ again, with a pause that doubles                 │ again
//! ```
//!
//! No signal of a generator, no decision: the trader is told which generator, and why.

mod registering;
mod round;

use core::time::Duration;

use allot_domain::{Incarnation, Seq};

use crate::problem::{cut, killed};
use crate::{
    ComponentName, ComponentReport, Exchange, Now, Period, Problem, ProblemKind, Rule, Schedule,
    Steady, Unix, Value, limits,
};
pub use registering::Registering;
use round::{Decided, Round};

allot_domain::index!(
    /// Which generator of a strategy, in the order in which they were given.
    GeneratorIndex
);

/// What a strategy is told at its start.
#[derive(Clone, Debug)]
pub struct StrategySettings {
    /// Its name.
    pub name: ComponentName,
    /// Which run of it this is.
    pub instance: Incarnation,
    /// When it acts.
    pub schedule: Schedule,
    /// How often a request is sent again within a period.
    pub retries: u32,
    /// How it decides.
    pub rule: Rule,
    /// Where its generators are.
    pub generators: Vec<String>,
}

/// The state of a strategy.
#[derive(Clone, Debug)]
pub struct Strategy {
    settings: StrategySettings,
    seq: Seq,
    registering: Registering,
    round: Option<Round>,
    generators: Vec<ComponentReport>,
    /// What is wrong with the strategy itself.
    own: Option<Problem>,
    /// What is wrong with its clock, as the trader sees it.
    clock: Option<Problem>,
    /// What is wrong with the trader, as seen from here.
    trader: Option<Problem>,
    last: Option<(Period, Value)>,
    /// What was told of problems last.
    told: Vec<(String, ProblemKind, String)>,
    wake_at: Steady,
}

/// What the strategy wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StrategyEffect {
    /// Ask a generator for the signal of a period.
    Ask(GeneratorIndex, Seq, Period),
    /// Register, or renew, with [`Strategy::reports`].
    Register(Seq),
    /// Submit the decision of a period.
    Submit(Seq, Period, Value),
    /// Deregister.
    Deregister(Seq),
    /// Decide on these signals, and call [`Strategy::decided`].
    Decide(Period, Vec<Value>),
    /// The trader has registered this instance.
    Registered,
    /// The trader has the decision of this period.
    Submitted(Period, Value),
    /// The name is taken; tried again until the lease of whoever has it must have run out.
    Taken(String),
    /// What is wrong has changed: of each component, its name and its problem.
    Problems(Vec<(String, Problem)>),
    /// It has ended as it was told to.
    Stopped,
    /// It cannot go on; holds why.
    GiveUp(String),
}

/// A reply of a generator, and what it tells of its clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeneratorAnswer {
    /// To which request.
    pub seq: Seq,
    /// When the request came in there.
    pub received: Unix,
    /// When the reply left.
    pub replied: Unix,
    /// What the generator calls itself.
    pub name: String,
    /// The reply.
    pub reply: SignalReply,
}

/// What a generator replies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignalReply {
    /// The signal of a period.
    Signal(Period, Value),
    /// It follows.
    Held(Period),
    /// There is none.
    Refused(Refusal),
}

/// What the trader replies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraderAnswer {
    /// Registered for so long; the period of the last decision that it has of this strategy.
    Registered(Duration, Option<Period>),
    /// Another instance has the name: who, and how long a lease is.
    Taken(String, Duration),
    /// It has the decision of this period.
    Accepted(Period),
    /// It is deregistered.
    Deregistered,
    /// It refused.
    Refused(Refusal),
}

/// A request that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The stable code.
    pub code: String,
    /// Why.
    pub reason: String,
}

impl Strategy {
    /// A strategy that has done nothing yet.
    ///
    /// # Panics
    /// If it has no generators, or more than [`limits::GENERATORS_MAX`].
    #[must_use]
    pub fn new(settings: StrategySettings) -> Self {
        let count = settings.generators.len();
        assert!((1..=limits::GENERATORS_MAX).contains(&count), "a strategy has generators");
        let generators = settings.generators.iter().map(|address| ComponentReport {
            address: cut(address.clone(), limits::ADDRESS_LEN_MAX),
            ..ComponentReport::default()
        });
        Self {
            generators: generators.collect(),
            settings,
            seq: Seq::ZERO,
            registering: Registering::new(),
            round: None,
            own: None,
            clock: None,
            trader: None,
            last: None,
            told: Vec::new(),
            wake_at: Steady::new(0),
        }
    }

    /// What it was told at its start.
    #[must_use]
    pub const fn settings(&self) -> &StrategySettings {
        &self.settings
    }

    /// What it knows of its generators.
    #[must_use]
    pub fn reports(&self) -> &[ComponentReport] {
        &self.generators
    }

    /// What is wrong with itself.
    #[must_use]
    pub fn own_problem(&self) -> Option<&Problem> {
        self.clock.as_ref().or(self.own.as_ref())
    }

    /// Its last decision that the trader has.
    #[must_use]
    pub const fn last(&self) -> Option<(Period, Value)> {
        self.last
    }

    /// When [`Strategy::tick`] has something to do.
    #[must_use]
    pub const fn wake_at(&self) -> Steady {
        self.wake_at
    }

    fn next_seq(&mut self) -> Seq {
        self.seq = self.seq.next();
        self.seq
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        self.tick_registration(now, out);
        if self.registering.is_ending() {
            self.wake_at = self.registering.wake_at();
            return;
        }
        let period = self.settings.schedule.period_at(now.unix);
        if self.round.as_ref().is_none_or(|round| round.period != period) {
            self.close_round(now);
            let begin = self.settings.schedule.begin_of(period, &self.settings.name);
            let patient_until = self.patient_until(now, period);
            let is_first = self.round.is_none();
            let round = Round::new(period, begin, patient_until, self.generators.len());
            self.round = Some(Round { is_first, ..round });
        }
        self.work(now, out);
        self.tell(out);
        self.wake_at = self.next_moment(now);
    }

    /// Until when nobody is missing. Parts are started in any order: one that has just started, too
    /// late in a period for its deadline, names nobody in that.
    fn patient_until(&self, now: Now, period: Period) -> Unix {
        let schedule = &self.settings.schedule;
        let until = now.unix + schedule.length() / 6;
        match self.round.is_none() && self.report_at(period) < until {
            true => schedule.start_of(period.next().next()),
            false => until,
        }
    }

    /// The period is over: whoever has not replied in it is missing, unless the strategy itself has
    /// just started.
    fn close_round(&mut self, now: Now) {
        if self.round.as_ref().is_some_and(|round| round.patient_until <= now.unix) {
            self.miss(now);
        }
        let Some(round) = &self.round else { return };
        if let Decided::Asked = round.decided {
            let reason = killed(round.period);
            Problem::set(&mut self.own, ProblemKind::NoData, now.unix, reason);
        }
    }

    /// Names the generators that were started again in this period, at the deadline: a part that
    /// has just started owes nothing of its first period, and a strategy that has just started
    /// itself owes no decision of it either.
    fn name_started_again(&mut self, now: Now) {
        let Some(round) = self.round.as_ref().filter(|round| !round.is_first) else { return };
        for (slot, generator) in round.slots.iter().zip(&mut self.generators) {
            if let (Some(why), None) = (&slot.just_started, slot.value) {
                let (kind, at) = (ProblemKind::NoData, &mut generator.problem);
                Problem::set(at, kind, now.unix, why.clone());
            }
        }
    }

    /// Names the generators that have not replied in this period.
    fn miss(&mut self, now: Now) {
        let Some(round) = &self.round else { return };
        for (slot, generator) in round.slots.iter().zip(&mut self.generators) {
            let has_failed =
                generator.problem.as_ref().is_some_and(|known| known.kind == ProblemKind::NoData);
            if slot.held && has_failed {
                // Its source failed before, and has not made a signal since: that stands.
                continue;
            }
            if slot.value.is_none() && !slot.refused && !slot.is_faulty {
                let what = match (slot.sent.is_empty(), slot.held) {
                    (true, _) => "it could not be reached in",
                    (false, true) => "it has made no signal of",
                    (false, false) => "it did not reply in",
                };
                let reason = format!("{what} period {}", round.period);
                Problem::set(&mut generator.problem, ProblemKind::Missing, now.unix, reason);
            }
        }
    }

    fn work(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        let deadline = self.report_deadline();
        let Some(round) = &mut self.round else { return };
        if now.unix < round.begin {
            return;
        }
        if !round.deadline_done && deadline.is_some_and(|deadline| deadline <= now.unix) {
            round.deadline_done = true;
            if round.decided == Decided::Not {
                // Why it could not decide in a period before says nothing of this one.
                self.own = None;
            }
            self.miss(now);
            self.name_started_again(now);
        }
        self.ask(now, out);
        self.decide(now, out);
        self.submit(now, out);
    }

    /// A third of the way to the trader's deadline is left for the trader to hear of it. Whoever
    /// starts late in a period is patient all the same.
    fn report_deadline(&self) -> Option<Unix> {
        let round = self.round.as_ref()?;
        Some(self.report_at(round.period).max(round.patient_until))
    }

    fn report_at(&self, period: Period) -> Unix {
        let schedule = &self.settings.schedule;
        let start = schedule.start_of(period);
        start + (schedule.deadline_of(period) - start) / 3 * 2
    }

    fn ask(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        let (first, longest) = self.pauses();
        let Some(round) = &mut self.round else { return };
        for (index, slot) in round.slots.iter_mut().enumerate() {
            let may = slot.attempts.made() <= self.settings.retries;
            if slot.value.is_some() || slot.refused || !may || !slot.attempts.is_due(now.steady) {
                continue;
            }
            self.seq = self.seq.next();
            let salt = self.settings.name.hash_with(self.seq.get());
            slot.attempts.sent(now.steady, first, longest, salt);
            slot.sent.push((self.seq, now.unix));
            out.push(StrategyEffect::Ask(GeneratorIndex::at(index), self.seq, round.period));
        }
    }

    /// The first and the longest pause before a request is sent again.
    fn pauses(&self) -> (Duration, Duration) {
        let schedule = &self.settings.schedule;
        (schedule.retry_first(), schedule.length() / 4)
    }

    fn decide(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        let Some(round) = &mut self.round else { return };
        if round.decided != Decided::Not {
            return;
        }
        let Some(signals) = round.signals() else { return };
        if self.settings.rule == Rule::External {
            round.decided = Decided::Asked;
            out.push(StrategyEffect::Decide(round.period, signals));
            return;
        }
        let made = self.settings.rule.apply(&signals).ok_or_else(|| {
            format!("the {} of the signals is beyond what 64 bits hold", self.settings.rule)
        });
        self.take_decision(now, made);
    }

    fn take_decision(&mut self, now: Now, made: Result<Value, String>) {
        let Some(round) = &mut self.round else { return };
        match made {
            Ok(value) => {
                round.decided = Decided::Value(value);
                self.own = None;
            }
            Err(reason) => {
                round.decided = Decided::Failed;
                Problem::set(&mut self.own, ProblemKind::NoData, now.unix, reason);
            }
        }
    }

    /// Somebody has decided on the signals of a period, or says why not. What comes too late is
    /// dropped.
    pub fn decided(
        &mut self,
        now: Now,
        period: Period,
        made: Result<Value, String>,
        out: &mut Vec<StrategyEffect>,
    ) {
        self.tick(now, out);
        let is_due = |round: &Round| round.period == period && round.decided == Decided::Asked;
        if self.round.as_ref().is_some_and(is_due) {
            self.take_decision(now, made);
            self.tick(now, out);
        }
    }

    fn submit(&mut self, now: Now, out: &mut Vec<StrategyEffect>) {
        let (first, longest) = self.pauses();
        let (registered, retries) = (self.registering.is_registered(), self.settings.retries);
        let Some(round) = &mut self.round else { return };
        let Decided::Value(value) = round.decided else { return };
        let may = round.submission.made() <= retries && registered && !round.is_submitted;
        if may && round.submission.is_due(now.steady) {
            self.seq = self.seq.next();
            let salt = self.settings.name.hash_with(self.seq.get());
            round.submission.sent(now.steady, first, longest, salt);
            round.submitted_as.push(self.seq);
            out.push(StrategyEffect::Submit(self.seq, round.period, value));
        }
    }

    /// A request could not be sent: nobody is there. It does not count as an attempt.
    pub fn unsent(&mut self, now: Now, seq: Seq) {
        let (first, _) = self.pauses();
        self.registering.unsent(now, seq, first);
        if let Some(round) = &mut self.round {
            round.unsent(now, seq, first);
        }
        self.wake_at = self.next_moment(now);
    }

    /// A generator has replied.
    pub fn signal_reply(
        &mut self,
        now: Now,
        generator: GeneratorIndex,
        answer: GeneratorAnswer,
        out: &mut Vec<StrategyEffect>,
    ) {
        let GeneratorAnswer { seq, received, replied, name, reply } = answer;
        self.tick(now, out);
        let tolerance = self.settings.schedule.tolerance();
        let (Some(round), Some(report)) =
            (&mut self.round, self.generators.get_mut(generator.index()))
        else {
            return;
        };
        let slot = &mut round.slots[generator.index()];
        let Some((_, sent)) = slot.sent.iter().find(|(sent, _)| *sent == seq).copied() else {
            return;
        };
        // A rejection has no name.
        if !name.is_empty() {
            report.name = cut(name, limits::NAME_LEN_MAX);
        }
        let exchange = Exchange { sent, received, replied, taken: now.unix };
        if let Some(off) = exchange.clock_off(tolerance) {
            // Asked again: a clock that was set meanwhile gives data in the same period.
            slot.is_faulty = true;
            Problem::set(&mut report.problem, ProblemKind::ClockOff, now.unix, off.to_string());
        } else {
            slot.take(now, round.period, reply, report, self.settings.schedule.length());
        }
        self.tick(now, out);
    }

    /// A generator has replied what cannot be read.
    pub fn damaged_signal(
        &mut self,
        now: Now,
        generator: GeneratorIndex,
        why: &str,
        out: &mut Vec<StrategyEffect>,
    ) {
        self.tick(now, out);
        let (Some(round), Some(report)) =
            (&mut self.round, self.generators.get_mut(generator.index()))
        else {
            return;
        };
        let slot = &mut round.slots[generator.index()];
        if slot.value.is_some() || slot.sent.is_empty() {
            return;
        }
        slot.is_faulty = true;
        Problem::set(&mut report.problem, ProblemKind::Refused, now.unix, damaged(why));
        self.tell(out);
    }

    fn tell(&mut self, out: &mut Vec<StrategyEffect>) {
        // By their addresses: a name comes with the first reply, and is what another may have too.
        let named = self
            .generators
            .iter()
            .filter_map(|report| Some((report.address.clone(), report.problem.clone()?)));
        let own =
            self.own_problem().cloned().map(|problem| (self.settings.name.to_string(), problem));
        let trader = self.trader.clone().map(|problem| ("trader".to_owned(), problem));
        let problems: Vec<(String, Problem)> = named.chain(own).chain(trader).collect();
        let gist =
            |(name, problem): &(String, Problem)| (name.clone(), problem.kind, problem.gist());
        let told: Vec<_> = problems.iter().map(gist).collect();
        if told != self.told {
            self.told = told;
            self.registering.hurry();
            out.push(StrategyEffect::Problems(problems));
        }
    }

    fn next_moment(&self, now: Now) -> Steady {
        let schedule = &self.settings.schedule;
        let mut next = schedule.look_again(now).min(self.registering.wake_at());
        let Some(round) = &self.round else { return next };
        next = next.min(now.until(schedule.start_of(round.period.next())));
        if now.unix < round.begin {
            return next.min(now.until(round.begin));
        }
        if !round.deadline_done
            && let Some(deadline) = self.report_deadline()
        {
            next = next.min(now.until(deadline));
        }
        let registered = self.registering.is_registered();
        next.min(round.next_attempt(self.settings.retries, registered))
    }
}

fn damaged(why: &str) -> String {
    format!("its reply cannot be read: {why}")
}

#[cfg(test)]
mod tests;
