//! The latency harness: see [`allot_bench::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    allot_bench::run()
}
