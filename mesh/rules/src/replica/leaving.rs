//! Leaving: a process that has given its name up stays for some heartbeats.
//!
//! It takes no trades any more, and tells whoever it hears who stays: those who know of the others
//! of the name only through this one find one another, and one is left of three.
//!
//! ```text
//!   C0 ═ D ═ C1 ═ E ═ C2     C1 yields to C0, and says so to E, and C2 to C0
//!   C0 ═ D ═══════ E         D and E, and E and C0, learn of each other by it
//! ```

use super::Replica;
use crate::{
    Effect, Hello, LinkId, Message, NameTaken, NameYielded, Now, Steady, StepDown, StrategyName,
    limits,
};

/// The end of a process that has given its name up.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    /// It ends then.
    until: Steady,
    why: StepDown,
    /// To whom it gave the name up.
    pub(super) stays: NameTaken,
}

impl Replica {
    /// Says that it gives the name up, and to whom, and ends soon. It has met that one, or a peer
    /// has shown rows of it.
    pub(super) fn leave(
        &mut self,
        now: Now,
        peer: Option<StrategyName>,
        stays: NameTaken,
        out: &mut Vec<Effect>,
    ) {
        self.say_yielded(stays.instance, out);
        let until = now.steady + self.settings.heartbeat * limits::SILENT_BEATS;
        let why = self.name_taken(peer, stays.incarnation, &stays.address);
        self.leaving = Some(Leaving { until, why, stays });
        self.unknown_life = None;
        let members = Message::Members(self.member_list(now));
        for (id, _) in self.links.iter().filter(|(_, link)| link.peer.is_some()) {
            out.push(Effect::Send(*id, members.clone()));
        }
    }

    /// A process of its name is heard: it is told who stays, if it is not that one.
    pub(super) fn meet_while_leaving(&mut self, id: LinkId, hello: &Hello, out: &mut Vec<Effect>) {
        let Some(Leaving { stays, .. }) = &mut self.leaving else { return };
        if hello.instance == stays.instance {
            stays.incarnation = stays.incarnation.max(hello.incarnation);
            return;
        }
        let taken = Message::NameTaken(stays.clone());
        self.send(id, taken, out);
    }

    /// A process gives the name up to this one, which does so itself: it was for the one that
    /// stays.
    pub(super) fn hand_yield_on(&self, yielded: NameYielded, out: &mut Vec<Effect>) {
        let Some(Leaving { stays, .. }) = &self.leaving else { return };
        let yielded = NameYielded { instance: stays.instance, ..yielded };
        for id in self.links.keys() {
            out.push(Effect::Send(*id, Message::NameYielded(yielded)));
        }
    }

    /// Ends a process that has stayed for long enough.
    pub(super) fn look_at_leaving(&mut self, now: Now, out: &mut Vec<Effect>) {
        if let Some(leaving) = self.leaving.take_if(|leaving| leaving.until <= now.steady) {
            self.step_down(leaving.why, out);
        }
    }

    /// When it ends.
    pub(super) fn leaves_at(&self) -> Steady {
        self.leaving.as_ref().map_or(Steady::MAX, |leaving| leaving.until)
    }
}
