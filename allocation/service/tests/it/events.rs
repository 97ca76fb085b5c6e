//! Events: what a shard numbers is what subscribers get, on topics that escape what tickers hold.

use allot_allocation_service::{
    Allocation, Reply, Request, TopicName, decode_line, decode_replies,
};
use allot_domain::{Incarnation, ShardId};
use allot_publisher::{Publisher, PublisherConfig};
use allot_runtime::{
    Agent, Broadcast, BroadcastListener, Counter, Counters, Hub, Link, Nanos, Waker, ring_pair,
};
use allot_wire::Encoding;
use allot_wire::backplane::{FrameKind, events, kind};

use crate::rig::{Rig, SHARD, split};
use crate::samples::TIME;

/// A publisher of one shard, and the other ends of its links.
struct Feed {
    publisher: Publisher<Allocation>,
    listener: BroadcastListener,
    counters: Counters,
    shard: Link,
    _router: Link,
}

impl Feed {
    fn start(incarnation: u64) -> Self {
        let link = || ring_pair(64, &Waker::silent(), &Waker::silent());
        let ((ours, shard), (to_router, router)) = (link(), link());
        let config = PublisherConfig { shards: 1, incarnation: Incarnation::new(incarnation) };
        let ((broadcast, listener), counters) = (Broadcast::memory(), Counters::new());
        let hub = Hub::rings(vec![ours]);
        let publisher = Publisher::new(config, broadcast, hub, to_router, counters.clone());
        Self { publisher, listener, counters, shard, _router: router }
    }

    /// What comes of these frames: the sequence, the topic and the reply of each publication.
    fn publish(&mut self, frames: Vec<Vec<u8>>) -> Vec<(u64, String, Reply)> {
        self.publisher.do_work(Nanos::ZERO);
        for mut frame in frames {
            self.shard.send(&mut frame).unwrap();
            self.publisher.do_work(Nanos::ZERO);
        }
        let mut published = Vec::new();
        while let Some(publication) = self.listener.receive() {
            let mut replies = Vec::new();
            decode_replies(&publication.body, &mut replies).unwrap();
            assert_eq!(replies.len(), 1);
            let topic = String::from_utf8(publication.topic).unwrap();
            published.push((publication.sequence, topic, replies.remove(0)));
        }
        published
    }
}

fn fill(seq: u64, ticker: &str) -> Request {
    let rest = format!(r#""ticker":"{ticker}","price":5,"quantity":10"#);
    let line = format!(r#"{{"type":"fill","source":"f","seq":{seq},"id":"t-{seq}",{rest}}}"#);
    decode_line(line.as_bytes()).unwrap()
}

/// Sends these to a shard; returns the frames of events that it sends.
fn frames_of(rig: &mut Rig, requests: &[Request]) -> Vec<Vec<u8>> {
    rig.send(requests);
    rig.settle();
    let mut frames = rig.take_published();
    frames.retain(|frame| kind(frame) == Some(FrameKind::Events));
    frames
}

#[test]
fn the_sequence_of_a_topic_is_the_count_of_its_ticker_whoever_listens() {
    const SWAP: &str = "BTC/USDT:USDT";
    const ODD: &str = "A%:B C";
    let mut rig = Rig::without_journal();
    rig.set_interest(true);
    let mut feed = Feed::start(1);
    let no_one = frames_of(&mut rig, &[split(1, 2), fill(1, SWAP), fill(2, SWAP), fill(3, ODD)]);
    assert_eq!(feed.publish(no_one), [], "nobody listens, and they are counted all the same");
    feed.listener.subscribe(b"fills:json:");
    let repeats = [fill(1, SWAP), fill(4, SWAP), fill(5, ODD), fill(6, SWAP)];
    let published = feed.publish(frames_of(&mut rig, &repeats));
    let found: Vec<_> = published
        .iter()
        .map(|(sequence, topic, reply)| (*sequence, topic.as_str(), reply.id().to_string()))
        .collect();
    let (swap, odd) = ("fills:json:BTC/USDT%3AUSDT:", "fills:json:A%25%3AB C:");
    let expected = [(3, swap, "t-4"), (2, odd, "t-5"), (4, swap, "t-6")];
    assert_eq!(found, expected.map(|(at, topic, id)| (at, topic, id.to_owned())));
    for (_, topic, reply) in &published {
        assert_eq!(reply.time_ns(), TIME);
        let name = TopicName::parse(topic.as_bytes()).unwrap();
        assert_eq!(name, TopicName::Fills(*reply.ticker().unwrap(), Encoding::Json));
    }
    // Another incarnation of the publisher goes on where the last one was.
    let mut feed = Feed::start(2);
    feed.listener.subscribe(b"fills:bin:A%25%3AB C:");
    let published = feed.publish(frames_of(&mut rig, &[fill(7, SWAP), fill(8, ODD)]));
    assert_eq!(published.len(), 1, "the other ticker has another topic");
    let (sequence, topic, reply) = &published[0];
    assert_eq!((*sequence, topic.as_str()), (3, "fills:bin:A%25%3AB C:"));
    assert_eq!(reply.seq().get(), 8);
}

#[test]
fn an_event_without_a_number_or_a_ticker_is_dropped_and_counted() {
    let mut rig = Rig::without_journal();
    rig.set_interest(true);
    let frames = frames_of(&mut rig, &[split(1, 2), fill(1, "AAPL")]);
    let [frame] = &frames[..] else { panic!("one frame of one event") };
    let event = events::read(frame).unwrap().next().unwrap().unwrap().to_vec();
    let framed = |event: &[u8]| {
        let mut frame = Vec::new();
        events::begin(&mut frame, ShardId::new(0), SHARD, 1);
        events::push_with(&mut frame, |out| allot_wire::push_record(out, event));
        frame
    };
    let number_zero = [&[0; 8], &event[8..]].concat();
    let cut_short = &event[..event.len() - 1];
    let damaged = [&number_zero[..], cut_short, &event[..8], b""];
    for damaged in damaged {
        let mut feed = Feed::start(1);
        feed.listener.subscribe(b"fills:");
        assert_eq!(feed.publish(vec![framed(damaged)]), [], "{damaged:?}");
        assert_eq!(feed.counters.get(Counter::FramesDropped), 1, "{damaged:?}");
    }
    let mut feed = Feed::start(1);
    feed.listener.subscribe(b"fills:");
    assert_eq!(feed.publish(vec![framed(&event)]).len(), 2, "in both encodings");
}
