//! A native broadcast: a publisher's end of ZeroMQ's protocol on the publisher's own thread.
//!
//! ```text
//!   subscriptions ◄── one read of up to 4 KiB ◄── a subscriber that can be read ◄─ poller
//!   publication, encoded once ─► backlogs of those who hear it ─► one write each, of some at the
//!                                                                 end of each turn
//! ```
//!
//! What a subscriber does not take waits here, within bounds in bytes: a later state of a topic
//! takes the place of the one that waits, and whoever is too far behind with events is cut off.
//! While subscriptions wait for the publisher nothing is read, so that they wait in the kernel.

mod backlog;
mod prefixes;
mod publication;
mod subscriber;

use std::collections::VecDeque;
use std::os::fd::AsRawFd;

use allot_zmtp::{Event, Fault, Options, SocketType};

use super::{BroadcastOptions, Kind, Subscription};
use crate::connections::kernel;
use crate::levels::{MostPending, SubscriberLevel};
use crate::limits::{
    BEHIND_LEAST, BROADCAST_FLUSH_BYTES, BROADCAST_FLUSH_BYTES_EACH, BROADCAST_FRAMES_MAX,
    BROADCAST_READ_BYTES, BROADCAST_SUBSCRIBER_BYTES_MAX, BROADCAST_WAITING_BYTES_END,
    BROADCAST_WAITING_BYTES_MAX, BROADCAST_WRITE_BYTES, CONNECTIONS_CHECK_EVERY, PREFIX_BYTES_MAX,
    PUBLICATION_ENTRY_BYTES, SUBSCRIBERS_TOLD, SUBSCRIBERS_TOLD_EVERY,
    SUBSCRIPTION_FRAME_BYTES_MAX, SUBSCRIPTIONS_BYTES_MAX, SUBSCRIPTIONS_BYTES_MAX_OF_ALL,
    SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_MAX_OF_ALL,
};
use crate::native_socket::{self, Client, Due, Key, NativeSocket};
use crate::waiting_bytes::WaitingBytes;
use crate::{Counter, Counters, Nanos, PollSet, RuntimeError};
use prefixes::Prefixes;
use publication::Publication;
use subscriber::{Prefix, Subscriber};

/// The publisher's side.
pub(super) struct NativeBroadcast {
    socket: NativeSocket<Subscriber>,
    prefixes: Prefixes,
    /// Subscriptions of all, and their bytes.
    subscriptions: usize,
    subscriptions_bytes: usize,
    /// What the publisher has not heard of them, and of whom.
    changes: VecDeque<(Key, Subscription)>,
    /// How often last values were begun.
    rounds: u64,
    /// What was read last.
    buffer: Box<[u8]>,
    /// Subscribers for whom something was published that was not tried to be written.
    unflushed: VecDeque<Key>,
    /// How many bytes that was since there were none.
    unflushed_bytes: usize,
    /// How many publications there were.
    published: u64,
    /// The bytes of publications that somebody has not taken.
    waiting: WaitingBytes,
    /// How many stand in backlogs, of all.
    entries: usize,
    /// Bytes that are sealed for one subscriber each, of all.
    sealed: usize,
    /// When those who are behind are looked at, where too much waits.
    check_at: Nanos,
    /// When it was told what waits for them, and how many there were and what waited then.
    told_at: Nanos,
    told: (usize, usize),
    /// Who can be read, or accepted, since before the publisher had heard of all subscriptions.
    put_off: VecDeque<Due>,
    is_accept_put_off: bool,
}

impl NativeBroadcast {
    pub(super) fn bind(endpoint: &str, options: BroadcastOptions) -> Result<Self, RuntimeError> {
        let options = Options {
            socket: SocketType::Xpub,
            identity: Vec::new(),
            message_bytes_max: SUBSCRIPTION_FRAME_BYTES_MAX,
            frames_max: BROADCAST_FRAMES_MAX,
            security: native_socket::security(options.keys),
        };
        Ok(Self {
            socket: NativeSocket::bind(endpoint, options)?,
            prefixes: Prefixes::default(),
            subscriptions: 0,
            subscriptions_bytes: 0,
            changes: VecDeque::new(),
            rounds: 0,
            buffer: vec![0; BROADCAST_READ_BYTES].into_boxed_slice(),
            unflushed: VecDeque::new(),
            unflushed_bytes: 0,
            published: 0,
            waiting: WaitingBytes::default(),
            entries: 0,
            sealed: 0,
            check_at: Nanos::ZERO,
            told_at: Nanos::ZERO,
            told: (0, 0),
            put_off: VecDeque::new(),
            is_accept_put_off: false,
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        self.socket.endpoint()
    }

    pub(super) fn count_into(&mut self, counters: &Counters) {
        counters.levels().open_subscribers();
        self.socket.counters = counters.clone();
    }

    pub(super) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.socket.wait_on(poll_set);
    }

    /// What is kept for subscribers.
    fn waiting(&self) -> usize {
        self.waiting.get() + self.entries * PUBLICATION_ENTRY_BYTES + self.sealed
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting() < BROADCAST_WAITING_BYTES_MAX
    }

    /// Adds a publication to the backlogs of all who hear it. It leaves at the next flush, or when
    /// enough waits for one write.
    pub(super) fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8], kind: Kind) {
        if BROADCAST_WAITING_BYTES_END <= self.waiting() {
            self.socket.counters.add(Counter::PublicationsDropped, 1);
            return;
        }
        self.published += 1;
        let mut publication = None;
        let mut too_far_behind = Vec::new();
        let is_state = kind != Kind::Event;
        for (key, len) in self.prefixes.hearers(topic) {
            let client = self.socket.clients.get(key).expect("who has a prefix is here");
            if kind == Kind::Last && !client.is_due(&topic[..len], self.rounds) {
                continue;
            }
            if std::mem::replace(&mut client.own.heard, self.published) == self.published {
                continue;
            }
            if !is_state && BROADCAST_SUBSCRIBER_BYTES_MAX <= client.own.backlog.event_bytes() {
                too_far_behind.push(key);
                continue;
            }
            let publication = publication.get_or_insert_with(|| {
                Publication::new(topic, sequence, body, is_state, &self.waiting)
            });
            let before = client.own.backlog.len();
            client.own.backlog.add(publication);
            self.entries = self.entries + client.own.backlog.len() - before;
            if !client.is_unflushed && !client.interest.write {
                client.is_unflushed = true;
                self.unflushed.push_back(key);
            }
        }
        too_far_behind.into_iter().for_each(|key| self.cut_off(key, Counter::SubscribersDropped));
        self.unflushed_bytes += publication.map_or(0, |publication| publication.bytes().len());
        if BROADCAST_WRITE_BYTES <= self.unflushed_bytes {
            self.write_unflushed();
        }
    }

    /// Last values are from now on for those of whom the publisher was told since the last time.
    pub(super) const fn begin_last(&mut self) {
        self.rounds += 1;
    }

    /// Lets what was published leave, as far as subscribers take it: to some in this turn, and to
    /// the others in the next ones.
    pub(super) fn flush(&mut self) {
        let mut left = BROADCAST_FLUSH_BYTES;
        while 0 < left
            && let Some(key) = self.unflushed.pop_front()
        {
            let bytes = self.write_unflushed_to(key);
            left = left.saturating_sub(bytes + BROADCAST_FLUSH_BYTES_EACH);
        }
        if self.unflushed.is_empty() {
            self.unflushed_bytes = 0;
        }
        // While the publisher has not heard of all subscriptions, nobody else writes to those who
        // can be written again. Who can be read has its turn then, each once: whoever subscribes
        // without end is not the only one.
        while !self.changes.is_empty()
            && let Some(due) = self.socket.next_due()
        {
            if let Due::Client(key, ready) = due
                && ready.write
            {
                self.write(key);
            }
            self.put_off(due);
        }
    }

    fn put_off(&mut self, due: Due) {
        let is_known = match due {
            Due::Accept => std::mem::replace(&mut self.is_accept_put_off, true),
            Due::Client(key, ready) => match self.socket.clients.get(key) {
                Some(client) if ready.read => std::mem::replace(&mut client.own.is_put_off, true),
                _ => return,
            },
        };
        if !is_known {
            self.put_off.push_back(due);
        }
    }

    /// What is due next, first of all what was put off.
    fn next_due(&mut self) -> Option<Due> {
        let Some(due) = self.put_off.pop_front() else {
            return self.socket.next_due();
        };
        match due {
            Due::Accept => self.is_accept_put_off = false,
            Due::Client(key, _) => {
                if let Some(client) = self.socket.clients.get(key) {
                    client.own.is_put_off = false;
                }
            }
        }
        Some(due)
    }

    fn write_unflushed(&mut self) {
        self.unflushed_bytes = 0;
        while let Some(key) = self.unflushed.pop_front() {
            self.write_unflushed_to(key);
        }
    }

    /// Writes to a subscriber; returns how much waited for it.
    fn write_unflushed_to(&mut self, key: Key) -> usize {
        let Some(client) = self.socket.clients.get(key) else { return 0 };
        client.is_unflushed = false;
        let bytes = client.own.backlog.bytes();
        self.write(key);
        bytes
    }

    /// Writes what is due to a subscriber, and waits for it where that is not possible now.
    fn write(&mut self, key: Key) {
        let Some(client) = self.socket.clients.get(key) else { return };
        let before = client.own.backlog.len();
        let written = client.write();
        self.entries = self.entries + client.own.backlog.len() - before;
        if client.connection.is_sealed() {
            let sealed = client.connection.output().len();
            self.sealed = self.sealed + sealed - client.own.sealed;
            client.own.sealed = sealed;
        }
        if let Err(gone) = written {
            self.socket.count_gone(gone);
            return self.close(key);
        }
        let now = self.socket.now;
        let behind_since = client.own.behind_since.unwrap_or(now);
        client.own.behind_since = client.is_pending().then_some(behind_since);
        let wanted = client.wanted();
        self.socket.wait_for(key, wanted);
        if BROADCAST_WAITING_BYTES_END < self.sealed {
            self.cut_off(key, Counter::SubscribersDropped);
        }
    }

    /// The next change of the subscriptions.
    pub(super) fn next_subscription(&mut self) -> Option<Subscription> {
        while self.changes.is_empty()
            && let Some(due) = self.next_due()
        {
            self.deal_with(due);
        }
        let (key, change) = self.changes.pop_front()?;
        if change.on
            && let Some(client) = self.socket.clients.get(key)
            && let Some(prefix) = client.own.prefixes.get_mut(&change.topic[..])
        {
            prefix.round = Some(self.rounds + 1);
        }
        Some(change)
    }

    fn deal_with(&mut self, due: Due) {
        let Due::Client(key, ready) = due else {
            self.socket.accept();
            while let Some(surplus) = self.socket.surplus() {
                self.reset(surplus);
            }
            return;
        };
        if ready.write {
            self.write(key);
        }
        if ready.read {
            self.read(key);
        }
    }

    /// Reads once from a subscriber, and takes all that it says there.
    fn read(&mut self, key: Key) {
        let now = self.socket.now;
        // It may have gone since it was ready.
        let Some(client) = self.socket.clients.get(key) else { return };
        let mut buffer = std::mem::take(&mut self.buffer);
        match client.read(&mut buffer) {
            Ok(0) => {}
            Ok(len) => {
                client.heard_at = now;
                self.socket.note_read();
                self.hear(key, &buffer[..len]);
            }
            Err(gone) => {
                self.socket.count_gone(gone);
                self.close(key);
            }
        }
        self.buffer = buffer;
    }

    fn hear(&mut self, key: Key, mut bytes: &[u8]) {
        // It may be cut off for what it says.
        while let Some(client) = self.socket.clients.get(key) {
            match client.connection.read(&mut bytes) {
                Ok(Some(Event::Subscribe(topic))) => {
                    let topic = topic.to_vec();
                    client.messages += 1;
                    self.subscribe(key, topic);
                }
                Ok(Some(Event::Cancel(topic))) => {
                    let topic = topic.to_vec();
                    self.cancel(key, topic);
                }
                // Other messages do not come from a subscriber.
                Ok(Some(Event::Ready | Event::Message(_))) => {}
                Ok(None) => return self.write_control(key),
                Err(fault) => {
                    // What it is told says why.
                    if !client.own.backlog.is_amid() {
                        let _ = client.write_output();
                    }
                    self.socket.counters.add(of_fault(fault), 1);
                    return self.close(key);
                }
            }
        }
    }

    /// Writes what the protocol has to say to what was read, or reads no more until it is taken.
    fn write_control(&mut self, key: Key) {
        let client = self.socket.clients.get(key).expect("it was read just now");
        if client.interest.write {
            let wanted = client.wanted();
            self.socket.wait_for(key, wanted);
        } else if !client.connection.output().is_empty() {
            self.write(key);
        }
    }

    fn subscribe(&mut self, key: Key, topic: Vec<u8>) {
        let len = topic.len();
        if PREFIX_BYTES_MAX < len {
            return self.cut_off(key, Counter::SubscriptionsRefused);
        }
        let client = self.socket.clients.get(key).expect("it subscribes just now");
        match client.own.prefixes.get_mut(&topic[..]) {
            Some(prefix) => prefix.times += 1,
            None => {
                client.own.prefixes.insert(topic[..].into(), Prefix { times: 1, round: None });
                self.prefixes.add(&topic, key);
            }
        }
        client.own.subscriptions += 1;
        client.own.subscriptions_bytes += len;
        self.subscriptions += 1;
        self.subscriptions_bytes += len;
        let is_one_too_many = SUBSCRIPTIONS_MAX < client.own.subscriptions
            || SUBSCRIPTIONS_BYTES_MAX < client.own.subscriptions_bytes;
        self.changes.push_back((key, Subscription { topic, on: true }));
        if is_one_too_many {
            self.cut_off(key, Counter::SubscriptionsRefused);
        } else if SUBSCRIPTIONS_MAX_OF_ALL < self.subscriptions {
            self.cut_off_fullest(|subscriber| subscriber.subscriptions);
        } else if SUBSCRIPTIONS_BYTES_MAX_OF_ALL < self.subscriptions_bytes {
            self.cut_off_fullest(|subscriber| subscriber.subscriptions_bytes);
        }
    }

    /// Where all together have too much, who has most of it goes: not who subscribes just now.
    fn cut_off_fullest(&mut self, share: impl Fn(&Subscriber) -> usize) {
        let fullest = self.socket.clients.iter().max_by_key(|(_, client)| share(&client.own));
        let (fullest, _) = fullest.expect("somebody has it");
        self.cut_off(fullest, Counter::SubscriptionsRefused);
    }

    /// Ends one subscription; a prefix that was not subscribed to is passed over.
    fn cancel(&mut self, key: Key, topic: Vec<u8>) {
        let client = self.socket.clients.get(key).expect("it cancels just now");
        let Some(prefix) = client.own.prefixes.get_mut(&topic[..]) else { return };
        prefix.times -= 1;
        if prefix.times == 0 {
            client.own.prefixes.remove(&topic[..]);
            self.prefixes.remove(&topic, key);
        }
        client.own.subscriptions -= 1;
        client.own.subscriptions_bytes -= topic.len();
        self.subscriptions -= 1;
        self.subscriptions_bytes -= topic.len();
        self.changes.push_back((key, Subscription { topic, on: false }));
    }

    /// Ends a connection that is beyond a bound, and counts it.
    fn cut_off(&mut self, key: Key, why: Counter) {
        self.socket.counters.add(why, 1);
        self.reset(key);
    }

    /// Ends a connection whose peer has gone, or that cannot be understood.
    fn close(&mut self, key: Key) {
        drop(self.remove(key));
    }

    /// Ends a connection whose peer is there, and tells it at once.
    fn reset(&mut self, key: Key) {
        if let Some(client) = self.remove(key) {
            client.reset();
        }
    }

    fn remove(&mut self, key: Key) -> Option<Client<Subscriber>> {
        let client = self.socket.remove(key)?;
        self.entries -= client.own.backlog.len();
        self.sealed -= client.own.sealed;
        self.subscriptions -= client.own.subscriptions;
        self.subscriptions_bytes -= client.own.subscriptions_bytes;
        for (topic, prefix) in &client.own.prefixes {
            self.prefixes.remove(topic, key);
            let ended = || Subscription { topic: topic.to_vec(), on: false };
            self.changes.extend((0..prefix.times).map(|_| (key, ended())));
        }
        Some(client)
    }

    /// What the time is, and what is due at it.
    pub(super) fn tick(&mut self, now: Nanos) {
        self.socket.tick(now).into_iter().for_each(|overdue| self.close(overdue));
        if !self.has_room() && self.check_at <= now {
            self.check_at = now + CONNECTIONS_CHECK_EVERY;
            self.cut_off_slowest(now);
        }
        if self.tell_at() <= now {
            self.told_at = now;
            self.told = (self.socket.clients.count(), self.waiting());
            self.tell_levels();
        }
    }

    /// When it is told what waits for subscribers; soon, where one has come or gone.
    fn tell_at(&self) -> Nanos {
        let is_of_others = self.socket.clients.count() != self.told.0;
        let every = if is_of_others { CONNECTIONS_CHECK_EVERY } else { SUBSCRIBERS_TOLD_EVERY };
        self.told_at + every
    }

    /// Tells what waits for subscribers, here and in the kernel.
    fn tell_levels(&mut self) {
        let counters = self.socket.counters.clone();
        let Some(levels) = counters.levels().subscriber_levels() else { return };
        let mut most = MostPending::new();
        let mut subscribers = 0;
        for (key, client) in self.socket.clients.iter() {
            let pending = client.own.backlog.bytes() + client.connection.output().len();
            most.add(pending as u64, key);
            subscribers += 1;
        }
        let mut told = [SubscriberLevel { peer: None, pending_bytes: 0 }; SUBSCRIBERS_TOLD];
        let mut count = 0;
        for (place, (pending, key)) in told.iter_mut().zip(most.iter()) {
            let Some(client) = self.socket.clients.get(key) else { continue };
            let untaken = kernel::untaken(client.stream().as_raw_fd()).unwrap_or(0);
            *place = SubscriberLevel { peer: client.peer(), pending_bytes: pending + untaken };
            count += 1;
        }
        levels.write(subscribers, self.waiting(), &told[..count]);
    }

    /// One at a time: what it had may be due to others too, who take it meanwhile.
    fn cut_off_slowest(&mut self, now: Nanos) {
        let behind = self.socket.clients.iter().filter_map(|(key, client)| {
            let since = client.own.behind_since.filter(|since| *since + BEHIND_LEAST <= now);
            since.map(|since| (since, key))
        });
        if let Some((_, key)) = behind.min() {
            self.cut_off(key, Counter::SubscribersDropped);
        }
    }

    /// When something is due next.
    pub(super) fn wake_at(&self) -> Nanos {
        if !self.unflushed.is_empty() {
            return self.socket.now;
        }
        let check_at = if self.has_room() { Nanos::MAX } else { self.check_at };
        let is_told = self.told == (self.socket.clients.count(), self.waiting());
        let tell_at = if is_told { Nanos::MAX } else { self.tell_at() };
        check_at.min(tell_at).min(self.socket.wake_at())
    }
}

/// What a fault of a subscriber counts as.
const fn of_fault(fault: Fault) -> Counter {
    match fault {
        Fault::TooLong => Counter::SubscriptionsRefused,
        _ => native_socket::of_fault(fault),
    }
}

impl Drop for NativeBroadcast {
    /// What was published still leaves, as far as subscribers take it within a second.
    fn drop(&mut self) {
        self.write_unflushed();
        let deadline = native_socket::linger_until();
        loop {
            let pending = self.socket.linger(deadline, Client::is_pending);
            if pending.is_empty() {
                return;
            }
            pending.into_iter().for_each(|key| self.write(key));
        }
    }
}
