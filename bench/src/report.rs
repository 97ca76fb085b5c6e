//! A report: runs as one HTML file that needs no other file and no network.
//!
//! The charts are drawn by uPlot, of which the repository has one copy (`third_party/uplot`); what
//! they show is in the page as JSON.

mod chart;
mod charts;
mod names;

use std::fmt::Write;

use anyhow::Result;

use crate::compare::StageRow;
use crate::run::{Point, Run};
use crate::{compare, page, span};

const UPLOT: &str = include_str!("../../third_party/uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("../../third_party/uplot/uPlot.min.css");
const SCRIPT: &str = include_str!("../assets/report.js");
const STYLE: &str = include_str!("../assets/report.css");

/// Nothing but what is in the page may be loaded or run.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";

const SUMMARY: [&str; 8] = ["run", "offered", "msgs/s", "fills/s", "p50", "p99", "p99.9", "max"];

/// The file. Runs are drawn together, and each is compared with `against`, an earlier run.
///
/// # Errors
/// When a figure is none.
pub(crate) fn html(runs: &[Run], against: Option<&Run>) -> Result<String> {
    let everything: Vec<&Run> = runs.iter().chain(against).collect();
    let names = names::names(&everything);
    let named: Vec<_> = everything.iter().copied().zip(names.iter().map(String::as_str)).collect();
    let title = title(runs);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <title>{title}</title>\n<style>{UPLOT_STYLE}{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    html.push_str(&summary(&named));
    if let (Some(against), Some((_, before))) = (against, named.last()) {
        for (run, name) in &named[..runs.len()] {
            html.push_str(&comparison((against, before), (run, name)));
        }
    }
    let charts = charts::of_runs(&named);
    for chart in &charts {
        let (title, note) = (chart.title, &chart.note);
        let _ =
            writeln!(html, "<h2>{title}</h2>\n<figure><figcaption>{note}</figcaption></figure>");
    }
    html.push_str(
        "<noscript><p>The charts need JavaScript; the tables have their figures.</p></noscript>\n\
         <h2>In full</h2>\n",
    );
    for (run, name) in &named {
        let (name, page) = (escape(name), escape(&page::whole(run)));
        let _ = writeln!(html, "<details><summary>{name}</summary>\n<pre>{page}</pre></details>");
    }
    // Within a script an end tag would end it, whatever it is part of.
    let json = serde_json::to_string(&charts)?.replace("</", "<\\/");
    let _ = writeln!(
        html,
        "<script type=\"application/json\" id=\"charts\">{json}</script>\n\
         <script>{UPLOT}</script>\n<script>{SCRIPT}</script>\n</body></html>"
    );
    Ok(html)
}

/// The labels of the runs, where they have any.
fn title(runs: &[Run]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for run in runs {
        if !run.label.is_empty() && !labels.contains(&run.label.as_str()) {
            labels.push(&run.label);
        }
    }
    if labels.is_empty() {
        return "Allot, measured".to_owned();
    }
    format!("Allot, measured: {}", escape(&labels.join(", ")))
}

/// The figures that are asked for first, whether they may be believed, and where they are from.
fn summary(runs: &[(&Run, &str)]) -> String {
    let points = || runs.iter().flat_map(|(run, _)| &run.points);
    let mut places: Vec<String> = Vec::new();
    for (run, _) in runs {
        let place = page::machine(run);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut html = String::new();
    for place in places {
        let _ = writeln!(html, "<p class=\"soft\">{}</p>", escape(&place));
    }
    let failures: Vec<_> = points().filter(|point| point.failed.is_some()).collect();
    let _ = match failures.len() {
        0 => writeln!(html, "<p>Every reply was checked, and none was missing or wrong.</p>"),
        count => writeln!(
            html,
            "<p class=\"bad\">FAIL: what {count} of {} loads measured counts for nothing.</p>",
            points().count()
        ),
    };
    for (_, name) in runs.iter().filter(|(run, _)| run.interrupted) {
        let name = escape(name);
        let _ = writeln!(html, "<p class=\"bad\">{name} was interrupted: loads are missing.</p>");
    }
    for (run, name) in runs {
        for oddity in page::oddities(&run.points) {
            let _ = writeln!(html, "<p>{}, {}</p>", escape(name), escape(&oddity));
        }
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (run, name) in runs {
        rows.extend(run.points.iter().map(|point| row(name, point)));
    }
    html + &table(SUMMARY.into_iter(), rows)
}

fn row(name: &str, point: &Point) -> Vec<String> {
    let name = match point.failed {
        Some(_) => format!("FAIL {name}"),
        None => name.to_owned(),
    };
    let response = &point.response;
    let show = |time: Option<u64>| time.map_or_else(|| "n/a".to_owned(), span::show);
    let times = [response.p50, response.p99, response.p999, Some(response.max)].map(show);
    let rates = [point.achieved_per_s, point.fills_per_s].map(page::grouped);
    [name, point.offer()].into_iter().chain(rates).chain(times).collect()
}

fn comparison((before, before_name): (&Run, &str), (after, name): (&Run, &str)) -> String {
    let rows: Vec<Vec<String>> =
        compare::rows(before, after).into_iter().map(compare::Row::cells).collect();
    let stages = compare::stage_rows(before, after).into_iter().map(StageRow::cells).collect();
    let (before, after) = (escape(before_name), escape(name));
    let mut html = format!("<h2>{after}, as a multiple of {before}</h2>\n");
    if rows.is_empty() {
        html.push_str("<p>The two have no load in common.</p>\n");
        return html;
    }
    html.push_str(&table(compare::titles().iter().copied(), rows));
    let _ = writeln!(html, "<p class=\"soft\">{}</p>", compare::SPREAD);
    html.push_str(&table(compare::stage_titles().iter().copied(), stages));
    html
}

/// Rows under a header; empty without rows.
fn table(head: impl Iterator<Item = &'static str>, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: String = head.map(|title| format!("<th>{title}</th>")).collect();
    let mut html = format!("<div class=\"wide\"><table class=\"figures\"><tr>{head}");
    for row in rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        let _ = write!(html, "</tr>\n<tr>{cells}");
    }
    html + "</tr></table></div>\n"
}

/// Escapes a text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{self, Latency};
    use crate::stage_counts::StageTime;

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
        let html = html(&[run("a & b </script>")], Some(&run("before"))).unwrap();
        // The library names its home in a comment.
        let own = html.replace(UPLOT, "");
        for text in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!own.contains(text), "{text}");
        }
        assert!(html.contains(UPLOT) && html.contains("default-src 'none'"));
        assert_eq!(html.matches("<figure>").count(), 5);
        assert_eq!(html.matches("<script").count(), 3, "a label is no tag");
        assert_eq!(html.matches("</script>").count(), 3);
        assert!(html.contains("<td>route</td>") && html.contains("1.000 x"), "compared");
    }

    #[test]
    fn what_is_asked_for_first_stands_first() {
        let html = html(&[run("one day")], None).unwrap();
        let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}"));
        let order = ["<h1>Allot, measured: one day", "none was missing", "p99.9", "<figure>"];
        let places = order.map(at);
        assert!(places.is_sorted(), "{places:?}");
        assert!(places[3] < at("<details>"));
    }

    #[test]
    fn what_is_odd_about_a_load_stands_above_its_figures() {
        let mut odd = run("one");
        odd.points[0].refused = 7;
        let html = html(&[odd], None).unwrap();
        let note = html.find("7 messages were refused</p>").expect("a note");
        assert!(note < html.find("p99.9").unwrap());
    }

    #[test]
    fn runs_without_a_load_in_common_are_not_compared() {
        let mut other = run("other");
        other.points.iter_mut().for_each(|point| point.offered_per_s = Some(7));
        let html = html(&[run("one")], Some(&other)).unwrap();
        assert!(html.contains("no load in common") && !html.contains("<td>route</td>"));
    }

    #[test]
    fn a_failure_is_the_first_that_is_read() {
        let mut failed = run("bad");
        failed.points[1].failed = Some("lost one".to_owned());
        failed.interrupted = true;
        let html = html(&[failed], None).unwrap();
        assert!(html.contains("FAIL: what 1 of 3 loads") && html.contains("<td>FAIL tcp</td>"));
        assert!(html.contains("was interrupted"));
    }
}
