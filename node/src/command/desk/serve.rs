//! `allot desk serve`: a desk in one process.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use allot_desk_service::{Desk, QuoteTimes};
use allot_runtime::{Clock, Counters, Running, ThreadGroup, Threads, WaitStrategy, duration};
use allot_shard::Service;
use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::common_args::CommonArgs;
use crate::desk_log::LogWriter;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::wiring::Server;
use crate::{monitor, shard_dirs, wiring};

/// The shortest time for a quote: none is quicker.
const TIME_MIN: Duration = Duration::from_millis(1);

/// The settings of a desk in one process.
const KEYS: u32 = set(&[
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
    Key::History,
    Key::Names,
    Key::Data,
    Key::Ack,
    Key::SegmentMib,
    Key::ImageMib,
    Key::OwedMax,
    Key::Stages,
    Key::StagesEvery,
    Key::Metrics,
]);

/// Run a desk in one process: router, shards, publisher, and what gets quotes
///
/// Prints `listening front=… publish=… ledger=…` on stdout when clients can connect. Stops on
/// Ctrl-C or SIGTERM. With --data the directory must hold a ledger of a desk: `allot desk init` or
/// --new makes it. While the quote server is away, commands that need a quote wait, and are refused
/// after --quote-give-up; everything else goes on. A DUMPLOG writes its file below --logs, from the
/// journals and beside the server; without --data there are none, and it is refused.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk serve --quotes 127.0.0.1:4444
  allot desk serve --quotes 127.0.0.1:4444 --data desk --new     begin a ledger
  allot desk serve --quotes 10.0.0.7:4444 --data desk --shards 2")]
pub(super) struct Serve {
    /// Make a new ledger in the data directory first; refused where there is one
    #[arg(long)]
    new: bool,
    /// Address of the quote server, as HOST:PORT
    #[arg(long, value_name = "ADDR", value_parser = address)]
    quotes: SocketAddr,
    /// How long the first try of a quote may take; each further one has twice the time
    #[arg(long, value_name = "DURATION", default_value = "25ms", value_parser = duration::parse)]
    quote_timeout: Duration,
    /// After how long a quote counts as not to be had
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse)]
    quote_give_up: Duration,
    /// Directory for the files of DUMPLOG [default: `logs` in the data directory]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags<KEYS>,
}

/// The first address that a name stands for.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text.to_socket_addrs().map_err(|error| error.to_string())?;
    addresses.next().ok_or_else(|| "the name stands for no address".to_owned())
}

/// Serves until a signal.
pub(super) fn run(serve: &Serve, common: &CommonArgs) -> Result<ExitCode> {
    let mut settings = common.settings(&serve.flags.given)?;
    // The log is made from all records.
    settings.prune = false;
    let shortest = serve.quote_timeout.min(serve.quote_give_up);
    ensure!(TIME_MIN <= shortest, "--quote-timeout and --quote-give-up must be at least 1ms");
    if serve.new {
        wiring::try_endpoints(&settings)?;
        wiring::make_ledger_of(&settings, Desk::NAME)?;
    }
    if settings.data.is_none() {
        tracing::warn!(
            "state is in memory only: accounts are lost when this process ends, and DUMPLOG is \
             refused; keep them with --data DIR"
        );
        ensure!(serve.logs.is_none(), "--logs needs the journals of --data DIR");
    }
    let times = QuoteTimes {
        timeout_first: serve.quote_timeout,
        give_up_after: serve.quote_give_up,
        ..QuoteTimes::default()
    };
    let mut server = wiring::desk(&settings, serve.quotes, times)?;
    let logs = match &settings.data {
        Some(data) => {
            let logs = serve.logs.clone().unwrap_or_else(|| data.join("logs"));
            Some(write_logs(&logs, data, &mut server)?)
        }
        None => None,
    };
    let ended = monitor::run(server, "listening");
    if let Some(logs) = logs {
        logs.stop();
        logs.join()?;
    }
    ended?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the files of DUMPLOGs, on a thread of its own, which cannot end the server.
fn write_logs(logs: &Path, data: &Path, server: &mut Server) -> Result<Running> {
    let counters = Counters::new();
    let ledger = server.endpoints.ledger();
    let writer = LogWriter::new(logs, shard_dirs::find(data)?, ledger, counters.clone());
    let writer = writer.with_context(|| format!("cannot write logs in {}", logs.display()))?;
    server.counters.push(("logs".to_owned(), counters));
    let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.blocking_thread("logs")?;
    group.add(&slot, Box::new(writer));
    Ok(group.start()?)
}
