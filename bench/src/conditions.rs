//! Conditions: what encryption, and a thousand connections, cost a server, and an echo beside it.
//!
//! Nothing is judged here. With and without take turns, and the median of the turns' ratios is
//! stated: those of the server beside those of the echo, which say what of it is the transport's.

use crate::environment::Environment;
use crate::fills::Fills;
use crate::load::{Load, Target};
use crate::offer::{Offer, Pace};
use crate::phases::Lengths;
use crate::process::{Process, ServerSettings};
use crate::run::Point;
use crate::targets::sound;
use crate::transport::Transport;
use crate::{grid, print, stamp};
use allot_runtime::Clock;
use allot_wire::Encoding;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Unanswered messages that keep a server busy.
const WINDOW: usize = 256;

/// How conditions are measured.
pub(crate) struct ConditionPlan {
    pub(crate) lengths: Lengths,
    /// All rows so often in turns.
    pub(crate) turns: u32,
    /// Connections that are many.
    pub(crate) connections: u32,
    pub(crate) allot: Option<PathBuf>,
    /// Where the JSON goes.
    pub(crate) out: Option<PathBuf>,
}

/// What differs between two measurements.
#[derive(Clone, Copy)]
struct Condition {
    curve: bool,
    /// Connections that say nothing meanwhile.
    idle: u64,
    /// Connections that send.
    busy: u64,
    /// Unanswered messages of each.
    window: usize,
}

/// What two measurements have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    /// The median of the response time.
    Median,
    /// Answers a second.
    Rate,
}

/// One row: with by without.
struct Row {
    measure: String,
    figure: Figure,
    without: Condition,
    with: Condition,
}

/// A row's ratios, turn by turn, and what they come from.
#[derive(Clone, Debug, Default, Serialize)]
struct Ratios {
    measure: String,
    server: Vec<f64>,
    echo: Vec<f64>,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Kept {
    schema: u32,
    kind: &'static str,
    started: String,
    environment: BTreeMap<String, String>,
    turns: u32,
    rows: Vec<Ratios>,
}

/// Measures all rows.
///
/// # Errors
/// When a server does not start, or an answer is missing or wrong.
pub(crate) fn measure(plan: &ConditionPlan) -> Result<ExitCode> {
    let started = stamp::utc(Clock::system().now());
    let environment = Environment::look();
    let rows = plan.rows();
    let mut found: Vec<_> = rows
        .iter()
        .map(|row| Ratios { measure: row.measure.clone(), ..Ratios::default() })
        .collect();
    for turn in 1..=plan.turns {
        eprintln!("turn {turn} of {}", plan.turns);
        for (row, ratios) in rows.iter().zip(&mut found) {
            plan.turn(row, ratios)?;
        }
    }
    let environment = environment.complete();
    for (name, value) in &environment {
        print(&format!("  {name:<20} {value}"))?;
    }
    print(&format!("\n{}", page(&found)))?;
    if let Some(folder) = &plan.out {
        let (schema, kind, turns) = (crate::run::SCHEMA, "conditions", plan.turns);
        let kept = Kept { schema, kind, started, environment, turns, rows: found };
        fs::create_dir_all(folder)?;
        fs::write(folder.join("conditions.json"), serde_json::to_string_pretty(&kept)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl ConditionPlan {
    fn rows(&self) -> Vec<Row> {
        let many = u64::from(self.connections);
        let all = usize::try_from(self.connections).expect("32 bits fit");
        let one = Condition { curve: false, idle: 0, busy: 1, window: 1 };
        let full = Condition { window: WINDOW, ..one };
        let curve = |without: Condition| Condition { curve: true, ..without };
        let row = |measure: String, figure, without, with| Row { measure, figure, without, with };
        vec![
            row("CURVE, one in flight, p50".to_owned(), Figure::Median, one, curve(one)),
            row(format!("CURVE, window of {WINDOW}, msgs/s"), Figure::Rate, full, curve(full)),
            row(
                format!("{many} connections, one in flight on one, p50"),
                Figure::Median,
                one,
                Condition { idle: many - 1, ..one },
            ),
            row(
                format!("{many} connections, one in flight on each, msgs/s"),
                Figure::Rate,
                Condition { window: all, ..one },
                Condition { busy: many, ..one },
            ),
        ]
    }

    /// Without and with, of the echo and of the server.
    fn turn(&self, row: &Row, ratios: &mut Ratios) -> Result<()> {
        let mut ratio = |measure: fn(&Self, Condition) -> Result<Point>| -> Result<Option<f64>> {
            let (without, with) = (measure(self, row.without)?, measure(self, row.with)?);
            let ratio = row.figure.ratio(&with, &without);
            ratios.points.extend([without, with]);
            Ok(ratio)
        };
        let (echo, server) = (ratio(Self::echo)?, ratio(Self::server)?);
        ratios.echo.extend(echo);
        ratios.server.extend(server);
        Ok(())
    }

    fn echo(&self, condition: Condition) -> Result<Point> {
        let more: &[&str] = if condition.curve { &["--curve"] } else { &[] };
        let process = Process::echo_with("echo-server", Transport::Tcp, more)?;
        self.point(&Target::echo(&process)?, condition)
    }

    fn server(&self, condition: Condition) -> Result<Point> {
        let (allot, curve) = (self.allot.clone(), condition.curve);
        let settings = ServerSettings { allot, curve, ..ServerSettings::default() };
        let process = Process::allot(&settings, Transport::Tcp)?;
        self.point(&Target::server(&process)?, condition)
    }

    fn point(&self, target: &Target, condition: Condition) -> Result<Point> {
        let load = Load {
            batch: 1,
            connections: condition.busy,
            encoding: Encoding::Binary,
            pace: Pace::Hybrid,
            lengths: self.lengths,
            fills: Fills::new(7, 10),
            accounts: 5,
        };
        let idle = target.connect(condition.idle, &Clock::system())?;
        let point = sound(load.measure(target, Offer::Window(condition.window))?.point)?;
        drop(idle);
        Ok(point)
    }
}

impl Figure {
    fn ratio(self, with: &Point, without: &Point) -> Option<f64> {
        let of = |point: &Point| match self {
            Self::Median => point.response.p50,
            Self::Rate => Some(point.achieved_per_s),
        };
        let (with, without) = (of(with)?, of(without).filter(|figure| 0 < *figure)?);
        Some(with as f64 / without as f64)
    }
}

fn median(ratios: &[f64]) -> String {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).map_or_else(|| "n/a".to_owned(), |ratio| format!("{ratio:.3} x"))
}

fn page(rows: &[Ratios]) -> String {
    let turns = |ratios: &[f64]| {
        ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" ")
    };
    let row = |row: &Ratios| {
        vec![
            row.measure.clone(),
            median(&row.server),
            median(&row.echo),
            turns(&row.server),
            turns(&row.echo),
        ]
    };
    let head = ["with by without", "server", "echo", "server's turns", "echo's turns"];
    grid::lay_out(&head, rows.iter().map(row).collect(), &[0, 3, 4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latency;

    #[test]
    fn a_ratio_is_with_by_without() {
        let point = |p50, per_s| Point {
            response: Latency { p50, ..Latency::default() },
            achieved_per_s: per_s,
            ..Point::default()
        };
        let (with, without) = (point(Some(30), 50), point(Some(20), 100));
        assert_eq!(Figure::Median.ratio(&with, &without), Some(1.5));
        assert_eq!(Figure::Rate.ratio(&with, &without), Some(0.5));
        assert_eq!(Figure::Median.ratio(&point(None, 1), &without), None);
        assert_eq!(Figure::Rate.ratio(&with, &point(None, 0)), None);
    }

    #[test]
    fn the_page_has_server_and_echo_side_by_side() {
        let ratios = Ratios {
            measure: "CURVE".to_owned(),
            server: vec![1.5, 9.0, 1.25],
            echo: Vec::new(),
            points: Vec::new(),
        };
        let page = page(&[ratios]);
        assert!(page.contains("1.500 x") && page.contains("n/a"), "{page}");
    }
}
