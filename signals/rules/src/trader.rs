//! Trader: the median of the decisions of all registered strategies, or why there is none.
//!
//! ```text
//!   register ─► lease ─► renewed by every message ─► runs out: away, and still registered
//!   decision of n ─► the last one is there ─► median of n, once for ever
//! ```
//!
//! A strategy is registered until it deregisters or is deregistered by hand. What must outlast a
//! restart comes out as a [`Record`]; what follows it in the effects waits until it is durable.

mod health;
mod orders;
mod requests;

use core::time::Duration;
use std::collections::BTreeMap;

use allot_domain::Incarnation;

use crate::{
    ComponentName, ComponentReport, Now, Period, Problem, Reject, Schedule, Steady, Ticket, Unix,
    Value, limits, median,
};
pub use health::{ProblemKey, TraderProblem};
use orders::Orders;
pub use orders::{OrderEnd, OrderTarget};
pub use requests::{Decision, Deregistration, RegisterRequest};

/// What a trader is told at its start.
#[derive(Clone, Copy, Debug)]
pub struct TraderSettings {
    /// When it acts.
    pub schedule: Schedule,
    /// How long a strategy stays the only one of its name after its last message.
    pub lease: Duration,
}

/// What must outlast a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// An instance has the name.
    Registered(ComponentName, Incarnation, Unix),
    /// Nobody has the name any more.
    Deregistered(ComponentName),
    /// The median of a period; owed as an order, if orders go somewhere.
    Median(Median),
    /// Where orders go from here on; none where there are none.
    Target(Option<OrderTarget>),
    /// The order of a period has ended.
    Ordered(Period, OrderEnd),
}

/// A published median.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Median {
    /// Of which period.
    pub period: Period,
    /// The value.
    pub value: Value,
    /// Of how many decisions.
    pub strategies: u32,
}

/// What the trader wants done, in this order. What follows a record waits until it is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraderEffect {
    /// Write this to the journal.
    Record(Record),
    /// Reply to a request.
    Reply(Ticket, TraderReply),
    /// A strategy is registered that was not, or as another instance.
    Registered(ComponentName),
    /// A strategy is registered no more.
    Deregistered(ComponentName),
    /// Publish a median.
    Median(Median),
    /// What is wrong has changed, or this is the first time; an empty list is well.
    Problems(Vec<TraderProblem>),
}

/// A reply of the trader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraderReply {
    /// Registered, for so long; the period of the last decision that it has of this strategy.
    Registered(Duration, Option<Period>),
    /// Another instance has the name.
    Taken(crate::reject::NameTaken, Duration),
    /// The decision of this period is there; whether it was before.
    Accepted(Period, bool),
    /// The name is free.
    Deregistered(ComponentName),
    /// Nothing has changed.
    Rejected(Reject),
}

/// What the trader has of one strategy.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which run of it.
    pub instance: Incarnation,
    /// Since when that one is registered.
    pub since: Unix,
    /// In which period the name was registered; none where that was before the trader started. It
    /// owes no decision of that one.
    pub new_in: Option<Period>,
    /// When its lease runs out.
    pub lease_until: Steady,
    /// Its last decision.
    pub decision: Option<(Period, Value)>,
    /// When it was heard last.
    pub heard: Option<Unix>,
    /// What is wrong with it as the trader sees it.
    pub problem: Option<Problem>,
    /// What it says is wrong with it.
    pub own_problem: Option<Problem>,
    /// Its generators, as it told.
    pub reports: Vec<ComponentReport>,
}

/// The state of a trader.
#[derive(Clone, Debug)]
pub struct Trader {
    settings: TraderSettings,
    /// In which period it was started.
    started_in: Period,
    strategies: BTreeMap<ComponentName, Standing>,
    period: Option<Period>,
    /// How many have decided in this period.
    decided: usize,
    last: Option<Median>,
    orders: Orders,
    /// No median is made, because it could not be published in time.
    is_held: bool,
    /// How long what comes in may have waited because the trader did not run.
    held_up: Duration,
    /// The deadline of this period has passed.
    deadline_done: bool,
    /// No lease runs out before.
    leases_until: Steady,
    /// Who would register with another period, and until when it is named.
    mismatches: BTreeMap<ComponentName, (Problem, Steady)>,
    /// States of generators that are kept.
    reports: usize,
    /// Since when there are no strategies.
    empty_since: Option<Unix>,
    /// It was so at a deadline.
    empty_is_due: bool,
    /// Nothing is published before this moment.
    quiet_until: Steady,
    /// It publishes nothing of a period before this one.
    first_period: Option<Period>,
    /// Since when, and for how long, it publishes nothing; none when that is over.
    quiet: Option<(Unix, Duration)>,
    /// Since when the clock is before the period of the last median.
    set_back_since: Option<Unix>,
    /// What is wrong may have changed.
    dirty: bool,
    /// What was told of problems last; none before the first time.
    told: Option<Vec<(ProblemKey, String)>>,
    wake_at: Steady,
}

impl Trader {
    /// A trader with what its journal has: the records in their order.
    pub fn new(
        settings: TraderSettings,
        now: Now,
        records: impl IntoIterator<Item = Record>,
    ) -> Self {
        let mut trader = Self {
            settings,
            started_in: settings.schedule.period_at(now.unix),
            strategies: BTreeMap::new(),
            period: None,
            decided: 0,
            last: None,
            orders: Orders::default(),
            is_held: false,
            held_up: Duration::ZERO,
            deadline_done: false,
            leases_until: Steady::new(0),
            mismatches: BTreeMap::new(),
            reports: 0,
            empty_since: None,
            empty_is_due: false,
            quiet_until: Steady::new(0),
            first_period: None,
            quiet: None,
            set_back_since: None,
            dirty: true,
            told: None,
            wake_at: Steady::new(0),
        };
        for record in records {
            trader.apply(record, now);
        }
        trader
    }

    /// The same where no median is known of before: who was registered then may not be known, and
    /// has a lease, and the rest of this period, to register again. Until then there is no median,
    /// or it might be one of a few strategies only, of a period that had another one before.
    pub fn without_memory(
        settings: TraderSettings,
        now: Now,
        records: impl IntoIterator<Item = Record>,
    ) -> Self {
        let schedule = &settings.schedule;
        let first_period = schedule.period_at(now.unix).next();
        let next = now.until(schedule.start_of(first_period));
        let quiet_until = next.max(now.steady + settings.lease);
        let quiet = Some((now.unix, quiet_until - now.steady));
        let first_period = Some(first_period);
        Self { quiet_until, first_period, quiet, ..Self::new(settings, now, records) }
    }

    /// The records from which the same trader starts: who is registered, the last median, and the
    /// orders without a reply.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let registered = self
            .strategies
            .iter()
            .map(|(name, standing)| Record::Registered(*name, standing.instance, standing.since));
        // Those that are owed follow the target that they are owed to.
        let last = self.last.filter(|last| !self.orders.is_owed(last.period));
        registered.chain(last.map(Record::Median)).chain(self.orders.records())
    }

    /// What a record changes: at a restart, and when it is made.
    fn apply(&mut self, record: Record, now: Now) {
        self.orders.apply(&record);
        match record {
            Record::Registered(name, instance, since) => {
                let lease_until = now.steady + self.settings.lease;
                let before = self.strategies.remove(&name);
                let decision = before.as_ref().and_then(|before| before.decision);
                let new_in = before.as_ref().map_or(self.period, |before| before.new_in);
                self.reports -= before.map_or(0, |before| before.reports.len());
                let standing = Standing {
                    instance,
                    since,
                    new_in,
                    lease_until,
                    decision,
                    heard: None,
                    problem: None,
                    own_problem: None,
                    reports: Vec::new(),
                };
                self.strategies.insert(name, standing);
                self.leases_until = self.leases_until.min(lease_until);
            }
            Record::Deregistered(name) => {
                let gone = self.strategies.remove(&name);
                self.reports -= gone.map_or(0, |gone| gone.reports.len());
            }
            Record::Median(median) => {
                let is_later = |last: Median| last.period < median.period;
                self.last = if self.last.is_none_or(is_later) { Some(median) } else { self.last };
            }
            Record::Target(_) | Record::Ordered(..) => {}
        }
        self.count_decided();
        self.dirty = true;
    }

    fn record(&mut self, record: Record, now: Now, out: &mut Vec<TraderEffect>) {
        out.push(TraderEffect::Record(record.clone()));
        self.apply(record, now);
    }

    /// What it was told at its start.
    #[must_use]
    pub const fn settings(&self) -> &TraderSettings {
        &self.settings
    }

    /// The strategies that are registered.
    #[must_use]
    pub const fn strategies(&self) -> &BTreeMap<ComponentName, Standing> {
        &self.strategies
    }

    /// The period that it is in.
    #[must_use]
    pub const fn period(&self) -> Option<Period> {
        self.period
    }

    /// The last median.
    #[must_use]
    pub const fn last(&self) -> Option<Median> {
        self.last
    }

    /// When [`Trader::tick`] has something to do.
    #[must_use]
    pub const fn wake_at(&self) -> Steady {
        self.wake_at
    }

    /// Makes no median while it is held: the journal could not make it durable in time.
    pub fn hold(&mut self, now: Now, is_held: bool) {
        if core::mem::replace(&mut self.is_held, is_held) != is_held {
            self.wake_at = now.steady;
        }
    }

    /// The trader runs again. What has come in since it should have run has waited, and neither the
    /// clock of its sender is to blame, nor a sender for not being heard.
    pub fn resume(&mut self, now: Now) {
        let held_up = now.steady - self.wake_at;
        if self.period.is_none()
            || held_up <= self.settings.schedule.tolerance()
            || held_up <= self.held_up
        {
            return;
        }
        let more = held_up - core::mem::replace(&mut self.held_up, held_up);
        for standing in self.strategies.values_mut() {
            standing.lease_until = standing.lease_until + more;
        }
        self.leases_until = self.leases_until + more;
    }

    /// Everything that has come in was taken.
    pub fn caught_up(&mut self) {
        self.held_up = Duration::ZERO;
    }

    fn count_decided(&mut self) {
        let Some(period) = self.period else { return };
        let of_now = |standing: &&Standing| standing.has_decided(period);
        self.decided = self.strategies.values().filter(of_now).count();
    }

    /// Time has passed, or requests were taken: what is wrong is told here, once for all of them.
    pub fn tick(&mut self, now: Now, out: &mut Vec<TraderEffect>) {
        self.advance(now);
        self.publish(now, out);
        self.tell(now, out);
        self.wake_at = self.next_moment(now);
    }

    /// Looks at the clocks.
    fn advance(&mut self, now: Now) {
        let period = self.settings.schedule.period_at(now.unix);
        if self.period != Some(period) {
            self.period = Some(period);
            self.deadline_done = false;
            self.count_decided();
        }
        self.end_the_quiet(now);
        self.end_leases(now);
        self.end_mismatches(now);
        self.look_for_a_clock_set_back(now, period);
        self.look_for_the_missing(now, period);
    }

    /// A request was taken: the median may be there. What is wrong is told at the next tick, which
    /// is due at once, because many requests may come together.
    fn settle(&mut self, now: Now, out: &mut Vec<TraderEffect>) {
        self.publish(now, out);
        self.wake_at = if self.dirty { now.steady } else { self.next_moment(now) };
    }

    fn next_moment(&self, now: Now) -> Steady {
        let schedule = &self.settings.schedule;
        let Some(period) = self.period else { return now.steady };
        let next = match self.deadline_done {
            false => schedule.deadline_of(period),
            true => schedule.start_of(period.next()),
        };
        let mismatches = self.mismatches.values().map(|(_, until)| *until).min();
        let leases = self.leases_until.min(mismatches.unwrap_or(Steady::MAX));
        let due = now.until(next).min(leases).min(schedule.look_again(now));
        if now.steady < self.quiet_until { due.min(self.quiet_until) } else { due }
    }

    /// Whether medians that were published before may not be known. The two clocks need not agree
    /// to the microsecond, so that both have to say that it is over.
    fn is_quiet(&self, now: Now) -> bool {
        now.steady < self.quiet_until
            || self.first_period.is_some_and(|first| self.period < Some(first))
    }

    /// The median of the current period, when the last decision is there and none was published.
    fn publish(&mut self, now: Now, out: &mut Vec<TraderEffect>) {
        let is_quiet = self.is_held || self.is_quiet(now);
        let Some(period) = self.period.filter(|_| !is_quiet) else { return };
        let is_complete = !self.strategies.is_empty() && self.decided == self.strategies.len();
        if !is_complete || self.last.is_some_and(|last| period <= last.period) {
            return;
        }
        let decisions = self.strategies.values().filter_map(|standing| match standing.decision {
            Some((of, value)) if of == period => Some(value),
            _ => None,
        });
        let decisions: Vec<Value> = decisions.collect();
        assert_eq!(decisions.len(), self.decided, "one decision of this period from each");
        let strategies = u32::try_from(decisions.len()).expect("the number is bounded");
        let value = median(decisions).expect("there are strategies");
        let median = Median { period, value, strategies };
        self.record(Record::Median(median), now, out);
        self.bound_orders(now, period, out);
        out.push(TraderEffect::Median(median));
    }
}

impl Standing {
    fn has_decided(&self, period: Period) -> bool {
        self.decision.is_some_and(|(of, _)| of == period)
    }
}

const _: () = assert!(limits::STRATEGIES_MAX <= u32::MAX as usize);

#[cfg(test)]
mod tests;
