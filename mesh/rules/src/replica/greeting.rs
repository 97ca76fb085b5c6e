//! Greeting: who is at the other end of a link, and who has which name.
//!
//! Both sides say hello as soon as a link is up. Whoever hears one says whom it knows and what it
//! has. Of two processes with one name the one with the later incarnation stays; of two with the
//! same incarnation, which were apart, the one with the greater instance.

use super::Replica;
use super::link::{Link, Peer};
use crate::members::{Known, Standing};
use crate::topology::Topology;
use crate::{
    Address, Effect, Hello, Holder, Incarnation, Instance, LinkId, Member, Message, NameTaken,
    NameYielded, Notice, Now, Phase, Steady, StepDown, StrategyName, Summary, Trades, Unix,
    Version, limits,
};

/// How a member came to be known.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// It has said hello itself.
    is_met: bool,
    /// Whoever told it hears it.
    is_alive: bool,
}

/// When a member was heard last, by the wall clock; now, if it never was.
fn last_heard(now: Now, heard: Option<Steady>) -> Unix {
    let age = heard.map_or(0, |heard| now.steady.get().saturating_sub(heard.get()));
    Unix::new(now.unix.get().saturating_sub(age))
}

impl Replica {
    pub(super) fn link_up(
        &mut self,
        now: Now,
        id: LinkId,
        address: Option<Address>,
        out: &mut Vec<Effect>,
    ) {
        if limits::LINKS_MAX <= self.links.len() {
            self.say_full("connections", out);
            out.push(Effect::Close(id));
            return;
        }
        self.links.insert(id, Link::new(now.steady, address));
        self.send_hello(id, out);
    }

    /// Ends a connection.
    pub(super) fn close(&mut self, now: Now, id: LinkId, out: &mut Vec<Effect>) {
        if self.links.contains_key(&id) {
            out.push(Effect::Close(id));
            self.drop_link(now, id, out);
        }
    }

    /// A connection is gone.
    pub(super) fn drop_link(&mut self, now: Now, id: LinkId, out: &mut Vec<Effect>) {
        let Some(link) = self.links.remove(&id) else { return };
        let name = link.peer.map(|peer| peer.name);
        if let Some(name) = name.filter(|name| self.peers.get(name) == Some(&id)) {
            self.elect(now, name, out);
        }
    }

    pub(super) fn send_hello(&self, id: LinkId, out: &mut Vec<Effect>) {
        let Some(link) = self.links.get(&id) else { return };
        // Whoever joins needs an answer that is whole.
        let is_done = self.phase != Phase::Joining || (link.has_answered && !link.says_taken);
        let heard = link.peer.filter(|_| is_done).map(|peer| peer.instance).unwrap_or_default();
        self.send_hello_having_heard(id, heard, out);
    }

    /// Asks a peer to say hello again.
    pub(super) fn ask_who(&self, id: LinkId, out: &mut Vec<Effect>) {
        self.send_hello_having_heard(id, Instance::ZERO, out);
    }

    fn send_hello_having_heard(&self, id: LinkId, heard: Instance, out: &mut Vec<Effect>) {
        let hello = Hello {
            name: self.settings.name,
            incarnation: self.running().unwrap_or(self.owned.version().incarnation),
            instance: self.settings.instance,
            address: self.settings.address.clone(),
            is_joining: self.running().is_none(),
            heartbeat: self.settings.heartbeat,
            heard,
        };
        self.send(id, Message::Hello(hello), out);
    }

    pub(super) fn hear_hello(&mut self, now: Now, id: LinkId, hello: Hello, out: &mut Vec<Effect>) {
        if !hello.incarnation.is_believable() || hello.instance == Instance::ZERO {
            self.counters.bad_messages += 1;
            return;
        }
        if hello.instance == self.settings.instance {
            let link = &self.links[&id];
            if let Some(address) = &link.address {
                self.dials.is_own(address);
            }
            self.close(now, id, out);
            return;
        }
        match hello.name == self.settings.name {
            true => self.meet_namesake(id, &hello, out),
            false => self.meet(now, id, &hello, out),
        }
    }

    /// Another process of this name is at the other end.
    fn meet_namesake(&mut self, id: LinkId, hello: &Hello, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.running() else {
            // Of two that join one goes; and whoever runs was there before.
            let goes = !hello.is_joining || self.settings.instance < hello.instance;
            return if goes { self.yield_name(None, hello, out) } else { self.claim(id, out) };
        };
        if hello.is_joining {
            return self.claim(id, out);
        }
        let (theirs, ours) =
            ((hello.incarnation, hello.instance), (incarnation, self.settings.instance));
        if ours < theirs {
            return self.yield_name(None, hello, out);
        }
        self.claim(id, out);
        self.outlive(hello.incarnation, out);
    }

    fn yield_name(&mut self, peer: Option<StrategyName>, hello: &Hello, out: &mut Vec<Effect>) {
        self.say_yielded(hello.instance, out);
        self.give_up_name(peer, hello.incarnation, &hello.address, out);
    }

    /// Says to all that it knows of another process, to which it gives the name up: whoever holds
    /// its rows can tell that one whose they are.
    fn say_yielded(&self, instance: Instance, out: &mut Vec<Effect>) {
        let Some(incarnation) = self.running() else { return };
        let yielded = NameYielded { name: self.settings.name, incarnation, instance };
        for id in self.links.keys() {
            out.push(Effect::Send(*id, Message::NameYielded(yielded)));
        }
    }

    /// A process has given its name up: the one that stays is told, now or when it is heard.
    pub(super) fn hear_name_yielded(&mut self, yielded: NameYielded, out: &mut Vec<Effect>) {
        let NameYielded { name, incarnation, instance } = yielded;
        if name == self.settings.name {
            let is_other = self.running().is_some_and(|running| incarnation < running);
            if is_other && instance == self.settings.instance {
                self.put_aside(incarnation, out);
            }
            return;
        }
        if self.yields.contains_key(&name) || self.yields.len() < limits::MEMBERS_MAX {
            self.yields.insert(name, yielded);
        }
        if let Some(id) = self.peers.get(&name) {
            self.pass_on_yield(*id, out);
        }
    }

    fn pass_on_yield(&self, id: LinkId, out: &mut Vec<Effect>) {
        let Some(peer) = self.links.get(&id).and_then(Link::member) else { return };
        let yielded = self.yields.get(&peer.name);
        if let Some(yielded) = yielded.filter(|yielded| yielded.instance == peer.instance) {
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
        let trades = self.running().map(|running| Trades {
            count: self.trades,
            // Of two of one start neither has seen the other.
            may_be_known: running.start() < incarnation.start(),
        });
        let address = address.clone();
        self.step_down(StepDown::NameTaken { peer, incarnation, address, trades }, out);
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

    /// Somebody else is at the other end.
    fn meet(&mut self, now: Now, id: LinkId, hello: &Hello, out: &mut Vec<Effect>) {
        let Hello { name, incarnation, instance, is_joining, .. } = *hello;
        if !self.members.has_room_for(&name) && !self.forget_a_member(out) {
            self.say_full("members", out);
            self.close(now, id, out);
            return;
        }
        let standing = self.members.standing(&name, incarnation, instance);
        let holder = self.members.get(&name).filter(|known| known.instance != instance);
        let taken = holder.map(|known| self.taken(now, &name, known));
        let peer = Peer { name, incarnation, instance, is_joining };
        if is_joining {
            if holder.is_none() && standing != Standing::New {
                // It has started since: this hello came late.
                return;
            }
            self.accept(now, id, peer, hello, taken.filter(|taken| taken.is_alive), out);
            return;
        }
        if standing == Standing::Earlier {
            // An older hello of the same process came late; or another process has the name.
            if let Some(taken) = taken {
                self.send(id, Message::NameTaken(taken), out);
                if self.links.get_mut(&id).is_some_and(|link| link.peer.take().is_some()) {
                    self.elect(now, name, out);
                }
            }
            return;
        }
        if let Some(taken) =
            taken.filter(|taken| taken.is_alive || taken.incarnation == incarnation)
        {
            // They were apart. This one stays, and must know that it was not the only one.
            self.send(id, Message::NameTaken(taken), out);
        }
        let told = Told { is_met: true, is_alive: true };
        self.take_member(now, name, &hello.address, (incarnation, instance), told, out);
        self.accept(now, id, peer, hello, None, out);
    }

    /// Gives up a member of whom others only told, or else one that is away and has no rows here,
    /// so that one who is there has room. Whose rows are here is one for ever.
    fn forget_a_member(&mut self, out: &mut Vec<Effect>) -> bool {
        let is_idle = |name: &StrategyName| {
            let has_rows = self.view.get(name).is_some_and(|rows| rows.len() != 0);
            !has_rows && !self.peers.contains_key(name)
        };
        let idle = self.members.iter().filter(|(name, _)| is_idle(name));
        let least = idle.min_by_key(|(_, known)| (known.is_met, known.heard));
        let Some((name, address)) = least.map(|(name, known)| (*name, known.address.clone()))
        else {
            return false;
        };
        self.members.forget(&name);
        if self.dials.forget(&address) {
            out.push(Effect::Forget(address));
        }
        true
    }

    fn taken(&self, now: Now, name: &StrategyName, known: &Known) -> NameTaken {
        NameTaken {
            incarnation: known.incarnation,
            instance: known.instance,
            address: known.address.clone(),
            is_alive: self.peers.contains_key(name),
            heard: known.heard.map_or(core::time::Duration::MAX, |heard| now.steady - heard),
        }
    }

    /// A process has a name from here on; one that had it before goes.
    fn take_member(
        &mut self,
        now: Now,
        name: StrategyName,
        address: &Address,
        (incarnation, instance): (Incarnation, Instance),
        told: Told,
        out: &mut Vec<Effect>,
    ) {
        let before = self.members.get(&name).cloned();
        if let Some(before) = before.as_ref().filter(|before| before.address != *address)
            && self.dials.forget(&before.address)
        {
            out.push(Effect::Forget(before.address.clone()));
        }
        self.dials.want(address);
        if told.is_alive && before.as_ref().is_none_or(|before| before.instance != instance) {
            out.push(Effect::Notice(Notice::Joined(name, address.clone(), incarnation)));
        }
        let known = Known {
            address: address.clone(),
            incarnation,
            instance,
            is_met: told.is_met || before.as_ref().is_some_and(|before| before.is_met),
            heard: before.as_ref().and_then(|before| before.heard),
            away_since: match &before {
                Some(before) => before.away_since,
                None => Some(now.unix),
            },
            is_told_away: before.as_ref().is_some_and(|before| before.is_told_away),
        };
        self.members.set(name, known);
        self.turn_out(now, name, instance, out);
    }

    /// Tells whoever had a name before that it is taken.
    fn turn_out(
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

    /// Takes somebody as the other end of a link, and says what it needs to know.
    fn accept(
        &mut self,
        now: Now,
        id: LinkId,
        peer: Peer,
        hello: &Hello,
        taken: Option<NameTaken>,
        out: &mut Vec<Effect>,
    ) {
        let link = self.links.get_mut(&id).expect("it said hello");
        let beat = hello.heartbeat.clamp(limits::HEARTBEAT_LEAST, limits::HEARTBEAT_MOST);
        link.heartbeat = Some(beat);
        if core::mem::take(&mut link.says_taken) {
            // Whether it still says so comes before its summary.
            link.has_answered = false;
        }
        let before = link.peer.replace(peer);
        let has_started = before.is_some_and(|before| before.is_joining) && !peer.is_joining;
        if has_started {
            // What it said while it joined is old: whoever joins asks again.
            (link.has_members, link.has_answered) = (false, false);
        }
        let needs_answer = hello.heard != self.settings.instance;
        if let Some(address) = &link.address {
            self.dials.answered(now.steady, address, peer.name);
        }
        if !peer.is_joining {
            self.elect(now, peer.name, out);
        }
        if needs_answer || (has_started && self.phase == Phase::Joining) {
            self.send_hello(id, out);
        }
        if let Some(taken) = taken {
            // Before what it holds of the name: who heard that first would be told to adopt it.
            self.send(id, Message::NameTaken(taken), out);
        }
        self.pass_on_yield(id, out);
        if needs_answer || before.is_none_or(|before| before.instance != peer.instance) {
            let members = Message::Members(self.member_list(now));
            self.send(id, members, out);
            let summary = Summary { owners: self.view.summary(), is_answer: true };
            self.send(id, Message::Summary(summary), out);
        }
    }

    /// Chooses the link to use to a member, and closes what is too many.
    ///
    /// Where both have connected, the connection of the one with the lesser name stays: each side
    /// knows which that is.
    fn elect(&mut self, now: Now, name: StrategyName, out: &mut Vec<Effect>) {
        let is_to_it = |link: &Link| link.member().is_some_and(|peer| peer.name == name);
        let all: Vec<(LinkId, bool)> = self
            .links
            .iter()
            .filter(|(_, link)| is_to_it(link))
            .map(|(id, link)| (*id, link.address.is_some()))
            .collect();
        let outgoing: Vec<LinkId> = all.iter().filter(|(_, out)| *out).map(|(id, _)| *id).collect();
        let incoming = all.iter().rfind(|(_, out)| !out).map(|(id, _)| *id);
        let stays = match (outgoing.first(), incoming) {
            (Some(first), Some(_)) if self.settings.name < name => Some(*first),
            (first, incoming) => incoming.or(first.copied()),
        };
        for id in outgoing {
            if Some(id) != stays {
                out.push(Effect::Close(id));
                self.links.remove(&id);
            }
        }
        let was = match stays {
            Some(id) => self.peers.insert(name, id),
            None => self.peers.remove(&name),
        };
        if was.is_some() != stays.is_some() {
            self.change_standing(now, name, stays.is_some(), out);
        }
    }

    /// A member is heard, or is not heard any more.
    fn change_standing(
        &mut self,
        now: Now,
        name: StrategyName,
        is_alive: bool,
        out: &mut Vec<Effect>,
    ) {
        if let Some(known) = self.members.get_mut(&name) {
            let since = last_heard(now, known.heard);
            known.away_since = (!is_alive).then_some(since);
            let was_told = std::mem::replace(&mut known.is_told_away, !is_alive);
            if is_alive {
                known.heard = Some(now.steady);
                if was_told {
                    out.push(Effect::Notice(Notice::Back(name)));
                }
            } else {
                out.push(Effect::Notice(Notice::Away(name, since)));
                let address = known.address.clone();
                self.dials.lost(now.steady, &address, &name);
            }
        }
        self.reckon_targets(now);
    }

    /// Works out anew who sends whose changes to whom.
    pub(super) fn reckon_targets(&mut self, now: Now) {
        let me = self.settings.name;
        let living = self.peers.keys().copied().chain([me]).collect();
        let topology = Topology::new(me, &living, self.settings.direct);
        if topology != self.topology {
            let has_relays = topology.has_relays() || self.topology.has_relays();
            self.topology = topology;
            if has_relays {
                self.regroup(now);
            }
        }
        let before = core::mem::take(&mut self.targets);
        let owners: Vec<StrategyName> = self.topology.members().copied().collect();
        for owner in owners {
            let targets = self.topology.targets(&owner);
            let had = before.get(&owner);
            let through = self.view.through(&owner);
            let new = targets.iter().filter(|name| !had.is_some_and(|had| had.contains(name)));
            for name in new {
                // Until now its changes came to it in another way. What did not, it asks for.
                let link = self.peers.get(name).and_then(|id| self.links.get_mut(id));
                if let Some(link) = link.filter(|link| !link.is_due(&owner)) {
                    link.cursors.insert(owner, through);
                }
            }
            if !targets.is_empty() {
                self.targets.insert(owner, targets);
            }
        }
    }

    /// The others do not notice at the same moment that somebody came or went. A change that goes
    /// by a relay meanwhile may be passed on to nobody, so that this replica sends its own to all.
    fn regroup(&mut self, now: Now) {
        let me = self.settings.name;
        let through = self.view.through(&me);
        self.regrouping = Some(now.steady + limits::REGROUPING);
        for id in self.peers.values() {
            let link = self.links.get_mut(id).expect("a peer has a link");
            if !link.is_due(&me) {
                link.cursors.insert(me, through);
            }
        }
    }

    /// Says to all through what it has written, once they reckon with the same groups: whoever
    /// lacks a change from before then has a gap, and asks.
    pub(super) fn end_regrouping(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.regrouping.take_if(|until| *until <= now.steady).is_none() {
            return;
        }
        let me = self.settings.name;
        let Some(rows) = self.view.get(&me) else { return };
        let nothing = rows.delta(me, rows.through(), 1);
        for id in self.peers.values() {
            let link = self.links.get_mut(id).expect("a peer has a link");
            if link.has_room && !link.is_due(&me) {
                link.has_room = false;
                out.push(Effect::Send(*id, Message::Delta(nothing.clone())));
            }
        }
    }

    /// Whom it knows, itself among them.
    pub(super) fn member_list(&self, now: Now) -> Vec<Member> {
        let ago = |heard: Option<Steady>| {
            heard.map_or(core::time::Duration::MAX, |heard| now.steady - heard)
        };
        let own = self.running().map(|incarnation| Member {
            name: self.settings.name,
            address: self.settings.address.clone(),
            incarnation,
            instance: self.settings.instance,
            is_alive: true,
            heard: core::time::Duration::ZERO,
        });
        let others = self.members.iter().map(|(name, known)| Member {
            name: *name,
            address: known.address.clone(),
            incarnation: known.incarnation,
            instance: known.instance,
            is_alive: self.peers.contains_key(name),
            heard: ago(known.heard),
        });
        own.into_iter().chain(others).collect()
    }

    pub(super) fn hear_members(
        &mut self,
        now: Now,
        id: LinkId,
        list: Vec<Member>,
        out: &mut Vec<Effect>,
    ) {
        let is_bad = |member: &Member| {
            !member.incarnation.is_believable() || member.instance == Instance::ZERO
        };
        if limits::MEMBERS_MAX < list.len() || list.iter().any(is_bad) {
            self.counters.bad_messages += 1;
            return;
        }
        let peer = self.links[&id].peer.map(|peer| peer.name);
        for member in list {
            if member.name == self.settings.name {
                let Member { incarnation, instance, address, is_alive, heard, .. } = member;
                self.join.see(incarnation);
                if self.running().is_some() {
                    let taken = NameTaken { incarnation, instance, address, is_alive, heard };
                    self.hear_of_namesake(now, peer, id, &taken, out);
                }
            } else {
                self.hear_of_member(now, &member, out);
            }
            if self.phase == Phase::Down {
                return;
            }
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.has_members = true;
        }
    }

    fn hear_of_member(&mut self, now: Now, member: &Member, out: &mut Vec<Effect>) {
        let Member { name, ref address, incarnation, instance, is_alive, heard } = *member;
        if !self.members.has_room_for(&name) {
            self.say_full("members", out);
            return;
        }
        if is_alive && self.phase == Phase::Joining {
            self.join.name_alive(name);
        }
        let standing = self.members.standing(&name, incarnation, instance);
        if matches!(standing, Standing::New | Standing::Later) {
            let told = Told { is_met: false, is_alive };
            self.take_member(now, name, address, (incarnation, instance), told, out);
        }
        let is_linked = self.peers.contains_key(&name);
        let known = self.members.get_mut(&name).expect("it is known");
        if known.instance == instance && heard != core::time::Duration::MAX {
            let age = u64::try_from(heard.as_nanos()).unwrap_or(u64::MAX);
            let heard = Steady::new(now.steady.get().saturating_sub(age));
            known.heard = known.heard.max(Some(heard));
        }
        if !is_linked {
            known.away_since = Some(last_heard(now, known.heard));
        }
        if !is_linked && !is_alive && standing == Standing::New {
            known.is_told_away = true;
            out.push(Effect::Notice(Notice::Away(name, last_heard(now, known.heard))));
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
            return self.hear_of_namesake(now, peer, id, &taken, out);
        }
        if taken.is_alive && self.has_lived_beside(now, &taken) {
            let NameTaken { incarnation, address, .. } = taken;
            self.give_up_name(peer, incarnation, &address, out);
        } else if taken.is_alive {
            self.links.get_mut(&id).expect("it speaks").says_taken = true;
        }
    }

    /// Somebody knows another process of this name.
    fn hear_of_namesake(
        &mut self,
        now: Now,
        peer: Option<StrategyName>,
        id: LinkId,
        taken: &NameTaken,
        out: &mut Vec<Effect>,
    ) {
        let Some(incarnation) = self.running() else { return };
        if taken.instance == self.settings.instance {
            return;
        }
        let is_later = (incarnation, self.settings.instance) < (taken.incarnation, taken.instance);
        if is_later {
            self.say_yielded(taken.instance, out);
        }
        if is_later && taken.is_alive {
            self.give_up_name(peer, taken.incarnation, &taken.address, out);
        } else if is_later {
            // A life of which it knew nothing, and which is over.
            let there = self.links.get(&id).and_then(|link| link.own_there);
            let (through, rows) = there.map_or((Version::ZERO, 0), |own| (own.through, own.rows));
            let holders = peer.map(|peer| Holder { peer, through, rows }).into_iter().collect();
            let journal = self.owned.version();
            let trades = Some(self.trades);
            self.step_down(StepDown::NewerRows { holders, journal, trades }, out);
        } else if taken.is_alive && self.has_lived_beside(now, taken) {
            self.outlive(taken.incarnation, out);
        }
    }

    /// Whether another process of its name was heard a heartbeat after this one had begun: what it
    /// sent before it died is read by then.
    fn has_lived_beside(&self, now: Now, taken: &NameTaken) -> bool {
        let since = self.since.unwrap_or_default();
        taken.heard.saturating_add(self.settings.heartbeat) < now.steady - since
    }
}
