//! A broadcast without sockets, for a test that makes each step.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Publication, Subscription};

/// The subscribers' side of [`Broadcast::memory`](crate::Broadcast::memory).
#[derive(Clone)]
pub struct BroadcastListener {
    pub(super) subscribers: Arc<Mutex<Subscribers>>,
}

impl BroadcastListener {
    /// Subscribes to all topics with this prefix, as one more subscriber.
    pub fn subscribe(&self, topic: &[u8]) {
        let mut subscribers = lock(&self.subscribers);
        subscribers.topics.push(topic.to_vec());
        subscribers.changes.push_back(Subscription { topic: topic.to_vec(), on: true });
    }

    /// Ends one such subscription.
    pub fn unsubscribe(&self, topic: &[u8]) {
        let mut subscribers = lock(&self.subscribers);
        let Some(index) = subscribers.topics.iter().position(|one| one == topic) else { return };
        subscribers.topics.swap_remove(index);
        subscribers.changes.push_back(Subscription { topic: topic.to_vec(), on: false });
    }

    /// The oldest publication that was subscribed to and not yet read.
    #[must_use]
    pub fn receive(&self) -> Option<Publication> {
        lock(&self.subscribers).received.pop_front()
    }
}

#[derive(Default)]
pub(super) struct Subscribers {
    /// One entry for each subscriber.
    topics: Vec<Vec<u8>>,
    pub(super) changes: VecDeque<Subscription>,
    received: VecDeque<Publication>,
}

impl Subscribers {
    pub(super) fn publish(&mut self, topic: &[u8], sequence: u64, body: &[u8]) {
        if self.topics.iter().any(|prefix| topic.starts_with(prefix)) {
            let publication = Publication { topic: topic.to_vec(), sequence, body: body.to_vec() };
            self.received.push_back(publication);
        }
    }
}

pub(super) fn lock(subscribers: &Mutex<Subscribers>) -> MutexGuard<'_, Subscribers> {
    subscribers.lock().expect("nothing panics while it holds the lock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Broadcast;

    #[test]
    fn every_subscriber_is_announced_and_only_the_last_to_leave() {
        let (mut broadcast, listener) = Broadcast::memory();
        listener.subscribe(b"a:");
        listener.subscribe(b"a:");
        listener.unsubscribe(b"a:");
        listener.unsubscribe(b"a:");
        listener.unsubscribe(b"a:");
        let changes: Vec<bool> =
            std::iter::from_fn(|| broadcast.next_subscription()).map(|one| one.on).collect();
        assert_eq!(changes, [true, true, false, false]);
    }

    #[test]
    fn a_publication_reaches_subscribers_of_a_prefix_of_its_topic() {
        let (mut broadcast, listener) = Broadcast::memory();
        broadcast.publish(b"a:json", 0, b"without a subscriber");
        listener.subscribe(b"a:");
        broadcast.publish(b"a:json", 1, b"heard");
        broadcast.publish(b"b:json", 1, b"other");
        let heard = Publication { topic: b"a:json".to_vec(), sequence: 1, body: b"heard".to_vec() };
        assert_eq!(listener.receive(), Some(heard));
        assert_eq!(listener.receive(), None);
    }
}
