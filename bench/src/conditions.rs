//! Conditions: what encryption, and a thousand connections, cost a server, and an echo beside it.
//!
//! There are no targets here. The ratios of the server stand beside those of the echo, which say
//! what part of the cost is the transport's.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::arguments::LengthArgs;
use crate::experiment::{
    self, Bound, Experiment, Figure, MESSAGES, Order, P50, Series, Subject, show,
};
use crate::grid;
use crate::load::{Load, Target};
use crate::offer::Offer;
use crate::process::{Process, ServerSettings};
use crate::run::Point;
use crate::transport::Transport;

/// Messages in flight that keep a server busy.
const WINDOW: usize = 256;

/// How conditions are measured.
#[derive(Args)]
pub(crate) struct ConditionArgs {
    /// Rounds; every row is measured once per round
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    turns: u32,
    /// Number of connections in the many-connections rows
    #[arg(long, value_name = "COUNT", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(2..=10_000))]
    connections: u32,
    /// Server binary [default: `allot` beside this one]
    #[arg(long, value_name = "PATH")]
    allot: Option<PathBuf>,
    /// Directory for conditions.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lengths: LengthArgs,
}

/// What differs between two measurements.
#[derive(Clone, Copy)]
struct Condition {
    curve: bool,
    /// Connections that send nothing meanwhile.
    idle: u64,
    /// Connections that send.
    busy: u64,
    /// Messages in flight on each.
    window: usize,
}

/// One row: a figure with the condition by the same figure without.
struct Row {
    measure: String,
    figure: Figure,
    without: Condition,
    with: Condition,
}

/// A row's ratios, turn by turn, and the points that they come from.
#[derive(Debug, Serialize)]
struct Ratios {
    measure: String,
    server: Vec<f64>,
    echo: Vec<f64>,
    /// Of each turn: the echo without and with, the server without and with.
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Results {
    rows: Vec<Ratios>,
}

/// Measures all rows.
///
/// # Errors
/// When a server does not start, or a reply is missing or wrong.
pub(crate) fn measure(args: &ConditionArgs) -> Result<ExitCode> {
    let experiment = Experiment::begin("conditions", args.turns, args.out.as_ref());
    let rows = args.rows();
    let subjects = rows.iter().flat_map(|row| args.subjects(row)).collect();
    let series = experiment.run(Order::Listed, subjects)?;
    let (series, _) = series.as_chunks();
    let rows = rows.into_iter().zip(series).map(|(row, series)| row.ratios(series)).collect();
    let results = Results { rows };
    experiment.finish(&format!("\n{}", table(&results.rows)), &results, false)
}

impl ConditionArgs {
    fn rows(&self) -> Vec<Row> {
        let many = u64::from(self.connections);
        let all = usize::try_from(self.connections).expect("32 bits fit");
        let one = Condition { curve: false, idle: 0, busy: 1, window: 1 };
        let full = Condition { window: WINDOW, ..one };
        let curve = |without: Condition| Condition { curve: true, ..without };
        let row = |measure: String, figure, without, with| Row { measure, figure, without, with };
        vec![
            row("CURVE, one in flight, p50".to_owned(), P50, one, curve(one)),
            row(format!("CURVE, window of {WINDOW}, msgs/s"), MESSAGES, full, curve(full)),
            row(
                format!("{many} connections, one in flight on one, p50"),
                P50,
                one,
                Condition { idle: many - 1, ..one },
            ),
            row(
                format!("{many} connections, one in flight on each, msgs/s"),
                MESSAGES,
                Condition { window: all, ..one },
                Condition { busy: many, ..one },
            ),
        ]
    }

    /// Without and with, of the echo and of the server.
    fn subjects(&self, row: &Row) -> [Subject<'_, &'static str, Point>; 4] {
        let Row { without, with, .. } = *row;
        let each = self.lengths.lengths().estimate();
        [
            Subject::new("echo without", move || self.echo(without)),
            Subject::new("echo with", move || self.echo(with)),
            Subject::new("server without", move || self.server(without)),
            Subject::new("server with", move || self.server(with)),
        ]
        .map(|subject| subject.lasting(each))
    }

    fn echo(&self, condition: Condition) -> Result<Point> {
        let more: &[&str] = if condition.curve { &["--curve"] } else { &[] };
        let process = Process::echo_with("echo-server", Transport::Tcp, more)?;
        self.point(&Target::echo(&process)?, condition)
    }

    fn server(&self, condition: Condition) -> Result<Point> {
        let allot = self.allot.clone();
        let settings = ServerSettings { allot, curve: condition.curve, ..Default::default() };
        let process = Process::allot(&settings, Transport::Tcp)?;
        self.point(&Target::server(&process)?, condition)
    }

    fn point(&self, target: &Target, condition: Condition) -> Result<Point> {
        let connections = condition.busy;
        let load = Load { connections, ..Load::usual(self.lengths.lengths()) };
        let idle = load.client.connect(&target.context, target.door(), condition.idle)?;
        let point = load.measure(target, Offer::Window(condition.window))?.point.sound()?;
        drop(idle);
        Ok(point)
    }
}

impl Row {
    /// Out of the series of [`ConditionArgs::subjects`].
    fn ratios(self, series: &[Series<&str, Point>; 4]) -> Ratios {
        let [echo_without, echo_with, server_without, server_with] = series;
        let turns = 0..server_with.turns.len();
        Ratios {
            measure: self.measure,
            server: server_with.by(self.figure, server_without, self.figure),
            echo: echo_with.by(self.figure, echo_without, self.figure),
            points: turns
                .flat_map(|turn| series.each_ref().map(|one| one.turns[turn].clone()))
                .collect(),
        }
    }
}

fn table(rows: &[Ratios]) -> String {
    let median = |ratios: &[f64]| show(Bound::AtMost(None).median(ratios));
    let row = |row: &Ratios| {
        vec![
            row.measure.clone(),
            median(&row.server),
            median(&row.echo),
            experiment::turns(&row.server),
            experiment::turns(&row.echo),
        ]
    };
    let head = ["with by without", "server", "echo", "server's turns", "echo's turns"];
    grid::lay_out(&head, rows.iter().map(row).collect(), &[0, 3, 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_with_by_without() {
        let condition = Condition { curve: false, idle: 0, busy: 1, window: 1 };
        let measure = "CURVE".to_owned();
        let row = Row { measure, figure: MESSAGES, without: condition, with: condition };
        let series = [100, 40, 50, 75].map(|per_s| Series {
            name: "",
            turns: vec![Point { achieved_per_s: per_s, ..Point::default() }; 2],
        });
        let ratios = row.ratios(&series);
        assert_eq!((&ratios.echo[..], &ratios.server[..]), (&[0.4, 0.4][..], &[1.5, 1.5][..]));
        let turn: Vec<_> = ratios.points.iter().map(|point| point.achieved_per_s).collect();
        assert_eq!(turn, [100, 40, 50, 75, 100, 40, 50, 75]);
    }

    #[test]
    fn the_table_has_server_and_echo_side_by_side() {
        let server = vec![1.5, 9.0, 1.25];
        let measure = "CURVE".to_owned();
        let page = table(&[Ratios { measure, server, echo: Vec::new(), points: Vec::new() }]);
        assert!(page.contains("1.500 x") && page.contains("n/a"), "{page}");
    }
}
