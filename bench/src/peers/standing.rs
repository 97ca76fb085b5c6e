//! A standing: how the peers did, each turn's figures held against those of the same turn.

use crate::peers::peer::{BATCH, MANY, ONE, Peer, Shape};
use crate::run::Point;
use crate::{grid, span};
use serde::Serialize;

/// What is said of a peer under one shape of load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) peer: Peer,
    pub(crate) does: &'static str,
    #[serde(flatten)]
    pub(crate) shape: Shape,
    /// One for each turn.
    pub(crate) points: Vec<Point>,
}

/// All rows of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Standing {
    pub(crate) rows: Vec<Row>,
}

/// One figure of one peer as a multiple of another's.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) measure: &'static str,
    /// What the design asks, if it does.
    pub(crate) at_least: Option<f64>,
    /// One for each turn.
    pub(crate) ratios: Vec<f64>,
    pub(crate) median: Option<f64>,
}

/// Many fills in each message, whatever the window.
const BATCHES: fn(Shape) -> bool = |shape| shape.batch == BATCH;
const SATURATED: fn(Shape) -> bool = |shape| shape == MANY;
const SINGLE: fn(Shape) -> bool = |shape| shape == ONE;

type Side = (Peer, fn(Shape) -> bool);

/// In fills a second: what, at least how often, of whom, by whom.
const COMPARISONS: &[(&str, Option<f64>, Side, Side)] = &[
    (
        "allot-journal by redis-synced, window 256",
        Some(5.0),
        (Peer::AllotJournal, SATURATED),
        (Peer::RedisSynced, SATURATED),
    ),
    (
        "allot-journal, 100 fills a message, by redis-synced, window 256",
        None,
        (Peer::AllotJournal, BATCHES),
        (Peer::RedisSynced, SATURATED),
    ),
    (
        "allot-memory, 100 fills a message, by python, one a message",
        Some(1_000.0),
        (Peer::AllotMemory, BATCHES),
        (Peer::Python, SATURATED),
    ),
    (
        "allot-memory by python, 100 fills a message",
        None,
        (Peer::AllotMemory, BATCHES),
        (Peer::Python, BATCHES),
    ),
    (
        "allot-memory by python, window 256",
        None,
        (Peer::AllotMemory, SATURATED),
        (Peer::Python, SATURATED),
    ),
    (
        "allot-memory by python, one in flight",
        None,
        (Peer::AllotMemory, SINGLE),
        (Peer::Python, SINGLE),
    ),
];

impl Standing {
    /// One more turn of a peer under one shape.
    pub(crate) fn add(&mut self, peer: Peer, shape: Shape, point: Point) {
        let known = self.rows.iter_mut().find(|row| (row.peer, row.shape) == (peer, shape));
        match known {
            Some(row) => row.points.push(point),
            None => {
                self.rows.push(Row { peer, does: peer.does(), shape, points: vec![point] });
            }
        }
    }

    /// What went wrong, with whom.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failure = |row: &Row, point: &Point| {
            let why = point.failed.as_ref()?;
            Some(format!("FAIL  {}, {}: {why}", row.peer.name(), row.shape.words()))
        };
        self.rows
            .iter()
            .flat_map(|row| row.points.iter().filter_map(move |point| failure(row, point)))
            .collect()
    }

    /// Fills a second of one by those of another, turn by turn.
    fn ratios(&self, of: Side, by: Side) -> Vec<f64> {
        let points = |(peer, is_meant): Side| {
            let row = self.rows.iter().find(|row| row.peer == peer && is_meant(row.shape));
            row.map_or(&[][..], |row| &row.points)
        };
        points(of).iter().zip(points(by)).filter_map(|(of, by)| ratio(of, by)).collect()
    }

    /// Fills a second of a row by those of a peer under the same fills a message.
    fn against(&self, row: &Row, peer: Peer, turned: bool) -> Option<f64> {
        let like = |other: &&Row| {
            let is_like =
                if BATCHES(row.shape) { BATCHES(other.shape) } else { other.shape == row.shape };
            other.peer == peer && is_like
        };
        let other = self.rows.iter().find(like)?;
        let (of, by) = if turned { (other, row) } else { (row, other) };
        middle(of.points.iter().zip(&by.points).filter_map(|(of, by)| ratio(of, by)).collect())
    }

    /// What the design asks for, and what is told along with it.
    pub(crate) fn comparisons(&self) -> Vec<Comparison> {
        let compare = |(measure, at_least, of, by): &(&'static str, Option<f64>, Side, Side)| {
            let ratios = self.ratios(*of, *by);
            let median = middle(ratios.clone());
            Comparison { measure, at_least: *at_least, ratios, median }
        };
        COMPARISONS.iter().map(compare).collect()
    }

    /// Everybody's figures.
    pub(crate) fn table(&self) -> String {
        let head = [
            "peer",
            "load",
            "answered when",
            "msgs/s",
            "fills/s",
            "p50",
            "p99",
            "of echo",
            "memory is",
            "journal is",
        ];
        let rows = self.rows.iter().map(|row| self.cells(row)).collect();
        grid::lay_out(&head, rows, &[0, 1, 2])
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let figure = |figure: fn(&Point) -> Option<u64>| {
            let sound = row.points.iter().filter(|point| point.failed.is_none());
            let mut known: Vec<_> = sound.filter_map(figure).collect();
            known.sort_unstable();
            known.get(known.len().saturating_sub(1) / 2).copied()
        };
        let count = |value: Option<u64>| value.map_or_else(none, |value| value.to_string());
        let time = |value: Option<u64>| value.map_or_else(none, span::show);
        let times = |value: Option<f64>| value.map_or_else(none, show);
        vec![
            row.peer.name().to_owned(),
            row.shape.words(),
            row.does.to_owned(),
            count(figure(|point| Some(point.achieved_per_s))),
            count(figure(|point| Some(point.fills_per_s))),
            time(figure(|point| point.response.p50)),
            time(figure(|point| point.response.p99)),
            times(self.against(row, Peer::Echo, false)),
            times(self.against(row, Peer::AllotMemory, true)),
            times(self.against(row, Peer::AllotJournal, true)),
        ]
    }
}

impl Shape {
    fn words(self) -> String {
        match self {
            ONE => "one in flight".to_owned(),
            Shape { window, batch: 1 } => format!("window {window}"),
            Shape { window, batch } => format!("window {window}, {batch} fills"),
        }
    }
}

/// What is compared.
pub(crate) fn comparison_table(comparisons: &[Comparison]) -> String {
    let row = |comparison: &Comparison| {
        let Comparison { measure, at_least, ratios, median } = comparison;
        let holds = match (at_least, median) {
            (Some(least), Some(median)) if least <= median => "holds",
            (Some(_), Some(_)) => "MISSED",
            (Some(_), None) => "n/a",
            (None, _) => "",
        };
        let turns: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        vec![
            (*measure).to_owned(),
            at_least.map_or_else(String::new, |least| format!(">= {least} x")),
            median.map_or_else(none, show),
            holds.to_owned(),
            turns.join(" "),
        ]
    };
    let head = ["fills a second", "target", "median", "holds", "turns"];
    grid::lay_out(&head, comparisons.iter().map(row).collect(), &[0, 3, 4])
}

fn none() -> String {
    "n/a".to_owned()
}

fn show(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.3} x") } else { format!("{ratio:.1} x") }
}

/// A ratio of what failed is none.
fn ratio(of: &Point, by: &Point) -> Option<f64> {
    let is_sound = of.failed.is_none() && by.failed.is_none() && 0 < by.fills_per_s;
    is_sound.then(|| of.fills_per_s as f64 / by.fills_per_s as f64)
}

/// The middle one; of an even number, the lower of the two in the middle.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(fills_per_s: u64) -> Point {
        Point { achieved_per_s: fills_per_s, fills_per_s, ..Point::default() }
    }

    fn standing(rows: &[(Peer, Shape, &[u64])]) -> Standing {
        let mut standing = Standing::default();
        for (peer, shape, turns) in rows {
            turns.iter().for_each(|turn| standing.add(*peer, *shape, point(*turn)));
        }
        standing
    }

    #[test]
    fn the_median_of_the_turns_ratios_counts_and_not_a_ratio_of_medians() {
        let standing = standing(&[
            (Peer::AllotJournal, MANY, &[600, 500, 100]),
            (Peer::RedisSynced, MANY, &[100, 50, 1]),
        ]);
        let comparison = &standing.comparisons()[0];
        assert_eq!(comparison.ratios, [6.0, 10.0, 100.0]);
        assert_eq!(comparison.median, Some(10.0));
        assert!(comparison_table(std::slice::from_ref(comparison)).contains("holds"));
    }

    #[test]
    fn batches_are_held_against_batches_and_single_messages_against_their_own_window() {
        let batches = |window| Shape { window, batch: BATCH };
        let standing = standing(&[
            (Peer::Echo, ONE, &[10]),
            (Peer::Echo, MANY, &[400]),
            (Peer::AllotMemory, ONE, &[8]),
            (Peer::AllotMemory, MANY, &[200]),
            (Peer::AllotMemory, batches(64), &[9_000]),
            (Peer::Python, ONE, &[2]),
            (Peer::Python, MANY, &[2]),
            (Peer::Python, batches(4), &[3]),
        ]);
        let against =
            |place: usize, peer, turned| standing.against(&standing.rows[place], peer, turned);
        assert_eq!(against(2, Peer::Echo, false), Some(0.8));
        assert_eq!(against(6, Peer::AllotMemory, true), Some(100.0));
        assert_eq!(against(7, Peer::AllotMemory, true), Some(3_000.0));
        assert_eq!(against(4, Peer::Echo, false), None, "an echo of batches is not measured");
        let medians: Vec<_> = standing.comparisons().iter().map(|one| one.median).collect();
        assert_eq!(medians, [None, None, Some(4_500.0), Some(3_000.0), Some(100.0), Some(4.0)]);
        assert!(standing.table().contains("window 64, 100 fills"));
    }

    #[test]
    fn what_failed_has_no_ratio_and_is_named() {
        let mut standing = standing(&[(Peer::AllotJournal, MANY, &[600])]);
        let failed = Point { failed: Some("lost one".to_owned()), ..point(1) };
        standing.add(Peer::RedisSynced, MANY, failed);
        assert_eq!(standing.comparisons()[0].median, None);
        assert_eq!(standing.failures(), ["FAIL  redis-synced, window 256: lost one"]);
    }
}
