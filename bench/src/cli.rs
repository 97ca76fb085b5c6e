//! The command line: one subcommand for each mode.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use allot_runtime::WaitStrategy;
use allot_wire::Encoding;
use anyhow::{Result, bail, ensure};
use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::arguments::{LengthArgs, LoadArgs, OutArgs, ServerArgs};
use crate::conditions::ConditionArgs;
use crate::desk::DeskArgs;
use crate::environment::VERSION;
use crate::growth::GrowthArgs;
use crate::mesh::MeshArgs;
use crate::peers::{self, PeerArgs};
use crate::pipeline::PipelineLoad;
use crate::run::Run;
use crate::signals::SignalArgs;
use crate::targets::TargetArgs;
use crate::transport::Transport;
use crate::{
    compare, conditions, desk, echo, end_to_end, floor, growth, inproc, interrupt, kernel, mesh,
    pipeline, report, ring, signals, targets, words,
};

/// Measure Allot end to end, and layer by layer
#[derive(Parser)]
#[command(name = "allot bench", bin_name = "allot bench", version = VERSION, max_term_width = 100,
          after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  allot bench tcp                         one fill in flight, over TCP
  allot bench tcp --sweep --out runs      rising rates up to the knee, results in files
  allot bench echo --rate 1000            the transport alone, at a fixed rate
  allot bench tcp --data . --window 256   saturated, replies wait for the disk
  allot bench targets                     every performance target of the design
  allot bench signals --out runs          from the tick of a period to its median
  allot bench mesh --out runs             from a trade to the last peer that shows it
  allot bench desk --out runs             commands a second of a day-trading server
  allot bench peers --out runs            beside Redis, NATS and Python, where installed
  allot bench report runs/a.json -o report.html
  allot bench compare runs/a.json runs/b.json";

#[derive(Subcommand)]
enum Verb {
    /// Measure a server over TCP
    Tcp(EndToEnd),
    /// Measure a server over a Unix domain socket
    Ipc(EndToEnd),
    /// Measure a bare ZeroMQ echo: the floor of a transport
    Echo(Echo),
    /// Measure a ZeroMQ echo on another thread, without a kernel socket
    Inproc(Inproc),
    /// Measure one round trip between two threads over a ring
    Ring(Ring),
    /// Measure one round trip over TCP, without ZeroMQ
    TcpRaw(Floor),
    /// Measure 4 KiB writes, each with an fdatasync: the floor of a disk
    Journal(Disk),
    /// Measure the allocator alone
    Kernel(Kernel),
    /// Measure router, rings and shard on one thread, without sockets
    Pipeline(Pipeline),
    /// Measure the cost of a fill as accounts, shares, tickers and history grow
    Growth(GrowthArgs),
    /// Measure what CURVE and 1,000 connections cost
    Conditions(ConditionArgs),
    /// Measure signals: when a period's median is out, and when a dead strategy is noticed
    Signals(SignalArgs),
    /// Measure a mesh: when the last peer has a trade, beside a bare PUB and SUB
    Mesh(MeshArgs),
    /// Measure a desk: commands a second, latencies, its log and its memory, beside an echo
    Desk(DeskArgs),
    /// Check the performance targets against an echo in the same run
    Targets(TargetArgs),
    /// Compare with Redis, NATS and plain Python, given the same fills
    Peers(PeerArgs),
    /// Draw runs as charts in one HTML file
    Report(Report),
    /// Compare two runs
    Compare(Compare),
    /// Run the ZeroMQ echo in this process
    #[command(hide = true)]
    EchoServer(Listen),
    /// Run the TCP echo in this process
    #[command(hide = true)]
    RawServer(Listen),
    /// Run the NATS responder in this process
    #[command(hide = true)]
    NatsResponder(Listen),
    /// Print commands and options as JSON
    #[command(hide = true)]
    Words,
    /// Write a manual page for each command
    #[command(hide = true)]
    Man(Man),
}

#[derive(Args)]
struct EndToEnd {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Args)]
struct Echo {
    /// Transport
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Args)]
struct Inproc {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Args)]
struct Floor {
    #[command(flatten)]
    lengths: LengthArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Args)]
struct Ring {
    /// Wait strategy: block, adaptive, adaptive:50us or spin
    #[arg(long, value_name = "STRATEGY", default_value = "adaptive")]
    wait: WaitStrategy,
    #[command(flatten)]
    floor: Floor,
}

#[derive(Args)]
struct Disk {
    /// Directory on the disk to measure
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    floor: Floor,
}

#[derive(Args)]
struct Kernel {
    /// Number of accounts that each fill is divided over
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    accounts: u32,
    #[command(flatten)]
    floor: Floor,
}

#[derive(Args)]
struct Pipeline {
    /// Number of accounts that each fill is divided over
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    accounts: u32,
    /// Number of tickers in the fills
    #[arg(long, value_name = "COUNT", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=60_000))]
    tickers: u32,
    /// Number of shards, all on the one thread
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    shards: u32,
    /// Fills per message
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    batch: u32,
    /// Send JSON instead of binary messages
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    floor: Floor,
}

#[derive(Args)]
struct Report {
    /// JSON files of the runs to draw
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// JSON file of an earlier run to compare them with
    #[arg(long, value_name = "RUN")]
    against: Option<PathBuf>,
    /// Output file
    #[arg(short, long, default_value = "report.html", value_name = "FILE")]
    output: PathBuf,
}

#[derive(Args)]
struct Compare {
    /// JSON file of the earlier run
    before: PathBuf,
    /// JSON file of the later run
    after: PathBuf,
}

#[derive(Args)]
struct Man {
    folder: PathBuf,
}

#[derive(Args)]
struct Listen {
    endpoint: String,
    /// Encrypt, with new keys
    #[arg(long)]
    curve: bool,
}

/// Runs the subcommand of the command line.
pub(crate) fn run() -> Result<ExitCode> {
    let cli = Cli::try_parse().unwrap_or_else(|error| closest(error).exit());
    let is_run = !matches!(
        cli.verb,
        Verb::Report(_)
            | Verb::Compare(_)
            | Verb::Words
            | Verb::Man(_)
            | Verb::EchoServer(_)
            | Verb::RawServer(_)
            | Verb::NatsResponder(_)
    );
    // What is measured ends as any process does; whoever measures keeps what is finished.
    if is_run {
        interrupt::watch()?;
    }
    match cli.verb {
        Verb::Tcp(args) => end_to_end::serve(Transport::Tcp, &args.load, &args.server, &args.out),
        Verb::Ipc(args) => end_to_end::serve(Transport::Ipc, &args.load, &args.server, &args.out),
        Verb::Echo(args) => end_to_end::echo(args.transport, &args.load, &args.out),
        Verb::Inproc(args) => inproc::measure(&args.load, &args.out),
        Verb::Ring(args) => ring::measure(args.wait, args.floor.lengths, &args.floor.out),
        Verb::TcpRaw(args) => floor::tcp_raw(args.lengths, &args.out),
        Verb::Journal(args) => floor::sync(&args.dir, args.floor.lengths, &args.floor.out),
        Verb::Kernel(Kernel { accounts, floor }) => {
            kernel::measure(size(accounts), floor.lengths, &floor.out)
        }
        Verb::Pipeline(args) => pipeline::measure(args.load(), args.floor.lengths, &args.floor.out),
        Verb::Growth(args) => growth::measure(&args),
        Verb::Conditions(args) => conditions::measure(&args),
        Verb::Signals(args) => signals::measure(&args),
        Verb::Mesh(args) => mesh::measure(&args),
        Verb::Desk(args) => desk::measure(&args),
        Verb::Targets(args) => targets::measure(&args),
        Verb::Peers(args) => peers::measure(&args),
        Verb::Report(args) => args.write(),
        Verb::Compare(args) => args.show(),
        Verb::EchoServer(args) => {
            echo::serve(&args.endpoint, args.curve).map(|()| ExitCode::SUCCESS)
        }
        Verb::NatsResponder(args) => {
            peers::responder::serve(&args.endpoint).map(|()| ExitCode::SUCCESS)
        }
        Verb::RawServer(args) => echo::serve_raw(&args.endpoint).map(|()| ExitCode::SUCCESS),
        Verb::Man(man) => man.write(),
        Verb::Words => {
            crate::print(&words::of(&Cli::command()).to_string()).map(|()| ExitCode::SUCCESS)
        }
    }
}

impl Pipeline {
    fn load(&self) -> PipelineLoad {
        PipelineLoad {
            accounts: size(self.accounts),
            tickers: size(self.tickers),
            shards: size(self.shards),
            batch: self.batch,
            encoding: if self.json { Encoding::Json } else { Encoding::Binary },
        }
    }
}

impl Report {
    fn write(&self) -> Result<ExitCode> {
        let mut runs = Vec::new();
        for path in &self.runs {
            match Run::find(path)? {
                Some(run) => runs.push(run),
                None => eprintln!("skipped, not a run: {}", path.display()),
            }
        }
        ensure!(!runs.is_empty(), "no run among them");
        let whole = |path: &Path| path.canonicalize().ok();
        let output = whole(&self.output);
        let is_run = |path: &&PathBuf| output.is_some() && whole(path) == output;
        if let Some(run) = self.runs.iter().chain(&self.against).find(is_run) {
            bail!("{} is one of the runs; name another file with --output", run.display());
        }
        let against = self.against.as_deref().map(Run::load).transpose()?;
        fs::write(&self.output, report::html(&runs, against.as_ref())?)?;
        crate::print(&format!("wrote {}", self.output.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Man {
    /// The pages have the names that those of `allot` have: allot-bench-tcp.1 and so on.
    fn write(&self) -> Result<ExitCode> {
        let command = Cli::command().name("allot-bench").display_name("allot-bench");
        clap_mangen::generate_to(command, &self.folder)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Compare {
    fn show(&self) -> Result<ExitCode> {
        let (before, after) = (Run::load(&self.before)?, Run::load(&self.after)?);
        crate::print(&compare::page(&before, &after))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// An unknown mode is met with the one whose letters it has, if there is such a one: of `tpc`, tcp
/// and not ipc.
fn closest(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let sorted = |word: &str| {
        let mut letters: Vec<_> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let given = sorted(given);
    let commands = Cli::command();
    let shown = commands.get_subcommands().filter(|command| !command.is_hide_set());
    let mut names = shown.map(clap::Command::get_name);
    if let Some(name) = names.find(|name| sorted(name) == given) {
        let suggested = ContextValue::Strings(vec![name.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, suggested);
    }
    error
}

fn size(number: u32) -> usize {
    usize::try_from(number).expect("32 bits fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_words_are_those_of_the_help() {
        let words = words::of(&Cli::command());
        let commands = words["commands"].as_array().unwrap();
        assert!(commands.iter().all(|command| command["name"] != "echo-server"));
        let of_mesh = commands.iter().find(|command| command["name"] == "mesh").unwrap();
        let options = of_mesh["options"].as_array().unwrap();
        let only = options.iter().find(|option| option["long"] == "only").unwrap();
        assert_eq!(only["takes_value"], true);
        assert_eq!(only["values"][0], "delays");
        let quick = options.iter().find(|option| option["long"] == "quick").unwrap();
        assert_eq!(quick["takes_value"], false);
    }

    #[test]
    fn letters_in_another_order_are_a_mode() {
        for (given, meant) in [("tpc", "tcp"), ("pic", "ipc"), ("comapre", "compare")] {
            let error = Cli::try_parse_from(["allot bench", given]).err().unwrap();
            let text = closest(error).to_string();
            assert!(text.contains(&format!("'{meant}'")), "{text}");
        }
    }

    #[test]
    fn the_examples_parse() {
        let lines = EXAMPLES.lines().filter_map(|line| line.trim().strip_prefix("allot bench "));
        for line in lines {
            let words = line.split("  ").next().unwrap().split_whitespace();
            let parsed = Cli::try_parse_from(["allot bench"].into_iter().chain(words));
            assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
        }
    }
}
