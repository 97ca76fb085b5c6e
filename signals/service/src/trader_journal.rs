//! Trader's journal: who is registered and which medians were published, through restarts.
//!
//! ```text
//!   kind 1  registered     name (text) │ instance u64 │ since u64
//!   kind 2  deregistered   name (text)
//!   kind 3  median         period u64  │ value f64    │ strategies u32
//!   kind 4  target         text; empty where no orders are sent
//!   kind 5  ordered        period u64  │ whether there is a reply, bool
//! ```
//!
//! A snapshot is a list of (kind, payload): who is registered, the last median, where orders go,
//! and the medians whose orders have no reply.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use allot_domain::{Incarnation, LogIndex};
use allot_journal::{
    Checkpointer, Committer, Folder, Journal, JournalConfig, JournalError, Media, Recovery, Wakers,
};
use allot_runtime::duration;
use allot_signals_rules::{
    ComponentName, Median, OrderEnd, OrderTarget, Period, Record, Unix, Value,
};
use allot_wire::{DecodeError, codec};

use crate::limits::{SEGMENT_BYTES, SNAPSHOT_EVERY_BYTES};
use crate::request::millis;

const REGISTERED: u8 = 1;
const DEREGISTERED: u8 = 2;
const MEDIAN: u8 = 3;
const TARGET: u8 = 4;
const ORDERED: u8 = 5;

/// How the stamp of a trader's journal begins; the length of a period follows.
pub const TRADER_STAMP: &str = "signals trader, period ";

/// The journal of a trader, as the trader sees it.
pub struct TraderJournal(Journal);

/// A journal that was read.
pub struct OpenedJournal {
    /// What the trader appends to.
    pub journal: TraderJournal,
    /// What it starts from.
    pub records: Vec<Record>,
    /// Writes and syncs.
    pub committer: Committer,
    /// Makes segments and snapshots.
    pub checkpointer: Checkpointer,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub enum TraderJournalError {
    /// What the journal says.
    Journal(JournalError),
    /// A record is none of a trader; holds which, and what is wrong.
    Record(LogIndex, DecodeError),
}

impl TraderJournal {
    /// None: what is registered is in memory only.
    #[must_use]
    pub fn none() -> Self {
        Self(Journal::none())
    }

    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        !self.0.is_kept()
    }

    /// Opens the journal of a folder; of periods of another length it is refused.
    ///
    /// # Errors
    /// [`TraderJournalError`]: nothing was changed.
    pub fn open(
        path: &Path,
        length: Duration,
        wakers: Wakers<'_>,
    ) -> Result<OpenedJournal, TraderJournalError> {
        Self::open_on(Arc::new(Folder::open(path)?), length, wakers)
    }

    /// The same on any media.
    ///
    /// # Errors
    /// See [`TraderJournal::open`].
    pub fn open_on(
        media: Arc<dyn Media>,
        length: Duration,
        wakers: Wakers<'_>,
    ) -> Result<OpenedJournal, TraderJournalError> {
        let stamp = format!("{TRADER_STAMP}{} ms", millis(length));
        let config = JournalConfig {
            segment_bytes: SEGMENT_BYTES,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES,
            ..JournalConfig::new("trader", &stamp)
        };
        let mut recovery = Recovery::open(media, config)?;
        for warning in recovery.warnings() {
            tracing::warn!("{warning}");
        }
        let records = read(&mut recovery)?;
        let (journal, committer, checkpointer) = recovery.finish(wakers)?;
        Ok(OpenedJournal { journal: Self(journal), records, committer, checkpointer })
    }

    /// Appends a record.
    pub(crate) fn append(&mut self, time: Unix, record: &Record) {
        let (kind, payload) = write(record);
        self.0.append(kind, 0, time.get(), &payload);
    }

    /// What was appended last.
    pub(crate) fn appended(&self) -> LogIndex {
        self.0.appended()
    }

    /// Whether what follows this record may leave.
    pub(crate) fn is_durable(&self, index: LogIndex) -> bool {
        index <= self.durable()
    }

    /// How much is durable.
    pub(crate) fn durable(&self) -> LogIndex {
        if self.0.waits() { self.0.durable() } else { self.0.appended() }
    }

    /// Whether the disk has no room for another segment. One is left, which lasts for weeks.
    pub(crate) fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Hands over what was appended, and takes what has become durable.
    pub(crate) fn turn(
        &mut self,
        records: impl Iterator<Item = Record>,
    ) -> Result<usize, JournalError> {
        if self.0.snapshot_is_due() {
            self.0.store_snapshot(|out| {
                let records: Vec<_> = records.map(|record| write(&record)).collect();
                codec::append(records, out);
            });
        }
        self.0.submit();
        self.0.poll()
    }
}

fn read(recovery: &mut Recovery) -> Result<Vec<Record>, TraderJournalError> {
    let mut records = Vec::new();
    if let Some(snapshot) = recovery.snapshot() {
        let bad = |error| TraderJournalError::Record(snapshot.index, error);
        let list: Vec<(u8, Vec<u8>)> = codec::decode(&snapshot.state).map_err(bad)?;
        for (kind, payload) in list {
            records.push(read_trader_record(kind, &payload).map_err(bad)?);
        }
    }
    while let Some(record) = recovery.next()? {
        let index = record.index;
        let read = read_trader_record(record.kind, record.payload);
        records.push(read.map_err(|error| TraderJournalError::Record(index, error))?);
    }
    Ok(records)
}

fn write(record: &Record) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    let kind = match record {
        Record::Registered(name, instance, since) => {
            codec::append((name.as_str(), instance.get(), since.get()), &mut out);
            REGISTERED
        }
        Record::Deregistered(name) => {
            codec::append(name.as_str(), &mut out);
            DEREGISTERED
        }
        Record::Median(Median { period, value, strategies }) => {
            codec::append((period.get(), value.get(), *strategies), &mut out);
            MEDIAN
        }
        Record::Target(target) => {
            codec::append(target.as_ref().map_or("", OrderTarget::as_str), &mut out);
            TARGET
        }
        Record::Ordered(period, end) => {
            codec::append((period.get(), *end == OrderEnd::Replied), &mut out);
            ORDERED
        }
    };
    (kind, out)
}

/// Reads a record of a trader's journal.
///
/// # Errors
/// It is none, or damaged.
pub fn read_trader_record(kind: u8, payload: &[u8]) -> Result<Record, DecodeError> {
    let name = |text: &str| {
        let name = ComponentName::new(text.as_bytes());
        name.map_err(|reject| DecodeError::new(reject.to_string()))
    };
    match kind {
        REGISTERED => {
            let (text, instance, since): (Cow<'_, str>, u64, u64) = codec::decode(payload)?;
            let (instance, since) = (Incarnation::new(instance), Unix::new(since));
            Ok(Record::Registered(name(&text)?, instance, since))
        }
        DEREGISTERED => {
            let text: Cow<'_, str> = codec::decode(payload)?;
            Ok(Record::Deregistered(name(&text)?))
        }
        MEDIAN => {
            let (period, number, strategies): (u64, f64, u32) = codec::decode(payload)?;
            let value =
                Value::new(number).ok_or_else(|| DecodeError::new("a median is not finite"))?;
            Ok(Record::Median(Median { period: Period::new(period), value, strategies }))
        }
        TARGET => {
            let text: Cow<'_, str> = codec::decode(payload)?;
            Ok(Record::Target((!text.is_empty()).then(|| OrderTarget::new(&text))))
        }
        ORDERED => {
            let (period, is_replied): (u64, bool) = codec::decode(payload)?;
            let end = if is_replied { OrderEnd::Replied } else { OrderEnd::NotSent };
            Ok(Record::Ordered(Period::new(period), end))
        }
        kind => Err(DecodeError::new(format!("no kind of a record: {kind}"))),
    }
}

/// The length of a period in the stamp of a trader's journal.
fn length(stamp: &str) -> Option<Duration> {
    let milliseconds = stamp.strip_prefix(TRADER_STAMP)?.strip_suffix(" ms")?;
    milliseconds.parse().ok().map(Duration::from_millis)
}

impl From<JournalError> for TraderJournalError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl std::fmt::Display for TraderJournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(JournalError::Stamp { stored, configured, .. })
                if let (Some(stored), Some(configured)) = (length(stored), length(configured)) =>
            {
                let [stored, configured] = [stored, configured].map(duration::show);
                write!(
                    f,
                    "this directory is of --period {stored}, and the period is {configured} now; \
                     start with --period {stored}, or with another directory"
                )
            }
            Self::Journal(error) => error.fmt(f),
            Self::Record(index, error) => write!(f, "the record {index} is damaged: {error}"),
        }
    }
}

impl std::error::Error for TraderJournalError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back() {
        let name = ComponentName::new(b"X").unwrap();
        let value = Value::new(0.5).unwrap();
        let median = Median { period: Period::new(5), value, strategies: 2 };
        for record in [
            Record::Registered(name, Incarnation::new(7), Unix::new(9)),
            Record::Deregistered(name),
            Record::Median(median),
            Record::Target(Some(OrderTarget::new("AAPL"))),
            Record::Ordered(Period::new(5), OrderEnd::Replied),
            Record::Ordered(Period::new(5), OrderEnd::NotSent),
        ] {
            let (kind, payload) = write(&record);
            assert_eq!(read_trader_record(kind, &payload), Ok(record));
            assert!(read_trader_record(kind, &payload[1..]).is_err());
        }
        assert!(read_trader_record(6, &[]).is_err());
    }
}
