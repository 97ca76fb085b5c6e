//! Subscriptions: how many there may be, of one connection and of all, and when one has ended.

use std::io::{Read, Write};

use allot_runtime::{Counter, Subscription};

use crate::bounds::{broadcasts, look_after, read_ready, subscribe_to};

#[test]
fn a_subscriber_with_too_many_subscriptions_is_disconnected() {
    for (_context, mut broadcast, endpoint, counters) in broadcasts() {
        let mut stream = subscribe_to(&mut broadcast, &endpoint);
        let sender = std::thread::spawn(move || {
            for number in 0..20_000_u32 {
                let frame = [&[0, 5, 1][..], &number.to_be_bytes()].concat();
                if stream.write_all(&frame).is_err() {
                    break;
                }
            }
            stream
        });
        wait_for!([broadcast], {
            while broadcast.next_subscription().is_some() {}
            (0 < counters.get(Counter::SubscriptionsRefused)).then_some(())
        });
        drop(sender.join().unwrap());
    }
}

/// What each may have is too much together: in number, and in bytes.
#[test]
fn subscriptions_are_bounded_together_at_a_native_broadcast() {
    for (connections, of_each, len) in [(17, 16_384, 4), (130, 512, 254)] {
        let (_context, mut broadcast, endpoint, counters) = broadcasts().next().unwrap();
        let streams: Vec<_> =
            (0..connections).map(|_| subscribe_to(&mut broadcast, &endpoint)).collect();
        let senders: Vec<_> = streams
            .into_iter()
            .map(|mut stream| {
                std::thread::spawn(move || {
                    let mut frames = Vec::new();
                    for number in 0..of_each {
                        frames.extend_from_slice(&[0, 1 + len, 1]);
                        frames.extend_from_slice(&u32::to_be_bytes(number));
                        frames.resize(frames.len() + usize::from(len) - 4, 7);
                    }
                    // It may be the one that is cut off.
                    let _ = stream.write_all(&frames);
                    stream
                })
            })
            .collect();
        wait_for!([broadcast], {
            while broadcast.next_subscription().is_some() {}
            (0 < counters.get(Counter::SubscriptionsRefused)).then_some(())
        });
        senders.into_iter().for_each(|sender| drop(sender.join().unwrap()));
        assert_eq!(counters.get(Counter::SubscriptionsRefused), 1);
    }
}

#[test]
fn a_prefix_that_was_subscribed_to_twice_ends_when_it_was_cancelled_twice() {
    let (_context, mut broadcast, endpoint, _) = broadcasts().next().unwrap();
    let mut stream = subscribe_to(&mut broadcast, &endpoint);
    read_ready(&mut stream);
    // In both forms, and one that was never there.
    stream.write_all(b"\0\x03\x01a:\x04\x0c\x09SUBSCRIBEa:\0\x03\0b:").unwrap();
    let (on, off) = (|on| Subscription { topic: b"a:".to_vec(), on }, false);
    for _ in 0..2 {
        assert_eq!(wait_for!([broadcast], broadcast.next_subscription()), on(true));
    }
    stream.write_all(b"\x04\x09\x06CANCELa:").unwrap();
    assert_eq!(wait_for!([broadcast], broadcast.next_subscription()), on(off));
    broadcast.publish(b"a:", 1, b"heard");
    broadcast.flush();
    let mut frames = [0; 21];
    stream.read_exact(&mut frames).unwrap();
    assert_eq!(frames, *b"\x01\x02a:\x01\x08\0\0\0\0\0\0\0\x01\0\x05heard");
    stream.write_all(b"\0\x03\0a:").unwrap();
    assert_eq!(wait_for!([broadcast], broadcast.next_subscription()), on(off));
    broadcast.publish(b"a:", 2, b"not heard");
    broadcast.flush();
    stream.write_all(b"\x04\x0a\x04PING\0\0abc").unwrap();
    let reader = std::thread::spawn(move || {
        let mut pong = [0; 10];
        stream.read_exact(&mut pong).unwrap();
        pong
    });
    assert_eq!(look_after(&mut broadcast, reader), *b"\x04\x08\x04PONGabc");
}

#[test]
fn an_endless_prefix_disconnects_its_subscriber() {
    for (_context, mut broadcast, endpoint, _) in broadcasts() {
        let mut stream = subscribe_to(&mut broadcast, &endpoint);
        let prefix = [&[2][..], &(1_u64 << 20).to_be_bytes(), &[1]].concat();
        stream.write_all(&prefix).unwrap();
        // The socket closes the connection: reading comes to an end.
        let reader = std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        });
        look_after(&mut broadcast, reader);
        assert_eq!(broadcast.next_subscription(), None);
    }
}

#[test]
fn subscriptions_without_a_pause_do_not_hold_the_publisher() {
    for (_context, mut broadcast, endpoint, counters) in broadcasts() {
        let mut stream = subscribe_to(&mut broadcast, &endpoint);
        let sender = std::thread::spawn(move || {
            // Each prefix is new from its first byte on.
            let mut number = 0_u64;
            let subscribe = |number: u64| {
                let prefix = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(25);
                [&[0, 201, 1][..], &prefix].concat()
            };
            loop {
                let frames: Vec<_> = (number..number + 256).flat_map(subscribe).collect();
                number += 256;
                if stream.write_all(&frames).is_err() {
                    return;
                }
            }
        });
        let is_cut_off = || {
            let refused = counters.get(Counter::SubscriptionsRefused);
            0 < refused + counters.get(Counter::ConnectionsUnread)
        };
        wait_for!([broadcast], {
            while broadcast.next_subscription().is_some() {}
            is_cut_off().then_some(())
        });
        sender.join().unwrap();
    }
}

/// Otherwise a few, who have as many as there may be, keep everybody else out.
#[test]
fn where_all_have_too_many_subscriptions_the_one_with_most_goes() {
    const CONNECTIONS: usize = 16;
    const EACH: usize = 262_144 / CONNECTIONS;
    let (_context, mut broadcast, endpoint, counters) = broadcasts().next().expect("the native");
    let streams: Vec<_> =
        (0..CONNECTIONS).map(|_| subscribe_to(&mut broadcast, &endpoint)).collect();
    let mut full = Vec::new();
    for mut stream in streams {
        let one = [&[0, 2, 1][..], b"z"].concat();
        let sender = std::thread::spawn(move || {
            stream.write_all(&one.repeat(EACH)).unwrap();
            stream
        });
        full.push(look_after(&mut broadcast, sender));
    }
    let late = zmq::Context::new().socket(zmq::SUB).unwrap();
    late.set_subscribe(b"a:").unwrap();
    late.connect(&endpoint).unwrap();
    wait_for!([broadcast], {
        broadcast.next_subscription().filter(|subscription| subscription.topic == b"a:")
    });
    wait_for!([broadcast], {
        while broadcast.next_subscription().is_some() {}
        (counters.get(Counter::SubscriptionsRefused) == 1).then_some(())
    });
    broadcast.publish(b"a:b", 1, b"heard");
    broadcast.flush();
    let heard = wait_for!([broadcast], {
        assert!(broadcast.next_subscription().is_none_or(|subscription| !subscription.on));
        late.recv_multipart(zmq::DONTWAIT).ok()
    });
    assert_eq!(heard[2], b"heard");
    drop(full);
}
