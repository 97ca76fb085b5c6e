//! Results: the figures of all peers, and what is compared between them.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::experiment::{
    Bound, Compared, Comparison, FILLS, Figure, MESSAGES, P50, P99, Series, Side, show,
};
use crate::peers::peer::{BATCHES, MANY, ONE, PYTHON_BATCHES, Peer, Shape};
use crate::run::Point;
use crate::{grid, span};

/// A peer under one shape of load.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct PeerLoad {
    pub(crate) peer: Peer,
    pub(crate) shape: Shape,
}

/// Its points.
type PeerSeries = Series<PeerLoad, Point>;

/// In fills a second.
const COMPARISONS: &[Comparison<PeerLoad>] = &[
    compare(
        "allot-journal by redis-synced, window 256",
        Some(5.0),
        load(Peer::AllotJournal, MANY),
        load(Peer::RedisSynced, MANY),
    ),
    compare(
        "allot-journal, 100 fills a message, by redis-synced, window 256",
        None,
        load(Peer::AllotJournal, BATCHES),
        load(Peer::RedisSynced, MANY),
    ),
    compare(
        "allot-memory, 100 fills a message, by python, one a message",
        Some(1_000.0),
        load(Peer::AllotMemory, BATCHES),
        load(Peer::Python, MANY),
    ),
    compare(
        "allot-memory by python, 100 fills a message",
        None,
        load(Peer::AllotMemory, BATCHES),
        load(Peer::Python, PYTHON_BATCHES),
    ),
    compare(
        "allot-memory by python, window 256",
        None,
        load(Peer::AllotMemory, MANY),
        load(Peer::Python, MANY),
    ),
    compare(
        "allot-memory by python, one in flight",
        None,
        load(Peer::AllotMemory, ONE),
        load(Peer::Python, ONE),
    ),
];

const fn load(peer: Peer, shape: Shape) -> PeerLoad {
    PeerLoad { peer, shape }
}

const fn compare(
    measure: &'static str,
    least: Option<f64>,
    of: PeerLoad,
    by: PeerLoad,
) -> Comparison<PeerLoad> {
    let of = Side { name: of, figure: FILLS };
    let by = Side { name: by, figure: FILLS };
    Comparison { measure, bound: Bound::AtLeast(least), of, by }
}

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Results<'a> {
    /// The peers that are not installed, and what is missing.
    pub(crate) skipped: BTreeMap<&'static str, String>,
    #[serde(serialize_with = "comparisons")]
    pub(crate) comparisons: Vec<Compared>,
    #[serde(serialize_with = "rows")]
    rows: &'a [PeerSeries],
}

/// A peer under one shape of load, as it is kept.
#[derive(Serialize)]
struct Row<'a> {
    peer: Peer,
    does: &'static str,
    #[serde(flatten)]
    shape: Shape,
    /// One for each turn.
    points: &'a [Point],
}

fn comparisons<S: Serializer>(compared: &[Compared], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(compared.iter().map(|one| {
        let Compared { measure, bound: Bound::AtLeast(least) | Bound::AtMost(least), ratios } = one;
        json!({ "measure": measure, "at_least": least, "ratios": ratios, "median": one.median() })
    }))
}

fn rows<S: Serializer>(series: &[PeerSeries], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(series.iter().map(|one| {
        let PeerLoad { peer, shape } = one.name;
        Row { peer, does: peer.does(), shape, points: &one.turns }
    }))
}

impl<'a> Results<'a> {
    /// Compares what the design asks for, and more that explains it.
    pub(crate) fn new(skipped: BTreeMap<&'static str, String>, rows: &'a [PeerSeries]) -> Self {
        let comparisons = COMPARISONS.iter().map(|comparison| comparison.within(rows)).collect();
        Self { skipped, comparisons, rows }
    }

    /// What went wrong, and with which peer.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failure = |name: PeerLoad, point: &Point| {
            let PeerLoad { peer, shape } = name;
            let why = point.failed.as_ref()?;
            Some(format!("FAIL  {}, {}: {why}", peer.name(), shape.words()))
        };
        let of_row = |row: &'a PeerSeries| {
            row.turns.iter().filter_map(move |point| failure(row.name, point))
        };
        self.rows.iter().flat_map(of_row).collect()
    }

    /// The figures of all peers.
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

    fn cells(&self, row: &PeerSeries) -> Vec<String> {
        let PeerLoad { peer, shape } = row.name;
        let figure = |figure: Figure| {
            let sound = row.turns.iter().filter(|point| point.failed.is_none());
            MEDIAN.median(&sound.filter_map(figure).collect::<Vec<_>>())
        };
        let none = || "n/a".to_owned();
        let count = |value: Option<u64>| value.map_or_else(none, |value| value.to_string());
        let time = |value: Option<u64>| value.map_or_else(none, span::show);
        let by_echo = self.like(row, Peer::Echo).and_then(|echo| fills_by(row, echo));
        let times = |peer| self.like(row, peer).and_then(|other| fills_by(other, row));
        vec![
            peer.name().to_owned(),
            shape.words(),
            peer.does().to_owned(),
            count(figure(MESSAGES)),
            count(figure(FILLS)),
            time(figure(P50)),
            time(figure(P99)),
            show(by_echo),
            show(times(Peer::AllotMemory)),
            show(times(Peer::AllotJournal)),
        ]
    }

    /// The row of another peer whose messages are like those of this one.
    fn like(&self, row: &PeerSeries, peer: Peer) -> Option<&PeerSeries> {
        let is_like = |other: &&PeerSeries| {
            other.name.peer == peer && other.name.shape.is_like(row.name.shape)
        };
        self.rows.iter().find(is_like)
    }
}

/// Of an even number of turns, the lower of the two in the middle.
const MEDIAN: Bound = Bound::AtLeast(None);

/// Fills a second of one by those of the other.
fn fills_by(one: &PeerSeries, other: &PeerSeries) -> Option<f64> {
    MEDIAN.median(&one.by(FILLS, other, FILLS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(peer: Peer, shape: Shape, turns: &[u64]) -> PeerSeries {
        let point = |fills_per_s: &u64| Point {
            achieved_per_s: *fills_per_s,
            fills_per_s: *fills_per_s,
            ..Point::default()
        };
        Series { name: load(peer, shape), turns: turns.iter().map(point).collect() }
    }

    #[test]
    fn batches_are_held_against_batches_and_single_messages_against_their_own_window() {
        let rows = [
            series(Peer::Echo, ONE, &[10]),
            series(Peer::Echo, MANY, &[400]),
            series(Peer::AllotMemory, ONE, &[8]),
            series(Peer::AllotMemory, MANY, &[200]),
            series(Peer::AllotMemory, BATCHES, &[9_000]),
            series(Peer::Python, ONE, &[2]),
            series(Peer::Python, MANY, &[2]),
            series(Peer::Python, PYTHON_BATCHES, &[3]),
        ];
        let results = Results::new(BTreeMap::new(), &rows);
        let like = |index: usize, peer| results.like(&rows[index], peer).map(|row| row.name);
        assert_eq!(like(2, Peer::Echo), Some(load(Peer::Echo, ONE)));
        assert_eq!(like(6, Peer::AllotMemory), Some(load(Peer::AllotMemory, MANY)));
        assert_eq!(like(7, Peer::AllotMemory), Some(load(Peer::AllotMemory, BATCHES)));
        assert_eq!(like(4, Peer::Echo), None, "an echo of batches is not measured");
        let medians: Vec<_> = results.comparisons.iter().map(Compared::median).collect();
        assert_eq!(medians, [None, None, Some(4_500.0), Some(3_000.0), Some(100.0), Some(4.0)]);
        let table = results.table();
        let line = table.lines().find(|line| line.contains("window 4, 100 fills")).unwrap();
        assert!(line.contains("3000.0 x"), "{table}");
        assert!(table.contains("0.800 x"), "of echo\n{table}");
    }

    #[test]
    fn results_are_kept_under_the_names_of_their_fields() {
        let rows = [
            series(Peer::AllotJournal, MANY, &[600, 500, 100]),
            series(Peer::RedisSynced, MANY, &[100, 50, 1]),
        ];
        let skipped = BTreeMap::from([("nats", "not installed".to_owned())]);
        let kept = serde_json::to_value(Results::new(skipped, &rows)).unwrap();
        let expected = json!({
            "measure": "allot-journal by redis-synced, window 256",
            "at_least": 5.0,
            "ratios": [6.0, 10.0, 100.0],
            "median": 10.0,
        });
        assert_eq!(kept["comparisons"][0], expected);
        assert_eq!(kept["comparisons"][1]["at_least"], json!(null));
        assert_eq!(kept["skipped"]["nats"], "not installed");
        let row = &kept["rows"][1];
        assert_eq!((&row["peer"], &row["does"]), (&"redis-synced".into(), &"kept, on disk".into()));
        assert_eq!((&row["window"], &row["batch"]), (&256.into(), &1.into()));
        assert_eq!(row["points"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn what_failed_has_no_ratio_and_is_named() {
        let mut rows =
            [series(Peer::AllotJournal, MANY, &[600]), series(Peer::RedisSynced, MANY, &[1])];
        rows[1].turns[0].failed = Some("lost one".to_owned());
        let results = Results::new(BTreeMap::new(), &rows);
        assert_eq!(results.comparisons[0].median(), None);
        assert_eq!(results.failures(), ["FAIL  redis-synced, window 256: lost one"]);
    }
}
