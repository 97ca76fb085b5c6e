//! What waits for clients that do not read.

use allot_runtime::{Counter, Door, SendError};
use allot_wire::backplane::ClientHandle;

use super::Replies;
use crate::clients::Client;
use crate::limits::{PARKED_LEN_MAX, PARKED_LEN_MAX_OF_ALL, PARKED_PATIENCE};

impl Replies {
    pub(super) fn park(&mut self, handle: ClientHandle, replies: u64) {
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
        client.parked.push_back((message, replies));
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
    pub(super) fn drop_client(&mut self, handle: ClientHandle) {
        self.end_client(handle);
        self.parked.retain(|parked| *parked != handle);
    }

    /// Ends the connection of a client that does not read, and forgets it.
    fn end_client(&mut self, handle: ClientHandle) {
        if let Some(client) = self.clients.get(handle) {
            self.door.cut_off(&client.identity);
            self.counters.add(Counter::ClientsDropped, 1);
        }
        self.forget(handle);
    }

    /// Forgets a client, and all that waits for it or of it.
    pub(super) fn forget(&mut self, handle: ClientHandle) {
        if let Some(client) = self.clients.get(handle) {
            self.parked_len -= client.parked_len;
            self.set_aside_len -= client.set_aside_len;
            self.clients.remove(handle);
        }
    }

    pub(super) fn flush_parked(&mut self) -> usize {
        let (mut sent, mut kept) = (0, 0);
        for at in 0..self.parked.len() {
            let handle = self.parked[at];
            sent += self.unpark(handle);
            if self.clients.get(handle).is_some_and(|client| !client.parked.is_empty()) {
                self.parked[kept] = handle;
                kept += 1;
            }
        }
        self.parked.truncate(kept);
        assert!(kept <= self.clients.count(), "a client is parked once");
        sent
    }

    /// Sends what is parked for a client while there is room, and gives up one that has gone, or
    /// that has taken nothing for too long; returns how many messages left.
    fn unpark(&mut self, handle: ClientHandle) -> usize {
        let Some(client) = self.clients.get(handle) else {
            return 0;
        };
        let before = client.parked_len;
        let (sent, replies, gone) = unpark(&mut self.door, client);
        self.parked_len -= before - client.parked_len;
        self.counters.add(Counter::Replies, replies);
        if 0 < sent {
            client.took_at = self.now;
        }
        let is_silent =
            PARKED_LEN_MAX < client.parked_len && client.took_at + PARKED_PATIENCE <= self.now;
        if gone {
            self.counters.add(Counter::RepliesUndeliverable, 1);
            self.forget(handle);
        } else if is_silent {
            self.end_client(handle);
        }
        sent
    }
}

/// Sends parked messages while there is room; says how many left, with how many replies, and
/// whether the client has gone.
fn unpark(door: &mut Door, client: &mut Client) -> (usize, u64, bool) {
    let (mut sent, mut replies) = (0, 0);
    while let Some((message, count)) = client.parked.front() {
        match door.send(&client.identity, client.delimiter, message) {
            Ok(()) => {
                client.parked_len -= message.len();
                replies += count;
                client.parked.pop_front();
                client.check();
                sent += 1;
            }
            Err(SendError::Full) => break,
            Err(SendError::Away) => return (sent, replies, true),
        }
    }
    (sent, replies, false)
}
