//! Joining: how a strategy gets its incarnation, and what its peers hold of its name.
//!
//! | what they hold                    | what it does                                        |
//! |-----------------------------------|-----------------------------------------------------|
//! | nothing that its journal lacks    | starts, one incarnation after the last that is known |
//! | rows that its journal lacks       | steps down; with `adopt` it takes them as its own    |
//! | nobody answers                    | starts alone, and steps down if they turn up later   |

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::{Link, Replica};
use crate::{
    Adoption, Delta, Effect, Holder, Incarnation, LinkId, Message, Notice, Now, Phase, Record, Row,
    Settings, Started, Steady, StepDown, StrategyName, Symbol, Version, Want, limits,
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
    adopting: Option<Adopting>,
}

/// Rows of lives of which the journal knows nothing.
#[derive(Clone, Debug, Default)]
struct Adopting {
    /// The latest of each symbol.
    rows: BTreeMap<Symbol, Row>,
    /// Through which version each peer has sent what it holds.
    sent: BTreeMap<LinkId, Version>,
}

impl Adopting {
    /// Whether what a peer holds has come: from it, or from another one that holds as much of the
    /// same life.
    fn has(&self, there: Version) -> bool {
        let is_it = |sent: &Version| {
            sent.incarnation == there.incarnation && there.sequence <= sent.sequence
        };
        self.sent.values().any(is_it)
    }
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
            self.join.adopting = Some(Adopting::default());
            self.join.until = now.steady + self.settings.join_wait;
            self.ask_for_rows(out);
        } else {
            self.refuse_to_start(holders, out);
        }
    }

    fn refuse_to_start(&mut self, holders: Vec<Holder>, out: &mut Vec<Effect>) {
        let journal = self.owned.version();
        self.step_down(StepDown::NewerRows { holders, journal, trades: None }, out);
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
        // Whoever has said so holds them, also while it is asked again.
        let holder = |link: &Link| {
            let (there, peer) = (link.own_there?, link.peer?.name);
            let is_newer = there.rows != 0 && !self.written.covers(there.through);
            is_newer.then_some(Holder { peer, through: there.through, rows: there.rows })
        };
        // A peer may be linked twice, and have said more the second time.
        let mut latest = BTreeMap::new();
        for holder in self.links.values().filter_map(holder) {
            let known = latest.entry(holder.peer).or_insert(holder);
            if known.through < holder.through {
                *known = holder;
            }
        }
        latest.into_values().collect()
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

    /// The peers whose rows have not all come, and through which version each has sent them.
    fn adopted_from(&self) -> Vec<(LinkId, Version)> {
        let Some(adopting) = &self.join.adopting else { return Vec::new() };
        let lacks = |link: &Link| {
            let there = there(link);
            !self.written.covers(there) && !adopting.has(there)
        };
        let lacking = self.links.iter().filter(|(_, link)| lacks(link));
        let sent = |id: &LinkId| adopting.sent.get(id).copied().unwrap_or_default();
        lacking.map(|(id, _)| (*id, sent(id))).collect()
    }

    /// Asks everybody whose rows have not come.
    fn ask_for_rows(&self, out: &mut Vec<Effect>) {
        let owner = self.settings.name;
        for (id, after) in self.adopted_from() {
            out.push(Effect::Send(id, Message::Want(Want { owner, after })));
        }
    }

    /// Rows of its name, while it adopts. Those that the journal knows hide none that it does not.
    pub(super) fn hear_adopted(&mut self, now: Now, id: LinkId, delta: &Delta) {
        let Some(adopting) = self.join.adopting.as_mut() else { return };
        let sent = adopting.sent.entry(id).or_default();
        if *sent < delta.after {
            return;
        }
        if *sent < delta.through {
            *sent = delta.through;
            self.join.until = now.steady + self.settings.join_wait;
        }
        for row in delta.rows.iter().filter(|row| !self.written.covers(row.version)) {
            let is_known = adopting.rows.contains_key(&row.symbol);
            if !is_known && limits::SYMBOLS_MAX <= adopting.rows.len() {
                self.counters.over_bounds += 1;
                continue;
            }
            let latest = adopting.rows.entry(row.symbol).or_insert(*row);
            if latest.version < row.version {
                *latest = *row;
            }
        }
    }

    fn go_on_adopting(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.adopted_from().is_empty() && now.steady < self.join.until {
            return;
        }
        let Adopting { rows, sent } = self.join.adopting.take().unwrap_or_default();
        if rows.is_empty() {
            // Whoever held them has gone, or never sent them.
            let holders = self.holders();
            return self.refuse_to_start(holders, out);
        }
        // In the order of versions: if the journal ends among them, what it has is a prefix.
        let mut adopted: Vec<Row> = rows.into_values().collect();
        adopted.sort_by_key(|row| row.version);
        for row in &adopted {
            self.tell_replaced(row, out);
            if self.record(Record::Adopted(*row), out).is_err() {
                self.counters.over_bounds += 1;
            }
        }
        let last = adopted.last().map_or(Version::ZERO, |row| row.version);
        let through = sent.into_values().filter(|sent| sent.incarnation == last.incarnation);
        let through = through.max().unwrap_or_default().max(last);
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
