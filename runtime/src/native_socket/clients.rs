//! The clients of a native socket, by number.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::client::Client;

/// Which client: its place, and how often the place was used before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    slot: u32,
    epoch: u32,
}

/// Bytes of an identity that is given.
const GIVEN_LEN: usize = 9;

impl Key {
    /// As a poller knows it.
    pub(super) fn token(self) -> u64 {
        u64::from(self.epoch) << u32::BITS | u64::from(self.slot)
    }

    pub(crate) fn of_token(token: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).expect("32 bits");
        Self { slot: half(token), epoch: half(token >> u32::BITS) }
    }

    /// The identity of a client that has chosen none. Those that clients choose begin with no zero.
    pub(crate) fn identity(self) -> [u8; GIVEN_LEN] {
        let mut identity = [0; GIVEN_LEN];
        identity[1..5].copy_from_slice(&self.slot.to_be_bytes());
        identity[5..].copy_from_slice(&self.epoch.to_be_bytes());
        identity
    }

    /// The client that has such an identity, if one of these gave it.
    pub(crate) fn of_identity(identity: &[u8]) -> Option<Self> {
        let given: &[u8; GIVEN_LEN] = identity.try_into().ok()?;
        let [0, slot @ .., _, _, _, _] = given else { return None };
        let epoch = given.last_chunk().expect("it is longer");
        Some(Self { slot: u32::from_be_bytes(*slot), epoch: u32::from_be_bytes(*epoch) })
    }
}

/// All clients of one socket.
pub(crate) struct Clients<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    by_address: BTreeMap<Option<IpAddr>, usize>,
    /// How many there are.
    count: usize,
}

struct Slot<T> {
    epoch: u32,
    client: Option<Client<T>>,
}

impl<T> Default for Clients<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_address: BTreeMap::new(), count: 0 }
    }
}

impl<T> Clients<T> {
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn insert(&mut self, client: Client<T>) -> Key {
        *self.by_address.entry(client.address).or_default() += 1;
        self.count += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { epoch: 0, client: None });
            u32::try_from(self.slots.len() - 1).expect("connections are counted in 32 bits")
        });
        let place = &mut self.slots[at(slot)];
        place.client = Some(client);
        Key { slot, epoch: place.epoch }
    }

    #[inline]
    pub(crate) fn get(&mut self, key: Key) -> Option<&mut Client<T>> {
        let slot = self.slots.get_mut(at(key.slot)).filter(|slot| slot.epoch == key.epoch)?;
        slot.client.as_mut()
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Client<T>> {
        let slot = self.slots.get_mut(at(key.slot)).filter(|slot| slot.epoch == key.epoch)?;
        let client = slot.client.take()?;
        // A late reply to this one finds nobody, and not whoever comes next.
        slot.epoch = slot.epoch.wrapping_add(1);
        self.free.push(key.slot);
        self.count -= 1;
        let of_address = self.by_address.get_mut(&client.address).expect("it was counted");
        *of_address -= 1;
        if *of_address == 0 {
            self.by_address.remove(&client.address);
        }
        Some(client)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Client<T>)> {
        (0..).zip(&self.slots).filter_map(|(slot, place)| {
            let client = place.client.as_ref()?;
            Some((Key { slot, epoch: place.epoch }, client))
        })
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Client<T>> {
        self.slots.iter_mut().filter_map(|slot| slot.client.as_mut())
    }

    /// Who makes room for another one: of the address with most connections, the one that has been
    /// there for longest without a message, or else the latest.
    pub(super) fn surplus(&self) -> Option<Key> {
        let (address, _) = self.by_address.iter().max_by_key(|(_, count)| **count)?;
        let of_address = || self.iter().filter(|(_, client)| client.address == *address);
        let silent = of_address().filter(|(_, client)| client.messages == 0);
        let oldest = silent.min_by_key(|(_, client)| client.number);
        let chosen = oldest.or_else(|| of_address().max_by_key(|(_, client)| client.number));
        chosen.map(|(key, _)| key)
    }
}

fn at(slot: u32) -> usize {
    usize::try_from(slot).expect("a slot is an index")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for key in [Key { slot: 0, epoch: 0 }, Key { slot: 7, epoch: u32::MAX }] {
            assert_eq!(Key::of_token(key.token()), key);
            assert_eq!(Key::of_identity(&key.identity()), Some(key));
        }
        for name in [&b""[..], b"desk", b"123456789", b"\0\0\0\0\0\0\0\0"] {
            assert_eq!(Key::of_identity(name), None, "{name:?}");
        }
    }
}
