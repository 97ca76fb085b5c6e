//! Publication: a report goes out to its topics, so much of it in each turn.

use std::sync::Arc;

use allot_domain::Step;
use allot_publisher::{Budget, Topics, Version};
use allot_wire::Encoding;

use crate::{Report, Topic};

/// The two encodings of every topic.
pub(super) const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Binary];

/// A report on its way out.
pub(crate) struct Publication {
    report: Arc<Report>,
    stage: Stage,
}

/// What is done next.
#[derive(Clone, Copy)]
enum Stage {
    /// The whole firm, in one of the encodings.
    Positions(usize),
    /// The whole firm: its accounts from here on are to be written yet.
    Writing { encoding: usize, account: usize },
    /// Each account, from here on.
    Account(usize),
}

/// The body of the whole firm while it is written.
#[derive(Default)]
pub(crate) struct Body(Vec<u8>);

impl Publication {
    pub(crate) const fn new(report: Arc<Report>) -> Self {
        Self { report, stage: Stage::Positions(0) }
    }

    pub(crate) fn resume(
        &mut self,
        body: &mut Body,
        topics: &mut Topics,
        budget: &mut Budget,
    ) -> Step {
        while !budget.is_spent() {
            self.stage = match self.stage {
                Stage::Positions(ENCODINGS_DONE) => Stage::Account(0),
                Stage::Positions(encoding) => self.begin(encoding, body, topics),
                Stage::Writing { encoding, account } => {
                    self.write(encoding, account, body, topics, budget)
                }
                Stage::Account(account) => {
                    let is_heard = topics.has_listeners(Topic::ACCOUNTS);
                    if !is_heard || account == self.report.accounts.len() {
                        return Step::Done;
                    }
                    self.publish_account(account, topics, budget);
                    Stage::Account(account + 1)
                }
            };
        }
        Step::Pending
    }

    fn begin(&self, encoding: usize, body: &mut Body, topics: &mut Topics) -> Stage {
        if !topics.is_due(|out| Topic::Positions(ENCODINGS[encoding]).write(out)) {
            return Stage::Positions(encoding + 1);
        }
        self.report.begin(ENCODINGS[encoding], &mut body.0);
        Stage::Writing { encoding, account: 0 }
    }

    /// Writes one more account, or publishes what is whole.
    fn write(
        &self,
        encoding: usize,
        account: usize,
        body: &mut Body,
        topics: &mut Topics,
        budget: &mut Budget,
    ) -> Stage {
        let name = ENCODINGS[encoding];
        if account < self.report.accounts.len() {
            let before = body.0.len();
            self.report.append_account(account, name, &mut body.0);
            budget.spend(body.0.len() - before);
            return Stage::Writing { encoding, account: account + 1 };
        }
        self.report.end(name, &mut body.0);
        let topic = |out: &mut Vec<u8>| Topic::Positions(name).write(out);
        topics.publish_state(self.version(), budget, topic, |out| {
            *out = std::mem::take(&mut body.0);
        });
        Stage::Positions(encoding + 1)
    }

    fn publish_account(&self, account: usize, topics: &mut Topics, budget: &mut Budget) {
        let id = &self.report.accounts[account].id;
        for encoding in ENCODINGS {
            let topic = |out: &mut Vec<u8>| Topic::Account(id, encoding).write(out);
            let body = |out: &mut Vec<u8>| self.report.encode_account(account, encoding, out);
            topics.publish_state(self.version(), budget, topic, body);
        }
    }

    fn version(&self) -> Version {
        Version { report: self.report.report, time_ns: self.report.time_ns }
    }
}

/// Every encoding is published.
const ENCODINGS_DONE: usize = ENCODINGS.len();
