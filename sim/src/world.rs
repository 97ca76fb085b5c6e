//! The world of one run: all processes, what is between them, the time, and the order of turns.
//!
//! ```text
//!   operator, feeds ═► ClientNetwork ═► router ═ NetworkLink ═ shard ═ NetworkLink ═ publisher ═► Subscriber
//!                    ║                        ║
//!                 ClientHistory                   Disk ═► Replica            the checkers' side
//! ```
//!
//! One thread does everything. In each round everyone has a turn, in an order of prng; time
//! passes by small spans while there is work, and else to the next moment at which there is some.

mod launch;
mod faults;
mod finish;

use std::time::Duration;

use allot_runtime::Nanos;

use crate::client_network::ClientNetwork;
use crate::disk::Disk;
use crate::history::ClientHistory;
use crate::network_link::{LinkConfig, NetworkLink};
use crate::operator::Operator;
use crate::options::{Options, Shape};
use crate::prng::Prng;
use crate::process::{Actor, Process, Site, Slot};
use crate::replica::Replica;
use crate::subscriber::Subscriber;
use crate::tally::Tally;
use crate::trace::Trace;
use crate::violation::Violation;

/// 2026-11-20T10:00:00Z.
const START: Nanos = Nanos::from_unix(1_795_168_800_000_000_000);

/// So long everything has to come to rest once nothing goes wrong any more.
const REST_WITHIN: Duration = Duration::from_secs(900);

/// So many rounds are too many.
const ROUNDS_MAX: u64 = 3_000_000;

/// Everything.
pub struct World {
    options: Options,
    prng: Prng,
    now: Nanos,
    processes: Vec<Process>,
    disks: Vec<Disk>,
    /// When a disk that is full has room again.
    full_until: Vec<Nanos>,
    /// From each shard to the router, then to the publisher; last from the publisher to the router.
    network_links: Vec<NetworkLink>,
    client_network: ClientNetwork,
    operator: Operator,
    subscriber: Subscriber,
    history: ClientHistory,
    replicas: Vec<Replica>,
    lives: u64,
    rounds: u64,
    /// Whether things go wrong.
    injects_faults: bool,
    /// Whether there was work in the last round.
    is_busy: bool,
    /// What happened lately.
    pub trace: Trace,
    /// What happened at all.
    pub tally: Tally,
}

/// Who has a turn.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Slot(usize, usize),
    NetworkLink(usize),
    ClientNetwork,
    Operator,
    Subscriber,
}

impl World {
    /// A world in which nobody has begun.
    pub fn new(options: Options, is_verbose: bool) -> Self {
        let mut prng = Prng::new(options.seed ^ 0x5EED);
        let config = LinkConfig {
            ring_frames: options.ring_frames,
            link_frames: options.link_frames,
            delay_max: options.delay_max,
            planted_bug: options.planted_bug,
        };
        let (shards, fault) = (options.shards, options.fault());
        let clients = options.feeds.len() + 2;
        let mut client_network = ClientNetwork::new(config, clients, options.faults.copy_percent);
        let operator_link = client_network.attach(clients - 1);
        let (tickers, every) = (options.tickers.clone(), options.operator_every);
        let lose_percent = options.faults.lose_percent;
        Self {
            now: START,
            processes: processes(&options),
            disks: (0..shards).map(|_| Disk::new(prng.seed(), fault)).collect(),
            full_until: vec![Nanos::MAX; shards],
            network_links: (0..2 * shards + 1).map(|_| NetworkLink::new(config)).collect(),
            client_network,
            operator: Operator::new(operator_link, tickers, every, START),
            subscriber: Subscriber::new(options.feed_encoding, lose_percent, options.planted_bug),
            history: ClientHistory::new(shards),
            replicas: (0..shards).map(|shard| Replica::new(shard, options.book)).collect(),
            lives: 0,
            rounds: 0,
            injects_faults: true,
            is_busy: true,
            trace: Trace::new(START, is_verbose),
            tally: Tally::default(),
            prng,
            options,
        }
    }

    /// Lives through everything: first things go wrong, then all must come to rest, and be right.
    ///
    /// # Errors
    /// The first promise that was not kept.
    pub fn run(&mut self) -> Result<(), Violation> {
        self.tally.runs = 1;
        self.tally.in_one_process = u64::from(self.options.shape == Shape::One);
        self.tally.pruned = u64::from(self.options.prune);
        let faults_until = START + self.options.faults_for;
        while self.now < faults_until {
            self.round()?;
        }
        self.end_faults();
        self.come_to_rest()?;
        self.finish()
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
        // A round in which nobody misses a turn shows whether there is work.
        let idle_percent =
            if self.injects_faults && self.is_busy { self.options.idle_percent } else { 0 };
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
        let network_links = (0..self.network_links.len()).map(Turn::NetworkLink);
        slots
            .chain(network_links)
            .chain([Turn::ClientNetwork, Turn::Operator, Turn::Subscriber])
            .collect()
    }

    fn take(&mut self, turn: Turn) -> Result<usize, Violation> {
        let (now, prng, tally) = (self.now, &mut self.prng, &mut self.tally);
        match turn {
            Turn::Slot(process, slot) => self.take_slot(process, slot),
            Turn::NetworkLink(network_link) => {
                Ok(self.network_links[network_link].step(now, prng, tally))
            }
            Turn::ClientNetwork => self.client_network.step(now, &mut self.history, prng, tally),
            Turn::Operator => Ok(self.operator.step(now, &self.history, prng)),
            Turn::Subscriber => self.subscriber.step(now, prng, tally),
        }
    }

    /// One turn of an agent, and what may go wrong around it.
    fn take_slot(&mut self, process: usize, slot: usize) -> Result<usize, Violation> {
        // Whoever had a turn before may have ended this one.
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
            let sync = self.prng.span(Duration::from_nanos(1)..=self.options.sync_max);
            *stalled_until = self.now + sync;
        }
        if let Actor::Shard(shard, agent) = actor
            && self.prng.one_in(40)
        {
            self.replicas[*shard].note_live(agent.journal().appended(), agent.state());
        }
        // Before anyone can say anything of it: whoever has gone says nothing.
        if self.end_if_crashed(process) {
            return Ok(1);
        }
        let Some(Slot { actor, .. }) = self.processes[process].slots.get_mut(slot) else {
            return Ok(1);
        };
        if let Some(failure) = actor.agent().failure().map(str::to_owned) {
            self.fail(process, &failure)?;
            return Ok(1);
        }
        if self.injects_faults && 0 < work {
            self.inject_faults(process, slot)?;
        }
        Ok(work)
    }

    /// While there is work it passes in small spans; else to the next moment with some.
    fn pass_time(&mut self, is_busy: bool) {
        let tiny = Duration::from_micros(1)..=Duration::from_millis(1);
        let span = self.prng.span(tiny);
        if is_busy {
            self.now += span;
            return;
        }
        let next = self.wake_at().min(self.now + Duration::from_secs(1));
        self.now = next.max(self.now + span);
    }

    fn wake_at(&mut self) -> Nanos {
        let now = self.now;
        let mut next = self.client_network.wake_at(now).min(self.operator.wake_at());
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
        let network_links = self.network_links.iter().map(|network_link| network_link.wake_at(now));
        let full = self.full_until.iter().copied();
        network_links.chain(full).fold(next, Nanos::min)
    }
}

/// The processes of a run, and what is in each.
fn processes(options: &Options) -> Vec<Process> {
    let shards = (0..options.shards).map(Site::Shard);
    let firm: Vec<Site> =
        [Site::Router].into_iter().chain(shards).chain([Site::Publisher]).collect();
    let feeds = (0..=options.feeds.len()).map(|feed| Process::new(vec![Site::Feed(feed)]));
    let mut processes: Vec<Process> = match options.shape {
        Shape::One => vec![Process::new(firm)],
        Shape::Separate => firm.into_iter().map(|site| Process::new(vec![site])).collect(),
    };
    processes.extend(feeds);
    processes
}
