//! `allot man`: manual pages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Command};

use super::bench;
use crate::stdout::print;

/// Write a manual page for each command
///
/// The pages are those of section 1: allot.1, allot-serve.1 and so on. Pages that are there already
/// are replaced.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot man ~/.local/share/man/man1                then: man allot-serve
  allot man /usr/local/share/man/man1              for all users, as root")]
pub(crate) struct Man {
    /// Directory to write to, created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages of `command` and of all commands below it; those of the harness it writes
/// itself, where it is built.
pub(crate) fn run(man: &Man, command: Command) -> Result<ExitCode> {
    let folder = &man.folder;
    let what = || format!("cannot write manual pages to {}", folder.display());
    fs::create_dir_all(folder).with_context(what)?;
    clap_mangen::generate_to(command, folder).with_context(what)?;
    bench::write_pages(folder).with_context(what)?;
    print(&format!("wrote manual pages to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
