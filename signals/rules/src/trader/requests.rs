//! Requests: what strategies and people ask of the trader.

use core::time::Duration;

use allot_domain::Incarnation;

use super::{Record, Standing, Trader, TraderEffect, TraderReply};
use crate::reject::{NameTaken, PeriodMismatch, Periods};
use crate::{
    ClockOff, ComponentName, ComponentReport, Now, Period, Problem, ProblemKind, Reject, Ticket,
    Unix, Value, limits,
};

/// A strategy registers, or renews its lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterRequest {
    /// Its name.
    pub name: ComponentName,
    /// Which run of it.
    pub instance: Incarnation,
    /// How long a period is there.
    pub length: Duration,
    /// What its clock said when it sent this.
    pub time: Unix,
    /// What is wrong with it.
    pub problem: Option<Problem>,
    /// Its generators.
    pub reports: Vec<ComponentReport>,
}

/// The decision of a strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Whose.
    pub name: ComponentName,
    /// Which run of it.
    pub instance: Incarnation,
    /// Of which period.
    pub period: Period,
    /// How long a period is there.
    pub length: Duration,
    /// What its clock said when it sent this.
    pub time: Unix,
    /// The value.
    pub value: Value,
}

/// A name is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deregistration {
    /// Which.
    pub name: ComponentName,
    /// By which run of it; by hand there is none.
    pub instance: Option<Incarnation>,
}

impl Trader {
    /// A strategy registers, or renews its lease.
    pub fn register(
        &mut self,
        now: Now,
        ticket: Ticket,
        request: RegisterRequest,
        out: &mut Vec<TraderEffect>,
    ) {
        self.advance(now);
        let reply = match self.judge_register(now, &request) {
            Ok(()) => self.admit(now, request, out),
            Err(reject @ Reject::PeriodMismatch(_)) => {
                self.note_mismatch(now, request.name, &reject);
                TraderReply::Rejected(reject)
            }
            Err(Reject::NameTaken(taken)) => TraderReply::Taken(taken, self.settings.lease),
            Err(reject) => TraderReply::Rejected(reject),
        };
        out.push(TraderEffect::Reply(ticket, reply));
        self.settle(now, out);
    }

    fn judge_register(&mut self, now: Now, request: &RegisterRequest) -> Result<(), Reject> {
        let RegisterRequest { name, instance, length, time, .. } = request;
        self.judge_length(*length)?;
        match self.strategies.get(name) {
            Some(standing) if standing.instance != *instance => {
                if now.steady < standing.lease_until {
                    return Err(standing.taken(*name));
                }
                self.judge_clock(now, *time)?;
            }
            Some(_) => self.hear(now, name, *time)?,
            None => {
                if limits::STRATEGIES_MAX <= self.strategies.len() {
                    return Err(Reject::TooManyStrategies);
                }
                self.judge_clock(now, *time)?;
            }
        }
        Ok(())
    }

    fn admit(
        &mut self,
        now: Now,
        request: RegisterRequest,
        out: &mut Vec<TraderEffect>,
    ) -> TraderReply {
        let RegisterRequest { name, instance, problem, mut reports, .. } = request;
        self.dirty |= self.mismatches.remove(&name).is_some();
        let held = self.strategies.get(&name).map(|standing| standing.instance);
        if held != Some(instance) {
            self.record(Record::Registered(name, instance, now.unix), now, out);
            out.push(TraderEffect::Registered(name));
            // One that is new after the deadline is not missing yet; the median waits for it.
            if held.is_some() {
                self.look_for(now, &name);
            }
        }
        let room = limits::REPORTS_MAX - self.reports;
        let standing = self.strategies.get_mut(&name).expect("it is registered");
        let room = room + standing.reports.len();
        reports.truncate(room.min(limits::GENERATORS_MAX));
        self.reports = self.reports - standing.reports.len() + reports.len();
        self.dirty |= standing.own_problem != problem || standing.reports != reports;
        (standing.reports, standing.own_problem) = (reports, problem);
        standing.heard = Some(now.unix);
        TraderReply::Registered(self.settings.lease, standing.decision.map(|(period, _)| period))
    }

    /// A strategy has decided.
    pub fn decide(
        &mut self,
        now: Now,
        ticket: Ticket,
        decision: Decision,
        out: &mut Vec<TraderEffect>,
    ) {
        self.advance(now);
        let reply = match self.judge_decision(now, &decision) {
            Ok(is_repeat) => TraderReply::Accepted(decision.period, is_repeat),
            Err(reject) => TraderReply::Rejected(reject),
        };
        out.push(TraderEffect::Reply(ticket, reply));
        self.settle(now, out);
    }

    fn judge_decision(&mut self, now: Now, decision: &Decision) -> Result<bool, Reject> {
        let Decision { name, instance, period, length, time, value } = *decision;
        self.judge_length(length)?;
        let standing = self.strategies.get(&name).ok_or(Reject::NotRegistered(name))?;
        if standing.instance != instance {
            return Err(standing.taken(name));
        }
        self.hear(now, &name, time)?;
        let current = self.period.expect("a tick sets the period");
        let periods = Periods { meant: period, current };
        if period < current {
            return Err(Reject::Stale(periods));
        }
        if current < period {
            return Err(Reject::TooEarly(periods));
        }
        let standing = self.strategies.get_mut(&name).expect("it is registered");
        match standing.decision {
            Some((of, decided)) if of == period && decided == value => return Ok(true),
            Some((of, decided)) if of == period => return Err(Reject::AlreadyDecided(decided)),
            _ => {}
        }
        standing.decision = Some((period, value));
        self.dirty |= standing.problem.take().is_some();
        self.decided += 1;
        Ok(false)
    }

    fn judge_length(&self, strategy: Duration) -> Result<(), Reject> {
        let ours = self.settings.schedule.length();
        if strategy == ours {
            return Ok(());
        }
        Err(Reject::PeriodMismatch(PeriodMismatch { strategy, receiver: "trader", ours }))
    }

    fn judge_clock(&self, now: Now, time: Unix) -> Result<(), Reject> {
        let tolerance = self.settings.schedule.tolerance();
        // It was sent at the earliest when the trader did not run any more.
        let waited = self.held_up.min(now.unix - time);
        ClockOff::one_way(time + waited, now.unix, tolerance)
            .map_or(Ok(()), |off| Err(Reject::ClockOff(off)))
    }

    /// Renews the lease of the instance that holds the name, and looks at its clock.
    fn hear(&mut self, now: Now, name: &ComponentName, time: Unix) -> Result<(), Reject> {
        let judged = self.judge_clock(now, time);
        let standing = self.strategies.get_mut(name).expect("it is registered");
        standing.lease_until = now.steady + self.settings.lease;
        self.leases_until = self.leases_until.min(standing.lease_until);
        standing.heard = Some(now.unix);
        let known = standing.problem.as_ref().map(|problem| problem.kind);
        match &judged {
            Err(Reject::ClockOff(off)) => {
                let (kind, reason) = (ProblemKind::ClockOff, off.to_string());
                Problem::set(&mut standing.problem, kind, now.unix, reason);
                self.dirty |= known != Some(kind);
            }
            _ if matches!(known, Some(ProblemKind::Away | ProblemKind::ClockOff)) => {
                standing.problem = None;
                self.dirty = true;
                self.look_for(now, name);
            }
            _ => {}
        }
        judged
    }

    /// A strategy gives its name back, or somebody does it by hand.
    pub fn deregister(
        &mut self,
        now: Now,
        ticket: Ticket,
        request: Deregistration,
        out: &mut Vec<TraderEffect>,
    ) {
        self.advance(now);
        let Deregistration { name, instance } = request;
        let reply = match (self.strategies.get(&name), instance) {
            (None, _) => TraderReply::Rejected(Reject::NotRegistered(name)),
            (Some(standing), Some(instance)) if standing.instance != instance => {
                TraderReply::Rejected(standing.taken(name))
            }
            (Some(_), _) => {
                self.mismatches.remove(&name);
                self.record(Record::Deregistered(name), now, out);
                out.push(TraderEffect::Deregistered(name));
                TraderReply::Deregistered(name)
            }
        };
        out.push(TraderEffect::Reply(ticket, reply));
        self.settle(now, out);
    }
}

impl Standing {
    fn taken(&self, name: ComponentName) -> Reject {
        Reject::NameTaken(NameTaken { name, instance: self.instance, since: self.since })
    }
}
