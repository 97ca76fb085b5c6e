//! `allot shard`: one shard as a separate process.

use std::process::ExitCode;

use allot_domain::ShardId;
use anyhow::{Result, ensure};
use clap::Args;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{monitor, wiring};

/// Run one shard as a separate process
///
/// A shard holds the positions of its tickers. With `--data` it recovers them from its journal at
/// every start; all shards of a server share one ledger, which `allot init` makes. Without `--data`
/// they are lost at a restart, and reports say so.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot shard --shard 0 --shards 2 --data data
  allot shard --shard 1 --shards 2 --backplane tcp://10.0.0.1:7000 --parts tcp://10.0.0.1:7001")]
pub(crate) struct ShardBox {
    /// Number of this shard, counted from 0
    #[arg(long, value_name = "NUMBER")]
    shard: usize,
    /// Make a new ledger in the data directory first; refused where there is one
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    flags: Flags<KEYS>,
}

const KEYS: u32 = set(&[
    Key::Transport,
    Key::RunDir,
    Key::Backplane,
    Key::Parts,
    Key::Shards,
    Key::Wait,
    Key::Blend,
    Key::History,
    Key::Names,
    Key::Data,
    Key::Ack,
    Key::SegmentMib,
    Key::ImageMib,
    Key::Prune,
    Key::Stages,
    Key::StagesEvery,
    Key::Metrics,
]);

/// Allocates until a signal.
pub(crate) fn run(args: &ShardBox, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&args.flags.given)?;
    let shard = shard_of(args.shard, settings.shards)?;
    if args.new {
        wiring::make_ledger(&settings)?;
    }
    wiring::warn_without_journal(&settings);
    let server = wiring::shard_process(&settings, shard)?;
    monitor::run(server, &format!("ready shard-{shard}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The shard of a number from the command line.
fn shard_of(number: usize, shards: usize) -> Result<ShardId> {
    ensure!(
        number < shards,
        "there is no shard {number}: --shards is {shards}, and shards are numbered from 0"
    );
    Ok(ShardId::at(number))
}
