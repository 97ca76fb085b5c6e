//! Readable cases: a few replicas with a network that loses nothing and takes no time.

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
    /// How many deltas were sent.
    deltas: usize,
}

impl Mesh {
    fn now(&self) -> Now {
        Now { unix: Unix::new(self.time + 77), steady: Steady::new(self.time) }
    }

    fn start(&mut self, settings: Settings, owned: Owned) -> u64 {
        let number = settings.instance.get();
        let process = Process {
            replica: Replica::new(settings, owned, []),
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
                self.deltas += usize::from(is_delta);
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

#[test]
fn one_known_address_is_enough_and_all_see_all() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.trade(2, "AAPL", "-20.5");
    mesh.trade(3, "MSFT", "7");
    let all = ["s1 AAPL 100", "s2 AAPL -20.5", "s3 MSFT 7"];
    for number in 1..=3 {
        assert_eq!(mesh.view(number), all, "s{number}");
    }
    assert_eq!(mesh.processes[&3].replica.members.iter().count(), 2);
    assert_eq!(mesh.counters(3).gaps_noticed, 0);
}

#[test]
fn whoever_joins_late_sees_everything_at_once() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.trade(3, "MSFT", "7");
    mesh.start(settings("s4", 4, &["s3"]), Owned::new());
    assert_eq!(mesh.view(4), ["s1 AAPL 100", "s3 MSFT 7"]);
}

#[test]
fn what_is_written_while_somebody_starts_reaches_it_without_a_heartbeat() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.disks_wait = true;
    mesh.start(settings("s4", 4, &["s3"]), Owned::new());
    assert!(matches!(mesh.processes[&4].replica.phase(), Phase::Starting(_)));
    mesh.disks_wait = false;
    // What joins has asked, and is no member yet.
    mesh.trade(1, "MSFT", "5");
    mesh.queue.push_back((4, Event::Durable(RecordNumber::new(1))));
    mesh.settle();
    assert_eq!(mesh.view(4), ["s1 AAPL 100", "s1 MSFT 5"]);
}

#[test]
fn a_gap_is_noticed_by_the_next_change_and_repaired() {
    let mut mesh = three();
    mesh.loses_deltas = true;
    mesh.trade(1, "AAPL", "100");
    mesh.loses_deltas = false;
    mesh.trade(1, "MSFT", "5");
    for number in 2..=3 {
        assert_eq!(mesh.view(number), ["s1 AAPL 100", "s1 MSFT 5"]);
        let Counters { gaps_noticed, gaps_repaired, .. } = mesh.counters(number);
        assert_eq!((gaps_noticed, gaps_repaired), (1, 1));
    }
}

#[test]
fn a_lost_last_change_is_found_by_heartbeats() {
    let mut mesh = three();
    mesh.loses_deltas = true;
    mesh.trade(1, "AAPL", "100");
    mesh.loses_deltas = false;
    mesh.pass(BEAT * 3);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
    assert_eq!(mesh.view(3), ["s1 AAPL 100"]);
}

#[test]
fn a_slow_peer_gets_the_last_row_alone() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "1");
    mesh.is_slow = true;
    let before = mesh.deltas;
    mesh.trade(1, "AAPL", "1");
    for _ in 0..50 {
        mesh.trade(1, "AAPL", "1");
    }
    assert_eq!(mesh.deltas - before, 2, "one for each peer, and nothing waits");
    mesh.is_slow = false;
    let links: Vec<_> = mesh.processes[&1].links.keys().copied().collect();
    mesh.queue.extend(links.into_iter().map(|link| (1, Event::Room(link))));
    mesh.settle();
    assert_eq!(mesh.view(2), ["s1 AAPL 52"]);
    assert_eq!(mesh.deltas - before, 4);
    assert_eq!(mesh.counters(1).conflated, 2 * 49);
}

#[test]
fn positions_come_back_from_the_journal_under_the_next_incarnation() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let journal = mesh.kill(1);
    mesh.start(settings("s1", 11, &["s2"]), journal);
    assert_eq!(mesh.processes[&11].replica.phase(), Phase::Running(life(&[1, 11])));
    mesh.trade(11, "AAPL", "1");
    for number in [2, 3, 11] {
        assert_eq!(mesh.view(number), ["s1 AAPL 101"]);
    }
}

#[test]
fn without_its_disk_a_strategy_refuses_to_start_while_peers_hold_its_rows() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.kill(1);
    mesh.start(settings("s1", 11, &["s2"]), Owned::new());
    let Some(StepDown::NewerRows { holders, journal, trades: None }) =
        &mesh.processes[&11].stepped_down
    else {
        panic!("{:?}", mesh.processes[&11].stepped_down)
    };
    assert_eq!(*journal, Version::ZERO);
    let held: Vec<_> = holders.iter().map(|holder| (holder.peer, holder.through)).collect();
    assert_eq!(held, [(name("s2"), first(1, 1)), (name("s3"), first(1, 1))]);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
}

#[test]
fn with_the_flag_it_takes_its_rows_from_its_peers() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.trade(1, "MSFT", "5");
    mesh.kill(1);
    let adopts = Settings { adopt: true, ..settings("s1", 11, &["s2"]) };
    mesh.start(adopts, Owned::new());
    let owned = mesh.processes[&11].replica.owned();
    let adopted = Adoption { through: first(1, 2), incarnation: life(&[1, 11]) };
    assert_eq!(owned.adopted(), Some(adopted));
    mesh.trade(11, "AAPL", "1");
    for number in [2, 3, 11] {
        assert_eq!(mesh.view(number), ["s1 AAPL 101", "s1 MSFT 5"]);
        assert_eq!(mesh.counters(number).superseded, 0);
    }
}

#[test]
fn a_row_that_turns_up_after_an_adoption_is_counted_and_adopted_too() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.part(1, 2);
    mesh.trade(1, "MSFT", "5");
    let journal_of_3 = mesh.kill(3);
    mesh.kill(1);
    mesh.start(Settings { adopt: true, ..settings("s1", 11, &["s2"]) }, Owned::new());
    mesh.pass(BEAT * 4);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
    // The third comes back with the row that nobody else had.
    let row = Row {
        symbol: symbol("MSFT"),
        position: Position::parse("5").unwrap(),
        version: first(1, 2),
        updated: Unix::new(77),
    };
    let mut three = Replica::new(settings("s3", 33, &["s2"]), journal_of_3, [(name("s1"), row)]);
    three.apply(mesh.now(), Event::Tick, &mut Vec::new());
    mesh.start(settings("s3", 33, &["s2"]), three.owned().clone());
    mesh.processes.get_mut(&33).unwrap().replica = three;
    mesh.queue.push_back((33, Event::Tick));
    mesh.pass(BEAT * 9);
    for number in [2, 11, 33] {
        assert_eq!(mesh.view(number), ["s1 AAPL 100", "s1 MSFT 5"], "{number}");
    }
    assert_eq!(mesh.counters(33).superseded, 1);
    assert_eq!(mesh.counters(11).settled, 0);
}

#[test]
fn whoever_started_alone_steps_down_when_newer_rows_turn_up() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.kill(1);
    for other in [2, 3] {
        mesh.part(11, other);
    }
    mesh.start(settings("s1", 11, &["s2"]), Owned::new());
    mesh.pass(BEAT * 4);
    assert!(mesh.processes[&11].notices.contains(&Notice::Alone));
    mesh.trade(11, "IBM", "1");
    mesh.apart.clear();
    mesh.pass(BEAT * 9);
    let stepped_down = &mesh.processes[&11].stepped_down;
    assert!(
        matches!(stepped_down, Some(StepDown::NewerRows { trades: Some(1), .. })),
        "{stepped_down:?}"
    );
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
}

#[test]
fn a_second_process_of_a_name_that_lives_does_not_start() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let second = Settings { address: address("s1b"), ..settings("s1", 11, &["s2"]) };
    mesh.start(second, Owned::new());
    mesh.pass(BEAT * 4);
    let stepped_down = &mesh.processes[&11].stepped_down;
    assert!(matches!(stepped_down, Some(StepDown::NameTaken { .. })), "{stepped_down:?}");
    assert_eq!(mesh.processes[&1].stepped_down, None);
}

#[test]
fn of_two_of_one_name_the_older_incarnation_steps_down() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    for other in [2, 3] {
        mesh.part(1, other);
    }
    mesh.pass(BEAT * 5);
    let journal = mesh.processes[&1].replica.owned().clone();
    let second = Settings { address: address("s1b"), ..settings("s1", 11, &["s2"]) };
    mesh.start(second, journal);
    mesh.pass(BEAT);
    mesh.apart.clear();
    mesh.pass(BEAT * 9);
    let stepped_down = &mesh.processes[&1].stepped_down;
    assert!(matches!(stepped_down, Some(StepDown::NameTaken { .. })), "{stepped_down:?}");
    assert_eq!(mesh.processes[&11].stepped_down, None);
}

/// Their lives are drawn, and which of the two is heard first is as it comes.
#[test]
fn of_two_that_start_apart_and_meet_through_a_third_one_stays() {
    for (one, other) in [(1, 11), (11, 1), (5, 6), (6, 5), (7, 70)] {
        let mut mesh = Mesh::default();
        mesh.start(settings("s1", one, &[]), Owned::new());
        let elsewhere = Settings { address: address("s1b"), ..settings("s1", other, &[]) };
        mesh.start(elsewhere, Owned::new());
        mesh.trade(one, "AAPL", "1");
        mesh.trade(other, "MSFT", "2");
        mesh.pass(BEAT / 4);
        mesh.start(settings("s2", 2, &["s1", "s1b"]), Owned::new());
        mesh.pass(BEAT * 9);
        let (stays, goes) = if life(&[one]) < life(&[other]) { (other, one) } else { (one, other) };
        let stepped_down = &mesh.processes[&goes].stepped_down;
        assert!(matches!(stepped_down, Some(StepDown::NameTaken { .. })), "{stepped_down:?}");
        assert_eq!(mesh.processes[&stays].stepped_down, None);
        assert_eq!(mesh.view(2), mesh.view(stays));
    }
}

/// Nobody has yielded to it: it may be a life that this strategy has lost.
#[test]
fn a_made_up_yield_of_a_later_life_changes_nothing() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    let (incarnation, instance) = (life(&[1, 5, 6]), Instance::new(1));
    let yielded = NameYielded { name: name("s1"), incarnation, instance };
    mesh.queue.push_back((1, Event::Received(*theirs, Message::NameYielded(yielded))));
    mesh.settle();
    assert_eq!(mesh.processes[&1].replica.phase(), Phase::Running(life(&[1])));
}

/// Whoever took the row refuses those of the owner's next incarnation, unless the owner says that
/// it has put its own life aside.
#[test]
fn a_row_that_is_ahead_of_its_owner_ends_nobody() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    for (times, traded) in [(1, "AAPL"), (2, "IBM")] {
        let running = mesh.processes[&1].replica.running().unwrap();
        let version = Version { incarnation: running, sequence: Sequence::new(99) };
        let (position, updated) = (Position::parse("666").unwrap(), Unix::new(1));
        let row = Row { symbol: symbol(traded), position, version, updated };
        let made_up = Delta {
            owner: name("s1"),
            after: Version::ZERO,
            through: version,
            adopted: None,
            lives: vec![],
            rows: vec![row],
        };
        let link = mesh.processes[&3].links.iter().find(|(_, (other, _))| *other == 2);
        let (_, (_, theirs)) = link.unwrap();
        mesh.queue.push_back((2, Event::Received(*theirs, Message::Delta(made_up))));
        mesh.pass(BEAT * 9);
        assert_eq!(mesh.processes[&1].stepped_down, None);
        assert_eq!(mesh.processes[&1].replica.running().unwrap().start(), 1 + times);
        for number in 1..=3 {
            assert_eq!(mesh.view(number)[0], "s1 AAPL 100");
            assert_eq!(mesh.view(number), mesh.view(1));
        }
    }
    assert_eq!(mesh.view(1), ["s1 AAPL 100", "s1 IBM 0"]);
}

#[test]
fn a_row_of_its_name_from_outside_never_changes_a_position() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let forged = |text: &str, sequence: u64| Row {
        symbol: symbol(text),
        position: Position::parse("666").unwrap(),
        version: first(1, sequence),
        updated: Unix::new(1),
    };
    let delta = |owner: &str, row: Row| {
        let (owner, after) = (name(owner), first(1, 0));
        Message::Delta(Delta {
            owner,
            after,
            through: row.version,
            adopted: None,
            lives: vec![],
            rows: vec![row],
        })
    };
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((1, Event::Received(*theirs, delta("s1", forged("AAPL", 1)))));
    mesh.settle();
    assert_eq!(mesh.counters(1).settled, 1);
    // Nor may s2 say rows of its own of an incarnation that it does not have.
    let mut other = forged("AAPL", 1);
    other.version = Version::new(9, 1);
    let theirs = *mesh.processes[&1].links.keys().next().unwrap();
    mesh.queue.push_back((1, Event::Received(theirs, delta("s2", other))));
    mesh.pass(BEAT * 3);
    for number in 1..=3 {
        assert_eq!(mesh.view(number), ["s1 AAPL 100"]);
    }
}

#[test]
fn a_summary_that_nobody_backs_ends_no_owner() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    let through = Version { incarnation: life(&[5, 6, 7]), sequence: Sequence::new(9) };
    let made_up = OwnerSummary { owner: name("s1"), through, digest: Digest::new(1), rows: 3 };
    let summary = Summary { owners: vec![made_up], is_answer: true };
    mesh.queue.push_back((1, Event::Received(*theirs, Message::Summary(summary))));
    mesh.pass(BEAT * 5);
    assert_eq!(mesh.processes[&1].stepped_down, None);
    assert_eq!(mesh.counters(1).unfounded, 1);
    assert!(mesh.processes[&1].notices.contains(&Notice::Unfounded { peer: name("s2"), through }));
    mesh.trade(1, "AAPL", "1");
    assert_eq!(mesh.view(2), ["s1 AAPL 101"]);
}

#[test]
fn rows_of_an_incarnation_that_their_owner_has_not_said_are_refused() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    let version = Version { incarnation: life(&[1, 9]), sequence: Sequence::new(1) };
    let (position, updated) = (Position::parse("666").unwrap(), Unix::new(1));
    let row = Row { symbol: symbol("AAPL"), position, version, updated };
    let made_up = Delta {
        owner: name("s1"),
        after: Version::ZERO,
        through: version,
        adopted: None,
        lives: vec![first(1, 1)],
        rows: vec![row],
    };
    let link = mesh.processes[&3].links.iter().find(|(_, (other, _))| *other == 2);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((2, Event::Received(*theirs, Message::Delta(made_up))));
    mesh.settle();
    assert_eq!(mesh.counters(2).rows_ahead, 1);
    assert_eq!(mesh.view(2), ["s1 AAPL 100"]);
}

#[test]
fn who_is_there_takes_the_place_of_invented_members() {
    let mut mesh = three();
    let invented = |number: usize| crate::Member {
        name: name(&format!("x{number}")),
        address: address(&format!("nowhere{number}")),
        incarnation: life(&[7]),
        instance: Instance::new(7),
        is_alive: false,
        heard: BEAT * 60,
    };
    let list = Message::Members((0..limits::MEMBERS_MAX).map(invented).collect());
    let link = mesh.processes[&2].links.iter().find(|(_, (other, _))| *other == 1);
    let (_, (_, theirs)) = link.unwrap();
    mesh.queue.push_back((1, Event::Received(*theirs, list)));
    mesh.settle();
    let away = mesh.processes[&1].replica.status(mesh.now());
    let away = away.members.iter().find(|member| member.name == name("x0")).unwrap();
    // It was heard before the clocks of this test began.
    assert_eq!((away.is_alive, away.away_since), (false, Some(Unix::new(77))));
    assert_eq!(mesh.processes[&1].replica.members.iter().count(), limits::MEMBERS_MAX - 1);
    mesh.start(settings("s4", 4, &["s1"]), Owned::new());
    mesh.trade(4, "MSFT", "7");
    assert_eq!(mesh.view(1), ["s4 MSFT 7"]);
}

#[test]
fn a_slow_heartbeat_is_not_taken_for_silence() {
    let mut mesh = Mesh::default();
    mesh.start(Settings { heartbeat: BEAT * 10, ..settings("s1", 1, &[]) }, Owned::new());
    mesh.start(settings("s2", 2, &["s1"]), Owned::new());
    mesh.pass(BEAT * 60);
    assert!(!mesh.processes[&2].is_told_away("s1"));
    mesh.part(1, 2);
    mesh.pass(BEAT * 60);
    assert!(mesh.processes[&2].is_told_away("s1"));
}

#[test]
fn a_position_that_is_too_large_is_refused() {
    let mut mesh = three();
    let most = Position::from_nanos(limits::NANOS_MAX).unwrap().to_string();
    mesh.trade(1, "AAPL", &most);
    mesh.trade(1, "AAPL", "0.000000001");
    assert_eq!(mesh.processes[&1].refused, [Refusal::TooLarge]);
}

#[test]
fn a_member_that_is_not_heard_is_away_and_its_rows_stay() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.part(1, 2);
    mesh.pass(BEAT * 5);
    assert!(mesh.processes[&2].is_told_away("s1"));
    let status = mesh.processes[&2].replica.status(mesh.now());
    assert!(!status.members[0].is_alive && status.members[0].away_since.is_some());
    // What it writes meanwhile comes through the third.
    mesh.trade(1, "AAPL", "1");
    mesh.pass(BEAT * 9);
    assert_eq!(mesh.view(2), ["s1 AAPL 101"]);
    mesh.apart.clear();
    mesh.pass(BEAT * 9);
    assert!(mesh.processes[&2].notices.contains(&Notice::Back(name("s1"))));
}

#[test]
fn whoever_slept_does_not_take_the_others_for_silent() {
    let mut mesh = three();
    // It is stopped, and nothing of the others is read until it runs again.
    mesh.time += u64::try_from((BEAT * 20).as_nanos()).unwrap();
    mesh.queue.push_back((1, Event::Tick));
    mesh.settle();
    let status = mesh.processes[&1].replica.status(mesh.now());
    assert!(status.members.iter().all(|member| member.is_alive));
}

#[test]
fn the_answer_of_somebody_who_joins_too_is_not_enough() {
    let mut mesh = three();
    mesh.trade(1, "AAPL", "100");
    mesh.kill(1);
    mesh.kill(3);
    // The third knows nothing yet, and the second, which does, is not reached at once.
    mesh.part(2, 33);
    mesh.start(settings("s3", 33, &["s2"]), Owned::new());
    mesh.part(2, 11);
    mesh.start(settings("s1", 11, &["s3", "s2"]), Owned::new());
    mesh.pass(BEAT / 2);
    assert_eq!(mesh.processes[&11].replica.phase(), Phase::Joining);
    mesh.apart.clear();
    mesh.pass(BEAT);
    let stepped_down = &mesh.processes[&11].stepped_down;
    assert!(matches!(stepped_down, Some(StepDown::NewerRows { .. })), "{stepped_down:?}");
}
