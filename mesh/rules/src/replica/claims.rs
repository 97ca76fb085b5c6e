//! Claims: what is said of another process of this name, until this one has found it.
//!
//! Nobody stops because of what somebody says. The address that is claimed is dialled, and only a
//! process of this name that answers there, with a later incarnation, makes this one yield:
//!
//! ```text
//!   C1 ◄─ NameTaken: C2 ── D        C1 dials the address of C2
//!   C1 ◄───── Hello ────── C2       it is there, and later: C1 yields
//! ```
//!
//! If nobody answers within some heartbeats, the claim is counted, and this process goes on; but if
//! rows of the one that is claimed are shown to it as well, both are there and cannot reach each
//! other, and it yields.

use super::Replica;
use crate::{
    Address, Effect, Incarnation, LinkId, NameTaken, Notice, Now, Started, Steady, limits,
};
use crate::{Namesake, Phase, Record, StrategyName};

/// What the other end of a link says of another process of this name, which started later.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    taken: NameTaken,
    /// It answers until then, or the claim is unfounded.
    until: Steady,
    /// When it was said last.
    said: Steady,
    is_counted: bool,
}

/// A process that has the name of another one beside it, which has a later incarnation.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) name: StrategyName,
    pub(super) process: Namesake,
    /// It is said again until then, or it is gone.
    pub(super) until: Steady,
}

impl Replica {
    /// Somebody says that a later process has this name: it is looked for.
    pub(super) fn hear_claim(
        &mut self,
        now: Now,
        id: LinkId,
        taken: &NameTaken,
        out: &mut Vec<Effect>,
    ) {
        let until = now.steady + self.settings.heartbeat * limits::SILENT_BEATS;
        let Some(link) = self.links.get_mut(&id) else { return };
        let is_it = |claim: &&mut Claim| {
            (claim.taken.instance, &claim.taken.address) == (taken.instance, &taken.address)
        };
        if let Some(claim) = link.claim.as_mut().filter(is_it) {
            (claim.taken, claim.said) = (taken.clone(), now.steady);
            if claim.is_counted && !taken.is_alive {
                self.pass_over(taken.incarnation, out);
            }
            return;
        }
        let new = Claim { taken: taken.clone(), until, said: now.steady, is_counted: false };
        link.claim = Some(new);
        // Nobody else listens where this one does: it is said of a process that was here before.
        let is_before = taken.address == self.settings.address;
        link.is_claim_told |= is_before;
        if !is_before {
            self.dials.ask_now(now.steady, &taken.address);
        }
    }

    /// The latest process of this name of which somebody says now that it hears it, and who says
    /// so.
    pub(super) fn claimed(&self, now: Now) -> Option<(Option<StrategyName>, &NameTaken)> {
        let silence = self.settings.heartbeat * limits::SILENT_BEATS;
        let is_heard = |claim: &Claim| claim.taken.is_alive && now.steady < claim.said + silence;
        let claims = self.links.values().filter_map(|link| {
            let claim = link.claim.as_ref().filter(|claim| is_heard(claim))?;
            Some((link.peer.map(|peer| peer.name), &claim.taken))
        });
        claims.max_by_key(|(_, taken)| (taken.incarnation, taken.instance))
    }

    /// Counts the claims that nobody backed, and forgets those that are not said any more.
    pub(super) fn look_at_claims(&mut self, now: Now, out: &mut Vec<Effect>) {
        let silence = self.settings.heartbeat * limits::SILENT_BEATS;
        let due: Vec<(LinkId, bool)> = self
            .links
            .iter()
            .filter_map(|(id, link)| {
                let claim = link.claim.as_ref().filter(|claim| claim.until <= now.steady)?;
                Some((*id, claim.said + silence <= now.steady))
            })
            .collect();
        for (id, is_over) in due {
            self.count_claim(id, out);
            if is_over && let Some(link) = self.links.get_mut(&id) {
                link.claim = None;
            }
        }
        let claimed: Vec<Address> = self.dials.claimed().cloned().collect();
        claimed.iter().for_each(|address| self.dial_no_more(address, out));
    }

    /// Nobody was found in time, or whoever said so has gone. A process that gives its name up has
    /// found one.
    pub(super) fn count_claim(&mut self, id: LinkId, out: &mut Vec<Effect>) {
        if self.leaving.is_some() {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(claim) = link.claim.as_mut().filter(|claim| !claim.is_counted) else { return };
        claim.is_counted = true;
        self.counters.unfounded += 1;
        let NameTaken { incarnation, is_alive, ref address, .. } = claim.taken;
        if !std::mem::replace(&mut link.is_claim_told, true) {
            let (peer, address) = (link.peer.map(|peer| peer.name), address.clone());
            out.push(Effect::Notice(Notice::NotFound { peer, incarnation, address }));
        }
        if !is_alive {
            self.pass_over(incarnation, out);
        }
    }

    /// A process that had a later incarnation is not there any more, or never was. Peers know it
    /// all the same, and hear nobody of an earlier one: this one takes the incarnation after it.
    /// If they hold rows of that life they show them, for this one does not say that it knows it.
    fn pass_over(&mut self, other: Incarnation, out: &mut Vec<Effect>) {
        let Phase::Running(incarnation) = self.phase else { return };
        let is_on_its_way = self.written.version().incarnation != incarnation;
        let passed = other.start().saturating_sub(incarnation.start());
        let next = other.next(self.settings.instance);
        if is_on_its_way
            || self.unknown_life.is_some()
            || self.leaving.is_some()
            || other < incarnation
            || limits::STARTS_PASSED_MAX < passed
            || !next.is_believable()
        {
            return;
        }
        out.push(Effect::Notice(Notice::MovedOn(next)));
        let started = Started { incarnation: next, adopted: None };
        self.record(Record::Started(started), out).expect("the next incarnation is a later one");
    }

    /// Ends the search at an address, unless it is still claimed.
    fn dial_no_more(&mut self, address: &Address, out: &mut Vec<Effect>) {
        let is_it = |claim: &Claim| claim.taken.address == *address;
        let is_claimed = self.links.values().any(|link| link.claim.as_ref().is_some_and(is_it));
        if !is_claimed && self.dials.forget(address) {
            out.push(Effect::Forget(address.clone()));
        }
    }
}
