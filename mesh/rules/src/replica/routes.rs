//! Routes: the link in use to each member, and who sends whose changes to whom.

use super::Replica;
use super::link::Link;
use super::membership::last_heard;
use crate::topology::Topology;
use crate::{Effect, LinkId, Message, Notice, Now, StrategyName, Unix, limits};

impl Replica {
    /// Chooses the link to use to a member, and closes what is too many.
    ///
    /// Where both have connected, the connection of the one with the lesser name stays: each side
    /// knows which that is.
    pub(super) fn elect(&mut self, now: Now, name: StrategyName, out: &mut Vec<Effect>) {
        let is_to_it = |link: &Link| link.member().is_some_and(|peer| peer.name == name);
        let all: Vec<(LinkId, bool)> = self
            .links
            .iter()
            .filter(|(_, link)| is_to_it(link))
            .map(|(id, link)| (*id, link.address.is_some()))
            .collect();
        let outgoing: Vec<LinkId> = all.iter().filter(|(_, out)| *out).map(|(id, _)| *id).collect();
        let mut accepted: Vec<LinkId> =
            all.iter().filter(|(_, out)| !out).map(|(id, _)| *id).collect();
        let incoming = accepted.pop();
        let surplus = (accepted.len() + 1).saturating_sub(limits::LINKS_OF_A_NAME_MAX);
        let stays = match (outgoing.first(), incoming) {
            (Some(first), Some(_)) if self.settings.name < name => Some(*first),
            (first, incoming) => incoming.or(first.copied()),
        };
        let mut closed = Vec::new();
        for id in outgoing.into_iter().chain(accepted.into_iter().take(surplus)) {
            if Some(id) != stays {
                out.push(Effect::Close(id));
                self.links.remove(&id);
                closed.push(id);
            }
        }
        let was = match stays {
            Some(id) => self.peers.insert(name, id),
            None => self.peers.remove(&name),
        };
        if was.is_some() != stays.is_some() {
            self.change_standing(now, name, stays.is_some(), out);
        }
        for id in closed {
            self.ask_elsewhere(now, id, out);
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
            if is_alive {
                known.heard = Some(now.steady);
                known.tell_away_at = None;
                if core::mem::take(&mut known.is_told_away) {
                    out.push(Effect::Notice(Notice::Back(name)));
                }
            } else {
                let address = known.address.clone();
                self.dials.lost(now.steady, &address, &name);
                self.members.tell_away_at(&name, now.steady + limits::AWAY_TOLD_AFTER);
            }
        }
        self.reckon_targets(now);
    }

    /// Says who has been away for long enough to be told of.
    pub(super) fn tell_who_is_away(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.running().is_none() || now.steady < self.members.tell_at() {
            return;
        }
        for name in self.members.take_away(now.steady) {
            let since = self.away_since(&name).unwrap_or(now.unix);
            out.push(Effect::Notice(Notice::Away(name, since)));
        }
    }

    /// Since when somebody is away: one whose process nobody here has heard of made its last change
    /// then, if not later.
    pub(super) fn away_since(&self, name: &StrategyName) -> Option<Unix> {
        match self.members.get(name) {
            Some(known) => known.away_since,
            None => self.view.get(name)?.rows().map(|row| row.updated).max(),
        }
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
        let begins = self.regrouping.replace(now.steady + limits::REGROUPING).is_none();
        // What it has written since its last heartbeat may have met such a relay already.
        let again = if begins { self.beaten.min(through) } else { through };
        let direct = self.targets.get(&me);
        for (name, id) in &self.peers {
            let link = self.links.get_mut(id).expect("a peer has a link");
            let is_direct = direct.is_some_and(|direct| direct.contains(name));
            if link.is_due(&me) {
                continue;
            }
            if again < through && !is_direct {
                link.owe(me, again);
                self.to_serve.insert(*id);
            } else {
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
}
