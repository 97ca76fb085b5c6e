//! The command line: what may follow `allot`, and which file handles it.

use std::io::{self, ErrorKind, IsTerminal};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::command::{
    backup, bench, bust, completions, config, console, demo, desk, doctor, explain, export, feed,
    fills, help, history, init, inspect, man, mesh, positions, publisher, repl, report, restore,
    router, send, serve, shard, signals, split, top, verify,
};
use crate::common_args::CommonArgs;
use crate::flags::with_settings_named;
use crate::log;
use crate::misuse::{EXIT_MISUSE, Misuse};

/// Allocate each fill to accounts in whole shares, as it arrives
///
/// Feeds send fills and splits to one endpoint; subscribers read positions from another. The server
/// between them runs as one process (`serve`) or as several (`router`, `shard`, `publisher`).
#[derive(Parser)]
#[command(
    name = "allot",
    version = VERSION,
    after_help = EXAMPLES,
    max_term_width = 100,
    disable_help_subcommand = true,
)]
struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// The version, and the commit where that is known.
const VERSION: &str = match option_env!("ALLOT_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

const EXAMPLES: &str = "\
Examples:
  allot demo                                   run everything, with random fills
  allot serve                                  start a server on ports 9998 and 9999
  allot split a=40,b=60                        bring a split into force: each account's percentage
  allot feed fills --random --rate 100         send 100 random fills a second
  allot positions --now                        print every account's positions
  allot history data --account a               print who got what, when, of which fill
  allot help settings                          print what can be set, and where
  allot                                        run commands at a prompt, one after the other";

#[derive(Subcommand)]
enum Verb {
    // Try it, and start it.
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    // Tell it.
    Split(split::Split),
    Feed(feed::Feed),
    Send(send::Send),
    Bust(bust::Bust),
    // Watch it.
    Top(top::TopArgs),
    Console(Box<console::ConsolePages>),
    Positions(positions::Positions),
    Fills(fills::Fills),
    Report(report::ReportNow),
    // Look back.
    History(history::History),
    Explain(explain::Explain),
    Verify(verify::Verify),
    Inspect(inspect::Inspect),
    // Take away.
    Export(export::Export),
    Backup(backup::Backup),
    Restore(restore::Restore),
    // Run it.
    Doctor(doctor::Doctor),
    Config(config::ConfigPages),
    Router(router::RouterBox),
    Shard(shard::ShardBox),
    Publisher(publisher::PublisherBox),
    // The other systems.
    Signals(signals::SignalsPages),
    Mesh(Box<mesh::MeshPages>),
    Desk(Box<desk::DeskPages>),
    // Tools.
    Bench(bench::Bench),
    Completions(completions::Completions),
    Man(man::Man),
    Help(help::Help),
}

/// Runs the sub-command. The exit code is zero if it did everything it was asked to do.
#[must_use]
pub fn run() -> ExitCode {
    let parsed = Cli::from_arg_matches(&command().get_matches());
    let Cli { common, verb } = parsed.unwrap_or_else(|error| error.exit());
    let has_page = match &verb {
        Some(Verb::Demo(_)) => io::stdout().is_terminal(),
        Some(Verb::Top(top)) => top.has_page(),
        _ => false,
    };
    let started = log::start(common.level(has_page), common.log_format);
    let run = || match verb {
        Some(verb) => dispatch(verb, &common),
        None if repl::is_possible() => repl::run(command()),
        None => Ok(repl::run_piped()?.unwrap_or_else(|| {
            eprint!("{}", command().render_help());
            ExitCode::from(EXIT_MISUSE)
        })),
    };
    match started.and_then(|()| run()) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("allot: {}", plain(&format!("{error:#}")));
            if error.is::<Misuse>() { ExitCode::from(EXIT_MISUSE) } else { ExitCode::FAILURE }
        }
    }
}

/// Without what a terminal obeys: a part of it may be the words of a server.
fn plain(text: &str) -> String {
    let is_obeyed = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    text.chars().map(|sign| if is_obeyed(sign) { '·' } else { sign }).collect()
}

/// The whole command line.
fn command() -> Command {
    with_settings_named(Cli::command())
}

fn dispatch(verb: Verb, common: &CommonArgs) -> Result<ExitCode> {
    match verb {
        Verb::Demo(demo) => demo::run(&demo, common),
        Verb::Init(init) => init::run(&init),
        Verb::Serve(serve) => serve::run(&serve, common),
        Verb::Router(router) => router::run(&router, common),
        Verb::Shard(shard) => shard::run(&shard, common),
        Verb::Publisher(publisher) => publisher::run(&publisher, common),
        Verb::Feed(feed) => feed::run(&feed, common),
        Verb::Send(send) => send::run(&send, common),
        Verb::Split(split) => split::run(&split, common),
        Verb::Bust(bust) => bust::run(&bust, common),
        Verb::Report(report) => report::run(&report, common),
        Verb::Positions(positions) => positions::run(&positions, common),
        Verb::History(history) => history::run(&history, common),
        Verb::Explain(explain) => explain::run(&explain),
        Verb::Top(arguments) => top::run(&arguments, common),
        Verb::Verify(verify) => verify::run(&verify),
        Verb::Inspect(inspect) => inspect::run(&inspect),
        Verb::Export(export) => export::run(&export),
        Verb::Backup(backup) => backup::run(&backup),
        Verb::Restore(restore) => restore::run(&restore),
        Verb::Fills(fills) => fills::run(&fills, common),
        Verb::Doctor(doctor) => doctor::run(&doctor, common),
        Verb::Signals(pages) => signals::run(&pages, common),
        Verb::Mesh(pages) => mesh::run(&pages, common),
        Verb::Desk(pages) => desk::run(&pages, common),
        Verb::Console(pages) => console::run(&pages, common),
        Verb::Bench(bench) => bench::run(&bench),
        Verb::Config(pages) => config::run(&pages, common),
        Verb::Completions(completions) => completions::run(&completions, command()),
        Verb::Man(man) => man::run(&man, command()),
        Verb::Help(help) => help::run(&help, command()),
    }
}

/// Whether the reader of stdout went away, as in `allot positions | head`. That is not a failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_closed = |cause: &io::Error| cause.kind() == ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_closed))
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use super::*;

    /// Every command without sub-commands, with its full path.
    fn leaves(command: &Command, path: &str) -> Vec<(String, Command)> {
        let path = format!("{path} {}", command.get_name());
        let below: Vec<_> =
            command.get_subcommands().flat_map(|command| leaves(command, &path)).collect();
        if below.is_empty() { vec![(path, command.clone())] } else { below }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_help_has_examples_that_parse() {
        let leaves = leaves(&command(), "");
        assert!(10 < leaves.len(), "{}", leaves.len());
        for (path, command) in leaves {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n"), "{path}");
            let words = path.trim();
            let examples = help.lines().filter(|line| line.trim().starts_with("allot"));
            let mut count = 0;
            for line in examples {
                count += 1;
                let line = line.trim().split("  ").next().unwrap_or_default();
                assert!(line.starts_with(words), "{path}: {line}");
                let line = line.split([';', '|', '<', '>']).next().unwrap_or_default();
                let parsed = Cli::try_parse_from(line.split_whitespace());
                assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
            }
            assert!(0 < count, "{path}");
        }
    }

    #[test]
    fn every_option_of_a_key_takes_one_that_begins_with_a_hyphen() {
        let mut options = 0;
        for (path, command) in leaves(&command(), "") {
            let is_key = |arg: &&clap::Arg| arg.get_long().is_some_and(|n| n.ends_with("-key"));
            for option in command.get_arguments().filter(is_key) {
                options += 1;
                let long = option.get_long();
                assert!(option.is_allow_hyphen_values_set(), "{path}: {long:?}");
            }
        }
        assert!(10 < options, "{options}");
    }

    #[test]
    fn quiet_and_verbose_choose_the_level() {
        for (line, level) in [
            ("allot serve", LevelFilter::INFO),
            ("allot -q serve", LevelFilter::ERROR),
            ("allot serve -v", LevelFilter::DEBUG),
            ("allot serve -vv", LevelFilter::TRACE),
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.common.level(false), level, "{line}");
        }
    }
}
