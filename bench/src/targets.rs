//! The targets: what the design asks of the path, held against an echo measured in the same run.
//!
//! Only ratios are judged: see `experiment.rs`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use allot_runtime::{Context, Subscriber};
use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::arguments::LengthArgs;
use crate::estimate;
use crate::experiment::{
    self, Bound, Compared, Comparison, Experiment, FILLS, Figure, MESSAGES, Order, P50, P99, P999,
    Series, Side, Subject,
};
use crate::load::{Load, Target};
use crate::offer::Offer;
use crate::process::{Process, ServerSettings};
use crate::run::Point;
use crate::sweep::{self, SPARSE, Sweep};
use crate::transport::Transport;

/// Messages in flight that keep a server busy: with fewer the cores still idle while messages go
/// round, and with more the rate does not rise.
const WINDOW: usize = 4_096;

/// Fills in a message of the row that asks about batches, a window that keeps the server as busy,
/// and how many replies it may owe, so that it refuses none of them.
const BATCH: u32 = 100;
const BATCH_WINDOW: usize = 160;
const BATCH_OWED_MAX: &str = "65536";

/// Subscribers of nothing, and how many sockets one context takes without being asked.
const SUBSCRIBERS: usize = 1_000;
const SUBSCRIBERS_EACH: usize = 250;

/// How the targets are measured.
#[derive(Args)]
pub(crate) struct TargetArgs {
    /// Rounds; the echo and every server are measured once per round
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Directory for the journal, on the disk to be measured
    #[arg(long, default_value = ".", value_name = "DIR")]
    data: PathBuf,
    /// Server binary [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    allot: Option<PathBuf>,
    /// Thread layout for the rows that do not name one [default: the server's own]
    #[arg(long, value_name = "MODE")]
    threads: Option<String>,
    /// Exit non-zero if a target is missed
    #[arg(long)]
    strict: bool,
    /// Directory for targets.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lengths: LengthArgs,
}

const GOALS: &[Comparison<&str>] = &[
    at_most("1  one in flight, shared, p50 by echo", 1.15, side(SHARED, P50), side(ECHO, P50)),
    at_most("1  one in flight, shared, p99 by echo", 1.3, side(SHARED, P99), side(ECHO, P99)),
    at_most("2  one in flight, dedicated, p50 by echo", 1.5, side(DEDICATED, P50), side(ECHO, P50)),
    at_least("3  saturated, ack memory, msgs/s by echo", 0.8, side(MEMORY, MESSAGES), FULL_ECHO),
    at_least("4  saturated, ack journal, msgs/s by echo", 0.6, side(JOURNAL, MESSAGES), FULL_ECHO),
    at_least(
        "5  100 fills a message, fills/s by echo's msgs/s",
        2.0,
        side(BATCHES, FILLS),
        FULL_ECHO,
    ),
    at_most(
        "6  open loop at half the knee, p99.9 by echo",
        3.0,
        side(HALF, P999),
        side(HALF_ECHO, P999),
    ),
    at_least(
        "7  saturated, with subscribers by without",
        0.98,
        side(SUBSCRIBED, MESSAGES),
        side(MEMORY, MESSAGES),
    ),
];

/// How many figures a turn has, with those at half the knee.
const ROWS: u32 = 10;

/// What is measured in each turn, as it is called in the JSON.
const ECHO: &str = "echo, one";
const SHARED: &str = "shared, one";
const DEDICATED: &str = "dedicated, one";
const MANY_ECHO: &str = "echo, many";
const MEMORY: &str = "memory, many";
const SUBSCRIBED: &str = "subscribed, many";
const JOURNAL: &str = "journal, many";
const BATCHES: &str = "batches";
const HALF_ECHO: &str = "echo, half the knee";
const HALF: &str = "memory, half the knee";

const FULL_ECHO: Side<&str> = side(MANY_ECHO, MESSAGES);

const fn side(name: &'static str, figure: Figure) -> Side<&'static str> {
    Side { name, figure }
}

const fn at_most(
    measure: &'static str,
    most: f64,
    of: Side<&'static str>,
    by: Side<&'static str>,
) -> Comparison<&'static str> {
    Comparison { measure, bound: Bound::AtMost(Some(most)), of, by }
}

const fn at_least(
    measure: &'static str,
    least: f64,
    of: Side<&'static str>,
    by: Side<&'static str>,
) -> Comparison<&'static str> {
    Comparison { measure, bound: Bound::AtLeast(Some(least)), of, by }
}

#[derive(Serialize)]
struct Results<'a> {
    knee: Option<u64>,
    goals: &'a [Compared],
    /// What each turn measured, so that a ratio can be traced to its two figures.
    points: Vec<Vec<(&'static str, &'a Point)>>,
}

/// Measures all rows.
///
/// # Errors
/// When a server does not start, or a reply is missing or wrong.
pub(crate) fn measure(args: &TargetArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("targets", args.turns, args.out.as_ref());
    let knee = args.knee()?;
    let series = experiment.run(Order::Listed, args.subjects(knee))?;
    let goals: Vec<_> = GOALS.iter().map(|goal| goal.within(&series)).collect();
    let table = experiment::table("measure", &goals);
    let knee_text = match knee {
        Some(rate) => format!("{rate} messages a second"),
        None => "none: the server did not keep up with the lowest rate".to_owned(),
    };
    let page = format!("knee: {knee_text}\n\n{table}");
    let results = Results { knee, goals: &goals, points: by_turn(&series) };
    let code = experiment.finish(&page, &results, false)?;
    let missed = args.strict && goals.iter().any(|goal| goal.holds() != Some(true));
    Ok(if missed { ExitCode::FAILURE } else { code })
}

impl TargetArgs {
    /// What is measured in each turn; without a knee nothing at half of it.
    fn subjects(&self, knee: Option<u64>) -> Vec<Subject<'_, &'static str, Point>> {
        let one = Offer::Window(1);
        let many = Offer::Window(WINDOW);
        let default = self.threads(self.threads.as_deref());
        let journal = ServerSettings {
            data: Some(self.data.clone()),
            ack: Some("journal".to_owned()),
            ..default.clone()
        };
        let batches = ServerSettings {
            more: vec!["--owed-max".to_owned(), BATCH_OWED_MAX.to_owned()],
            ..default.clone()
        };
        let echo = |name, offer| Subject::new(name, move || self.echo(offer));
        let server = |name, settings: ServerSettings, offer, batch| {
            Subject::new(name, move || self.server(&settings, offer, batch))
        };
        let subscribed = default.clone();
        let mut subjects = vec![
            echo(ECHO, one),
            server(SHARED, self.threads(Some("shared")), one, 1),
            server(DEDICATED, self.threads(Some("dedicated")), one, 1),
            echo(MANY_ECHO, many),
            Subject::of_many([MEMORY, SUBSCRIBED], move || self.with_subscribers(&subscribed)),
            server(JOURNAL, journal, many, 1),
            server(BATCHES, batches, Offer::Window(BATCH_WINDOW), BATCH),
        ];
        if let Some(half) = knee.map(|knee| knee / 2).filter(|half| 0 < *half) {
            subjects.push(echo(HALF_ECHO, Offer::Rate(half)));
            subjects.push(server(HALF, default, Offer::Rate(half), 1));
        }
        let each = self.lengths.lengths().estimate();
        for subject in &mut subjects {
            let count = u32::try_from(subject.len()).unwrap_or(u32::MAX);
            subject.estimate = each * count;
        }
        subjects
    }

    fn threads(&self, threads: Option<&str>) -> ServerSettings {
        ServerSettings {
            allot: self.allot.clone(),
            threads: threads.map(str::to_owned),
            ..ServerSettings::default()
        }
    }

    fn load(&self, batch: u32) -> Load {
        Load { batch, ..Load::usual(self.lengths.lengths()) }
    }

    fn echo(&self, offer: Offer) -> Result<Point> {
        let process = Process::echo("echo-server", Transport::Tcp)?;
        let target = Target::echo(&process)?;
        self.load(1).measure(&target, offer)?.point.sound()
    }

    fn server(&self, settings: &ServerSettings, offer: Offer, batch: u32) -> Result<Point> {
        let process = Process::allot(settings, Transport::Tcp)?;
        self.load(batch).measure(&Target::server(&process)?, offer)?.point.sound()
    }

    /// The same server without subscribers, and with one of positions and a thousand of nothing.
    fn with_subscribers(&self, settings: &ServerSettings) -> Result<Vec<Point>> {
        let process = Process::allot(settings, Transport::Tcp)?;
        let target = Target::server(&process)?;
        let saturated = || self.load(1).measure(&target, Offer::Window(WINDOW))?.point.sound();
        let without = saturated()?;
        let subscribers = subscribe(&process.endpoint("publish")?)?;
        let with = saturated()?;
        drop(subscribers);
        Ok(vec![without, with])
    }

    /// The highest rate that the server sustains.
    fn knee(&self) -> Result<Option<u64>> {
        let process = Process::allot(&self.threads(self.threads.as_deref()), Transport::Tcp)?;
        let target = Target::server(&process)?;
        let each = self.lengths.lengths().estimate();
        let most = estimate::about(each * sweep::rates_max());
        let turns = estimate::about(each * ROWS * self.turns);
        eprintln!("the knee takes {most} at most, and the turns after it {turns}");
        let mut sweep = Sweep::default();
        let mut rate = Some(SPARSE);
        while let Some(offered) = rate {
            eprintln!("looking for the knee: {offered} a second");
            rate = sweep.next(&self.load(1).measure(&target, Offer::Rate(offered))?.point);
        }
        Ok(sweep.knee)
    }
}

/// The points of each turn, by name.
fn by_turn<'a>(series: &'a [Series<&'static str, Point>]) -> Vec<Vec<(&'static str, &'a Point)>> {
    let turns = series.first().map_or(0, |series| series.turns.len());
    let points = |turn: usize| series.iter().map(move |one| (one.name, &one.turns[turn])).collect();
    (0..turns).map(points).collect()
}

fn subscribe(publish: &str) -> Result<Vec<Subscriber>> {
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS / SUBSCRIBERS_EACH {
        let context = Context::new()?;
        for _ in 0..SUBSCRIBERS_EACH {
            subscribers.push(Subscriber::connect(&context, publish, &[b"nothing:"])?);
        }
    }
    let mut reader = Subscriber::connect(&Context::new()?, publish, &[b"positions:json"])?;
    // The first positions say that its subscription has arrived, and those before it.
    reader.receive(Duration::from_secs(10));
    subscribers.push(reader);
    Ok(subscribers)
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn every_row_has_its_ratio() {
        let series = |name, per_s| Series {
            name,
            turns: vec![Point { achieved_per_s: per_s, ..Point::default() }],
        };
        let series = [
            series(MANY_ECHO, 100),
            series(MEMORY, 90),
            series(JOURNAL, 60),
            series(SUBSCRIBED, 45),
        ];
        let median = |goal: &Comparison<&'static str>| goal.within(&series).median();
        let known: Vec<_> = GOALS.iter().map(|goal| median(goal).unwrap_or_default()).collect();
        assert_eq!(known, [0.0, 0.0, 0.0, 0.9, 0.6, 0.0, 0.0, 0.5]);
        assert_eq!(by_turn(&series)[0][1].0, MEMORY);
    }

    #[test]
    fn every_row_compares_what_is_measured() {
        let command = TargetArgs::augment_args(clap::Command::new("targets"));
        let args = command.get_matches_from(["targets"]);
        let args = TargetArgs::from_arg_matches(&args).unwrap();
        let measured: Vec<_> = args.subjects(Some(2)).iter().flat_map(Subject::names).collect();
        assert_eq!(u32::try_from(measured.len()), Ok(ROWS));
        let named = GOALS.iter().flat_map(|goal| [goal.of.name, goal.by.name]);
        named.for_each(|name| assert!(measured.contains(&name), "{name}"));
    }
}
