//! Process: a place where a replica runs, with its disk, its clock and its connections.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use allot_mesh_rules::{
    Address, Instance, Lineage, LinkId, Now, Owned, Record, RecordNumber, Replica, Row, Settings,
    Steady, StrategyName, Symbol, Trade, Unix, Version,
};

/// One millisecond of virtual time.
pub(super) const MS: u64 = 1_000_000;
/// How often a replica says that it lives.
pub(super) const BEAT: u64 = 1_000 * MS;
/// When the virtual time begins, so that clocks can be behind.
pub(super) const START: u64 = 1_000 * BEAT;

/// A place for a process. Those beyond the names are second processes of a name.
pub(super) struct Process {
    pub(super) name: StrategyName,
    pub(super) address: Address,
    pub(super) replica: Option<Replica>,
    /// Which run of it, from 1.
    pub(super) run: u64,
    /// What is durable.
    pub(super) disk: Vec<Record>,
    /// What was written and is not synced.
    pub(super) unsynced: VecDeque<(RecordNumber, Record)>,
    /// What its wall clock is ahead, in nanoseconds.
    pub(super) skew: i64,
    pub(super) links: BTreeMap<LinkId, Connection>,
    /// Addresses that are tried until somebody listens there.
    pub(super) attempts: BTreeSet<Address>,
    /// Its disk and its links are slow.
    pub(super) is_slow: bool,
    /// Its disk was never lost, nor was it ever two.
    pub(super) is_pristine: bool,
    /// Somebody made up rows of the incarnation that it has now.
    pub(super) is_forged: bool,
    /// A copy of its disk.
    pub(super) copy: Vec<Record>,
    /// It connects to nobody the next time it starts.
    pub(super) is_lone: bool,
    /// Owners of whom it was told that they did not adopt all of its rows.
    pub(super) superseded: BTreeSet<StrategyName>,
    /// It may adopt the next time it starts.
    pub(super) adopts: bool,
    /// Trades that it was given and has not written.
    pub(super) given: VecDeque<Trade>,
    /// What this run has shown.
    pub(super) shown: BTreeMap<(StrategyName, Symbol), Version>,
    /// A snapshot of the view, for the next start.
    pub(super) history: Vec<(StrategyName, Row)>,
    /// How far its rows go.
    pub(super) lineages: Vec<(StrategyName, Lineage)>,
}

/// One end of a connection.
pub(super) struct Connection {
    pub(super) other: usize,
    pub(super) other_link: LinkId,
    /// It was connected to this address from here.
    pub(super) address: Option<Address>,
    /// When the last message sent on it arrives: messages do not overtake one another.
    pub(super) last_arrival: u64,
    /// The call that sent deltas, until they have left.
    pub(super) full_since: Option<u64>,
}

impl Process {
    pub(super) fn new(place: usize, name: StrategyName) -> Self {
        Self {
            name,
            address: address_of(place),
            replica: None,
            run: 0,
            disk: Vec::new(),
            unsynced: VecDeque::new(),
            skew: 0,
            links: BTreeMap::new(),
            attempts: BTreeSet::new(),
            is_slow: false,
            is_pristine: true,
            is_forged: false,
            copy: Vec::new(),
            is_lone: false,
            superseded: BTreeSet::new(),
            adopts: false,
            given: VecDeque::new(),
            shown: BTreeMap::new(),
            history: Vec::new(),
            lineages: Vec::new(),
        }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.replica.is_some()
    }

    pub(super) const fn now(&self, time: u64) -> Now {
        Now { unix: Unix::new(time.wrapping_add_signed(self.skew)), steady: Steady::new(time) }
    }

    /// What its journal adds up to.
    pub(super) fn recover(&self) -> Owned {
        let mut owned = Owned::new();
        for record in &self.disk {
            owned.apply(record).expect("it was written after those before it");
        }
        owned
    }

    pub(super) fn settings(&self, instance: u64, connect: Vec<Address>, direct: usize) -> Settings {
        Settings {
            name: self.name,
            address: self.address.clone(),
            instance: Instance::new(instance),
            connect,
            heartbeat: Duration::from_nanos(BEAT),
            join_wait: Duration::from_nanos(BEAT * 3 / 2),
            adopt: self.adopts,
            direct,
            delta_rows: 2,
        }
    }
}

pub(super) fn address_of(place: usize) -> Address {
    Address::new(&format!("tcp://host{place}:1")).unwrap()
}

pub(super) fn name_of(number: usize) -> StrategyName {
    StrategyName::new(format!("s{number}").as_bytes()).unwrap()
}

pub(super) fn symbol_of(number: usize) -> Symbol {
    Symbol::new(format!("T{number}").as_bytes()).unwrap()
}
