//! The stage watch reads the files of a server as the measured time begins, and as it ends.
//!
//! A server writes them twice a second, so a reading is up to half a second old, at either end.

use std::path::PathBuf;

use allot_runtime::Nanos;
use anyhow::Result;

use crate::phases::Phases;
use crate::stage_counts::{StageCounts, StageTime};

/// The watch over one point.
pub(crate) struct StageWatch {
    files: Vec<PathBuf>,
    phases: Phases,
    before: Option<Result<StageCounts>>,
    after: Option<Result<StageCounts>>,
}

impl StageWatch {
    /// Watches these files of a server; none if nothing is timed.
    pub(crate) fn new(files: &[PathBuf], phases: Phases) -> Self {
        Self { files: files.to_vec(), phases, before: None, after: None }
    }

    /// Reads the files if it is time.
    pub(crate) fn look(&mut self, now: Nanos) {
        if self.phases.from <= now {
            self.before.get_or_insert_with(|| StageCounts::read(&self.files));
        }
        if self.phases.to <= now {
            self.after.get_or_insert_with(|| StageCounts::read(&self.files));
        }
    }

    /// The times of the stages in between.
    ///
    /// # Errors
    /// When a file could not be read.
    pub(crate) fn finish(mut self) -> Result<Vec<StageTime>> {
        self.look(self.phases.to);
        let (before, after) = self.before.zip(self.after).expect("the look above found both");
        Ok(after?.since(&before?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::phases::Lengths;

    #[test]
    fn what_passed_while_it_counted_is_found() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("stages.json");
        let write = |count: u64| {
            let text = format!(
                "{{\"schema\":1,\"every\":1,\"stages\":[\
                 {{\"stage\":\"send\",\"each\":\"message\",\"times\":[[9,{count}]]}}]}}"
            );
            fs::write(&file, text).unwrap();
        };
        let ms = Duration::from_millis;
        let lengths = Lengths { warm_up: ms(2), measure: ms(5), cool_down: ms(1), drain: ms(10) };
        let mut watch = StageWatch::new(std::slice::from_ref(&file), lengths.from(Nanos::ZERO));
        for (at, count) in [(1, 10), (2, 20), (3, 30), (7, 50), (8, 90)] {
            write(count);
            watch.look(Nanos::ZERO + ms(at));
        }
        assert_eq!(watch.finish().unwrap()[0].time.count, 30);
    }
}
