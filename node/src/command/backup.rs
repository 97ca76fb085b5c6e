//! `allot backup`: a copy of a ledger, made while its server runs.

use std::path::PathBuf;
use std::process::ExitCode;

use allot_feeds::plural;
use allot_server::{LedgerCopy, copy_ledger};
use anyhow::{Result, bail};
use clap::Args;

use crate::ledger_backup::{copy_journals, ledger_to_copy};
use crate::stdout::print;
use crate::time_text;
use crate::unfinished_folder::UnfinishedFolder;

/// Copy a ledger while its server runs
///
/// Copies the journals of a data directory to a new folder and reads the copy. What was
/// acknowledged before the backup began is in it; a split is in all of its shards or in none. Free
/// room in segments is not copied and takes none. The folder has its name only when it is whole. To
/// use a backup, make a data directory of it with `allot restore`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot backup data /backup/data-2026-03-01
  allot backup desk /backup/desk                   then: allot verify /backup/desk")]
pub(crate) struct Backup {
    /// Data directory of a server or of a desk
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// Folder to make; it must not exist
    #[arg(value_name = "TO")]
    to: PathBuf,
}

/// Makes the backup, and checks it.
pub(crate) fn run(backup: &Backup) -> Result<ExitCode> {
    let Backup { data, to } = backup;
    let (system, ledger) = ledger_to_copy(data)?;
    if let LedgerCopy::Backup(_) = ledger.copy {
        bail!("{} is a backup already; copy it as it is", data.display());
    }
    let folder = UnfinishedFolder::create_outside(to, data)?;
    let contents = copy_journals(data, folder.path(), &system)?;
    copy_ledger(data, folder.path(), LedgerCopy::Backup(contents.time_ns))?;
    contents.write(folder.path())?;
    folder.finish()?;
    let records: u64 = contents.journals.values().map(|last| last.get()).sum();
    print(&format!(
        "backup of ledger {} at {} in {}: {} {}, {records} {}, {} bytes",
        ledger.id,
        time_text::exact(contents.time_ns),
        to.display(),
        contents.journals.len(),
        plural(contents.journals.len() as u64, "journal"),
        plural(records, "record"),
        contents.bytes
    ))?;
    Ok(ExitCode::SUCCESS)
}
