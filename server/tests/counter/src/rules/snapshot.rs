//! Snapshot: all counters of a shard as bytes.
//!
//! ```text
//!   magic 8 │ version 4 │ limit 8 │ names of commands │ names of raises
//!   raises 8 │ level: marker 8, total 8
//!   counters 4 │ key │ value 8 │ awaits 4 │ threshold 8, source, seq 8 │ … │ …
//! ```

use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use allot_domain::{Machine, Seq};

use super::counters::{Await, Entry};
use super::limits::{AWAITS_MAX, KEYS_MAX};
use super::{CounterConfig, Counters, Level, Name};

const MAGIC: [u8; 8] = *b"ALLOTCTR";
const VERSION: u32 = 1;

/// The shortest counter: a key of one byte, a value, no awaits.
const COUNTER_LEN_MIN: usize = 2 + 8 + 4;
/// The shortest await: a source of one byte.
const AWAIT_LEN: usize = 8 + 2 + 8;

impl Counters {
    pub(super) fn write_snapshot(&self, out: &mut Vec<u8>) {
        assert!(self.releasing.is_none(), "no input is pending");
        assert!(self.sum() == self.added, "the counters hold what was added");
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        put_u64(out, self.config.limit);
        self.commands.save(out);
        self.broadcasts.save(out);
        for number in [self.raises, self.level.marker, self.level.total] {
            put_u64(out, number);
        }
        put_count(out, self.entries.len());
        for (key, entry) in &self.entries {
            put_name(out, key.as_bytes());
            entry.save(out);
        }
    }

    pub(super) fn read_snapshot(
        config: CounterConfig,
        snapshot: &[u8],
    ) -> Result<Self, SnapshotError> {
        let mut cursor = Cursor::new(snapshot);
        read_head(&mut cursor, config)?;
        let mut counters = Self::new(config);
        counters.commands.load(&mut cursor)?;
        counters.broadcasts.load(&mut cursor)?;
        counters.raises = cursor.counter()?;
        counters.level = Level { marker: cursor.counter()?, total: cursor.counter()? };
        for _ in 0..cursor.count(KEYS_MAX, COUNTER_LEN_MIN)? {
            let key = cursor.ticker()?;
            let last = counters.entries.last_key_value();
            ensure(last.is_none_or(|(last, _)| *last < key), "a counter out of order")?;
            let entry = Entry::load(&mut cursor, config)?;
            counters.added += entry.value;
            counters.awaits += entry.awaits.len();
            counters.entries.insert(key, entry);
        }
        ensure(counters.awaits <= AWAITS_MAX, "more awaits than there may be")?;
        cursor.end()?;
        Ok(counters)
    }
}

fn read_head(cursor: &mut Cursor<'_>, config: CounterConfig) -> Result<(), SnapshotError> {
    if cursor.array()? != MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let version = cursor.u32()?;
    if version != VERSION {
        return Err(SnapshotError::UnknownVersion(version, VERSION));
    }
    let saved = CounterConfig { limit: cursor.u64()? };
    if saved == config { Ok(()) } else { Err(SnapshotError::OtherConfig(saved.to_string())) }
}

impl Entry {
    fn save(&self, out: &mut Vec<u8>) {
        put_u64(out, self.value);
        put_count(out, self.awaits.len());
        for Await { threshold, name } in &self.awaits {
            put_u64(out, *threshold);
            put_name(out, name.source.as_bytes());
            put_u64(out, name.seq.get());
        }
    }

    fn load(cursor: &mut Cursor<'_>, config: CounterConfig) -> Result<Self, SnapshotError> {
        let mut entry = Self { value: cursor.u64()?, ..Self::default() };
        ensure(entry.value <= config.limit, "a counter beyond the limit")?;
        for _ in 0..cursor.count(AWAITS_MAX, AWAIT_LEN)? {
            let threshold = cursor.u64()?;
            let name = Name { source: cursor.source()?, seq: Seq::new(cursor.u64()?) };
            let open = Await { threshold, name };
            let is_open = (entry.value + 1..=config.limit).contains(&threshold);
            ensure(is_open, "an await that is reached, or never will be")?;
            ensure(entry.awaits.last().is_none_or(|last| *last < open), "an await out of order")?;
            entry.awaits.insert(open);
        }
        Ok(entry)
    }
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}
