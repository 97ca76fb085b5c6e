//! The page of a run, as it is printed: a summary, or all of it.

use std::fmt::Write;

use crate::latency::Latency;
use crate::run::{Point, Run};
use crate::{grid, span, stage_table};

const HEAD: &[&str] = &[
    "offered", "msgs/s", "fills/s", "late", "refused", "time", "min", "p50", "p90", "p99", "p99.9",
    "p99.99", "max",
];

const SUMMARY: &[&str] = &["offered", "msgs/s", "fills/s", "p50", "p99", "p99.9", "max"];

/// A load generator that sent more than this part of its messages late has measured itself.
const LATE_PERCENT_MAX: u64 = 1;

/// What is asked for first, in eighty columns: rates, response times, and the checks.
pub(crate) fn summary(run: &Run) -> String {
    let mut lines = vec![headline(run), machine(run)];
    lines.extend(load(run));
    lines.push(String::new());
    lines.push(grid::lay_out(SUMMARY, run.points.iter().map(short).collect(), &[0]));
    lines.push(String::new());
    if let Some(knee) = run.knee {
        lines.push(format!("the knee: {} messages a second were sustained", grouped(knee)));
    }
    lines.extend(oddities(&run.points).map(|oddity| format!("note  {oddity}")));
    lines.extend(checks(run));
    if run.interrupted {
        lines.push("interrupted: loads are missing".to_owned());
    }
    lines.push("--details prints service times, all percentiles, stages and environment".into());
    lines.join("\n")
}

/// All of it: environment, settings, tables, and the result of the checks.
pub(crate) fn whole(run: &Run) -> String {
    let mut page = String::new();
    let mut line = |line: &str| writeln!(page, "{line}").expect("a string takes everything");
    line(&headline(run));
    for (title, facts) in [("environment", &run.environment), ("server and load", &run.server)] {
        line(&format!("{title}:"));
        facts.iter().for_each(|(name, value)| line(&format!("  {name:<20} {value}")));
    }
    line("");
    line(&table(&run.points));
    if run.points.iter().any(|point| point.window.is_some()) {
        line("a closed loop waits for replies: these are times of a server that is never pressed");
    }
    for point in &run.points {
        let windows = point.windows.iter();
        windows.for_each(|windows| line(&format!("{}: {}", point.offer(), windows.line())));
    }
    if let Some(table) = stage_table::of_points(&run.points) {
        line(&format!("\n{table}\n"));
    }
    if let Some(knee) = run.knee {
        line(&format!("the knee: {knee} messages a second were sustained"));
    }
    checks(run).iter().for_each(|check| line(check));
    if run.interrupted {
        line("interrupted: loads are missing");
    }
    page
}

fn headline(run: &Run) -> String {
    let words = [&run.mode, &run.label, &run.started].map(String::as_str);
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ")
}

/// Where a run is from, in a line; a debug build, and time that the host took, are said there.
pub(crate) fn machine(run: &Run) -> String {
    let fact = |name: &str| run.environment.get(name).map(String::as_str);
    let mut words: Vec<String> = fact("cpu").map(str::to_owned).into_iter().collect();
    words.extend(fact("cores").map(|cores| format!("{cores} cores")));
    words.extend(fact("build").map(str::to_owned));
    words.extend(fact("revision").map(|revision| format!("revision {revision}")));
    let steal = fact("steal").and_then(|steal| steal.split_once(" of the time"));
    words.extend(steal.map(|(share, _)| format!("steal {share}")));
    words.join(", ")
}

/// What was measured with what: it tells runs apart that stand beside each other.
fn load(run: &Run) -> Option<String> {
    let fact = |name: &str| run.server.get(name).map(String::as_str);
    let mut words: Vec<String> =
        fact("client").map(|name| format!("client {name}")).into_iter().collect();
    words.extend(fact("encoding").map(str::to_owned));
    words.extend(fact("transport").map(|name| format!("transport {name}")));
    words.extend(fact("ack").map(|name| format!("ack {name}")));
    words.extend((fact("curve") == Some("true")).then(|| "CURVE".to_owned()));
    (!words.is_empty()).then(|| words.join(", "))
}

/// A line for each point that failed; for the others one, where all were checked alike.
fn checks(run: &Run) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for point in &run.points {
        let line = match &point.failed {
            Some(why) => format!("FAIL  {}: {why}", point.offer()),
            None => format!("ok    {}", point.checked),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn short(point: &Point) -> Vec<String> {
    let response = &point.response;
    let show = |time: Option<u64>| time.map_or_else(|| "n/a".to_owned(), span::show);
    let times = [response.p50, response.p99, response.p999, Some(response.max)].map(show);
    let rates = [point.achieved_per_s, point.fills_per_s].map(grouped);
    [point.offer()].into_iter().chain(rates).chain(times).collect()
}

/// What a reader of the figures must know of the loads.
pub(crate) fn oddities(points: &[Point]) -> impl Iterator<Item = String> {
    late(points).into_iter().chain(refused(points))
}

/// Loads in which the load generator fell behind have its times in theirs.
fn late(points: &[Point]) -> Option<String> {
    let is_late = |point: &&Point| point.sent * LATE_PERCENT_MAX < point.late_sends * 100;
    noted(points.iter().filter(is_late), |point| point.late_sends, "sends left late")
}

fn refused(points: &[Point]) -> Option<String> {
    let points = points.iter().filter(|point| 0 < point.refused);
    noted(points, |point| point.refused, "messages were refused")
}

/// In how many loads something was so, and where most.
fn noted<'a>(
    points: impl Iterator<Item = &'a Point> + Clone,
    count: fn(&Point) -> u64,
    what: &str,
) -> Option<String> {
    let most = points.clone().max_by_key(|point| count(point))?;
    let (loads, most_of, offer) = (points.count(), grouped(count(most)), most.offer());
    Some(match loads {
        1 => format!("{offer}: {most_of} {what}"),
        _ => format!("{offer}: {most_of} {what}, the most of {loads} such loads"),
    })
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (!head.is_empty()).then(|| head.to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
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
    use crate::stage_counts::StageTime;

    fn run() -> Run {
        let response = Latency { count: 50, p50: Some(1_500), max: 9_000, ..Latency::default() };
        let service = response.clone();
        let stages = vec![StageTime { stage: "route".to_owned(), ..StageTime::default() }];
        let checked = "one reply each".to_owned();
        let point =
            Point { window: Some(1), response, service, stages, checked, ..Point::default() };
        let failed = Point { failed: Some("lost one".to_owned()), ..point.clone() };
        let mut run = Run::new("echo", "a label", String::new());
        run.points = vec![point.clone(), point, failed];
        for (name, value) in [
            ("cpu", "A Processor"),
            ("cores", "2"),
            ("build", "release"),
            ("steal", "0.25 % of the time (5 ticks)"),
            ("load average", "0.1 before, 0.9 after"),
        ] {
            run.environment.insert(name.to_owned(), value.to_owned());
        }
        run
    }

    #[test]
    fn what_the_count_does_not_carry_is_not_stated() {
        let run = run();
        for page in [whole(&run), summary(&run)] {
            for text in ["1.50 µs", "n/a", "9.00 µs", "closed, window 1", "FAIL", "lost one"] {
                assert!(page.contains(text), "{text}:\n{page}");
            }
        }
    }

    #[test]
    fn a_summary_says_what_is_asked_for_first_and_fits_a_terminal() {
        let summary = summary(&run());
        assert!(
            summary.starts_with("echo  a label\nA Processor, 2 cores, release, steal 0.25 %\n")
        );
        assert_eq!(summary.matches("ok    one reply each").count(), 1, "{summary}");
        for text in ["route", "load average", "service"] {
            assert!(!summary.replace("service times", "").contains(text), "{text}:\n{summary}");
            assert!(whole(&run()).contains(text), "{text}");
        }
        let widest = summary.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{summary}");
    }

    #[test]
    fn runs_are_told_apart_by_what_was_measured() {
        let mut run = run();
        assert_eq!(load(&run), None);
        for (name, value) in [("client", "native"), ("encoding", "json"), ("curve", "true")] {
            run.server.insert(name.to_owned(), value.to_owned());
        }
        assert!(summary(&run).contains("\nclient native, json, CURVE\n\n"), "{}", summary(&run));
    }

    #[test]
    fn what_is_odd_about_a_load_is_said() {
        let mut run = run();
        run.points[0].sent = 1_000;
        run.points[0].late_sends = 10;
        assert!(!summary(&run).contains("note"), "one in a hundred is usual");
        run.points[0].late_sends = 11;
        run.points[0].refused = 1_234;
        let page = summary(&run);
        assert!(page.contains("closed, window 1: 11 sends left late\n"), "{page}");
        assert!(page.contains("closed, window 1: 1,234 messages were refused\n"), "{page}");
        run.points[1].refused = 2_000;
        assert!(summary(&run).contains("2,000 messages were refused, the most of 2 such loads"));
        run.interrupted = true;
        assert!(summary(&run).contains("interrupted") && whole(&run).contains("interrupted"));
    }

    #[test]
    fn digits_stand_in_groups() {
        let numbers = [0, 12, 123, 1_234, 123_456, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
    }
}
