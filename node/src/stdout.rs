//! Standard output: what programs and people read from a sub-command.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Prints one or more lines, whole and at once: scripts wait for them.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{text}").and_then(|()| out.flush());
    printed.context("cannot write to standard output")
}
