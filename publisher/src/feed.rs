//! Feed: what subscribers hear. Each topic has a sequence of its own, from 1.
//!
//! The **snapshot** topics (`positions:`, `account:`) have a last value: who subscribes gets it at
//! once. It is sent again under the sequence that it had, so that for those who had it already
//! nothing is missing and nothing is new.

use crate::subscriptions::Subscriptions;
use allot_runtime::{Broadcast, Counter, Counters, PollSet};
use allot_wire::{Encoding, Heartbeat, Reply, Report, Topic, encode_reply_message};
use std::collections::BTreeMap;

/// The two encodings of every topic but the heartbeat's.
const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Binary];

/// How many subscriptions are taken in one turn: one last value then answers them all.
const SUBSCRIPTIONS_PER_TURN: usize = 64;

/// Where a topic stands.
#[derive(Clone, Copy, Default)]
struct Standing {
    sequence: u64,
    /// The report that the last message told of.
    report: u64,
    /// When its cut was made: a firm that starts anew gives an old number to another report.
    time_ns: u64,
}

/// The XPUB socket and the state of its topics.
pub(crate) struct Feed {
    broadcast: Broadcast,
    subscriptions: Subscriptions,
    standings: BTreeMap<Vec<u8>, Standing>,
    last: Option<Report>,
    topic: Vec<u8>,
    body: Vec<u8>,
    counters: Counters,
}

impl Feed {
    pub(crate) fn new(broadcast: Broadcast, counters: Counters) -> Self {
        Self {
            broadcast,
            subscriptions: Subscriptions::default(),
            standings: BTreeMap::new(),
            last: None,
            topic: Vec::new(),
            body: Vec::new(),
            counters,
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.broadcast.endpoint()
    }

    pub(crate) fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.broadcast.wait_on(poll_set);
    }

    /// The number of the last report.
    pub(crate) fn last_report(&self) -> u64 {
        self.last.as_ref().map_or(0, |report| report.report)
    }

    /// Whether anybody follows fills.
    pub(crate) fn hears_fills(&self) -> bool {
        self.subscriptions.hears_some(Topic::FILLS.as_bytes())
    }

    /// Takes some of what came from subscribers; new ones get the last values, each topic's once
    /// however many asked for it. Returns how much came.
    pub(crate) fn take_subscriptions(&mut self) -> usize {
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
        if !asked.is_empty() {
            self.publish_snapshots(|topic| asked.iter().any(|prefix| topic.starts_with(prefix)));
        }
        count
    }

    /// Tells of a new report.
    pub(crate) fn publish_report(&mut self, report: Report) {
        self.last = Some(report);
        self.counters.add(Counter::Reports, 1);
        self.publish_snapshots(|_| true);
    }

    /// Tells of the last report on the snapshot topics that are heard and asked for.
    fn publish_snapshots(&mut self, asked_for: impl Fn(&[u8]) -> bool) {
        let Some(report) = self.last.take() else {
            return;
        };
        for encoding in ENCODINGS {
            if self.choose(&Topic::Positions(encoding), &asked_for) {
                report.encode(encoding, &mut self.body);
                self.send_snapshot(report.report, report.time_ns);
            }
            if !self.subscriptions.hears_some(Topic::ACCOUNTS.as_bytes()) {
                continue;
            }
            for (at, account) in report.accounts.iter().enumerate() {
                if self.choose(&Topic::Account(&account.id, encoding), &asked_for) {
                    report.encode_account(at, encoding, &mut self.body);
                    self.send_snapshot(report.report, report.time_ns);
                }
            }
        }
        self.last = Some(report);
    }

    /// Tells of a fill that was allocated or busted.
    pub(crate) fn publish_fill(&mut self, fill: &Reply) {
        let Some(ticker) = fill.ticker() else {
            return;
        };
        for encoding in ENCODINGS {
            if self.choose(&Topic::Fills(ticker, encoding), |_| true) {
                encode_reply_message(encoding, fill, &mut self.body);
                self.send_next();
            }
        }
    }

    /// Some fills were lost on the way: every follower of fills sees a gap.
    pub(crate) fn skip_fills(&mut self) {
        let fills = Topic::FILLS.as_bytes();
        for (_, standing) in self.standings.iter_mut().filter(|(topic, _)| topic.starts_with(fills))
        {
            standing.sequence += 1;
        }
    }

    /// Says that the publisher is there.
    pub(crate) fn publish_heartbeat(&mut self, heartbeat: &Heartbeat) {
        if self.choose(&Topic::Heartbeat, |_| true) {
            heartbeat.encode(Encoding::Json, &mut self.body);
            self.send_next();
        }
    }

    /// Writes the topic, and clears the body, if somebody hears it and it is asked for.
    fn choose(&mut self, topic: &Topic<'_>, asked_for: impl Fn(&[u8]) -> bool) -> bool {
        self.topic.clear();
        topic.write(&mut self.topic);
        self.body.clear();
        self.subscriptions.hears(&self.topic) && asked_for(&self.topic)
    }

    fn send_snapshot(&mut self, report: u64, time_ns: u64) {
        let standing = self.standings.entry(self.topic.clone()).or_default();
        let told_before = (standing.report, standing.time_ns) == (report, time_ns);
        if standing.sequence == 0 || !told_before {
            *standing = Standing { sequence: standing.sequence + 1, report, time_ns };
        }
        let sequence = standing.sequence;
        self.send(sequence);
    }

    fn send_next(&mut self) {
        if !self.standings.contains_key(&self.topic) {
            self.standings.insert(self.topic.clone(), Standing::default());
        }
        let standing = self.standings.get_mut(&self.topic).expect("inserted just now");
        standing.sequence += 1;
        let sequence = standing.sequence;
        self.send(sequence);
    }

    fn send(&mut self, sequence: u64) {
        self.broadcast.publish(&self.topic, sequence, &self.body);
        self.counters.add(Counter::Published, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::Money;
    use allot_runtime::{BroadcastListener, Publication};

    fn report(number: u64, time_ns: u64) -> Report {
        Report {
            report: number,
            cut: 0,
            split: 0,
            time_ns,
            fills: 0,
            held: 0,
            total_value: Money::ZERO,
            accounts: Vec::new(),
            tracking: None,
            degraded: Vec::new(),
        }
    }

    fn feed() -> (Feed, BroadcastListener) {
        let (broadcast, listener) = Broadcast::memory();
        (Feed::new(broadcast, Counters::new()), listener)
    }

    fn sequences(listener: &BroadcastListener) -> Vec<u64> {
        std::iter::from_fn(|| listener.receive())
            .map(|Publication { sequence, .. }| sequence)
            .collect()
    }

    #[test]
    fn many_subscriptions_get_the_last_value_once_a_turn() {
        let (mut feed, listener) = feed();
        feed.publish_report(report(1, 1));
        for _ in 0..SUBSCRIPTIONS_PER_TURN + 3 {
            listener.subscribe(b"positions:json");
        }
        assert_eq!(feed.take_subscriptions(), SUBSCRIPTIONS_PER_TURN);
        assert_eq!(sequences(&listener), [1]);
        assert_eq!(feed.take_subscriptions(), 3);
        assert_eq!(sequences(&listener), [1], "nothing is missing and nothing is new");
        assert_eq!(feed.take_subscriptions(), 0);
        assert!(sequences(&listener).is_empty());
    }

    #[test]
    fn an_endless_prefix_is_dropped_and_counted() {
        let (mut feed, listener) = feed();
        feed.publish_report(report(1, 1));
        listener.subscribe(&[b'p'; 1_000]);
        assert_eq!(feed.take_subscriptions(), 1);
        assert_eq!(feed.counters.get(Counter::FramesDropped), 1);
        assert!(sequences(&listener).is_empty());
    }

    #[test]
    fn an_old_number_of_a_firm_that_started_anew_is_a_new_report() {
        let (mut feed, listener) = feed();
        listener.subscribe(b"positions:json");
        feed.take_subscriptions();
        feed.publish_report(report(1, 1));
        feed.publish_report(report(1, 1));
        feed.publish_report(report(1, 2));
        assert_eq!(sequences(&listener), [1, 1, 2]);
    }
}
