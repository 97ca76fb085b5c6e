//! The desk: commands a second of a day-trading server, their latencies, and what they cost.
//!
//! ```text
//!   commands ─► loader ═► desk (a process) ═► loader        quote server (a process)
//!                 └────── or an echo ─────────┘  └─► the log, written from its journal
//! ```
//!
//! Every reply is checked, each user's in their order; at the end the desk is asked whether it took
//! as many commands as have a reply of it, and whether every cent is accounted for.

mod commands;
mod loader;
mod page;
mod place;
mod user_order;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use allot_runtime::{Context, Link};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::arguments::LengthArgs;
use crate::estimate::START;
use crate::experiment::{Experiment, Order, Series, Subject};
use crate::latency::{self, Latency};
use crate::load;
use crate::loader::Exchange;
use crate::process::Process;
use crate::recorder::Recorder;
use crate::transport::Transport;
use commands::{Commands, Shape};
use loader::{Flight, Loader, Tally};
use place::{Ack, Delay, Place};

/// How the desk is measured.
#[derive(Args)]
pub(crate) struct DeskArgs {
    /// Rounds; every row is measured once per round
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Number of stocks
    #[arg(long, value_name = "COUNT", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=17_576))]
    stocks: u32,
    /// Connections, each with its share of what is on its way; one thread drives all of them
    #[arg(long, value_name = "COUNT", default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(1..=16))]
    connections: u32,
    /// Few users, one row of each kind: a check that it works
    #[arg(long)]
    quick: bool,
    /// Binary with `desk serve` and `desk quote-server` [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    allot: Option<PathBuf>,
    /// Directory for the journals, on the disk to be measured
    #[arg(long, default_value = ".", value_name = "DIR")]
    data: PathBuf,
    /// Extra argument for `allot desk serve`; may be repeated
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    serve: Vec<String>,
    /// Directory for desk.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lengths: LengthArgs,
}

/// A row of loads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Setup {
    users: u32,
    skewed: bool,
    ack: Ack,
    delay: Delay,
    /// Commands of a message.
    batch: u32,
}

/// What has a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Echo {
        batch: u32,
    },
    Load(Setup),
    /// The log of the load before it.
    Log(Setup),
    /// Memory, of so many users.
    Memory(u32),
}

/// What a turn measures.
#[derive(Clone, PartialEq, Debug)]
enum Measured {
    Load(Box<Figures>),
    Log(Pace),
    Memory(Memory),
}

/// What came of a load.
#[derive(Clone, PartialEq, Debug, Serialize)]
struct Figures {
    commands_per_s: u64,
    /// Of all messages that came: replies, and what the wire puts around them.
    reply_bytes_mean: u64,
    /// From when a message left until the last of its commands had its reply.
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    p999_ns: Option<u64>,
    max_ns: u64,
    /// In all phases, as are the counts below.
    commands: u64,
    answered: u64,
    refused: BTreeMap<String, u64>,
    fired: u64,
    /// Commands that waited for a quote, or behind one that did.
    awaited: u64,
    awaited_mean_ns: u64,
    awaited_p99_ns: Option<u64>,
}

/// How fast the log is written, from the journal of a load.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
struct Pace {
    commands: u64,
    bytes: u64,
    seconds: f64,
}

/// Resident memory of the desk.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
struct Memory {
    empty_bytes: u64,
    /// With an account for each user.
    opened_bytes: u64,
    /// With a purchase of some stocks by each user, and what the last answers take.
    holding_bytes: u64,
}

/// A row and its turns.
#[derive(Debug, Serialize)]
struct Row<N, M> {
    #[serde(flatten)]
    name: N,
    turns: Vec<M>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct EchoName {
    batch: u32,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct MemoryName {
    users: u32,
    stocks_held: u32,
}

#[derive(Default, Serialize)]
struct Results {
    echoes: Vec<Row<EchoName, Figures>>,
    loads: Vec<Row<Setup, Figures>>,
    logs: Vec<Row<Setup, Pace>>,
    memory: Vec<Row<MemoryName, Memory>>,
}

/// Commands on their way that keep a desk busy.
const IN_FLIGHT: u32 = 8_192;

/// Commands of a message, of rows that ask about many of them in one.
const BATCH: u32 = 100;

/// Stocks that each user holds where memory is measured.
const HELD: u32 = 4;

/// Measures everything.
///
/// # Errors
/// When a process does not start, or a reply is missing, wrong or out of order.
pub(crate) fn measure(args: &DeskArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("desk", args.turns, args.out.as_ref());
    let series = experiment.run(Order::Listed, args.subjects())?;
    let mut results = Results::default();
    series.into_iter().for_each(|one| results.add(one));
    experiment.finish(&page::page(&results), &results, false)
}

impl DeskArgs {
    fn setups(&self) -> Vec<Setup> {
        let row =
            |users, skewed, ack, batch| Setup { users, skewed, ack, delay: Delay::None, batch };
        if self.quick {
            return vec![
                row(100, true, Ack::Memory, 10),
                row(100, false, Ack::Journal, 10),
                Setup { delay: Delay::Course, ..row(100, false, Ack::Memory, 10) },
            ];
        }
        let mut rows = Vec::new();
        for ack in [Ack::Memory, Ack::Journal] {
            for users in [1_000, 100_000] {
                rows.extend([false, true].map(|skewed| row(users, skewed, ack, BATCH)));
            }
            rows.push(row(1_000, false, ack, 1));
        }
        rows.extend(
            [1_000, 100_000].map(|users| Setup {
                delay: Delay::Course,
                ..row(users, false, Ack::Memory, BATCH)
            }),
        );
        rows
    }

    fn subjects(&self) -> Vec<Subject<'_, Name, Measured>> {
        let setups = self.setups();
        let batches = if self.quick { vec![10] } else { vec![1, BATCH] };
        let echoes = batches.into_iter().map(|batch| {
            Subject::new(Name::Echo { batch }, move || {
                self.echo(batch).context("echo").map(|found| Measured::Load(Box::new(found)))
            })
        });
        let loads = setups.into_iter().map(|setup| {
            let mut names = vec![Name::Load(setup)];
            if setup.ack == Ack::Journal && 1 < setup.batch {
                names.push(Name::Log(setup));
            }
            let has_log = 1 < names.len();
            Subject::of_many(names, move || {
                self.load(setup, has_log).with_context(|| format!("{setup:?}"))
            })
        });
        let users = if self.quick { 1_000 } else { 100_000 };
        let memory = Subject::new(Name::Memory(users), move || {
            self.memory(users).context("memory").map(Measured::Memory)
        });
        let each = self.lengths.lengths().estimate();
        // An account and four purchases for each user, at some hundred thousand commands a second.
        let memory = memory.lasting(START + Duration::from_micros(50) * users);
        let loads = echoes.chain(loads).map(|subject| subject.lasting(each));
        loads.chain([memory]).collect()
    }

    fn shape(&self, users: u32, skewed: bool, held: u32) -> Shape {
        Shape { users, stocks: self.stocks, skewed, held }
    }

    fn echo(&self, batch: u32) -> Result<Figures> {
        let process = Process::echo("echo-server", Transport::Tcp)?;
        let commands = Commands::new(self.shape(1_000, false, 0));
        let (context, front) = (Context::new()?, process.endpoint("front")?);
        let connect = || place::connect(&context, &front);
        let mut loaders = self.loaders(&commands, Exchange::Echo, batch, connect)?;
        self.figures(&mut loaders, batch).map(|(figures, _)| figures)
    }

    /// A loader for each connection.
    fn loaders<'a>(
        &self,
        commands: &'a Commands,
        exchange: Exchange,
        batch: u32,
        connect: impl Fn() -> Result<Link>,
    ) -> Result<Vec<Loader<'a>>> {
        let window = (IN_FLIGHT / batch / self.connections).max(1);
        let flight = Flight { batch, window: usize::try_from(window).expect("32 bits fit") };
        let loader = |number| {
            let loader =
                Loader::new(commands, exchange, flight, place::source(number)?, connect()?);
            Ok(loader)
        };
        (0..self.connections).map(loader).collect()
    }

    /// The load, and the log of it.
    fn load(&self, setup: Setup, has_log: bool) -> Result<Vec<Measured>> {
        let Setup { users, skewed, ack, delay, batch } = setup;
        let mut place = Place::start(self.allot.as_deref(), (delay, ack), &self.data, &self.serve)?;
        let commands = Commands::new(self.shape(users, skewed, 0));
        let connect = || place.connect();
        let mut loaders = self.loaders(&commands, Exchange::Allot, batch, connect)?;
        loader::send_up_to(&mut loaders, commands.prepared())?;
        let (figures, taken) = self.figures(&mut loaders, batch)?;
        drop(loaders);
        let report = place.report()?;
        ensure!(
            report.inputs == taken,
            "{taken} commands have a reply of the desk, and it took {}",
            report.inputs
        );
        let mut measured = vec![Measured::Load(Box::new(figures))];
        if has_log {
            let (bytes, seconds) = place.log()?;
            measured.push(Measured::Log(Pace { commands: report.inputs, bytes, seconds }));
        }
        Ok(measured)
    }

    /// What comes of the load, and how many commands the desk took.
    fn figures(&self, loaders: &mut [Loader<'_>], batch: u32) -> Result<(Figures, u64)> {
        let lengths = self.lengths.lengths();
        loader::send_for(loaders, lengths)?;
        let (mut recorder, mut tally) = (Recorder::new(), Tally::new());
        for loader in loaders {
            recorder.merge(std::mem::replace(&mut loader.recorder, Recorder::new()));
            tally.merge(std::mem::replace(&mut loader.tally, Tally::new()));
        }
        let wrongs = load::wrongs(&recorder);
        ensure!(wrongs.is_empty(), "{}", wrongs.join("; "));
        let messages = recorder.answered as f64 / lengths.measure.as_secs_f64();
        let at = |quantile| latency::percentile(&recorder.response, quantile);
        let waited = Latency::of(&tally.waits);
        let taken = tally.taken();
        let commands = tally.answered + tally.refused.values().sum::<u64>();
        let figures = Figures {
            commands_per_s: latency::whole(messages) * u64::from(batch),
            reply_bytes_mean: tally.received_bytes.checked_div(commands).unwrap_or_default(),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: recorder.response.max(),
            commands,
            answered: tally.answered,
            refused: tally.refused,
            fired: tally.fired,
            awaited: waited.count,
            awaited_mean_ns: waited.mean,
            awaited_p99_ns: waited.p99,
        };
        Ok((figures, taken))
    }

    fn memory(&self, users: u32) -> Result<Memory> {
        let setup = (Delay::None, Ack::Memory);
        // What the names and answers of commands take does not depend on the users.
        let mut more = self.serve.clone();
        more.extend(["--names", "1000", "--history", "1000"].map(str::to_owned));
        let place = Place::start(self.allot.as_deref(), setup, &self.data, &more)?;
        let commands = Commands::new(self.shape(users, false, HELD));
        let flight = Flight { batch: BATCH, window: 32 };
        let (source, link) = (place::source(0)?, place.connect()?);
        let mut loader = [Loader::new(&commands, Exchange::Allot, flight, source, link)];
        let empty_bytes = place.resident_bytes()?;
        loader::send_up_to(&mut loader, commands.opening())?;
        let opened_bytes = place.resident_bytes()?;
        loader::send_up_to(&mut loader, commands.prepared())?;
        let holding_bytes = place.resident_bytes()?;
        let wrongs = &loader[0].recorder.wrongs;
        ensure!(wrongs.is_empty(), "{}", wrongs.join("; "));
        Ok(Memory { empty_bytes, opened_bytes, holding_bytes })
    }
}

impl Results {
    fn add(&mut self, series: Series<Name, Measured>) {
        let loads = |turns: &[Measured]| -> Vec<Figures> {
            turns.iter().filter_map(Measured::figures).cloned().collect()
        };
        let turns = series.turns;
        match series.name {
            Name::Echo { batch } => {
                self.echoes.push(Row { name: EchoName { batch }, turns: loads(&turns) });
            }
            Name::Load(name) => self.loads.push(Row { name, turns: loads(&turns) }),
            Name::Log(name) => {
                let paces = turns.iter().filter_map(Measured::pace).collect();
                self.logs.push(Row { name, turns: paces });
            }
            Name::Memory(users) => {
                let name = MemoryName { users, stocks_held: HELD };
                let turns = turns.iter().filter_map(Measured::memory).collect();
                self.memory.push(Row { name, turns });
            }
        }
    }
}

impl Measured {
    fn figures(&self) -> Option<&Figures> {
        if let Self::Load(figures) = self { Some(figures) } else { None }
    }

    const fn pace(&self) -> Option<Pace> {
        if let Self::Log(pace) = self { Some(*pace) } else { None }
    }

    const fn memory(&self) -> Option<Memory> {
        if let Self::Memory(memory) = self { Some(*memory) } else { None }
    }
}

/// The middle one, or the higher of the middle two.
fn middle(mut turns: Vec<u64>) -> u64 {
    turns.sort_unstable();
    turns.get(turns.len() / 2).copied().unwrap_or_default()
}
