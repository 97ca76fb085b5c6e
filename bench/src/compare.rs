//! A comparison: what one run measured as a multiple of what another did, load by load.

use crate::grid;
use crate::latency::Latency;
use crate::run::{Point, Run};

/// The quantities that are compared, in the order of the columns.
const HEAD: &[&str] = &[
    "offered",
    "batch",
    "connections",
    "msgs/s",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "p99.99",
    "max",
    "spread",
];

/// What the last column is.
pub(crate) const SPREAD: &str = "spread: how far the p50 of one second and another lie apart \
                                 within a run, in the run where it is more; a ratio that is \
                                 nearer to 1 may be chance";

/// A load that both runs have: its name, and each quantity of the later run by the earlier one's.
pub(crate) struct Row {
    pub(crate) load: [String; 3],
    pub(crate) ratios: Vec<Option<f64>>,
    /// The larger of the runs' own spreads, as a part of their medians; none of short runs.
    pub(crate) spread: Option<f64>,
}

impl Row {
    /// As a row of a table.
    pub(crate) fn cells(self) -> Vec<String> {
        let spread = self.spread.map(|spread| format!("{:.1} %", spread * 100.0));
        let ratios = self.ratios.into_iter().map(show);
        let last = [spread.unwrap_or_else(|| "n/a".to_owned())];
        self.load.into_iter().chain(ratios).chain(last).collect()
    }
}

/// The titles of the whole row of a load.
pub(crate) fn titles() -> &'static [&'static str] {
    HEAD
}

/// Every load that both runs have.
pub(crate) fn rows(before: &Run, after: &Run) -> Vec<Row> {
    let mut rows = Vec::new();
    for new in &after.points {
        if let Some(old) = before.points.iter().find(|old| old.is_like(new)) {
            rows.push(row(old, new));
        }
    }
    rows
}

fn row(old: &Point, new: &Point) -> Row {
    let load = [new.offer(), new.batch.to_string(), new.connections.to_string()];
    let achieved = ratio(Some(old.achieved_per_s), Some(new.achieved_per_s));
    let times = depths(&old.response).into_iter().zip(depths(&new.response));
    let times = times.map(|(old, new)| ratio(old, new));
    let spread = spread(old).zip(spread(new)).map(|(old, new)| old.max(new));
    Row { load, ratios: [achieved].into_iter().chain(times).collect(), spread }
}

/// How far the medians of single seconds are apart, by the middle one; the first and the last
/// second may be parts of one, and do not count.
fn spread(point: &Point) -> Option<f64> {
    let seconds = point.over_time.get(1..point.over_time.len().saturating_sub(1))?;
    let mut medians: Vec<u64> = seconds.iter().filter_map(|second| second.1).collect();
    medians.sort_unstable();
    let (least, most) = (medians.first()?, medians.last()?);
    let middle = medians[medians.len() / 2];
    (1 < medians.len() && 0 < middle).then(|| (most - least) as f64 / middle as f64)
}

fn depths(latency: &Latency) -> [Option<u64>; 6] {
    let max = (0 < latency.count).then_some(latency.max);
    [latency.p50, latency.p90, latency.p99, latency.p999, latency.p9999, max]
}

/// The second as a multiple of the first; none where one is unknown.
fn ratio(old: Option<u64>, new: Option<u64>) -> Option<f64> {
    let (old, new) = (old.filter(|old| 0 < *old)?, new?);
    Some(new as f64 / old as f64)
}

/// A ratio for a table.
pub(crate) fn show(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "n/a".to_owned(), |ratio| format!("{ratio:.3} x"))
}

/// The quantities of the stages that are compared, in the order of the columns.
const STAGE_HEAD: &[&str] = &["offered", "batch", "connections", "stage", "p50", "p90", "p99"];

/// A stage that both runs have, at a load that both have.
pub(crate) struct StageRow {
    pub(crate) name: [String; 4],
    pub(crate) ratios: [Option<f64>; 3],
}

/// The titles of the whole row of a stage.
pub(crate) fn stage_titles() -> &'static [&'static str] {
    STAGE_HEAD
}

/// Every stage that both runs have.
pub(crate) fn stage_rows(before: &Run, after: &Run) -> Vec<StageRow> {
    let mut rows = Vec::new();
    for new in &after.points {
        if let Some(old) = before.points.iter().find(|old| old.is_like(new)) {
            rows.extend(new.stages.iter().filter_map(|stage| {
                let same = old.stages.iter().find(|old| old.stage == stage.stage)?;
                let [offer, batch, connections] = row(old, new).load;
                let name = [offer, batch, connections, stage.stage.clone()];
                let (old, new) = (&same.time, &stage.time);
                let depths = [(old.p50, new.p50), (old.p90, new.p90), (old.p99, new.p99)];
                Some(StageRow { name, ratios: depths.map(|(old, new)| ratio(old, new)) })
            }));
        }
    }
    rows
}

impl StageRow {
    /// As a row of a table.
    pub(crate) fn cells(self) -> Vec<String> {
        self.name.into_iter().chain(self.ratios.map(show)).collect()
    }
}

/// The tables that are printed.
pub(crate) fn page(before: &Run, after: &Run) -> String {
    let rows = rows(before, after);
    let name = |run: &Run| format!("{} {} {}", run.mode, run.started, run.label);
    let head = format!("{}, as a multiple of {}", name(after).trim(), name(before).trim());
    if rows.is_empty() {
        return format!("{head}\nthe two have no load in common");
    }
    let lines = rows.into_iter().map(Row::cells).collect();
    let table = format!("{head}\n\n{}\n\n{SPREAD}", grid::lay_out(HEAD, lines, &[]));
    let stages: Vec<_> = stage_rows(before, after).into_iter().map(StageRow::cells).collect();
    if stages.is_empty() {
        return table;
    }
    format!("{table}\n\nstages of the server\n\n{}", grid::lay_out(STAGE_HEAD, stages, &[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage_counts::StageTime;

    fn run(points: &[(u64, u64, u64)]) -> Run {
        let mut run = Run::new("tcp", "", String::new());
        run.points = points
            .iter()
            .map(|(rate, achieved, p50)| Point {
                offered_per_s: Some(*rate),
                achieved_per_s: *achieved,
                response: Latency { count: 1, p50: Some(*p50), max: *p50, ..Latency::default() },
                ..Point::default()
            })
            .collect();
        run
    }

    #[test]
    fn only_the_same_load_is_compared() {
        let (before, after) = (run(&[(100, 100, 40), (200, 200, 50)]), run(&[(200, 150, 100)]));
        let rows = rows(&before, &after);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].load[0], "200/s");
        let shown: Vec<_> = rows[0].ratios.iter().map(|ratio| show(*ratio)).collect();
        assert_eq!(shown, ["0.750 x", "2.000 x", "n/a", "n/a", "n/a", "n/a", "2.000 x"]);
        assert_eq!(titles().len(), rows.into_iter().next().unwrap().cells().len());
    }

    #[test]
    fn a_spread_is_that_of_the_run_where_it_is_more() {
        let (mut before, mut after) = (run(&[(100, 100, 40)]), run(&[(100, 100, 40)]));
        let seconds = |medians: &[u64]| {
            let second = |(at, median): (u64, &u64)| (at, Some(*median), None, 0, 1);
            (0..).zip(medians).map(second).collect::<Vec<_>>()
        };
        before.points[0].over_time = seconds(&[900, 100, 110, 100, 1]);
        assert_eq!(rows(&before, &after)[0].spread, None, "the later run was too short");
        after.points[0].over_time = seconds(&[1, 80, 100, 120, 900]);
        let cells = rows(&before, &after).remove(0).cells();
        assert_eq!(cells.last().unwrap(), "40.0 %");
        assert!(page(&before, &after).contains("may be chance"));
    }

    #[test]
    fn stages_are_compared_where_both_runs_have_them() {
        let stage = |name: &str, p50| StageTime {
            stage: name.to_owned(),
            time: Latency { p50: Some(p50), ..Latency::default() },
            ..StageTime::default()
        };
        let (mut before, mut after) = (run(&[(100, 100, 40)]), run(&[(100, 100, 40)]));
        assert!(!page(&before, &after).contains("stages"));
        before.points[0].stages = vec![stage("route", 200), stage("send", 100)];
        after.points[0].stages = vec![stage("send", 150), stage("queue", 10)];
        let rows = stage_rows(&before, &after);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].name, ["100/s", "0", "0", "send"]);
        assert_eq!(rows[0].ratios, [Some(1.5), None, None]);
        assert!(page(&before, &after).contains("1.500 x"));
    }

    #[test]
    fn a_page_says_where_nothing_is_in_common() {
        let page = page(&run(&[(1, 1, 1)]), &run(&[(2, 2, 2)]));
        assert!(page.contains("no load in common"), "{page}");
    }
}
