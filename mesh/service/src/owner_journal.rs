//! Owner's journal: the trades of a strategy and its starts, through restarts.
//!
//! ```text
//!   kind 1  adopted   row
//!   kind 2  started   incarnation 8 │ adoption │
//!   kind 3  traded    sequence 8 │ symbol │ quantity 16 │ position 16 │ updated 8 │ origin
//!
//!   origin  0 typed │ 1 line: number 8, hash 8 │ 2 fill: stream 8, sequence 8 │ 3 settled
//! ```
//!
//! A snapshot is what the records add up to: the rows, and how far each source was taken.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use allot_domain::LogIndex;
use allot_journal::{
    Checkpointer, Committer, Folder, Journal, JournalConfig, JournalError, Recovery, Wakers,
};
use allot_mesh_rules::{
    BadRecord, Now, Origin, Owned, Position, Record, RecordNumber, Row, Sequence, Started,
    StrategyName, TradeQuantity, Traded,
};
use allot_wire::DecodeError;

use crate::count;
use crate::fields::{
    Fields, put_adoption, put_incarnation, put_number, put_row, put_text, put_version,
};
use crate::limits::{SEGMENT_BYTES, SNAPSHOT_EVERY_BYTES, STREAMS_MAX};

const ADOPTED: u8 = 1;
const STARTED: u8 = 2;
const TRADED: u8 = 3;

const TYPED: u8 = 0;
const LINE: u8 = 1;
const FILL: u8 = 2;
const SETTLED: u8 = 3;

/// How the stamp of a strategy's journal begins; its name follows.
pub const STRATEGY_STAMP: &str = "mesh, strategy ";

/// The journal of a strategy, as its peer sees it.
pub struct OwnerJournal {
    journal: Journal,
    /// The last record of the runs before.
    base: LogIndex,
    /// What all records add up to, those on their way to the disk included.
    owned: Owned,
    progress: Progress,
}

/// How far the sources of trades were taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The last line of the file, and the hash of all lines up to it.
    pub line: Option<(u64, u64)>,
    /// The last number of each stream of the feed.
    pub streams: BTreeMap<u64, u64>,
}

/// A journal that was read.
pub struct OpenedJournal {
    /// What the peer appends to.
    pub journal: OwnerJournal,
    /// Whether nothing was ever written to it.
    pub is_new: bool,
    /// Writes and syncs.
    pub committer: Committer,
    /// Makes segments and snapshots.
    pub checkpointer: Checkpointer,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub enum OwnerJournalError {
    /// What the journal says.
    Journal(JournalError),
    /// It is the journal of this strategy.
    OtherStrategy(String),
    /// A record is none of a strategy; holds which, and what is wrong.
    Record(LogIndex, DecodeError),
    /// A record does not follow from those before it.
    Follows(LogIndex, BadRecord),
}

impl OwnerJournal {
    /// None: positions are in memory only, and in those of the peers.
    #[must_use]
    pub fn none() -> Self {
        Self {
            journal: Journal::none(),
            base: LogIndex::ZERO,
            owned: Owned::new(),
            progress: Progress::default(),
        }
    }

    /// Opens the journal of a folder; that of another strategy is refused.
    ///
    /// # Errors
    /// [`OwnerJournalError`]: nothing was changed.
    pub fn open(
        path: &Path,
        name: StrategyName,
        wakers: Wakers<'_>,
    ) -> Result<OpenedJournal, OwnerJournalError> {
        let folder = Folder::open(path)?;
        let config = JournalConfig {
            segment_bytes: SEGMENT_BYTES,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES,
            // Peers show what is durable, and keep it when this one starts again.
            checks_each_batch: true,
            ..JournalConfig::new("strategy", &format!("{STRATEGY_STAMP}{name}"))
        };
        let mut recovery = Recovery::open(Arc::new(folder), config)?;
        for warning in recovery.warnings() {
            tracing::warn!("{warning}");
        }
        let is_new = recovery.is_new();
        let (owned, progress) = read(&mut recovery)?;
        let (journal, committer, checkpointer) = recovery.finish(wakers)?;
        let base = journal.appended();
        let journal = Self { journal, base, owned, progress };
        Ok(OpenedJournal { journal, is_new, committer, checkpointer })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.journal.is_kept()
    }

    /// What its records add up to.
    #[must_use]
    pub const fn owned(&self) -> &Owned {
        &self.owned
    }

    /// How far the sources of trades were taken.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Appends a record.
    pub(crate) fn append(&mut self, now: Now, number: RecordNumber, record: &Record) {
        let (kind, payload) = write(record);
        let index = self.journal.append(kind, 0, now.unix.get(), &payload);
        assert_eq!(index.get() - self.base.get(), number.get(), "each record has its number");
        self.owned.apply(record).expect("the replica has checked what it writes down");
        self.progress.note(record);
    }

    /// The last record of this run that is durable; without a journal all are.
    pub(crate) fn durable(&self) -> RecordNumber {
        RecordNumber::new(self.journal.durable().get().saturating_sub(self.base.get()))
    }

    /// Whether more may be appended: the disk keeps up, and has room for another segment.
    pub(crate) fn has_room(&self) -> bool {
        self.journal.has_room() && !self.journal.is_full()
    }

    /// Whether the disk has no room for another segment.
    pub(crate) fn is_full(&self) -> bool {
        self.journal.is_full()
    }

    /// Hands over what was appended, and takes what has become durable.
    pub(crate) fn turn(&mut self) -> Result<usize, JournalError> {
        if self.journal.snapshot_is_due() {
            let (owned, progress) = (&self.owned, &self.progress);
            self.journal.store_snapshot(|out| write_snapshot(owned, progress, out));
        }
        self.journal.submit();
        self.journal.poll()
    }
}

impl Progress {
    fn note(&mut self, record: &Record) {
        let Record::Traded(Traded { origin, .. }) = record else { return };
        match *origin {
            Origin::Line { number, hash } => self.line = Some((number, hash)),
            Origin::Fill { stream, sequence } => {
                if self.streams.contains_key(&stream) || self.streams.len() < STREAMS_MAX {
                    self.streams.insert(stream, sequence);
                }
            }
            Origin::Typed | Origin::Settled => {}
        }
    }
}

fn read(recovery: &mut Recovery) -> Result<(Owned, Progress), OwnerJournalError> {
    let (mut owned, mut progress) = match recovery.snapshot() {
        None => (Owned::new(), Progress::default()),
        Some(snapshot) => read_snapshot(snapshot.index, &snapshot.state)?,
    };
    while let Some(record) = recovery.next()? {
        let index = record.index;
        let record = read_strategy_record(record.kind, record.payload)
            .map_err(|error| OwnerJournalError::Record(index, error))?;
        owned.apply(&record).map_err(|bad| OwnerJournalError::Follows(index, bad))?;
        progress.note(&record);
    }
    Ok((owned, progress))
}

fn write(record: &Record) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    let kind = match record {
        Record::Adopted(row) => {
            put_row(&mut out, row);
            ADOPTED
        }
        Record::Started(Started { incarnation, adopted }) => {
            put_incarnation(&mut out, *incarnation);
            put_adoption(&mut out, *adopted);
            STARTED
        }
        Record::Traded(traded) => {
            let Traded { sequence, symbol, quantity, position, updated, origin } = traded;
            put_number(&mut out, sequence.get());
            put_text(&mut out, symbol.as_str());
            out.extend_from_slice(&quantity.nanos().to_le_bytes());
            out.extend_from_slice(&position.nanos().to_le_bytes());
            put_number(&mut out, updated.get());
            let (kind, numbers) = match *origin {
                Origin::Typed => (TYPED, None),
                Origin::Line { number, hash } => (LINE, Some([number, hash])),
                Origin::Fill { stream, sequence } => (FILL, Some([stream, sequence])),
                Origin::Settled => (SETTLED, None),
            };
            out.push(kind);
            numbers.iter().flatten().for_each(|number| put_number(&mut out, *number));
            TRADED
        }
    };
    (kind, out)
}

/// Reads a record of a strategy's journal.
///
/// # Errors
/// It is none, or damaged.
pub fn read_strategy_record(kind: u8, payload: &[u8]) -> Result<Record, DecodeError> {
    let mut fields = Fields::new(payload);
    let record = match kind {
        ADOPTED => Record::Adopted(fields.row()?),
        STARTED => Record::Started(Started {
            incarnation: fields.incarnation()?,
            adopted: fields.adoption()?,
        }),
        TRADED => Record::Traded(Traded {
            sequence: Sequence::new(fields.number()?),
            symbol: fields.symbol()?,
            quantity: TradeQuantity::from_nanos(i128::from_le_bytes(fields.array()?))
                .ok_or_else(|| DecodeError::new("a quantity is too large"))?,
            position: Position::from_nanos(i128::from_le_bytes(fields.array()?))
                .ok_or_else(|| DecodeError::new("a position is too large"))?,
            updated: fields.time()?,
            origin: read_origin(&mut fields)?,
        }),
        kind => return Err(DecodeError::new(format!("no kind of a record: {kind}"))),
    };
    fields.end()?;
    Ok(record)
}

fn read_origin(fields: &mut Fields<'_>) -> Result<Origin, DecodeError> {
    Ok(match fields.byte()? {
        TYPED => Origin::Typed,
        LINE => Origin::Line { number: fields.number()?, hash: fields.number()? },
        FILL => Origin::Fill { stream: fields.number()?, sequence: fields.number()? },
        SETTLED => Origin::Settled,
        _ => return Err(DecodeError::new("no origin of a trade")),
    })
}

/// Appends rows, version and progress, each list with its length before it.
fn write_snapshot(owned: &Owned, progress: &Progress, out: &mut Vec<u8>) {
    put_version(out, owned.version());
    put_adoption(out, owned.adopted());
    put_number(out, count(owned.lives().len()));
    owned.lives().iter().for_each(|life| put_version(out, *life));
    out.push(progress.line.is_some().into());
    if let Some((number, hash)) = progress.line {
        put_number(out, number);
        put_number(out, hash);
    }
    put_number(out, count(progress.streams.len()));
    for (stream, sequence) in &progress.streams {
        put_number(out, *stream);
        put_number(out, *sequence);
    }
    put_number(out, count(owned.rows().len()));
    owned.rows().for_each(|row| put_row(out, row));
}

fn read_snapshot(index: LogIndex, state: &[u8]) -> Result<(Owned, Progress), OwnerJournalError> {
    let bad = |error| OwnerJournalError::Record(index, error);
    let mut fields = Fields::new(state);
    let mut read = || -> Result<_, DecodeError> {
        let version = fields.version()?;
        let adopted = fields.adoption()?;
        let mut lives = Vec::new();
        for _ in 0..fields.number()? {
            lives.push(fields.version()?);
        }
        let line = match fields.flag()? {
            true => Some((fields.number()?, fields.number()?)),
            false => None,
        };
        let mut streams = BTreeMap::new();
        for _ in 0..fields.number()? {
            streams.insert(fields.number()?, fields.number()?);
        }
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..fields.number()? {
            rows.push(fields.row()?);
        }
        let progress = Progress { line, streams };
        Ok((Owned::restore(rows, version, adopted, lives), progress))
    };
    let (owned, progress) = read().map_err(bad)?;
    fields.end().map_err(bad)?;
    Ok((owned.map_err(|bad| OwnerJournalError::Follows(index, bad))?, progress))
}

impl From<JournalError> for OwnerJournalError {
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::Stamp { stored, .. } => match stored.strip_prefix(STRATEGY_STAMP) {
                Some(other) => Self::OtherStrategy(other.to_owned()),
                None => Self::Journal(error),
            },
            _ => Self::Journal(error),
        }
    }
}

impl fmt::Display for OwnerJournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) if error.is_damage() => write!(
                f,
                "{error}; or move the folder away, and start with --adopt if peers hold the \
                 positions of the strategy"
            ),
            Self::Journal(error) => error.fmt(f),
            Self::OtherStrategy(other) => write!(
                f,
                "this is the journal of strategy {other}; give each strategy a --data directory \
                 of its own"
            ),
            Self::Record(index, error) => write!(f, "the record {index} is damaged: {error}"),
            Self::Follows(index, bad) => write!(f, "the record {index} is damaged: {bad}"),
        }
    }
}

impl std::error::Error for OwnerJournalError {}

#[cfg(test)]
mod tests {
    use allot_mesh_rules::{Adoption, Incarnation, Symbol, Unix, Version};

    use super::*;

    fn traded(sequence: u64, origin: Origin) -> Record {
        let nanos = i128::from(sequence) * 1_000_000_000;
        Record::Traded(Traded {
            sequence: Sequence::new(sequence),
            symbol: Symbol::new(b"AAPL").unwrap(),
            quantity: TradeQuantity::from_nanos(1_000_000_000).unwrap(),
            position: Position::from_nanos(nanos).unwrap(),
            updated: Unix::new(5),
            origin,
        })
    }

    fn records() -> Vec<Record> {
        let incarnation = Incarnation::new(3, 7);
        let adopted = Adoption { through: Version::new(2, 9), incarnation };
        let started = Started { incarnation, adopted: Some(adopted) };
        vec![
            Record::Started(started),
            traded(1, Origin::Typed),
            traded(2, Origin::Line { number: 7, hash: 8 }),
            traded(3, Origin::Fill { stream: 9, sequence: 10 }),
            traded(4, Origin::Settled),
        ]
    }

    #[test]
    fn records_read_back() {
        let Record::Traded(traded) = records()[1] else { panic!("a trade") };
        let row = Row {
            symbol: traded.symbol,
            position: traded.position,
            version: Version::new(1, 2),
            updated: Unix::new(3),
        };
        for record in records().into_iter().chain([Record::Adopted(row)]) {
            let (kind, payload) = write(&record);
            assert_eq!(read_strategy_record(kind, &payload), Ok(record));
            assert!(read_strategy_record(kind, &payload[1..]).is_err());
        }
        assert!(read_strategy_record(4, &[]).is_err());
    }

    #[test]
    fn a_snapshot_is_what_the_records_add_up_to() {
        let (mut owned, mut progress) = (Owned::new(), Progress::default());
        for record in records() {
            owned.apply(&record).unwrap();
            progress.note(&record);
        }
        assert_eq!((progress.line, progress.streams.get(&9)), (Some((7, 8)), Some(&10)));
        let mut state = Vec::new();
        write_snapshot(&owned, &progress, &mut state);
        assert_eq!(read_snapshot(LogIndex::ZERO, &state).unwrap(), (owned, progress));
        assert!(read_snapshot(LogIndex::ZERO, &state[..state.len() - 1]).is_err());
    }
}
