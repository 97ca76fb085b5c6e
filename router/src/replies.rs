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

use crate::clients::{Client, Clients};
use crate::limits::{
    FIRST_OWED_MAX, LONG_LEN_FULL, MESSAGE_LEN_FULL, OUTGOING_LEN_MAX, OWED_LEN_LEAST,
    OWED_LEN_MAX, OWED_LEN_MAX_OF_ALL, PARKED_LEN_MAX, PARKED_LEN_MAX_OF_ALL, PARKED_PATIENCE,
    RECORD_LEN_LEAST, SET_ASIDE_ENTRY_LEN, SET_ASIDE_LEN_FULL, SET_ASIDE_LEN_MAX,
    SET_ASIDE_LEN_MAX_OF_ALL, SLICE_LEN_FULL,
};
use crate::progress::Progress;

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
    /// The bytes of short messages, and of long ones, taken from the door since the last message
    /// that was set aside was taken back.
    short_len: usize,
    long_len: usize,
    now: Nanos,
    counters: Counters,
    stages: Stages,
}

/// When a message from the door is read.
enum Place {
    Now(Progress),
    Later,
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

    /// Takes the next message that is to be read, if there is one, and how far it is admitted: by
    /// turns those from the door that are as long as a slice together, and one that was set aside.
    /// Many short messages so wait for one slice of a long one, and not for a slice each.
    pub(crate) fn receive(&mut self, envelope: &mut Envelope) -> Option<Progress> {
        let began = self.stages.begin(Stage::Receive);
        let received = loop {
            let is_door_next = self.short_len < SLICE_LEN_FULL && self.long_len < LONG_LEN_FULL;
            let received = if is_door_next {
                self.receive_next(envelope).or_else(|| self.take_back(envelope))
            } else {
                self.take_back(envelope).or_else(|| self.receive_next(envelope))
            };
            if received.is_some() || self.long_len < LONG_LEN_FULL {
                break received;
            }
            // No client that waits may go on, and the door may have more.
            self.long_len = 0;
        };
        if received.is_some() {
            self.stages.end(Stage::Receive, began);
        }
        received
    }

    /// Takes a message from the door; those of clients whose messages wait are set aside, and so
    /// are long ones: short ones behind them would wait for a slice of each.
    fn receive_next(&mut self, envelope: &mut Envelope) -> Option<Progress> {
        while self.door.receive(envelope) {
            let len = envelope.body().len();
            let is_long = SLICE_LEN_FULL < len;
            let share = if is_long { &mut self.long_len } else { &mut self.short_len };
            *share = share.saturating_add(len + RECORD_LEN_LEAST);
            let client = if is_long {
                self.clients.arrive(envelope.identity(), envelope.delimiter())
            } else if self.parked.is_empty() && self.set_aside.is_empty() {
                None
            } else {
                self.clients.find(envelope.identity())
            };
            let Some(client) = client else {
                return Some(Progress::default());
            };
            match self.place_of_next(client, is_long) {
                Place::Now(progress) => return Some(progress),
                Place::Later => {
                    let message = (std::mem::take(envelope), Progress::default());
                    self.set_aside(client, message, VecDeque::push_back);
                }
            }
            if LONG_LEN_FULL <= self.long_len {
                break;
            }
        }
        None
    }

    /// Messages of a client keep their order, while it may have them wait. Beyond that they are
    /// refused as `busy`; but not those of a client that does not read, for that would make more
    /// replies.
    fn place_of_next(&mut self, handle: ClientHandle, is_long: bool) -> Place {
        let client = self.clients.get(handle).expect("it was found just now");
        if client.set_aside.is_empty() && !client.is_behind() && !is_long {
            Place::Now(Progress::default())
        } else if client.is_behind() || client.set_aside_len < SET_ASIDE_LEN_FULL {
            Place::Later
        } else {
            Place::Now(Progress { is_too_much: true, ..Progress::default() })
        }
    }

    /// Sets the rest of a message aside, before those that the client sent after it.
    pub(crate) fn pause(
        &mut self,
        handle: ClientHandle,
        envelope: &mut Envelope,
        progress: Progress,
    ) {
        let message = (std::mem::take(envelope), progress);
        self.set_aside(handle, message, VecDeque::push_front);
    }

    fn set_aside(
        &mut self,
        handle: ClientHandle,
        message: (Envelope, Progress),
        push: impl FnOnce(&mut VecDeque<(Envelope, Progress)>, (Envelope, Progress)),
    ) {
        // It may have been given up while its message was read.
        let Some(client) = self.clients.get(handle) else {
            return;
        };
        if client.set_aside.is_empty() {
            self.set_aside.push_back(handle);
        }
        let len = set_aside_len(&message.0);
        push(&mut client.set_aside, message);
        client.set_aside_len += len;
        self.set_aside_len += len;
        let is_over = SET_ASIDE_LEN_MAX < client.set_aside_len;
        if is_over {
            self.drop_client(handle);
        } else if SET_ASIDE_LEN_MAX_OF_ALL < self.set_aside_len {
            let clients = &mut self.clients;
            let len = |one: &ClientHandle| clients.get(*one).map_or(0, |one| one.set_aside_len);
            let fullest = self.set_aside.iter().copied().max_by_key(len);
            self.drop_client(fullest.expect("some are set aside"));
        }
    }

    /// Takes a message that was set aside of a client that may go on, a client after the other.
    fn take_back(&mut self, envelope: &mut Envelope) -> Option<Progress> {
        for _ in 0..self.set_aside.len() {
            let handle = self.set_aside.pop_front().expect("there are so many");
            let owes_enough = self.owes_enough(handle);
            let Some(client) = self.clients.get(handle) else {
                continue;
            };
            let waits = owes_enough || client.is_behind();
            let taken = if waits { None } else { client.set_aside.pop_front() };
            let len = taken.as_ref().map_or(0, |(envelope, _)| set_aside_len(envelope));
            client.set_aside_len -= len;
            self.set_aside_len -= len;
            if !client.set_aside.is_empty() {
                self.set_aside.push_back(handle);
            }
            if let Some((message, progress)) = taken {
                *envelope = message;
                (self.short_len, self.long_len) = (0, 0);
                return Some(progress);
            }
        }
        None
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
            self.park(handle, replies);
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

    fn park(&mut self, handle: ClientHandle, replies: u64) {
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
    fn drop_client(&mut self, handle: ClientHandle) {
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
    fn forget(&mut self, handle: ClientHandle) {
        if let Some(client) = self.clients.get(handle) {
            self.parked_len -= client.parked_len;
            self.set_aside_len -= client.set_aside_len;
            self.clients.remove(handle);
        }
    }

    fn flush_parked(&mut self) -> usize {
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

/// What a message takes that is set aside.
fn set_aside_len(envelope: &Envelope) -> usize {
    envelope.body().len() + SET_ASIDE_ENTRY_LEN
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

#[cfg(test)]
mod tests {
    use allot_runtime::{DoorClients, DoorOptions};

    use super::*;
    use crate::limits::BEHIND_LEN;

    /// A door at which `deaf` has not read replies of four times what puts a client behind.
    fn behind() -> (Replies, DoorClients, Counters) {
        let options = DoorOptions { high_water: 1, ..DoorOptions::default() };
        let (door, clients) = Door::memory_with(options);
        let counters = Counters::new();
        let mut replies = Replies::new(door, Incarnation::new(1), counters.clone());
        clients.send(b"deaf", b"first");
        assert_eq!(next(&mut replies).as_deref(), Some(&b"first"[..]));
        let deaf = replies.clients.arrive(b"deaf", false).unwrap();
        for _ in 0..4 {
            replies.deliver(deaf, Encoding::Json, &vec![b'x'; BEHIND_LEN + 1]);
            replies.flush();
        }
        (replies, clients, counters)
    }

    fn next(replies: &mut Replies) -> Option<Vec<u8>> {
        let mut envelope = Envelope::new();
        replies.receive(&mut envelope).map(|_| envelope.body().to_vec())
    }

    #[test]
    fn messages_of_a_client_that_does_not_read_wait_until_it_does() {
        let (mut replies, clients, _) = behind();
        for (client, message) in [("deaf", "second"), ("bob", "hello"), ("deaf", "third")] {
            clients.send(client.as_bytes(), message.as_bytes());
        }
        assert_eq!(next(&mut replies).as_deref(), Some(&b"hello"[..]));
        assert_eq!(next(&mut replies), None);
        let mut taken = Vec::new();
        while let Some((client, _)) = clients.receive() {
            assert_eq!(client, b"deaf");
            replies.flush();
            taken.extend(next(&mut replies));
        }
        clients.send(b"deaf", b"fourth");
        taken.extend(std::iter::from_fn(|| next(&mut replies)));
        assert_eq!(taken, [&b"second"[..], b"third", b"fourth"]);
        assert_eq!(replies.set_aside_len, 0);
    }

    #[test]
    fn what_a_client_is_owed_goes_by_the_replies_of_shards() {
        let (mut replies, clients, _) = behind();
        clients.send(b"ann", b"hello");
        assert!(next(&mut replies).is_some());
        let ann = replies.clients.arrive(b"ann", false).unwrap();
        for owed in 0..FIRST_OWED_MAX {
            assert!(!replies.owes_enough(ann), "{owed} before its first reply");
            replies.clients.owe(ann);
        }
        assert!(replies.owes_enough(ann), "before its first reply");
        replies.deliver(ann, Encoding::Json, &vec![b'x'; 100 << 10]);
        // What the router itself rejects says nothing of what shards will reply.
        (0..1_000).for_each(|_| replies.append(ann, Encoding::Json, |out| out.push(b'{')));
        assert!(replies.owes_enough(ann));
        (4..FIRST_OWED_MAX).for_each(|_| replies.mark_replied(ann));
        assert!(!replies.owes_enough(ann));
        for client in ["bob", "carl", "dora"] {
            clients.send(client.as_bytes(), b"hello");
            assert!(next(&mut replies).is_some());
            let other = replies.clients.arrive(client.as_bytes(), false).unwrap();
            replies.deliver(other, Encoding::Json, &vec![b'x'; 100 << 10]);
            (0..4).for_each(|_| replies.clients.owe(other));
        }
        assert!(replies.owes_enough(ann), "all are owed too much together");
    }

    #[test]
    fn the_rest_of_a_message_waits_its_turn_and_comes_before_later_ones() {
        let (mut replies, clients, _) = behind();
        clients.send(b"ann", b"first");
        let mut envelope = Envelope::new();
        assert!(replies.receive(&mut envelope).is_some());
        let ann = replies.clients.arrive(b"ann", false).unwrap();
        let progress = Progress { done: 3, ..Progress::default() };
        replies.pause(ann, &mut envelope, progress);
        for (client, message) in [("ann", "second"), ("bob", "hello"), ("bob", "again")] {
            clients.send(client.as_bytes(), message.as_bytes());
        }
        let mut taken = Vec::new();
        while let Some(progress) = replies.receive(&mut envelope) {
            taken.push((String::from_utf8(envelope.body().to_vec()).unwrap(), progress.done));
        }
        let of = |client: &[&str]| -> Vec<_> {
            taken.iter().filter(|(body, _)| client.contains(&body.as_str())).cloned().collect()
        };
        assert_eq!(of(&["first", "second"]), [("first".to_owned(), 3), ("second".to_owned(), 0)]);
        assert_eq!(of(&["hello", "again"]), [("hello".to_owned(), 0), ("again".to_owned(), 0)]);
    }

    #[test]
    fn short_messages_do_not_wait_for_a_slice_of_each_long_one() {
        let (mut replies, clients, _) = behind();
        for long in ["ann", "bob", "carl"] {
            clients.send(long.as_bytes(), &vec![b'x'; SLICE_LEN_FULL + 1]);
        }
        (0..3).for_each(|_| clients.send(b"dora", b"short"));
        let mut envelope = Envelope::new();
        let mut taken = Vec::new();
        while replies.receive(&mut envelope).is_some() {
            taken.push(String::from_utf8(envelope.identity().to_vec()).unwrap());
        }
        assert_eq!(taken, ["dora", "dora", "dora", "ann", "bob", "carl"]);
    }

    #[test]
    fn long_messages_have_their_turn_while_short_ones_come_on() {
        let (mut replies, clients, _) = behind();
        clients.send(b"ann", &vec![b'x'; SLICE_LEN_FULL + 1]);
        let mut envelope = Envelope::new();
        let mut short_len = 0;
        loop {
            clients.send(b"bob", &[b'x'; 1_024]);
            assert!(replies.receive(&mut envelope).is_some());
            if envelope.identity() == b"ann" {
                break;
            }
            short_len += envelope.body().len() + RECORD_LEN_LEAST;
            assert!(short_len < SLICE_LEN_FULL + 2_048, "and not for ever");
        }
        assert!(SLICE_LEN_FULL <= short_len);
    }

    #[test]
    fn a_client_that_has_as_much_waiting_as_it_may_is_refused_more() {
        let (mut replies, clients, _) = behind();
        clients.send(b"ann", b"first");
        let mut envelope = Envelope::new();
        assert!(replies.receive(&mut envelope).is_some());
        let ann = replies.clients.arrive(b"ann", false).unwrap();
        (0..FIRST_OWED_MAX).for_each(|_| replies.clients.owe(ann));
        replies.pause(ann, &mut envelope, Progress::default());
        let count = SET_ASIDE_LEN_FULL / (1 << 20) + 1;
        (0..count).for_each(|_| clients.send(b"ann", &vec![b'x'; 1 << 20]));
        let progress = replies.receive(&mut envelope).expect("one is too much");
        assert!(progress.is_too_much);
        assert!(replies.receive(&mut envelope).is_none());
        replies.deliver(ann, Encoding::Json, b"{}");
        replies.mark_replied(ann);
        let progress = replies.receive(&mut envelope).expect("it may go on");
        assert_eq!((envelope.body(), progress.is_too_much), (&b"first"[..], false));
    }

    #[test]
    fn a_client_that_sends_on_without_reading_is_given_up() {
        let (mut replies, clients, counters) = behind();
        let count = SET_ASIDE_LEN_MAX / (1 << 20) + 1;
        (0..count).for_each(|_| clients.send(b"deaf", &vec![b'x'; 1 << 20]));
        clients.send(b"bob", b"hello");
        assert_eq!(next(&mut replies).as_deref(), Some(&b"hello"[..]));
        assert_eq!(counters.get(Counter::ClientsDropped), 1);
        assert_eq!((replies.set_aside_len, replies.parked_len), (0, 0));
        clients.send(b"deaf", b"again");
        assert_eq!(next(&mut replies).as_deref(), Some(&b"again"[..]), "as a new client");
    }
}
