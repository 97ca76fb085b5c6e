//! Chains: things in the order of their coming, each also in the chain of its owner.
//!
//! ```text
//!   all        oldest ─► a ─► b ─► c ─► d ─► newest
//!   of one     oldest ─────► b ────────► d ─► newest
//! ```
//!
//! Both orders are links between slots, so that the oldest of all, and the oldest and the newest
//! of each owner, are added, found and removed in a few steps, and nothing is left behind.

use alloc::vec::Vec;

allot_domain::index!(
    /// Where a thing is, while it is there.
    SlotId
);

impl SlotId {
    /// Nowhere.
    pub(crate) const NONE: Self = Self::new(u32::MAX);
}

/// Where the chain of one owner begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ends {
    pub(crate) oldest: SlotId,
    pub(crate) newest: SlotId,
    pub(crate) len: u32,
}

impl Default for Ends {
    fn default() -> Self {
        Self { oldest: SlotId::NONE, newest: SlotId::NONE, len: 0 }
    }
}

impl Ends {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.len).expect("a usize has at least 32 bits")
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[derive(Clone, Debug)]
struct Slot<T> {
    item: Option<T>,
    /// In the order of all. Of a free slot, `newer` is the next free one.
    older: SlotId,
    newer: SlotId,
    /// In the chain of the owner.
    below: SlotId,
    above: SlotId,
}

/// The things.
#[derive(Clone, Debug)]
pub(crate) struct Chains<T> {
    slots: Vec<Slot<T>>,
    all: Ends,
    free: SlotId,
}

impl<T> Default for Chains<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), all: Ends::default(), free: SlotId::NONE }
    }
}

impl<T> Chains<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The oldest of all.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<(SlotId, &T)> {
        let id = self.all.oldest;
        (id != SlotId::NONE).then(|| (id, self.get(id)))
    }

    /// One that is there.
    #[inline]
    pub(crate) fn get(&self, id: SlotId) -> &T {
        self.slots[id.index()].item.as_ref().expect("a link leads to a thing")
    }

    /// The newest of an owner.
    pub(crate) fn newest_of(&self, ends: &Ends) -> Option<(SlotId, &T)> {
        (!ends.is_empty()).then(|| (ends.newest, self.get(ends.newest)))
    }

    /// The oldest of an owner.
    pub(crate) fn oldest_of(&self, ends: &Ends) -> Option<(SlotId, &T)> {
        (!ends.is_empty()).then(|| (ends.oldest, self.get(ends.oldest)))
    }

    /// All of an owner, the oldest first.
    pub(crate) fn iter_of(&self, ends: &Ends) -> impl Iterator<Item = &T> {
        self.ids(ends.oldest, |slot| slot.above).map(|id| self.get(id))
    }

    /// All, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.ids(self.all.oldest, |slot| slot.newer).map(|id| self.get(id))
    }

    fn ids(
        &self,
        first: SlotId,
        next: impl Fn(&Slot<T>) -> SlotId,
    ) -> impl Iterator<Item = SlotId> {
        let some = |id: SlotId| (id != SlotId::NONE).then_some(id);
        core::iter::successors(some(first), move |id| some(next(&self.slots[id.index()])))
    }

    /// Adds a thing as the newest of all, and of its owner.
    pub(crate) fn push(&mut self, ends: &mut Ends, item: T) -> SlotId {
        let (older, below) = (self.all.newest, ends.newest);
        let none = SlotId::NONE;
        let slot = Slot { item: Some(item), older, newer: none, below, above: none };
        let id = self.free;
        let id = if id == none {
            self.slots.push(slot);
            SlotId::at(self.slots.len() - 1)
        } else {
            self.free = self.slots[id.index()].newer;
            self.slots[id.index()] = slot;
            id
        };
        self.link(older, |slot| &mut slot.newer, id, |all| &mut all.all.oldest);
        self.all.newest = id;
        self.all.len += 1;
        if below == none {
            ends.oldest = id;
        } else {
            self.slots[below.index()].above = id;
        }
        (ends.newest, ends.len) = (id, ends.len + 1);
        id
    }

    /// Makes the link of a neighbour, or the end where there is none, lead to a slot.
    fn link(
        &mut self,
        neighbour: SlotId,
        of: impl Fn(&mut Slot<T>) -> &mut SlotId,
        to: SlotId,
        end: impl Fn(&mut Self) -> &mut SlotId,
    ) {
        if neighbour == SlotId::NONE {
            *end(self) = to;
        } else {
            *of(&mut self.slots[neighbour.index()]) = to;
        }
    }

    /// Removes a thing of this owner.
    pub(crate) fn remove(&mut self, ends: &mut Ends, id: SlotId) -> T {
        let slot = &mut self.slots[id.index()];
        let item = slot.item.take().expect("what is removed is there");
        let (older, newer, below, above) = (slot.older, slot.newer, slot.below, slot.above);
        slot.newer = self.free;
        self.free = id;
        self.link(older, |slot| &mut slot.newer, newer, |all| &mut all.all.oldest);
        self.link(newer, |slot| &mut slot.older, older, |all| &mut all.all.newest);
        self.all.len -= 1;
        if below == SlotId::NONE {
            ends.oldest = above;
        } else {
            self.slots[below.index()].above = above;
        }
        if above == SlotId::NONE {
            ends.newest = below;
        } else {
            self.slots[above.index()].below = below;
        }
        ends.len = ends.len.checked_sub(1).expect("it was in the chain of its owner");
        item
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_keep_the_order_that_lists_would(
            steps in prop::collection::vec((0..4_u8, 0..5_usize), 1..200),
        ) {
            let mut chains = Chains::default();
            let mut ends = [Ends::default(); 5];
            let mut all: Vec<(usize, u32)> = Vec::new();
            for ((what, owner), number) in steps.into_iter().zip(0..) {
                let of: Vec<_> = all.iter().filter(|one| one.0 == owner).copied().collect();
                let removed = match what {
                    0 | 1 => {
                        chains.push(&mut ends[owner], (owner, number));
                        all.push((owner, number));
                        continue;
                    }
                    2 => chains.newest_of(&ends[owner]).map(|found| found.0).zip(of.last()),
                    _ => chains.oldest_of(&ends[owner]).map(|found| found.0).zip(of.first()),
                };
                if let Some((id, expected)) = removed {
                    prop_assert_eq!(&chains.remove(&mut ends[owner], id), expected);
                    all.retain(|one| one != expected);
                }
                prop_assert_eq!(chains.iter().copied().collect::<Vec<_>>(), all.clone());
                prop_assert_eq!(chains.oldest().map(|found| found.1), all.first());
                for (owner, ends) in ends.iter().enumerate() {
                    let of: Vec<_> = all.iter().filter(|one| one.0 == owner).copied().collect();
                    prop_assert_eq!(ends.len(), of.len());
                    prop_assert_eq!(chains.iter_of(ends).copied().collect::<Vec<_>>(), of);
                }
            }
        }
    }
}
