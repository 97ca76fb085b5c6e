//! Clients: who is connected, under a handle that a shard can carry and give back.
//!
//! A handle is a slot and the slot's generation, so that a handle of a client that has gone, or of
//! an earlier incarnation of the router, addresses no client. A slot that is owed nothing may be
//! taken over when all are in use: its client gets a new one with its next message.

use std::collections::{BTreeMap, VecDeque};

use allot_domain::Incarnation;
use allot_runtime::{Envelope, Nanos};
use allot_wire::Encoding;
use allot_wire::backplane::ClientHandle;

use crate::limits::{BEHIND_LEN, CLIENTS_MAX, SOURCES_MAX};
use crate::progress::Progress;

/// One client.
pub(crate) struct Client {
    pub(crate) identity: Vec<u8>,
    generation: u32,
    /// It writes an empty frame first, as a REQ does, and wants one back.
    pub(crate) delimiter: bool,
    /// It waits for each reply before it asks again, as a REQ does: it gets exactly one message
    /// for each of its own.
    pub(crate) one_reply: bool,
    /// Replies that shards still owe it.
    pub(crate) owed: u64,
    /// The message being put together for it, in one encoding.
    pub(crate) outgoing: Vec<u8>,
    pub(crate) encoding: Encoding,
    pub(crate) reply_count: u32,
    /// Messages that its socket had no room for, and how many replies each has.
    pub(crate) parked: VecDeque<(Vec<u8>, u64)>,
    pub(crate) parked_len: usize,
    /// The length of its longest reply, those long ago counting less.
    pub(crate) reply_len: usize,
    /// How long all replies are together that it is owed, by that length.
    pub(crate) owed_len: usize,
    /// When it took something last, or its first message was parked.
    pub(crate) took_at: Nanos,
    /// Whether it stands in the list of clients to serve.
    pub(crate) listed: bool,
    /// Messages of it that wait until it has got more of its replies, how far each is admitted, and
    /// their bytes.
    pub(crate) set_aside: VecDeque<(Envelope, Progress)>,
    pub(crate) set_aside_len: usize,
}

impl Client {
    /// Whether replies wait for it, or messages of it do.
    fn waits(&self) -> bool {
        !self.parked.is_empty() || !self.set_aside.is_empty()
    }

    /// Whether its next message is to wait: it does not read the replies to those before.
    pub(crate) fn is_behind(&self) -> bool {
        BEHIND_LEN < self.parked_len
    }

    /// What must hold between any two changes of what is parked.
    pub(crate) fn check(&self) {
        assert!(
            self.parked.is_empty() == (self.parked_len == 0),
            "bytes are parked while messages are"
        );
    }
}

/// A source, and the client that spoke for it.
struct Heard {
    source: Vec<u8>,
    client: ClientHandle,
}

/// All clients, and where each source was last heard.
pub(crate) struct Clients {
    slots: Vec<Client>,
    free: Vec<u32>,
    by_identity: BTreeMap<Vec<u8>, u32>,
    by_source: BTreeMap<Vec<u8>, ClientHandle>,
    /// The bytes of replies that all clients are owed.
    owed_len: usize,
    /// The source that spoke last, and from where.
    heard_last: Heard,
    first_generation: u32,
    sweep: usize,
    last: Option<u32>,
}

impl Clients {
    /// No clients; `incarnation` makes handles of an earlier incarnation void.
    pub(crate) fn new(incarnation: Incarnation) -> Self {
        let first_generation = u32::try_from(incarnation.get() % 0xffff_fff1).expect("32 bits") | 1;
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_identity: BTreeMap::new(),
            by_source: BTreeMap::new(),
            owed_len: 0,
            heard_last: Heard { source: Vec::new(), client: ClientHandle::NONE },
            first_generation,
            sweep: 0,
            last: None,
        }
    }

    /// What must hold between any two calls.
    fn check(&self) {
        assert!(
            self.by_identity.len() + self.free.len() == self.slots.len(),
            "a slot is free, or of one client"
        );
        assert!(self.slots.len() <= CLIENTS_MAX && self.by_source.len() <= SOURCES_MAX, "a limit");
    }

    /// How many clients are known.
    pub(crate) fn count(&self) -> usize {
        self.by_identity.len()
    }

    /// The handle of a client; none where all slots are owed replies.
    pub(crate) fn arrive(&mut self, identity: &[u8], delimiter: bool) -> Option<ClientHandle> {
        let same = self.last.filter(|last| self.slots[at(*last)].identity == identity);
        let slot = match same.or_else(|| self.by_identity.get(identity).copied()) {
            Some(slot) => slot,
            None => self.take_slot(identity, delimiter)?,
        };
        let client = &mut self.slots[at(slot)];
        client.delimiter = delimiter;
        // A client that asks again before the reply is no REQ, whatever its frames look like.
        client.one_reply &= delimiter && client.owed == 0 && client.reply_count == 0;
        self.last = Some(slot);
        Some(self.handle(slot))
    }

    /// The client that sends under this identity, if it is known.
    pub(crate) fn find(&self, identity: &[u8]) -> Option<ClientHandle> {
        self.by_identity.get(identity).map(|slot| self.handle(*slot))
    }

    /// The client of a handle, unless it has gone.
    pub(crate) fn get(&mut self, handle: ClientHandle) -> Option<&mut Client> {
        let slot = u32::try_from(handle.get() & 0xffff_ffff).expect("32 bits");
        let generation = u32::try_from(handle.get() >> 32).expect("32 bits");
        self.slots.get_mut(at(slot)).filter(|client| client.generation == generation)
    }

    /// Forgets a client: it has gone, or does not read.
    pub(crate) fn remove(&mut self, handle: ClientHandle) {
        let slot = u32::try_from(handle.get() & 0xffff_ffff).expect("32 bits");
        if self.get(handle).is_some() {
            self.vacate(slot);
            self.free.push(slot);
            self.check();
        }
    }

    /// The bytes of replies that all clients are owed, by the length of recent ones.
    pub(crate) const fn owed_len(&self) -> usize {
        self.owed_len
    }

    /// A client is owed one more reply.
    #[inline]
    pub(crate) fn owe(&mut self, handle: ClientHandle) {
        self.change(handle, |client| client.owed += 1);
    }

    /// A client is owed one reply less.
    #[inline]
    pub(crate) fn mark_replied(&mut self, handle: ClientHandle) {
        self.change(handle, |client| {
            client.owed = client.owed.checked_sub(1).expect("each reply is owed once");
        });
    }

    /// A client got a reply of this length.
    #[inline]
    pub(crate) fn note_reply_len(&mut self, handle: ClientHandle, len: usize) {
        self.change(handle, |client| {
            let faded = client.reply_len - client.reply_len.div_ceil(256);
            client.reply_len = len.max(faded);
        });
    }

    /// Changes what a client is owed, and the sum of all with it.
    #[inline]
    fn change(&mut self, handle: ClientHandle, change: impl FnOnce(&mut Client)) {
        let Some(client) = self.get(handle) else {
            return;
        };
        let before = client.owed_len;
        change(client);
        let owed = usize::try_from(client.owed).ok();
        let len = owed.and_then(|owed| owed.checked_mul(client.reply_len));
        let after = len.expect("replies that are owed have a place in memory");
        client.owed_len = after;
        let others = self.owed_len.checked_sub(before).expect("the sum has each client");
        self.owed_len = others + after;
    }

    /// Remembers where a source speaks from.
    pub(crate) fn note_source(&mut self, source: &[u8], handle: ClientHandle) {
        let last = &mut self.heard_last;
        if last.client == handle && last.source == source {
            return;
        }
        last.source.clear();
        last.source.extend_from_slice(source);
        last.client = handle;
        if let Some(known) = self.by_source.get_mut(source) {
            *known = handle;
        } else if self.by_source.len() < SOURCES_MAX {
            self.by_source.insert(source.to_vec(), handle);
        }
        self.check();
    }

    /// Where a source was last heard.
    pub(crate) fn of_source(&self, source: &str) -> Option<ClientHandle> {
        self.by_source.get(source.as_bytes()).copied()
    }

    fn take_slot(&mut self, identity: &[u8], one_reply: bool) -> Option<u32> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.slots.len() < CLIENTS_MAX => self.add_slot(),
            None => self.evict()?,
        };
        self.slots[at(slot)].identity = identity.to_vec();
        self.slots[at(slot)].one_reply = one_reply;
        let before = self.by_identity.insert(identity.to_vec(), slot);
        assert!(before.is_none(), "a client has one slot");
        self.check();
        Some(slot)
    }

    fn add_slot(&mut self) -> u32 {
        self.slots.push(Client {
            identity: Vec::new(),
            generation: self.first_generation,
            delimiter: false,
            one_reply: false,
            owed: 0,
            outgoing: Vec::new(),
            encoding: Encoding::Binary,
            reply_count: 0,
            parked: VecDeque::new(),
            parked_len: 0,
            reply_len: 0,
            owed_len: 0,
            took_at: Nanos::ZERO,
            listed: false,
            set_aside: VecDeque::new(),
            set_aside_len: 0,
        });
        u32::try_from(self.slots.len() - 1).expect("at most CLIENTS_MAX")
    }

    /// Frees the slot of a client that is owed nothing, round the table.
    fn evict(&mut self) -> Option<u32> {
        let count = self.slots.len();
        let idle = (0..count).map(|step| (self.sweep + step) % count).find(|slot| {
            let client = &self.slots[*slot];
            client.owed == 0 && client.outgoing.is_empty() && !client.waits()
        })?;
        self.sweep = (idle + 1) % count;
        let slot = u32::try_from(idle).expect("at most CLIENTS_MAX");
        self.vacate(slot);
        Some(slot)
    }

    fn vacate(&mut self, slot: u32) {
        let client = &mut self.slots[at(slot)];
        client.generation = client.generation.wrapping_add(2);
        client.owed = 0;
        self.owed_len -= std::mem::take(&mut client.owed_len);
        client.outgoing = Vec::new();
        client.reply_count = 0;
        client.parked.clear();
        client.parked_len = 0;
        client.reply_len = 0;
        client.listed = false;
        client.set_aside.clear();
        client.set_aside_len = 0;
        let identity = std::mem::take(&mut client.identity);
        let freed = self.by_identity.remove(&identity);
        assert!(freed == Some(slot), "only a slot of a client is vacated");
        self.last = None;
    }

    fn handle(&self, slot: u32) -> ClientHandle {
        let generation = u64::from(self.slots[at(slot)].generation);
        ClientHandle::new((generation << 32) | u64::from(slot))
    }
}

fn at(slot: u32) -> usize {
    usize::try_from(slot).expect("usize has at least 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(incarnation: u64) -> Clients {
        Clients::new(Incarnation::new(incarnation))
    }

    #[test]
    fn a_handle_addresses_no_other_client() {
        let mut clients = known(5);
        let ann = clients.arrive(b"ann", false).unwrap();
        let bob = clients.arrive(b"bob", true).unwrap();
        assert_ne!(ann, bob);
        assert_eq!(clients.arrive(b"ann", false), Some(ann));
        clients.remove(ann);
        assert!(clients.get(ann).is_none());
        let carl = clients.arrive(b"carl", false).unwrap();
        assert_ne!(ann, carl, "the slot is the same, the handle is not");
        assert!(clients.get(bob).unwrap().delimiter);
        let mut later = known(6);
        later.arrive(b"ann", false).unwrap();
        assert!(later.get(bob).is_none());
    }

    #[test]
    fn no_handle_is_zero() {
        assert_ne!(known(0).arrive(b"ann", false), Some(ClientHandle::NONE));
    }

    #[test]
    fn a_full_table_gives_up_those_that_are_owed_nothing() {
        let mut clients = known(1);
        let first = clients.arrive(b"first", false).unwrap();
        clients.get(first).unwrap().owed = 1;
        for other in 1..CLIENTS_MAX {
            clients.arrive(&other.to_le_bytes(), false).unwrap();
        }
        assert!(clients.arrive(b"one more", false).is_some());
        assert!(clients.get(first).is_some());
        assert_eq!(clients.arrive(b"first", false), Some(first));
    }

    #[test]
    fn a_source_is_where_it_was_last_heard() {
        let mut clients = known(1);
        clients.note_source(b"source-1", ClientHandle::new(7));
        clients.note_source(b"source-1", ClientHandle::new(9));
        assert_eq!(clients.of_source("source-1"), Some(ClientHandle::new(9)));
        assert_eq!(clients.of_source("source"), None);
    }
}
