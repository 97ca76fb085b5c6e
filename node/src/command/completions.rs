//! `allot completions`: shell completion scripts.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::bench;

/// Print a shell completion script
///
/// The options of `allot bench` are in it where the benchmark harness is installed beside allot.
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
    if let Some(words) = bench::words() {
        let about = command.find_subcommand("bench").and_then(Command::get_about).cloned();
        command = command.mut_subcommand("bench", |_| words.about(about.unwrap_or_default()));
    }
    let mut script = Vec::new();
    generate(completions.shell, &mut command, "allot", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
