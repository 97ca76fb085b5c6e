//! World: who there is, what is on its way, and the time.

mod network;
mod effects;
mod happenings;
mod lies;
mod bugs;
mod checks;

use std::collections::{BTreeMap, BTreeSet};

use allot_mesh_rules::{
    Address, Delta, Effect, Event, Hello, Incarnation, Instance, LinkId, Member, Message,
    NameTaken, Notice, Origin, Phase, Position, Record, RecordNumber, Replica, Row, Sequence,
    StepDown, StrategyName, Symbol, Trade, Unix, Version,
};

use super::faults::{self, Cast, EXAM, FAULTY, Fault, HEALING};
use super::oracle::{Named, Oracle, hundredths};
use super::planted_bug::PlantedBug;
use super::prng::Prng;
use super::process::{BEAT, Connection, MS, Process, START, address_of, name_of, symbol_of};

/// More calls than this are no run of a mesh that comes to rest.
const CALLS_MAX: u64 = 60_000;

/// What happens at some time.
enum Happening {
    Deliver {
        from: usize,
        to: usize,
        link: LinkId,
        message: Message,
    },
    Fault(Fault),
    /// A run's journal is on disk up to a record.
    Synced {
        place: usize,
        run: u64,
        number: RecordNumber,
    },
    /// A link has room again.
    Room {
        place: usize,
        link: LinkId,
    },
    /// A run's attempt at an address succeeds, if somebody listens there.
    Open {
        place: usize,
        run: u64,
        address: Address,
    },
    /// A connection is gone, and this end is told.
    Down {
        place: usize,
        link: LinkId,
    },
    Trade,
    /// All faults end.
    End,
    /// Every name that has no process gets one.
    Supervise,
    /// All views must be equal; then a strategy loses its disk.
    Exam,
}

/// Everything.
pub(super) struct World {
    time: u64,
    prng: Prng,
    bug: Option<PlantedBug>,
    cast: Cast,
    /// Processes of one name start apart, and nothing else goes wrong.
    is_apart: bool,
    /// Three processes of the first name start apart, and others know two of them each.
    is_chain: bool,
    /// The two processes of the first name never reach each other.
    is_blind: bool,
    /// They are in two parts of the mesh at first.
    is_parted: bool,
    /// Up to so many members, each sends to all.
    direct: usize,
    processes: Vec<Process>,
    happenings: BTreeMap<(u64, u64), Happening>,
    happening_count: u64,
    next_link: u64,
    next_instance: u64,
    /// Calls of replicas so far.
    calls: u64,
    network_is_bad: bool,
    /// Pairs between which nothing passes.
    cut: BTreeSet<(usize, usize)>,
    /// Nothing passes from the first to the second.
    muted: BTreeSet<(usize, usize)>,
    /// The only place that may start and connect to nobody.
    lone: Option<usize>,
    /// Nothing goes wrong any more.
    is_sound: bool,
    /// The place where a name ran last.
    last_place: BTreeMap<StrategyName, usize>,
    oracle: Oracle,
    /// Who has lost its disk at the end, and what it had.
    exam: Option<Exam>,
    /// What happened, and how often.
    seen: Seen,
    /// All that happens is printed.
    is_traced: bool,
    violation: Option<String>,
}

/// What happened in a run, and how often: a model in which it never happens tests nothing of it.
pub(super) type Seen = BTreeMap<&'static str, u64>;

/// A strategy that has lost its disk.
struct Exam {
    place: usize,
    had: BTreeMap<Symbol, i128>,
    has_refused: bool,
    /// The place of a second process of a name, that of the first, and which run that is.
    intruder: Option<(usize, usize, u64)>,
}

impl World {
    /// Runs a seed; returns what happened, or what was broken.
    pub(super) fn run(seed: u64, bug: Option<PlantedBug>) -> Result<Seen, String> {
        let mut world = Self::new(seed, bug);
        let end = START + FAULTY + HEALING + EXAM;
        while world.time < end && world.violation.is_none() {
            world.step(end);
        }
        if let Some(violation) = world.violation {
            return Err(violation);
        }
        world.check_equal()?;
        world.check_exam()?;
        world.count();
        Ok(world.seen)
    }

    fn new(seed: u64, bug: Option<PlantedBug>) -> Self {
        let mut prng = Prng::new(seed);
        let names = if prng.percent(3) { 10 } else { 2 + prng.index(4) };
        let is_apart = prng.percent(15);
        let spares = if is_apart { 1 + prng.index(2) } else { prng.index(2) };
        let is_chain = is_apart && 2 < names && spares == 2 && prng.percent(60);
        let is_blind = is_apart && spares == 1 && prng.percent(60);
        let is_pair = is_apart && !is_blind && spares == 1 && 2 < names;
        let is_parted = is_pair && prng.percent(60);
        let cast = Cast { names, places: names + spares };
        let mut world = Self {
            time: START,
            bug,
            cast,
            is_apart,
            is_chain,
            is_blind,
            is_parted,
            // Half of the meshes have groups and relays.
            direct: if prng.percent(50) { 1 } else { 16 },
            processes: (0..cast.places)
                .map(|place| Process::new(place, name_of(if place < names { place } else { 0 })))
                .collect(),
            happenings: BTreeMap::new(),
            happening_count: 0,
            next_link: 0,
            next_instance: 0,
            calls: 0,
            network_is_bad: false,
            cut: BTreeSet::new(),
            muted: BTreeSet::new(),
            lone: None,
            is_sound: false,
            last_place: BTreeMap::new(),
            oracle: Oracle::default(),
            exam: None,
            seen: Seen::default(),
            is_traced: std::env::var_os("ALLOT_MODEL_TRACE").is_some(),
            violation: None,
            prng: Prng::new(seed.wrapping_mul(31)),
        };
        world.plan(&mut prng);
        world
    }

    fn plan(&mut self, prng: &mut Prng) {
        for place in 0..self.cast.names {
            let is_late = self.is_apart && !self.is_chain && !self.is_parted && prng.percent(30);
            let time = START + prng.below(3 * BEAT) + if is_late { 5 * BEAT } else { 0 };
            self.at(time, Happening::Fault(Fault::Start(place)));
        }
        let faults = match self.is_apart {
            true if self.is_chain => faults::chain(self.cast, prng),
            true if self.is_parted => faults::parts(self.cast, prng),
            true => faults::apart(self.cast, prng),
            false => faults::draw(self.cast, prng),
        };
        for (time, fault) in faults {
            self.at(time, Happening::Fault(fault));
        }
        for _ in 0..20 + prng.below(60) {
            self.at(START + prng.below(FAULTY + BEAT), Happening::Trade);
        }
        self.at(START + FAULTY, Happening::End);
        self.at(START + FAULTY + HEALING, Happening::Exam);
    }

    fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    fn see(&mut self, what: &'static str, count: u64) {
        *self.seen.entry(what).or_default() += count;
    }

    /// Counts what the replicas that run have counted.
    fn count(&mut self) {
        for place in 0..self.processes.len() {
            let process = &self.processes[place];
            let Some(replica) = &process.replica else { continue };
            let counters = replica.status(process.now(self.time)).counters;
            self.see("gaps repaired", counters.gaps_repaired);
            self.see("changes conflated", counters.conflated);
            self.see("foreign rows", counters.foreign_rows);
            self.see("conflicts", counters.conflicts);
            self.see("rows settled", counters.settled);
            self.see("rows superseded", counters.superseded);
            self.see("differences", counters.differences);
        }
    }

    fn violated(&mut self, violation: String) {
        let time = (self.time - START) / MS;
        self.violation.get_or_insert(format!("at {time} ms: {violation}"));
    }

    fn check(&mut self, found: Result<(), String>) {
        if let Err(violation) = found {
            self.violated(violation);
        }
    }

    fn at(&mut self, time: u64, happening: Happening) {
        self.happening_count += 1;
        self.happenings.insert((time, self.happening_count), happening);
    }

    fn soon(&mut self, longest: u64, happening: Happening) {
        let delay = 1 + self.prng.below(longest);
        self.at(self.time + delay, happening);
    }

    /// The next happening, or the next wake-up of a replica.
    fn step(&mut self, end: u64) {
        let next = self.happenings.first_key_value().map_or(u64::MAX, |((time, _), _)| *time);
        let replicas = self.processes.iter().filter_map(|process| process.replica.as_ref());
        let wakes = replicas.map(|replica| replica.wake_at().get()).min().unwrap_or(u64::MAX);
        let wakes = wakes.max(self.time + 1);
        if next <= wakes {
            let ((time, _), happening) = self.happenings.pop_first().expect("there is one");
            self.time = self.time.max(time);
            self.happen(happening);
            return;
        }
        self.time = wakes.min(end);
        for place in 0..self.processes.len() {
            let replica = self.processes[place].replica.as_ref();
            if replica.is_some_and(|replica| replica.wake_at().get() <= self.time) {
                self.tell(place, Event::Tick);
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver { from, to, link, message } => self.deliver(from, to, link, message),
            Happening::Fault(fault) => self.fault(fault),
            Happening::Synced { place, run, number } => {
                if self.processes[place].run == run && self.processes[place].is_up() {
                    self.sync(place, number);
                    self.tell(place, Event::Durable(number));
                }
            }
            Happening::Room { place, link } => self.has_room(place, link),
            Happening::Open { place, run, address } => self.open(place, run, address),
            Happening::Down { place, link } => {
                if let Some(connection) = self.processes[place].links.remove(&link) {
                    self.tell(place, Event::LinkDown(link));
                    self.connect_by_itself(place, connection);
                }
            }
            Happening::Trade => {
                let place = self.prng.index(self.cast.places);
                self.trade(place);
            }
            Happening::End => self.end(),
            Happening::Supervise => self.supervise(),
            Happening::Exam => self.begin_exam(),
        }
    }

    /// A replica is told something, and does what it wants.
    fn tell(&mut self, place: usize, event: Event) {
        self.calls += 1;
        if CALLS_MAX < self.calls {
            self.violated("replicas talk without end".to_owned());
            return;
        }
        let (process, time) = (&mut self.processes[place], self.time);
        let now = process.now(time);
        let Some(replica) = process.replica.as_mut() else { return };
        let mut out = Vec::new();
        if self.is_traced {
            eprintln!("{} µs, {place}, run {}: {event:?}", (time - START) / 1_000, process.run);
        }
        replica.apply(now, event, &mut out);
        let is_yield = |effect: &Effect| matches!(effect, Effect::Send(_, Message::NameYielded(_)));
        let leaves = self.has(PlantedBug::LeavesAtOnce)
            && out.iter().any(is_yield)
            && self.processes[place].name == name_of(0);
        for effect in out {
            if self.is_traced {
                eprintln!("    {effect:?}");
            }
            self.act(place, effect);
        }
        if leaves {
            self.end_process(place);
        }
        if self.has(PlantedBug::SendsWithoutRoom) {
            let links: Vec<LinkId> = self.processes[place].links.keys().copied().collect();
            let is_full = |link: &LinkId| self.processes[place].links[link].full_since.is_some();
            if let Some(link) = links.into_iter().find(is_full) {
                self.calls += 1;
                let now = self.processes[place].now(time);
                let mut out = Vec::new();
                if let Some(replica) = self.processes[place].replica.as_mut() {
                    replica.apply(now, Event::Room(link), &mut out);
                }
                for effect in out {
                    self.act(place, effect);
                }
            }
        }
    }
}
