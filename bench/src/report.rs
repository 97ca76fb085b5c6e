//! A report: runs as one HTML file that needs no other file and no network.

use std::fmt::Write;

use crate::bars::{self, Bar};
use crate::chart::{self, Axis, Series, escape};
use crate::compare::StageRow;
use crate::run::{Point, Run};
use crate::stage_counts::StageTime;
use crate::{compare, latency, page, span};

const STYLE: &str = "
body { font: 14px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
pre { font-size: 12px; overflow-x: auto; background: #f6f6f4; padding: .8rem }
table { border-collapse: collapse } td, th { padding: .1rem .7rem; text-align: right }
th { border-bottom: 1px solid #999 }
svg { width: 100%; height: auto; font-size: 11px }
svg .grid { stroke: #e4e4e0 } svg .title { fill: #555 }
svg .line { fill: none; stroke-width: 1.6 } svg .key { cursor: pointer }
svg .off .line { display: none } svg .off .key { opacity: .35 }
";

/// A click on the name of a line hides it, or shows it again.
const SCRIPT: &str = "
document.querySelectorAll('svg .key').forEach(function (key) {
  key.addEventListener('click', function () { key.parentNode.classList.toggle('off') })
})
";

/// The file. Runs are drawn together, and each is compared with `against`, an earlier run.
pub(crate) fn html(runs: &[Run], against: Option<&Run>) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <title>Allot: measured</title>",
    );
    let _ = write!(html, "<style>{STYLE}</style></head><body>\n<h1>Allot: measured</h1>\n");
    if let Some(against) = against {
        runs.iter().for_each(|run| html.push_str(&comparison(against, run)));
    }
    let everything: Vec<&Run> = runs.iter().chain(against).collect();
    for (title, drawn) in [
        ("Percentile spectrum of response times", spectrum(&everything)),
        ("Latency against offered load", against_offered(&everything)),
        ("Achieved against offered", achieved(&everything)),
        ("Response times over time", over_time(&everything)),
        ("Stages of the server, medians", stages(&everything)),
    ] {
        let _ = write!(html, "<h2>{title}</h2>\n{drawn}");
    }
    for run in everything {
        let title = escape(&name(run));
        let page = escape(&page::of_run(run));
        let _ = write!(html, "<h2>{title}</h2>\n<pre>{page}</pre>\n");
    }
    let _ = write!(html, "<script>{SCRIPT}</script>\n</body></html>\n");
    html
}

fn name(run: &Run) -> String {
    let label = if run.label.is_empty() { &run.started } else { &run.label };
    format!("{} {label}", run.mode)
}

fn name_of(run: &Run, point: &Point) -> String {
    format!("{}, {}", name(run), point.offer())
}

fn points<'a>(runs: &'a [&Run]) -> impl Iterator<Item = (&'a Run, &'a Point)> {
    runs.iter().flat_map(|run| run.points.iter().map(move |point| (*run, point)))
}

fn spectrum(runs: &[&Run]) -> String {
    let line = |(run, point): (&Run, &Point)| {
        // At 100 % the axis would be endless: the maximum is shown where the samples end.
        let count = point.response.count as f64;
        let at = |(percent, ns): &(f64, u64)| {
            let left = (1.0 - percent / 100.0).max(1.0 / count);
            (1.0 / left, *ns as f64)
        };
        let points = point.response.spectrum.iter().map(at).collect();
        Series { name: name_of(run, point), points, dashed: false }
    };
    let series: Vec<_> = points(runs).map(line).collect();
    let show = |value: f64| format!("{} %", 100.0 - 100.0 / value);
    let x = Axis { title: "percentile, by 1 / (1 - p)", logarithmic: true, show };
    chart::draw(&x, &time(), &series)
}

fn against_offered(runs: &[&Run]) -> String {
    let mut series = Vec::new();
    for run in runs {
        type Depth = fn(&Point) -> Option<u64>;
        let depths: [(&str, Depth); 3] = [
            ("p50", |point| point.response.p50),
            ("p99", |point| point.response.p99),
            ("p99.9", |point| point.response.p999),
        ];
        for (depth, value) in depths {
            let at = |point: &Point| Some((point.offered_per_s? as f64, value(point)? as f64));
            let points: Vec<_> = run.points.iter().filter_map(at).collect();
            let name = format!("{} {depth}", name(run));
            series.push(Series { name, points, dashed: depth != "p50" });
        }
    }
    series.retain(|line| !line.points.is_empty());
    chart::draw(&rate("offered, messages a second"), &time(), &series)
}

fn achieved(runs: &[&Run]) -> String {
    let mut series: Vec<Series> = Vec::new();
    for run in runs {
        let at = |point: &Point| Some((point.offered_per_s? as f64, point.achieved_per_s as f64));
        let points: Vec<_> = run.points.iter().filter_map(at).collect();
        series.push(Series { name: name(run), points, dashed: false });
    }
    series.retain(|line| !line.points.is_empty());
    let offered: Vec<_> =
        series.iter().flat_map(|line| &line.points).map(|(x, _)| (*x, *x)).collect();
    if !offered.is_empty() {
        series.push(Series { name: "what was offered".to_owned(), points: offered, dashed: true });
    }
    let achieved = "achieved, messages a second";
    // Linear: on a logarithmic axis the shortfall at the knee could not be seen.
    let linear = |title| Axis { logarithmic: false, ..rate(title) };
    chart::draw(&linear("offered, messages a second"), &linear(achieved), &series)
}

fn over_time(runs: &[&Run]) -> String {
    let mut series = Vec::new();
    for (run, point) in points(runs) {
        let seconds = || point.over_time.iter();
        let medians = seconds().filter_map(|second| Some((second.0 as f64, second.1? as f64)));
        let maxima = seconds().filter(|second| 0 < second.4);
        let maxima = maxima.map(|second| (second.0 as f64, second.3 as f64));
        let name = name_of(run, point);
        let median =
            Series { name: format!("{name} p50"), points: medians.collect(), dashed: false };
        series.push(median);
        series.push(Series { name: format!("{name} max"), points: maxima.collect(), dashed: true });
    }
    series.retain(|line| !line.points.is_empty());
    let show = |value: f64| format!("{value} s");
    let x = Axis { title: "since the warm-up ended", logarithmic: false, show };
    chart::draw(&x, &time(), &series)
}

/// A bar for each point in which stages were timed: their medians, in the order of the path.
fn stages(runs: &[&Run]) -> String {
    let bar = |(run, point): (&Run, &Point)| {
        let part = |stage: &StageTime| Some((stage.stage.clone(), stage.time.p50? as f64));
        let parts = point.stages.iter().filter_map(part).collect();
        Bar { name: name_of(run, point), parts }
    };
    let timed = points(runs).filter(|(_, point)| !point.stages.is_empty());
    bars::draw(&timed.map(bar).collect::<Vec<_>>(), |value| span::show(latency::whole(value)))
}

fn comparison(before: &Run, after: &Run) -> String {
    let cells = |row: compare::Row| {
        row.load.into_iter().chain(row.ratios.into_iter().map(compare::show)).collect()
    };
    let rows = compare::rows(before, after).into_iter().map(cells).collect();
    let stages = compare::stage_rows(before, after).into_iter().map(StageRow::cells).collect();
    let (before, after) = (escape(&name(before)), escape(&name(after)));
    let mut html = format!("<h2>{after}, as a multiple of {before}</h2>\n");
    let head = ["offered", "batch", "connections"].into_iter().chain(compare::titles().to_vec());
    html.push_str(&table(head, rows));
    html.push_str(&table(compare::stage_titles().iter().copied(), stages));
    html
}

/// Rows under a header; empty without rows.
fn table(head: impl Iterator<Item = &'static str>, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: String = head.map(|title| format!("<th>{title}</th>")).collect();
    let mut html = format!("<table><tr>{head}");
    for row in rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        let _ = write!(html, "</tr>\n<tr>{cells}");
    }
    html + "</tr></table>\n"
}

fn time() -> Axis {
    let show = |value: f64| span::show(latency::whole(value));
    Axis { title: "time", logarithmic: true, show }
}

fn rate(title: &'static str) -> Axis {
    let show = |value: f64| match value {
        value if 1e6 <= value => format!("{} M", value / 1e6),
        value if 1e3 <= value => format!("{} k", value / 1e3),
        value => format!("{value}"),
    };
    Axis { title, logarithmic: true, show }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latency;

    fn run(label: &str) -> Run {
        let mut histogram = latency::histogram();
        (1..=20_000).for_each(|value| histogram.saturating_record(value));
        let mut run = Run::new("tcp", label, String::new());
        run.points = [100, 200, 400]
            .map(|rate| Point {
                offered_per_s: Some(rate),
                achieved_per_s: rate,
                response: Latency::of(&histogram),
                over_time: vec![(0, Some(5), Some(9), 10, 100), (1, Some(6), Some(9), 11, 100)],
                stages: vec![StageTime {
                    stage: "route".to_owned(),
                    time: Latency::of(&histogram),
                    ..StageTime::default()
                }],
                ..Point::default()
            })
            .to_vec();
        run
    }

    #[test]
    fn a_report_needs_nothing_from_elsewhere() {
        let html = html(&[run("a & b")], Some(&run("before")));
        for text in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!html.contains(text), "{text}");
        }
        assert_eq!(html.matches("<svg").count(), 5);
        assert_eq!(html.matches("<rect").count(), 6, "a stage of three points of two runs");
        assert!(html.contains("<td>route</td>"), "compared");
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
        assert!(html.contains("a &amp; b") && !html.contains("a & b"));
        assert!(html.contains("1.000 x"), "compared");
    }

    #[test]
    fn a_run_without_open_loops_is_drawn_too() {
        let mut run = run("closed");
        run.points.iter_mut().for_each(|point| point.offered_per_s = None);
        let html = html(&[run], None);
        assert_eq!(html.matches("nothing to draw").count(), 2);
        assert_eq!(html.matches("<svg").count(), 3);
    }
}
