//! `allot publisher`: the publisher as a separate process.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{monitor, wiring};

/// Run the publisher as a separate process
///
/// The publisher combines the parts from the shards into reports, and publishes them. It can be
/// restarted at any time: the next report is complete.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot publisher --shards 2
  allot publisher --shards 2 --publish tcp://0.0.0.0:9999    for subscribers on other machines")]
pub(crate) struct PublisherBox {
    #[command(flatten)]
    flags: Flags<KEYS>,
}

const KEYS: u32 = set(&[
    Key::Publish,
    Key::PublishSecret,
    Key::Transport,
    Key::RunDir,
    Key::Backplane,
    Key::Parts,
    Key::Shards,
    Key::Wait,
    Key::Metrics,
]);

/// Publishes until a signal.
pub(crate) fn run(publisher: &PublisherBox, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&publisher.flags.given)?;
    monitor::run(wiring::publisher_process(&settings)?, "ready publisher")?;
    Ok(ExitCode::SUCCESS)
}
