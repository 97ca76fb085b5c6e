//! The desk as a workload: an operator for all users, quotes that fail and come late, a subscriber
//! to reports, and the auditor of the desk over every log.
//!
//! ```text
//!   Operator ───► front door ───► … journals ──┬─► reports, wishes for quotes
//!   QuoteSource ─► router ═► all shards         └─► Replica: State, Auditor
//!        ▲ wishes   ║                                  │
//!        └──────  ClientHistory ◄────── checker ───────┘
//! ```

pub mod tally;
pub mod options;
pub mod history;
pub mod quote_source;
pub mod replica;
pub mod operator;
pub mod checker;

use allot_desk_rules::DeskConfig;
use allot_desk_service::{Desk, Report, Wish};
use allot_domain::{LogIndex, ShardId};
use allot_runtime::{Agent, BroadcastListener, Link, Nanos};
use allot_server::boxes::shard_ids;
use allot_shard::State;
use allot_wire::Encoding;
use allot_wire::backplane::{self, PartFrame};

use crate::engine::checker::{complete, order};
use crate::engine::log_record::LogRecord;
use crate::engine::options::Options;
use crate::engine::prng::Prng;
use crate::engine::{PlantedBug, Violation, Workload};
use history::ClientHistory;
use operator::Operator;
use options::DeskOptions;
use quote_source::QuoteSource;
use replica::Replica;
use tally::Tally;

/// What topics of wishes for quotes begin with.
const WANTED: &[u8] = b"wanted:";

/// The workload of the system [`Desk`].
pub struct DeskWorkload {
    options: Options<DeskOptions>,
    operator: Operator,
    quotes: QuoteSource,
    listener: Option<BroadcastListener>,
    lose_percent: u64,
    reports: Vec<Report>,
    history: ClientHistory,
    replicas: Vec<Replica>,
    tally: Tally,
}

impl Workload for DeskWorkload {
    type System = Desk;
    const PLANTED_BUGS: &'static [PlantedBug] = &[
        PlantedBug::EarlyReplies,
        PlantedBug::LyingDisk,
        PlantedBug::NamelessDisk,
        PlantedBug::AlteredReply,
        PlantedBug::AlteredPart,
        PlantedBug::AlteredQuote,
        PlantedBug::ReversedLines,
        PlantedBug::TwiceToShard,
        PlantedBug::OutOfOrderToShard,
    ];
    const HAS_FEEDER: bool = true;
    type Options = DeskOptions;

    fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Options<DeskOptions> {
        options::draw(seed, planted_bug)
    }

    /// The operator is enough: all crashes are of boxes.
    fn client_processes(_: &DeskOptions) -> usize {
        0
    }

    fn new(options: &Options<DeskOptions>, operator: Link, now: Nanos) -> Self {
        let Options { workload, planted_bug, shards, .. } = options;
        let replica = |shard| Replica::new(shard, workload.rules);
        Self {
            operator: Operator::new(operator, workload, now),
            quotes: QuoteSource::new(workload.quotes, *planted_bug, *shards),
            listener: None,
            lose_percent: options.faults.lose_percent,
            reports: Vec::new(),
            history: ClientHistory::new(*shards),
            replicas: shard_ids(*shards).map(replica).collect(),
            tally: Tally::default(),
            options: options.clone(),
        }
    }

    fn config(&self) -> DeskConfig {
        self.options.workload.rules
    }

    fn start_client(&mut self, _: usize, _: Link) -> Box<dyn Agent> {
        unreachable!("there are no client processes")
    }

    fn operate(&mut self, now: Nanos, prng: &mut Prng) -> usize {
        self.operator.step(now, prng) + self.quotes.step(now, prng, &mut self.tally)
    }

    fn operator_wakes_at(&self) -> Nanos {
        self.operator.wake_at().min(self.quotes.wake_at())
    }

    fn unreplied(&self) -> Vec<String> {
        self.operator.unreplied()
    }

    fn on_request(&mut self, connection: u64, message: &[u8]) {
        self.history.on_request(connection, message);
    }

    fn on_reply(&mut self, message: &[u8]) -> Result<(), Violation> {
        self.history.on_reply(message, &mut self.tally)
    }

    /// Another amount of cash; in binary a bit of the last byte.
    fn alter_reply(mut message: Vec<u8>) -> Vec<u8> {
        if Encoding::of(&message) == Encoding::Binary {
            if let Some(last) = message.last_mut() {
                *last ^= 1;
            }
            return message;
        }
        let text = String::from_utf8(message).expect("JSON is text");
        text.replacen(r#""cash":""#, r#""cash":"9"#, 1).into_bytes()
    }

    /// Cash that is off by one: it comes after the users.
    fn alter_part(frame: Vec<u8>) -> Vec<u8> {
        let Ok(PartFrame { head, body }) = backplane::decode_part(&frame) else { return frame };
        let mut body = body.to_vec();
        body[size_of::<u64>()] ^= 1;
        let mut altered = Vec::new();
        backplane::encode_part(&head, &mut altered, |out| out.extend_from_slice(&body));
        altered
    }

    fn connect_feeder(&mut self, link: Option<Link>) {
        self.quotes.connect(link);
    }

    fn connect_subscriber(&mut self, listener: Option<BroadcastListener>) {
        if let Some(listener) = &listener {
            let encoding = self.options.workload.encoding;
            listener.subscribe(if encoding == Encoding::Json { b"desk:json" } else { b"desk:bin" });
            listener.subscribe(WANTED);
        }
        self.listener = listener;
    }

    fn receive_publications(&mut self, now: Nanos, prng: &mut Prng) -> Result<usize, Violation> {
        let mut count = 0;
        while let Some(publication) = self.listener.as_ref().and_then(BroadcastListener::receive) {
            count += 1;
            let unreadable =
                |error| Violation::new("P9", format!("an unreadable publication: {error}"));
            if !publication.topic.starts_with(WANTED) {
                self.reports.push(Report::decode(&publication.body).map_err(unreadable)?);
                continue;
            }
            let wish = Wish::decode(&publication.body).map_err(unreadable)?;
            if prng.percent(self.lose_percent) {
                self.tally.wishes_lost += 1;
                continue;
            }
            match wish {
                Wish::Quote(event) => self.quotes.want(&event, now, prng, &mut self.tally),
                Wish::Tick(due_ns) => self.quotes.due(Nanos::from_unix(due_ns)),
            }
        }
        Ok(count)
    }

    fn replay(
        &mut self,
        shard: ShardId,
        index: LogIndex,
        record: &LogRecord,
    ) -> Result<(), Violation> {
        let quoted = self.replicas[shard.index()].replay(index, record)?;
        quoted.map_or(Ok(()), |quoted| self.quotes.check(&quoted))
    }

    fn state(&self, shard: ShardId) -> &State<Desk> {
        self.replicas[shard.index()].state()
    }

    fn check_recovered(&mut self, shard: ShardId) -> Result<(), Violation> {
        checker::replies(&self.replicas[shard.index()], &mut self.history)
    }

    fn end_faults(&mut self) {
        self.operator.close();
        self.quotes.end_faults();
        self.lose_percent = 0;
    }

    /// The last report is of the shards as they are, and nobody waits.
    fn unrest(
        &self,
        replied_at: Nanos,
        states: &[&State<Desk>],
    ) -> Result<Option<String>, Violation> {
        let Some(report) = self.reports.last() else {
            return Ok(Some("there is no report".to_owned()));
        };
        let due = (replied_at + self.options.setup.report_every * 2).as_unix();
        if report.time_ns < due {
            return Ok(Some(format!("the last report is of {}, before {due}", report.time_ns)));
        }
        if !report.degraded.is_empty() {
            return Ok(Some(format!("the report says {:?}", report.degraded)));
        }
        let parts: Vec<_> = states.iter().map(|state| replica::part(state.machine())).collect();
        if report.shards != parts {
            return Ok(Some(format!("the last report is {:?}; there is {parts:?}", report.shards)));
        }
        let waiting = parts.iter().map(|part| part.waiting).sum::<u64>();
        Ok((0 < waiting).then(|| format!("{waiting} commands wait for quotes")))
    }

    fn check_shard(&mut self, shard: ShardId) -> Result<(), Violation> {
        let replica = &self.replicas[shard.index()];
        self.tally.ordered += order::check(shard, replica.indexes(), &self.history.sent)?;
        replica.close(&mut self.tally)
    }

    fn check_end(&mut self) -> Result<(), Violation> {
        let replicas = &self.replicas;
        complete::check(replicas.len(), &self.history.sent, |shard, name| {
            !replicas[shard.index()].given(name).is_empty()
        })?;
        for report in &self.reports {
            checker::report(report, &self.replicas)?;
            self.tally.reports += 1;
        }
        Ok(())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.tally.counts()
    }
}
