//! A run as it is kept: one JSON object, which `report` and `compare` read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::latency::Latency;
use crate::schema::{EXPERIMENT_KINDS, SCHEMA};
use crate::stage_counts::StageTime;
use crate::windows::WindowFigures;

/// What a run is called in its file.
const KIND: &str = "run";

/// One run: a mode at one or several offers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) schema: u32,
    pub(crate) kind: String,
    pub(crate) mode: String,
    pub(crate) label: String,
    /// In UTC.
    pub(crate) started: String,
    pub(crate) environment: BTreeMap<String, String>,
    /// The settings of the server, as far as they are known, and of the load.
    pub(crate) server: BTreeMap<String, String>,
    pub(crate) points: Vec<Point>,
    /// The last rate of a sweep that was sustained, in messages a second.
    #[serde(default)]
    pub(crate) knee: Option<u64>,
    /// Whether it was stopped before all loads were measured.
    #[serde(default)]
    pub(crate) interrupted: bool,
}

/// One offer and its results.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Messages a second of an open loop.
    pub(crate) offered_per_s: Option<u64>,
    /// Messages in flight per connection of a closed loop.
    pub(crate) window: Option<usize>,
    /// Fills in a message.
    pub(crate) batch: u32,
    pub(crate) connections: u64,
    /// Messages a second whose replies came.
    pub(crate) achieved_per_s: u64,
    pub(crate) fills_per_s: u64,
    /// Measured messages that left, and messages whose reply came in the measured time.
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// Messages refused for lack of room, in all phases.
    pub(crate) refused: u64,
    /// Sends more than a millisecond after their time.
    pub(crate) late_sends: u64,
    pub(crate) late_ns_max: u64,
    pub(crate) duration_s: f64,
    pub(crate) response: Latency,
    pub(crate) service: Latency,
    pub(crate) over_time: Vec<Second>,
    /// Response times by windows of 10 ms.
    #[serde(default)]
    pub(crate) windows: Option<WindowFigures>,
    /// The stages of the server, where they were timed.
    #[serde(default)]
    pub(crate) stages: Vec<StageTime>,
    /// How positions were checked, or why not.
    pub(crate) checked: String,
    pub(crate) failed: Option<String>,
}

/// The second, p50, p99 and max of response times in nanoseconds, and the number of replies.
pub(crate) type Second = (u64, Option<u64>, Option<u64>, u64, u64);

impl Run {
    /// A run without points.
    pub(crate) fn new(mode: &str, label: &str, started: String) -> Self {
        Self {
            schema: SCHEMA,
            kind: KIND.to_owned(),
            mode: mode.to_owned(),
            label: label.to_owned(),
            started,
            environment: BTreeMap::new(),
            server: BTreeMap::new(),
            points: Vec::new(),
            knee: None,
            interrupted: false,
        }
    }

    /// The first failure.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.points.iter().find_map(|point| point.failed.as_deref())
    }

    /// As it is kept.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub(crate) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Reads one that was kept.
    ///
    /// # Errors
    /// When there is no such file, or it is of another layout.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let place = || format!("no run can be read from {}", path.display());
        let text = fs::read_to_string(path).with_context(place)?;
        Self::parse(&text).with_context(place)
    }

    /// As [`Self::load`], but none for the file of an experiment, which may be among the runs.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn find(path: &Path) -> Result<Option<Self>> {
        let text = fs::read_to_string(path).unwrap_or_default();
        if is_other(&text) { Ok(None) } else { Self::load(path).map(Some) }
    }

    fn parse(text: &str) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        ensure!(schema == Some(SCHEMA.into()), "its schema is not {SCHEMA}");
        ensure!(value.get("kind").is_some_and(|kind| kind == KIND), "it is not the JSON of a run");
        Ok(serde_json::from_value(value)?)
    }
}

fn is_other(text: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    value["schema"] == SCHEMA && EXPERIMENT_KINDS.iter().any(|kind| value["kind"] == **kind)
}

impl Point {
    /// The offer as text.
    pub(crate) fn offer(&self) -> String {
        match (self.offered_per_s, self.window) {
            (Some(rate), _) => format!("{rate}/s"),
            (None, Some(window)) => format!("closed, window {window}"),
            (None, None) => "as fast as it goes".to_owned(),
        }
    }

    /// The point itself, if nothing was lost or wrong: nothing is compared with one that failed.
    ///
    /// # Errors
    /// What failed.
    pub(crate) fn sound(self) -> Result<Self> {
        match &self.failed {
            Some(why) => bail!("FAIL  {}: {why}", self.offer()),
            None => Ok(self),
        }
    }

    /// Whether another point was measured under the same load.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let load =
            |point: &Self| (point.offered_per_s, point.window, point.batch, point.connections);
        load(self) == load(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency;

    fn run() -> Run {
        let mut histogram = latency::histogram();
        (1..=1_000).for_each(|value| histogram.saturating_record(value * 100));
        let mut run = Run::new("tcp", "a label", "2026-11-20T10:00:00Z".to_owned());
        run.environment.insert("cpu".to_owned(), "one".to_owned());
        run.points.push(Point {
            offered_per_s: Some(100),
            batch: 1,
            connections: 1,
            response: Latency::of(&histogram),
            duration_s: 0.5,
            over_time: vec![(0, Some(1), None, 3, 4)],
            windows: None,
            ..Point::default()
        });
        run
    }

    #[test]
    fn a_run_reads_back_as_it_was() {
        let run = run();
        assert_eq!(Run::parse(&run.to_json().unwrap()).unwrap(), run);
    }

    #[test]
    fn another_layout_is_refused() {
        let json = run().to_json().unwrap();
        let newer = json.replace("\"schema\": 1", "\"schema\": 2");
        assert!(Run::parse(&newer).unwrap_err().to_string().contains("schema"));
        let other = json.replace("\"kind\": \"run\"", "\"kind\": \"list\"");
        assert!(Run::parse(&other).unwrap_err().to_string().contains("not the JSON of a run"));
    }

    #[test]
    fn what_stands_beside_runs_is_told_from_what_is_none_of_ours() {
        let json = run().to_json().unwrap();
        let of = |kind: &str| json.replace("\"kind\": \"run\"", &format!("\"kind\": \"{kind}\""));
        for kind in EXPERIMENT_KINDS {
            assert!(is_other(&of(kind)), "{kind}");
        }
        let newer = of("peers").replace("\"schema\": 1", "\"schema\": 2");
        for text in [&json, &of("list"), &newer, "", "[]", "no JSON"] {
            assert!(!is_other(text), "{text}");
        }
    }

    #[test]
    fn a_percentile_that_is_not_there_is_null() {
        let json = run().to_json().unwrap();
        assert!(json.contains("\"p999\": null"), "{json}");
    }
}
