//! The log of one shard as its disk has it: it may only grow.
//!
//! ```text
//!   full journal ─► Reader ─► records ─┬─ known: the same as before
//!                                      └─ new: Workload::replay ─► State ─► live states
//! ```
//!
//! It is read again at each recovery and at the end. A record that was recovered once never
//! changes and never disappears, so the log is what everything else is checked against.

use std::collections::BTreeMap;
use std::sync::Arc;

use allot_domain::{LogIndex, ShardId};
use allot_journal::{Reader, SimDisk};
use allot_shard::{Service, State};
use xxhash_rust::xxh3::xxh3_128;

use super::log_record::LogRecord;
use super::violation::{Violation, ensure};
use super::workload::Workload;

/// All records of a shard's journal that were ever recovered.
pub struct RecoveredLog {
    shard: ShardId,
    records: Vec<LogRecord>,
    /// Hashes of the states of running shards, by the last input in them.
    live: BTreeMap<LogIndex, u128>,
    compared: u64,
}

impl RecoveredLog {
    /// The log of a shard that has journaled nothing yet.
    #[must_use]
    pub const fn new(shard: ShardId) -> Self {
        Self { shard, records: Vec::new(), live: BTreeMap::new(), compared: 0 }
    }

    /// All records.
    #[must_use]
    pub fn records(&self) -> &[LogRecord] {
        &self.records
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.records.len()).expect("a few")
    }

    /// The index of the last record.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        LogIndex::new(self.len())
    }

    /// Whether there is no record.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many states of running shards were compared with the replay.
    #[must_use]
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    /// Notes the state of a running shard after this input, to be compared once the replay is
    /// there.
    pub fn note_live<S: Service>(&mut self, last: LogIndex, state: &State<S>) {
        self.live.insert(last, xxh3_128(&bytes(state)));
    }

    /// Reads what the disk has now, and replays what is new.
    ///
    /// # Errors
    /// A known record is missing or different; or a new one breaks a promise.
    pub fn read(&mut self, disk: &SimDisk, workload: &mut impl Workload) -> Result<(), Violation> {
        let mut reader =
            Reader::open(Arc::new(disk.full_journal())).map_err(|error| broken(&error))?;
        let mut count = 0;
        while let Some(entry) = reader.next().map_err(|error| broken(&error))? {
            let (index, record) = (entry.record.index, LogRecord::of(&entry.record));
            match self.records.get(count) {
                Some(known) => ensure(*known == record, "P5", || {
                    format!("shard {}: input {index} differs from what it was", self.shard)
                })?,
                None => self.append(record, workload)?,
            }
            count += 1;
        }
        ensure(self.records.len() <= count, "P1", || {
            let (shard, known) = (self.shard, self.records.len());
            format!("shard {shard}: of {known} inputs recovered before, {count} are left")
        })?;
        // A state whose inputs never reached the disk ended with its process.
        let last = self.last();
        self.live.retain(|index, _| *index <= last);
        Ok(())
    }

    fn append(&mut self, record: LogRecord, workload: &mut impl Workload) -> Result<(), Violation> {
        let index = self.last().next();
        workload.replay(self.shard, index, &record)?;
        self.records.push(record);
        let Some(live) = self.live.remove(&index) else { return Ok(()) };
        self.compared += 1;
        ensure(xxh3_128(&bytes(workload.state(self.shard))) == live, "P6", || {
            let shard = self.shard;
            format!("shard {shard}: after input {index} the running shard had another state")
        })
    }
}

/// The bytes of a state: equal states have equal bytes.
pub fn bytes<S: Service>(state: &State<S>) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.save(&mut bytes);
    bytes
}

fn broken(error: &impl std::fmt::Display) -> Violation {
    Violation::new("P8", format!("the journal is broken: {error}"))
}
