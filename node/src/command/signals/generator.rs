//! `allot signals generator`: one signal a period, for whoever asks.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use allot_runtime::{Context, WallClock};
use allot_signals_rules::ComponentName;
use allot_signals_service::{GeneratorAgent, Source};
use anyhow::{Result, anyhow};
use clap::Args;

use super::agent_run::{Printer, group, listener, run as run_agent};
use super::schedule_flags::ScheduleFlags;
use crate::address::ListenFlags;
use crate::command::feed::seed;
use crate::exposure;
use crate::misuse::demand;

/// Make one signal a period, and give it to the strategies that ask for it
///
/// A program (exec:COMMAND) is run once a period through `sh -c`, in a process group of its own. It
/// gets one line of JSON and writes one line: a number, or {"value": number}. If it fails, or runs
/// longer than until the deadline, there is no signal in this period, with that reason.
///
/// The first signal is of the period after the start, because a run before may have made another of
/// this one; with random:SEED, where the period gives the signal, it is of this period.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot signals generator --port 1000 --name G
  allot signals generator --listen tcp://0.0.0.0:1000 --name G --period 10s --source random:7
  allot signals generator --port 1000 --name G --source file:signals.txt --repeat
  allot signals generator --port 1000 --name G --source exec:./signal.py")]
pub(super) struct GeneratorPage {
    #[command(flatten)]
    listen: ListenFlags,
    /// Name of the generator [default: generator]
    #[arg(long, value_name = "NAME", default_value = "generator", hide_default_value = true,
          value_parser = name)]
    name: ComponentName,
    /// Where signals come from: random, random:SEED, file:FILE (a value a line, each with a
    /// newline at its end), exec:COMMAND
    #[arg(long, value_name = "SOURCE", default_value = "random")]
    source: SourceText,
    /// Begin a file again at its end, instead of having no more signals; its last line then needs
    /// no newline
    #[arg(long)]
    repeat: bool,
    #[command(flatten)]
    schedule: ScheduleFlags,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Where signals come from, as it was written.
#[derive(Clone, Debug)]
enum SourceText {
    Random(Option<u64>),
    File(PathBuf),
    Program(String),
}

impl FromStr for SourceText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "random" => Ok(Self::Random(None)),
            Some(("random", seed)) => {
                let seed = seed.parse().map_err(|_| format!("the seed {seed} is no number"))?;
                Ok(Self::Random(Some(seed)))
            }
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("exec", command)) if !command.trim().is_empty() => {
                Ok(Self::Program(command.to_owned()))
            }
            _ => Err("use random, random:SEED, file:FILE or exec:COMMAND".to_owned()),
        }
    }
}

/// Reads the name of a component.
pub(super) fn name(text: &str) -> Result<ComponentName, String> {
    ComponentName::new(text.as_bytes()).map_err(|reject| reject.to_string())
}

/// Makes signals until a signal of the other kind.
pub(super) fn run(page: &GeneratorPage) -> Result<ExitCode> {
    let schedule = page.schedule.schedule()?;
    let is_file = matches!(page.source, SourceText::File(_));
    demand(is_file || !page.repeat, "--repeat is for --source file:FILE")?;
    let source = match &page.source {
        SourceText::Random(None) => Source::random_of_this_run(seed(None)),
        SourceText::Random(Some(given)) => Source::random(*given),
        SourceText::File(path) => {
            Source::file(path.clone(), page.repeat).map_err(|error| anyhow!("{error}"))?
        }
        SourceText::Program(command) => Source::program(command.clone()),
    };
    if !source.is_repeatable() {
        tracing::info!(
            "the first signal is of the period after this one: a run before may have made another \
             of this one"
        );
    }
    let endpoint = page.listen.endpoint();
    warn_if_reachable(&endpoint, "asks for signals");
    let mut group = group();
    let slot = group.thread("generator")?;
    let (listener, events) = listener();
    let (context, wall) = (Context::new()?, WallClock::system());
    let agent =
        GeneratorAgent::bind(&context, &endpoint, page.name, schedule, source, wall, listener)?;
    let bound = agent.endpoint().unwrap_or(&endpoint).to_owned();
    group.add(&slot, Box::new(agent));
    let printer = Printer { name: page.name.to_string(), json: page.json };
    let running = group.start()?;
    let ready = printer.listening(&bound, None);
    run_agent(running, &events, &printer, Some(&ready), None, |_| {})?;
    Ok(ExitCode::SUCCESS)
}

/// Says so where other machines can connect.
pub(super) fn warn_if_reachable(endpoint: &str, does: &str) {
    if exposure::is_reachable(endpoint) {
        tracing::warn!(
            "{endpoint} can be reached from other machines: it is not encrypted, and whoever can \
             connect {does}; let only the machines of this system connect"
        );
    }
}
