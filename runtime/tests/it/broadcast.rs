//! Broadcasts and their subscribers.

use std::time::Duration;

use allot_runtime::{
    Broadcast, BroadcastOptions, Clock, Context, Counter, Counters, CurveKeys, Publication,
    Subscriber, Subscription, Transport,
};

use crate::TIMEOUT;

const TCP: &str = "tcp://127.0.0.1:*";

const TRANSPORTS: [Transport; 2] = [Transport::Native, Transport::Libzmq];

/// A broadcast of each transport, with its endpoint.
fn open(options: BroadcastOptions) -> impl Iterator<Item = (Context, Broadcast, String)> {
    TRANSPORTS.into_iter().map(move |transport| {
        let context = Context::new().unwrap();
        let options = BroadcastOptions { transport, ..options };
        let broadcast = Broadcast::bind(&context, TCP, options).unwrap();
        let endpoint = broadcast.endpoint().unwrap().to_owned();
        (context, broadcast, endpoint)
    })
}

fn subscription(broadcast: &mut Broadcast) -> Subscription {
    wait_for!([broadcast], broadcast.next_subscription())
}

fn publication(topic: &str, sequence: u64, body: &[u8]) -> Publication {
    Publication { topic: topic.into(), sequence, body: body.to_vec() }
}

#[test]
fn every_subscription_is_seen_and_so_is_the_end_of_each() {
    for (context, mut broadcast, endpoint) in open(BroadcastOptions::default()) {
        let began = Subscription { topic: b"positions:".to_vec(), on: true };
        let connect = || Subscriber::connect(&context, &endpoint, &[b"positions:"]).unwrap();
        let mut first = connect();
        assert_eq!(subscription(&mut broadcast), began);
        let mut second = connect();
        assert_eq!(subscription(&mut broadcast), began, "the second wants the last value too");

        broadcast.publish(b"positions:json", 7, b"{}");
        broadcast.publish(b"heartbeat:", 0, b"not for them");
        broadcast.publish_state(b"positions:bin", u64::MAX, b"");
        broadcast.flush();
        for subscriber in [&mut first, &mut second] {
            let expected = publication("positions:json", 7, b"{}");
            assert_eq!(subscriber.receive(TIMEOUT), Some(expected));
            let expected = publication("positions:bin", u64::MAX, b"");
            assert_eq!(subscriber.receive(TIMEOUT), Some(expected));
        }

        drop((first, second));
        let ended = Subscription { topic: b"positions:".to_vec(), on: false };
        assert_eq!(subscription(&mut broadcast), ended);
        assert_eq!(subscription(&mut broadcast), ended);
    }
}

#[test]
fn a_slow_subscriber_sees_a_gap_and_delays_no_other() {
    for (context, mut broadcast, endpoint) in
        open(BroadcastOptions { high_water: 5, ..BroadcastOptions::default() })
    {
        let mut slow = Subscriber::connect(&context, &endpoint, &[b"flood:"]).unwrap();
        let mut quick = Subscriber::connect(&context, &endpoint, &[b"news:"]).unwrap();
        for _ in 0..2 {
            assert!(subscription(&mut broadcast).on);
        }
        let body = vec![7; 64 << 10];
        for sequence in 0..20_000 {
            broadcast.publish(b"flood:", sequence, &body);
        }
        broadcast.publish(b"news:", 0, b"at once");
        broadcast.flush();
        assert_eq!(quick.receive(TIMEOUT), Some(publication("news:", 0, b"at once")));

        // Publishing continues until the slow subscriber has read up to its gap. From a native
        // broadcast it was cut off, and comes back.
        let (mut next, mut lost, mut sequence) = (0, 0, 20_000);
        while lost == 0 {
            let Some(received) = slow.receive(crate::PAUSE) else {
                while broadcast.next_subscription().is_some() {}
                broadcast.publish(b"flood:", sequence, b"short");
                broadcast.flush();
                sequence += 1;
                continue;
            };
            assert!(next <= received.sequence, "in order");
            assert!(received.body == body || received.body == b"short", "and complete");
            lost += received.sequence - next;
            next = received.sequence + 1;
        }
    }
}

#[test]
fn a_subscriber_follows_a_broadcast_that_was_restarted() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = format!("ipc://{}", folder.path().join("broadcast").display());
        let context = Context::new().unwrap();
        let mut subscriber = Subscriber::connect(&context, &endpoint, &[b"a:", b"b:"]).unwrap();
        for round in 0..3 {
            let server = Context::new().unwrap();
            let options = BroadcastOptions { transport, ..BroadcastOptions::default() };
            let mut broadcast = Broadcast::bind(&server, &endpoint, options).unwrap();
            // The subscriber subscribes again on its own thread, when it next waits.
            let mut topics =
                [(); 2].map(|()| wait_for!([broadcast, subscriber], broadcast.next_subscription()));
            topics.sort_by(|one, other| one.topic.cmp(&other.topic));
            assert_eq!(topics.map(|one| one.topic), [b"a:".to_vec(), b"b:".to_vec()]);
            broadcast.publish(b"b:", round, b"back");
            broadcast.flush();
            assert_eq!(subscriber.receive(TIMEOUT), Some(publication("b:", round, b"back")));
        }
    }
}

#[test]
fn what_was_published_last_still_arrives_when_a_broadcast_ends() {
    for (context, mut broadcast, endpoint) in open(BroadcastOptions::default()) {
        let mut subscriber = Subscriber::connect(&context, &endpoint, &[b""]).unwrap();
        subscription(&mut broadcast);
        broadcast.publish(b"last", 1, &[7; 100_000]);
        drop(broadcast);
        assert_eq!(subscriber.receive(TIMEOUT), Some(publication("last", 1, &[7; 100_000])));
    }
}

#[test]
fn a_subscriber_of_two_prefixes_of_a_topic_hears_it_once() {
    for (context, mut broadcast, endpoint) in open(BroadcastOptions::default()) {
        let prefixes: [&[u8]; 4] = [b"a:", b"", b"a:b", b"a:c"];
        let mut subscriber = Subscriber::connect(&context, &endpoint, &prefixes).unwrap();
        for _ in prefixes {
            assert!(subscription(&mut broadcast).on);
        }
        broadcast.publish(b"a:b:", 1, b"once");
        broadcast.publish(b"other", 2, b"through all");
        broadcast.flush();
        assert_eq!(subscriber.receive(TIMEOUT), Some(publication("a:b:", 1, b"once")));
        assert_eq!(subscriber.receive(TIMEOUT), Some(publication("other", 2, b"through all")));
    }
}

/// Of each prefix alone, and once.
#[test]
fn last_values_of_a_native_broadcast_are_for_those_who_have_just_subscribed() {
    let (context, mut broadcast, endpoint) = open(BroadcastOptions::default()).next().unwrap();
    let connect = || Subscriber::connect(&context, &endpoint, &[b"a:"]).unwrap();
    let publish_last = |broadcast: &mut Broadcast, sequence| {
        broadcast.begin_last();
        for topic in [&b"a:x"[..], b"a:y", b"b:"] {
            broadcast.publish_last(topic, sequence, b"last");
        }
        broadcast.flush();
    };
    let mut first = connect();
    subscription(&mut broadcast);
    publish_last(&mut broadcast, 1);
    let mut second = connect();
    subscription(&mut broadcast);
    publish_last(&mut broadcast, 2);
    publish_last(&mut broadcast, 3);
    broadcast.publish_state(b"a:x", 4, b"new");
    broadcast.flush();
    for (subscriber, sequence) in [(&mut first, 1), (&mut second, 2)] {
        for expected in [
            publication("a:x", sequence, b"last"),
            publication("a:y", sequence, b"last"),
            publication("a:x", 4, b"new"),
        ] {
            assert_eq!(subscriber.receive(TIMEOUT), Some(expected));
        }
    }
}

/// With and without heartbeats, NULL and CURVE, over TCP and within the machine, both kinds of
/// sockets; what is published are long and short bodies.
#[test]
fn subscribers_of_libzmq_hear_every_byte() {
    let keys = CurveKeys::make().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}", folder.path().join("broadcast").display());
    let bodies = [0, 1, 255, 256, 70_000, 3 << 20].map(|len| vec![7_u8; len]);
    for (transport, endpoint, keys, kind) in [
        (Transport::Native, TCP, None, zmq::SUB),
        (Transport::Native, TCP, Some(keys), zmq::SUB),
        (Transport::Native, &ipc, None, zmq::XSUB),
        (Transport::Native, &ipc, Some(keys), zmq::XSUB),
        (Transport::Libzmq, TCP, Some(keys), zmq::SUB),
    ] {
        let context = Context::new().unwrap();
        let options = BroadcastOptions { transport, keys, ..BroadcastOptions::default() };
        let mut broadcast = Broadcast::bind(&context, endpoint, options).unwrap();
        let raw = zmq::Context::new();
        let subscriber = raw.socket(kind).unwrap();
        subscriber.set_heartbeat_ivl(10).unwrap();
        subscriber.set_heartbeat_timeout(60_000).unwrap();
        if let Some(keys) = keys {
            let own = zmq::CurveKeyPair::new().unwrap();
            subscriber.set_curve_serverkey(&key_of(&keys)).unwrap();
            subscriber.set_curve_publickey(&own.public_key).unwrap();
            subscriber.set_curve_secretkey(&own.secret_key).unwrap();
        }
        subscriber.connect(broadcast.endpoint().unwrap()).unwrap();
        if kind == zmq::SUB {
            subscriber.set_subscribe(b"a:").unwrap();
        } else {
            subscriber.send(&b"\x01a:"[..], 0).unwrap();
        }
        assert_eq!(subscription(&mut broadcast).topic, b"a:");
        for (sequence, body) in (0_u64..).zip(bodies.iter().chain(&bodies)) {
            broadcast.publish(b"a:b", sequence, body);
            broadcast.flush();
            let received = wait_for!([broadcast], {
                while broadcast.next_subscription().is_some() {}
                subscriber.recv_multipart(zmq::DONTWAIT).ok()
            });
            assert_eq!(received[0], b"a:b");
            assert_eq!(received[1], sequence.to_be_bytes());
            assert!(received[2] == *body, "{transport} {endpoint}: {} bytes", body.len());
        }
        if kind == zmq::SUB {
            subscriber.set_unsubscribe(b"a:").unwrap();
        } else {
            subscriber.send(&b"\0a:"[..], 0).unwrap();
        }
        assert!(!subscription(&mut broadcast).on);
    }
}

/// A key as libzmq takes it from Rust.
fn key_of(keys: &CurveKeys) -> Vec<u8> {
    zmq::z85_decode(&keys.public().to_string()).unwrap()
}

#[test]
fn a_subscriber_with_another_key_is_refused_and_counted() {
    let keys = CurveKeys::make().unwrap();
    let options = BroadcastOptions { keys: Some(keys), ..BroadcastOptions::default() };
    let (_context, mut broadcast, endpoint) = open(options).next().unwrap();
    let context = zmq::Context::new();
    let counters = Counters::new();
    broadcast.count_into(&counters);
    let stranger = context.socket(zmq::SUB).unwrap();
    let own = zmq::CurveKeyPair::new().unwrap();
    stranger.set_curve_serverkey(&key_of(&CurveKeys::make().unwrap())).unwrap();
    stranger.set_curve_publickey(&own.public_key).unwrap();
    stranger.set_curve_secretkey(&own.secret_key).unwrap();
    stranger.set_subscribe(b"").unwrap();
    stranger.connect(&endpoint).unwrap();
    wait_for!([broadcast], {
        assert_eq!(broadcast.next_subscription(), None);
        (0 < counters.get(Counter::ConnectionsFaulty)).then_some(())
    });
}

#[test]
fn a_message_that_is_not_a_publication_is_skipped() {
    let raw = zmq::Context::new().socket(zmq::XPUB).unwrap();
    raw.bind(TCP).unwrap();
    let endpoint = raw.get_last_endpoint().unwrap().unwrap();
    let context = Context::new().unwrap();
    let mut subscriber = Subscriber::connect(&context, &endpoint, &[b""]).unwrap();
    raw.recv_bytes(0).unwrap();
    raw.send_multipart(["topic"], 0).unwrap();
    raw.send_multipart(["topic", "short", "body"], 0).unwrap();
    raw.send_multipart(["topic", "8 bytes.", "body", "more"], 0).unwrap();
    raw.send_multipart([b"topic", &7_u64.to_be_bytes()[..], b"body"], 0).unwrap();
    // A skipped message ends a wait too, and may arrive alone.
    let first = wait_for!([subscriber], subscriber.receive(Duration::ZERO));
    assert_eq!(first, publication("topic", 7, b"body"));
}

/// Whoever shares the thread has a turn before a thousand subscribers have what was published.
#[test]
fn one_turn_of_a_native_broadcast_writes_to_some_and_the_next_to_the_others() {
    let (context, mut broadcast, endpoint) =
        open(BroadcastOptions::default()).next().expect("the native one");
    let connect = |_| Subscriber::connect(&context, &endpoint, &[b"report:"]).unwrap();
    let mut subscribers = [0; 10].map(connect);
    for _ in &subscribers {
        assert!(subscription(&mut broadcast).on);
    }
    let now = Clock::system().now();
    broadcast.tick(now);
    let body = vec![7; 40 << 10];
    broadcast.publish(b"report:", 3, &body);
    broadcast.publish(b"report:", 4, b"short");
    let mut turns = 0;
    while broadcast.wake_at() <= now {
        broadcast.flush();
        turns += 1;
    }
    assert_eq!(turns, 5, "64 KiB at a time, and one subscriber's more");
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.receive(TIMEOUT), Some(publication("report:", 3, &body)));
        assert_eq!(subscriber.receive(TIMEOUT), Some(publication("report:", 4, b"short")));
    }
}
