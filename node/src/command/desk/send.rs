//! `allot desk send`: one command.

use std::process::ExitCode;
use std::time::Duration;

use allot_runtime::duration;
use anyhow::Result;
use clap::Args;

use super::client;
use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::stdout::print;

/// Send one command to a desk, and print its answer as JSON
///
/// The command is written as in a workload. The answer of a command that waits for a quote is
/// awaited. What is no command is sent as it stands, if it names a user: so the log of the desk has
/// it. The exit code is 1 if it is refused.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk send ADD,u,1000.00
  allot desk send BUY,u,ABC,100.00 --front tcp://127.0.0.1:9998")]
pub(super) struct Send {
    /// The command
    #[arg(value_name = "COMMAND")]
    command: String,
    /// How long to wait for the answer, and to look for why there is none
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// Sends it.
pub(super) fn run(send: &Send, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&send.flags.given)?;
    let answered = client::ask(&settings.front, settings.front_key, &send.command, send.timeout)?;
    print(&answered.line)?;
    Ok(if answered.is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
