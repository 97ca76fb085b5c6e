//! `allot signals deregister`: takes a strategy off the trader by hand.

use std::process::ExitCode;
use std::time::Duration;

use allot_runtime::duration;
use allot_signals_rules::{ComponentName, Deregistration};
use allot_signals_service::{ReplyBody, RequestBody};
use anyhow::{Result, bail};
use clap::Args;

use super::client::Client;
use super::generator::name;
use crate::address::{Address, parse_other};
use crate::stdout::print;

/// Take a strategy off the trader by hand, so that the others go on without it
///
/// For a strategy that has crashed and cannot come back soon. One that still runs registers again:
/// stop it instead.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot signals deregister --trader 1010 --name X")]
pub(super) struct Deregister {
    /// Where the trader is: a port of this machine, HOST:PORT, tcp:// or ipc://
    #[arg(long, value_name = "ADDR", value_parser = parse_other)]
    trader: Address,
    /// Name of the strategy
    #[arg(short, long, value_name = "NAME", value_parser = name)]
    name: ComponentName,
    /// How long to wait for the trader
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse)]
    timeout: Duration,
}

/// Deregisters, and prints that it is done.
pub(super) fn run(page: &Deregister) -> Result<ExitCode> {
    let mut client = Client::connect(&page.trader.0, page.timeout)?;
    let request = Deregistration { name: page.name, instance: None };
    match client.ask(RequestBody::Deregister(request))? {
        ReplyBody::Deregistered { name } => print(&format!("deregistered {name}"))?,
        ReplyBody::Rejected { reason, .. } => bail!("{reason}"),
        other => bail!("an unexpected reply: {other:?}"),
    }
    Ok(ExitCode::SUCCESS)
}
