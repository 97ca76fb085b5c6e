//! `allot bench`: hands over to the latency harness, a program of its own beside this one.
//!
//! It measures this binary from outside, so it cannot be inside it.

use anyhow::{Context, Error, Result, bail};
use clap::Args;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The harness, as cargo names it.
const HARNESS: &str = "allot-bench";

/// Measure a server, a machine, and what each layer costs
///
/// All arguments go to the harness: `allot bench --help` shows what it takes.
#[derive(Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  allot bench --help                            all modes
  allot bench tcp                               one fill in flight, over TCP
  allot bench tcp --sweep --out runs            from a sparse rate to the knee, kept in files
  allot bench echo --rate 1000                  the floor of the transport at the same rate
  allot bench targets                           what the design asks of the path"
)]
pub(crate) struct Bench {
    /// What the harness is told
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the harness.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    let harness = std::env::current_exe()?.with_file_name(HARNESS);
    if !harness.is_file() {
        bail!(
            "the harness is not at {}; build it: cargo build --release -p {HARNESS}",
            harness.display()
        );
    }
    let error = Command::new(&harness).args(&bench.arguments).exec();
    Err(Error::from(error)).with_context(|| format!("cannot run {}", harness.display()))
}
