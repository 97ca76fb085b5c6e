//! `allot desk load`: sends a workload, in the line format of the course.

mod run;
mod workload;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use allot_domain::SourceId;
use allot_runtime::duration;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::setting::{Key, set};
use crate::stdout::print;
use run::Run;
use workload::{Unsent, Workload};

/// How many of the lines that were not sent are shown.
const SHOWN_MAX: usize = 10;

/// Send a workload to a desk: a command a line, as in `[7] BUY,u,ABC,100.00`
///
/// The commands of a user keep their order: the next is sent when the one before has its answer. A
/// DUMPLOG of all is sent when everything before it is answered. What gets no answer is sent again
/// under the same name, so that nothing is applied twice, whatever is restarted meanwhile; so is
/// the whole file when it is sent again with the same --source. A line that is no command is sent
/// as it stands, and the desk refuses it; one that names no user either, is not UTF-8 or has more
/// than 64 KiB is not sent. Prints each
/// answer as JSON, and at the end one object of counts, commands a second and latencies. The exit
/// code is 1 if a command stays without an answer, or a line was not sent.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot desk load workload.txt --no-data
  allot desk load workload.txt --connections 4 > answers.ndjson")]
pub(super) struct Load {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Connections over which the users are spread
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    connections: usize,
    /// Do not print the answers
    #[arg(long)]
    no_data: bool,
    /// The source: with the number of its line it names each command for ever
    #[arg(long, value_name = "NAME", default_value = "load", value_parser = source)]
    source: SourceId,
    /// How long to go on without any answer; that the disk of the server is full is none
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

fn source(text: &str) -> Result<SourceId, String> {
    SourceId::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Sends it.
pub(super) fn run(load: &Load, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&load.flags.given)?;
    let shown = load.file.display();
    let text = fs::read(&load.file).with_context(|| format!("cannot read {shown}"))?;
    let workload = Workload::parse(&text).map_err(|fault| anyhow!("{shown}: {fault}"))?;
    let mut run = Run::connect(load, &settings, &workload)?;
    let is_whole = run.run()?;
    print(&run.report().to_string())?;
    let count = workload.unsent.len();
    if 0 < count {
        let name = |Unsent { number, text, why }: &Unsent| {
            format!("\n  line {}: {text:?}: {why}", u64::from(*number) + 1)
        };
        let first: String = workload.unsent.iter().take(SHOWN_MAX).map(name).collect();
        bail!(
            "{shown}: {count} lines are no commands and name no user, or cannot be sent, and were \
             not sent; mend them or take them out{first}"
        );
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
