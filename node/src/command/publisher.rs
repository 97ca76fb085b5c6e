//! `allot publisher`: the position feed as a process of its own.

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{lookout, wiring};
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// The position feed as a process of its own
///
/// Shards hand it their parts of each report. It can be restarted: the next report is complete.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot publisher --shards 2
  allot publisher --shards 2 --publish tcp://0.0.0.0:9999    for subscribers on other machines")]
pub(crate) struct PublisherBox {
    #[command(flatten)]
    flags: Flags<KEYS>,
}

const KEYS: u32 =
    set(&[Key::Publish, Key::RunDir, Key::Backplane, Key::Parts, Key::Shards, Key::Wait]);

/// Publishes until it is told to end.
pub(crate) fn run(publisher: &PublisherBox, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&publisher.flags.given)?;
    lookout::attend(wiring::publisher_process(&settings)?, "ready publisher")?;
    Ok(ExitCode::SUCCESS)
}
