//! Exchange: rows come, rows that lack are asked for, and views are compared.
//!
//! | what shows that something lacks                    | what is done                        |
//! |----------------------------------------------------|-------------------------------------|
//! | a delta that begins after what is here             | its sender is asked from there on   |
//! | a summary that has more of an owner                | its sender is asked                 |
//! | a heartbeat: the owner wrote it a heartbeat ago    | the owner is asked                  |
//! | a heartbeat: same version, and another digest      | both send each other all rows       |
//! | a heartbeat: another view, twice                   | a summary is sent, and answered     |

use super::Replica;
use super::Wanted;
use super::link::{Beat, Peer};
use crate::view::{Merged, is_in_lives};
use crate::{
    Delta, Digest, Effect, Heartbeat, Incarnation, LinkId, Message, Notice, Now, OwnerSummary,
    Phase, Row, StrategyName, Summary, Version, Want, limits,
};

impl Replica {
    pub(super) fn hear_summary(
        &mut self,
        now: Now,
        id: LinkId,
        peer: Peer,
        summary: Summary,
        out: &mut Vec<Effect>,
    ) {
        let Summary { owners, is_answer } = summary;
        if limits::MEMBERS_MAX < owners.len()
            || owners.iter().any(|owner| !owner.through.is_believable())
        {
            self.counters.bad_messages += 1;
            return;
        }
        let me = self.settings.name;
        let own = owners.iter().find(|summary| summary.owner == me).copied();
        self.hear_own_summary(now, id, own, out);
        if self.phase == Phase::Down {
            return;
        }
        let its_own = owners.iter().find(|summary| summary.owner == peer.name);
        if let (Some(its_own), Some(link)) = (its_own, self.links.get_mut(&id)) {
            link.its_own = its_own.through;
        }
        let mut lacks = self.view.owners().count() != owners.len();
        for theirs in owners.iter().filter(|summary| summary.owner != me) {
            lacks |= theirs.through < self.view.through(&theirs.owner);
            self.compare_owner(now, id, peer, theirs, out);
        }
        if lacks && !is_answer {
            let summary = Summary { owners: self.view.summary(), is_answer: true };
            self.send(id, Message::Summary(summary), out);
        }
    }

    /// What a peer has of this name.
    fn hear_own_summary(
        &mut self,
        now: Now,
        id: LinkId,
        own: Option<OwnerSummary>,
        out: &mut Vec<Effect>,
    ) {
        let (me, through) = (self.settings.name, self.view.through(&self.settings.name));
        let link = self.links.get_mut(&id).expect("it speaks");
        let is_first = !link.has_answered;
        link.has_answered |= link.has_members;
        if core::mem::take(&mut link.may_take_back) {
            link.says_taken = false;
        }
        link.own_there = own;
        let there = own.map_or(Version::ZERO, |own| own.through);
        if is_first && there < through {
            self.owe(id, me, there);
        }
        self.ask_for_own(now, id, out);
    }

    /// What a peer has of another owner.
    fn compare_owner(
        &mut self,
        now: Now,
        id: LinkId,
        peer: Peer,
        theirs: &OwnerSummary,
        out: &mut Vec<Effect>,
    ) {
        let owner = theirs.owner;
        if owner == peer.name || self.peers.contains_key(&owner) {
            // The owner itself sends what lacks, and its heartbeats show whether it came.
            return;
        }
        let (through, digest) = (self.view.through(&owner), self.view.digest_of(&owner));
        if through < theirs.through {
            self.ask(now, id, owner, theirs.through, false, out);
        } else if through == theirs.through && digest != theirs.digest && !self.is_cut(&owner) {
            self.counters.differences += 1;
            self.ask_for_all(now, id, owner, out);
        }
    }

    fn is_cut(&self, owner: &StrategyName) -> bool {
        self.view.get(owner).is_some_and(crate::view::OwnerRows::is_cut)
    }

    /// Asks a peer for the rows that lack, unless somebody was asked a moment ago.
    fn ask(
        &mut self,
        now: Now,
        id: LinkId,
        owner: StrategyName,
        through: Version,
        is_gap: bool,
        out: &mut Vec<Effect>,
    ) {
        let before = self.wants.get(&owner).copied();
        if before.is_some_and(|wanted| now.steady < wanted.until)
            || !self.view.has_room_for(&owner)
            || !self.has_room_to_want(now, owner)
        {
            return;
        }
        let is_gap = is_gap || before.is_some_and(|wanted| wanted.is_gap);
        let until = now.steady + self.settings.heartbeat;
        self.wants.insert(owner, Wanted { from: id, until, through, is_gap });
        let want = Want { owner, after: self.view.through(&owner) };
        self.send(id, Message::Want(want), out);
    }

    /// What was asked for on a connection that is gone does not come: its owner is asked.
    pub(super) fn ask_elsewhere(&mut self, now: Now, gone: LinkId, out: &mut Vec<Effect>) {
        let mut lost = Vec::new();
        for (owner, wanted) in &mut self.wants {
            if wanted.from == gone {
                wanted.until = now.steady;
                lost.push((*owner, wanted.through));
            }
        }
        for (owner, through) in lost {
            if let Some(id) = self.peers.get(&owner).copied()
                && self.view.through(&owner) < through
            {
                self.ask(now, id, owner, through, false, out);
            }
        }
    }

    /// Whether one more owner may be asked for; those that nobody answered for are forgotten first.
    fn has_room_to_want(&mut self, now: Now, owner: StrategyName) -> bool {
        if self.wants.len() < limits::MEMBERS_MAX || self.wants.contains_key(&owner) {
            return true;
        }
        self.wants.retain(|_, wanted| now.steady < wanted.until);
        self.wants.len() < limits::MEMBERS_MAX
    }

    /// Asks a peer for all rows of an owner: one of the two has another row.
    fn ask_for_all(&mut self, now: Now, id: LinkId, owner: StrategyName, out: &mut Vec<Effect>) {
        let is_asked = self.wants.get(&owner).is_some_and(|wanted| now.steady < wanted.until);
        if is_asked || !self.has_room_to_want(now, owner) {
            return;
        }
        let until = now.steady + self.settings.heartbeat;
        let wanted = Wanted { from: id, until, through: Version::ZERO, is_gap: false };
        self.wants.insert(owner, wanted);
        self.send(id, Message::Want(Want { owner, after: Version::ZERO }), out);
    }

    pub(super) fn hear_want(&mut self, id: LinkId, want: Want) {
        let Want { owner, after } = want;
        if self.view.get(&owner).is_some() {
            self.owe(id, owner, after);
        }
    }

    pub(super) fn hear_delta(
        &mut self,
        now: Now,
        id: LinkId,
        peer: Peer,
        delta: Delta,
        out: &mut Vec<Effect>,
    ) {
        if !is_well_formed(&delta) {
            self.counters.bad_messages += 1;
            return;
        }
        let Delta { owner, after, through, .. } = delta;
        if owner == self.settings.name {
            match self.join.is_adopting() {
                true => self.hear_adopted(now, id, &delta),
                false => self.hear_own_rows(now, id, peer.name, &delta.rows, out),
            }
            return;
        }
        if self.is_foreign(id, peer, &delta, out) {
            return;
        }
        if !self.view.has_room_for(&owner) {
            self.say_full("owners of rows", out);
            return;
        }
        if self.is_ahead(&delta, out) || self.is_of_another_life(id, peer, &delta, out) {
            return;
        }
        if self.view.through(&owner) < after {
            self.counters.gaps_noticed += 1;
            self.ask(now, id, owner, through, true, out);
            return;
        }
        self.take_rows(now, id, &delta, out);
    }

    /// Whether an owner's own rows are of another incarnation than it has said.
    fn is_foreign(&mut self, id: LinkId, peer: Peer, delta: &Delta, out: &mut Vec<Effect>) -> bool {
        let is_its_own = |version: Version| version.incarnation == peer.incarnation;
        let is_right = is_its_own(delta.through)
            && !peer.is_joining
            && delta.rows.iter().all(|row| is_its_own(row.version));
        if delta.owner != peer.name || is_right {
            return false;
        }
        self.counters.foreign_rows += u64::try_from(delta.rows.len()).expect("rows are bounded");
        let link = self.links.get_mut(&id).expect("it speaks");
        if !std::mem::replace(&mut link.is_foreign_told, true) {
            let version = delta.through;
            let foreign = Notice::Foreign { peer: peer.name, owner: delta.owner, version };
            out.push(Effect::Notice(foreign));
        }
        true
    }

    /// Whether rows are of a later incarnation than their owner, which is heard, has said itself:
    /// then it is asked, and what lacks comes when it has said so.
    fn is_ahead(&mut self, delta: &Delta, out: &mut Vec<Effect>) -> bool {
        let Some((id, link)) =
            self.peers.get(&delta.owner).and_then(|id| Some((*id, self.links.get(id)?)))
        else {
            return false;
        };
        let said = link.member().map_or(Incarnation::ZERO, |member| member.incarnation);
        if delta.through.incarnation <= said {
            return false;
        }
        self.counters.rows_ahead += u64::try_from(delta.rows.len()).expect("rows are bounded");
        self.ask_who(id, out);
        true
    }

    /// Whether rows are of a life of their owner that does not know the one whose rows are here:
    /// the owner has lost its disk, or runs on an old copy of it. What is here stays until the
    /// owner has seen it.
    fn is_of_another_life(
        &mut self,
        id: LinkId,
        peer: Peer,
        delta: &Delta,
        out: &mut Vec<Effect>,
    ) -> bool {
        let owner = delta.owner;
        let Some(rows) = self.view.get(&owner) else { return false };
        let (ours, theirs) = (rows.through(), delta.through);
        let is_over = theirs.incarnation < ours.incarnation;
        if !is_over && rows.may_follow(delta) {
            return false;
        }
        let count = u64::try_from(delta.rows.len()).expect("rows are bounded");
        if is_over {
            self.counters.stale_rows += count;
            return true;
        }
        self.counters.other_life_rows += count;
        if let Some(id) = self.peers.get(&owner) {
            self.owe(*id, owner, Version::ZERO);
        }
        let link = self.links.get_mut(&id).expect("it speaks");
        if link.other_life_told.replace((owner, theirs.incarnation))
            != Some((owner, theirs.incarnation))
        {
            let peer = peer.name;
            out.push(Effect::Notice(Notice::OtherLife { peer, owner, theirs, ours }));
        }
        true
    }

    fn take_rows(&mut self, now: Now, id: LinkId, delta: &Delta, out: &mut Vec<Effect>) {
        let (owner, before) = (delta.owner, self.view.through(&delta.owner));
        self.look_for_superseded(delta, out);
        if owner != self.settings.name {
            self.members.see_owner(owner, now.steady + limits::AWAY_TOLD_AFTER);
        }
        let mut conflict = false;
        for row in &delta.rows {
            match self.view.merge(owner, *row) {
                Merged::Newer => {
                    self.counters.applied_rows += 1;
                    out.push(Effect::Changed(owner, *row));
                }
                Merged::Stale => self.counters.stale_rows += 1,
                Merged::Conflict(ours) => {
                    conflict = true;
                    self.say_conflict(owner, row, &ours, out);
                }
                Merged::Full => self.say_full("rows", out),
            }
        }
        let lives = delta.lives.clone();
        self.view.advance(owner, delta.through.max(before), delta.adopted, lives);
        if conflict && let Some(id) = self.peers.get(&owner) {
            // The owner settles it, once it sees it.
            self.owe(*id, owner, Version::ZERO);
        }
        if before < delta.through {
            self.has_come(now, owner);
            self.tell_change(owner, before);
            self.is_known_to(id, owner, delta.through);
        }
    }

    /// A peer need not be sent what it has said itself.
    fn is_known_to(&mut self, id: LinkId, owner: StrategyName, through: Version) {
        if let Some(cursor) = self.links.get_mut(&id).and_then(|link| link.cursors.get_mut(&owner))
        {
            *cursor = through.max(*cursor);
        }
    }

    /// Rows that were asked for may be complete now.
    fn has_come(&mut self, now: Now, owner: StrategyName) {
        let through = self.view.through(&owner);
        let Some(wanted) = self.wants.get_mut(&owner) else { return };
        if through < wanted.through {
            // They are on their way.
            wanted.until = now.steady + self.settings.heartbeat;
            return;
        }
        if wanted.is_gap {
            self.counters.gaps_repaired += 1;
            *self.repaired.entry(owner).or_default() += 1;
        }
        self.wants.remove(&owner);
    }

    /// The owner has adopted its rows, or put others aside, without some that were here.
    fn look_for_superseded(&mut self, delta: &Delta, out: &mut Vec<Effect>) {
        let Some((rows, adopted)) = self.view.get(&delta.owner).zip(delta.adopted) else { return };
        let through = rows.through();
        let is_from_before = through.incarnation < adopted.incarnation
            && adopted.incarnation <= delta.through.incarnation;
        let lacks = |version| !adopted.took(version) && !is_in_lives(delta, version);
        if !is_from_before || !lacks(through) {
            return;
        }
        let rows = rows.rows().filter(|row| lacks(row.version)).count();
        self.counters.superseded += u64::try_from(rows).expect("rows are bounded");
        let adopted = adopted.through;
        let superseded = Notice::Superseded { owner: delta.owner, rows, adopted, through };
        out.push(Effect::Notice(superseded));
    }

    fn say_conflict(
        &mut self,
        owner: StrategyName,
        theirs: &Row,
        ours: &Row,
        out: &mut Vec<Effect>,
    ) {
        self.counters.conflicts += 1;
        if self.conflicts_said.insert(owner) {
            let Row { symbol, version, position, .. } = *theirs;
            let (ours, theirs) = (ours.position, position);
            let conflict = Notice::Conflict { owner, symbol, version, ours, theirs };
            out.push(Effect::Notice(conflict));
        }
    }

    pub(super) fn hear_beat(
        &mut self,
        now: Now,
        id: LinkId,
        peer: Peer,
        said: Heartbeat,
        out: &mut Vec<Effect>,
    ) {
        if !said.through.is_believable() {
            self.counters.bad_messages += 1;
            return;
        }
        let (had, view) = (self.view.through(&peer.name), self.view.digest());
        let link = self.links.get_mut(&id).expect("it speaks");
        let before = link.beat;
        link.beat = Some(Beat {
            said,
            had,
            has_other_view: said.view != view,
            had_other_view: before.is_some_and(|beat| beat.has_other_view),
        });
        let incarnation = said.through.incarnation;
        if incarnation != Incarnation::ZERO && (peer.is_joining || incarnation != peer.incarnation)
        {
            // Its hello was lost: with it, it said its new incarnation.
            self.ask_who(id, out);
        } else if let Some(before) = before.filter(|_| !peer.is_joining) {
            self.compare_own(now, id, peer.name, (before, said), out);
        }
    }

    /// What an owner says that it has written, against what is here.
    fn compare_own(
        &mut self,
        now: Now,
        id: LinkId,
        owner: StrategyName,
        (before, said): (Beat, Heartbeat),
        out: &mut Vec<Effect>,
    ) {
        let (through, digest) = (self.view.through(&owner), self.view.digest_of(&owner));
        if through < before.said.through {
            // It was written a heartbeat ago, and has not come.
            self.ask(now, id, owner, said.through, true, out);
        } else if said.through < through.min(before.had) {
            // Somebody wrote rows in its name.
            self.counters.differences += 1;
            self.owe(id, owner, Version::ZERO);
        } else if said.through == through
            && before.said.through == through
            && said.digest != digest
            && !self.is_cut(&owner)
        {
            self.counters.differences += 1;
            self.ask_for_all(now, id, owner, out);
            self.owe(id, owner, Version::ZERO);
        }
    }

    /// Compares the views with one peer: the next in turn of those with another one.
    pub(super) fn compare_views(&mut self, now: Now, out: &mut Vec<Effect>) {
        let (view, members) = (self.view.digest(), self.members_digest());
        let differs = |name: &StrategyName| {
            let link = self.links.get(self.peers.get(name)?)?;
            let beat = link.beat.as_ref()?;
            let has_other_view =
                beat.has_other_view && beat.had_other_view && beat.said.view != view;
            let has_other_members = beat.said.members != members;
            (has_other_view || has_other_members).then_some((*name, has_other_view))
        };
        let later = self.compared.into_iter().flat_map(|last| {
            self.peers.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded))
        });
        let next = later.chain(&self.peers).find_map(|(name, _)| differs(name));
        let Some((name, has_other_view)) = next else { return };
        self.compared = Some(name);
        let id = self.peers[&name];
        let message = match has_other_view {
            true => Message::Summary(Summary { owners: self.view.summary(), is_answer: false }),
            false => Message::Members(self.member_list(now)),
        };
        self.send(id, message, out);
    }

    /// What this replica says of itself.
    pub(super) fn beat(&self) -> Heartbeat {
        let me = self.settings.name;
        let is_running = self.running().is_some();
        Heartbeat {
            through: if is_running { self.view.through(&me) } else { Version::ZERO },
            digest: if is_running { self.view.digest_of(&me) } else { Digest::EMPTY },
            view: self.view.digest(),
            members: self.members_digest(),
        }
    }
}

/// Whether rows are in the order of their versions, within what the delta says, and believable.
fn is_well_formed(delta: &Delta) -> bool {
    let Delta { after, through, rows, .. } = delta;
    let versions = [*after].into_iter().chain(rows.iter().map(|row| row.version));
    rows.len() <= limits::DELTA_ROWS_MAX
        && after <= through
        && rows.last().is_none_or(|last| last.version <= *through)
        && versions.is_sorted_by(|one, next| one < next)
        && through.is_believable()
        && delta.lives.len() <= limits::LINEAGE_MAX
        && delta.lives.iter().all(|life| life.is_believable())
        && delta.adopted.is_none_or(|adopted| adopted.through.is_believable())
}
