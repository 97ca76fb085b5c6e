//! Link: what a replica knows of one connection.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::claims::{Beside, Claim};
use crate::{
    Address, Heartbeat, Incarnation, Instance, OwnerSummary, Steady, StrategyName, Version,
};

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// It was connected to this address; none where the peer connected.
    pub(super) address: Option<Address>,
    /// Who is at the other end, since its hello.
    pub(super) peer: Option<Peer>,
    /// When anything was heard on it.
    pub(super) heard: Steady,
    /// Its list of members has come.
    pub(super) has_members: bool,
    /// Its summary has come, after its list of members.
    pub(super) has_answered: bool,
    /// It says that this replica's name is taken, and has not taken it back.
    pub(super) says_taken: bool,
    /// It has said hello since: its summary takes that back, unless it says so again first.
    pub(super) may_take_back: bool,
    /// What it has of this replica's rows, as it said last.
    pub(super) own_there: Option<OwnerSummary>,
    /// What it had of its own rows, as it said last.
    pub(super) its_own: Version,
    /// Its last heartbeat, and what was here then.
    pub(super) beat: Option<Beat>,
    /// Deltas may leave.
    pub(super) has_room: bool,
    /// Of each owner: the peer is assumed to have everything through this.
    pub(super) cursors: BTreeMap<StrategyName, Version>,
    /// Owners of whom the peer lacks something.
    due: BTreeSet<StrategyName>,
    /// The owner that was served last.
    served: Option<StrategyName>,
    /// Changes that left as one with a later change of the same row.
    pub(super) conflated: u64,
    /// A foreign row of it was told of.
    pub(super) is_foreign_told: bool,
    /// The life of an owner that was told of last, because it did not know the one here.
    pub(super) other_life_told: Option<(StrategyName, Incarnation)>,
    /// How often the peer says that it lives.
    pub(super) heartbeat: Option<Duration>,
    /// It was asked for rows of this strategy that it says it holds: through which version, and
    /// until when they have to come.
    pub(super) doubt: Option<(Version, Steady)>,
    /// It was told of that it did not show them.
    pub(super) is_unfounded_told: bool,
    /// What it says of another process of this replica's name.
    pub(super) claim: Option<Claim>,
    /// It was told of that nobody was found there.
    pub(super) is_claim_told: bool,
    /// A process that has the name of another one beside it, in an earlier incarnation: the one at
    /// the other end, or one of which it says that it hears it.
    pub(super) beside: Option<Beside>,
}

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Peer {
    pub(super) name: StrategyName,
    pub(super) incarnation: Incarnation,
    pub(super) instance: Instance,
    pub(super) is_joining: bool,
}

/// A heartbeat, and what was here when it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Beat {
    pub(super) said: Heartbeat,
    /// What was here of the peer's rows.
    pub(super) had: Version,
    /// The views differed.
    pub(super) has_other_view: bool,
    /// The views differed at the heartbeat before, too.
    pub(super) had_other_view: bool,
}

impl Link {
    pub(super) const fn new(now: Steady, address: Option<Address>) -> Self {
        Self {
            address,
            peer: None,
            heard: now,
            has_members: false,
            has_answered: false,
            says_taken: false,
            may_take_back: false,
            own_there: None,
            its_own: Version::ZERO,
            beat: None,
            has_room: true,
            cursors: BTreeMap::new(),
            due: BTreeSet::new(),
            served: None,
            conflated: 0,
            is_foreign_told: false,
            other_life_told: None,
            heartbeat: None,
            doubt: None,
            is_unfounded_told: false,
            claim: None,
            is_claim_told: false,
            beside: None,
        }
    }

    /// The peer, if it has its incarnation.
    pub(super) fn member(&self) -> Option<&Peer> {
        self.peer.as_ref().filter(|peer| !peer.is_joining)
    }

    /// The peer lacks rows of this owner after a version.
    pub(super) fn owe(&mut self, owner: StrategyName, after: Version) {
        self.cursors.insert(owner, after);
        self.due.insert(owner);
    }

    /// The rows of this owner have changed. Where the peer is depends on what it was sent; if
    /// that was nothing, it is assumed to have had what was here before, and asks if it had not.
    pub(super) fn tell_change(&mut self, owner: StrategyName, before: Version) {
        self.cursors.entry(owner).or_insert(before);
        self.due.insert(owner);
    }

    /// The owner whose rows are next, in turn.
    pub(super) fn next_due(&mut self) -> Option<StrategyName> {
        let after = self.served.map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.due.range((after, Bound::Unbounded));
        let next = later.next().or_else(|| self.due.first()).copied();
        self.served = next;
        next
    }

    /// The peer has been sent everything of this owner.
    pub(super) fn is_served(&mut self, owner: &StrategyName) {
        self.due.remove(owner);
    }

    pub(super) fn is_due(&self, owner: &StrategyName) -> bool {
        self.due.contains(owner)
    }

    /// Whether something may leave now.
    pub(super) fn has_due(&self) -> bool {
        self.has_room && self.peer.is_some() && !self.due.is_empty()
    }
}
