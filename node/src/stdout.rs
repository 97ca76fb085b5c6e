//! Standard output: what programs and people read from a sub-command.

use std::io::{self, Write};

use anyhow::Result;

/// Prints one or more lines, whole and at once: scripts wait for them.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
