//! `allot top`: a server on the terminal, as it runs.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use allot_console::{Top, TopConfig, TopFormat};
use allot_runtime::duration;
use anyhow::Result;
use clap::Args;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::monitor::Monitor;
use crate::setting::{Key, set};
use crate::stdout::print;

/// Watch a server: rates, latencies, queues, subscribers, positions
///
/// It changes nothing. Reports and heartbeats come from the position feed. Rates, times, queues and
/// subscribers come from the metrics of the server's processes: start these with --metrics, and
/// give their addresses here. Press ? for the keys.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot top
  allot top --metrics 127.0.0.1:9101
  allot top --metrics 127.0.0.1:9101 --metrics 127.0.0.1:9102    several processes
  allot top --once --json --metrics 127.0.0.1:9101 | jq .fsync_seconds.p99
  allot top --once --csv >> figures.csv")]
pub(crate) struct TopArgs {
    /// Metrics of a process of the server; may be given several times [default: the setting
    /// metrics]
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Vec<SocketAddr>,
    /// Time between two looks at the metrics
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = every)]
    every: Duration,
    /// Print the figures once and exit; rates are those between two looks
    #[arg(long)]
    once: bool,
    /// Print them as one JSON object
    #[arg(long, requires = "once")]
    json: bool,
    /// Print them as lines of scope,name,figure,value
    #[arg(long, requires = "once", conflicts_with = "json")]
    csv: bool,
    /// How long to wait for a report
    #[arg(long, value_name = "DURATION", requires = "once", default_value = "30s",
          value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey, Key::Publish, Key::PublishKey]) }>,
}

/// A scrape takes some milliseconds of a process that has better things to do.
const EVERY_MIN: Duration = Duration::from_millis(100);

fn every(text: &str) -> Result<Duration, String> {
    let every = duration::parse(text)?;
    if every < EVERY_MIN {
        return Err(format!("the shortest is {}", duration::show(EVERY_MIN)));
    }
    Ok(every)
}

impl TopArgs {
    /// Whether it takes the whole terminal.
    pub(crate) fn has_page(&self) -> bool {
        !self.once && io::stdout().is_terminal()
    }
}

/// Shows a server until somebody quits, or prints it once.
pub(crate) fn run(arguments: &TopArgs, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&arguments.flags.given)?;
    let mut metrics = arguments.metrics.clone();
    if metrics.is_empty() {
        metrics.extend(settings.metrics);
    }
    let top = Top::start(&TopConfig {
        front: settings.front,
        front_key: settings.front_key,
        publish: settings.publish,
        publish_key: settings.publish_key,
        metrics,
        every: arguments.every,
    })?;
    let stopper = top.stopper();
    let monitor = Monitor::new(Box::new(move || stopper.stop()), Vec::new(), None)?;
    let ended = if arguments.once {
        let format = match (arguments.json, arguments.csv) {
            (true, _) => TopFormat::Json,
            (_, true) => TopFormat::Csv,
            _ => TopFormat::Text,
        };
        top.once(format, arguments.timeout).map(Some)
    } else {
        top.show().map(|()| None)
    };
    monitor.stop()?;
    if let Some(page) = ended? {
        print(&page)?;
    }
    Ok(ExitCode::SUCCESS)
}
