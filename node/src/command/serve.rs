//! `allot serve`: router, shards and publisher in one process.

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{archive, lookout, wiring};
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// What a server in one process can be told.
pub(crate) const KEYS: u32 = set(&[
    Key::Front,
    Key::FrontSecret,
    Key::Publish,
    Key::Shards,
    Key::ReportEvery,
    Key::MarkerEvery,
    Key::Threads,
    Key::Wait,
    Key::Blend,
    Key::History,
    Key::Data,
    Key::Ack,
    Key::SegmentMib,
    Key::ImageMib,
    Key::Prune,
    Key::OwedMax,
    Key::Stages,
    Key::StagesEvery,
]);

/// A server: router, shards and publisher in one process
///
/// Prints `listening front=… publish=…` on stdout once clients can connect, and runs until it is
/// told to end (Ctrl-C, SIGTERM).
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot serve
  allot serve --data data                          what is answered survives a crash
  allot serve --front tcp://0.0.0.0:9998 --publish tcp://0.0.0.0:9999  for other machines
  allot serve --front tcp://127.0.0.1:* --publish tcp://127.0.0.1:*    on any free ports
  allot serve --shards 4 --threads dedicated --wait spin               with cores to spare")]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: Flags<KEYS>,
}

/// Serves until it is told to end.
pub(crate) fn run(serve: &Serve, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&serve.flags.given)?;
    archive::warn_without_journal(&settings);
    lookout::attend(wiring::embedded(&settings)?, "listening")?;
    Ok(ExitCode::SUCCESS)
}
