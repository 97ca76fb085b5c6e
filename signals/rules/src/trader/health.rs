//! Health: what is wrong, with whom, and since when.

use super::{Standing, Trader, TraderEffect};
use crate::{ComponentName, Now, Period, Problem, ProblemKind, Reject, Steady, Unix, limits};

/// A component, the strategy that tells of it, and what kind of problem it has.
pub type ProblemKey = (String, Option<String>, ProblemKind);

/// What is wrong with one component, as it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraderProblem {
    /// Which component: a strategy, a generator by its address, or the trader.
    pub component: String,
    /// The strategy that tells of it, where it is a generator.
    pub strategy: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

impl TraderProblem {
    /// What is wrong with a component of which nobody else tells.
    #[must_use]
    pub const fn of(component: String, problem: Problem) -> Self {
        Self { component, strategy: None, problem }
    }

    /// Whose problem of which kind it is: while that is the same, it is the same problem.
    #[must_use]
    pub fn key(&self) -> ProblemKey {
        (self.component.clone(), self.strategy.clone(), self.problem.kind)
    }
}

impl Trader {
    /// Notices that it may publish from now on.
    pub(super) fn end_the_quiet(&mut self, now: Now) {
        if !self.is_quiet(now) && self.quiet.take().is_some() {
            self.dirty = true;
        }
    }

    /// Notices whose lease has run out.
    pub(super) fn end_leases(&mut self, now: Now) {
        if now.steady < self.leases_until {
            return;
        }
        self.leases_until = Steady::MAX;
        for standing in self.strategies.values_mut() {
            if now.steady < standing.lease_until {
                self.leases_until = self.leases_until.min(standing.lease_until);
                continue;
            }
            let is_known =
                standing.problem.as_ref().is_some_and(|known| known.kind == ProblemKind::Away);
            if !is_known {
                let lease = self.settings.lease.as_millis();
                let reason = format!("its lease of {lease} ms has run out");
                standing.problem = Some(Problem::new(ProblemKind::Away, now.unix, reason));
                self.dirty = true;
            }
        }
    }

    /// A strategy would register with another period: it is named until it is silent, because it
    /// tries on, and nobody may read its own log.
    pub(super) fn note_mismatch(&mut self, now: Now, name: ComponentName, reject: &Reject) {
        let is_new = !self.mismatches.contains_key(&name);
        if is_new && limits::MISMATCHES_MAX <= self.mismatches.len() {
            return;
        }
        self.dirty |= is_new;
        let before = self.mismatches.remove(&name).map(|(problem, _)| problem);
        let since = before.map_or(now.unix, |problem| problem.since);
        let problem = Problem::new(ProblemKind::Refused, since, reject.to_string());
        // It tries at least each second.
        let until = now.steady + self.settings.lease.max(limits::RETRY_FIRST_MOST * 3);
        self.mismatches.insert(name, (problem, until));
    }

    pub(super) fn end_mismatches(&mut self, now: Now) {
        let before = self.mismatches.len();
        self.mismatches.retain(|_, (_, until)| now.steady < *until);
        self.dirty |= self.mismatches.len() != before;
    }

    /// What is wrong with a strategy: where one of its name has another period, that is the reason
    /// why it is away or missing.
    #[must_use]
    pub fn problem_of(&self, name: &ComponentName) -> Option<&Problem> {
        let mismatch = self.mismatches.get(name).map(|(problem, _)| problem);
        mismatch.or_else(|| self.strategies.get(name)?.what_is_wrong())
    }

    /// Names who has not decided by the deadline.
    pub(super) fn look_for_the_missing(&mut self, now: Now, period: Period) {
        let deadline = self.settings.schedule.deadline_of(period);
        if self.deadline_done || now.unix < deadline {
            return;
        }
        self.deadline_done = true;
        self.dirty = true;
        // Parts are started in any order: that there is no strategy yet is no news before.
        let patience = self.settings.schedule.length() / 6;
        let is_due = |since: Unix| since + patience <= now.unix;
        self.empty_is_due = self.empty_since.is_some_and(is_due);
        // One that is new after the median of this period owes it no more.
        if self.is_overdue(period) {
            for standing in self.strategies.values_mut() {
                standing.miss(now, period);
            }
        }
    }

    /// Whether there should be a median of this period: one strategy at least was there before it,
    /// or has decided in it, and the others hold that one up. Parts that are started together owe
    /// nothing of the period that they start in, nor does a trader, whoever was registered before.
    fn is_owed_by_any(&self, period: Period) -> bool {
        let owes = |one: &Standing| one.new_in != Some(period) || one.has_decided(period);
        self.started_in < period && self.strategies.values().any(owes)
    }

    /// Notices that the clock is before a period whose median is published already: there is none
    /// of this one, or a period could have two.
    pub(super) fn look_for_a_clock_set_back(&mut self, now: Now, period: Period) {
        let is_back = self.last.is_some_and(|last| period < last.period);
        if is_back != self.set_back_since.is_some() {
            self.set_back_since = is_back.then_some(now.unix);
            self.dirty = true;
        }
    }

    /// Whether who has not decided in this period is missing: its deadline has passed, and there is
    /// no median.
    fn is_overdue(&self, period: Period) -> bool {
        let has_none = self.last.is_none_or(|last| last.period < period);
        self.deadline_done && has_none && self.is_owed_by_any(period)
    }

    /// A strategy is back, or new: it is missing if it is overdue.
    pub(super) fn look_for(&mut self, now: Now, name: &ComponentName) {
        let Some(period) = self.period.filter(|period| self.is_overdue(*period)) else { return };
        let standing = self.strategies.get_mut(name).expect("it is registered");
        standing.miss(now, period);
    }

    /// What is wrong now, in the order of the names.
    #[must_use]
    pub fn problems(&self) -> Vec<TraderProblem> {
        let mut problems = Vec::new();
        if let Some((since, quiet)) = self.quiet {
            let reason = format!(
                "it does not know who was registered before it started, and publishes no median \
                 until a lease has passed and a period has begun, {quiet:.1?} after its start"
            );
            let problem = Problem::new(ProblemKind::Starting, since, reason);
            problems.push(TraderProblem::of("trader".to_owned(), problem));
        }
        if let Some(since) = self.empty_since.filter(|_| self.empty_is_due) {
            let reason = "no strategy is registered";
            problems.push(TraderProblem {
                component: "trader".to_owned(),
                strategy: None,
                problem: Problem::new(ProblemKind::NoStrategies, since, reason),
            });
        }
        if let (Some(since), Some(last)) = (self.set_back_since, self.last) {
            let reason = format!(
                "the clock was set back: the median of period {} is published, and the next one \
                 is that of a later period",
                last.period
            );
            problems.push(TraderProblem {
                component: "trader".to_owned(),
                strategy: None,
                problem: Problem::new(ProblemKind::ClockOff, since, reason),
            });
        }
        let strangers =
            self.mismatches.iter().filter(|(name, _)| !self.strategies.contains_key(name));
        problems.extend(strangers.map(|(name, (problem, _))| TraderProblem {
            component: name.to_string(),
            strategy: None,
            problem: problem.clone(),
        }));
        for (name, standing) in &self.strategies {
            let own = self.problem_of(name);
            problems.extend(own.map(|problem| TraderProblem {
                component: name.to_string(),
                strategy: None,
                problem: problem.clone(),
            }));
            // A strategy that is away knows nothing of its generators.
            let is_away = |problem: &Problem| problem.kind == ProblemKind::Away;
            let is_away = standing.problem.as_ref().is_some_and(is_away);
            for report in standing.reports.iter().filter(|_| !is_away) {
                problems.extend(report.problem.as_ref().map(|problem| TraderProblem {
                    component: report.address.clone(),
                    strategy: Some(name.to_string()),
                    problem: problem.clone(),
                }));
            }
        }
        problems
    }

    /// Tells of problems when they have changed.
    pub(super) fn tell(&mut self, now: Now, out: &mut Vec<TraderEffect>) {
        if !core::mem::take(&mut self.dirty) {
            return;
        }
        match self.strategies.is_empty() {
            true => self.empty_since = self.empty_since.or(Some(now.unix)),
            false => (self.empty_since, self.empty_is_due) = (None, false),
        }
        let problems = self.problems();
        let told = problems.iter().map(|one| (one.key(), one.problem.gist()));
        let told = Some(told.collect());
        if self.told != told {
            self.told = told;
            out.push(TraderEffect::Problems(problems));
        }
    }
}

impl Standing {
    /// What is wrong with it: that it is missing says less than what it says itself.
    fn what_is_wrong(&self) -> Option<&Problem> {
        let says_more = |seen: &&Problem| seen.kind != ProblemKind::Missing;
        let seen = self.problem.as_ref();
        seen.filter(says_more).or(self.own_problem.as_ref()).or(seen)
    }

    /// It is missing, unless it has decided or something worse is known of it.
    fn miss(&mut self, now: Now, period: Period) {
        let is_worse = |known: &Problem| known.kind != ProblemKind::Missing;
        if self.has_decided(period) || self.problem.as_ref().is_some_and(is_worse) {
            return;
        }
        let reason = match self.decision {
            None => format!("no decision of period {period}, and none since the trader started"),
            Some((last, _)) => format!("no decision of period {period}; its last was of {last}"),
        };
        Problem::set(&mut self.problem, ProblemKind::Missing, now.unix, reason);
    }
}
