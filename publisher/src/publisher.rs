//! The publisher's duty cycle: parts in, reports out, and a heartbeat each second.

use crate::PublisherConfig;
use crate::feed::Feed;
use crate::merge::Merger;
use crate::netter::Netter;
use crate::presence::Presence;
use crate::snapshotter::Snapshotter;
use allot_runtime::{Agent, Broadcast, Counter, Counters, Hub, Link, Nanos, Waits};
use allot_wire::Heartbeat;
use allot_wire::backplane::{self, FrameKind, Interest, PartFrame, applied};
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
                Ok(part) => {
                    self.take_part(part, now);
                    true
                }
                Err(_) => false,
            },
            Some(FrameKind::Applied) => self.take_applied(&frame, now),
            Some(FrameKind::Hello) => backplane::decode_hello(&frame)
                .map(|hello| self.presence.hear(hello.shard, hello.incarnation, now))
                .is_ok(),
            _ => false,
        };
        if !understood {
            self.counters.add(Counter::FramesDropped, 1);
        }
        self.frame = frame;
    }

    fn take_part(&mut self, part: PartFrame, now: Nanos) {
        self.presence.hear(part.shard, part.incarnation, now);
        self.presence.lacks(part.shard, part.lost_inputs);
        let Some(parts) = self.snapshotter.add(part) else {
            return;
        };
        self.counters.add(Counter::ReportsDegraded, self.snapshotter.take_missed());
        self.merger.see(&parts);
        if let Some(plan) = self.netter.plan(&parts) {
            backplane::encode_plan(&plan, &mut self.spare);
            if self.router.send(&mut self.spare).is_err() {
                self.counters.add(Counter::FramesRefused, 1);
            }
        }
        if parts.first().is_some_and(|part| part.marker.report) {
            let report = self.merger.report(&parts, self.presence.degraded(now));
            self.feed.publish_report(report);
        }
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

    /// Tells the router whether anybody follows fills: when it changes, and each second.
    fn tell_interest(&mut self, again: bool) {
        let interest = Interest { fills: self.feed.hears_fills() };
        if again || interest != self.interest {
            self.interest = interest;
            backplane::encode_interest(&interest, &mut self.spare);
            if self.router.send(&mut self.spare).is_err() {
                self.counters.add(Counter::FramesRefused, 1);
            }
        }
    }

    fn beat(&mut self, now: Nanos) {
        self.heartbeat_at = now + HEARTBEAT_EVERY;
        self.tell_interest(true);
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
            self.tell_interest(false);
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

    fn wait_on<'a>(&'a self, waits: &mut Waits<'a>) {
        self.feed.wait_on(waits);
        self.shards.wait_on(waits);
        self.router.wait_on(waits);
    }
}
