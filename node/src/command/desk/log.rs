//! `allot desk log`: what happened, as the schema of the course has it.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use allot_desk_rules::{Outcomes, User};
use allot_desk_service::Desk;
use allot_desk_service::log::{ByTime, Entry, EntryMaker, XmlLog};
use allot_domain::LogIndex;
use allot_journal::{Folder, Reader, SegmentState};
use allot_server::JournalStamp;
use allot_shard::{Entry as Record, State};
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;

use crate::{desk_journal, shard_dirs};

/// Write the log of a desk as XML: commands, quotes, changes of accounts, events, errors
///
/// It is made from the journals, which have everything, and is complete after a crash too. Elements
/// stand in the order of their times. Nothing in the directory is changed; a running server goes
/// on, and what it journals meanwhile may be in the log or not.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk log data > log.xml
  allot desk log data --user oY01WVirLr --out mine.xml
  allot desk log data | xmllint --noout --schema logfile.xsd -")]
pub(super) struct Log {
    /// Data directory of a desk
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// The log of this user alone
    #[arg(long)]
    user: Option<String>,
    /// File to write, instead of standard output: beside it first, and then renamed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes it.
pub(super) fn run(log: &Log) -> Result<ExitCode> {
    let user = log.user.as_ref().map(|user| User::new(user.as_bytes())).transpose();
    let user = user.map_err(|reject| anyhow!("--user: {reject}"))?;
    let mut shards = Vec::new();
    for (number, directory) in shard_dirs::find(&log.data)?.iter().enumerate() {
        shards.push(ShardLog::open(directory, u32::try_from(number)?)?);
    }
    let Some(out) = &log.out else {
        write(&mut shards, user, io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    };
    let aside = PathBuf::from(format!("{}.part", out.display()));
    let what = || format!("cannot write {}", aside.display());
    let mut file = File::create(&aside).with_context(what)?;
    let count = write(&mut shards, user, &mut file)?;
    file.sync_all().with_context(what)?;
    fs::rename(&aside, out).with_context(|| format!("cannot rename it to {}", out.display()))?;
    crate::stdout::print(&format!("{count} entries in {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn write(shards: &mut [ShardLog], user: Option<User>, out: impl Write) -> Result<u64> {
    let mut by_time = ByTime::new(shards.len());
    let mut xml = XmlLog::begin(BufWriter::new(out), user)?;
    while let Some(entry) = by_time.next(|shard, queue| shards[shard].read(queue))? {
        xml.add(&entry)?;
    }
    let (mut out, count) = xml.end()?;
    out.flush()?;
    Ok(count)
}

/// The journal of a shard, and what it makes of the accounts, up to some record.
struct ShardLog {
    directory: PathBuf,
    reader: Reader,
    state: State<Desk>,
    maker: EntryMaker,
    outcomes: Outcomes,
    entries: Vec<Entry>,
}

impl ShardLog {
    fn open(directory: &Path, number: u32) -> Result<Self> {
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
        })
    }

    /// Adds the entries of the next record; false at the end of the journal.
    fn read(&mut self, queue: &mut VecDeque<Entry>) -> Result<bool> {
        let what = || format!("cannot read {}", self.directory.display());
        let Some(found) = self.reader.next().with_context(what)? else {
            return Ok(false);
        };
        let index = found.record.index;
        let place = NonZeroU64::new(index.get()).context("records are counted from 1")?;
        let record = Record::of::<Desk>(&found.record).map_err(|error| anyhow!("{error}"))?;
        self.outcomes = Outcomes::default();
        // What could not be read as a command is none of a user.
        if let Ok(input) = self.state.replay(record, &mut self.outcomes, |_| {}) {
            self.maker.append(place, &input, &self.outcomes, &mut self.entries);
            queue.extend(self.entries.drain(..));
        }
        Ok(true)
    }
}
