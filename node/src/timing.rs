//! Timing: the stages of the boxes of this process, for the stage file and for metrics.

use allot_runtime::{Clock, Stages};
use anyhow::Result;

use crate::settings::Settings;
use crate::stage_file::StageFile;

/// What times the boxes, if anything does.
pub(crate) struct Timing {
    pub(crate) file: Option<StageFile>,
    /// Whether metrics are served, which have the stages too.
    is_served: bool,
    every: u64,
    /// A set of times for each box that has stages, in the order of the counters.
    pub(crate) sets: Vec<Stages>,
}

impl Timing {
    /// As the settings say.
    ///
    /// # Errors
    /// When the stage file cannot be written.
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        Ok(Self {
            file: StageFile::open(settings)?,
            is_served: settings.metrics.is_some(),
            every: settings.stages_every,
            sets: Vec::new(),
        })
    }

    /// Gives each box a set of stages, where they are timed.
    pub(crate) fn stages(&mut self) -> impl FnMut(&Clock) -> Stages {
        move |clock| {
            let set = match &mut self.file {
                Some(file) => file.add_box(clock),
                None if self.is_served => Stages::every(self.every, clock.clone()),
                None => return Stages::off(),
            };
            self.sets.push(set.clone());
            set
        }
    }
}
