//! `allot desk summary`: the account of a user.

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

/// Print the account of a user: cash, shares, orders, triggers, and the last transactions
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk summary u
  allot desk summary u | jq .holdings")]
pub(super) struct Summary {
    /// The user
    #[arg(value_name = "USER")]
    user: String,
    /// How long to wait for the answer, and to look for why there is none
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// Asks for it.
pub(super) fn run(summary: &Summary, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&summary.flags.given)?;
    let command = format!("DISPLAY_SUMMARY,{}", summary.user);
    let answered = client::ask(&settings.front, settings.front_key, &command, summary.timeout)?;
    print(&answered.line)?;
    Ok(if answered.is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
