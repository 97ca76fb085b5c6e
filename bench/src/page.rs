//! The page of a run, as it is printed.

use std::fmt::Write;

use crate::latency::Latency;
use crate::run::{Point, Run};
use crate::{grid, span, stage_table};

const HEAD: &[&str] = &[
    "offered", "msgs/s", "fills/s", "late", "refused", "time", "min", "p50", "p90", "p99", "p99.9",
    "p99.99", "max",
];

/// The whole page: environment, settings, tables, and the result of the checks.
pub(crate) fn of_run(run: &Run) -> String {
    let mut page = String::new();
    let mut line = |line: &str| writeln!(page, "{line}").expect("a string takes everything");
    line(&format!("mode {}  {}  {}", run.mode, run.started, run.label));
    for (title, facts) in [("environment", &run.environment), ("server and load", &run.server)] {
        line(&format!("{title}:"));
        facts.iter().for_each(|(name, value)| line(&format!("  {name:<20} {value}")));
    }
    line("");
    line(&table(&run.points));
    if run.points.iter().any(|point| point.window.is_some()) {
        line("a closed loop waits for replies: these are times of a server that is never pressed");
    }
    if let Some(table) = stage_table::of_points(&run.points) {
        line(&format!("\n{table}\n"));
    }
    if let Some(knee) = run.knee {
        line(&format!("the knee: {knee} messages a second were sustained"));
    }
    for point in &run.points {
        match &point.failed {
            Some(why) => line(&format!("FAIL  {}: {why}", point.offer())),
            None => line(&format!("ok    {}: {}", point.offer(), point.checked)),
        }
    }
    page
}

/// A row for each time of each point; the floors have one.
fn table(points: &[Point]) -> String {
    let mut rows = Vec::new();
    for point in points {
        let counts = [
            point.offer(),
            point.achieved_per_s.to_string(),
            point.fills_per_s.to_string(),
            point.late_sends.to_string(),
            point.refused.to_string(),
        ];
        if point.service.count == 0 {
            rows.push(counts.into_iter().chain(times("each", &point.response)).collect());
            continue;
        }
        rows.push(counts.into_iter().chain(times("response", &point.response)).collect());
        let blank = (0..5).map(|_| String::new());
        rows.push(blank.chain(times("service", &point.service)).collect());
    }
    grid::lay_out(HEAD, rows, &[5])
}

fn times(name: &str, latency: &Latency) -> Vec<String> {
    let deep = [latency.p50, latency.p90, latency.p99, latency.p999, latency.p9999];
    let deep = deep.map(|value| value.map_or_else(|| "n/a".to_owned(), span::show));
    let (min, max) = (span::show(latency.min), span::show(latency.max));
    [name.to_owned(), min].into_iter().chain(deep).chain([max]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_count_does_not_carry_is_not_stated() {
        let response = Latency { count: 50, p50: Some(1_500), max: 9_000, ..Latency::default() };
        let service = response.clone();
        let point = Point { window: Some(1), response, service, ..Point::default() };
        let failed = Point { failed: Some("lost one".to_owned()), ..point.clone() };
        let mut run = Run::new("echo", "", String::new());
        run.points = vec![point, failed];
        let page = of_run(&run);
        for text in ["1.50 µs", "n/a", "9.00 µs", "closed, window 1", "FAIL", "lost one"] {
            assert!(page.contains(text), "{text}:\n{page}");
        }
    }
}
