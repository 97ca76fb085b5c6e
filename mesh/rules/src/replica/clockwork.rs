//! Clockwork: heartbeats, silences, and when addresses are connected to again.

use allot_domain::mix;

use super::Replica;
use super::link::Link;
use crate::{Effect, LinkId, Message, Now, Phase, Steady, limits};

impl Replica {
    pub(super) fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.drop_the_silent(now, out);
        self.close_doubts(now, out);
        self.look_at_unknown_life(now, out);
        self.look_at_claims(now, out);
        self.look_at_leaving(now, out);
        if self.phase == Phase::Down {
            return;
        }
        self.end_regrouping(now, out);
        self.tell_who_is_away(now, out);
        if self.next_beat <= now.steady {
            self.next_beat = now.steady + self.settings.heartbeat;
            self.send_beats(out);
            self.compare_views(now, out);
        }
    }

    /// Peers that start together must not beat together: 64 that do leave their hosts no time for
    /// anything else meanwhile.
    pub(super) fn first_beat(&self, now: Now) -> Steady {
        let share = mix(self.settings.instance.get()) % 1_024;
        let share = u32::try_from(share).expect("below 1024");
        now.steady + self.settings.heartbeat / 1_024 * share
    }

    fn drop_the_silent(&mut self, now: Now, out: &mut Vec<Effect>) {
        let own = self.settings.heartbeat;
        // Each says how often it is heard: a slow one is not away because this one is quick.
        let silence = |link: &Link| link.heartbeat.unwrap_or(own) * limits::SILENT_BEATS;
        let silent: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| link.heard + silence(link) < now.steady)
            .map(|(id, _)| *id)
            .collect();
        for id in silent {
            self.close(now, id, out);
        }
    }

    /// Asks for connections to the addresses that are due.
    pub(super) fn connect(&mut self, now: Now, out: &mut Vec<Effect>) {
        if now.steady < self.dials.next() {
            return;
        }
        let (links, peers, members) = (&self.links, &self.peers, &self.members);
        let due = self.dials.due(now.steady, |address, peer| {
            let is_linked = links.values().any(|link| link.address.as_ref() == Some(address));
            let is_heard = |name| peers.contains_key(name);
            is_linked
                || peer.as_ref().is_some_and(is_heard)
                || members.iter().any(|(name, known)| known.address == *address && is_heard(name))
        });
        out.extend(due.into_iter().map(Effect::Connect));
    }

    /// Says that it lives; and hello where the peer has not said it.
    fn send_beats(&mut self, out: &mut Vec<Effect>) {
        let beat = self.beat();
        self.beaten = beat.through;
        for (id, link) in &self.links {
            match link.peer {
                Some(_) => out.push(Effect::Send(*id, Message::Heartbeat(beat))),
                None => self.send_hello(*id, out),
            }
        }
    }

    pub(super) fn set_wake(&mut self, now: Now) {
        let regrouped = self.regrouping.unwrap_or(Steady::MAX);
        let unknown = self.unknown_life.as_ref().map_or(Steady::MAX, |unknown| unknown.until);
        let next =
            self.next_beat.min(self.dials.next()).min(regrouped).min(unknown).min(self.leaves_at());
        self.wake_at = match self.phase {
            Phase::Down => Steady::MAX,
            Phase::Joining => next.min(self.join.wake_at(now.steady)),
            Phase::Starting(_) => next,
            Phase::Running(_) => next.min(self.members.tell_at()),
        };
    }
}
