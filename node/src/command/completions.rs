//! `allot completions`: shell completion scripts.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Print a shell completion script
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot completions bash > ~/.local/share/bash-completion/completions/allot
  allot completions zsh > ~/.zfunc/_allot
  allot completions fish > ~/.config/fish/completions/allot.fish")]
pub(crate) struct Completions {
    /// Shell to complete for
    shell: Shell,
}

/// Prints the script that completes `command`.
pub(crate) fn run(completions: &Completions, mut command: Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(completions.shell, &mut command, "allot", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
