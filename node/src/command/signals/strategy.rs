//! `allot signals strategy`: asks generators, decides, and submits to the trader.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;

use allot_domain::Incarnation;
use allot_runtime::{Context, Link, LinkOptions, StopRequest, WallClock};
use allot_signals_rules::{ComponentName, Rule, StrategySettings, limits};
use allot_signals_service::{Event, StrategyAgent, StrategyLinks};
use anyhow::Result;
use clap::Args;

use super::agent_run::{Printer, group, listener, run as run_agent};
use super::generator::name;
use super::schedule_flags::ScheduleFlags;
use crate::address::{Address, parse_other};
use crate::misuse::demand;

/// Ask generators for their signals, decide, and submit the decision to the trader
///
/// The strategy registers at the trader under its name, and deregisters on Ctrl-C. If another
/// instance has the name, it tries for as long as a crashed one would hold it, and then ends.
///
/// A program (exec:COMMAND) decides once a period: it gets one line of JSON with the signals and
/// writes one line, a number or {"value": number}.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot signals strategy --name X --trader 1010 --signals 1000
  allot signals strategy --name Y --trader 1010 --signals 1001,1002 --decide mean
  allot signals strategy --name Z --trader tcp://trader:1010 --signals 1000 --decide exec:./z.py")]
pub(super) struct StrategyPage {
    /// Name of the strategy
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: ComponentName,
    /// Where the trader is: a port of this machine, HOST:PORT, tcp:// or ipc://
    #[arg(long, value_name = "ADDR", value_parser = parse_other)]
    trader: Address,
    /// Where the generators are, separated by commas
    #[arg(long, value_name = "ADDR,ADDR", value_delimiter = ',', required = true,
          value_parser = parse_other)]
    signals: Vec<Address>,
    /// How signals become a decision: sum, mean, median, exec:COMMAND
    #[arg(long, value_name = "HOW", default_value = "sum")]
    decide: Decide,
    /// How often a request is sent again within a period
    #[arg(long, value_name = "COUNT", default_value_t = 5, allow_negative_numbers = true)]
    retries: u32,
    #[command(flatten)]
    schedule: ScheduleFlags,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// How a strategy decides.
#[derive(Clone, Debug)]
struct Decide(Rule, Option<String>);

impl FromStr for Decide {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("exec:") {
            Some(command) if !command.trim().is_empty() => {
                Ok(Self(Rule::External, Some(command.to_owned())))
            }
            _ => match text.parse() {
                Ok(rule) => Ok(Self(rule, None)),
                Err(()) => Err("use sum, mean, median or exec:COMMAND".to_owned()),
            },
        }
    }
}

/// Decides until a signal, and deregisters.
pub(super) fn run(page: &StrategyPage) -> Result<ExitCode> {
    let generators: Vec<_> = page.signals.iter().map(|address| address.0.clone()).collect();
    let (count, most) = (generators.len(), limits::GENERATORS_MAX);
    let too_many = format!("--signals has {count} addresses; at most {most} are allowed");
    demand(count <= most, too_many)?;
    let distinct: BTreeSet<_> = generators.iter().collect();
    demand(distinct.len() == count, "--signals names an address twice; name each once")?;
    let wall = WallClock::system();
    let Decide(rule, command) = page.decide.clone();
    let settings = StrategySettings {
        name: page.name,
        instance: Incarnation::new(wall.now().as_unix()),
        schedule: page.schedule.schedule()?,
        retries: page.retries,
        rule,
        generators: generators.clone(),
    };
    let context = Context::new()?;
    let link = |endpoint: &str| Link::dealer(&context, endpoint, None, LinkOptions::default());
    let trader = page.trader.0.clone();
    let links = StrategyLinks {
        generators: generators.iter().map(|address| link(address)).collect::<Result<_, _>>()?,
        trader: (trader.clone(), link(&trader)?),
    };
    let mut group = group();
    let slot = group.thread("strategy")?;
    let stop = StopRequest::new(slot.waker());
    let (listener, events) = listener();
    let agent = StrategyAgent::new(settings, links, command, wall, listener, stop.clone());
    group.add(&slot, Box::new(agent));
    let printer = Printer { name: page.name.to_string(), json: page.json };
    let ready = printer.ready("strategy");
    run_agent(group.start()?, &events, &printer, Some(&ready), Some(stop), |event| {
        if let Event::Taken(reason) = event {
            tracing::warn!("{reason}; trying until its lease has run out");
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
