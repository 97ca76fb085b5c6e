//! The world of one run: all processes, what is between them, the time, and the order of turns.
//!
//! One thread does everything. In each round everyone has a turn, in random order. Time advances
//! in small steps while there is work, and otherwise to the next moment at which there is some.

mod launch;
mod recovery;
mod faults;
mod finish;

use std::time::Duration;

use allot_journal::SimDisk;
use allot_runtime::Nanos;
use allot_server::System;
use allot_server::boxes::shard_ids;

use super::client_network::ClientNetwork;
use super::log::RecoveredLog;
use super::network_link::{LinkConfig, NetworkLink};
use super::options::{Options, Shape};
use super::prng::Prng;
use super::process::{Actor, Process, Site, Slot};
use super::tally::{Tally, Totals};
use super::trace::Trace;
use super::violation::Violation;
use super::workload::Workload;

/// 2026-11-20T10:00:00Z.
const START: Nanos = Nanos::from_unix(1_795_168_800_000_000_000);

/// Separates the draws of the run from those of its options.
const RUN_STREAM: u64 = 0x5EED;

/// Once nothing fails any more, everything must come to rest within this time.
const REST_WITHIN: Duration = Duration::from_secs(900);

/// A run with more rounds than this makes no progress.
const ROUNDS_MAX: u64 = 3_000_000;

/// One turn in this many, a running shard's state is noted for comparison with its replay.
const LIVE_STATE_ONE_IN: u64 = 40;

/// Everything.
pub struct World<W: Workload> {
    options: Options<W::Options>,
    prng: Prng,
    now: Nanos,
    processes: Vec<Process<W::System>>,
    disks: Vec<SimDisk>,
    /// When a disk that is full has room again.
    full_until: Vec<Nanos>,
    /// From each shard to the router, then to the publisher; last from the publisher to the router.
    network_links: Vec<NetworkLink>,
    client_network: ClientNetwork,
    logs: Vec<RecoveredLog>,
    workload: W,
    starts: u64,
    rounds: u64,
    /// Whether faults are injected.
    injects_faults: bool,
    /// Whether there was work in the last round.
    is_busy: bool,
    tally: Tally,
    /// The last events.
    pub trace: Trace,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Slot(usize, usize),
    NetworkLink(usize),
    ClientNetwork,
    Operator,
    Subscriber,
}

impl<W: Workload> World<W> {
    /// A world in which nothing has started.
    pub fn new(options: Options<W::Options>, is_verbose: bool) -> Self {
        let mut prng = Prng::new(options.seed ^ RUN_STREAM);
        let config = LinkConfig {
            ring_frames: options.setup.ring_frames,
            link_frames: options.setup.link_frames,
            delay_max: options.setup.delay_max,
            planted_bug: options.planted_bug,
            alter_part: W::alter_part,
            alter_finding: W::alter_finding,
        };
        let shards = options.shards;
        let disk_fault = options.disk_fault();
        let clients = W::client_processes(&options.workload);
        let mut client_network =
            ClientNetwork::new(config, clients + 1, options.faults.copy_percent);
        let operator = client_network.attach(clients);
        Self {
            now: START,
            processes: processes(options.shape, shards, clients),
            disks: (0..shards).map(|_| SimDisk::with_fault(prng.seed(), disk_fault)).collect(),
            full_until: vec![Nanos::MAX; shards],
            network_links: (0..2 * shards + 1).map(|_| NetworkLink::new(config)).collect(),
            client_network,
            logs: shard_ids(shards).map(RecoveredLog::new).collect(),
            workload: W::new(&options, operator, START),
            starts: 0,
            rounds: 0,
            injects_faults: true,
            is_busy: true,
            tally: Tally::default(),
            trace: Trace::new(START, is_verbose),
            prng,
            options,
        }
    }

    /// Runs everything: first things fail, then all must come to rest and be right.
    ///
    /// # Errors
    /// The first promise that was not kept.
    pub fn run(&mut self) -> Result<(), Violation> {
        self.tally.runs = 1;
        self.tally.in_one_process = u64::from(self.options.shape == Shape::One);
        self.tally.pruned = u64::from(self.options.setup.prune);
        let faults_until = START + self.options.faults_for;
        while self.now < faults_until {
            self.round()?;
        }
        self.end_faults();
        self.come_to_rest()?;
        self.finish()
    }

    /// Everything that was counted so far.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.tally, self.workload.counts())
    }

    /// Everyone has a turn.
    fn round(&mut self) -> Result<(), Violation> {
        self.rounds += 1;
        if self.rounds == ROUNDS_MAX {
            return Err(Violation::new("liveness", format!("{ROUNDS_MAX} rounds, and no rest")));
        }
        self.start_those_due()?;
        let mut turns = self.turns();
        self.prng.shuffle(&mut turns);
        // Only a round in which no turn is missed shows that there is no work.
        let may_idle = self.injects_faults && self.is_busy;
        let idle_percent = if may_idle { self.options.idle_percent } else { 0 };
        let mut work = 0;
        for turn in turns {
            let is_slot = matches!(turn, Turn::Slot(..));
            if is_slot && self.prng.percent(idle_percent) {
                continue;
            }
            work += self.take(turn)?;
        }
        self.is_busy = 0 < work;
        self.pass_time(0 < work || 0 < idle_percent);
        Ok(())
    }

    fn turns(&self) -> Vec<Turn> {
        let slots = self.processes.iter().enumerate().flat_map(|(process, one)| {
            (0..one.slots.len()).map(move |slot| Turn::Slot(process, slot))
        });
        let links = (0..self.network_links.len()).map(Turn::NetworkLink);
        slots.chain(links).chain([Turn::ClientNetwork, Turn::Operator, Turn::Subscriber]).collect()
    }

    fn take(&mut self, turn: Turn) -> Result<usize, Violation> {
        let now = self.now;
        let Self { prng, tally, workload, .. } = self;
        match turn {
            Turn::Slot(process, slot) => self.take_slot(process, slot),
            Turn::NetworkLink(link) => Ok(self.network_links[link].step(now, prng, tally)),
            Turn::ClientNetwork => self.client_network.step(now, workload, prng, tally),
            Turn::Operator => Ok(workload.operate(now, prng)),
            Turn::Subscriber => workload.receive_publications(now, prng),
        }
    }

    /// One turn of an agent, and the faults around it.
    fn take_slot(&mut self, process: usize, slot: usize) -> Result<usize, Violation> {
        // An earlier turn of this round may have ended the process.
        let Some(Slot { actor, stalled_until }) = self.processes[process].slots.get_mut(slot)
        else {
            return Ok(0);
        };
        if self.now < *stalled_until {
            return Ok(0);
        }
        self.tally.turns += 1;
        let work = actor.agent().do_work(self.now);
        if let Actor::Committer(..) = actor
            && self.injects_faults
            && 0 < work
        {
            let sync = self.prng.span(Duration::from_nanos(1)..=self.options.setup.sync_max);
            *stalled_until = self.now + sync;
        }
        if let Actor::Shard(shard, agent) = actor
            && self.prng.one_in(LIVE_STATE_ONE_IN)
        {
            self.logs[shard.index()].note_live(agent.journal().appended(), agent.state());
        }
        // Check first: a process that ended in this turn must send nothing more.
        if self.end_if_crashed(process) {
            return Ok(1);
        }
        let Some(Slot { actor, .. }) = self.processes[process].slots.get_mut(slot) else {
            return Ok(1);
        };
        if let Some(failure) = actor.agent().failure().map(str::to_owned) {
            self.fail(process, slot, &failure)?;
            return Ok(1);
        }
        if self.injects_faults && 0 < work {
            self.inject_faults(process, slot);
        }
        Ok(work)
    }

    /// Advances time: by a small step while there is work, otherwise to the next moment with some.
    fn pass_time(&mut self, is_busy: bool) {
        let span = self.prng.span(Duration::from_micros(1)..=Duration::from_millis(1));
        if is_busy {
            self.now += span;
            return;
        }
        let next = self.wake_at().min(self.now + Duration::from_secs(1));
        self.now = next.max(self.now + span);
    }

    fn wake_at(&mut self) -> Nanos {
        let now = self.now;
        let mut next = self.client_network.wake_at(now).min(self.workload.operator_wakes_at());
        for process in &mut self.processes {
            if !process.is_up() {
                next = next.min(process.up_at);
            }
            for slot in &mut process.slots {
                let stalled = now < slot.stalled_until;
                let wake_at = slot.actor.agent().wake_at();
                next = next.min(if stalled { slot.stalled_until } else { wake_at });
            }
        }
        let links = self.network_links.iter().map(|link| link.wake_at(now));
        let full = self.full_until.iter().copied();
        links.chain(full).fold(next, Nanos::min)
    }
}

/// The processes of a run, and what is in each.
fn processes<S: System>(shape: Shape, shards: usize, clients: usize) -> Vec<Process<S>> {
    let mut boxes = vec![Site::Router];
    boxes.extend(shard_ids(shards).map(Site::Shard));
    boxes.push(Site::Publisher);
    let mut processes: Vec<Process<S>> = match shape {
        Shape::One => vec![Process::new(boxes)],
        Shape::Separate => boxes.into_iter().map(|site| Process::new(vec![site])).collect(),
    };
    processes.extend((0..clients).map(|client| Process::new(vec![Site::Client(client)])));
    processes
}
