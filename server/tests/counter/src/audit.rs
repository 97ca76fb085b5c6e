//! Audit: what should come of every input, worked out again by obvious means.
//!
//! Plain maps and sets, whole scans, nothing incremental. It shares the types of the rules and no
//! line of what they do, so that one mistake does not stand in both.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use allot_domain::Reject as Core;

use crate::rules::limits::{AWAITS_MAX, KEYS_MAX, NAMES};
use crate::rules::{
    Action, Command, CounterConfig, Counters, Input, Key, Level, Name, Outcome, Raise, Reject, What,
};

/// Follows the log of one shard.
#[derive(Clone, Debug)]
pub struct Auditor {
    limit: u64,
    values: BTreeMap<Key, u64>,
    /// Every open await, in no order that matters.
    open: BTreeSet<(Key, u64, Name)>,
    commands: Names,
    broadcasts: Names,
    raises: u64,
    level: Level,
}

/// What was done differs from what should have been.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch(String);

/// The names of messages that were applied, and what each said. No log of a test is so long that
/// the rules forget one.
#[derive(Clone, Debug, Default)]
struct Names(BTreeMap<Name, String>);

impl Auditor {
    /// Before the first input.
    #[must_use]
    pub fn new(config: CounterConfig) -> Self {
        Self {
            limit: config.limit,
            values: BTreeMap::new(),
            open: BTreeSet::new(),
            commands: Names::default(),
            broadcasts: Names::default(),
            raises: 0,
            level: Level::default(),
        }
    }

    /// Applies an input, and checks everything that came of it.
    ///
    /// # Errors
    /// The first outcome that differs, is missing, or is one too many.
    pub fn check(&mut self, input: &Input, outcomes: &[Outcome]) -> Result<(), Mismatch> {
        let expected = self.expect(input);
        for (place, outcome) in expected.iter().enumerate() {
            compare(&format!("outcome {place} of {input:?}"), outcomes.get(place), Some(outcome))?;
        }
        let extra = outcomes.get(expected.len());
        compare(&format!("after the last outcome of {input:?}"), extra, None)
    }

    /// Checks the whole state.
    ///
    /// # Errors
    /// What differs.
    pub fn check_state(&self, counters: &Counters) -> Result<(), Mismatch> {
        let values = counters.values().map(|(key, value)| (*key, value)).collect();
        compare("the counters", &values, &self.values)?;
        let open = counters.awaits().map(|(key, threshold, name)| (*key, threshold, name));
        compare("the open awaits", &open.collect(), &self.open)?;
        compare("the sum", &counters.sum(), &self.values.values().sum())?;
        compare("the raises", &counters.raises(), &self.raises)?;
        compare("the level", &counters.level(), &self.level)
    }

    /// What should come of an input.
    fn expect(&mut self, input: &Input) -> Vec<Outcome> {
        let mut expected = match input {
            Input::Command(command) => vec![self.expect_command(command)],
            Input::Raise(raise) => vec![self.expect_raise(raise)],
            Input::Level(level) => {
                self.level = if self.level.marker < level.marker { *level } else { self.level };
                Vec::new()
            }
            Input::Marker(_) => Vec::new(),
        };
        // Keys in their order, thresholds in theirs, then sources, then numbers: as the set has it.
        for (key, threshold, name) in self.open.clone() {
            let value = self.values[&key];
            if threshold <= value {
                self.open.remove(&(key, threshold, name));
                let what = What::Reached { key, value };
                expected.push(Outcome { name, is_duplicate: false, is_late: true, what });
            }
        }
        expected
    }

    fn expect_command(&mut self, command: &Command) -> Outcome {
        let name = command.name;
        let said = format!("{:?} {:?}", command.key, command.action);
        let is_duplicate = self.commands.has(&name, &said);
        let what = match self.commands.rejection(&name, &said) {
            Some(reject) => Err(reject),
            None if is_duplicate => self.expect_repeat(command),
            None => self.expect_new(command),
        };
        if what.is_ok() {
            self.commands.add(name, said);
        }
        let what = what.unwrap_or_else(What::Rejected);
        Outcome { name, is_duplicate, is_late: false, what }
    }

    fn expect_new(&mut self, command: &Command) -> Result<What, Reject> {
        let Command { name, key, action } = *command;
        let limit = self.limit;
        let value = self.values.get(&key).copied();
        match (action, value) {
            (Action::Add(amount), value) => {
                let sum = u128::from(value.unwrap_or(0)) + u128::from(amount);
                let sum = u64::try_from(sum).ok().filter(|sum| *sum <= limit);
                let value = sum.ok_or(Reject::ExceedsLimit(limit))?;
                if self.values.len() == KEYS_MAX && !self.values.contains_key(&key) {
                    return Err(Reject::TooManyKeys);
                }
                self.values.insert(key, value);
                Ok(What::Counted { key, value })
            }
            (_, None) => Err(Reject::UnknownKey),
            (Action::Await(threshold), _) if limit < threshold => Err(Reject::ExceedsLimit(limit)),
            (Action::Await(threshold), Some(value)) if threshold <= value => {
                Ok(What::Reached { key, value })
            }
            (Action::Await(_), _) if self.open.len() == AWAITS_MAX => Err(Reject::TooManyAwaits),
            (Action::Await(threshold), _) => {
                self.open.insert((key, threshold, name));
                Ok(What::Awaiting { key, threshold })
            }
            (Action::Cancel(of), _) => {
                let cancelled = Name { source: name.source, seq: of };
                let before = self.open.len();
                self.open.retain(|(at, _, open)| *at != key || *open != cancelled);
                if self.open.len() == before {
                    return Err(Reject::UnknownAwait(of));
                }
                Ok(What::Cancelled { key, of })
            }
        }
    }

    fn expect_repeat(&self, command: &Command) -> Result<What, Reject> {
        let Command { name, key, action } = *command;
        let value = *self.values.get(&key).ok_or(Reject::UnknownKey)?;
        Ok(match action {
            Action::Add(_) => What::Counted { key, value },
            Action::Await(threshold) if threshold <= value => What::Reached { key, value },
            Action::Await(threshold) if self.open.contains(&(key, threshold, name)) => {
                What::Awaiting { key, threshold }
            }
            Action::Await(_) => What::Cancelled { key, of: name.seq },
            Action::Cancel(of) => What::Cancelled { key, of },
        })
    }

    fn expect_raise(&mut self, raise: &Raise) -> Outcome {
        let Raise { name, amount } = *raise;
        let said = amount.to_string();
        let is_duplicate = self.broadcasts.has(&name, &said);
        let rejection = self.broadcasts.rejection(&name, &said);
        if rejection.is_none() && !is_duplicate {
            self.broadcasts.add(name, said);
            self.raises += 1;
            for value in self.values.values_mut() {
                *value = value.saturating_add(amount).min(self.limit);
            }
        }
        let what = rejection.map_or(What::Raised { number: self.raises }, What::Rejected);
        Outcome { name, is_duplicate, is_late: false, what }
    }
}

impl Names {
    /// Whether a message was applied that said this.
    fn has(&self, name: &Name, said: &str) -> bool {
        self.0.get(name).is_some_and(|known| known == said)
    }

    fn rejection(&self, name: &Name, said: &str) -> Option<Reject> {
        let is_other = self.0.get(name).is_some_and(|known| known != said);
        let what = || format!("{} of source {}", name.seq, name.source);
        is_other.then(|| Core::NameReused(what()).into())
    }

    fn add(&mut self, name: Name, said: String) {
        self.0.insert(name, said);
        assert!(self.0.len() <= NAMES, "a longer log needs a memory that forgets");
    }
}

fn compare<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Mismatch> {
    if found == expected {
        return Ok(());
    }
    Err(Mismatch(format!("{what}: it was {found:?}; it should have been {expected:?}")))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}
