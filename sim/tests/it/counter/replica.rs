//! The replica: the log of one shard replayed, audited, and kept for what is looked up in it.

use std::collections::BTreeMap;

use allot_counter::Counter;
use allot_counter::audit::{Auditor, Mismatch};
use allot_counter::rules::{CounterConfig, Input, Key, Outcomes};
use allot_counter::service::{Reply, decode_replies};
use allot_domain::{LogIndex, Outcomes as _};
use allot_shard::{Entry, Service, State};
use allot_sim::Violation;
use allot_sim::engine::log_record::LogRecord;
use allot_wire::Encoding;

use super::{MessageName, name_of};

/// What a shard's log makes.
pub(super) struct Replica {
    state: State<Counter>,
    auditor: Auditor,
    replies: BTreeMap<MessageName, Vec<Reply>>,
    /// The counters at each marker.
    cuts: BTreeMap<u64, BTreeMap<Key, u64>>,
    /// The level of each marker that has one.
    levels: BTreeMap<u64, u64>,
}

impl Replica {
    pub(super) fn new(rules: CounterConfig) -> Self {
        Self {
            state: State::new(rules),
            auditor: Auditor::new(rules),
            replies: BTreeMap::new(),
            cuts: BTreeMap::new(),
            levels: BTreeMap::new(),
        }
    }

    pub(super) const fn state(&self) -> &State<Counter> {
        &self.state
    }

    pub(super) const fn levels(&self) -> &BTreeMap<u64, u64> {
        &self.levels
    }

    /// The counters at a marker.
    pub(super) fn cut(&self, marker: u64) -> Result<&BTreeMap<Key, u64>, Violation> {
        let cut = self.cuts.get(&marker);
        cut.ok_or_else(|| Violation::new("P6", format!("marker {marker} is in no log")))
    }

    /// Whether the log makes this reply to a message; or any, where it does not matter which.
    pub(super) fn has(&self, name: &MessageName, reply: Option<&Reply>) -> bool {
        let made = self.replies.get(name);
        made.is_some_and(|made| reply.is_none_or(|reply| made.contains(reply)))
    }

    pub(super) fn replay(&mut self, record: &LogRecord) -> Result<(), Violation> {
        let entry = Entry::of::<Counter>(&record.at(LogIndex::ZERO))
            .map_err(|error| Violation::new("P5", error.to_string()))?;
        let mut outcomes = Outcomes::default();
        let Ok(input) = self.state.replay(entry, &mut outcomes, |_| {}) else {
            return Err(Violation::new("P1", "the operator sends nothing that cannot be read"));
        };
        self.auditor.check(&input, outcomes.list()).map_err(differs)?;
        let machine = self.state.machine();
        match input {
            Input::Marker(marker) => {
                let values = machine.values().map(|(key, value)| (*key, value));
                self.cuts.insert(marker.number, values.collect());
            }
            Input::Level(level) => {
                self.levels.insert(level.marker, level.total);
            }
            Input::Command(_) | Input::Raise(_) => {}
        }
        let mut replies = Vec::new();
        for outcome in outcomes.list() {
            let mut line = Vec::new();
            Counter::write_reply(machine, &outcomes, outcome, Encoding::Json, &mut line);
            decode_replies(&line, &mut replies).unwrap();
        }
        for reply in replies {
            self.replies.entry(name_of(&reply)?).or_default().push(reply);
        }
        Ok(())
    }

    /// The whole state is what the auditor has.
    pub(super) fn check(&self) -> Result<(), Violation> {
        self.auditor.check_state(self.state.machine()).map_err(differs)
    }
}

fn differs(mismatch: Mismatch) -> Violation {
    Violation::new("P2", mismatch.to_string())
}
