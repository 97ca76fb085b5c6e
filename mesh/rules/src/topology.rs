//! Topology: who sends whose changes to whom.
//!
//! Up to a number of members each owner sends its changes to all. Beyond it, members stand in
//! groups, about as many groups as each has members:
//!
//! ```text
//!   owner ──► the other members of its own group
//!         ──► one relay in each other group ──► the other members of the relay's group
//! ```
//!
//! Every member works this out from the names of the living. While two of them see different names
//! alive, a change may come twice or not at all: heartbeats find that.

use std::collections::BTreeSet;

use crate::StrategyName;

/// Who sends whose changes to whom, among these living members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Topology {
    me: StrategyName,
    /// By name; one group where each sends to all.
    groups: Vec<Vec<StrategyName>>,
    mine: usize,
}

impl Topology {
    /// Of the living members, this one among them.
    pub(crate) fn new(me: StrategyName, living: &BTreeSet<StrategyName>, direct: usize) -> Self {
        assert!(living.contains(&me), "whoever reckons lives");
        let count = living.len();
        let groups = if count - 1 <= direct { 1 } else { count.isqrt() };
        let mut members = vec![Vec::new(); groups];
        // In turn, so that the groups differ by one at most.
        for (at, name) in living.iter().enumerate() {
            members[at % groups].push(*name);
        }
        let mine = members.iter().position(|group| group.contains(&me)).expect("it is one of them");
        Self { me, groups: members, mine }
    }

    /// Whether changes go by relays.
    pub(crate) fn has_relays(&self) -> bool {
        1 < self.groups.len()
    }

    /// The relay of an owner in a group that is not its own: each owner has another one.
    fn relay(&self, owner: &StrategyName, group: usize) -> StrategyName {
        let group = &self.groups[group];
        let count = u64::try_from(group.len()).expect("a usize fits");
        let at = usize::try_from(owner.hash() % count).expect("it is below a usize");
        group[at]
    }

    fn group_of(&self, name: &StrategyName) -> Option<usize> {
        self.groups.iter().position(|group| group.contains(name))
    }

    /// To whom this member sends the changes of an owner.
    pub(crate) fn targets(&self, owner: &StrategyName) -> Vec<StrategyName> {
        let group = self.groups[self.mine].iter();
        if *owner == self.me {
            let others = group.filter(|name| **name != self.me).copied();
            let relays = (0..self.groups.len()).filter(|at| *at != self.mine);
            return others.chain(relays.map(|at| self.relay(owner, at))).collect();
        }
        match self.group_of(owner) {
            Some(at) if at != self.mine && self.relay(owner, self.mine) == self.me => {
                group.filter(|name| **name != self.me).copied().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Through whom the changes of a living owner come to this member; none is from itself.
    pub(crate) fn relay_to_me(&self, owner: &StrategyName) -> Option<StrategyName> {
        let at = self.group_of(owner)?;
        if at == self.mine {
            return None;
        }
        Some(self.relay(owner, self.mine)).filter(|relay| *relay != self.me)
    }

    /// The living.
    pub(crate) fn members(&self) -> impl Iterator<Item = &StrategyName> {
        self.groups.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> BTreeSet<StrategyName> {
        let name = |number: usize| StrategyName::new(format!("s{number:03}").as_bytes()).unwrap();
        (0..count).map(name).collect()
    }

    /// Who gets the changes of an owner, from whom, when all see the same names.
    fn deliveries(living: &BTreeSet<StrategyName>, owner: StrategyName) -> Vec<StrategyName> {
        let of = |me: StrategyName| Topology::new(me, living, 16);
        let first = of(owner).targets(&owner);
        let second = first.iter().flat_map(|relay| of(*relay).targets(&owner));
        first.iter().copied().chain(second).collect()
    }

    #[test]
    fn each_change_comes_to_each_other_member_once() {
        for count in [1, 2, 17, 18, 30, 64] {
            let living = names(count);
            for owner in &living {
                let mut others = deliveries(&living, *owner);
                others.sort();
                let expected: Vec<_> = living.iter().filter(|name| *name != owner).collect();
                assert!(others.iter().eq(expected), "{count} members, {owner}: {others:?}");
            }
        }
    }

    #[test]
    fn up_to_a_number_each_sends_to_all_and_beyond_it_to_few() {
        let sends = |count: usize| {
            let living = names(count);
            let owner = *living.first().unwrap();
            Topology::new(owner, &living, 16).targets(&owner).len()
        };
        assert_eq!((sends(17), sends(64)), (16, 14));
    }

    #[test]
    fn relays_are_spread_over_a_group() {
        let living = names(64);
        let relayed = living.iter().map(|me| {
            let topology = Topology::new(*me, &living, 16);
            living
                .iter()
                .filter(|owner| *owner != me && !topology.targets(owner).is_empty())
                .count()
        });
        let most = relayed.max().unwrap();
        assert!(most < 20, "a member relays for {most} owners");
    }
}
