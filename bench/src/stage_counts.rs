//! Stage counts: the stages of a fill, from the `--stages` file of a server.
//!
//! They are counts since its start, by bucket, so the difference of two readings is what passed in
//! between. Files of several processes are added up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::latency::{self, Latency};

/// The version of the layout. A reader refuses one that it does not know.
const SCHEMA: u32 = 1;

/// The content of a file.
#[derive(Deserialize)]
struct Page {
    schema: u32,
    every: u64,
    stages: Vec<StageOfPage>,
}

#[derive(Deserialize)]
struct StageOfPage {
    stage: String,
    each: String,
    /// The longest time of a bucket in nanoseconds, and how many it has.
    times: Vec<(u64, u64)>,
}

/// The times of each stage since the start.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct StageCounts {
    every: u64,
    /// In the order of the first file.
    stages: Vec<StageCount>,
}

#[derive(Clone, PartialEq, Debug)]
struct StageCount {
    stage: String,
    each: String,
    times: BTreeMap<u64, u64>,
}

/// One stage of a point, as it is kept.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StageTime {
    pub(crate) stage: String,
    /// What passes it as one: a message, a frame, or a fill.
    pub(crate) each: String,
    /// One in this many is timed.
    pub(crate) every: u64,
    pub(crate) time: Latency,
}

impl StageCounts {
    /// Reads the files of a server.
    ///
    /// # Errors
    /// When one is missing, or of another layout.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self> {
        let mut counts = Self::default();
        files.iter().try_for_each(|file| counts.add_file(file))?;
        Ok(counts)
    }

    fn add_file(&mut self, file: &Path) -> Result<()> {
        let place = || format!("no times of stages can be read from {}", file.display());
        let text = fs::read_to_string(file).with_context(place)?;
        let page = Self::parse(&text).with_context(place)?;
        self.add(page);
        Ok(())
    }

    fn parse(text: &str) -> Result<Page> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let page: Page = serde_json::from_value(value)?;
        ensure!(page.schema == SCHEMA, "its schema is {}, not {SCHEMA}", page.schema);
        Ok(page)
    }

    fn add(&mut self, page: Page) {
        self.every = page.every;
        for StageOfPage { stage, each, times } in page.stages {
            let place = self.stages.iter().position(|known| known.stage == stage);
            let place = place.unwrap_or_else(|| {
                self.stages.push(StageCount { stage, each, times: BTreeMap::new() });
                self.stages.len() - 1
            });
            for (longest, count) in times {
                *self.stages[place].times.entry(longest).or_insert(0) += count;
            }
        }
    }

    /// What has passed since these earlier counts of the same server.
    pub(crate) fn since(&self, before: &Self) -> Vec<StageTime> {
        self.stages.iter().map(|count| self.stage_since(count, before)).collect()
    }

    fn stage_since(&self, count: &StageCount, before: &Self) -> StageTime {
        let StageCount { stage, each, times } = count;
        let before = before.stages.iter().find(|known| known.stage == *stage);
        let mut histogram = latency::histogram();
        for (longest, count) in times {
            let earlier = before.and_then(|before| before.times.get(longest)).unwrap_or(&0);
            let count = count.saturating_sub(*earlier);
            // A value that is recorded no times would still be the least or the largest.
            if 0 < count {
                histogram.saturating_record_n(*longest, count);
            }
        }
        // Its samples are few, and nobody draws their spectrum.
        let time = Latency { spectrum: Vec::new(), ..Latency::of(&histogram) };
        StageTime { stage: stage.clone(), each: each.clone(), every: self.every, time }
    }
}

/// The sum of the medians, in nanoseconds, that shares are of.
pub(crate) fn sum_of_medians(stages: &[StageTime]) -> u64 {
    stages.iter().filter_map(|stage| stage.time.p50).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pages: &[&str]) -> StageCounts {
        let mut counts = StageCounts::default();
        pages.iter().for_each(|page| counts.add(StageCounts::parse(page).unwrap()));
        counts
    }

    fn page(stage: &str, times: &str) -> String {
        format!(
            "{{\"schema\":1,\"every\":64,\"stages\":[\
             {{\"stage\":\"{stage}\",\"each\":\"fill\",\"times\":{times}}}]}}"
        )
    }

    #[test]
    fn only_what_has_passed_since_is_stated() {
        let before = counts(&[&page("encode", "[[50,1],[100,1000],[4000,1]]")]);
        let after = counts(&[&page("encode", "[[50,1],[100,1010],[207,30],[4000,1]]")]);
        let stages = after.since(&before);
        assert_eq!((stages[0].stage.as_str(), stages[0].each.as_str()), ("encode", "fill"));
        let time = &stages[0].time;
        assert_eq!((time.count, time.min, time.p50, time.max), (40, 100, Some(207), 207));
        assert_eq!(sum_of_medians(&stages), 207);
        let none = &after.since(&after)[0].time;
        assert_eq!((none.count, none.min, none.max), (0, 0, 0));
    }

    #[test]
    fn files_of_several_processes_are_added_up() {
        let both = counts(&[
            &page("send", "[[9,1]]"),
            &page("queue", "[[9,2]]"),
            &page("send", "[[9,4]]"),
        ]);
        let stages = both.since(&StageCounts::default());
        let found: Vec<_> =
            stages.iter().map(|stage| (stage.stage.as_str(), stage.time.count)).collect();
        assert_eq!(found, [("send", 5), ("queue", 2)]);
    }

    #[test]
    fn a_file_that_is_not_there_and_one_of_another_layout_are_errors() {
        let error = StageCounts::read(&[PathBuf::from("/nowhere/stages")]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/stages"), "{error}");
        let newer = page("send", "[]").replace("\"schema\":1", "\"schema\":2");
        let error = StageCounts::parse(&newer).err().unwrap();
        assert!(error.to_string().contains("schema is 2"), "{error}");
    }
}
