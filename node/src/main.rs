//! The `allot` binary: see [`allot::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    allot::run()
}
