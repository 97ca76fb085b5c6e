//! Replies: the door, and what is sent to clients through it.
//!
//! Replies to one client within one turn leave as one message. A client that does not read is
//! **parked**: its replies wait here, up to a bound, and then it is given up. What it sends
//! meanwhile is **set aside**, and read when it has read more: its requests cost nothing until
//! then, and keep their order. So is what a client sends that is owed many bytes of replies, or
//! the rest of its message: replies to others do not wait until all of its own are made.

use std::collections::VecDeque;

use allot_domain::{Incarnation, Reject};
use allot_runtime::{Counter, Counters, Door, Envelope, Nanos, PollSet, SendError, Stage, Stages};
use allot_wire::backplane::ClientHandle;
use allot_wire::{Encoding, KIND_REPLIES, Rejection, begin_batch, end_batch};

use crate::clients::Clients;
use crate::limits::{
    FIRST_OWED_MAX, MESSAGE_LEN_FULL, OUTGOING_LEN_MAX, OWED_LEN_LEAST, OWED_LEN_MAX,
    OWED_LEN_MAX_OF_ALL, SPARE_BUFFERS, SPARE_BUFFERS_LEN, SPARE_ENVELOPES,
};

mod parked;
mod set_aside;

/// The door and its clients.
pub(crate) struct Replies {
    door: Door,
    pub(crate) clients: Clients,
    /// Clients with a message to finish in this turn.
    list: Vec<ClientHandle>,
    parked: Vec<ClientHandle>,
    /// The bytes that wait for all clients.
    parked_len: usize,
    /// Clients whose messages are set aside, and the bytes of all those messages.
    set_aside: VecDeque<ClientHandle>,
    set_aside_len: usize,
    /// Buffers of messages that have left, to be filled again, and their bytes.
    buffers: Vec<Vec<u8>>,
    buffers_len: usize,
    /// Envelopes whose messages were taken back, to be filled again.
    spare: Vec<Envelope>,
    /// The bytes of short messages, and of long ones, taken from the door since the last message
    /// that was set aside was taken back.
    short_len: usize,
    long_len: usize,
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
            set_aside: VecDeque::new(),
            set_aside_len: 0,
            buffers: Vec::with_capacity(SPARE_BUFFERS),
            buffers_len: 0,
            spare: Vec::with_capacity(SPARE_ENVELOPES),
            short_len: 0,
            long_len: 0,
            now: Nanos::ZERO,
            counters,
            stages,
        }
    }

    /// Times its stages into this set from now on.
    pub(crate) fn time(&mut self, stages: &Stages) {
        self.stages = stages.clone();
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.door.wait_on(poll_set);
    }

    /// When the door has something to do.
    pub(crate) fn wake_at(&self) -> Nanos {
        self.door.wake_at()
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.door.endpoint()
    }

    /// What the time is in this turn.
    pub(crate) fn set_now(&mut self, now: Nanos) {
        self.now = now;
        self.door.tick(now);
    }

    /// Whether a client waits for its socket to have room.
    pub(crate) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// A shard has replied to an input of the client, so that reply is no longer owed.
    pub(crate) fn mark_replied(&mut self, handle: ClientHandle) {
        self.clients.mark_replied(handle);
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

    /// Whether a client is owed as much as it may be. How long its replies are is known once it has
    /// got one.
    #[inline]
    pub(crate) fn owes_enough(&mut self, handle: ClientHandle) -> bool {
        let are_all_busy = OWED_LEN_MAX_OF_ALL < self.clients.owed_len();
        let len_max = if are_all_busy { OWED_LEN_LEAST } else { OWED_LEN_MAX };
        self.clients.get(handle).is_some_and(|client| match client.reply_len {
            0 => FIRST_OWED_MAX <= client.owed,
            _ => len_max < client.owed_len + client.parked_len,
        })
    }

    /// Adds a reply that a shard owed the client.
    pub(crate) fn deliver(&mut self, handle: ClientHandle, encoding: Encoding, body: &[u8]) {
        self.clients.note_reply_len(handle, body.len());
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
            client.outgoing = self.buffers.pop().unwrap_or_default();
            self.buffers_len -= client.outgoing.capacity();
            client.encoding = encoding;
            if encoding == Encoding::Binary {
                begin_batch(&mut client.outgoing, KIND_REPLIES);
            }
        } else if encoding == Encoding::Json {
            client.outgoing.push(b'\n');
        }
        encode(&mut client.outgoing);
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
            // A REQ gets one message: it is finished with the last reply to all of its own.
            let is_open = 0 < client.owed || !client.set_aside.is_empty();
            if !(client.one_reply && is_open) {
                sent += self.finish(handle);
            }
        }
        self.list = list;
        self.door.flush();
        sent
    }

    /// Keeps the buffer of a message that has left.
    fn keep(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        buffer.shrink_to(OUTGOING_LEN_MAX);
        let len = self.buffers_len + buffer.capacity();
        if self.buffers.len() < SPARE_BUFFERS && len <= SPARE_BUFFERS_LEN {
            self.buffers_len = len;
            self.buffers.push(buffer);
        }
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
            self.park(handle, replies);
            return 0;
        }
        let began = self.stages.begin(Stage::Send);
        let sent = self.door.send(&client.identity, client.delimiter, &client.outgoing);
        match sent {
            Ok(()) => {
                self.stages.end(Stage::Send, began);
                let buffer = std::mem::take(&mut client.outgoing);
                self.keep(buffer);
                self.counters.add(Counter::Replies, replies);
                1
            }
            Err(SendError::Full) => {
                self.park(handle, replies);
                0
            }
            Err(SendError::Away) => {
                self.counters.add(Counter::RepliesUndeliverable, replies);
                self.forget(handle);
                0
            }
        }
    }
}

#[cfg(test)]
mod tests;
