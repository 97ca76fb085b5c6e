//! Lookup: a hash index of bounded size from a key to the position of its entry.
//!
//! Open addressing with linear probing; removal shifts the followers back, so that there are no
//! tombstones. It doubles while it fills, up to its capacity. A slot keeps half of the hash beside
//! the position, so that nearly every lookup is decided without reading the entries themselves,
//! which are stored elsewhere. It cannot be iterated: hash order reaches no output.

use alloc::boxed::Box;
use alloc::vec;

/// A position, and the lower half of the hash of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slot {
    id: u32,
    hash: u32,
}

const EMPTY: Slot = Slot { id: u32::MAX, hash: 0 };

/// An index of at most `capacity` things.
#[derive(Clone, Debug)]
pub struct Lookup {
    slots: Box<[Slot]>,
    len: usize,
    capacity: usize,
}

/// For how many things there is room at first: growing from there takes few steps.
const ROOM: usize = 1_024;

impl Lookup {
    /// An empty index; at most a quarter of its slots will be taken.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { slots: slots_for(capacity.min(ROOM)), len: 0, capacity }
    }

    /// How many things there may be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The thing with this hash that `is_it` recognises.
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = lower_half(hash);
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if slot.hash == hash && is_it(slot.id) {
                return Some(slot.id);
            }
            at = self.after(at);
        }
    }

    /// Adds a thing that is not in the index.
    ///
    /// # Panics
    /// If the index is full.
    pub fn insert(&mut self, hash: u64, id: u32) {
        assert!(id != EMPTY.id && self.len < self.capacity, "there is room for it");
        if self.slots.len() / 4 <= self.len {
            self.grow();
        }
        self.place(Slot { id, hash: lower_half(hash) });
        self.len += 1;
    }

    fn place(&mut self, slot: Slot) {
        let mut at = self.home(slot.hash);
        while self.slots[at] != EMPTY {
            at = self.after(at);
        }
        self.slots[at] = slot;
    }

    #[cold]
    fn grow(&mut self) {
        let slots = slots_for(self.len * 2);
        let before = core::mem::replace(&mut self.slots, slots);
        before.iter().filter(|slot| **slot != EMPTY).for_each(|slot| self.place(*slot));
    }

    /// Removes a thing that is in the index.
    ///
    /// # Panics
    /// If it is not there.
    pub fn remove(&mut self, hash: u64, id: u32) {
        let mut hole = self.home(lower_half(hash));
        while self.slots[hole].id != id {
            assert!(self.slots[hole] != EMPTY, "what is removed is in the index");
            hole = self.after(hole);
        }
        let mut at = self.after(hole);
        while self.slots[at] != EMPTY {
            let home = self.home(self.slots[at].hash);
            // A follower moves into the hole unless its home lies behind the hole.
            if self.distance(hole, at) <= self.distance(home, at) {
                self.slots[hole] = self.slots[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
    }

    fn home(&self, hash: u32) -> usize {
        usize::try_from(hash).expect("usize has at least 32 bits") & (self.slots.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len() - 1)
    }
}

fn slots_for(things: usize) -> Box<[Slot]> {
    vec![EMPTY; (things * 4).next_power_of_two()].into()
}

fn lower_half(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).expect("the mask leaves 32 bits")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_grows_up_to_its_capacity() {
        let capacity = 5 * u32::try_from(ROOM).unwrap();
        let hash_of = |id: u32| crate::mix(id.into());
        let mut lookup = Lookup::new(capacity.try_into().unwrap());
        for id in 0..capacity {
            lookup.insert(hash_of(id), id);
        }
        for id in 0..capacity {
            assert_eq!(lookup.find(hash_of(id), |other| other == id), Some(id));
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_a_set_would(
            steps in prop::collection::vec((any::<bool>(), 0..40_u32), 1..400),
        ) {
            // A poor hash on purpose: long chains, wrapped around the end.
            let hash_of = |id: u32| u64::from(id % 7) + 58;
            let mut lookup = Lookup::new(40);
            let mut set = BTreeSet::new();
            for (add, id) in steps {
                if add && set.insert(id) {
                    lookup.insert(hash_of(id), id);
                } else if !add && set.remove(&id) {
                    lookup.remove(hash_of(id), id);
                }
                for id in 0..40 {
                    let found = lookup.find(hash_of(id), |other| other == id);
                    prop_assert_eq!(found, set.contains(&id).then_some(id));
                }
            }
        }
    }
}
