//! Counters: the machine of one shard.
//!
//! ```text
//!   key ─► value ≤ limit
//!          awaits, by threshold: all above the value, but for those that a pending input releases
//! ```

use std::collections::{BTreeMap, BTreeSet};

use allot_domain::snapshot::Cursor;
use allot_domain::{
    Content, Machine, MessageId, Name as Called, Names, Reject as Core, Remembered, Seq,
    SnapshotError, Standing, Step,
};

use super::limits::{AWAITS_MAX, KEYS_MAX, LIMIT_MAX, NAMES, RELEASED_MAX};
use super::{
    Action, Command, CounterConfig, Input, Key, Level, Name, Outcome, Outcomes, Raise, Reject, What,
};

/// All counters of one shard.
#[derive(Clone, Debug)]
pub struct Counters {
    pub(super) config: CounterConfig,
    pub(super) entries: BTreeMap<Key, Entry>,
    pub(super) commands: Names<Said>,
    pub(super) broadcasts: Names<Said>,
    pub(super) raises: u64,
    pub(super) level: Level,
    /// All that was ever added: the sum of all values.
    pub(super) added: u64,
    /// How many awaits are open.
    pub(super) awaits: usize,
    pub(super) releasing: Option<Releasing>,
}

/// One counter.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) value: u64,
    pub(super) awaits: BTreeSet<Await>,
}

/// An open await; the order is the one in which they are reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Await {
    pub(super) threshold: u64,
    pub(super) name: Name,
}

/// The counters, from one to another, whose reached awaits are still to be released.
#[derive(Clone, Copy, Debug)]
pub(super) struct Releasing {
    from: Key,
    to: Key,
}

impl Counters {
    /// Every counter and its value, in the order of the keys.
    pub fn values(&self) -> impl Iterator<Item = (&Key, u64)> {
        self.entries.iter().map(|(key, entry)| (key, entry.value))
    }

    /// Every open await: its counter, its threshold, its name; by key, then by threshold.
    pub fn awaits(&self) -> impl Iterator<Item = (&Key, u64, Name)> {
        self.entries.iter().flat_map(|(key, entry)| {
            entry.awaits.iter().map(move |open| (key, open.threshold, open.name))
        })
    }

    /// The sum of all counters.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.entries.values().map(|entry| entry.value).sum()
    }

    /// How many raises there were.
    #[must_use]
    pub const fn raises(&self) -> u64 {
        self.raises
    }

    /// The last level that the view has sent.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    fn on_command(&mut self, command: &Command) -> Outcome {
        let Command { name, .. } = *command;
        let (is_duplicate, what) = match is_repeat(&self.commands, &name, command.said()) {
            Ok(true) => (true, self.now(command)),
            Ok(false) => (false, self.execute(command)),
            Err(reject) => (false, Err(reject)),
        };
        if what.is_ok() && !is_duplicate {
            mark(&mut self.commands, &name, command.said());
        }
        Outcome { name, is_duplicate, is_late: false, what: what.unwrap_or_else(What::Rejected) }
    }

    /// Does what a command says, or nothing.
    fn execute(&mut self, command: &Command) -> Result<What, Reject> {
        match command.action {
            Action::Add(amount) => self.add(command.key, amount),
            Action::Await(threshold) => self.open(command.name, command.key, threshold),
            Action::Cancel(of) => self.cancel(command.name, command.key, of),
        }
    }

    fn add(&mut self, key: Key, amount: u64) -> Result<What, Reject> {
        let limit = self.config.limit;
        let entry = self.entries.get(&key);
        let before = entry.map_or(0, |entry| entry.value);
        let value = before.checked_add(amount).filter(|value| *value <= limit);
        let value = value.ok_or(Reject::ExceedsLimit(limit))?;
        if entry.is_none() && self.entries.len() == KEYS_MAX {
            return Err(Reject::TooManyKeys);
        }
        self.entries.entry(key).or_default().value = value;
        self.added += amount;
        self.releasing = Some(Releasing { from: key, to: key });
        Ok(What::Counted { key, value })
    }

    fn open(&mut self, name: Name, key: Key, threshold: u64) -> Result<What, Reject> {
        let entry = self.entries.get_mut(&key).ok_or(Reject::UnknownKey)?;
        if self.config.limit < threshold {
            return Err(Reject::ExceedsLimit(self.config.limit));
        }
        if threshold <= entry.value {
            return Ok(What::Reached { key, value: entry.value });
        }
        if self.awaits == AWAITS_MAX {
            return Err(Reject::TooManyAwaits);
        }
        let is_new = entry.awaits.insert(Await { threshold, name });
        assert!(is_new, "a name is applied once");
        self.awaits += 1;
        Ok(What::Awaiting { key, threshold })
    }

    fn cancel(&mut self, canceller: Name, key: Key, of: Seq) -> Result<What, Reject> {
        let entry = self.entries.get_mut(&key).ok_or(Reject::UnknownKey)?;
        let name = Name { source: canceller.source, seq: of };
        let found = entry.awaits.iter().find(|open| open.name == name).copied();
        let open = found.ok_or(Reject::UnknownAwait(of))?;
        entry.awaits.remove(&open);
        self.awaits -= 1;
        Ok(What::Cancelled { key, of })
    }

    /// What holds now of a command that was applied before. A value never falls, so that what was
    /// reached once is reached for ever.
    fn now(&self, command: &Command) -> Result<What, Reject> {
        let Command { name, key, action } = *command;
        let entry = self.entries.get(&key).ok_or(Reject::UnknownKey)?;
        let value = entry.value;
        Ok(match action {
            Action::Add(_) => What::Counted { key, value },
            Action::Await(threshold) if threshold <= value => What::Reached { key, value },
            Action::Await(threshold) if entry.awaits.contains(&Await { threshold, name }) => {
                What::Awaiting { key, threshold }
            }
            Action::Await(_) => What::Cancelled { key, of: name.seq },
            Action::Cancel(of) => What::Cancelled { key, of },
        })
    }

    fn on_raise(&mut self, raise: &Raise) -> Outcome {
        let Raise { name, amount } = *raise;
        let repeat = is_repeat(&self.broadcasts, &name, raise.said());
        if repeat == Ok(false) {
            mark(&mut self.broadcasts, &name, raise.said());
            self.raise(amount);
        }
        let is_duplicate = repeat == Ok(true);
        let what = repeat.map(|_| What::Raised { number: self.raises });
        Outcome { name, is_duplicate, is_late: false, what: what.unwrap_or_else(What::Rejected) }
    }

    fn raise(&mut self, amount: u64) {
        self.raises += 1;
        for entry in self.entries.values_mut() {
            let step = amount.min(self.config.limit - entry.value);
            entry.value += step;
            self.added += step;
        }
        assert!(self.sum() == self.added, "the counters hold what was added");
        let ends = self.entries.keys().next().zip(self.entries.keys().next_back());
        self.releasing = ends.map(|(from, to)| Releasing { from: *from, to: *to });
    }

    /// Appends the next slice of what was reached.
    fn release(&mut self, outcomes: &mut Outcomes) -> Step {
        let Some(Releasing { from, to }) = self.releasing.take() else {
            return Step::Done;
        };
        let mut room = RELEASED_MAX;
        for (key, entry) in self.entries.range_mut(from..=to) {
            assert!(entry.value <= self.config.limit, "a counter never passes its limit");
            while let Some(name) = entry.first_reached() {
                if room == 0 {
                    self.releasing = Some(Releasing { from: *key, to });
                    return Step::Pending;
                }
                room -= 1;
                entry.awaits.pop_first();
                self.awaits -= 1;
                let what = What::Reached { key: *key, value: entry.value };
                outcomes.push(Outcome { name, is_duplicate: false, is_late: true, what });
            }
        }
        Step::Done
    }
}

impl Entry {
    /// The first open await, if its threshold is reached.
    fn first_reached(&self) -> Option<Name> {
        let first = self.awaits.first()?;
        (first.threshold <= self.value).then_some(first.name)
    }
}

/// What is kept of each name: what the message said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Said(Content);

impl Remembered for Said {
    const LEN: usize = 8;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.get().to_le_bytes());
    }

    fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        Ok(Self(Content::new(cursor.u64()?)))
    }
}

impl Command {
    fn said(&self) -> Said {
        let (kind, number) = match self.action {
            Action::Add(amount) => (1_u8, amount),
            Action::Await(threshold) => (2, threshold),
            Action::Cancel(of) => (3, of.get()),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(self.key.as_bytes());
        Said(Content::of(&bytes))
    }
}

impl Raise {
    fn said(&self) -> Said {
        Said(Content::of(&self.amount.to_le_bytes()))
    }
}

/// Whether a message was applied before.
fn is_repeat(names: &Names<Said>, name: &Name, said: Said) -> Result<bool, Reject> {
    let id = MessageId::Number(name.seq);
    match names.look(Called { source: &name.source, scope: 0, id: &id }) {
        Standing::New => Ok(false),
        Standing::Known(entry) if *names.get(entry) == said => Ok(true),
        Standing::Known(_) => {
            let what = format!("{} of source {}", name.seq, name.source);
            Err(Core::NameReused(what).into())
        }
        Standing::TooOld(forgotten) => Err(Core::SequenceTooOld(forgotten).into()),
    }
}

/// Remembers that a message was applied.
fn mark(names: &mut Names<Said>, name: &Name, said: Said) {
    let id = MessageId::Number(name.seq);
    names.store(Called { source: &name.source, scope: 0, id: &id }, said);
}

impl Machine for Counters {
    type Config = CounterConfig;
    type Input = Input;
    type Outcomes = Outcomes;

    fn new(config: CounterConfig) -> Self {
        assert!(config.limit <= LIMIT_MAX, "a limit is at most LIMIT_MAX");
        Self {
            config,
            entries: BTreeMap::new(),
            commands: Names::new(NAMES),
            broadcasts: Names::new(NAMES),
            raises: 0,
            level: Level::default(),
            added: 0,
            awaits: 0,
            releasing: None,
        }
    }

    fn apply(&mut self, input: &Input, outcomes: &mut Outcomes) -> Step {
        assert!(self.releasing.is_none(), "the input before is done");
        match input {
            Input::Command(command) => outcomes.push(self.on_command(command)),
            Input::Raise(raise) => outcomes.push(self.on_raise(raise)),
            Input::Level(level) if self.level.marker < level.marker => self.level = *level,
            Input::Level(_) | Input::Marker(_) => {}
        }
        self.release(outcomes)
    }

    fn resume(&mut self, outcomes: &mut Outcomes) -> Step {
        assert!(self.releasing.is_some(), "an input is pending");
        self.release(outcomes)
    }

    fn save(&self, snapshot: &mut Vec<u8>) {
        self.write_snapshot(snapshot);
    }

    fn load(config: CounterConfig, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        Self::read_snapshot(config, snapshot)
    }
}

#[cfg(test)]
mod tests;
