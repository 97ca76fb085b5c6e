//! Joining: how a strategy gets its incarnation, and what its peers hold of its name.
//!
//! | what they hold                    | what it does                                        |
//! |-----------------------------------|-----------------------------------------------------|
//! | nothing that its journal lacks    | starts, one incarnation after the last that is known |
//! | rows that its journal lacks       | steps down; with `adopt` it takes them as its own    |
//! | nobody answers                    | starts alone, and steps down if they turn up later   |

use core::time::Duration;
use std::collections::BTreeSet;

use super::{Link, Replica};
use crate::view::{Merged, OwnerRows};
use crate::{
    Adoption, Delta, Effect, Holder, Incarnation, LinkId, Message, Notice, Now, Phase, Record, Row,
    Settings, Started, Steady, StepDown, StrategyName, Version, Want, limits,
};

/// How far joining is.
#[derive(Clone, Debug, Default)]
pub(super) struct Join {
    /// It waits no longer than this.
    until: Steady,
    /// When it asks again whoever has not answered.
    ask_at: Steady,
    /// Members that others call alive.
    named: BTreeSet<StrategyName>,
    /// The latest incarnation of its name that anybody knows.
    seen: Incarnation,
    /// The rows of its name as they come from peers, once it adopts them.
    adopting: Option<OwnerRows>,
}

impl Join {
    pub(super) fn begin(&mut self, now: Steady, settings: &Settings) {
        let wait = if settings.connect.is_empty() { Duration::ZERO } else { settings.join_wait };
        self.until = now + wait;
        self.ask_at = now + Self::pause(settings);
    }

    fn pause(settings: &Settings) -> Duration {
        settings.heartbeat / 4
    }

    /// When there is something to do at the latest.
    pub(super) fn wake_at(&self, now: Steady) -> Steady {
        match now < self.until {
            true => self.until.min(self.ask_at),
            // It waits until somebody takes back that the name is taken.
            false => self.ask_at,
        }
    }

    pub(super) fn name_alive(&mut self, name: StrategyName) {
        // Whoever says more names than a mesh may have is not waited for.
        if self.named.len() < limits::MEMBERS_MAX {
            self.named.insert(name);
        }
    }

    pub(super) fn see(&mut self, incarnation: Incarnation) {
        self.seen = self.seen.max(incarnation);
    }

    pub(super) const fn is_adopting(&self) -> bool {
        self.adopting.is_some()
    }
}

impl Replica {
    /// Starts if there is nothing to wait for any more.
    pub(super) fn go_on_joining(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.join.ask_at <= now.steady {
            self.join.ask_at = now.steady + Join::pause(&self.settings);
            self.ask_again(out);
        }
        if self.join.adopting.is_some() {
            return self.go_on_adopting(now, out);
        }
        if self.links.values().any(|link| link.says_taken) {
            // It lives, and is heard within a heartbeat; or it does not, and is away soon.
            return;
        }
        let have_all_answered = self.has_a_running_answer() && self.unanswered().is_empty();
        if now.steady < self.join.until && !have_all_answered {
            return;
        }
        let holders = self.holders();
        if holders.is_empty() {
            self.start(None, out);
        } else if self.settings.adopt {
            self.join.adopting = Some(OwnerRows::default());
            self.join.until = now.steady + self.settings.join_wait;
            self.ask_for_rows(out);
        } else {
            self.refuse_to_start(holders, out);
        }
    }

    fn refuse_to_start(&mut self, holders: Vec<Holder>, out: &mut Vec<Effect>) {
        let journal = self.owned.version();
        self.step_down(StepDown::NewerRows { holders, journal, had_started: false }, out);
    }

    fn has_an_answer(&self) -> bool {
        self.links.values().any(|link| link.has_answered)
    }

    /// Whether somebody has answered who runs, and so knows who else does. Who joins itself may
    /// know nothing yet.
    fn has_a_running_answer(&self) -> bool {
        self.links.values().any(|link| link.has_answered && link.member().is_some())
    }

    /// Members that others call alive, and that have not answered.
    fn unanswered(&self) -> Vec<StrategyName> {
        let answered: BTreeSet<_> = self.answers().map(|(_, name)| name).collect();
        self.join.named.difference(&answered).copied().collect()
    }

    fn answers(&self) -> impl Iterator<Item = (&Link, StrategyName)> {
        let answered = self.links.values().filter(|link| link.has_answered);
        answered.filter_map(|link| Some((link, link.peer?.name)))
    }

    /// Who holds rows of its name that its journal lacks.
    fn holders(&self) -> Vec<Holder> {
        let holder = |(link, peer): (&Link, StrategyName)| {
            let there = link.own_there?;
            let is_newer = there.rows != 0 && !self.written.covers(there.through);
            is_newer.then_some(Holder { peer, through: there.through, rows: there.rows })
        };
        let mut holders: Vec<_> = self.answers().filter_map(holder).collect();
        // A peer may be linked twice.
        holders.dedup();
        holders
    }

    /// The hellos and wants that were lost.
    fn ask_again(&mut self, out: &mut Vec<Effect>) {
        let open: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| !link.has_answered || link.says_taken)
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            self.send_hello(id, out);
        }
        if self.join.is_adopting() {
            self.ask_for_rows(out);
        }
    }

    /// Asks everybody who has more of its rows than have come.
    fn ask_for_rows(&mut self, out: &mut Vec<Effect>) {
        let me = self.settings.name;
        let after = self.adopted_so_far();
        for (id, _) in self.links.iter().filter(|(_, link)| after < there(link)) {
            out.push(Effect::Send(*id, Message::Want(Want { owner: me, after })));
        }
    }

    fn adopted_so_far(&self) -> Version {
        self.join.adopting.as_ref().map_or(Version::ZERO, OwnerRows::through)
    }

    /// Rows of its name, while it adopts.
    pub(super) fn hear_adopted(&mut self, now: Now, delta: &Delta) {
        let Some(rows) = self.join.adopting.as_mut() else { return };
        if rows.through() < delta.after {
            return;
        }
        let before = rows.through();
        for row in &delta.rows {
            if rows.merge(&self.settings.name, *row, true) == Merged::Full {
                self.counters.over_bounds += 1;
            }
        }
        rows.advance(delta.through, delta.adopted, delta.lives.clone());
        if before < rows.through() {
            self.join.until = now.steady + self.settings.join_wait;
        }
    }

    fn go_on_adopting(&mut self, now: Now, out: &mut Vec<Effect>) {
        let so_far = self.adopted_so_far();
        let missing = self.links.values().filter(|link| so_far < there(link)).count();
        if 0 < missing && now.steady < self.join.until {
            return;
        }
        let rows = self.join.adopting.take().unwrap_or_default();
        if rows.len() == 0 {
            // Whoever held them has gone, or never sent them.
            let holders = self.holders();
            return self.refuse_to_start(holders, out);
        }
        let newer = |row: &&Row| {
            let own = self.written.row(&row.symbol);
            own.is_none_or(|own| own.version < row.version || !self.written.covers(row.version))
        };
        // In the order of versions: if the journal ends among them, what it has is a prefix.
        let adopted: Vec<Row> = rows.rows_by_version().filter(newer).copied().collect();
        for row in &adopted {
            self.tell_replaced(row, out);
            if self.record(Record::Adopted(*row), out).is_err() {
                self.counters.over_bounds += 1;
            }
        }
        let through = rows.through();
        out.push(Effect::Notice(Notice::Adopted { rows: adopted.len(), through }));
        self.start(Some(through), out);
    }

    /// A row of another life takes the place of one of its own: nobody knows what the sum is.
    fn tell_replaced(&self, row: &Row, out: &mut Vec<Effect>) {
        let own = self.written.row(&row.symbol);
        let is_of_another_life = |own: &&Row| {
            let (own, other) = (own.version.incarnation, row.version.incarnation);
            own != other && other.start() <= own.start()
        };
        let own = own.filter(is_of_another_life);
        if let Some(own) = own.filter(|own| own.position != row.position) {
            let (symbol, theirs, ours) = (row.symbol, row.position, own.position);
            out.push(Effect::Notice(Notice::Replaced { symbol, theirs, ours }));
        }
    }

    fn start(&mut self, adopted: Option<Version>, out: &mut Vec<Effect>) {
        let seen = self.links.values().map(|link| there(link).incarnation).max();
        let last =
            self.written.version().incarnation.max(self.join.seen).max(seen.unwrap_or_default());
        let incarnation = last.next(self.settings.instance);
        if !incarnation.is_believable() {
            self.step_down(StepDown::NoIncarnationLeft, out);
            return;
        }
        let unanswered = self.unanswered();
        if !unanswered.is_empty() {
            out.push(Effect::Notice(Notice::Unanswered(unanswered)));
        }
        if !self.has_an_answer() {
            out.push(Effect::Notice(Notice::Alone));
        }
        let adopted = adopted.map(|through| Adoption { through, incarnation });
        self.phase = Phase::Starting(incarnation);
        let started = Started { incarnation, adopted };
        self.record(Record::Started(started), out).expect("it is after all that are known");
    }
}

/// Up to where a peer has rows of this name.
fn there(link: &Link) -> Version {
    link.own_there.filter(|there| there.rows != 0).map_or(Version::ZERO, |there| there.through)
}
