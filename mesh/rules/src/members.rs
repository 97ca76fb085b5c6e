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
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    known: BTreeMap<StrategyName, Known>,
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
        self.known.insert(name, member);
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
