//! Readable cases: a few replicas with a network that loses nothing and takes no time.

mod changes;
mod lives;
mod namesakes;
mod made_up;
mod members;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::{
    Address, Adoption, Delta, Instance, Origin, OwnerSummary, Position, Refusal, Sequence, Summary,
    Symbol, Trade, TradeQuantity, Unix,
};

const BEAT: Duration = Duration::from_secs(1);

fn name(text: &str) -> StrategyName {
    StrategyName::new(text.as_bytes()).unwrap()
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text.as_bytes()).unwrap()
}

fn address(text: &str) -> Address {
    Address::new(&format!("tcp://{text}")).unwrap()
}

fn settings(text: &str, instance: u64, connect: &[&str]) -> Settings {
    Settings {
        name: name(text),
        address: address(text),
        instance: Instance::new(instance),
        connect: connect.iter().map(|other| address(other)).collect(),
        heartbeat: BEAT,
        join_wait: Duration::from_secs(3),
        adopt: false,
        direct: 16,
        delta_rows: 400,
    }
}

/// The incarnation of a strategy whose processes had these instances.
fn life(instances: &[u64]) -> Incarnation {
    let next = |last: Incarnation, instance: &u64| last.next(Instance::new(*instance));
    instances.iter().fold(Incarnation::ZERO, next)
}

/// A version of the first process of a strategy, which had this instance.
fn first(instance: u64, sequence: u64) -> Version {
    Version { incarnation: life(&[instance]), sequence: Sequence::new(sequence) }
}

/// One process.
struct Process {
    replica: Replica,
    links: BTreeMap<LinkId, (u64, LinkId)>,
    shown: Vec<String>,
    notices: Vec<Notice>,
    refused: Vec<Refusal>,
    stepped_down: Option<StepDown>,
}

impl Process {
    fn is_told_away(&self, of: &str) -> bool {
        self.notices.iter().any(|notice| matches!(notice, Notice::Away(who, _) if *who == name(of)))
    }
}

/// Processes by a number, which is also their instance, and what is on its way.
#[derive(Default)]
struct Mesh {
    time: u64,
    processes: BTreeMap<u64, Process>,
    queue: VecDeque<(u64, Event)>,
    next_link: u64,
    /// Nothing passes between these.
    apart: BTreeSet<(u64, u64)>,
    /// Deltas that pass are lost.
    loses_deltas: bool,
    /// Nobody reads deltas that pass: links stay full.
    is_slow: bool,
    /// Records wait for their disks.
    disks_wait: bool,
    /// How many deltas each has sent.
    deltas: BTreeMap<u64, usize>,
}

impl Mesh {
    fn now(&self) -> Now {
        Now { unix: Unix::new(self.time + 77), steady: Steady::new(self.time) }
    }

    fn start(&mut self, settings: Settings, owned: Owned) -> u64 {
        self.start_replica(Replica::new(settings, owned, [], []))
    }

    fn start_replica(&mut self, replica: Replica) -> u64 {
        let number = replica.settings.instance.get();
        let process = Process {
            replica,
            links: BTreeMap::new(),
            shown: Vec::new(),
            notices: Vec::new(),
            refused: Vec::new(),
            stepped_down: None,
        };
        self.processes.insert(number, process);
        self.queue.push_back((number, Event::Tick));
        self.settle();
        number
    }

    /// It is killed: its links are gone at once.
    fn kill(&mut self, number: u64) -> Owned {
        let process = self.processes.remove(&number).unwrap();
        for (other, link) in process.links.values() {
            self.queue.push_back((*other, Event::LinkDown(*link)));
        }
        self.settle();
        process.replica.owned().clone()
    }

    fn part(&mut self, one: u64, other: u64) {
        self.apart.extend([(one, other), (other, one)]);
    }

    /// Everything happens that takes no time.
    fn settle(&mut self) {
        while let Some((number, event)) = self.queue.pop_front() {
            let now = self.now();
            let Some(process) = self.processes.get_mut(&number) else { continue };
            let mut out = Vec::new();
            process.replica.apply(now, event, &mut out);
            process.replica.audit().unwrap();
            for effect in out {
                self.effect(number, effect);
            }
        }
    }

    fn effect(&mut self, number: u64, effect: Effect) {
        let process = self.processes.get_mut(&number).unwrap();
        match effect {
            Effect::Record(..) if self.disks_wait => {}
            Effect::Record(record, _) => self.queue.push_back((number, Event::Durable(record))),
            Effect::Send(link, message) => {
                let Some((other, theirs)) = process.links.get(&link).copied() else { return };
                let is_delta = matches!(message, Message::Delta(_));
                *self.deltas.entry(number).or_default() += usize::from(is_delta);
                if is_delta && !self.is_slow {
                    self.queue.push_back((number, Event::Room(link)));
                }
                let is_lost =
                    self.apart.contains(&(number, other)) || is_delta && self.loses_deltas;
                if !is_lost {
                    self.queue.push_back((other, Event::Received(theirs, message)));
                }
            }
            Effect::Connect(to) => self.connect(number, &to),
            Effect::Close(link) => {
                if let Some((other, theirs)) = process.links.remove(&link) {
                    self.queue.push_back((other, Event::LinkDown(theirs)));
                    self.processes.get_mut(&other).map(|other| other.links.remove(&theirs));
                }
            }
            Effect::Changed(owner, row) => {
                process.shown.push(format!("{owner} {} {}", row.symbol, row.position));
            }
            Effect::Notice(notice) => process.notices.push(notice),
            Effect::Refused(_, refusal) => process.refused.push(refusal),
            Effect::StepDown(why) => process.stepped_down = Some(why),
            Effect::Forget(_) | Effect::Started(_) => {}
        }
    }

    fn connect(&mut self, number: u64, to: &Address) {
        let listens = |(_, other): &(&u64, &Process)| other.replica.settings.address == *to;
        let Some((other, _)) = self.processes.iter().find(listens) else { return };
        let other = *other;
        if self.apart.contains(&(number, other)) {
            return;
        }
        let (mine, theirs) = (LinkId::new(self.next_link + 1), LinkId::new(self.next_link + 2));
        self.next_link += 2;
        self.processes.get_mut(&number).unwrap().links.insert(mine, (other, theirs));
        self.processes.get_mut(&other).unwrap().links.insert(theirs, (number, mine));
        self.queue.push_back((number, Event::LinkUp(mine, Some(to.clone()))));
        self.queue.push_back((other, Event::LinkUp(theirs, None)));
    }

    /// Time passes, and everybody is woken when due.
    fn pass(&mut self, span: Duration) {
        let end = self.time + u64::try_from(span.as_nanos()).unwrap();
        loop {
            let wakes = self.processes.values().map(|process| process.replica.wake_at().get());
            let next = wakes.min().unwrap_or(u64::MAX).max(self.time);
            if end < next {
                break;
            }
            self.time = next;
            let due = |process: &Process| process.replica.wake_at().get() <= next;
            let due: Vec<u64> = self
                .processes
                .iter()
                .filter(|(_, process)| due(process))
                .map(|(number, _)| *number)
                .collect();
            self.queue.extend(due.into_iter().map(|number| (number, Event::Tick)));
            self.settle();
            self.time += 1;
        }
        self.time = end;
    }

    fn trade(&mut self, number: u64, traded: &str, quantity: &str) {
        let trade = Trade {
            symbol: symbol(traded),
            quantity: TradeQuantity::parse(quantity).unwrap(),
            time: None,
            origin: Origin::Typed,
        };
        self.queue.push_back((number, Event::Trade(trade)));
        self.settle();
    }

    fn view(&self, number: u64) -> Vec<String> {
        let rows = self.processes[&number].replica.rows();
        rows.map(|(owner, row)| format!("{owner} {} {}", row.symbol, row.position)).collect()
    }

    /// How many deltas it has sent.
    fn sent(&self, number: u64) -> usize {
        self.deltas.get(&number).copied().unwrap_or_default()
    }

    fn counters(&self, number: u64) -> Counters {
        self.processes[&number].replica.counters
    }
}

/// Three strategies, each of which knows one address.
fn three() -> Mesh {
    let mut mesh = Mesh::default();
    mesh.start(settings("s1", 1, &[]), Owned::new());
    mesh.start(settings("s2", 2, &["s1"]), Owned::new());
    mesh.start(settings("s3", 3, &["s2"]), Owned::new());
    mesh.pass(BEAT);
    mesh
}
