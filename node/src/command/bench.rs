//! `allot bench`: runs the benchmark harness, a separate binary beside this one.
//!
//! The harness measures this binary from outside, so it cannot be part of it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Error, Result, bail, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Args, Command as Words};
use serde_json::Value;

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
    let harness = harness()?;
    if !harness.is_file() {
        bail!(
            "the benchmark harness is not at {}; build it: cargo build --release -p {HARNESS}",
            harness.display()
        );
    }
    let error = Command::new(&harness).args(&bench.arguments).exec();
    Err(Error::from(error)).with_context(|| format!("cannot run {}", harness.display()))
}

fn harness() -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(HARNESS))
}

/// The commands and options of the harness, for a completion script; none where it is not built.
pub(crate) fn words() -> Option<Words> {
    let printed = Command::new(harness().ok()?).arg("words").output().ok()?;
    let words = serde_json::from_slice(&printed.stdout).ok()?;
    command_of(&words).map(|bench| bench.name("bench"))
}

/// Lets the harness write its manual pages to `folder`, if it is built.
pub(crate) fn write_pages(folder: &Path) -> Result<()> {
    let harness = harness()?;
    if !harness.is_file() {
        return Ok(());
    }
    let status = Command::new(&harness).arg("man").arg(folder).status();
    let status = status.with_context(|| format!("cannot run {}", harness.display()))?;
    ensure!(status.success(), "{} failed", harness.display());
    Ok(())
}

/// A command line lives as long as the process: its words are kept for ever.
fn command_of(words: &Value) -> Option<Words> {
    let text = |value: &Value| value.as_str().map(|text| &*text.to_owned().leak());
    let mut command = Words::new(text(&words["name"])?);
    if let Some(about) = text(&words["about"]) {
        command = command.about(about);
    }
    for option in words["options"].as_array()? {
        let long = text(&option["long"])?;
        let mut argument = Arg::new(long).long(long);
        if let Some(help) = text(&option["help"]) {
            argument = argument.help(help);
        }
        let values: Vec<&str> = option["values"].as_array()?.iter().filter_map(text).collect();
        argument = match option["takes_value"].as_bool()? {
            false => argument.action(ArgAction::SetTrue),
            true if values.is_empty() => argument.action(ArgAction::Set),
            true => argument.value_parser(PossibleValuesParser::new(values)),
        };
        command = command.arg(argument);
    }
    let below = words["commands"].as_array()?.iter().map(command_of).collect::<Option<Vec<_>>>()?;
    Some(command.subcommands(below))
}

#[cfg(test)]
mod tests {
    use clap_complete::{Shell, generate};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_harness_says_is_completed() {
        let option = |long: &str, takes_value: bool, values: &[&str]| {
            let help = "Help";
            json!({"long": long, "help": help, "takes_value": takes_value, "values": values})
        };
        let options = [option("only", true, &["delays", "rates"]), option("quick", false, &[])];
        let about = "Measure a mesh";
        let mesh = json!({"name": "mesh", "about": about, "options": options, "commands": []});
        let words = json!({"name": "bench", "about": null, "options": [], "commands": [mesh]});
        let mut command = command_of(&words).unwrap();
        let mut script = Vec::new();
        generate(Shell::Bash, &mut command, "bench", &mut script);
        let script = String::from_utf8(script).unwrap();
        assert!(script.contains("mesh") && script.contains("--quick"), "{script}");
        assert!(script.contains("delays rates"), "{script}");
        assert!(command_of(&json!({"name": "bench"})).is_none());
    }
}
