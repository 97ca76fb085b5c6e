//! Allocation as a workload: fill servers, the AUM server, an operator who busts, a subscriber,
//! and a checker for every promise that depends on what an input means.
//!
//! ```text
//!   FillFeed, AumFeed ─┐                              ┌─► Subscriber ─► fills, reports
//!   Operator ──────────┴═► front door ═► … journals ──┤
//!                  ║                                  └─► Replica: State, Auditor
//!            ClientHistory ◄──────── checker ───────────────┘
//! ```

pub mod tally;
pub mod options;
pub mod history;
pub mod replica;
pub mod clients;
pub mod operator;
pub mod subscriber;
pub mod checker;

mod alter;

use allot_allocation_rules::BookConfig;
use allot_allocation_service::Allocation;
use allot_domain::{LogIndex, ShardId};
use allot_runtime::{Agent, BroadcastListener, Link, Nanos};
use allot_server::boxes::shard_ids;
use allot_shard::State;

use crate::engine::checker::{complete, order};
use crate::engine::log_record::LogRecord;
use crate::engine::options::Options;
use crate::engine::prng::Prng;
use crate::engine::{PlantedBug, Violation, Workload};
use clients::Clients;
use history::ClientHistory;
use operator::Operator;
use options::AllocationOptions;
use replica::Replica;
use subscriber::Subscriber;
use tally::Tally;

/// The workload of the system [`Allocation`].
pub struct AllocationWorkload {
    options: Options<AllocationOptions>,
    clients: Clients,
    operator: Operator,
    subscriber: Subscriber,
    history: ClientHistory,
    replicas: Vec<Replica>,
    tally: Tally,
}

impl Workload for AllocationWorkload {
    type System = Allocation;
    const PLANTED_BUGS: &'static [PlantedBug] = &[
        PlantedBug::EarlyReplies,
        PlantedBug::LyingDisk,
        PlantedBug::NamelessDisk,
        PlantedBug::AlteredReply,
        PlantedBug::AlteredPart,
        PlantedBug::ClearFindings,
        PlantedBug::SilentLoss,
        PlantedBug::TwiceToShard,
        PlantedBug::OutOfOrderToShard,
    ];
    type Options = AllocationOptions;

    fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Options<AllocationOptions> {
        options::draw(seed, planted_bug)
    }

    /// The fill servers, then the AUM server.
    fn client_processes(options: &AllocationOptions) -> usize {
        options.fills.len() + 1
    }

    fn new(options: &Options<AllocationOptions>, operator: Link, now: Nanos) -> Self {
        let workload = &options.workload;
        let replica = |shard| Replica::new(shard, workload.book);
        Self {
            clients: Clients::new(Self::client_processes(workload)),
            operator: Operator::new(operator, workload, now),
            subscriber: Subscriber::new(
                workload.feed_encoding,
                options.faults.lose_percent,
                options.planted_bug,
            ),
            history: ClientHistory::new(options.shards),
            replicas: shard_ids(options.shards).map(replica).collect(),
            tally: Tally::default(),
            options: options.clone(),
        }
    }

    fn config(&self) -> BookConfig {
        self.options.workload.book
    }

    fn start_client(&mut self, client: usize, link: Link) -> Box<dyn Agent> {
        self.clients.start(&self.options.workload, client, link)
    }

    fn operate(&mut self, now: Nanos, prng: &mut Prng) -> usize {
        self.operator.step(now, &self.history, prng)
    }

    fn operator_wakes_at(&self) -> Nanos {
        self.operator.wake_at()
    }

    fn unreplied(&self) -> Vec<String> {
        self.clients.unfinished().into_iter().chain(self.operator.unreplied()).collect()
    }

    fn on_request(&mut self, connection: u64, message: &[u8]) {
        self.history.on_request(connection, message);
    }

    fn on_reply(&mut self, message: &[u8]) -> Result<(), Violation> {
        self.history.on_reply(message, &mut self.tally)
    }

    fn alter_reply(message: Vec<u8>) -> Vec<u8> {
        alter::reply(message)
    }

    fn alter_part(frame: Vec<u8>) -> Vec<u8> {
        alter::part(frame)
    }

    fn alter_finding(frame: Vec<u8>) -> Vec<u8> {
        alter::finding(frame)
    }

    fn connect_subscriber(&mut self, listener: Option<BroadcastListener>) {
        self.subscriber.connect(listener);
    }

    fn receive_publications(&mut self, now: Nanos, prng: &mut Prng) -> Result<usize, Violation> {
        self.subscriber.step(now, prng, &mut self.tally)
    }

    fn replay(
        &mut self,
        shard: ShardId,
        index: LogIndex,
        record: &LogRecord,
    ) -> Result<(), Violation> {
        self.replicas[shard.index()].replay(index, record)
    }

    fn state(&self, shard: ShardId) -> &State<Allocation> {
        self.replicas[shard.index()].state()
    }

    fn check_recovered(&mut self, shard: ShardId) -> Result<(), Violation> {
        checker::replies::check(&self.replicas[shard.index()], &mut self.history)
    }

    fn end_faults(&mut self) {
        self.operator.close();
        self.subscriber.end_faults();
    }

    /// Two reports after the last reply: the second contains all that a subscriber has received.
    fn unrest(
        &self,
        replied_at: Nanos,
        states: &[&State<Allocation>],
    ) -> Result<Option<String>, Violation> {
        let Some(report) = self.subscriber.reports.last() else {
            return Ok(Some("there is no report".to_owned()));
        };
        let due = (replied_at + self.options.setup.report_every * 2).as_unix();
        if report.time_ns < due {
            return Ok(Some(format!("the last report is of {}, before {due}", report.time_ns)));
        }
        if !report.degraded.is_empty() {
            return Ok(Some(format!("the report says {:?}", report.degraded)));
        }
        if let Some(remainder @ 1..) = checker::nettings::remainder(states) {
            return Ok(Some(format!("nettings have left {remainder}")));
        }
        if !self.subscriber.check_synchronised()? {
            return Ok(Some("the subscriber is not synchronised".to_owned()));
        }
        Ok(None)
    }

    fn check_shard(&mut self, shard: ShardId) -> Result<(), Violation> {
        let replica = &self.replicas[shard.index()];
        self.tally.ordered += order::check(shard, replica.indexes(), &self.history.sent)?;
        replica.close(&mut self.tally)
    }

    fn check_end(&mut self) -> Result<(), Violation> {
        self.clients.check()?;
        let replicas = &self.replicas;
        complete::check(replicas.len(), &self.history.sent, |shard, key| {
            let replica = &replicas[shard.index()];
            // A split that is refused by what shards found of it goes to none: its check does.
            !replica.given(key).is_empty() || !replica.findings(key).is_empty()
        })?;
        self.tally.refused += checker::replies::check_refused(&self.replicas, &self.history)?;
        for report in &self.subscriber.reports {
            checker::reports::check(report, &self.replicas)?;
            self.tally.reports += 1;
            self.tally.degraded += u64::from(!report.degraded.is_empty());
        }
        checker::publications::check_statements(&self.subscriber)?;
        checker::publications::check_fills(&self.subscriber, &self.replicas)
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.tally.counts()
    }
}
