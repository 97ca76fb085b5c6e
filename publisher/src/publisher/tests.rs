//! A publisher of two shards of a tiny system, with the other ends of its links in hand.

use allot_domain::{Incarnation, Marker, ReportNumber};
use allot_runtime::{Waker, ring_pair};
use allot_wire::DecodeError;
use allot_wire::backplane::{Feedback, InputKind, PartHead, decode_feedback, encode_part};

use super::*;
use crate::PublisherConfig;

const KIND: InputKind = InputKind::new(9);

/// A system whose parts are empty, and whose every cut calls for an empty input.
struct Empty;

impl View for Empty {
    type Part = ();
    type State = ();
    type Job = ();
    const EVENTS: &'static str = "events:";

    fn read_part(body: &[u8]) -> Result<(), DecodeError> {
        if body.is_empty() { Ok(()) } else { Err(DecodeError::new("a part must be empty")) }
    }

    fn compare(parts: &[()]) -> Vec<Option<String>> {
        vec![None; parts.len()]
    }

    fn on_cut((): &mut (), cut: Cut<()>) -> Made<()> {
        let feedback = Feedback { kind: KIND, bodies: vec![Vec::new(); cut.parts.len()] };
        Made {
            feedback: Some(feedback),
            job: cut.marker.report.then_some(()),
            warnings: Vec::new(),
        }
    }

    fn last((): &()) -> Option<()> {
        None
    }

    fn resume((): &mut (), (): &mut (), _: &mut Topics, _: &mut Budget) -> Step {
        Step::Done
    }

    fn last_report((): &()) -> ReportNumber {
        ReportNumber::new(0)
    }

    fn on_event((): &mut (), _: &[u8], _: &mut Topics) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// A publisher, and the other ends of its links.
struct Rig {
    publisher: Publisher<Empty>,
    shards: Vec<Link>,
    router: Link,
}

impl Rig {
    fn start() -> Self {
        let link = || ring_pair(64, &Waker::silent(), &Waker::silent());
        let (ours, shards) = (0..2).map(|_| link()).unzip();
        let (to_router, router) = link();
        let config = PublisherConfig { shards: 2, incarnation: Incarnation::new(1) };
        let (broadcast, _) = Broadcast::memory();
        let hub = Hub::rings(ours);
        let publisher = Publisher::new(config, broadcast, hub, to_router, Counters::new());
        Self { publisher, shards, router }
    }

    /// A shard sends its part of a cut, and the publisher takes it.
    fn send_part(&mut self, shard: usize, shards: u32, number: u64, body: &[u8]) {
        let head = PartHead {
            shard: ShardId::at(shard),
            shards,
            incarnation: Incarnation::new(1),
            ledger: None,
            lost_inputs: 0,
            keyed: 0,
            to_all: 0,
            marker: Marker { number, time_ns: 0, report: true },
        };
        let mut frame = Vec::new();
        encode_part(&head, &mut frame, |out| out.extend_from_slice(body));
        self.shards[shard].send(&mut frame).unwrap();
        self.publisher.do_work(Nanos::ZERO);
    }

    fn count(&self, counter: Counter) -> u64 {
        self.publisher.counters.get(counter)
    }

    /// The feedback that the router receives, if there is some.
    fn feedback(&mut self) -> Option<Feedback> {
        let mut frame = Vec::new();
        self.router.receive(&mut frame).then(|| decode_feedback(&frame).unwrap())
    }
}

#[test]
fn the_part_of_another_number_of_shards_is_dropped_and_reported_as_degraded() {
    let mut rig = Rig::start();
    rig.send_part(1, 4, 1, &[]);
    assert_eq!(rig.count(Counter::FramesDropped), 1);
    assert_eq!(rig.publisher.monitor.degraded(Nanos::ZERO).len(), 1);
    rig.send_part(1, 2, 2, &[]);
    assert_eq!(rig.count(Counter::FramesDropped), 1);
    assert!(rig.publisher.monitor.degraded(Nanos::ZERO).is_empty());
}

#[test]
fn a_part_that_the_view_cannot_read_is_dropped() {
    let mut rig = Rig::start();
    rig.send_part(0, 2, 1, b"?");
    rig.send_part(1, 2, 1, &[]);
    assert_eq!(rig.count(Counter::FramesDropped), 1);
    assert_eq!((rig.count(Counter::Reports), rig.feedback()), (0, None));
}

#[test]
fn what_the_view_makes_of_a_complete_cut_goes_to_the_router() {
    let mut rig = Rig::start();
    rig.send_part(0, 2, 1, &[]);
    assert_eq!(rig.feedback(), None, "one part is missing");
    rig.send_part(1, 2, 1, &[]);
    assert_eq!(rig.count(Counter::Reports), 1);
    assert_eq!(rig.feedback(), Some(Feedback { kind: KIND, bodies: vec![Vec::new(); 2] }));
}

#[test]
fn reports_are_counted_as_missed_though_no_cut_is_ever_complete() {
    let mut rig = Rig::start();
    for number in 1..=1_000 {
        rig.send_part(1, 2, number, &[]);
    }
    rig.publisher.do_work(Nanos::ZERO + HEARTBEAT_EVERY);
    assert!(0 < rig.count(Counter::ReportsDegraded));
}
