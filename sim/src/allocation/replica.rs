//! The replica of one shard: its journal replayed from nothing, and audited.
//!
//! ```text
//!   records ─► State ─► replies given to each message
//!      └─────► Auditor  log indexes of each message
//!                       the shard at each report
//! ```
//!
//! Everything that clients and subscribers have seen is compared with it.

use std::collections::BTreeMap;

use allot_allocation_audit::{Auditor, Summary};
use allot_allocation_rules::{BookConfig, Finding, Input, Outcome, Outcomes, Part, Share};
use allot_allocation_service::{Allocation, Reply, decode_replies, encode_outcome};
use allot_domain::{LogIndex, Marker, ReportNumber, ShardId};
use allot_shard::{Entry, State};
use allot_wire::Encoding;

use super::history::{MessageKey, key_of_reply};
use super::tally::Tally;
use crate::engine::log_record::LogRecord;
use crate::engine::violation::Violation;

/// One shard's state, and all that follows from its log.
pub struct Replica {
    shard: ShardId,
    state: State<Allocation>,
    auditor: Auditor,
    outcomes: Outcomes,
    given: BTreeMap<MessageKey, Vec<Reply>>,
    /// What the shard found of each split that it was asked about.
    findings: BTreeMap<MessageKey, Vec<Finding>>,
    indexes: BTreeMap<MessageKey, Vec<LogIndex>>,
    reports: BTreeMap<(ReportNumber, u64), AtReport>,
}

/// The shard at a marker that asked for a report.
pub struct AtReport {
    /// The shard's part of the report.
    pub part: Part,
    /// What the auditor has added up.
    pub summary: Summary,
    /// Fills and busts before it.
    pub keyed: u64,
    /// Splits before it.
    pub to_all: u64,
}

impl Replica {
    /// The replica of a shard that has applied nothing yet.
    #[must_use]
    pub fn new(shard: ShardId, config: BookConfig) -> Self {
        Self {
            shard,
            state: State::new(config),
            auditor: Auditor::new(config),
            outcomes: Outcomes::default(),
            given: BTreeMap::new(),
            findings: BTreeMap::new(),
            indexes: BTreeMap::new(),
            reports: BTreeMap::new(),
        }
    }

    /// The number of the shard.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.shard
    }

    /// The state after all records.
    #[must_use]
    pub const fn state(&self) -> &State<Allocation> {
        &self.state
    }

    /// The replies given to a message, in order.
    pub fn given(&self, key: &MessageKey) -> &[Reply] {
        self.given.get(key).map_or(&[], Vec::as_slice)
    }

    /// What the shard found of a split, each time that it was asked about it.
    pub fn findings(&self, key: &MessageKey) -> &[Finding] {
        self.findings.get(key).map_or(&[], Vec::as_slice)
    }

    /// The log indexes of every message.
    #[must_use]
    pub const fn indexes(&self) -> &BTreeMap<MessageKey, Vec<LogIndex>> {
        &self.indexes
    }

    /// The shard at the report of this number and time, if it was asked for one.
    #[must_use]
    pub fn at_report(&self, number: ReportNumber, time_ns: u64) -> Option<&AtReport> {
        self.reports.get(&(number, time_ns))
    }

    /// Applies the next record and audits it.
    ///
    /// # Errors
    /// It is not a valid input, or the auditor finds another outcome.
    pub fn replay(&mut self, index: LogIndex, record: &LogRecord) -> Result<(), Violation> {
        let entry = Entry::of::<Allocation>(&record.at(index))
            .map_err(|error| Violation::new("P8", format!("record {index}: {error}")))?;
        self.outcomes.clear();
        let input = self
            .state
            .replay(entry, &mut self.outcomes, |_| {})
            .map_err(|rejection| Violation::new("P3", format!("record {index}: {rejection:?}")))?;
        let book = self.state.machine();
        let account = |index| *book.account(index);
        let audited = self.auditor.check(index, &input, &self.outcomes, account);
        audited.map_err(|mismatch| self.wrong(mismatch))?;
        if let Some(key) = key_of_input(&input) {
            self.indexes.entry(key).or_default().push(index);
        }
        self.store_replies()?;
        if let Input::Marker(marker) = &input {
            self.store_report(marker);
        }
        Ok(())
    }

    fn store_replies(&mut self) -> Result<(), Violation> {
        let Outcomes { list, shares } = &self.outcomes;
        for outcome in list {
            if let Outcome::Checked { origin, finding } = outcome {
                let key = MessageKey { is_split: true, source: origin.source, seq: origin.seq };
                self.findings.entry(key).or_default().push((**finding).clone());
                continue;
            }
            let reply = reply_of(outcome, shares, &self.state);
            self.given.entry(key_of_reply(&reply)?).or_default().push(reply);
        }
        Ok(())
    }

    fn store_report(&mut self, marker: &Marker) {
        if marker.report {
            let at_report = AtReport {
                part: self.state.machine().part(marker),
                summary: self.auditor.summary().clone(),
                keyed: self.state.keyed(),
                to_all: self.state.to_all(),
            };
            self.reports.insert((ReportNumber::new(marker.number), marker.time_ns), at_report);
        }
    }

    /// Compares the auditor's state with the book, and counts what is in the log.
    ///
    /// # Errors
    /// The first thing in which they differ.
    pub fn close(&self, tally: &mut Tally) -> Result<(), Violation> {
        let compared = self.auditor.compare(self.state.machine());
        compared.map_err(|mismatch| self.wrong(mismatch))?;
        let summary = self.auditor.summary();
        tally.audited += summary.inputs;
        tally.splits += summary.splits;
        tally.checks += summary.checks;
        tally.nettings += summary.nettings;
        tally.nettings_void += summary.nettings_void;
        tally.markers += summary.markers;
        Ok(())
    }

    fn wrong(&self, mismatch: impl std::fmt::Display) -> Violation {
        Violation::new("P4", format!("shard {}: {mismatch}", self.shard))
    }
}

fn key_of_input(input: &Input) -> Option<MessageKey> {
    let (is_split, source, seq) = match input {
        Input::Fill(fill) => (false, fill.source, fill.seq),
        Input::Bust(bust) => (false, bust.source, bust.seq),
        Input::Replay(replay) => (false, replay.source, replay.seq),
        Input::Listing(listing) => (false, listing.source, listing.seq),
        Input::Split(split) => (true, split.source, split.seq),
        Input::Marker(_) | Input::Netting(_) | Input::Check(_) => return None,
    };
    Some(MessageKey { is_split, source, seq })
}

/// What a client reads of an outcome.
fn reply_of(outcome: &Outcome, shares: &[Share], state: &State<Allocation>) -> Reply {
    let mut line = Vec::new();
    let mut replies = Vec::new();
    let account = |index| state.machine().account(index);
    encode_outcome(Encoding::Json, outcome, shares, account, &mut line);
    decode_replies(&line, &mut replies).expect("what was just written");
    replies.pop().expect("one outcome is one reply")
}
