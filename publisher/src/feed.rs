//! Feed: what subscribers hear. Each topic has a sequence of its own, from 1.
//!
//! The **snapshot** topics (`positions:`, `account:`) have a last value: who subscribes gets it at
//! once. It is sent again under the sequence that it had, so that for those who had it already
//! nothing is missing and nothing is new.

use crate::subscriptions::Subscriptions;
use allot_runtime::{Broadcast, Counter, Counters, Waits};
use allot_wire::{Encoding, Heartbeat, Reply, Report, Topic, encode_reply_message};
use std::collections::BTreeMap;

/// The two encodings of every topic but the heartbeat's.
const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::Binary];

/// Where a topic stands.
#[derive(Clone, Copy, Default)]
struct Place {
    sequence: u64,
    /// The report that the last message told of.
    report: u64,
}

/// The XPUB socket and the state of its topics.
pub(crate) struct Feed {
    broadcast: Broadcast,
    subscriptions: Subscriptions,
    places: BTreeMap<Vec<u8>, Place>,
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
            places: BTreeMap::new(),
            last: None,
            topic: Vec::new(),
            body: Vec::new(),
            counters,
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.broadcast.endpoint()
    }

    pub(crate) fn wait_on<'a>(&'a self, waits: &mut Waits<'a>) {
        self.broadcast.wait_on(waits);
    }

    /// The number of the last report.
    pub(crate) fn last_report(&self) -> u64 {
        self.last.as_ref().map_or(0, |report| report.report)
    }

    /// Whether anybody follows fills.
    pub(crate) fn hears_fills(&self) -> bool {
        self.subscriptions.hears_some(Topic::FILLS.as_bytes())
    }

    /// Takes what came from subscribers; new ones get the last values. Returns how many there were.
    pub(crate) fn take_subscriptions(&mut self) -> usize {
        let mut count = 0;
        while let Some(subscription) = self.broadcast.next_subscription() {
            count += 1;
            self.counters.add(Counter::Subscriptions, 1);
            self.subscriptions.set(subscription.topic.clone(), subscription.on);
            if subscription.on {
                let only = |topic: &[u8]| topic.starts_with(&subscription.topic);
                self.publish_snapshots(only);
            }
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
                self.send_snapshot(report.report);
            }
            if !self.subscriptions.hears_some(Topic::ACCOUNTS.as_bytes()) {
                continue;
            }
            for (at, account) in report.accounts.iter().enumerate() {
                if self.choose(&Topic::Account(&account.id, encoding), &asked_for) {
                    report.encode_account(at, encoding, &mut self.body);
                    self.send_snapshot(report.report);
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
        for (_, place) in
            self.places.iter_mut().filter(|(topic, _)| topic.starts_with(Topic::FILLS.as_bytes()))
        {
            place.sequence += 1;
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

    fn send_snapshot(&mut self, report: u64) {
        let place = self.places.entry(self.topic.clone()).or_default();
        if place.sequence == 0 || place.report != report {
            *place = Place { sequence: place.sequence + 1, report };
        }
        let sequence = place.sequence;
        self.send(sequence);
    }

    fn send_next(&mut self) {
        if !self.places.contains_key(&self.topic) {
            self.places.insert(self.topic.clone(), Place::default());
        }
        let place = self.places.get_mut(&self.topic).expect("inserted just now");
        place.sequence += 1;
        let sequence = place.sequence;
        self.send(sequence);
    }

    fn send(&mut self, sequence: u64) {
        self.broadcast.publish(&self.topic, sequence, &self.body);
        self.counters.add(Counter::Published, 1);
    }
}
