//! The stage table: the stages of a fill in the server, as they are printed.

use crate::grid;
use crate::run::Point;
use crate::span;
use crate::stage_counts::{StageTime, sum_of_medians};

const HEAD: &[&str] =
    &["offered", "stage", "of each", "samples", "p50", "p90", "p99", "p99.9", "max", "share"];

/// Rows for each point in which stages were timed; none where there is no such point.
pub(crate) fn of_points(points: &[Point]) -> Option<String> {
    let timed = || points.iter().filter(|point| !point.stages.is_empty());
    let every = timed().next()?.stages.first()?.every;
    let rows = timed().flat_map(|point| {
        let sum = sum_of_medians(&point.stages);
        point.stages.iter().map(move |stage| row(point, stage, sum))
    });
    let table = grid::lay_out(HEAD, rows.collect(), &[1, 2]);
    Some(format!(
        "stages of the server, one in {every} timed, blurred by up to 0.5 s at either end; \
         share: of the sum of the medians\n{table}"
    ))
}

fn row(point: &Point, stage: &StageTime, sum: u64) -> Vec<String> {
    let time = &stage.time;
    let show = |value: Option<u64>| value.map_or_else(|| "n/a".to_owned(), span::show);
    let max = show((0 < time.count).then_some(time.max));
    let share = time.p50.filter(|_| 0 < sum);
    let share = share.map(|p50| format!("{:.1} %", 100.0 * p50 as f64 / sum as f64));
    let name = [point.offer(), stage.stage.clone(), stage.each.clone(), time.count.to_string()];
    let depths = [time.p50, time.p90, time.p99, time.p999].map(show);
    let last = [max, share.unwrap_or_else(|| "n/a".to_owned())];
    name.into_iter().chain(depths).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latency;

    fn stage(name: &str, p50: Option<u64>) -> StageTime {
        let count = if p50.is_some() { 50 } else { 0 };
        let time = Latency { count, p50, max: 9_000, ..Latency::default() };
        StageTime { stage: name.to_owned(), each: "fill".to_owned(), every: 64, time }
    }

    #[test]
    fn shares_are_of_the_sum_of_the_medians_that_can_be_stated() {
        let stages =
            vec![stage("route", Some(300)), stage("send", Some(900)), stage("queue", None)];
        let point = Point { window: Some(4), stages, ..Point::default() };
        let table = of_points(&[Point::default(), point]).unwrap();
        for text in ["one in 64", "25.0 %", "75.0 %", "900 ns", "9.00 µs", "closed, window 4"] {
            assert!(table.contains(text), "{text}:\n{table}");
        }
        let queue = table.lines().find(|line| line.contains("queue")).unwrap();
        assert_eq!(queue.matches("n/a").count(), 6, "{queue}");
        assert_eq!(of_points(&[Point::default()]), None);
    }
}
