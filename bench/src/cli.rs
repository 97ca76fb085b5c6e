//! The command line: one verb for each mode.

use crate::arguments::{LoadArgs, OutArgs, ServerArgs};
use crate::transport::Transport;
use crate::{echo, end_to_end};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

/// Measures Allot: from outside, and layer by layer.
#[derive(Parser)]
#[command(name = "allot bench", bin_name = "allot bench", version, max_term_width = 100,
          after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  allot bench tcp                         one fill in flight, over TCP
  allot bench tcp --sweep --out runs      from sparse to the knee, kept in files
  allot bench echo --rate 1000            the floor of the transport at the same rate";

#[derive(Subcommand)]
enum Verb {
    /// A real server over TCP
    Tcp(EndToEnd),
    /// A real server over a socket of the file system
    Ipc(EndToEnd),
    /// A bare ROUTER that sends back what it gets: the floor of a transport
    Echo(Echo),
    /// The echo, as a process of its own
    #[command(hide = true)]
    EchoServer(Listen),
    /// The raw echo, as a process of its own
    #[command(hide = true)]
    RawServer(Listen),
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
    /// Over what
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Args)]
struct Listen {
    endpoint: String,
}

/// Runs the verb of the command line.
pub(crate) fn run() -> Result<ExitCode> {
    match Cli::parse().verb {
        Verb::Tcp(args) => end_to_end::serve(Transport::Tcp, &args.load, &args.server, &args.out),
        Verb::Ipc(args) => end_to_end::serve(Transport::Ipc, &args.load, &args.server, &args.out),
        Verb::Echo(args) => end_to_end::echo(args.transport, &args.load, &args.out),
        Verb::EchoServer(args) => echo::serve(&args.endpoint).map(|()| ExitCode::SUCCESS),
        Verb::RawServer(args) => echo::serve_raw(&args.endpoint).map(|()| ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
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
