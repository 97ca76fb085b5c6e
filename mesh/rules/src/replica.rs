//! Replica: one strategy's view of everyone's positions.
//!
//! ```text
//!   Joining ── what do others hold of my name? ──► Starting ── durable ──► Running
//!      └─────────── it is taken, or newer than my journal ──► Down ◄────────┘
//! ```
//!
//! Changes go to peers as they happen, and whoever lacks something asks for it: [`exchange`] has
//! both. [`greeting`] knows who is at the other end of a link, [`namesakes`] which of two processes
//! of a name stays, [`claims`] what others say of them, [`leaving`] how one goes, [`membership`]
//! who there is, [`routes`] who sends to whom, [`joining`] how a strategy gets its incarnation,
//! [`own`] what a trade does, [`clockwork`] what time does.

mod link;
mod own;
mod joining;
mod greeting;
mod claims;
mod namesakes;
mod leaving;
mod membership;
mod routes;
mod exchange;
mod sending;
mod clockwork;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::dials::Dials;
use crate::members::{self, Members};
use crate::topology::Topology;
use crate::view::{OwnerRows, View};
use crate::{
    Counters, Digest, Effect, Event, Holder, Incarnation, Lineage, LinkId, MemberStatus, Message,
    NameYielded, Notice, Now, Owned, Phase, Record, RecordNumber, Route, Row, Settings, Status,
    Steady, StepDown, StrategyName, Symbol, Version, limits,
};
use joining::Join;
use leaving::Leaving;
use link::Link;

/// The state of a replica.
#[derive(Clone, Debug)]
pub struct Replica {
    settings: Settings,
    phase: Phase,
    /// The incarnation that it started with.
    first_incarnation: Option<Incarnation>,
    /// When it was told the first thing.
    since: Option<Steady>,
    /// When it was told the last thing.
    told: Steady,
    join: Join,
    /// Its own rows with everything that was written down, durable or not.
    written: Owned,
    /// Its own rows as far as they are durable.
    owned: Owned,
    /// What was written down and is not durable yet.
    pending: VecDeque<(RecordNumber, Record)>,
    last_record: RecordNumber,
    view: View,
    members: Members,
    links: BTreeMap<LinkId, Link>,
    /// Those on which something may be due: in a mesh of 64 the others are not touched.
    to_serve: BTreeSet<LinkId>,
    /// The link in use to each living member.
    peers: BTreeMap<StrategyName, LinkId>,
    topology: Topology,
    /// The last processes of each name that have given it up: the one that stays is told.
    yields: BTreeMap<StrategyName, VecDeque<NameYielded>>,
    /// It has given its name up, and ends soon.
    leaving: Option<Leaving>,
    /// A life of this strategy of which its journal knows nothing.
    unknown_life: Option<UnknownLife>,
    /// Whose changes go on from here, and to whom.
    targets: BTreeMap<StrategyName, Vec<StrategyName>>,
    /// Until when others may reckon with other groups.
    regrouping: Option<Steady>,
    dials: Dials,
    /// What was asked for and has not come.
    wants: BTreeMap<StrategyName, Wanted>,
    /// Gaps that were repaired, by owner.
    repaired: BTreeMap<StrategyName, u64>,
    next_beat: Steady,
    /// What its last heartbeat said that it had written.
    beaten: Version,
    /// The last peer whose view was compared with this one.
    compared: Option<StrategyName>,
    counters: Counters,
    /// Trades that it has taken.
    trades: u64,
    /// What is said once was said.
    said: BTreeSet<&'static str>,
    /// Owners of whom a conflict was said.
    conflicts_said: BTreeSet<StrategyName>,
    wake_at: Steady,
}

/// Rows that were asked for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// Who was asked.
    from: LinkId,
    /// Nobody else is asked before.
    until: Steady,
    /// They have come when everything through this is there.
    through: Version,
    /// A delta that did not fit was the reason.
    is_gap: bool,
}

/// Rows of its name that a peer has shown, and that this replica's journal does not know.
#[derive(Clone, Debug)]
struct UnknownLife {
    /// The last of them.
    version: Version,
    /// Who holds them.
    holder: Holder,
    /// It steps down then, if nobody has said by then that they are another process's, which has
    /// given the name up.
    until: Steady,
}

impl Replica {
    /// A replica with its own rows from its journal, and rows of others from a snapshot, if there
    /// are any, with their lineages. It begins to join with its first [`Event::Tick`].
    #[must_use]
    pub fn new(
        settings: Settings,
        owned: Owned,
        others: impl IntoIterator<Item = (StrategyName, Row)>,
        lineages: impl IntoIterator<Item = (StrategyName, Lineage)>,
    ) -> Self {
        let mut view = View::default();
        for (owner, row) in others {
            // Rows of its own name come from the journal, or from peers, or not at all.
            if owner != settings.name && view.has_room_for(&owner) && row.version.is_believable() {
                view.merge(owner, row);
            }
        }
        view.restore_lineages(lineages);
        let living = BTreeSet::from([settings.name]);
        Self {
            phase: Phase::Joining,
            first_incarnation: None,
            since: None,
            told: Steady::new(0),
            join: Join::default(),
            written: owned.clone(),
            owned,
            pending: VecDeque::new(),
            last_record: RecordNumber::ZERO,
            view,
            members: Members::new(),
            links: BTreeMap::new(),
            to_serve: BTreeSet::new(),
            peers: BTreeMap::new(),
            topology: Topology::new(settings.name, &living, settings.direct),
            yields: BTreeMap::new(),
            leaving: None,
            unknown_life: None,
            targets: BTreeMap::new(),
            regrouping: None,
            dials: Dials::new(&settings),
            wants: BTreeMap::new(),
            repaired: BTreeMap::new(),
            next_beat: Steady::new(0),
            beaten: Version::ZERO,
            compared: None,
            counters: Counters::default(),
            trades: 0,
            said: BTreeSet::new(),
            conflicts_said: BTreeSet::new(),
            wake_at: Steady::new(0),
            settings,
        }
    }

    /// Something has happened.
    pub fn apply(&mut self, now: Now, event: Event, out: &mut Vec<Effect>) {
        if self.since.is_none() {
            self.begin(now);
        }
        self.look_for_sleep(now);
        match event {
            _ if self.phase == Phase::Down => match event {
                Event::Trade(trade) => {
                    out.push(Effect::Refused(trade, crate::Refusal::NotStarted));
                }
                _ => return,
            },
            Event::Tick => self.tick(now, out),
            Event::Trade(trade) => self.trade(now, trade, out),
            Event::Durable(number) => self.durable(now, number, out),
            Event::LinkUp(id, address) => self.link_up(now, id, address, out),
            Event::LinkDown(id) => self.drop_link(now, id, out),
            Event::Room(id) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.has_room = true;
                    self.to_serve.insert(id);
                }
            }
            Event::Received(id, message) => self.receive(now, id, message, out),
        }
        if self.phase == Phase::Joining {
            self.go_on_joining(now, out);
        }
        if self.phase != Phase::Down {
            self.connect(now, out);
            self.send_due(out);
        }
        self.set_wake(now);
    }

    fn begin(&mut self, now: Now) {
        self.since = Some(now.steady);
        self.join.begin(now.steady, &self.settings);
        self.next_beat = self.first_beat(now);
        for (owner, _) in self.view.owners() {
            self.members.see_owner(*owner, now.steady + limits::AWAY_TOLD_AFTER);
        }
    }

    /// Where this process did not run for a while, what peers sent meanwhile is still to be read:
    /// nobody was silent because of that.
    fn look_for_sleep(&mut self, now: Now) {
        if self.told + self.settings.heartbeat * 2 < now.steady {
            for link in self.links.values_mut() {
                link.heard = now.steady;
            }
        }
        self.told = now.steady;
    }

    fn receive(&mut self, now: Now, id: LinkId, message: Message, out: &mut Vec<Effect>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.heard = now.steady;
        if let Message::Hello(hello) = message {
            self.hear_hello(now, id, hello, out);
            return;
        }
        if let Message::NameTaken(taken) = message {
            self.hear_name_taken(now, id, taken, out);
            return;
        }
        if let Message::NameYielded(yielded) = message {
            self.hear_name_yielded(yielded, out);
            return;
        }
        let Some(peer) = link.peer else {
            // Its hello was lost, or it speaks to the process that was here before; a heartbeat of
            // this replica will ask for it.
            self.counters.before_hello += 1;
            return;
        };
        let known = self.members.get_mut(&peer.name);
        if let Some(known) = known.filter(|known| known.instance == peer.instance) {
            known.heard = Some(now.steady);
        }
        match message {
            Message::Members(list) => self.hear_members(now, id, list, out),
            Message::Summary(summary) => self.hear_summary(now, id, peer, summary, out),
            Message::Delta(delta) => self.hear_delta(now, id, peer, delta, out),
            Message::Want(want) => self.hear_want(id, want),
            Message::Heartbeat(beat) => self.hear_beat(now, id, peer, beat, out),
            Message::Hello(_) | Message::NameTaken(_) | Message::NameYielded(_) => {}
        }
    }

    fn step_down(&mut self, why: StepDown, out: &mut Vec<Effect>) {
        self.phase = Phase::Down;
        out.push(Effect::StepDown(why));
    }

    /// Says a notice that is said once.
    fn say_full(&mut self, what: &'static str, out: &mut Vec<Effect>) {
        self.counters.over_bounds += 1;
        if self.said.insert(what) {
            out.push(Effect::Notice(Notice::Full(what)));
        }
    }

    /// The incarnation of a replica that runs.
    const fn running(&self) -> Option<Incarnation> {
        match self.phase {
            Phase::Running(incarnation) => Some(incarnation),
            _ => None,
        }
    }

    /// When the next [`Event::Tick`] is due.
    #[must_use]
    pub const fn wake_at(&self) -> Steady {
        self.wake_at
    }

    /// How far it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it has what those whom it hears have said that they have: the snapshot of a start.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        let has = |(name, id): (&StrategyName, &LinkId)| {
            self.links.get(id).is_none_or(|link| link.its_own <= self.view.through(name))
        };
        self.wants.is_empty() && self.peers.iter().all(has)
    }

    /// Its own durable rows, for the journal's snapshot.
    #[must_use]
    pub const fn owned(&self) -> &Owned {
        &self.owned
    }

    /// All rows, by owner and symbol.
    pub fn rows(&self) -> impl Iterator<Item = (&StrategyName, &Row)> {
        self.view.rows()
    }

    /// How far the rows of each owner go, for a snapshot that a replica begins with again.
    pub fn lineages(&self) -> impl Iterator<Item = (StrategyName, Lineage)> {
        self.view.lineages()
    }

    /// All rows after that of an owner and a symbol, which need not be there.
    pub fn rows_after(
        &self,
        owner: StrategyName,
        symbol: Symbol,
    ) -> impl Iterator<Item = (&StrategyName, &Row)> {
        self.view.rows_after(owner, symbol)
    }

    /// The digest of all rows: equal where the rows are.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.view.digest()
    }

    /// What it knows.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        let others = self.members.iter().map(|(name, _)| name);
        let owners = self.view.owners().map(|(name, _)| name);
        let names: BTreeSet<_> = others.chain(owners).copied().collect();
        let names = names.into_iter().filter(|name| *name != self.settings.name);
        Status {
            name: self.settings.name,
            address: self.settings.address.clone(),
            instance: self.settings.instance,
            phase: self.phase,
            through: self.view.through(&self.settings.name),
            own_rows: self.owned.rows().len(),
            rows: self.view.len(),
            digest: self.view.digest(),
            namesake: self.namesake(now, &self.settings.name),
            members: names.map(|name| self.member_status(now, name)).collect(),
            counters: self.counters,
        }
    }

    fn member_status(&self, now: Now, name: StrategyName) -> MemberStatus {
        let known = self.members.get(&name);
        let link = self.peers.get(&name).and_then(|id| self.links.get(id));
        let rows = self.view.get(&name);
        let heard = known.and_then(|known| known.heard);
        MemberStatus {
            name,
            address: known.map(|known| known.address.clone()),
            incarnation: known.map_or(Incarnation::ZERO, |known| known.incarnation),
            instance: known.map_or(crate::Instance::ZERO, |known| known.instance),
            is_alive: link.is_some(),
            heard: heard.map(|heard| now.steady - heard),
            away_since: self.away_since(&name),
            route: match self.topology.relay_to_me(&name) {
                _ if link.is_none() => Route::Unlinked,
                Some(relay) => Route::Relayed(relay),
                None => Route::Direct,
            },
            through: self.view.through(&name),
            rows: rows.map_or(0, OwnerRows::len),
            digest: self.view.digest_of(&name),
            conflated: link.map_or(0, |link| link.conflated),
            gaps_repaired: self.repaired.get(&name).copied().unwrap_or_default(),
            namesake: self.namesake(now, &name),
        }
    }

    /// Makes every count and digest anew and compares.
    ///
    /// # Errors
    /// What does not add up, which is a bug.
    pub fn audit(&self) -> Result<(), String> {
        self.view.audit()?;
        if let Some(incarnation) = self.running() {
            let shown = self.view.get(&self.settings.name).into_iter().flat_map(OwnerRows::rows);
            // What was adopted late is shown when it is written again.
            let durable = self.owned.rows().filter(|row| row.version.incarnation == incarnation);
            if !shown.eq(durable) {
                return Err("the own rows of the view are not those that are durable".to_owned());
            }
        }
        // An adoption may come on top of trades.
        let pending_max = limits::PENDING_MAX + limits::SYMBOLS_MAX + 1;
        if limits::LINKS_MAX < self.links.len() || pending_max < self.pending.len() {
            return Err("a bound does not hold".to_owned());
        }
        if self.phase != Phase::Down && self.links.values().any(Link::has_due) {
            return Err("what is due was not sent where there is room".to_owned());
        }
        let are_up = self.peers.iter().all(|(name, id)| {
            self.links.get(id).and_then(Link::member).is_some_and(|peer| peer.name == *name)
        });
        if are_up { Ok(()) } else { Err("a peer has no link".to_owned()) }
    }

    /// Of all members that it knows, itself among them.
    fn members_digest(&self) -> Digest {
        let Some(incarnation) = self.running() else { return self.members.digest() };
        let Settings { name, address, instance, .. } = &self.settings;
        self.members.digest().with(members::of_member(name, address, incarnation, *instance))
    }
}

#[cfg(test)]
mod tests;
