//! The output of a run: a printed page, and files for plotters and for later comparisons.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::iter;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use allot_runtime::{Clock, Nanos};
use anyhow::{Context, Result};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::arguments::OutArgs;
use crate::environment::Environment;
use crate::interrupt::{self, Interrupted};
use crate::load::Measured;
use crate::run::{Point, Run};
use crate::{hgrm, page, utc};

/// A run under way.
pub(crate) struct Output {
    run: Run,
    environment: Environment,
    measured: Vec<Measured>,
    out: OutArgs,
}

impl Output {
    /// Nothing measured yet.
    pub(crate) fn begin(mode: &str, out: &OutArgs, server: BTreeMap<String, String>) -> Self {
        let started = utc::format(Clock::system().now());
        let run = Run { server, ..Run::new(mode, &out.label, started) };
        Self { run, environment: Environment::look(), measured: Vec::new(), out: out.clone() }
    }

    /// One more point.
    pub(crate) fn add(&mut self, measured: Measured) {
        self.run.points.push(measured.point.clone());
        self.measured.push(measured);
    }

    /// The knee of a sweep.
    pub(crate) fn set_knee(&mut self, knee: Option<u64>) {
        self.run.knee = knee;
    }

    /// The same for a run that was interrupted: what was measured whole, marked as a part.
    ///
    /// # Errors
    /// When that is nothing, or a file cannot be written.
    pub(crate) fn finish_early(mut self) -> Result<ExitCode> {
        if self.run.points.is_empty() {
            return Err(Interrupted.into());
        }
        self.run.interrupted = true;
        self.finish()
    }

    /// Prints the page and writes the files; the code is a failure if a point failed.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn finish(mut self) -> Result<ExitCode> {
        self.run.environment = self.environment.complete();
        let page = if self.out.details { page::whole } else { page::summary };
        crate::print(&page(&self.run))?;
        if let Some(folder) = &self.out.out {
            write(folder, &self.run, &self.measured)
                .with_context(|| format!("results cannot be written to {}", folder.display()))?;
        }
        if self.run.interrupted {
            return Ok(interrupt::exit_code());
        }
        let failed = self.run.failed().is_some();
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Ends of names of files whose figures count for nothing, and of those of a part of a run.
const FAILED: &str = ".FAIL";
const PARTIAL: &str = ".PARTIAL";

/// The end of the names of a run's files; what failed has failed, interrupted or not.
pub(crate) const fn mark(has_failed: bool, is_interrupted: bool) -> &'static str {
    match (has_failed, is_interrupted) {
        (true, _) => FAILED,
        (false, true) => PARTIAL,
        (false, false) => "",
    }
}

/// The name itself, or with the first number from 2 under which nothing is kept in the folder: no
/// run takes the place of an earlier one.
pub(crate) fn free_name(folder: &Path, name: &str) -> String {
    let is_kept = |name: &str| {
        let ends = [".json", "-response.hgrm"].into_iter();
        let mut ends = ends.flat_map(|end| ["", FAILED, PARTIAL].map(|mark| [end, mark].concat()));
        ends.any(|end| folder.join(format!("{name}{end}")).exists())
    };
    let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
    let mut names = iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !is_kept(name)).expect("numbers do not end")
}

fn write(folder: &Path, run: &Run, measured: &[Measured]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let suffix = mark(run.failed().is_some(), run.interrupted);
    let keep = |name: String, bytes: &[u8]| fs::write(folder.join(name + suffix), bytes);
    let run_name = match measured {
        [one] => name(&run.mode, &one.point),
        _ => format!("{}-{}-points", run.mode, measured.len()),
    };
    let run_name = free_name(folder, &run_name);
    for one in measured {
        let name = free_name(folder, &name(&run.mode, &one.point));
        let times = [("response", &one.recorder.response), ("service", &one.recorder.service)];
        for (time, histogram) in times {
            keep(format!("{name}-{time}.hgrm"), hgrm::write(histogram).as_bytes())?;
        }
        keep(format!("{name}-response.hlog"), &interval_log(one)?)?;
    }
    keep(format!("{run_name}.json"), run.to_json()?.as_bytes())?;
    Ok(keep(format!("{run_name}.csv"), csv(run).as_bytes())?)
}

/// The mode, and every parameter that points of a run differ by.
fn name(mode: &str, point: &Point) -> String {
    let offer = match (point.offered_per_s, point.window) {
        (Some(rate), _) => format!("-rate={rate}"),
        (None, Some(window)) => format!("-window={window}"),
        (None, None) => String::new(),
    };
    format!("{mode}{offer}-batch={}-connections={}", point.batch, point.connections)
}

/// Response times by the second, in the format of HistogramLogAnalyzer.
fn interval_log(measured: &Measured) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let start = UNIX_EPOCH + (measured.from - Nanos::ZERO);
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("response times in ns, by the second of the reply");
    builder.with_start_time(start).with_base_time(start).with_max_value_divisor(1e6);
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer)?;
    for (second, histogram) in (0..).zip(&measured.recorder.seconds) {
        let (at, long) = (Duration::from_secs(second), Duration::from_secs(1));
        log.write_histogram(histogram, at, long, None)
            .map_err(|error| anyhow::anyhow!("an interval of the log: {error}"))?;
    }
    Ok(bytes)
}

fn csv(run: &Run) -> String {
    let mut text = String::from(
        "mode,offered_per_s,window,batch,connections,achieved_per_s,fills_per_s,sent,answered,\
         refused,late_sends,time,count,min_ns,p50_ns,p90_ns,p99_ns,p999_ns,p9999_ns,max_ns,failed\n",
    );
    for point in &run.points {
        let or_empty = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
        let window = point.window.map_or(String::new(), |window| window.to_string());
        let times = [("response", &point.response), ("service", &point.service)];
        let times = times.map(|(time, latency)| (time.to_owned(), latency));
        let stages = point.stages.iter();
        let stages = stages.map(|stage| (format!("stage-{}", stage.stage), &stage.time));
        for (time, latency) in times.into_iter().chain(stages) {
            let counts = [point.achieved_per_s, point.fills_per_s, point.sent, point.answered];
            let words = [run.mode.clone(), or_empty(point.offered_per_s), window.clone()]
                .into_iter()
                .chain([point.batch.to_string(), point.connections.to_string()])
                .chain(counts.iter().map(u64::to_string))
                .chain([point.refused.to_string(), point.late_sends.to_string(), time])
                .chain([latency.count.to_string(), latency.min.to_string()])
                .chain([latency.p50, latency.p90, latency.p99].map(or_empty))
                .chain([latency.p999, latency.p9999].map(or_empty))
                .chain([latency.max.to_string(), point.failed.is_some().to_string()]);
            let line = words.collect::<Vec<_>>().join(",");
            writeln!(text, "{line}").expect("a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recorder;
    use crate::stage_counts::StageTime;

    fn measured(failed: Option<&str>) -> Measured {
        let mut recorder = Recorder::new();
        for value in 1..=100 {
            recorder.response.saturating_record(value);
            recorder.service.saturating_record(value);
        }
        recorder.seconds.push(recorder.response.clone());
        let point = Point {
            offered_per_s: Some(100),
            batch: 1,
            connections: 2,
            failed: failed.map(str::to_owned),
            ..Point::default()
        };
        Measured { point, recorder, from: Nanos::from_unix(1_700_000_000_000_000_000) }
    }

    fn files(failed: Option<&str>) -> Vec<String> {
        let folder = tempfile::TempDir::new().unwrap();
        files_in(folder.path(), failed)
    }

    /// What is in the folder after one more run.
    fn files_in(folder: &Path, failed: Option<&str>) -> Vec<String> {
        let one = measured(failed);
        let mut run = Run::new("echo", "", String::new());
        run.points.push(one.point.clone());
        write(folder, &run, &[one]).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn names_carry_what_was_measured() {
        let name = "echo-rate=100-batch=1-connections=2";
        let ends = ["-response.hgrm", "-response.hlog", "-service.hgrm", ".csv", ".json"];
        assert_eq!(files(None), ends.map(|end| format!("{name}{end}")));
    }

    #[test]
    fn no_run_takes_the_place_of_an_earlier_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let counts = [Some("lost one"), None, None].map(|end| files_in(folder.path(), end).len());
        assert_eq!(counts, [5, 10, 15]);
        let name = "echo-rate=100-batch=1-connections=2";
        assert_eq!(free_name(folder.path(), name), format!("{name}-4"));
        assert_eq!(free_name(folder.path(), "tcp"), "tcp");
    }

    #[test]
    fn what_failed_can_not_be_mistaken_for_a_result() {
        let files = files(Some("lost one"));
        assert!(files.iter().all(|name| name.ends_with(".FAIL")), "{files:?}");
        assert_eq!((mark(true, true), mark(false, true)), (".FAIL", ".PARTIAL"));
    }

    #[test]
    fn an_interval_log_is_read_back() {
        use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
        let bytes = interval_log(&measured(None)).unwrap();
        let entries = IntervalLogIterator::new(&bytes).map(Result::unwrap);
        let intervals = entries.filter(|entry| matches!(entry, LogEntry::Interval(_)));
        assert_eq!(intervals.count(), 1);
    }

    #[test]
    fn a_row_has_a_field_for_each_title() {
        let mut run = Run::new("echo", "", String::new());
        let stages = vec![StageTime::default()];
        run.points.push(Point { stages, ..measured(None).point });
        let csv = csv(&run);
        let counts: Vec<_> = csv.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(counts, [21, 21, 21, 21]);
    }
}
