//! `allot router`: the router as a separate process.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{monitor, wiring};

/// Run the router, the front door of the server, as a separate process
///
/// Shards and the publisher connect to its backplane, before or after it starts. Until all are
/// connected, clients wait, for at most five seconds.
///
/// The router has no state and can be restarted at any time.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot router --shards 2
  allot router --shards 2 --backplane tcp://0.0.0.0:7000    shards on other machines")]
pub(crate) struct RouterBox {
    #[command(flatten)]
    flags: Flags<KEYS>,
}

const KEYS: u32 = set(&[
    Key::Front,
    Key::Transport,
    Key::FrontSecret,
    Key::RunDir,
    Key::Backplane,
    Key::Shards,
    Key::ReportEvery,
    Key::MarkerEvery,
    Key::Wait,
    Key::OwedMax,
    Key::Stages,
    Key::StagesEvery,
    Key::Metrics,
]);

/// Routes until a signal.
pub(crate) fn run(router: &RouterBox, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&router.flags.given)?;
    monitor::run(wiring::router_process(&settings)?, "ready router")?;
    Ok(ExitCode::SUCCESS)
}
