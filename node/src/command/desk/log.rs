//! `allot desk log`: what happened, as the schema of the course has it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use allot_desk_rules::User;
use allot_desk_service::log::{ByTime, XmlLog};
use allot_domain::shard_of;
use anyhow::{Context, Result, anyhow};
use clap::Args;

use crate::desk_log::ShardLog;
use crate::replay_threads::ReplayThreads;
use crate::shard_dirs;

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
    let directories = shard_dirs::find(&log.data)?;
    // All that belongs to the log of a user is in one journal.
    let only = user.map(|user| shard_of(user.as_bytes(), directories.len()).index());
    let mut shards = Vec::new();
    for (number, directory) in directories.iter().enumerate() {
        if only.is_none_or(|only| only == number) {
            shards.push(ShardLog::open(directory, u32::try_from(number)?)?);
        }
    }
    let Some(out) = &log.out else {
        write(shards, user, io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    };
    let aside = PathBuf::from(format!("{}.part", out.display()));
    let what = || format!("cannot write {}", aside.display());
    let mut file = File::create(&aside).with_context(what)?;
    let count = write(shards, user, &mut file)?;
    file.sync_all().with_context(what)?;
    fs::rename(&aside, out).with_context(|| format!("cannot rename it to {}", out.display()))?;
    crate::stdout::print(&format!("{count} entries in {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes what the shards' threads replay meanwhile.
fn write(shards: Vec<ShardLog>, user: Option<User>, out: impl Write) -> Result<u64> {
    let mut by_time = ByTime::new(shards.len());
    let mut xml = XmlLog::begin(out, user)?;
    let mut threads = ReplayThreads::start(shards)?;
    while let Some(entry) = by_time.next(|shard, queue| threads.read(shard, queue))? {
        xml.add(&entry)?;
    }
    threads.end()?;
    let (mut out, count) = xml.end()?;
    out.flush()?;
    Ok(count)
}
