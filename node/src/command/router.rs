//! `allot router`: the front door as a process of its own.

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{lookout, wiring};
use anyhow::Result;
use clap::Args;
use std::process::ExitCode;

/// The front door as a process of its own
///
/// Shards and publisher connect to its backplane, before or after it starts; until all are there
/// clients wait, for five seconds at most.
/// It has no state: it can be restarted at any moment.
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
]);

/// Routes until it is told to end.
pub(crate) fn run(router: &RouterBox, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&router.flags.given)?;
    lookout::attend(wiring::router_process(&settings)?, "ready router")?;
    Ok(ExitCode::SUCCESS)
}
