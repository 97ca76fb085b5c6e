//! Log record: one input of a shard, as its journal has it.

use allot_domain::LogIndex;
use allot_journal::Record;

/// One record of a shard's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// When the router took it.
    pub time_ns: u64,
    /// The kind of input.
    pub kind: u8,
    /// The encoding of its reply.
    pub tag: u8,
    /// The input.
    pub payload: Vec<u8>,
}

impl LogRecord {
    /// A copy of a record.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Self {
        let Record { time_ns, kind, tag, payload, .. } = *record;
        Self { time_ns, kind, tag, payload: payload.to_vec() }
    }

    /// The record that it is, at this index.
    #[must_use]
    pub fn at(&self, index: LogIndex) -> Record<'_> {
        let Self { time_ns, kind, tag, ref payload } = *self;
        Record { index, time_ns, kind, tag, payload }
    }
}
