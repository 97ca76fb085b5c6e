//! Namesakes: two processes of one name, and which of them stays.
//!
//! The one with the later incarnation stays; of two with the same start, which were apart, chance
//! decides. Who hears of both tells the other one, which [looks](super::claims) for it:
//!
//! ```text
//!   C1 ◄─ NameTaken: C2 ── D ◄── Hello ── C2       C2 is later
//!   C1 ◄───────────── Hello ─────────────── C2     C1 has dialled C2
//!   C1 ── NameYielded: to C2 ─► D                  C1 has met C2: both have lived at one time
//!                               D ── it ─► C2      so C1's rows are no life that C2 has lost
//! ```
//!
//! Where the two cannot reach each other, whoever hears both tells each of the other one, and says
//! in its [`Status`](crate::Status) that they are two:
//!
//! ```text
//!   C1 ◄─ NameTaken: C2 ── D ── NameTaken: C1 ─► C2     D hears both
//!   C1 ◄─── rows of C2 ─── D                            C1 yields, as if it had met C2
//! ```

use super::Replica;
use super::claims::Beside;
use super::link::Link;
use crate::members::Known;
use crate::{
    Address, Effect, Hello, Incarnation, Instance, LinkId, Message, NameTaken, NameYielded,
    Namesake, Notice, Now, StepDown, StrategyName, Trades, limits,
};

impl Replica {
    /// Another process of this name is at the other end.
    pub(super) fn meet_namesake(
        &mut self,
        now: Now,
        id: LinkId,
        hello: &Hello,
        out: &mut Vec<Effect>,
    ) {
        if self.running().is_none() {
            // Of two that join one goes; and whoever runs was there before.
            let goes = !hello.is_joining || self.settings.instance < hello.instance;
            return match goes {
                true => self.give_up_name(None, hello.incarnation, &hello.address, out),
                false => self.claim(id, out),
            };
        }
        if self.leaving.is_some() {
            return self.meet_while_leaving(id, hello, out);
        }
        if hello.is_joining {
            return self.claim(id, out);
        }
        if self.is_before((hello.incarnation, hello.instance)) {
            let taken = NameTaken {
                incarnation: hello.incarnation,
                instance: hello.instance,
                address: hello.address.clone(),
                is_alive: true,
                heard: core::time::Duration::ZERO,
            };
            return match self.links[&id].address {
                Some(_) => self.leave(now, None, taken, out),
                // Anybody can say so on a connection of its own: it has to answer where it listens.
                None => self.hear_claim(now, id, &taken, out),
            };
        }
        self.claim(id, out);
        self.outlive(hello.incarnation, out);
    }

    /// Whether it goes, and not that process: by the incarnation that it has, or that is on its way
    /// to disk, so that of two that go on to the next one they never both go.
    fn is_before(&self, other: (Incarnation, Instance)) -> bool {
        (self.written.version().incarnation, self.settings.instance) < other
    }

    /// Says to all that it knows of another process, to which it gives the name up: whoever holds
    /// its rows can tell that one whose they are.
    pub(super) fn say_yielded(&self, instance: Instance, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.running() else { return };
        let yielded = NameYielded { name: self.settings.name, incarnation, instance };
        for id in self.links.keys() {
            out.push(Effect::Send(*id, Message::NameYielded(yielded)));
        }
    }

    /// A process has given its name up: the one that stays is told, now or when it is heard.
    pub(super) fn hear_name_yielded(&mut self, yielded: NameYielded, out: &mut Vec<Effect>) {
        let NameYielded { name, incarnation, instance } = yielded;
        if name == self.settings.name && self.leaving.is_some() {
            if instance == self.settings.instance {
                self.hand_yield_on(yielded, out);
            }
            return;
        }
        if name == self.settings.name {
            let is_other = self.running().is_some_and(|running| incarnation < running);
            if is_other && instance == self.settings.instance {
                self.put_aside(incarnation, out);
            }
            return;
        }
        if self.yields.contains_key(&name) || self.yields.len() < limits::MEMBERS_MAX {
            let yields = self.yields.entry(name).or_default();
            if !yields.contains(&yielded) {
                yields.push_back(yielded);
            }
            if limits::YIELDS_MAX < yields.len() {
                yields.pop_front();
            }
        }
        if let Some(id) = self.peers.get(&name) {
            self.pass_on_yield(*id, out);
        }
    }

    pub(super) fn pass_on_yield(&self, id: LinkId, out: &mut Vec<Effect>) {
        let Some(peer) = self.links.get(&id).and_then(Link::member) else { return };
        let yields = self.yields.get(&peer.name).into_iter().flatten();
        for yielded in yields.filter(|yielded| yielded.instance == peer.instance) {
            self.send(id, Message::NameYielded(*yielded), out);
        }
    }

    fn give_up_name(
        &mut self,
        peer: Option<StrategyName>,
        incarnation: Incarnation,
        address: &Address,
        out: &mut Vec<Effect>,
    ) {
        let why = self.name_taken(peer, incarnation, address);
        self.step_down(why, out);
    }

    pub(super) fn name_taken(
        &self,
        peer: Option<StrategyName>,
        incarnation: Incarnation,
        address: &Address,
    ) -> StepDown {
        let trades = self.running().map(|running| Trades {
            count: self.trades,
            // Of two of one start neither has seen the other.
            may_be_known: running.start() < incarnation.start(),
        });
        StepDown::NameTaken { peer, incarnation, address: address.clone(), trades }
    }

    /// Says that the name is its own.
    fn claim(&self, id: LinkId, out: &mut Vec<Effect>) {
        let taken = NameTaken {
            incarnation: self.running().unwrap_or_default(),
            instance: self.settings.instance,
            address: self.settings.address.clone(),
            is_alive: true,
            heard: core::time::Duration::ZERO,
        };
        self.send(id, Message::NameTaken(taken), out);
    }

    pub(super) fn taken(&self, now: Now, name: &StrategyName, known: &Known) -> NameTaken {
        NameTaken {
            incarnation: known.incarnation,
            instance: known.instance,
            address: known.address.clone(),
            is_alive: self.peers.contains_key(name),
            heard: known.heard.map_or(core::time::Duration::MAX, |heard| now.steady - heard),
        }
    }

    /// Tells whoever had a name before that it is taken.
    pub(super) fn turn_out(
        &mut self,
        now: Now,
        name: StrategyName,
        instance: Instance,
        out: &mut Vec<Effect>,
    ) {
        let is_old = |link: &Link| {
            link.member().is_some_and(|peer| peer.name == name && peer.instance != instance)
        };
        let old: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| is_old(link)).map(|(id, _)| *id).collect();
        for id in &old {
            let taken = self.taken(now, &name, self.members.get(&name).expect("it was set"));
            self.send(*id, Message::NameTaken(taken), out);
            self.links.get_mut(id).expect("it is one of them").peer = None;
        }
        if !old.is_empty() {
            self.elect(now, name, out);
        }
    }

    pub(super) fn hear_name_taken(
        &mut self,
        now: Now,
        id: LinkId,
        taken: NameTaken,
        out: &mut Vec<Effect>,
    ) {
        if !taken.incarnation.is_believable() || taken.instance == self.settings.instance {
            return;
        }
        let peer = self.links[&id].peer.map(|peer| peer.name);
        self.join.see(taken.incarnation);
        if self.running().is_some() {
            return self.hear_of_namesake(now, id, &taken, out);
        }
        if taken.is_alive && self.has_lived_beside(now, &taken) {
            let NameTaken { incarnation, address, .. } = taken;
            self.give_up_name(peer, incarnation, &address, out);
        } else if taken.is_alive {
            let link = self.links.get_mut(&id).expect("it speaks");
            (link.says_taken, link.may_take_back) = (true, false);
        }
    }

    /// A member runs, and so does another process of its name, in an earlier incarnation, which is
    /// at the other end: the member must know that those rows are another one's.
    pub(super) fn see_both(&mut self, now: Now, id: LinkId, hello: &Hello, out: &mut Vec<Effect>) {
        let Hello { name, incarnation, instance, ref address, heartbeat, .. } = *hello;
        let Some(holder) = self.peers.get(&name).copied() else { return };
        let address = address.clone();
        let taken = NameTaken {
            incarnation,
            instance,
            address: address.clone(),
            is_alive: true,
            heard: core::time::Duration::ZERO,
        };
        self.send(holder, Message::NameTaken(taken), out);
        let beat = heartbeat.clamp(limits::HEARTBEAT_LEAST, limits::HEARTBEAT_MOST);
        let until = now.steady + beat * limits::SILENT_BEATS;
        let goes = Namesake { incarnation, instance, address };
        let beside = Beside { name, process: goes.clone(), until };
        let link = self.links.get_mut(&id).expect("it speaks");
        let before = link.beside.replace(beside);
        let is_known = before.is_some_and(|before| before.process.instance == instance);
        if let Some(known) = self.members.get(&name).filter(|_| !is_known) {
            let stays = known.as_namesake();
            out.push(Effect::Notice(Notice::TwoOfOneName { name, goes, stays }));
        }
    }

    /// Another process of the name of a member that is heard, or of its own name.
    pub(super) fn namesake(&self, now: Now, name: &StrategyName) -> Option<Namesake> {
        let is_own = *name == self.settings.name;
        if !is_own && !self.peers.contains_key(name) {
            return None;
        }
        let of_taken = |taken: &NameTaken| Namesake {
            incarnation: taken.incarnation,
            instance: taken.instance,
            address: taken.address.clone(),
        };
        if is_own && let Some(leaving) = &self.leaving {
            return Some(of_taken(&leaving.stays));
        }
        if is_own && let Some((_, taken)) = self.claimed(now) {
            return Some(of_taken(taken));
        }
        let beside = self.links.values().filter_map(|link| link.beside.as_ref());
        let beside = beside.filter(|one| one.name == *name && now.steady < one.until);
        let latest = beside.max_by_key(|one| (one.process.incarnation, one.process.instance));
        latest.map(|beside| beside.process.clone())
    }

    /// Somebody knows another process of this name.
    pub(super) fn hear_of_namesake(
        &mut self,
        now: Now,
        id: LinkId,
        taken: &NameTaken,
        out: &mut Vec<Effect>,
    ) {
        if self.running().is_none()
            || taken.instance == self.settings.instance
            || self.leaving.is_some()
        {
            return;
        }
        if self.is_before((taken.incarnation, taken.instance)) {
            self.hear_claim(now, id, taken, out);
        } else if taken.is_alive && self.has_lived_beside(now, taken) {
            self.outlive(taken.incarnation, out);
            let NameTaken { incarnation, instance, ref address, .. } = *taken;
            let process = Namesake { incarnation, instance, address: address.clone() };
            let until = now.steady + self.settings.heartbeat * limits::SILENT_BEATS;
            let beside = Beside { name: self.settings.name, process, until };
            if let Some(link) = self.links.get_mut(&id) {
                link.beside = Some(beside);
            }
        }
    }

    /// Whether another process of its name was heard a heartbeat after this one had begun: what it
    /// sent before it died is read by then.
    fn has_lived_beside(&self, now: Now, taken: &NameTaken) -> bool {
        let since = self.since.unwrap_or_default();
        taken.heard.saturating_add(self.settings.heartbeat) < now.steady - since
    }
}
