//! Pair: a real shard, and the auditor that checks it.

use allot_desk_audit::{Auditor, Fault};
use allot_desk_rules::{Accounts, DeskConfig, Input, Outcomes};
use allot_domain::{LogIndex, Machine};

/// A shard and its auditor after the same inputs.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) accounts: Accounts,
    pub(crate) auditor: Auditor,
    pub(crate) outcomes: Outcomes,
    index: LogIndex,
}

impl Pair {
    pub(crate) fn new(config: DeskConfig) -> Self {
        let (accounts, auditor) = (Accounts::new(config), Auditor::new(config));
        Self { accounts, auditor, outcomes: Outcomes::default(), index: LogIndex::default() }
    }

    /// The shard applies an input, and the auditor checks what came of it.
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
        self.outcomes = Outcomes::default();
        self.accounts.apply_whole(input, &mut self.outcomes);
        tamper(&mut self.outcomes);
        self.auditor.check(self.index, input, &self.outcomes)
    }

    pub(crate) fn compare(&self) -> Result<(), Fault> {
        self.auditor.compare(&self.accounts)
    }
}
