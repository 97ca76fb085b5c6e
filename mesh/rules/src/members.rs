//! Members: whom a replica knows, whether they are heard or not.

use std::collections::BTreeMap;

use allot_domain::mix;

use crate::strategy_name::fnv;
use crate::{Address, Digest, Incarnation, Instance, Namesake, Steady, StrategyName, Unix, limits};

/// What is known of another member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) address: Address,
    pub(crate) incarnation: Incarnation,
    pub(crate) instance: Instance,
    /// It has said hello here; else others have told of it, and it may not be there at all.
    pub(crate) is_met: bool,
    /// When this replica, or whoever told it, heard it last.
    pub(crate) heard: Option<Steady>,
    /// Since when it is away; none while it is heard.
    pub(crate) away_since: Option<Unix>,
    /// It was said that it has joined.
    pub(crate) is_told_joined: bool,
    /// When it is to be said that it is away.
    pub(crate) tell_away_at: Option<Steady>,
    /// It was said that it is away.
    pub(crate) is_told_away: bool,
}

impl Known {
    /// Its process, as one of two.
    pub(crate) fn as_namesake(&self) -> Namesake {
        let Self { incarnation, instance, ref address, .. } = *self;
        Namesake { incarnation, instance, address: address.clone() }
    }
}

/// All others, by name. Who has been a member is one for ever, unless there is no room for others.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    known: BTreeMap<StrategyName, Known>,
    /// Owners of rows who are no members: nobody here has heard of their processes. When it is to
    /// be said that they are away, unless it was.
    unheard: BTreeMap<StrategyName, Option<Steady>>,
    /// When it may first have to be said of one that it is away.
    tell_at: Steady,
}

/// Who somebody says it is, against what was known of the name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Nobody had the name.
    New,
    /// The same process, as it was known.
    Same,
    /// It comes after what was known.
    Later,
    /// It comes before what was known.
    Earlier,
}

impl Members {
    pub(crate) const fn new() -> Self {
        Self { known: BTreeMap::new(), unheard: BTreeMap::new(), tell_at: Steady::MAX }
    }

    pub(crate) fn get(&self, name: &StrategyName) -> Option<&Known> {
        self.known.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &StrategyName) -> Option<&mut Known> {
        self.known.get_mut(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&StrategyName, &Known)> {
        self.known.iter()
    }

    pub(crate) fn has_room_for(&self, name: &StrategyName) -> bool {
        // This replica is one of them.
        self.known.contains_key(name) || self.known.len() + 1 < limits::MEMBERS_MAX
    }

    pub(crate) fn standing(
        &self,
        name: &StrategyName,
        incarnation: Incarnation,
        instance: Instance,
    ) -> Standing {
        let Some(known) = self.known.get(name) else { return Standing::New };
        match (incarnation, instance).cmp(&(known.incarnation, known.instance)) {
            core::cmp::Ordering::Less => Standing::Earlier,
            core::cmp::Ordering::Equal => Standing::Same,
            core::cmp::Ordering::Greater => Standing::Later,
        }
    }

    /// A process has the name from here on.
    pub(crate) fn set(&mut self, name: StrategyName, member: Known) {
        assert!(self.has_room_for(&name), "the members are bounded");
        self.unheard.remove(&name);
        self.known.insert(name, member);
    }

    /// It is to be said of a member that it is away, unless it is heard again before.
    pub(crate) fn tell_away_at(&mut self, name: &StrategyName, at: Steady) {
        if let Some(known) = self.known.get_mut(name) {
            known.tell_away_at = Some(at);
            self.tell_at = self.tell_at.min(at);
        }
    }

    /// There are rows of an owner; if it is no member, it is to be said that it is away.
    pub(crate) fn see_owner(&mut self, owner: StrategyName, tell_at: Steady) {
        if !self.known.contains_key(&owner) && !self.unheard.contains_key(&owner) {
            self.unheard.insert(owner, Some(tell_at));
            self.tell_at = self.tell_at.min(tell_at);
        }
    }

    /// When it may first have to be said of one that it is away.
    pub(crate) const fn tell_at(&self) -> Steady {
        self.tell_at
    }

    /// Those of whom it is to be said now that they are away; it counts as said.
    pub(crate) fn take_away(&mut self, now: Steady) -> Vec<StrategyName> {
        let is_due = |at: &Option<Steady>| at.is_some_and(|at| at <= now);
        let mut due = Vec::new();
        for (name, known) in &mut self.known {
            if is_due(&known.tell_away_at) {
                (known.tell_away_at, known.is_told_away) = (None, true);
                due.push(*name);
            }
        }
        for (name, at) in &mut self.unheard {
            if is_due(at) {
                *at = None;
                due.push(*name);
            }
        }
        let members = self.known.values().filter_map(|known| known.tell_away_at);
        let next = members.chain(self.unheard.values().copied().flatten()).min();
        self.tell_at = next.unwrap_or(Steady::MAX);
        due
    }

    /// There was none of this name.
    pub(crate) fn forget(&mut self, name: &StrategyName) {
        self.known.remove(name);
    }

    /// Of names, addresses, incarnations and instances: with this replica, equal where all know the
    /// same.
    pub(crate) fn digest(&self) -> Digest {
        let of = |(name, known): (&StrategyName, &Known)| {
            of_member(name, &known.address, known.incarnation, known.instance)
        };
        self.known.iter().map(of).fold(Digest::EMPTY, Digest::with)
    }
}

/// The digest of one member.
pub(crate) fn of_member(
    name: &StrategyName,
    address: &Address,
    incarnation: Incarnation,
    instance: Instance,
) -> Digest {
    let words =
        [name.hash(), fnv(address.as_str().as_bytes()), incarnation.number(), instance.get()];
    let lane =
        |start: u64| words.iter().fold(mix(start), |hash, word| mix(hash.rotate_left(23) ^ word));
    Digest::new(u128::from(lane(3)) << 64 | u128::from(lane(4)))
}
