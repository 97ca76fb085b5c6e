//! Stage file: how long the stages of a fill took in this process since its start, for benchmarks
//! and operators.
//!
//! ```text
//!   { "schema": 1, "every": 64, "stages": [
//!       { "stage": "receive", "each": "message", "times": [[959, 2], [1023, 5], …] }, … ] }
//! ```
//!
//! A pair in `times` is a bucket: its longest time in nanoseconds, and its count.
//! If a process runs several boxes, the file has the sums of their counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use allot_runtime::{Agent, Clock, Nanos, Stage, Stages};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::settings::Settings;

/// The version of the layout.
const SCHEMA: u32 = 1;

/// How often the file is written.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// An agent that writes the times of its boxes periodically and at the end.
pub(crate) struct StageFile {
    path: PathBuf,
    every: u64,
    boxes: Vec<Stages>,
    write_at: Nanos,
    /// The last write failed, and a warning was logged.
    is_failing: bool,
}

impl StageFile {
    /// The file that the settings name, if any, still without times.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn open(settings: &Settings) -> Result<Option<Self>> {
        let Some(path) = settings.stages.clone() else {
            return Ok(None);
        };
        let every = settings.stages_every;
        let file =
            Self { path, every, boxes: Vec::new(), write_at: Nanos::ZERO, is_failing: false };
        file.write()
            .with_context(|| format!("cannot write the stage times to {}", file.path.display()))?;
        Ok(Some(file))
    }

    /// A new set of times, for one more box.
    pub(crate) fn add_box(&mut self, clock: &Clock) -> Stages {
        let stages = Stages::every(self.every, clock.clone());
        self.boxes.push(stages.clone());
        stages
    }

    /// A reader sees the old file or the new one, never a part.
    fn write(&self) -> std::io::Result<()> {
        let temporary = temporary(&self.path);
        fs::write(&temporary, self.page().to_string())?;
        fs::rename(&temporary, &self.path)
    }

    fn page(&self) -> Value {
        let stages = Stage::ALL.iter().map(|stage| {
            let mut times = BTreeMap::new();
            for (longest, count) in self.boxes.iter().flat_map(|set| set.times(*stage)) {
                *times.entry(longest).or_insert(0) += count;
            }
            let times: Vec<(u64, u64)> = times.into_iter().collect();
            json!({ "stage": stage.label(), "each": stage.each(), "times": times })
        });
        json!({ "schema": SCHEMA, "every": self.every, "stages": stages.collect::<Vec<_>>() })
    }

    fn write_or_warn(&mut self) {
        let error = self.write().err();
        if let Some(error) = error.as_ref().filter(|_| !self.is_failing) {
            let path = self.path.display();
            tracing::warn!("cannot write the stage times to {path}: {error}");
        }
        self.is_failing = error.is_some();
    }
}

/// A path in the same folder, so that a rename replaces the file.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

impl Agent for StageFile {
    fn role(&self) -> &str {
        "stage-file"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        if self.write_at <= now {
            self.write_at = now + WRITE_EVERY;
            self.write_or_warn();
        }
        0
    }

    fn wake_at(&self) -> Nanos {
        self.write_at
    }

    /// The last write has the times since the one before.
    fn close(&mut self, _now: Nanos) {
        self.write_or_warn();
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::config::{Config, Origin};
    use crate::setting::Key;

    fn settings(path: &Path) -> Settings {
        let mut config = Config::default();
        config.set(Key::Stages, path.to_str().unwrap(), Origin::Default);
        Settings::of(&config).unwrap()
    }

    #[test]
    fn the_times_of_all_boxes_are_added_up() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("stages.json");
        let mut file = StageFile::open(&settings(&path)).unwrap().unwrap();
        let clock = Clock::virtual_at(Nanos::from_unix(1));
        for nanoseconds in [5, 5, 1_000] {
            let set = file.add_box(&clock);
            let began = set.begin(Stage::Apply);
            clock.advance(Duration::from_nanos(nanoseconds));
            set.end(Stage::Apply, began);
        }
        file.close(Nanos::ZERO);
        let page: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let stages = page["stages"].as_array().unwrap();
        assert_eq!((page["schema"].as_u64(), stages.len()), (Some(1), Stage::ALL.len()));
        expect![[r#"{"each":"fill","stage":"allocate","times":[[5,2],[1023,1]]}"#]]
            .assert_eq(&stages[3].to_string());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error_at_the_start() {
        let error = StageFile::open(&settings(Path::new("/nowhere/stages.json"))).err().unwrap();
        assert!(error.to_string().contains("/nowhere/stages.json"), "{error}");
        assert!(StageFile::open(&Settings::default()).unwrap().is_none());
    }
}
