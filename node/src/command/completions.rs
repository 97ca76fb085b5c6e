//! `allot completions`: what a shell needs to complete our flags.

use crate::cli::Cli;
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use std::io::{self, Write};
use std::process::ExitCode;

/// Completions for a shell, on stdout
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot completions bash > ~/.local/share/bash-completion/completions/allot
  allot completions zsh > ~/.zfunc/_allot
  allot completions fish > ~/.config/fish/completions/allot.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints them.
pub(crate) fn run(completions: &Completions) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(completions.shell, &mut Cli::command(), "allot", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
