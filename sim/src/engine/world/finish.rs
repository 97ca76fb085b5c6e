//! The end of a run: everything comes to rest, and is checked against everything else.

use std::time::Duration;

use allot_domain::ShardId;
use allot_runtime::Nanos;
use allot_server::boxes::shard_ids;
use allot_shard::Shard;

use super::{REST_WITHIN, START, World};
use crate::engine::checker;
use crate::engine::process::Process;
use crate::engine::violation::{Violation, ensure};
use crate::engine::workload::Workload;

/// How often the world looks whether everything is at rest.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl<W: Workload> World<W> {
    /// Nothing fails any more: runs until every message has its reply and all state has settled.
    pub(super) fn come_to_rest(&mut self) -> Result<(), Violation> {
        let faults_ended_at = self.now;
        let mut look_at = self.now;
        let mut replied_at = None;
        loop {
            self.round()?;
            if self.now < look_at {
                continue;
            }
            look_at = self.now + LOOK_EVERY;
            if replied_at.is_none() && self.workload.unreplied().is_empty() {
                replied_at = Some(self.now);
            }
            let Some(what) = self.unrest(replied_at)? else {
                self.trace.note(self.now, "everything is at rest");
                return Ok(());
            };
            ensure(self.now < faults_ended_at + REST_WITHIN, "liveness", || {
                format!("{REST_WITHIN:?} after the last fault {what}")
            })?;
        }
    }

    /// What still has to happen, if anything.
    fn unrest(&self, replied_at: Option<Nanos>) -> Result<Option<String>, Violation> {
        if let Some(process) = self.processes.iter().find(|process| !process.is_up()) {
            return Ok(Some(format!("{} is not up", process.name())));
        }
        let unreplied = self.workload.unreplied();
        let Some(replied_at) = replied_at.filter(|_| unreplied.is_empty()) else {
            return Ok(Some(format!("these have no reply: {unreplied:?}")));
        };
        let mut states = Vec::new();
        for shard in shard_ids(self.options.shards) {
            let agent = self.running_shard(shard);
            if agent.journal().durable() < agent.journal().appended() {
                return Ok(Some(format!("shard {shard} has inputs that are not on disk")));
            }
            states.push(agent.state());
        }
        self.workload.unrest(replied_at, &states)
    }

    fn running_shard(&self, shard: ShardId) -> &Shard<W::System> {
        let found = self.processes.iter().find_map(|process| process.shard(shard));
        found.expect("all processes are up at rest")
    }

    /// Checks everything against everything else.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        self.tally.virtual_seconds = (self.now - START).as_secs();
        for shard in shard_ids(self.options.shards) {
            self.check_shard(shard)?;
        }
        self.workload.check_end()?;
        // Once more from the disks alone.
        self.fail_machines();
        for process in &mut self.processes {
            process.up_at = self.now;
        }
        self.start_those_due()?;
        ensure(self.processes.iter().all(Process::is_up), "liveness", || {
            "after the last power failure not everything starts".to_owned()
        })
    }

    fn check_shard(&mut self, shard: ShardId) -> Result<(), Violation> {
        self.logs[shard.index()].read(&self.disks[shard.index()], &mut self.workload)?;
        let log = &self.logs[shard.index()];
        let agent = self.running_shard(shard);
        let last = agent.journal().appended();
        let replayed = self.workload.state(shard);
        checker::recovery::check(shard, log, last, agent.state(), replayed)?;
        let config = self.workload.config();
        checker::batches::check(log, replayed, config, &mut self.prng)?;
        self.tally.rebatched += 1;
        self.tally.inputs += log.len();
        self.tally.live_states += log.compared();
        self.workload.check_recovered(shard)?;
        self.workload.check_shard(shard)
    }
}
