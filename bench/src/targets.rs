//! The targets: what the design asks of the path, held against an echo measured in the same run.
//!
//! Only ratios are judged. Machines differ, and this one differs from minute to minute: so echo and
//! server take turns, and the median of the turns' ratios counts.

use crate::environment::Environment;
use crate::fills::Fills;
use crate::load::{Load, Target};
use crate::offer::{Offer, Pace};
use crate::phases::Lengths;
use crate::process::{Process, ServerSettings};
use crate::run::Point;
use crate::sweep::{SPARSE, Sweep};
use crate::transport::Transport;
use crate::{grid, print, stamp};
use allot_runtime::{Clock, Context, Subscriber};
use allot_wire::Encoding;
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Unanswered messages that keep a server busy: with fewer the cores still idle while messages go
/// round, and with more none answers more.
const WINDOW: usize = 4_096;

/// Fills in a message of the row that asks about batches, a window that keeps the server as busy,
/// and how many answers it may owe, so that it refuses none of them.
const BATCH: u32 = 100;
const BATCH_WINDOW: usize = 160;
const BATCH_OWED_MAX: &str = "65536";

/// Subscribers of nothing, and how many sockets one context takes without being asked.
const SUBSCRIBERS: usize = 1_000;
const SUBSCRIBERS_EACH: usize = 250;

/// How the targets are measured.
pub(crate) struct TargetPlan {
    pub(crate) lengths: Lengths,
    /// Echo and server so often in turns.
    pub(crate) turns: u32,
    /// On the disk whose journal is measured.
    pub(crate) data: PathBuf,
    pub(crate) allot: Option<PathBuf>,
    /// Threads of the rows that do not name them; the server's default without.
    pub(crate) threads: Option<String>,
    /// Where the JSON goes.
    pub(crate) out: Option<PathBuf>,
    /// Whether a target that does not hold is a failure.
    pub(crate) strict: bool,
}

/// Which way a ratio must lie.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// One row.
#[derive(Clone, Debug, Serialize)]
struct Goal {
    measure: &'static str,
    bound: Bound,
    ratios: Vec<f64>,
}

const GOALS: &[(&str, Bound)] = &[
    ("1  one in flight, shared, p50 by echo", Bound::AtMost(1.15)),
    ("1  one in flight, shared, p99 by echo", Bound::AtMost(1.3)),
    ("2  one in flight, dedicated, p50 by echo", Bound::AtMost(1.5)),
    ("3  saturated, ack memory, msgs/s by echo", Bound::AtLeast(0.8)),
    ("4  saturated, ack journal, msgs/s by echo", Bound::AtLeast(0.6)),
    ("5  100 fills a message, fills/s by echo's msgs/s", Bound::AtLeast(2.0)),
    ("6  open loop at half the knee, p99.9 by echo", Bound::AtMost(3.0)),
    ("7  saturated, with subscribers by without", Bound::AtLeast(0.98)),
];

/// Points by what they are called in rows.
type Named = Vec<(&'static str, Point)>;

#[derive(Serialize)]
struct Kept<'a> {
    schema: u32,
    kind: &'static str,
    started: String,
    environment: BTreeMap<String, String>,
    turns: u32,
    knee: Option<u64>,
    goals: &'a [Goal],
    /// What each turn measured, so that a ratio can be traced to its two figures.
    points: &'a [Named],
}

/// Measures all rows.
///
/// # Errors
/// When a server does not start, or an answer is missing or wrong.
pub(crate) fn measure(plan: &TargetPlan) -> Result<ExitCode> {
    let started = stamp::utc(Clock::system().now());
    let environment = Environment::look();
    let mut goals: Vec<_> = GOALS
        .iter()
        .map(|(measure, bound)| Goal { measure, bound: *bound, ratios: Vec::new() })
        .collect();
    let knee = plan.knee()?;
    let mut points = Vec::new();
    for turn in 1..=plan.turns {
        eprintln!("turn {turn} of {}", plan.turns);
        let (ratios, measured) = plan.turn(knee)?;
        points.push(measured);
        for (goal, ratio) in goals.iter_mut().zip(ratios) {
            goal.ratios.extend(ratio);
        }
    }
    let environment = environment.complete();
    for (name, value) in &environment {
        print(&format!("  {name:<20} {value}"))?;
    }
    print(&format!("knee: {knee:?} messages a second\n\n{}", table(&goals)))?;
    if let Some(folder) = &plan.out {
        let (schema, kind, turns) = (crate::run::SCHEMA, "targets", plan.turns);
        let kept = Kept {
            schema,
            kind,
            started,
            environment,
            turns,
            knee,
            goals: &goals,
            points: &points,
        };
        fs::create_dir_all(folder)?;
        fs::write(folder.join("targets.json"), serde_json::to_string_pretty(&kept)?)?;
    }
    let missed = plan.strict && goals.iter().any(|goal| goal.holds() != Some(true));
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl TargetPlan {
    /// One alternation: a ratio for each row, where it can be told, and what they come from.
    fn turn(&self, knee: Option<u64>) -> Result<(Vec<Option<f64>>, Named)> {
        let (one, many) = (Offer::Window(1), Offer::Window(WINDOW));
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
        let mut points = vec![
            ("echo, one", self.echo(one)?),
            ("shared, one", self.server(&self.threads(Some("shared")), one, 1)?),
            ("dedicated, one", self.server(&self.threads(Some("dedicated")), one, 1)?),
            ("echo, many", self.echo(many)?),
        ];
        let (memory, subscribed) = self.with_subscribers(&default)?;
        points.extend([
            ("memory, many", memory),
            ("subscribed, many", subscribed),
            ("journal, many", self.server(&journal, many, 1)?),
            ("batches", self.server(&batches, Offer::Window(BATCH_WINDOW), BATCH)?),
        ]);
        if let Some(half) = knee.map(|knee| knee / 2).filter(|half| 0 < *half) {
            points.push(("echo, half the knee", self.echo(Offer::Rate(half))?));
            points.push(("memory, half the knee", self.server(&default, Offer::Rate(half), 1)?));
        }
        Ok((ratios(&points), points))
    }

    fn threads(&self, threads: Option<&str>) -> ServerSettings {
        ServerSettings {
            allot: self.allot.clone(),
            threads: threads.map(str::to_owned),
            ..ServerSettings::default()
        }
    }

    fn load(&self, batch: u32) -> Load {
        Load {
            batch,
            connections: 1,
            encoding: Encoding::Binary,
            pace: Pace::Hybrid,
            lengths: self.lengths,
            fills: Fills::new(7, 10),
            accounts: 5,
        }
    }

    fn echo(&self, offer: Offer) -> Result<Point> {
        let process = Process::echo("echo-server", Transport::Tcp)?;
        let target = Target::echo(&process)?;
        sound(self.load(1).measure(&target, offer)?.point)
    }

    fn server(&self, settings: &ServerSettings, offer: Offer, batch: u32) -> Result<Point> {
        let process = Process::allot(settings, Transport::Tcp)?;
        sound(self.load(batch).measure(&Target::server(&process)?, offer)?.point)
    }

    /// The same server without subscribers, and with one of positions and a thousand of nothing.
    fn with_subscribers(&self, settings: &ServerSettings) -> Result<(Point, Point)> {
        let process = Process::allot(settings, Transport::Tcp)?;
        let target = Target::server(&process)?;
        let without = sound(self.load(1).measure(&target, Offer::Window(WINDOW))?.point)?;
        let publish = process.endpoint("publish")?;
        let subscribers = subscribe(&publish)?;
        let with = sound(self.load(1).measure(&target, Offer::Window(WINDOW))?.point)?;
        drop(subscribers);
        Ok((without, with))
    }

    /// The last rate that the server holds.
    fn knee(&self) -> Result<Option<u64>> {
        let process = Process::allot(&self.threads(self.threads.as_deref()), Transport::Tcp)?;
        let target = Target::server(&process)?;
        let (mut sweep, mut rate) = (Sweep::default(), Some(SPARSE));
        while let Some(offered) = rate {
            eprintln!("looking for the knee: {offered} a second");
            rate = sweep.next(&self.load(1).measure(&target, Offer::Rate(offered))?.point);
        }
        Ok(sweep.knee)
    }
}

/// A point in which nothing was lost: a ratio of anything else is none.
pub(crate) fn sound(point: Point) -> Result<Point> {
    match &point.failed {
        Some(why) => bail!("FAIL  {}: {why}", point.offer()),
        None => Ok(point),
    }
}

/// The ratio of each of [`GOALS`].
fn ratios(points: &[(&'static str, Point)]) -> Vec<Option<f64>> {
    type Figure = fn(&Point) -> Option<u64>;
    let (p50, p99, p999): (Figure, Figure, Figure) =
        (|point| point.response.p50, |point| point.response.p99, |point| point.response.p999);
    let (messages, fills): (Figure, Figure) =
        (|point| Some(point.achieved_per_s), |point| Some(point.fills_per_s));
    let value = |name: &str, figure: Figure| {
        points.iter().find(|(known, _)| *known == name).and_then(|(_, point)| figure(point))
    };
    let by = |of, figure, by, other| ratio(value(of, figure), value(by, other));
    vec![
        by("shared, one", p50, "echo, one", p50),
        by("shared, one", p99, "echo, one", p99),
        by("dedicated, one", p50, "echo, one", p50),
        by("memory, many", messages, "echo, many", messages),
        by("journal, many", messages, "echo, many", messages),
        by("batches", fills, "echo, many", messages),
        by("memory, half the knee", p999, "echo, half the knee", p999),
        by("subscribed, many", messages, "memory, many", messages),
    ]
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

fn ratio(of: Option<u64>, by: Option<u64>) -> Option<f64> {
    let (of, by) = (of?, by.filter(|by| 0 < *by)?);
    Some(of as f64 / by as f64)
}

impl Goal {
    /// The middle one; of an even number, the worse of the two in the middle.
    fn median(&self) -> Option<f64> {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let place = match self.bound {
            Bound::AtMost(_) => sorted.len() / 2,
            Bound::AtLeast(_) => sorted.len().saturating_sub(1) / 2,
        };
        sorted.get(place).copied()
    }

    fn holds(&self) -> Option<bool> {
        let median = self.median()?;
        Some(match self.bound {
            Bound::AtMost(most) => median <= most,
            Bound::AtLeast(least) => least <= median,
        })
    }
}

fn table(goals: &[Goal]) -> String {
    let row = |goal: &Goal| {
        let bound = match goal.bound {
            Bound::AtMost(most) => format!("<= {most} x"),
            Bound::AtLeast(least) => format!(">= {least} x"),
        };
        let median =
            goal.median().map_or_else(|| "n/a".to_owned(), |ratio| format!("{ratio:.3} x"));
        let holds = match goal.holds() {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "n/a",
        };
        let turns: Vec<_> = goal.ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        vec![goal.measure.to_owned(), bound, median, holds.to_owned(), turns.join(" ")]
    };
    let head = ["measure", "target", "median", "holds", "turns"];
    grid::lay_out(&head, goals.iter().map(row).collect(), &[0, 3, 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(bound: Bound, ratios: &[f64]) -> Goal {
        Goal { measure: "m", bound, ratios: ratios.to_vec() }
    }

    #[test]
    fn every_row_has_its_ratio() {
        let point = |per_s| Point { achieved_per_s: per_s, ..Point::default() };
        let points = [
            ("echo, many", point(100)),
            ("memory, many", point(90)),
            ("journal, many", point(60)),
            ("subscribed, many", point(45)),
        ];
        let ratios = ratios(&points);
        assert_eq!(ratios.len(), GOALS.len());
        let known: Vec<_> = ratios.into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(known, [0.0, 0.0, 0.0, 0.9, 0.6, 0.0, 0.0, 0.5]);
    }

    #[test]
    fn the_median_of_the_turns_counts() {
        let at_most = |ratios| goal(Bound::AtMost(1.15), ratios).holds();
        assert_eq!(at_most(&[9.0, 1.1, 1.0, 8.0, 1.15]), Some(true));
        assert_eq!(at_most(&[9.0, 1.2, 1.0, 8.0, 1.15]), Some(false));
        assert_eq!(at_most(&[1.1, 1.2]), Some(false), "of two the worse");
        assert_eq!(goal(Bound::AtLeast(0.8), &[0.7, 0.9]).holds(), Some(false));
        assert_eq!(at_most(&[]), None);
    }

    #[test]
    fn the_table_says_what_was_missed() {
        let page = table(&[goal(Bound::AtLeast(2.0), &[1.0]), goal(Bound::AtMost(2.0), &[1.0])]);
        for text in ["MISSED", "holds", ">= 2 x", "1.000 x"] {
            assert!(page.contains(text), "{text}:\n{page}");
        }
    }
}
