//! Auditor: follows a shard's log, and holds all that came of each input against what must come.
//!
//! | input       | what must come of it                                                        |
//! |-------------|-----------------------------------------------------------------------------|
//! | any         | first all that is due by its time: expiries, time-outs, wishes for quotes   |
//! | command     | an answer, a rejection for the first reason that applies, or that it waits  |
//! | quote       | the triggers that it satisfies, in order; then the answers it was waited for |
//! | failed one  | the rejections of those who waited for it, and what they go on with          |
//! | failed try  | nothing more                                                                |
//! | marker      | nothing more                                                                |

use allot_desk_rules::{Accounts, DeskConfig, Input, Outcomes};
use allot_domain::LogIndex;

use crate::comparison;
use crate::fault::{Fault, Subject};
use crate::mismatch::Mismatch;
use crate::shard::Shard;
use crate::summary::Summary;

/// An independent check of one shard, from the beginning of its log.
///
/// After a fault its state is no longer that of the shard: it is of no further use.
#[derive(Clone, Debug)]
pub struct Auditor {
    shard: Shard,
    /// The last input.
    index: LogIndex,
    summary: Summary,
}

impl Auditor {
    /// An auditor of a shard that has applied nothing yet.
    #[must_use]
    pub fn new(config: DeskConfig) -> Self {
        let (shard, summary) = (Shard::new(config), Summary::default());
        Self { shard, index: LogIndex::default(), summary }
    }

    /// Checks all outcomes of one input.
    ///
    /// `index` is that of the input in the shard's log; it rises, and skips what could not be read
    /// as an input. `outcomes` are all those of this input and no others.
    ///
    /// # Errors
    /// The first mismatch.
    pub fn check(
        &mut self,
        index: LogIndex,
        input: &Input,
        outcomes: &Outcomes,
    ) -> Result<(), Fault> {
        self.check_input(index, input, outcomes).map_err(|mismatch| {
            let subject = Subject::Outcomes(Box::new(input.clone()));
            Fault { index, subject, mismatch: Box::new(mismatch) }
        })
    }

    fn check_input(
        &mut self,
        index: LogIndex,
        input: &Input,
        outcomes: &Outcomes,
    ) -> Result<(), Mismatch> {
        if index <= self.index {
            return Err(Mismatch::NotAfter(self.index));
        }
        self.index = index;
        self.summary.inputs += 1;
        let expected = self.shard.apply(input);
        expected.list.iter().for_each(|outcome| self.summary.count(outcome));
        comparison::compare_outcomes(outcomes, &expected)
    }

    /// Holds the whole state of a shard against its own.
    ///
    /// # Errors
    /// The first mismatch.
    pub fn compare(&self, accounts: &Accounts) -> Result<(), Fault> {
        comparison::compare_state(accounts, &self.shard).map_err(|mismatch| {
            let mismatch = Box::new(mismatch);
            Fault { index: self.index, subject: Subject::Accounts, mismatch }
        })
    }

    /// What it has counted so far.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }
}
