//! `allot serve`: router, shards and publisher in one process.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::common_args::CommonArgs;
use crate::console_inside::{self, ConsoleFlags};
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::{monitor, wiring};

/// The settings of a server in one process.
pub(crate) const KEYS: u32 = set(&[
    Key::Front,
    Key::Transport,
    Key::FrontSecret,
    Key::Publish,
    Key::PublishSecret,
    Key::Shards,
    Key::ReportEvery,
    Key::MarkerEvery,
    Key::Threads,
    Key::Wait,
    Key::Blend,
    Key::History,
    Key::Names,
    Key::Data,
    Key::Ack,
    Key::SegmentMib,
    Key::ImageMib,
    Key::Prune,
    Key::OwedMax,
    Key::Stages,
    Key::StagesEvery,
    Key::Metrics,
]);

/// Run the whole server in one process: router, shards and publisher
///
/// Prints `listening front=… publish=… ledger=…` on stdout when clients can connect. Stops on
/// Ctrl-C or SIGTERM. With --data the directory must hold a ledger: `allot init` or --new makes it.
/// With --console it prints `console=URL` too, when browsers can connect.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot serve
  allot serve --data data --new                    begin a ledger: what is acknowledged is kept
  allot serve --data data                          go on with it, at every later start
  allot serve --front tcp://0.0.0.0:9998 --publish tcp://0.0.0.0:9999  other machines can connect
  allot serve --front tcp://127.0.0.1:* --publish tcp://127.0.0.1:*    any free ports
  allot serve --console                            pages for people on http://127.0.0.1:8080/
  allot serve --shards 4 --threads dedicated --wait spin               a core for each thread")]
pub(crate) struct Serve {
    /// Make a new ledger in the data directory first; refused where there is one
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    console: ConsoleFlags,
    #[command(flatten)]
    flags: Flags<KEYS>,
}

/// Serves until a signal.
pub(crate) fn run(serve: &Serve, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&serve.flags.given)?;
    let console = serve.console.of_server();
    if let Some(console) = &console {
        console.check()?;
    }
    if serve.new {
        wiring::try_endpoints(&settings)?;
        wiring::make_ledger(&settings)?;
    }
    wiring::warn_without_journal(&settings);
    let server = wiring::embedded(&settings)?;
    monitor::run_beside(server, "listening", |ends, measured| {
        console_inside::start(console, ends, measured)
    })?;
    Ok(ExitCode::SUCCESS)
}
