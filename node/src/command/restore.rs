//! `allot restore`: a data directory made of a backup.

use std::path::PathBuf;
use std::process::ExitCode;

use allot_server::{LedgerCopy, copy_ledger};
use anyhow::{Result, bail};
use clap::Args;

use crate::ledger_backup::{BackupContents, copy_journals, ledger_to_copy};
use crate::stdout::print;
use crate::time_text;
use crate::unfinished_folder::UnfinishedFolder;

/// Make a data directory of a backup
///
/// Checks the backup, copies it to a new directory, and notes there that the ledger was restored,
/// and of what time the backup is. Nothing is overwritten. The ledger has the same id: it is the
/// same ledger in an earlier state. Never start it beside the directory that it replaces. What was
/// acknowledged after the backup is not in it: let each source send it again, under the names that
/// it had.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot restore /backup/data-2026-03-01 data
  allot restore /backup/latest data                then: allot verify data")]
pub(crate) struct Restore {
    /// Folder that `allot backup` made
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Data directory to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    data: PathBuf,
}

/// Makes the data directory, and checks it.
pub(crate) fn run(restore: &Restore) -> Result<ExitCode> {
    let Restore { from, data } = restore;
    let (system, ledger) = ledger_to_copy(from)?;
    let LedgerCopy::Backup(time_ns) = ledger.copy else {
        bail!("{} is no backup; `allot backup` makes one", from.display());
    };
    BackupContents::check(from)?;
    let folder = UnfinishedFolder::create_outside(data, from)?;
    copy_journals(from, folder.path(), &system)?;
    copy_ledger(from, folder.path(), LedgerCopy::Restored(time_ns))?;
    folder.finish()?;
    let (id, time, data) = (ledger.id, time_text::exact(time_ns), data.display());
    print(&format!(
        "restored ledger {id} of {time} to {data}; what was acknowledged later is not in it: let \
         the sources send it again"
    ))?;
    Ok(ExitCode::SUCCESS)
}
