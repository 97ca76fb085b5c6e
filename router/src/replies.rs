//! Replies: the door, and what is sent to clients through it.
//!
//! Replies to one client within one turn leave as one message. A client that does not read is
//! **parked**: its messages wait here, up to a bound, and then it is given up.

use allot_domain::{Incarnation, Reject};
use allot_runtime::{Counter, Counters, Door, Envelope, Nanos, PollSet, SendError, Stage, Stages};
use allot_wire::backplane::ClientHandle;
use allot_wire::{Encoding, KIND_REPLIES, Rejection, begin_batch, end_batch};

use crate::clients::{Client, Clients};
use crate::limits::{
    MESSAGE_LEN_FULL, OUTGOING_LEN_MAX, OWED_LEN_MAX, PARKED_LEN_MAX, PARKED_LEN_MAX_OF_ALL,
    PARKED_PATIENCE,
};

/// The door and its clients.
pub(crate) struct Replies {
    door: Door,
    pub(crate) clients: Clients,
    /// Clients with a message to finish in this turn.
    list: Vec<ClientHandle>,
    parked: Vec<ClientHandle>,
    /// The bytes that wait for all clients.
    parked_len: usize,
    now: Nanos,
    counters: Counters,
    stages: Stages,
}

impl Replies {
    pub(crate) fn new(mut door: Door, incarnation: Incarnation, counters: Counters) -> Self {
        door.count_into(&counters);
        let clients = Clients::new(incarnation);
        let stages = Stages::off();
        Self {
            door,
            clients,
            list: Vec::new(),
            parked: Vec::new(),
            parked_len: 0,
            now: Nanos::ZERO,
            counters,
            stages,
        }
    }

    /// Times its stages into this set from now on.
    pub(crate) fn time(&mut self, stages: &Stages) {
        self.stages = stages.clone();
    }

    pub(crate) fn receive(&mut self, envelope: &mut Envelope) -> bool {
        let began = self.stages.begin(Stage::Receive);
        let received = self.door.receive(envelope);
        if received {
            self.stages.end(Stage::Receive, began);
        }
        received
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.door.endpoint()
    }

    /// What the time is in this turn.
    pub(crate) const fn set_now(&mut self, now: Nanos) {
        self.now = now;
    }

    /// Whether a client waits for its socket to have room.
    pub(crate) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// A shard has replied to an input of the client, so that reply is no longer owed.
    pub(crate) fn mark_replied(&mut self, handle: ClientHandle) {
        if let Some(client) = self.clients.get(handle) {
            client.owed = client.owed.checked_sub(1).expect("each reply is owed once");
        }
    }

    /// The reply to an input of the client will not come: the shard began a new incarnation, or the
    /// reply was lost with a connection. Clients send again by themselves; a REQ is told to.
    pub(crate) fn give_up(&mut self, handle: ClientHandle) {
        self.mark_replied(handle);
        let waits = self.clients.get(handle).filter(|client| client.one_reply);
        // In the encoding of the replies that are there already, else in the one people can read.
        let encoding = waits.map(|client| match client.reply_count {
            0 => Encoding::Json,
            _ => client.encoding,
        });
        if let Some(encoding) = encoding {
            self.append(handle, encoding, |out| {
                Rejection::unread(&Reject::Busy).encode(encoding, out);
            });
        }
    }

    /// Whether a client is owed as much as it may be.
    #[inline]
    pub(crate) fn owes_enough(&mut self, handle: ClientHandle) -> bool {
        self.clients.get(handle).is_some_and(|client| {
            let owed = usize::try_from(client.owed).unwrap_or(usize::MAX);
            OWED_LEN_MAX < owed.saturating_mul(client.reply_len).saturating_add(client.parked_len)
        })
    }

    /// Adds a reply that a shard owed the client.
    pub(crate) fn deliver(&mut self, handle: ClientHandle, encoding: Encoding, body: &[u8]) {
        self.append(handle, encoding, |out| out.extend_from_slice(body));
    }

    /// Adds a late reply, wherever the source is now.
    ///
    /// A REQ client expects exactly one message for each of its own, so it cannot be told.
    pub(crate) fn deliver_late(&mut self, source: &str, encoding: Encoding, body: &[u8]) {
        let handle = self.clients.of_source(source).unwrap_or_default();
        if self.clients.get(handle).is_some_and(|client| client.one_reply) {
            self.counters.add(Counter::RepliesUndeliverable, 1);
            return;
        }
        self.append(handle, encoding, |out| out.extend_from_slice(body));
    }

    /// Adds a reply to the client's message.
    pub(crate) fn append(
        &mut self,
        handle: ClientHandle,
        encoding: Encoding,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let Some(client) = self.clients.get(handle) else {
            self.counters.add(Counter::RepliesUndeliverable, 1);
            return;
        };
        let full = MESSAGE_LEN_FULL < client.outgoing.len() && !client.one_reply;
        let other = client.encoding != encoding && !client.one_reply;
        if 0 < client.reply_count && (other || full) {
            self.finish(handle);
        }
        let Some(client) = self.clients.get(handle) else {
            return;
        };
        if client.reply_count == 0 {
            client.encoding = encoding;
            if encoding == Encoding::Binary {
                begin_batch(&mut client.outgoing, KIND_REPLIES);
            }
        } else if encoding == Encoding::Json {
            client.outgoing.push(b'\n');
        }
        let before = client.outgoing.len();
        encode(&mut client.outgoing);
        let len = client.outgoing.len() - before;
        client.reply_len = len.max(client.reply_len - client.reply_len.div_ceil(256));
        client.reply_count += 1;
        if !client.listed {
            client.listed = true;
            self.list.push(handle);
        }
        client.check();
    }

    /// Sends what was added in this turn and what was parked; returns how many messages left.
    pub(crate) fn flush(&mut self) -> usize {
        let mut sent = self.flush_parked();
        let mut list = std::mem::take(&mut self.list);
        for handle in list.drain(..) {
            let Some(client) = self.clients.get(handle) else {
                continue;
            };
            assert!(client.listed, "a client stands in the list once");
            client.listed = false;
            // A REQ gets one message: it is finished with the last reply it is owed.
            if !(client.one_reply && 0 < client.owed) {
                sent += self.finish(handle);
            }
        }
        self.list = list;
        sent
    }

    /// Closes the client's message and sends it, or parks it.
    fn finish(&mut self, handle: ClientHandle) -> usize {
        let Some(client) = self.clients.get(handle).filter(|client| 0 < client.reply_count) else {
            return 0;
        };
        if client.encoding == Encoding::Binary {
            end_batch(&mut client.outgoing, client.reply_count);
        }
        let replies = u64::from(std::mem::take(&mut client.reply_count));
        if !client.parked.is_empty() {
            self.park(handle);
            return 0;
        }
        let began = self.stages.begin(Stage::Send);
        let sent = self.door.send(&client.identity, client.delimiter, &client.outgoing);
        match sent {
            Ok(()) => {
                self.stages.end(Stage::Send, began);
                client.outgoing.clear();
                // One large reply must not make the buffer of every client large.
                client.outgoing.shrink_to(OUTGOING_LEN_MAX);
                self.counters.add(Counter::Replies, replies);
                1
            }
            Err(SendError::Full) => {
                self.park(handle);
                0
            }
            Err(SendError::Away) => {
                self.counters.add(Counter::RepliesUndeliverable, replies);
                self.clients.remove(handle);
                0
            }
        }
    }

    fn park(&mut self, handle: ClientHandle) {
        self.counters.add(Counter::RepliesParked, 1);
        let Some(client) = self.clients.get(handle) else {
            return;
        };
        assert!(client.reply_count == 0, "a message is closed before it is parked");
        let message = std::mem::take(&mut client.outgoing);
        client.parked_len += message.len();
        self.parked_len += message.len();
        if client.parked.is_empty() {
            client.took_at = self.now;
            self.parked.push(handle);
        }
        client.parked.push_back(message);
        client.check();
        if PARKED_LEN_MAX < client.parked_len && client.took_at + PARKED_PATIENCE <= self.now {
            self.drop_client(handle);
        }
        while PARKED_LEN_MAX_OF_ALL < self.parked_len {
            let clients = &mut self.clients;
            let len = |handle: &ClientHandle| clients.get(*handle).map_or(0, |one| one.parked_len);
            let Some(fullest) = self.parked.iter().copied().max_by_key(len) else { return };
            self.drop_client(fullest);
        }
    }

    /// Gives up a client that does not read.
    fn drop_client(&mut self, handle: ClientHandle) {
        if let Some(client) = self.clients.get(handle) {
            self.parked_len -= client.parked_len;
            self.counters.add(Counter::ClientsDropped, 1);
            self.clients.remove(handle);
        }
        self.parked.retain(|parked| *parked != handle);
    }

    fn flush_parked(&mut self) -> usize {
        let (door, clients, counters) = (&mut self.door, &mut self.clients, &self.counters);
        let (parked_len, now) = (&mut self.parked_len, self.now);
        let mut sent = 0;
        self.parked.retain(|handle| {
            let Some(client) = clients.get(*handle) else {
                return false;
            };
            let before = client.parked_len;
            let (count, gone) = unpark(door, client);
            *parked_len -= before - client.parked_len;
            sent += count;
            if 0 < count {
                client.took_at = now;
            }
            let is_silent =
                PARKED_LEN_MAX < client.parked_len && client.took_at + PARKED_PATIENCE <= now;
            if gone || is_silent {
                let counter =
                    if gone { Counter::RepliesUndeliverable } else { Counter::ClientsDropped };
                counters.add(counter, 1);
                *parked_len -= client.parked_len;
                clients.remove(*handle);
                return false;
            }
            !client.parked.is_empty()
        });
        assert!(self.parked.len() <= self.clients.count(), "a client is parked once");
        sent
    }
}

/// Sends parked messages while there is room; says how many left and whether the client has gone.
fn unpark(door: &mut Door, client: &mut Client) -> (usize, bool) {
    let mut sent = 0;
    while let Some(message) = client.parked.front() {
        match door.send(&client.identity, client.delimiter, message) {
            Ok(()) => {
                client.parked_len -= message.len();
                client.parked.pop_front();
                client.check();
                sent += 1;
            }
            Err(SendError::Full) => break,
            Err(SendError::Away) => return (sent, true),
        }
    }
    (sent, false)
}
