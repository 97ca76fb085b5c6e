//! `allot bench`: runs the benchmark harness, a separate binary beside this one.
//!
//! The harness measures this binary from outside, so it cannot be part of it.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Error, Result, bail};
use clap::Args;

/// Name of the harness binary.
const HARNESS: &str = "allot-bench";

/// Measure latency and throughput: the server, the machine, and each layer
///
/// Runs the benchmark harness, allot-bench, with these arguments.
/// `allot bench --help` prints the help of the harness.
#[derive(Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  allot bench --help                            list the modes
  allot bench tcp                               one fill in flight, over TCP
  allot bench tcp --sweep --out runs            raise the rate until the server saturates
  allot bench echo --rate 1000                  the transport alone at that rate
  allot bench targets                           check the performance targets"
)]
pub(crate) struct Bench {
    /// Arguments for the harness
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Replaces this process with the harness.
pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    let harness = std::env::current_exe()?.with_file_name(HARNESS);
    if !harness.is_file() {
        bail!(
            "the benchmark harness is not at {}; build it: cargo build --release -p {HARNESS}",
            harness.display()
        );
    }
    let error = Command::new(&harness).args(&bench.arguments).exec();
    Err(Error::from(error)).with_context(|| format!("cannot run {}", harness.display()))
}
