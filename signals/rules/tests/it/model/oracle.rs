//! Oracle: what each median has to be, from who was registered by which instance, and from nothing
//! of the machines but what they write down, reply and publish.

use std::collections::{BTreeMap, BTreeSet};

use allot_domain::Incarnation;
use allot_signals_rules::{ComponentName, Median, Period, Value};

use super::process::{LEASE, true_decision};

/// What the oracle knows.
#[derive(Default)]
pub(super) struct Oracle {
    /// The generators of each strategy.
    pub(super) generators: BTreeMap<ComponentName, Vec<usize>>,
    /// Who must be registered: it was told so.
    members: BTreeMap<ComponentName, Member>,
    /// Every instance that was ever written down.
    recorded: BTreeSet<(ComponentName, Incarnation)>,
    /// Records that may be lost: nobody was told yet.
    unsure: BTreeSet<ComponentName>,
    published: Vec<Median>,
}

/// A strategy that is registered.
#[derive(Default)]
struct Member {
    /// Which instance has the name.
    instance: Incarnation,
    /// When the trader heard it last, in true time.
    heard: u64,
    /// The instances that decided while they held the name, of a period each.
    deciders: BTreeMap<Period, BTreeSet<u64>>,
}

/// More than this of deciders is not looked at.
const COMBINATIONS_MAX: usize = 4_096;

impl Oracle {
    /// The trader wrote down that an instance has the name.
    pub(super) fn recorded(
        &mut self,
        time: u64,
        name: ComponentName,
        instance: Incarnation,
    ) -> Result<(), String> {
        let lease = u64::try_from(LEASE.as_nanos()).unwrap();
        if let Some(member) = self.members.get(&name)
            && member.instance != instance
            && !self.unsure.contains(&name)
            && time < member.heard + lease
        {
            let before = member.instance;
            return Err(format!("{name}: instance {instance} at {time}, and {before} is alive"));
        }
        self.recorded.insert((name, instance));
        self.unsure.insert(name);
        let member = self.members.entry(name).or_default();
        (member.instance, member.heard) = (instance, time);
        Ok(())
    }

    /// Somebody was told that the name is registered.
    pub(super) fn told_registered(
        &mut self,
        name: ComponentName,
        instance: Incarnation,
    ) -> Result<(), String> {
        if self.members.get(&name).is_some_and(|member| member.instance == instance) {
            self.unsure.remove(&name);
        }
        match self.recorded.contains(&(name, instance)) {
            true => Ok(()),
            false => Err(format!("{name}: {instance} is told that it is registered; it never was")),
        }
    }

    /// The trader wrote down that the name is free: somebody asked for it.
    pub(super) fn deregistered(&mut self, name: ComponentName, asked: bool) -> Result<(), String> {
        if !asked {
            return Err(format!("{name} was deregistered, and nobody asked for it"));
        }
        self.unsure.insert(name);
        self.members.remove(&name);
        Ok(())
    }

    /// The trader has heard this instance.
    pub(super) fn heard(&mut self, time: u64, name: &ComponentName, instance: Incarnation) {
        if let Some(member) = self.members.get_mut(name)
            && member.instance == instance
        {
            member.heard = time;
        }
    }

    /// The trader has started: each registered instance has a lease from here on.
    pub(super) fn trader_started(
        &mut self,
        time: u64,
        registered: &[(ComponentName, Incarnation)],
    ) {
        let found: BTreeMap<_, _> = registered.iter().copied().collect();
        for name in std::mem::take(&mut self.unsure) {
            // Lost or not: either is right where nobody was told.
            match found.get(&name) {
                Some(instance) => self.members.entry(name).or_default().instance = *instance,
                None => {
                    self.members.remove(&name);
                }
            }
        }
        for member in self.members.values_mut() {
            member.heard = time;
            // Decisions are not in the journal: they have to be given again.
            member.deciders.clear();
        }
    }

    /// An instance submits a decision of a period.
    pub(super) fn decides(&mut self, name: &ComponentName, instance: Incarnation, period: Period) {
        if let Some(member) = self.members.get_mut(name)
            && member.instance == instance
        {
            member.deciders.entry(period).or_default().insert(instance.get());
        }
    }

    /// A median is made, of those who are registered now.
    pub(super) fn made(&self, median: Median) -> Result<(), String> {
        let period = median.period;
        if usize::try_from(median.strategies) != Ok(self.members.len()) {
            let (of, registered) = (median.strategies, self.members.len());
            return Err(format!("the median of {period} is of {of}; {registered} are registered"));
        }
        let mut sets: Vec<Vec<f64>> = vec![Vec::new()];
        for (name, member) in &self.members {
            let Some(deciders) = member.deciders.get(&period) else {
                return Err(format!("the median of {period} has no decision of {name}"));
            };
            let generators = &self.generators[name];
            let values: Vec<f64> = deciders
                .iter()
                .map(|instance| true_decision(generators, *instance, period).get())
                .collect();
            let extended = sets.iter().flat_map(|set| {
                values.iter().map(move |value| [set.as_slice(), &[*value]].concat())
            });
            sets = extended.take(COMBINATIONS_MAX).collect();
        }
        if sets.into_iter().any(|set| middle(set) == median.value) {
            return Ok(());
        }
        Err(format!("the median of {period} is {}, of no set of right decisions", median.value))
    }

    /// A median is published.
    pub(super) fn published(&mut self, median: Median) -> Result<(), String> {
        if let Some(last) = self.published.iter().rfind(|last| median.period <= last.period) {
            return Err(format!("the median of {} was published after {last:?}", median.period));
        }
        self.published.push(median);
        Ok(())
    }

    /// How many were published.
    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.published.len()).unwrap()
    }

    /// From two periods after all faults have ended on, each has a median.
    pub(super) fn ended(&self, faults_end: Period, end: Period) -> Result<(), String> {
        let missing = (faults_end.get() + 2..end.get())
            .find(|number| !self.published.iter().any(|median| median.period.get() == *number));
        match missing {
            None => Ok(()),
            Some(number) => {
                Err(format!("no median of {number}; the faults ended in period {faults_end}"))
            }
        }
    }
}

/// The middle of some values, by the book.
fn middle(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let sum = values[(count - 1) / 2] + values[count / 2];
    Value::new(sum / 2.0).unwrap()
}
