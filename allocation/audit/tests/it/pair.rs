//! Pair: a real book, and the auditor that checks it.

use allot_allocation_audit::{Auditor, Fault};
use allot_allocation_rules::{Book, BookConfig, Input, Outcomes};
use allot_domain::{LogIndex, Machine};

/// A book and its auditor after the same inputs.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) book: Book,
    pub(crate) auditor: Auditor,
    pub(crate) outcomes: Outcomes,
    index: LogIndex,
}

impl Pair {
    pub(crate) fn new(config: BookConfig) -> Self {
        let (book, auditor) = (Book::new(config), Auditor::new(config));
        Self { book, auditor, outcomes: Outcomes::default(), index: LogIndex::default() }
    }

    /// The book applies an input, and the auditor checks the outcomes.
    pub(crate) fn apply(&mut self, input: &Input) -> Result<(), Fault> {
        self.apply_tampered(input, |_| ())
    }

    /// The same, with the outcomes changed on their way to the auditor.
    pub(crate) fn apply_tampered(
        &mut self,
        input: &Input,
        tamper: impl FnOnce(&mut Outcomes),
    ) -> Result<(), Fault> {
        self.index = self.index.next();
        self.outcomes.clear();
        self.book.apply_whole(input, &mut self.outcomes);
        tamper(&mut self.outcomes);
        let (book, outcomes) = (&self.book, &self.outcomes);
        self.auditor.check(self.index, input, outcomes, |index| *book.account(index))
    }

    pub(crate) fn compare(&self) -> Result<(), Fault> {
        self.auditor.compare(&self.book)
    }
}
