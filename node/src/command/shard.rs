//! `allot shard`: one shard as a process of its own.

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{archive, lookout, wiring};
use anyhow::{Result, ensure};
use clap::Args;
use std::process::ExitCode;

/// One shard as a process of its own
///
/// It holds the positions of its share of the tickers. With `--data` it recovers them from its
/// journal whenever it starts; without, a shard that restarts has lost them, and reports say so.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot shard --shard 0 --shards 2 --data data
  allot shard --shard 1 --shards 2 --backplane tcp://10.0.0.1:7000 --parts tcp://10.0.0.1:7001")]
pub(crate) struct ShardBox {
    /// Which of the shards it is, from 0
    #[arg(long, value_name = "NUMBER")]
    shard: usize,
    #[command(flatten)]
    flags: Flags<KEYS>,
}

const KEYS: u32 = set(&[
    Key::RunDir,
    Key::Backplane,
    Key::Parts,
    Key::Shards,
    Key::Wait,
    Key::Blend,
    Key::History,
    Key::Data,
    Key::Ack,
    Key::SegmentMib,
    Key::ImageMib,
    Key::Prune,
    Key::Stages,
    Key::StagesEvery,
]);

/// Allocates until it is told to end.
pub(crate) fn run(args: &ShardBox, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&args.flags.given)?;
    let (shard, shards) = (args.shard, settings.shards);
    ensure!(
        shard < shards,
        "there is no shard {shard} among {shards}: they are numbered from 0; is --shards right?"
    );
    archive::warn_without_journal(&settings);
    let server = wiring::shard_process(&settings, shard)?;
    lookout::attend(server, &format!("ready shard-{shard}"))?;
    Ok(ExitCode::SUCCESS)
}
