//! `allot desk quote-server`: simulates the legacy quote server.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use allot_desk_service::{Delay, PriceScript, QuoteServer, QuoteServerOptions};
use allot_runtime::{Clock, ThreadGroup, Threads, WaitStrategy};
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};

use super::serve::address;
use crate::monitor::Monitor;
use crate::stdout::print;

/// Simulate the legacy quote server
///
/// Takes SYMBOL,USER on a connection, answers price,SYMBOL,USER,timestamp,cryptokey, and closes it.
/// Prints `listening quotes=…` on stdout when it can be reached.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk quote-server --listen 127.0.0.1:4444
  allot desk quote-server --listen 127.0.0.1:4444 --delay course --seed 7
  allot desk quote-server --listen 127.0.0.1:0 --prices prices.csv")]
pub(super) struct QuoteServerPage {
    /// Address to listen at, as HOST:PORT; port 0: any free port
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: SocketAddr,
    /// How long it takes to answer
    #[arg(long, value_enum, default_value_t = DelayName::None)]
    delay: DelayName,
    /// File of lines SYMBOL,PRICE: the n-th request of a symbol gets its n-th line, the last stays
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Where random walks and delays begin
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// How long it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum DelayName {
    /// Not at all
    None,
    /// As the server of the course: two thirds at once, the rest after up to four seconds
    Course,
}

/// Answers until a signal.
pub(super) fn run(page: &QuoteServerPage) -> Result<ExitCode> {
    let script = match &page.prices {
        None => PriceScript::default(),
        Some(path) => {
            let shown = path.display();
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            PriceScript::parse(&text).map_err(|fault| anyhow!("{shown}, {fault}"))?
        }
    };
    let delay = match page.delay {
        DelayName::None => Delay::None,
        DelayName::Course => Delay::Course,
    };
    let options = QuoteServerOptions { delay, script, seed: page.seed };
    let server = QuoteServer::bind(page.listen, options)
        .with_context(|| format!("cannot listen at {}", page.listen))?;
    let address = server.address()?;
    let mut group = ThreadGroup::new(Clock::system(), WaitStrategy::Block, Threads::Dedicated);
    let slot = group.thread("quote-server")?;
    group.add(&slot, Box::new(server));
    let running = group.start()?;
    let stopper = running.stopper();
    let monitor = Monitor::new(Box::new(move || stopper.stop()), Vec::new(), None)?;
    print(&format!("listening quotes={address}"))?;
    let ended = running.join();
    monitor.stop()?;
    ended?;
    Ok(ExitCode::SUCCESS)
}
