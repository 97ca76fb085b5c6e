//! The replica of one shard: its journal replayed from nothing, and audited.
//!
//! ```text
//!   records ─► State ─► replies given to each message
//!      └─────► Auditor  log indexes of each message
//!                       the shard at each report
//! ```

use std::collections::BTreeMap;

use allot_desk_audit::Auditor;
use allot_desk_rules::{Accounts, DeskConfig, Input, Outcome, Outcomes, Quoted};
use allot_desk_service::{Desk, ShardReport};
use allot_domain::{LogIndex, MessageId, Outcomes as _, ShardId, SourceId};
use allot_shard::{Delivery, Entry, Service, State};
use allot_wire::{Encoding, KIND_REPLIES, begin_batch, end_batch};

use super::history::{MessageName, bodies};
use super::tally::Tally;
use crate::engine::log_record::LogRecord;
use crate::engine::violation::{Violation, ensure};

/// One shard's state, and all that follows from its log.
pub struct Replica {
    shard: ShardId,
    state: State<Desk>,
    auditor: Auditor,
    outcomes: Outcomes,
    given: BTreeMap<MessageName, Vec<Vec<u8>>>,
    indexes: BTreeMap<MessageName, Vec<LogIndex>>,
    reports: BTreeMap<(u64, u64), AtReport>,
}

/// The shard at a marker that asked for a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AtReport {
    /// What the shard has.
    pub part: ShardReport,
    /// Commands of users before it.
    pub keyed: u64,
    /// Commands to all shards before it.
    pub to_all: u64,
}

impl Replica {
    /// The replica of a shard that has applied nothing yet.
    #[must_use]
    pub fn new(shard: ShardId, config: DeskConfig) -> Self {
        Self {
            shard,
            state: State::new(config),
            auditor: Auditor::new(config),
            outcomes: Outcomes::default(),
            given: BTreeMap::new(),
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
    pub const fn state(&self) -> &State<Desk> {
        &self.state
    }

    /// The replies given to a message, in order and in both encodings.
    pub fn given(&self, name: &MessageName) -> &[Vec<u8>] {
        self.given.get(name).map_or(&[], Vec::as_slice)
    }

    /// The log indexes of every message.
    #[must_use]
    pub const fn indexes(&self) -> &BTreeMap<MessageName, Vec<LogIndex>> {
        &self.indexes
    }

    /// The shard at the report of this number and time, if it was asked for one.
    #[must_use]
    pub fn at_report(&self, number: u64, time_ns: u64) -> Option<&AtReport> {
        self.reports.get(&(number, time_ns))
    }

    /// Applies the next record and audits it; returns the quote that it is, if it is one.
    ///
    /// # Errors
    /// It is not a valid input, the auditor finds another outcome, or a cent is lost.
    pub fn replay(
        &mut self,
        index: LogIndex,
        record: &LogRecord,
    ) -> Result<Option<Quoted>, Violation> {
        let entry = Entry::of::<Desk>(&record.at(index))
            .map_err(|error| Violation::new("P8", format!("record {index}: {error}")))?;
        self.outcomes = Outcomes::default();
        let input = self
            .state
            .replay(entry, &mut self.outcomes, |_| {})
            .map_err(|rejection| Violation::new("P3", format!("record {index}: {rejection:?}")))?;
        let audited = self.auditor.check(index, &input, &self.outcomes);
        audited.map_err(|fault| self.wrong(&fault))?;
        ensure(self.state.machine().totals().is_balanced(), "D4", || {
            let totals = self.state.machine().totals();
            format!("shard {}: after record {index} the money is {totals:?}", self.shard)
        })?;
        if let Some(name) = name_of(&input) {
            self.indexes.entry(name).or_default().push(index);
        }
        self.store_replies();
        Ok(match input {
            Input::Quote(quoted) => Some(quoted),
            Input::Marker(marker) if marker.report => {
                let at_report = AtReport {
                    part: part(self.state.machine()),
                    keyed: self.state.keyed(),
                    to_all: self.state.to_all(),
                };
                self.reports.insert((marker.number, marker.time_ns), at_report);
                None
            }
            _ => None,
        })
    }

    fn store_replies(&mut self) {
        for outcome in self.outcomes.list() {
            let described = Desk::describe(outcome);
            if matches!(described.delivery, Delivery::Nobody) {
                continue;
            }
            let Some(name) = numbered(described.source, described.id) else { continue };
            let replies = self.given.entry(name).or_default();
            replies.push(reply(self.state.machine(), &self.outcomes, outcome, Encoding::Json));
            replies.push(reply(self.state.machine(), &self.outcomes, outcome, Encoding::Binary));
        }
    }

    /// Compares the auditor's state with the accounts, and counts what is in the log.
    ///
    /// # Errors
    /// The first thing in which they differ.
    pub fn close(&self, tally: &mut Tally) -> Result<(), Violation> {
        self.auditor.compare(self.state.machine()).map_err(|fault| self.wrong(&fault))?;
        let summary = self.auditor.summary();
        tally.audited += summary.inputs;
        tally.waited += summary.waited;
        tally.expired += summary.expired;
        tally.wanted += summary.wanted;
        Ok(())
    }

    fn wrong(&self, fault: &allot_desk_audit::Fault) -> Violation {
        Violation::new("D4", format!("shard {}: {fault}", self.shard))
    }
}

/// What a report says of these accounts.
#[must_use]
pub fn part(accounts: &Accounts) -> ShardReport {
    let count = |number: usize| u64::try_from(number).expect("a few");
    let totals = accounts.totals();
    ShardReport {
        users: count(accounts.len()),
        cash: totals.cash,
        held: totals.held,
        reserved: totals.reserved,
        earned: totals.earned,
        spent: totals.spent,
        orders: count(accounts.orders_len()),
        armed: count(accounts.armed_len()),
        waiting: count(accounts.waiting_counts().0),
        quotes: count(accounts.quotes_len()),
        wanted: count(accounts.wanted().len()),
    }
}

fn reply(accounts: &Accounts, all: &Outcomes, one: &Outcome, encoding: Encoding) -> Vec<u8> {
    let mut message = Vec::new();
    if encoding == Encoding::Binary {
        begin_batch(&mut message, KIND_REPLIES);
    }
    Desk::write_reply(accounts, all, one, encoding, &mut message);
    if encoding == Encoding::Binary {
        end_batch(&mut message, 1);
    }
    bodies(&message).expect("what was just written").pop().expect("one outcome is one reply")
}

fn name_of(input: &Input) -> Option<MessageName> {
    match input {
        Input::Command(request) => numbered(&request.source, request.id),
        Input::DumpAll(dump) => numbered(&dump.source, dump.id),
        Input::Quote(_)
        | Input::QuoteFailed(_)
        | Input::QuoteRetried(_)
        | Input::Marker(_)
        | Input::Tick(_) => None,
    }
}

fn numbered(source: &SourceId, id: MessageId) -> Option<MessageName> {
    Some((*source, id.number()?))
}
