//! `allot init`: makes a data directory a ledger.

use std::path::PathBuf;
use std::process::ExitCode;

use allot_allocation_service::Allocation;
use allot_server::Ledger;
use allot_shard::Service;
use anyhow::Result;
use clap::Args;

use crate::stdout::print;

/// Make a new ledger in a data directory
///
/// A server with --data starts only in a directory that was made a ledger once, so that a directory
/// that is not mounted, or a wrong name, cannot pass for an empty firm. The ledger has a random id,
/// which stands in every report, heartbeat and start line. Shards on several machines share one
/// ledger: copy the file DIR/ledger to the data directory of each.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot init data
  allot init --adopt data          journals of an earlier version, which have no ledger")]
pub(crate) struct Init {
    /// Data directory, created if it does not exist
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// Give an id to the journals of an earlier version that are in the directory
    #[arg(long)]
    adopt: bool,
}

/// Makes the ledger and prints its id.
pub(crate) fn run(init: &Init) -> Result<ExitCode> {
    let make = if init.adopt { Ledger::adopt } else { Ledger::create };
    let ledger = make(&init.data, Allocation::NAME)?;
    print(&format!("ledger {} in {}", ledger.id, init.data.display()))?;
    Ok(ExitCode::SUCCESS)
}
