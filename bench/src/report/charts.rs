//! The charts of a report: which of the figures of its runs are drawn, and as what.

use std::collections::BTreeSet;

use crate::report::chart::{Axis, Chart, Dash, Kind, Series, Unit};
use crate::run::{Point, Run};

/// Of a run with more points than this, some are drawn where each would be a line.
const LINES_MAX: usize = 4;

const TIME: Axis = Axis { title: "time", logarithmic: true, unit: Unit::Nanoseconds };

/// A percentile by its name, and the line that it is drawn as.
type Depth = (&'static str, Dash, fn(&Point) -> Option<u64>);

const DEPTHS: [Depth; 3] = [
    ("p50", Dash::Solid, |point| point.response.p50),
    ("p99", Dash::Dashed, |point| point.response.p99),
    ("p99.9", Dash::Dotted, |point| point.response.p999),
];

/// The charts that show something; where every run has one point, those over loads do not.
pub(crate) fn of_runs(runs: &[(&Run, &str)]) -> Vec<Chart> {
    let all =
        [spectrum(runs), against_offered(runs), achieved(runs), over_time(runs), stages(runs)];
    all.into_iter().filter(Chart::is_worth_drawing).collect()
}

/// A point of a run under its name, and how strong its lines are.
struct Drawn<'a> {
    place: usize,
    name: String,
    strength: f64,
    point: &'a Point,
}

/// The points that have a line of their own. Of a sweep: the sparsest rate, half the knee, the
/// knee, and the last one.
fn drawn<'a>(runs: &[(&'a Run, &str)]) -> Vec<Drawn<'a>> {
    let mut drawn = Vec::new();
    for (place, (run, name)) in runs.iter().enumerate() {
        let chosen = chosen(run);
        for (at, point) in (1_u32..).zip(&chosen) {
            let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
            let strength = f64::from(at) / f64::from(count);
            let name = format!("{name}, {}", point.offer());
            drawn.push(Drawn { place, name, strength, point });
        }
    }
    drawn
}

fn chosen(run: &Run) -> Vec<&Point> {
    let count = run.points.len();
    if count <= LINES_MAX {
        return run.points.iter().collect();
    }
    let at = |rate: Option<u64>| {
        let is_it = |point: &Point| rate.is_some() && point.offered_per_s == rate;
        run.points.iter().position(is_it)
    };
    let places: BTreeSet<_> = match run.knee {
        Some(knee) => [Some(0), at(Some(knee / 2)), at(Some(knee)), Some(count - 1)].into(),
        None => [Some(0), Some(count / 3), Some(count * 2 / 3), Some(count - 1)].into(),
    };
    places.into_iter().flatten().map(|place| &run.points[place]).collect()
}

/// What is said under a chart from which points were left out.
fn note(runs: &[(&Run, &str)]) -> String {
    let is_cut = runs.iter().any(|(run, _)| LINES_MAX < run.points.len());
    let said = "Of a run with many loads four are drawn, a sweep's sparsest rate, half its knee, \
                its knee and its last rate; the stronger the line, the higher the load.";
    if is_cut { said.to_owned() } else { String::new() }
}

fn lines(title: &'static str, note: String, axes: [Axis; 2], series: Vec<Series>) -> Chart {
    let [x, y] = axes;
    let series = series.into_iter().filter(|line| !line.points.is_empty()).collect();
    Chart { title, note, kind: Kind::Lines, x, y, bars: Vec::new(), series, marks: Vec::new() }
}

fn spectrum(runs: &[(&Run, &str)]) -> Chart {
    let line = |Drawn { place, name, strength, point }: Drawn<'_>| {
        // At 100 % the axis would be endless: the maximum is shown where the samples end.
        let count = point.response.count as f64;
        let at = |(percent, ns): &(f64, u64)| {
            let left = (1.0 - percent / 100.0).max(1.0 / count);
            (1.0 / left, *ns as f64)
        };
        let points = point.response.spectrum.iter().map(at).collect();
        Series { name, colour: place, strength, dash: Dash::Solid, points }
    };
    let series = drawn(runs).into_iter().map(line).collect();
    let x = Axis { title: "percentile", logarithmic: true, unit: Unit::Percentile };
    lines("Percentiles of response times", note(runs), [x, TIME], series)
}

fn against_offered(runs: &[(&Run, &str)]) -> Chart {
    let mut series = Vec::new();
    for (colour, (run, name)) in runs.iter().enumerate() {
        series.extend(DEPTHS.map(|(depth, dash, value)| {
            let at = |point: &Point| Some((point.offered_per_s? as f64, value(point)? as f64));
            let points = run.points.iter().filter_map(at).collect();
            Series { name: format!("{name} {depth}"), colour, strength: 1.0, dash, points }
        }));
    }
    let x = rate("offered, messages a second", true);
    let chart = lines("Latency against offered load", String::new(), [x, TIME], series);
    Chart { marks: knees(runs), ..chart }
}

fn achieved(runs: &[(&Run, &str)]) -> Chart {
    let mut series = Vec::new();
    for (colour, (run, name)) in runs.iter().enumerate() {
        let at = |point: &Point| Some((point.offered_per_s? as f64, point.achieved_per_s as f64));
        let points = run.points.iter().filter_map(at).collect();
        let (name, dash) = ((*name).to_owned(), Dash::Solid);
        series.push(Series { name, colour, strength: 1.0, dash, points });
    }
    let mut offered: Vec<_> =
        series.iter().flat_map(|line| &line.points).map(|(x, _)| (*x, *x)).collect();
    offered.sort_by(|a, b| a.0.total_cmp(&b.0));
    offered.dedup();
    let name = "what was offered".to_owned();
    series.push(Series {
        name,
        colour: runs.len(),
        strength: 0.6,
        dash: Dash::Dashed,
        points: offered,
    });
    // Linear: on a logarithmic axis the shortfall at the knee could not be seen.
    let axes = ["offered, messages a second", "achieved, messages a second"];
    let axes = axes.map(|title| rate(title, false));
    let chart = lines("Achieved against offered", String::new(), axes, series);
    Chart { marks: knees(runs), ..chart }
}

fn over_time(runs: &[(&Run, &str)]) -> Chart {
    let mut series = Vec::new();
    for Drawn { place: colour, name, strength, point } in drawn(runs) {
        let seconds = || point.over_time.iter();
        let medians = seconds().filter_map(|second| Some((second.0 as f64, second.1? as f64)));
        let maxima = seconds().filter(|second| 0 < second.4);
        let maxima = maxima.map(|second| (second.0 as f64, second.3 as f64));
        let kinds = [
            ("p50", Dash::Solid, medians.collect::<Vec<_>>()),
            ("max", Dash::Dotted, maxima.collect()),
        ];
        series.extend(kinds.map(|(depth, dash, points)| Series {
            name: format!("{name} {depth}"),
            colour,
            strength,
            dash,
            points,
        }));
    }
    // A second is a dot, which says nothing of how times went on.
    series.retain(|line| 1 < line.points.len());
    let x = Axis { title: "since the warm-up ended", logarithmic: false, unit: Unit::Seconds };
    lines("Response times over time", note(runs), [x, TIME], series)
}

/// A bar for each point in which stages were timed: their medians, in the order of the path.
fn stages(runs: &[(&Run, &str)]) -> Chart {
    let timed: Vec<_> =
        drawn(runs).into_iter().filter(|drawn| !drawn.point.stages.is_empty()).collect();
    let mut series: Vec<Series> = Vec::new();
    for (bar, drawn) in (0_u32..).zip(&timed) {
        for stage in &drawn.point.stages {
            let Some(median) = stage.time.p50 else { continue };
            let known = series.iter().position(|part| part.name == stage.stage);
            let place = known.unwrap_or_else(|| {
                let (name, colour, points) = (stage.stage.clone(), series.len(), Vec::new());
                series.push(Series { name, colour, strength: 1.0, dash: Dash::Solid, points });
                series.len() - 1
            });
            series[place].points.push((f64::from(bar), median as f64));
        }
    }
    let x = Axis { title: "", logarithmic: false, unit: Unit::Rate };
    let y = Axis { title: "sum of the medians", logarithmic: false, unit: Unit::Nanoseconds };
    let bars = timed.into_iter().map(|drawn| drawn.name).collect();
    let chart = lines("Stages of the server, medians", note(runs), [x, y], series);
    Chart { kind: Kind::Bars, bars, ..chart }
}

fn knees(runs: &[(&Run, &str)]) -> Vec<(f64, String)> {
    let knee = |(run, name): &(&Run, &str)| Some((run.knee? as f64, format!("knee of {name}")));
    runs.iter().filter_map(knee).collect()
}

const fn rate(title: &'static str, logarithmic: bool) -> Axis {
    Axis { title, logarithmic, unit: Unit::Rate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{self, Latency};
    use crate::stage_counts::StageTime;

    fn run(rates: &[u64]) -> Run {
        let mut histogram = latency::histogram();
        (1..=20_000).for_each(|value| histogram.saturating_record(value));
        let point = |rate: &u64| Point {
            offered_per_s: Some(*rate),
            achieved_per_s: *rate,
            response: Latency::of(&histogram),
            over_time: vec![(0, Some(5), Some(9), 10, 100), (1, Some(6), Some(9), 11, 100)],
            stages: ["route", "send"]
                .map(|stage| StageTime {
                    stage: stage.to_owned(),
                    time: Latency::of(&histogram),
                    ..StageTime::default()
                })
                .to_vec(),
            ..Point::default()
        };
        Run { points: rates.iter().map(point).collect(), ..Run::new("tcp", "", String::new()) }
    }

    fn titles(charts: &[Chart]) -> Vec<&'static str> {
        charts.iter().map(|chart| chart.title).collect()
    }

    #[test]
    fn a_chart_over_loads_needs_more_than_one() {
        let (one, two) = (run(&[100]), run(&[100, 200]));
        let over_loads = ["Latency against offered load", "Achieved against offered"];
        let charts = of_runs(&[(&one, "one")]);
        assert_eq!(charts.len(), 3);
        assert!(over_loads.iter().all(|title| !titles(&charts).contains(title)));
        assert_eq!(of_runs(&[(&two, "two")]).len(), 5);
        let closed = Point { window: Some(1), offered_per_s: None, ..one.points[0].clone() };
        let closed = Run { points: vec![closed; 2], ..one };
        assert_eq!(of_runs(&[(&closed, "closed")]).len(), 3);
    }

    #[test]
    fn of_a_sweep_the_loads_that_say_something_have_a_line() {
        let rates: Vec<_> = (0..12).map(|doubled| 100 << doubled).collect();
        let sweep = Run { knee: Some(102_400), ..run(&rates) };
        let offered = |run: &Run| {
            let rates = chosen(run).into_iter().map(|point| point.offered_per_s.unwrap());
            rates.collect::<Vec<_>>()
        };
        assert_eq!(offered(&sweep), [100, 51_200, 102_400, 204_800]);
        assert_eq!(offered(&Run { knee: None, ..sweep.clone() }), [100, 1_600, 25_600, 204_800]);
        let charts = of_runs(&[(&sweep, "tcp")]);
        let lines: Vec<_> = charts.iter().map(|chart| chart.series.len()).collect();
        assert_eq!(lines, [4, 3, 2, 8, 2]);
        assert!(charts[0].note.contains("four are drawn"));
        assert_eq!(charts[1].marks, [(102_400.0, "knee of tcp".to_owned())]);
        assert_eq!(charts[4].bars.len(), 4);
    }

    #[test]
    fn lines_of_one_run_have_one_colour_and_a_dash_for_each_percentile() {
        let (before, after) = (run(&[100, 200]), run(&[100, 200]));
        let charts = of_runs(&[(&before, "before"), (&after, "after")]);
        let of_latency: Vec<_> =
            charts[1].series.iter().map(|line| (line.colour, line.dash)).collect();
        let dashes = [Dash::Solid, Dash::Dashed, Dash::Dotted];
        let expected = [0, 1].into_iter().flat_map(|run| dashes.map(|dash| (run, dash)));
        assert_eq!(of_latency, expected.collect::<Vec<_>>());
    }
}
