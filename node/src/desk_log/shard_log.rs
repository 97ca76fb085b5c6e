//! Shard log: the entries of one shard, record by record.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_desk_rules::{Input, Outcomes};
use allot_desk_service::log::{Entry, EntryMaker};
use allot_desk_service::{Desk, InputName};
use allot_domain::{LogIndex, Outcomes as _};
use allot_journal::{Folder, Reader, SegmentState};
use allot_server::JournalStamp;
use allot_shard::{Entry as Record, State};
use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::desk_journal;
use crate::replay_threads::Replayed;

/// The journal of a shard, and what it makes of the accounts, up to some record.
pub(crate) struct ShardLog {
    directory: PathBuf,
    reader: Reader,
    state: State<Desk>,
    maker: EntryMaker,
    outcomes: Outcomes,
    entries: Vec<Entry>,
    /// What the last record was, if it could be read.
    input: Option<Input>,
    index: LogIndex,
    time_ns: u64,
}

impl ShardLog {
    /// Before the first record of the shard of this number.
    ///
    /// # Errors
    /// When the directory holds no whole journal of a desk.
    pub(crate) fn open(directory: &Path, number: u32) -> Result<Self> {
        let what = || format!("cannot read {}", directory.display());
        let folder = Folder::read_only(directory).with_context(what)?;
        let reader = Reader::open(Arc::new(folder)).with_context(what)?;
        let stamp = reader.stamp();
        ensure!(
            desk_journal::is_stamp(stamp),
            "{} is no journal of a desk: {stamp}",
            directory.display()
        );
        if let Some(file) = reader.lost() {
            bail!("{}: {file} is missing; the log would not be whole", directory.display());
        }
        let stamp: JournalStamp<Desk> = stamp.parse().map_err(|error| anyhow!("{error}"))?;
        let mut begun = reader.segments().iter();
        let first = begun.find(|segment| segment.state != SegmentState::Spare);
        let first = first.map_or(LogIndex::FIRST, |segment| segment.first_index);
        ensure!(
            first == LogIndex::FIRST,
            "{}: the records before {first} were pruned, and a log needs all of them; \
             serve with --prune no",
            directory.display()
        );
        Ok(Self {
            directory: directory.to_owned(),
            reader,
            state: State::new(stamp.machine),
            maker: EntryMaker::new(number),
            outcomes: Outcomes::default(),
            entries: Vec::new(),
            input: None,
            index: LogIndex::ZERO,
            time_ns: 0,
        })
    }

    /// Adds the entries of the next record; false at the end of the journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn read(&mut self, queue: &mut VecDeque<Entry>) -> Result<bool> {
        let what = || format!("cannot read {}", self.directory.display());
        let Some(found) = self.reader.next().with_context(what)? else {
            return Ok(false);
        };
        let index = found.record.index;
        let place = NonZeroU64::new(index.get()).context("records are counted from 1")?;
        let record = Record::of::<Desk>(&found.record).map_err(|error| anyhow!("{error}"))?;
        (self.index, self.time_ns) = (index, record.time_ns);
        self.outcomes.clear();
        let (kind, time_ns, body) = (record.kind, record.time_ns, record.body);
        self.input = match self.state.replay(record, &mut self.outcomes, |_| {}) {
            Ok(input) => {
                self.maker.append(place, &input, &self.outcomes, &mut self.entries);
                Some(input)
            }
            Err(rejection) if InputName::of(kind) == Some(InputName::Command) => {
                let entries = &mut self.entries;
                self.maker.append_refused(place, time_ns, body, &rejection, entries);
                None
            }
            Err(_) => None,
        };
        queue.extend(self.entries.drain(..));
        Ok(true)
    }

    /// The last record that was read, as an input.
    pub(crate) const fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// What came of it.
    pub(crate) const fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// Which record it was.
    pub(crate) const fn index(&self) -> LogIndex {
        self.index
    }

    /// When the router took it.
    pub(crate) const fn time_ns(&self) -> u64 {
        self.time_ns
    }
}

impl Replayed for ShardLog {
    type Item = Entry;

    fn read(&mut self, entries: &mut VecDeque<Entry>) -> Result<bool> {
        Self::read(self, entries)
    }
}
