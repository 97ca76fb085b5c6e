//! Summary: what an auditor has counted.

use std::collections::BTreeMap;

use allot_desk_rules::{CommandName, Outcome};

/// Counts of what was checked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// All inputs.
    pub inputs: u64,
    /// Commands that were answered, by name, repeats left out.
    pub answered: BTreeMap<CommandName, u64>,
    /// Commands that were refused, by code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Commands that were answered again.
    pub repeats: u64,
    /// Commands that had to wait for a quote.
    pub waited: u64,
    /// Pending orders that were not committed in time.
    pub expired: u64,
    /// Triggers that fired.
    pub fired: u64,
    /// Triggers that were cancelled or replaced.
    pub disarmed: u64,
    /// Quotes that were asked for.
    pub wanted: u64,
}

impl Summary {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Answered { told, .. } if told.origin.duplicate => self.repeats += 1,
            Outcome::Awaiting { told, .. } if told.origin.duplicate => self.repeats += 1,
            Outcome::Answered { told, .. } => {
                *self.answered.entry(told.command.name()).or_default() += 1;
            }
            Outcome::Awaiting { .. } => self.waited += 1,
            Outcome::Rejected { reject, .. } => {
                *self.refused.entry(reject.code()).or_default() += 1;
            }
            Outcome::Expired { .. } => self.expired += 1,
            Outcome::Fired(_) => self.fired += 1,
            Outcome::Disarmed { .. } => self.disarmed += 1,
            Outcome::Wanted(_) => self.wanted += 1,
            Outcome::Due(_) => {}
        }
    }
}
