//! Greeting: who is at the other end of a link.
//!
//! Both sides say hello as soon as a link is up. Whoever hears one says whom it knows and what it
//! has. One that has the name of this replica is a [namesake](super::namesakes).

use super::Replica;
use super::link::{Link, Peer};
use super::membership::Told;
use crate::members::Standing;
use crate::{
    Address, Effect, Hello, Instance, LinkId, Message, NameTaken, Now, Phase, Summary, limits,
};

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
        self.count_claim(id, out);
        let Some(link) = self.links.remove(&id) else { return };
        let name = link.peer.map(|peer| peer.name);
        if let Some(name) = name.filter(|name| self.peers.get(name) == Some(&id)) {
            self.elect(now, name, out);
        }
        self.ask_elsewhere(now, id, out);
    }

    /// Who was at the other end of a connection is not there any more; the connection is.
    fn vacate(&mut self, now: Now, id: LinkId, out: &mut Vec<Effect>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let before = link.peer.take().map(|peer| peer.name);
        if let Some(name) = before.filter(|name| self.peers.get(name) == Some(&id)) {
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
        if self.links[&id].peer.is_some_and(|before| before.name != hello.name) {
            // A process has one name for its life, and one that comes after it another connection.
            self.counters.bad_messages += 1;
            return self.close(now, id, out);
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
            true => self.meet_namesake(now, id, &hello, out),
            false => self.meet(now, id, &hello, out),
        }
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
            if taken.is_some() {
                // It is served like one that joins, and is shown what there is of its name.
                let peer = Peer { is_joining: true, ..peer };
                self.accept(now, id, peer, hello, taken, out);
                self.see_both(now, id, hello, out);
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
        if link.peer.is_some_and(|before| peer.is_joining && !before.is_joining) {
            // Another process has the connection now: what was said on it before is not its word.
            self.vacate(now, id, out);
            let link = self.links.get_mut(&id).expect("it said hello");
            let new = Link::new(now.steady, link.address.take());
            // What was sent to the other one may still be on its way.
            let has_room = core::mem::replace(link, new).has_room;
            link.has_room = has_room;
        }
        let link = self.links.get_mut(&id).expect("it said hello");
        let beat = hello.heartbeat.clamp(limits::HEARTBEAT_LEAST, limits::HEARTBEAT_MOST);
        link.heartbeat = Some(beat);
        // Whether it still says that the name is taken comes before its summary.
        link.may_take_back = link.says_taken;
        let before = link.peer.replace(peer);
        self.to_serve.insert(id);
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
}
