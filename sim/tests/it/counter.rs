//! The counters as a workload: an operator that adds, awaits, cancels and raises, a subscriber to
//! reports, and the auditor of the system over every log.
//!
//! The promises are checked here as for allocation, by less: what a client was replied to is in
//! the log, the log is what the auditor expects, and a report is the sum of its cut.

mod operator;
mod replica;

use std::collections::BTreeMap;
use std::time::Duration;

use allot_counter::Counter;
use allot_counter::rules::CounterConfig;
use allot_counter::service::{Reply, ReplyBody, Report, Request, decode_replies};
use allot_domain::{LogIndex, Reject, Seq, ShardId, SourceId, shard_of};
use allot_runtime::{Agent, BroadcastListener, Link, Nanos};
use allot_shard::State;
use allot_sim::engine::log_record::LogRecord;
use allot_sim::engine::options::{Faults, Options, Setup, Shape};
use allot_sim::engine::prng::Prng;
use allot_sim::engine::violation::ensure;
use allot_sim::engine::workload::Workload;
use allot_sim::{PlantedBug, Violation, run_seed};
use allot_wire::backplane::{self, PartFrame};

use operator::Operator;
use replica::Replica;

/// Seeds without a planted bug.
const SEEDS: u64 = 6;

/// Each planted bug is found within this many seeds.
const SEEDS_OF_A_PLANTED_BUG: u64 = 8;

/// What the workload counts.
const LATE: &str = "Of these, late replies.";
const REPORTS: &str = "Reports compared with their cuts.";

/// What the engine counts, as it says it.
const CRASHES: &str = "Crashes of processes.";
const SNAPSHOTS: &str = "Recoveries that had a snapshot.";

/// A message: raises are numbered apart.
pub(crate) type MessageName = (bool, SourceId, Seq);

/// What the workload draws.
#[derive(Clone, Debug)]
pub(crate) struct CounterOptions {
    rules: CounterConfig,
    /// How many keys there are.
    keys: u64,
    /// The mean time between two requests.
    every: Duration,
}

/// The workload of the system [`Counter`].
pub(crate) struct CounterWorkload {
    options: Options<CounterOptions>,
    operator: Operator,
    listener: Option<BroadcastListener>,
    reports: Vec<Report>,
    replicas: Vec<Replica>,
    /// The shard of every message that reached the front door; none where it goes to all.
    sent: BTreeMap<MessageName, Option<ShardId>>,
    /// Replies that were not looked up yet, by shard.
    pending: Vec<Vec<(MessageName, Reply)>>,
    replied: u64,
    late: u64,
}

/// Whether nothing was looked at, and the message may be sent again.
pub(crate) fn is_postponed(reply: &Reply) -> bool {
    let away = Reject::ShardAway(ShardId::default());
    let again = [Reject::Busy.code(), Reject::StorageFull.code(), away.code()];
    matches!(&reply.body, ReplyBody::Rejected(code, _) if again.contains(&code.as_str()))
}

/// The message that a reply belongs to.
pub(crate) fn name_of(reply: &Reply) -> Result<MessageName, Violation> {
    let source = SourceId::new(reply.source.as_bytes());
    let source = source.map_err(|_| Violation::new("P1", format!("whose is {reply:?}?")))?;
    let is_raise = matches!(reply.body, ReplyBody::Raised(_));
    Ok((is_raise, source, reply.seq))
}

impl Workload for CounterWorkload {
    type System = Counter;
    const PLANTED_BUGS: &'static [PlantedBug] = &[
        PlantedBug::EarlyReplies,
        PlantedBug::LyingDisk,
        PlantedBug::AlteredReply,
        PlantedBug::AlteredPart,
    ];
    type Options = CounterOptions;

    fn draw(seed: u64, planted_bug: Option<PlantedBug>) -> Options<CounterOptions> {
        let mut prng = Prng::new(seed);
        let workload = CounterOptions {
            rules: CounterConfig { limit: *prng.pick(&[50, 5_000, 1 << 40]) },
            keys: prng.between(1..=20),
            every: Duration::from_millis(*prng.pick(&[5, 20, 100])),
        };
        Options {
            seed,
            planted_bug,
            shape: Shape::draw(&mut prng, planted_bug),
            shards: usize::try_from(prng.between(1..=4)).unwrap(),
            setup: Setup::draw(&mut prng),
            faults_for: Duration::from_secs(prng.between(3..=8)),
            faults: Faults::draw(&mut prng),
            idle_percent: *prng.pick(&[0, 10, 50]),
            workload,
        }
    }

    /// The operator is enough: all crashes are of boxes.
    fn client_processes(_: &CounterOptions) -> usize {
        0
    }

    fn new(options: &Options<CounterOptions>, operator: Link, now: Nanos) -> Self {
        let workload = &options.workload;
        Self {
            operator: Operator::new(operator, workload, now),
            listener: None,
            reports: Vec::new(),
            replicas: (0..options.shards).map(|_| Replica::new(workload.rules)).collect(),
            sent: BTreeMap::new(),
            pending: vec![Vec::new(); options.shards],
            replied: 0,
            late: 0,
            options: options.clone(),
        }
    }

    fn config(&self) -> CounterConfig {
        self.options.workload.rules
    }

    fn start_client(&mut self, _: usize, _: Link) -> Box<dyn Agent> {
        unreachable!("there are no client processes")
    }

    fn operate(&mut self, now: Nanos, prng: &mut Prng) -> usize {
        self.operator.step(now, prng)
    }

    fn operator_wakes_at(&self) -> Nanos {
        self.operator.wake_at()
    }

    fn unreplied(&self) -> Vec<String> {
        self.operator.unreplied()
    }

    fn on_request(&mut self, _: u64, message: &[u8]) {
        let request = allot_counter::service::decode_line(message).unwrap();
        let name = request.name();
        let shards = self.options.shards;
        let (is_raise, shard) = match &request {
            Request::Command(command) => (false, Some(shard_of(command.key.as_bytes(), shards))),
            Request::Raise(_) => (true, None),
            Request::Report(_) => return,
        };
        self.sent.insert((is_raise, name.source, name.seq), shard);
    }

    fn on_reply(&mut self, message: &[u8]) -> Result<(), Violation> {
        let mut replies = Vec::new();
        decode_replies(message, &mut replies)
            .map_err(|error| Violation::new("P1", format!("an unreadable reply: {error}")))?;
        for reply in replies {
            if is_postponed(&reply) || matches!(reply.body, ReplyBody::Reported(_)) {
                continue;
            }
            let name = name_of(&reply)?;
            let shard =
                self.sent.get(&name).copied().ok_or_else(|| {
                    Violation::new("P1", format!("a reply to no message: {reply:?}"))
                })?;
            self.replied += 1;
            self.late += u64::from(reply.late);
            match shard {
                Some(shard) => self.pending[shard.index()].push((name, reply)),
                None => self.pending.iter_mut().for_each(|list| list.push((name, reply.clone()))),
            }
        }
        Ok(())
    }

    /// Another value, ten times or more what it was.
    fn alter_reply(message: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8(message).unwrap();
        text.replacen(r#""value":"#, r#""value":9"#, 1).into_bytes()
    }

    /// A sum that is off by one: its second integer is the sum.
    fn alter_part(frame: Vec<u8>) -> Vec<u8> {
        let Ok(PartFrame { head, body }) = backplane::decode_part(&frame) else { return frame };
        let mut body = body.to_vec();
        body[8] ^= 1;
        let mut altered = Vec::new();
        backplane::encode_part(&head, &mut altered, |out| out.extend_from_slice(&body));
        altered
    }

    fn connect_subscriber(&mut self, listener: Option<BroadcastListener>) {
        if let Some(listener) = &listener {
            listener.subscribe(b"counters:json");
        }
        self.listener = listener;
    }

    fn receive_publications(&mut self, _: Nanos, _: &mut Prng) -> Result<usize, Violation> {
        let before = self.reports.len();
        let publications =
            self.listener.iter().flat_map(|listener| std::iter::from_fn(|| listener.receive()));
        for publication in publications {
            let report = Report::decode(&publication.body)
                .map_err(|error| Violation::new("P6", format!("an unreadable report: {error}")))?;
            self.reports.push(report);
        }
        Ok(self.reports.len() - before)
    }

    fn replay(&mut self, shard: ShardId, _: LogIndex, record: &LogRecord) -> Result<(), Violation> {
        self.replicas[shard.index()].replay(record)
    }

    fn state(&self, shard: ShardId) -> &State<Counter> {
        self.replicas[shard.index()].state()
    }

    /// Every reply that a client has is one that the log makes.
    fn check_recovered(&mut self, shard: ShardId) -> Result<(), Violation> {
        let replica = &self.replicas[shard.index()];
        for (name, reply) in self.pending[shard.index()].drain(..) {
            // All shards have a raise that is acknowledged; the first one wrote the reply.
            let is_there =
                replica.has(&name, (shard == ShardId::default() || !name.0).then_some(&reply));
            ensure(is_there, "P1", || format!("the log of shard {shard} does not make {reply:?}"))?;
        }
        Ok(())
    }

    fn end_faults(&mut self) {
        self.operator.close();
    }

    fn unrest(&self, _: Nanos, states: &[&State<Counter>]) -> Result<Option<String>, Violation> {
        let total: u64 = states.iter().map(|state| state.machine().sum()).sum();
        if states.iter().any(|state| state.machine().level().total != total) {
            return Ok(Some(format!("a shard does not know the level, {total}")));
        }
        let last = self.reports.last();
        let is_last = last.is_some_and(|last| last.total == total && last.degraded.is_empty());
        Ok((!is_last).then(|| format!("the last report is {last:?}; the total is {total}")))
    }

    fn check_shard(&mut self, shard: ShardId) -> Result<(), Violation> {
        self.replicas[shard.index()].check()
    }

    fn check_end(&mut self) -> Result<(), Violation> {
        for report in &self.reports {
            let cuts = self.replicas.iter().map(|replica| replica.cut(report.report));
            let cuts: Vec<_> = cuts.collect::<Result<_, _>>()?;
            let counters = cuts.into_iter().flatten().map(|(key, value)| (key.to_string(), *value));
            let counters: BTreeMap<String, u64> = counters.collect();
            let total: u64 = counters.values().sum();
            ensure(counters == report.counters && total == report.total, "P6", || {
                format!("at its cut there were {counters:?}, {total} in all: {report:?}")
            })?;
        }
        for (marker, level) in self.replicas.iter().flat_map(Replica::levels) {
            let sums = self.replicas.iter().map(|replica| replica.cut(*marker));
            let sums = sums.map(|cut| Ok(cut?.values().sum::<u64>()));
            let total: u64 = sums.collect::<Result<Vec<_>, Violation>>()?.iter().sum();
            ensure(total == *level, "P6", || {
                format!("the level of marker {marker} is {level}, the total {total}")
            })?;
        }
        Ok(())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let reports = u64::try_from(self.reports.len()).unwrap();
        vec![
            ("Replies that were looked up in the journals.", self.replied),
            (LATE, self.late),
            (REPORTS, reports),
        ]
    }
}

#[test]
fn seeds_of_the_counters_break_no_promise() {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 1..=SEEDS {
        match run_seed::<CounterWorkload>(seed, None, false) {
            Ok(run) => {
                run.counts().iter().for_each(|(what, count)| {
                    *totals.entry(what).or_default() += count;
                });
            }
            Err(failure) => panic!("seed {seed}: {}\n{}", failure.violation, failure.options),
        }
    }
    for happens in [CRASHES, SNAPSHOTS, LATE, REPORTS] {
        assert!(0 < totals[happens], "{happens} {totals:?}");
    }
}

/// Each is found as the promise that it breaks.
#[test]
fn bugs_planted_under_the_counters_are_found() {
    let bugs = [
        (PlantedBug::EarlyReplies, "P1"),
        (PlantedBug::LyingDisk, "P1"),
        (PlantedBug::AlteredReply, "P1"),
        (PlantedBug::AlteredPart, "P6"),
    ];
    for (bug, promise) in bugs {
        let breaks = |seed| run_seed::<CounterWorkload>(seed, Some(bug), false).err();
        let found = (1..=SEEDS_OF_A_PLANTED_BUG).find_map(breaks);
        let violation = found.map(|failure| failure.violation);
        let broken = violation.as_ref().map(|violation| violation.promise);
        assert_eq!(broken, Some(promise), "{bug:?}: {violation:?}");
    }
}
