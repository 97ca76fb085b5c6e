//! World: who there is, what is on its way, and the time.

use core::time::Duration;
mod network;
mod generators;
mod strategies;
mod trader;
mod happenings;

use std::collections::BTreeMap;

use allot_domain::{Incarnation, Seq};
use allot_signals_rules::{
    ComponentName, Decision, Deregistration, Generator, GeneratorAnswer, GeneratorEffect,
    GeneratorIndex, GeneratorReply, Period, Refusal, RegisterRequest, Rule, SignalReply, Strategy,
    StrategyEffect, StrategySettings, Ticket, Trader, TraderAnswer, TraderEffect, TraderProblem,
    TraderReply, TraderSettings, Value,
};

use super::faults::{self, Cast, FAULTY, Fault, SOUND};
use super::oracle::Oracle;
use super::planted_bug::PlantedBug;
use super::prng::Prng;
use super::process::{
    LEASE, MS, Message, Origin, PERIOD, Pending, Process, Request, START, marked, name_of,
    schedule, true_signal,
};
use super::trader_process::TraderProcess;

/// The instance of whoever decides and is not registered.
const IMPOSTOR: u64 = 9_999;

/// What happens at some time.
enum Event {
    Deliver(Message),
    Fault(Fault),
    /// The source of a run of a generator has an answer.
    Made(usize, u64, Period),
    /// The journal of a run of the trader is on disk up to a record.
    Synced(u64, u64),
}

/// A strategy process.
struct StrategyProcess {
    process: Process<Strategy>,
    name: ComponentName,
    generators: Vec<usize>,
    instance: u64,
    rule: Rule,
}

/// A generator process.
struct GeneratorProcess {
    process: Process<Generator>,
    pending: Vec<Pending>,
    source_works: bool,
    last: Option<Value>,
}

/// Everything.
pub(super) struct World {
    time: u64,
    prng: Prng,
    bug: Option<PlantedBug>,
    generators: Vec<GeneratorProcess>,
    strategies: Vec<StrategyProcess>,
    trader: TraderProcess,
    trader_pending: BTreeMap<Ticket, (Origin, Request)>,
    events: BTreeMap<(u64, u64), Event>,
    event_count: u64,
    next_ticket: u64,
    next_instance: u64,
    network_is_bad: bool,
    /// Names that somebody asked to deregister.
    asked_off: Vec<ComponentName>,
    names: usize,
    /// The faults have ended.
    is_sound: bool,
    oracle: Oracle,
    /// What the trader said last of problems.
    told: Vec<TraderProblem>,
    violation: Option<String>,
}

impl World {
    /// Runs a seed; returns how many medians were published, or what was broken.
    pub(super) fn run(seed: u64, bug: Option<PlantedBug>) -> Result<u64, String> {
        let mut world = Self::new(seed, bug);
        let end = START + (FAULTY + SOUND) * PERIOD;
        while world.time < end && world.violation.is_none() {
            world.step();
        }
        if let Some(violation) = world.violation {
            return Err(violation);
        }
        let period = |time: u64| Period::new(time / PERIOD);
        world.oracle.ended(period(START + FAULTY * PERIOD), period(end))?;
        match world.told.is_empty() {
            true => Ok(world.oracle.count()),
            false => Err(format!("all is well, and the trader says {:?}", world.told)),
        }
    }

    fn new(seed: u64, bug: Option<PlantedBug>) -> Self {
        let mut prng = Prng::new(seed);
        let (generators, names) = (1 + prng.index(3), 1 + prng.index(4));
        let cast = Cast { generators, strategies: names, processes: names + prng.index(2) };
        let mut oracle = Oracle::default();
        let mut strategies = Vec::new();
        for number in 0..cast.processes {
            let name = name_of(number % names);
            let first = prng.index(generators);
            let both = (first + 1) % generators;
            let uses =
                if both == first || prng.percent(50) { vec![first] } else { vec![first, both] };
            let generators = oracle.generators.entry(name).or_insert(uses).clone();
            let rule = Rule::External;
            let process = Process::new();
            strategies.push(StrategyProcess { process, name, generators, instance: 0, rule });
        }
        let generator = |_| GeneratorProcess {
            process: Process::new(),
            pending: Vec::new(),
            source_works: true,
            last: None,
        };
        let mut world = Self {
            time: START,
            bug,
            generators: (0..generators).map(generator).collect(),
            strategies,
            trader: TraderProcess::new(),
            trader_pending: BTreeMap::new(),
            events: BTreeMap::new(),
            event_count: 0,
            next_ticket: 0,
            next_instance: 0,
            network_is_bad: false,
            asked_off: Vec::new(),
            names,
            is_sound: false,
            oracle,
            told: Vec::new(),
            violation: None,
            prng: Prng::new(seed.wrapping_mul(31)),
        };
        world.plan(cast, &mut prng);
        world
    }

    fn plan(&mut self, cast: Cast, prng: &mut Prng) {
        let begin = |prng: &mut Prng| START + prng.below(PERIOD);
        self.at(begin(prng), Event::Fault(Fault::StartTrader));
        for number in 0..cast.generators {
            self.at(begin(prng), Event::Fault(Fault::StartGenerator(number)));
        }
        for number in 0..cast.processes {
            // Second instances come when the first have the name, or would have.
            let later = if number < cast.strategies { 0 } else { 2 * PERIOD };
            self.at(begin(prng) + later, Event::Fault(Fault::StartStrategy(number)));
        }
        for (time, fault) in faults::draw(cast, prng) {
            self.at(time, Event::Fault(fault));
        }
    }

    fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    fn check(&mut self, found: Result<(), String>) {
        if let Err(violation) = found {
            self.violation.get_or_insert(violation);
        }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.event_count += 1;
        self.events.insert((time, self.event_count), event);
    }

    /// The next event, or the next wake-up of a machine.
    fn step(&mut self) {
        let event = self.events.first_key_value().map_or(u64::MAX, |((time, _), _)| *time);
        let wakes = self.wakes();
        if event <= wakes {
            let ((time, _), event) = self.events.pop_first().expect("there is one");
            self.time = self.time.max(time);
            self.happen(event);
            return;
        }
        self.time = self.time.max(wakes);
        for number in 0..self.generators.len() {
            self.tick_generator(number);
        }
        for number in 0..self.strategies.len() {
            self.tick_strategy(number);
        }
        self.tick_trader();
        if !self.has(PlantedBug::NeverHeals) {
            self.look_for_the_unnamed();
        }
    }

    fn wakes(&self) -> u64 {
        let generators = self.generators.iter().filter_map(|one| one.process.machine.as_ref());
        let strategies = self.strategies.iter().filter_map(|one| one.process.machine.as_ref());
        let trader = self.trader.process.machine.as_ref();
        let trader = trader.filter(|_| !self.has(PlantedBug::NeverHeals)).map(Trader::wake_at);
        let wakes = generators.map(Generator::wake_at).chain(strategies.map(Strategy::wake_at));
        let next = wakes.chain(trader).map(|wake| wake.get()).min();
        next.unwrap_or(u64::MAX).max(self.time + 1)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver(message) => self.deliver(message),
            Event::Fault(fault) => self.fault(fault),
            Event::Made(number, run, period) => self.made(number, run, period),
            Event::Synced(run, through) => {
                if self.trader.process.run == run && self.trader.process.is_up() {
                    let bug = self.bug;
                    self.trader.synced(through, |record| !forgets(bug, record));
                    self.release();
                }
            }
        }
    }
}

/// Whether a planted bug makes the journal forget a record.
fn forgets(bug: Option<PlantedBug>, record: &allot_signals_rules::Record) -> bool {
    use allot_signals_rules::Record;
    match record {
        Record::Median(_) => bug == Some(PlantedBug::ForgetsMedians),
        Record::Registered(..) => bug == Some(PlantedBug::ForgetsRegistrations),
        Record::Deregistered(_) | Record::Target(_) | Record::Ordered(..) => false,
    }
}
