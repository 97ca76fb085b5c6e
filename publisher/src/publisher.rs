//! The publisher's duty cycle: parts in, reports out, and a heartbeat each second.

use crate::PublisherConfig;
use crate::feed::Feed;
use crate::merge::Merger;
use crate::netter::Netter;
use crate::presence::Presence;
use crate::snapshotter::Snapshotter;
use allot_domain::Part;
use allot_runtime::{Agent, Broadcast, Counter, Counters, Hub, Link, Nanos, PollSet};
use allot_wire::Heartbeat;
use allot_wire::backplane::{self, FrameKind, Hello, Interest, PartFrame, applied};
use std::time::Duration;

/// How many frames of the shards are taken in one turn; other agents may share the thread.
const FRAMES_PER_TURN: usize = 64;

/// How often subscribers hear that the publisher is there.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// The position feed, as an agent.
pub struct Publisher {
    config: PublisherConfig,
    shards: Hub,
    router: Link,
    feed: Feed,
    presence: Presence,
    snapshotter: Snapshotter,
    merger: Merger,
    netter: Netter,
    frame: Vec<u8>,
    spare: Vec<u8>,
    interest: Interest,
    heartbeat_at: Nanos,
    counters: Counters,
}

impl Publisher {
    /// A publisher with its feed, and its links to the shards and to the router.
    ///
    /// # Panics
    /// If the hub has not one peer for each shard.
    #[must_use]
    pub fn new(
        config: PublisherConfig,
        feed: Broadcast,
        mut shards: Hub,
        mut router: Link,
        counters: Counters,
    ) -> Self {
        assert!(shards.peers() == config.shards, "a peer for each shard");
        shards.count_into(&counters);
        router.count_into(&counters);
        Self {
            feed: Feed::new(feed, counters.clone()),
            presence: Presence::new(config.shards),
            snapshotter: Snapshotter::new(config.shards),
            merger: Merger::default(),
            netter: Netter::default(),
            frame: Vec::new(),
            spare: Vec::new(),
            interest: Interest { fills: false },
            heartbeat_at: Nanos::ZERO,
            config,
            shards,
            router,
            counters,
        }
    }

    /// Where subscribers connect to, with the real port.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.feed.endpoint()
    }

    fn take_frame(&mut self, now: Nanos) {
        let frame = std::mem::take(&mut self.frame);
        let understood = match backplane::kind(&frame) {
            Some(FrameKind::Part) => match backplane::decode_part(&frame) {
                Ok(part) => self.take_part(part, now),
                Err(_) => false,
            },
            Some(FrameKind::Applied) => self.take_applied(&frame, now),
            Some(FrameKind::Hello) => {
                backplane::decode_hello(&frame).map(|hello| self.take_hello(&hello, now)).is_ok()
            }
            _ => false,
        };
        if !understood {
            self.counters.add(Counter::FramesDropped, 1);
        }
        self.frame = frame;
    }

    fn take_hello(&mut self, hello: &Hello, now: Nanos) {
        self.presence.hear(hello.shard, hello.incarnation, now);
        self.presence.is_full(hello.shard, hello.full);
        // A shard that has just begun, or that had no room for it, hears of it here.
        if let Ok(shard) = usize::try_from(hello.shard)
            && shard < self.config.shards
        {
            self.send_interest(shard);
        }
    }

    /// Takes a shard's part; false if it is of another number of shards, and so of other tickers.
    fn take_part(&mut self, part: PartFrame, now: Nanos) -> bool {
        self.presence.hear(part.shard, part.incarnation, now);
        if !self.presence.is_of(part.shard, part.shards) {
            return false;
        }
        self.presence.lacks(part.shard, part.lost_inputs);
        if let Some(frames) = self.snapshotter.add(part) {
            let routed: u64 = frames.iter().map(|frame| frame.routed).sum();
            let splits = frames.iter().map(|frame| frame.splits).max().unwrap_or(0);
            let parts: Vec<_> = frames.into_iter().map(|frame| frame.part).collect();
            self.take_cut(routed + splits, &parts, now);
        }
        true
    }

    /// Takes the parts of a complete cut: what becomes of them is a netting, a report, both, none.
    fn take_cut(&mut self, cut: u64, parts: &[Part], now: Nanos) {
        self.count_missed();
        self.presence.compare(parts);
        self.merger.see(parts);
        if let Some(plan) = self.netter.plan(parts) {
            backplane::encode_plan(&plan, &mut self.spare);
            if self.router.send(&mut self.spare).is_err() {
                self.counters.add(Counter::FramesRefused, 1);
            }
        }
        if parts.first().is_some_and(|part| part.marker.report) {
            let report = self.merger.report(cut, parts, self.presence.degraded(now));
            self.feed.publish_report(report);
        }
    }

    /// Counts the reports that will not be made; at each heartbeat too, for no cut is complete
    /// while a shard is away.
    fn count_missed(&mut self) {
        self.counters.add(Counter::ReportsDegraded, self.snapshotter.take_missed());
    }

    fn take_applied(&mut self, frame: &[u8], now: Nanos) -> bool {
        let Ok(stream) = applied::read(frame) else {
            return false;
        };
        if !self.presence.follow(stream.shard, stream.incarnation, stream.number) {
            self.feed.skip_fills();
        }
        self.presence.hear(stream.shard, stream.incarnation, now);
        for fill in stream {
            match fill {
                Ok(fill) => self.feed.publish_fill(&fill),
                Err(_) => return false,
            }
        }
        true
    }

    /// Tells the shards when somebody begins to follow fills, or nobody does any more.
    fn tell_interest(&mut self) {
        let interest = Interest { fills: self.feed.hears_fills() };
        if interest != self.interest {
            self.interest = interest;
            (0..self.config.shards).for_each(|shard| self.send_interest(shard));
        }
    }

    /// Tells a shard whether anybody follows fills; one that has no room hears of it again.
    fn send_interest(&mut self, shard: usize) {
        backplane::encode_interest(&self.interest, &mut self.spare);
        if self.shards.send(shard, &mut self.spare).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
    }

    fn beat(&mut self, now: Nanos) {
        self.heartbeat_at = now + HEARTBEAT_EVERY;
        self.count_missed();
        self.feed.publish_heartbeat(&Heartbeat {
            time_ns: now.as_unix(),
            incarnation: self.config.incarnation,
            report: self.feed.last_report(),
            shards: u32::try_from(self.config.shards).expect("at most SHARDS_MAX"),
            degraded: self.presence.degraded(now),
        });
    }
}

impl Agent for Publisher {
    fn role(&self) -> &str {
        "publisher"
    }

    fn start(&mut self, now: Nanos) {
        self.presence.start(now);
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        let mut work_count = self.feed.take_subscriptions();
        if work_count > 0 {
            self.tell_interest();
        }
        for _ in 0..FRAMES_PER_TURN {
            if self.shards.receive(&mut self.frame).is_none() {
                break;
            }
            self.take_frame(now);
            work_count += 1;
        }
        if now >= self.heartbeat_at {
            self.beat(now);
        }
        // Nobody speaks to the publisher over this link, but what comes must not pile up.
        while self.router.receive(&mut self.frame) {
            work_count += 1;
        }
        work_count
    }

    fn wake_at(&self) -> Nanos {
        self.heartbeat_at
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.feed.wait_on(poll_set);
        self.shards.wait_on(poll_set);
        self.router.wait_on(poll_set);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_domain::{Book, BookConfig, Marker};
    use allot_runtime::{Waker, ring_pair};

    /// A publisher of two shards, their ends of the links, and the router's.
    fn publisher() -> (Publisher, Vec<Link>, Link) {
        let link = || ring_pair(64, &Waker::silent(), &Waker::silent());
        let (ours, shards) = (0..2).map(|_| link()).unzip();
        let (router, routers_end) = link();
        let config = PublisherConfig { shards: 2, incarnation: 1 };
        let feed = Broadcast::memory().0;
        let hub = Hub::rings(ours);
        (Publisher::new(config, feed, hub, router, Counters::new()), shards, routers_end)
    }

    fn send_part(shard: &mut Link, shards: u32, number: u64) {
        let marker = Marker { number, time_ns: 0, report: true };
        let part = Book::new(BookConfig { history: 1, ..BookConfig::default() }).part(&marker);
        let part = PartFrame {
            shard: 1,
            shards,
            incarnation: 1,
            lost_inputs: 0,
            routed: 0,
            splits: 0,
            part,
        };
        let mut frame = Vec::new();
        backplane::encode_part(&part, &mut frame);
        shard.send(&mut frame).unwrap();
    }

    #[test]
    fn the_part_of_another_number_of_shards_is_dropped_and_told_of() {
        let (mut publisher, mut shards, _router) = publisher();
        send_part(&mut shards[1], 4, 1);
        publisher.do_work(Nanos::ZERO);
        assert_eq!(publisher.counters.get(Counter::FramesDropped), 1);
        assert_eq!(publisher.presence.degraded(Nanos::ZERO).len(), 1);
        send_part(&mut shards[1], 2, 2);
        publisher.do_work(Nanos::ZERO);
        assert_eq!(publisher.counters.get(Counter::FramesDropped), 1);
        assert!(publisher.presence.degraded(Nanos::ZERO).is_empty());
    }

    #[test]
    fn reports_are_missed_though_no_cut_is_ever_complete() {
        let (mut publisher, mut shards, _router) = publisher();
        for number in 1..=1_000 {
            send_part(&mut shards[1], 2, number);
            publisher.do_work(Nanos::ZERO);
        }
        publisher.do_work(Nanos::ZERO + HEARTBEAT_EVERY);
        assert!(publisher.counters.get(Counter::ReportsDegraded) > 0);
    }
}
