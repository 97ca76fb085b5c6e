//! `allot desk init`: makes a data directory a ledger of a desk.

use std::path::PathBuf;
use std::process::ExitCode;

use allot_desk_service::Desk;
use allot_server::Ledger;
use allot_shard::Service;
use anyhow::Result;
use clap::Args;

use crate::stdout::print;

/// Make a new ledger of a desk in a data directory
///
/// A desk with --data starts only in a directory that was made a ledger of a desk once.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk init desk")]
pub(super) struct Init {
    /// Data directory, created if it does not exist
    #[arg(value_name = "DIR")]
    data: PathBuf,
}

/// Makes the ledger and prints its id.
pub(super) fn run(init: &Init) -> Result<ExitCode> {
    let ledger = Ledger::create(&init.data, Desk::NAME)?;
    print(&format!("ledger {} in {}", ledger.id, init.data.display()))?;
    Ok(ExitCode::SUCCESS)
}
