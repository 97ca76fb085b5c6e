//! `allot report`: a report of positions now.

use std::process::ExitCode;
use std::time::Duration;

use allot_allocation_service::Reply;
use allot_runtime::duration;
use anyhow::Result;
use clap::Args;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::front_client::{Answer, FrontClient};
use crate::reply_text;
use crate::report_request;
use crate::setting::{Key, set};
use crate::stdout::print;

/// Ask a server to publish a report of positions now
///
/// The report contains everything that the server has answered before. `allot positions --now`
/// prints it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot report
  allot report --json --front tcp://10.0.0.1:9998")]
pub(crate) struct ReportNow {
    /// Print the reply as JSON
    #[arg(long)]
    json: bool,
    /// How long to wait for the reply
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// Asks for it.
pub(crate) fn run(report: &ReportNow, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&report.flags.given)?;
    let mut client = FrontClient::connect(&settings.front, settings.front_key)?;
    tell(&report_request::ask(&mut client, report.timeout)?, report.json)
}

/// Prints an answer; fails if it is a refusal.
pub(super) fn tell(answer: &Answer, is_json: bool) -> Result<ExitCode> {
    let is_refused = matches!(answer.reply, Reply::Rejected { .. });
    match (is_json, is_refused) {
        (true, _) => print(&answer.text)?,
        (false, true) => eprintln!("allot: {}", reply_text::sentence(&answer.reply)),
        (false, false) => print(&reply_text::sentence(&answer.reply))?,
    }
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
