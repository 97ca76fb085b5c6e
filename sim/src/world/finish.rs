//! The end of a run: everything comes to rest, and is held against everything else.

use std::time::Duration;

use allot_feeds::Tally as FeedTally;
use allot_runtime::Nanos;
use allot_wire::Reply;

use super::{REST_WITHIN, World};
use crate::checker;
use crate::history::{Key, key_of};
use crate::violation::{Violation, ensure};

/// How often it is sent whether everything has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl World {
    /// Nothing goes wrong any more: everybody must be answered, and a report come that lacks
    /// nothing.
    pub(super) fn come_to_rest(&mut self) -> Result<(), Violation> {
        let (faults_ended_at, mut look_at) = (self.now, self.now);
        let mut settled_at = Nanos::MAX;
        loop {
            self.round()?;
            if self.now < look_at {
                continue;
            }
            look_at = self.now + LOOK_EVERY;
            let unrest = self.unrest(settled_at)?;
            let Some(what) = unrest else {
                self.trace.note(self.now, "everything is at rest");
                return Ok(());
            };
            if settled_at == Nanos::MAX && self.is_all_replied() {
                settled_at = self.now;
            }
            ensure(self.now < faults_ended_at + REST_WITHIN, "liveness", || {
                format!("{REST_WITHIN:?} after nothing went wrong any more {what}")
            })?;
        }
    }

    fn is_all_replied(&self) -> bool {
        let feeds = self.processes.iter().filter_map(|process| process.progress.as_ref());
        self.operator.is_settled() && feeds.clone().all(allot_feeds::Progress::is_finished)
    }

    /// What is still missing, if anything is.
    fn unrest(&self, settled_at: Nanos) -> Result<Option<String>, Violation> {
        if let Some(process) = self.processes.iter().find(|process| !process.is_up()) {
            return Ok(Some(format!("{} is not up", process.name())));
        }
        if !self.is_all_replied() {
            let feeds = self.processes.iter().filter_map(|process| process.progress.as_ref());
            let waiting = feeds
                .filter(|feed| !feed.is_finished())
                .map(|feed| format!("{} {:?}", feed.source(), feed.summary()));
            let waiting: Vec<_> = waiting.chain(self.operator.waits_for()).collect();
            return Ok(Some(format!("these are not answered: {waiting:?}")));
        }
        let Some(report) = self.subscriber.reports.last() else {
            return Ok(Some("there is no report".to_owned()));
        };
        // Two reports after the last fill: the second contains all that a subscriber has heard.
        let due = settled_at.max(Nanos::ZERO).as_unix();
        let later = self.options.report_every * 2;
        if settled_at == Nanos::MAX || report.time_ns < (settled_at + later).as_unix() {
            return Ok(Some(format!("the last report is of {}, not after {due}", report.time_ns)));
        }
        if !report.degraded.is_empty() {
            return Ok(Some(format!("the report says {:?}", report.degraded)));
        }
        let (mut states, mut unsynced) = (Vec::new(), false);
        for shard in 0..self.options.shards {
            let agent = self.processes.iter().find_map(|process| process.shard(shard));
            let agent = agent.expect("everything is up");
            states.push(agent.state());
            unsynced |= agent.journal().durable() < agent.journal().appended();
        }
        if unsynced {
            return Ok(Some("something is not on disk".to_owned()));
        }
        if let Some(remainder @ 1..) = checker::nettings::remainder(&states) {
            return Ok(Some(format!("nettings have left {remainder}")));
        }
        if !self.subscriber.check_arrived()? {
            return Ok(Some("the subscriber has not arrived".to_owned()));
        }
        Ok(None)
    }

    /// Everything is held against everything else.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        self.tally.virtual_seconds = (self.now - super::START).as_secs();
        self.check_feeds()?;
        for shard in 0..self.options.shards {
            self.check_shard(shard)?;
        }
        checker::replies::check_all_replied(&self.replicas, &self.history)?;
        self.check_publications()?;
        // And once more from the disks alone.
        self.fail_machine();
        for process in 0..self.processes.len() {
            self.processes[process].up_at = self.now;
        }
        self.start_those_due()?;
        ensure(self.processes.iter().all(crate::process::Process::is_up), "liveness", || {
            "after the last failure of the machine not everything starts".to_owned()
        })
    }

    fn check_feeds(&self) -> Result<(), Violation> {
        for process in &self.processes {
            let Some(progress) = &process.progress else { continue };
            // A later life of a feed may hear what an earlier one has sent.
            let strange = if process.lives == 1 { FeedTally::Strange } else { FeedTally::Lost };
            for tally in [FeedTally::Lost, FeedTally::Unsent, strange] {
                let count = progress.get(tally);
                ensure(count == 0, "liveness", || {
                    format!("{}: {count} {}", progress.source(), tally.label())
                })?;
            }
        }
        Ok(())
    }

    fn check_shard(&mut self, shard: usize) -> Result<(), Violation> {
        let agent = self.processes.iter().find_map(|process| process.shard(shard));
        let agent = agent.expect("everything is up");
        let (inputs, state) = (agent.journal().appended(), agent.state());
        let replica = &mut self.replicas[shard];
        replica.read(&self.disks[shard])?;
        checker::recovery::check(shard, replica, inputs, state)?;
        checker::replies::check(shard, replica, &mut self.history)?;
        self.tally.ordered += checker::order::check(shard, replica, &self.history)?;
        checker::batches::check(replica, self.options.book, &mut self.prng)?;
        self.tally.rebatched += 1;
        replica.close(&mut self.tally)
    }

    fn check_publications(&mut self) -> Result<(), Violation> {
        let mut by_number = std::collections::BTreeMap::new();
        for report in &self.subscriber.reports {
            checker::reports::check(report, &self.replicas)?;
            self.tally.reports += 1;
            self.tally.degraded += u64::from(!report.degraded.is_empty());
            by_number.insert((report.report, report.time_ns), report);
        }
        for statement in &self.subscriber.statements {
            let Some(report) = by_number.get(&(statement.report, statement.time_ns)) else {
                continue;
            };
            let account = report.accounts.iter().find(|one| one.id == statement.account.id);
            ensure(account == Some(&statement.account), "P9", || {
                format!("report {} says {account:?}, and alone {statement:?}", report.report)
            })?;
        }
        self.subscriber.fills.iter().try_for_each(|fill| self.check_published_fill(fill))
    }

    /// What was published of a fill is what its journal says.
    fn check_published_fill(&self, fill: &Reply) -> Result<(), Violation> {
        let ticker = fill
            .ticker()
            .ok_or_else(|| Violation::new("P9", format!("no fill was published: {fill:?}")))?;
        let key: Key = key_of(fill)?;
        let said = self.replicas[ticker.shard(self.options.shards)].said(&key);
        ensure(said.contains(fill), "P9", || {
            format!("{fill:?} was published; the journal says {said:?}")
        })
    }
}
