//! Broadcasts and their subscribers.

use std::time::Duration;

use allot_runtime::{Broadcast, BroadcastOptions, Context, Publication, Subscriber, Subscription};

use crate::TIMEOUT;

const TCP: &str = "tcp://127.0.0.1:*";

fn open(options: BroadcastOptions) -> (Context, Broadcast, String) {
    let context = Context::new().unwrap();
    let broadcast = Broadcast::bind(&context, TCP, options).unwrap();
    let endpoint = broadcast.endpoint().unwrap().to_owned();
    (context, broadcast, endpoint)
}

fn subscription(broadcast: &mut Broadcast) -> Subscription {
    wait_for!([broadcast], broadcast.next_subscription())
}

fn publication(topic: &str, sequence: u64, body: &[u8]) -> Publication {
    Publication { topic: topic.into(), sequence, body: body.to_vec() }
}

#[test]
fn every_subscription_is_seen_and_so_is_the_end_of_each() {
    let (context, mut broadcast, endpoint) = open(BroadcastOptions::default());
    let began = Subscription { topic: b"positions:".to_vec(), on: true };
    let connect = || Subscriber::connect(&context, &endpoint, &[b"positions:"]).unwrap();
    let mut first = connect();
    assert_eq!(subscription(&mut broadcast), began);
    let mut second = connect();
    assert_eq!(subscription(&mut broadcast), began, "the second wants the last value too");

    broadcast.publish(b"positions:json", 7, b"{}");
    broadcast.publish(b"heartbeat:", 0, b"not for them");
    broadcast.publish(b"positions:bin", u64::MAX, b"");
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

#[test]
fn a_slow_subscriber_sees_a_gap_and_delays_no_other() {
    let (context, mut broadcast, endpoint) = open(BroadcastOptions { high_water: 5 });
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
    assert_eq!(quick.receive(TIMEOUT), Some(publication("news:", 0, b"at once")));

    // Publishing continues until the slow subscriber has read up to its gap.
    let (mut next, mut lost, mut sequence) = (0, 0, 20_000);
    while lost == 0 {
        let Some(received) = slow.receive(crate::PAUSE) else {
            broadcast.publish(b"flood:", sequence, b"short");
            sequence += 1;
            continue;
        };
        assert!(next <= received.sequence, "in order");
        assert!(received.body == body || received.body == b"short", "and complete");
        lost += received.sequence - next;
        next = received.sequence + 1;
    }
}

#[test]
fn a_subscriber_follows_a_broadcast_that_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}", folder.path().join("broadcast").display());
    let context = Context::new().unwrap();
    let mut subscriber = Subscriber::connect(&context, &endpoint, &[b"a:", b"b:"]).unwrap();
    for round in 0..3 {
        let server = Context::new().unwrap();
        let mut broadcast =
            Broadcast::bind(&server, &endpoint, BroadcastOptions::default()).unwrap();
        // The subscriber subscribes again on its own thread, when it next waits.
        let mut topics =
            [(); 2].map(|()| wait_for!([broadcast, subscriber], broadcast.next_subscription()));
        topics.sort_by(|one, other| one.topic.cmp(&other.topic));
        assert_eq!(topics.map(|one| one.topic), [b"a:".to_vec(), b"b:".to_vec()]);
        broadcast.publish(b"b:", round, b"back");
        assert_eq!(subscriber.receive(TIMEOUT), Some(publication("b:", round, b"back")));
    }
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
