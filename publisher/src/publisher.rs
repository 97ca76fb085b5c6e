//! The publisher's duty cycle: parts and events in, reports out, and a heartbeat each second.

use allot_domain::{ReportNumber, ShardId, Step};
use allot_runtime::{Agent, Broadcast, Counter, Counters, Hub, Link, Nanos, PollSet};
use allot_wire::backplane::{
    self, FrameKind, Hello, Interest, PartFrame, encode_feedback, encode_interest, encode_reported,
    events,
};
use allot_wire::{Encoding, HEARTBEAT, Heartbeat};

use crate::cut::{Collected, CutCollector};
use crate::jobs::{Jobs, Purpose, Work};
use crate::limits::{FRAMES_LEN_PER_TURN, FRAMES_PER_TURN, HEARTBEAT_EVERY, ROOM_RETRY};
use crate::shard_monitor::ShardMonitor;
use crate::topics::{Subscribed, Topics};
use crate::{Budget, Cut, Made, PublisherConfig, View};

/// What subscribers hear, as an agent.
pub struct Publisher<V: View> {
    config: PublisherConfig,
    shards: Hub,
    router: Link,
    topics: Topics,
    monitor: ShardMonitor,
    collector: CutCollector<V::Part>,
    view: V::State,
    jobs: Jobs<V>,
    frame: Vec<u8>,
    spare: Vec<u8>,
    interest: Interest,
    heartbeat_at: Nanos,
    now: Nanos,
    counters: Counters,
}

impl<V: View> Publisher<V> {
    /// A publisher with its socket, and its links to the shards and to the router.
    ///
    /// # Panics
    /// If the hub has not one peer for each shard.
    #[must_use]
    pub fn new(
        config: PublisherConfig,
        broadcast: Broadcast,
        mut shards: Hub,
        mut router: Link,
        counters: Counters,
    ) -> Self {
        assert!(shards.peers() == config.shards, "a peer for each shard");
        shards.count_into(&counters);
        router.count_into(&counters);
        Self {
            topics: Topics::new(broadcast, counters.clone()),
            monitor: ShardMonitor::new(config.shards),
            collector: CutCollector::new(config.shards),
            view: V::State::default(),
            jobs: Jobs::new(),
            frame: Vec::new(),
            spare: Vec::new(),
            interest: Interest { events: false },
            heartbeat_at: Nanos::ZERO,
            now: Nanos::ZERO,
            config,
            shards,
            router,
            counters,
        }
    }

    /// Where subscribers connect to, with the real port.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.topics.endpoint()
    }

    fn on_frame(&mut self, now: Nanos) {
        let frame = std::mem::take(&mut self.frame);
        let understood = match backplane::kind(&frame) {
            Some(FrameKind::Part) => self.on_part(&frame, now),
            Some(FrameKind::Events) => self.on_events(&frame, now),
            Some(FrameKind::Hello) => {
                backplane::decode_hello(&frame).map(|hello| self.on_hello(&hello, now)).is_ok()
            }
            _ => false,
        };
        if !understood {
            self.counters.add(Counter::FramesDropped, 1);
        }
        self.frame = frame;
    }

    fn on_hello(&mut self, hello: &Hello, now: Nanos) {
        self.monitor.hear(hello.shard, hello.incarnation, now);
        self.monitor.is_full(hello.shard, hello.full);
        self.monitor.is_of_ledger(hello.shard, hello.ledger);
        // A shard that has just begun, or that had no room for it, hears of it here.
        if hello.shard.index() < self.config.shards {
            self.send_interest(hello.shard);
        }
    }

    /// Takes a shard's part; false if it cannot be read, or is of another number of shards, and so
    /// of other keys.
    fn on_part(&mut self, frame: &[u8], now: Nanos) -> bool {
        let Ok(PartFrame { head, body }) = backplane::decode_part(frame) else {
            return false;
        };
        let Ok(part) = V::read_part(body) else {
            return false;
        };
        self.monitor.hear(head.shard, head.incarnation, now);
        if !self.monitor.is_of(head.shard, head.shards) {
            return false;
        }
        self.monitor.lost(head.shard, head.lost_inputs);
        self.monitor.is_of_ledger(head.shard, head.ledger);
        if let Some(collected) = self.collector.add(head, part) {
            self.on_cut(collected, now);
        }
        true
    }

    /// Takes the parts of a complete cut: what becomes of them is feedback, a report, both,
    /// neither.
    fn on_cut(&mut self, collected: Vec<Collected<V::Part>>, now: Nanos) {
        self.count_missed();
        let heads = || collected.iter().map(|collected| &collected.head);
        let marker = heads().next().expect("there is a shard").marker;
        assert!(heads().all(|head| head.marker == marker), "a cut is made of parts of one marker");
        let keyed = heads().fold(0, |sum: u64, head| sum.saturating_add(head.keyed));
        let to_all = heads().map(|head| head.to_all).max().unwrap_or(0);
        let parts: Vec<_> = collected.into_iter().map(|collected| collected.part).collect();
        self.monitor.lack(V::compare(&parts));
        let degraded = if marker.report { self.monitor.degraded(now) } else { Vec::new() };
        let inputs = keyed.saturating_add(to_all);
        let cut = Cut { marker, inputs, ledger: self.monitor.ledger(), parts, degraded };
        let Made { feedback, job, warnings } = V::on_cut(&mut self.view, cut);
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        if let Some(feedback) = feedback {
            encode_feedback(&feedback, &mut self.spare);
            self.send_to_router();
        }
        let report = ReportNumber::new(marker.number);
        if let Some(overtaken) = job.and_then(|job| self.jobs.add_report(report, job)) {
            self.counters.add(Counter::ReportsSkipped, 1);
            self.end_report(overtaken);
        }
    }

    fn send_to_router(&mut self) {
        if self.router.send(&mut self.spare).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
    }

    /// Tells the router that the next report may be asked for.
    fn end_report(&mut self, report: ReportNumber) {
        encode_reported(report, &mut self.spare);
        self.send_to_router();
    }

    /// Makes and publishes what is due, as far as one turn goes; returns how much that was.
    fn resume_jobs(&mut self) -> usize {
        let mut budget = Budget::of_turn();
        let mut work_count = 0;
        while !budget.is_spent() && self.topics.has_room() {
            let Some(work) = self.jobs.take(&self.view) else {
                break;
            };
            work_count += 1;
            self.resume_job(work, &mut budget);
        }
        work_count
    }

    fn resume_job(&mut self, work: Work<V>, budget: &mut Budget) {
        let Work { mut job, purpose } = work;
        let (step, purpose) = match purpose {
            Purpose::Report(_) => {
                (V::resume(&mut self.view, &mut job, &mut self.topics, budget), purpose)
            }
            Purpose::Last(asked) => {
                self.topics.begin_last(asked);
                let step = V::resume(&mut self.view, &mut job, &mut self.topics, budget);
                (step, Purpose::Last(self.topics.end_last()))
            }
        };
        match (step, purpose) {
            (Step::Pending, purpose) => self.jobs.put_back(Work { job, purpose }),
            (Step::Done, Purpose::Report(report)) => {
                self.counters.add(Counter::Reports, 1);
                self.end_report(report);
            }
            (Step::Done, Purpose::Last(_)) => self.topics.finish_last(),
        }
    }

    /// Counts the reports that will not be made; at each heartbeat too, for no cut is complete
    /// while a shard is away.
    fn count_missed(&mut self) {
        self.counters.add(Counter::ReportsDegraded, self.collector.take_missed());
    }

    fn on_events(&mut self, frame: &[u8], now: Nanos) -> bool {
        let Ok(events) = events::read(frame) else {
            return false;
        };
        if !self.monitor.follow(events.shard, events.incarnation, events.number) {
            self.topics.skip_events(V::EVENTS);
        }
        self.monitor.hear(events.shard, events.incarnation, now);
        for event in events {
            let told = event.and_then(|event| V::on_event(&mut self.view, event, &mut self.topics));
            if told.is_err() {
                return false;
            }
        }
        true
    }

    fn take_frames(&mut self, now: Nanos) -> usize {
        let (mut count, mut len) = (0, 0);
        while count < FRAMES_PER_TURN
            && len < FRAMES_LEN_PER_TURN
            && self.shards.receive(&mut self.frame).is_some()
        {
            len += self.frame.len();
            self.on_frame(now);
            count += 1;
        }
        count
    }

    /// Takes what came from subscribers; new ones are due the last values. Returns how much came.
    fn take_subscriptions(&mut self) -> usize {
        let Subscribed { count, asked } = self.topics.take_subscriptions();
        asked.iter().for_each(|prefix| self.jobs.ask(prefix));
        if 0 < count {
            self.tell_interest();
        }
        count
    }

    /// Tells the shards when the first subscriber to events comes, or the last one goes.
    fn tell_interest(&mut self) {
        let interest = Interest { events: self.topics.has_listeners(V::EVENTS) };
        if interest != self.interest {
            self.interest = interest;
            (0..self.config.shards).for_each(|shard| self.send_interest(ShardId::at(shard)));
        }
    }

    /// Tells a shard whether anybody subscribes to events; one that has no room hears of it again.
    fn send_interest(&mut self, shard: ShardId) {
        encode_interest(&self.interest, &mut self.spare);
        if self.shards.send(shard.index(), &mut self.spare).is_err() {
            self.counters.add(Counter::FramesRefused, 1);
        }
    }

    fn beat(&mut self, now: Nanos) {
        self.heartbeat_at = now + HEARTBEAT_EVERY;
        self.count_missed();
        let heartbeat = Heartbeat {
            time_ns: now.as_unix(),
            incarnation: self.config.incarnation,
            ledger: self.monitor.ledger(),
            report: V::last_report(&self.view),
            shards: ShardId::at(self.config.shards).get(),
            degraded: self.monitor.degraded(now),
        };
        let topic = |out: &mut Vec<u8>| out.extend_from_slice(HEARTBEAT.as_bytes());
        self.topics.publish_event(topic, |out| heartbeat.encode(Encoding::Json, out));
    }
}

impl<V: View> Agent for Publisher<V> {
    fn role(&self) -> &str {
        "publisher"
    }

    fn start(&mut self, now: Nanos) {
        self.monitor.start(now);
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.now = now;
        self.topics.tick(now);
        self.shards.tick(now);
        self.router.tick(now);
        let mut work_count = self.take_subscriptions();
        work_count += self.take_frames(now);
        work_count += self.resume_jobs();
        if self.heartbeat_at <= now {
            self.beat(now);
        }
        // The router sends nothing over this link, but what comes must not pile up.
        while self.router.receive(&mut self.frame) {
            work_count += 1;
        }
        self.topics.flush();
        self.shards.flush();
        self.router.flush();
        work_count
    }

    fn wake_at(&self) -> Nanos {
        let waits = !self.jobs.is_idle() && !self.topics.has_room();
        let room_at = if waits { self.now + ROOM_RETRY } else { Nanos::MAX };
        let link_at = self.shards.wake_at().min(self.router.wake_at());
        self.heartbeat_at.min(room_at).min(self.topics.wake_at()).min(link_at)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        self.topics.wait_on(poll_set);
        self.shards.wait_on(poll_set);
        self.router.wait_on(poll_set);
    }
}

#[cfg(test)]
mod tests;
