//! Topics: what subscribers hear. Each topic has a sequence of its own, from 1.
//!
//! **State** topics have a last value: a new subscriber gets it at once. It is sent again under the
//! sequence that it had, so that for those who had it already nothing is missing and nothing is
//! new. **Event** topics have none.

use std::collections::BTreeMap;

use allot_domain::{ReportNumber, TopicSeq};
use allot_runtime::{Broadcast, Counter, Counters, Nanos, PollSet};

use crate::Budget;
use crate::limits::{BODY_LEN_KEPT, PUBLICATION_LEN_LEAST, SUBSCRIPTIONS_PER_TURN};
use crate::subscriptions::Subscriptions;

/// Which value of a state topic a message has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Version {
    /// The number of its report.
    pub report: ReportNumber,
    /// When its cut was made: journals that start anew give an old number to another report.
    pub time_ns: u64,
}

/// How far a topic is.
#[derive(Clone, Copy, Default)]
struct Progress {
    sequence: TopicSeq,
    version: Version,
}

/// The broadcast and the state of its topics.
pub struct Topics {
    broadcast: Broadcast,
    subscriptions: Subscriptions,
    progress: BTreeMap<Vec<u8>, Progress>,
    /// The prefixes whose last values are being published; none where a value is new.
    asked: Option<Subscriptions>,
    /// Whether the job that publishes them has begun.
    has_begun_last: bool,
    topic: Vec<u8>,
    body: Vec<u8>,
    counters: Counters,
}

impl Topics {
    pub(crate) fn new(mut broadcast: Broadcast, counters: Counters) -> Self {
        broadcast.count_into(&counters);
        Self {
            broadcast,
            subscriptions: Subscriptions::default(),
            progress: BTreeMap::new(),
            asked: None,
            has_begun_last: false,
            topic: Vec::new(),
            body: Vec::new(),
            counters,
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.broadcast.endpoint()
    }

    /// Whether subscribers take what is published: a report waits while too much is due to them.
    pub(crate) fn has_room(&self) -> bool {
        self.broadcast.has_room()
    }

    /// What the time is in this turn.
    pub(crate) fn tick(&mut self, now: Nanos) {
        self.broadcast.tick(now);
    }

    /// Lets everything that was published leave.
    pub(crate) fn flush(&mut self) {
        self.broadcast.flush();
    }

    /// When there is something to do for the connections of subscribers.
    pub(crate) fn wake_at(&self) -> Nanos {
        self.broadcast.wake_at()
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.broadcast.wait_on(poll_set);
    }

    /// Whether anybody subscribes to some topic that begins like this.
    #[must_use]
    pub fn has_listeners(&self, family: &str) -> bool {
        self.subscriptions.hears_some(family.as_bytes())
    }

    /// Takes some of what came from subscribers, and returns how much came. Those who are new are
    /// due the last values, which the caller has published between `begin_last` and `end_last`.
    pub(crate) fn take_subscriptions(&mut self) -> Subscribed {
        let mut count = 0;
        let mut asked: Vec<Vec<u8>> = Vec::new();
        while count < SUBSCRIPTIONS_PER_TURN
            && let Some(subscription) = self.broadcast.next_subscription()
        {
            count += 1;
            self.counters.add(Counter::Subscriptions, 1);
            if !self.subscriptions.set(&subscription.topic, subscription.on) {
                self.counters.add(Counter::FramesDropped, 1);
            } else if subscription.on {
                asked.push(subscription.topic);
            }
        }
        Subscribed { count, asked }
    }

    /// From here to [`Topics::end_last`] values go to those who asked for them, each topic's once
    /// however many asked.
    pub(crate) fn begin_last(&mut self, asked: Subscriptions) {
        assert!(self.asked.is_none(), "one job is under way at a time");
        if !std::mem::replace(&mut self.has_begun_last, true) {
            self.broadcast.begin_last();
        }
        self.asked = Some(asked);
    }

    /// From here on values are new; returns who asked for the last ones.
    pub(crate) fn end_last(&mut self) -> Subscriptions {
        self.asked.take().expect("last values were begun")
    }

    /// All last values that were begun are published.
    pub(crate) const fn finish_last(&mut self) {
        self.has_begun_last = false;
    }

    /// Whether this topic has a subscriber who is due what is published now.
    pub fn is_due(&mut self, topic: impl FnOnce(&mut Vec<u8>)) -> bool {
        self.choose(topic)
    }

    /// Publishes a value of a state topic. Both closures write into an empty buffer; `body` is
    /// called only if the topic has a subscriber.
    pub fn publish_state(
        &mut self,
        version: Version,
        budget: &mut Budget,
        topic: impl FnOnce(&mut Vec<u8>),
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        budget.spend(PUBLICATION_LEN_LEAST);
        if !self.choose(topic) {
            return;
        }
        body(&mut self.body);
        budget.spend(self.body.len());
        let progress = self.progress.entry(self.topic.clone()).or_default();
        if progress.sequence == TopicSeq::default() || progress.version != version {
            *progress = Progress { sequence: progress.sequence.next(), version };
        }
        let sequence = progress.sequence;
        if self.asked.is_some() {
            self.broadcast.publish_last(&self.topic, sequence.get(), &self.body);
        } else {
            self.broadcast.publish_state(&self.topic, sequence.get(), &self.body);
        }
        self.counters.add(Counter::Published, 1);
        self.body.clear();
        self.body.shrink_to(BODY_LEN_KEPT);
    }

    /// Publishes an event. Both closures write into an empty buffer; `body` is called only if
    /// the topic has a subscriber.
    pub fn publish_event(
        &mut self,
        topic: impl FnOnce(&mut Vec<u8>),
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        if !self.choose(topic) {
            return;
        }
        body(&mut self.body);
        let progress = match self.progress.get_mut(&self.topic) {
            Some(progress) => progress,
            None => self.progress.entry(self.topic.clone()).or_default(),
        };
        // Not `next`, which checks for the end of the integers: this is done for every event.
        progress.sequence = TopicSeq::new(progress.sequence.get() + 1);
        let sequence = progress.sequence;
        self.send(sequence);
    }

    /// Publishes an event that a shard has numbered: the number counts on whether or not anybody
    /// listens, and through restarts of every box. Both closures write into an empty buffer; `body`
    /// is called only if the topic has a subscriber.
    pub fn publish_numbered(
        &mut self,
        number: TopicSeq,
        topic: impl FnOnce(&mut Vec<u8>),
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.choose(topic) {
            body(&mut self.body);
            self.send(number);
        }
    }

    /// Some events were lost on the way: every subscriber of this family sees a gap.
    pub(crate) fn skip_events(&mut self, family: &str) {
        let of_family =
            self.progress.iter_mut().filter(|(topic, _)| topic.starts_with(family.as_bytes()));
        of_family.for_each(|(_, progress)| progress.sequence = progress.sequence.next());
    }

    /// Writes the topic, clears the body, and tells whether the topic has a subscriber and is
    /// asked for.
    fn choose(&mut self, topic: impl FnOnce(&mut Vec<u8>)) -> bool {
        self.topic.clear();
        topic(&mut self.topic);
        self.body.clear();
        let is_asked = |asked: &Subscriptions| asked.hears(&self.topic);
        self.asked.as_ref().is_none_or(is_asked) && self.subscriptions.hears(&self.topic)
    }

    fn send(&mut self, sequence: TopicSeq) {
        assert!(TopicSeq::default() < sequence, "sequences count up from 1");
        self.broadcast.publish(&self.topic, sequence.get(), &self.body);
        self.counters.add(Counter::Published, 1);
    }
}

/// What came from subscribers in one turn.
pub(crate) struct Subscribed {
    /// How much.
    pub(crate) count: usize,
    /// The prefixes of the new subscriptions.
    pub(crate) asked: Vec<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use allot_runtime::{BroadcastListener, Publication};

    use super::*;

    fn topics() -> (Topics, BroadcastListener) {
        let (broadcast, listener) = Broadcast::memory();
        (Topics::new(broadcast, Counters::new()), listener)
    }

    fn publish(topics: &mut Topics, report: u64, time_ns: u64) {
        let topic = |out: &mut Vec<u8>| out.extend_from_slice(b"state:json");
        let version = Version { report: ReportNumber::new(report), time_ns };
        topics.publish_state(version, &mut Budget::of_turn(), topic, |out| out.push(b'x'));
    }

    /// One turn of a publisher whose last report is number 1; returns how much came.
    fn turn(topics: &mut Topics) -> usize {
        let Subscribed { count, asked } = topics.take_subscriptions();
        let mut prefixes = Subscriptions::default();
        asked.iter().for_each(|prefix| assert!(prefixes.set(prefix, true)));
        if !prefixes.is_empty() {
            topics.begin_last(prefixes);
            publish(topics, 1, 1);
            topics.end_last();
            topics.finish_last();
        }
        count
    }

    fn sequences(listener: &BroadcastListener) -> Vec<u64> {
        std::iter::from_fn(|| listener.receive())
            .map(|Publication { sequence, .. }| sequence)
            .collect()
    }

    #[test]
    fn many_subscriptions_get_the_last_value_once_a_turn() {
        let (mut topics, listener) = topics();
        publish(&mut topics, 1, 1);
        for _ in 0..SUBSCRIPTIONS_PER_TURN + 3 {
            listener.subscribe(b"state:json");
        }
        assert_eq!(turn(&mut topics), SUBSCRIPTIONS_PER_TURN);
        assert_eq!(sequences(&listener), [1]);
        assert_eq!(turn(&mut topics), 3);
        assert_eq!(sequences(&listener), [1], "nothing is missing and nothing is new");
        assert_eq!(turn(&mut topics), 0);
        assert!(sequences(&listener).is_empty());
    }

    #[test]
    fn a_subscription_to_another_topic_brings_nothing() {
        let (mut topics, listener) = topics();
        listener.subscribe(b"state:json");
        turn(&mut topics);
        assert_eq!(sequences(&listener), [1]);
        listener.subscribe(b"other:");
        turn(&mut topics);
        assert!(sequences(&listener).is_empty());
    }

    #[test]
    fn an_endless_prefix_is_dropped_and_counted() {
        let (mut topics, listener) = topics();
        listener.subscribe(&[b'p'; 1_000]);
        assert_eq!(turn(&mut topics), 1);
        assert_eq!(topics.counters.get(Counter::FramesDropped), 1);
        assert!(sequences(&listener).is_empty());
    }

    #[test]
    fn an_old_number_of_journals_that_started_anew_is_a_new_report() {
        let (mut topics, listener) = topics();
        listener.subscribe(b"state:json");
        topics.take_subscriptions();
        publish(&mut topics, 1, 1);
        publish(&mut topics, 1, 1);
        publish(&mut topics, 1, 2);
        assert_eq!(sequences(&listener), [1, 1, 2]);
    }

    #[test]
    fn lost_events_are_a_gap_for_those_who_heard_some() {
        let (mut topics, listener) = topics();
        listener.subscribe(b"events:a:");
        turn(&mut topics);
        let publish = |topics: &mut Topics| {
            let topic = |out: &mut Vec<u8>| out.extend_from_slice(b"events:a:json");
            topics.publish_event(topic, |out| out.push(b'x'));
        };
        publish(&mut topics);
        topics.skip_events("other:");
        publish(&mut topics);
        topics.skip_events("events:");
        publish(&mut topics);
        assert_eq!(sequences(&listener), [1, 2, 4]);
    }
}
