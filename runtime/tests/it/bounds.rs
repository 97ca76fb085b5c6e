//! Bounds in bytes: what a peer can make the server keep.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;

use allot_runtime::{
    Broadcast, BroadcastOptions, Context, Counter, Counters, Door, DoorOptions, Envelope, Nanos,
    SendError, Subscriber, Transport,
};

use crate::TIMEOUT;

/// The greeting of the other end, and the beginning of its READY.
const GREETING_LEN: usize = 64 + 2;
const TCP: &str = "tcp://127.0.0.1:*";

/// The greeting of ZMTP 3.0 without encryption, and the command that ends the handshake.
fn handshake(kind: &str) -> Vec<u8> {
    let mut bytes = [&[0xff][..], &[0; 8], &[0x7f, 3, 0], b"NULL", &[0; 48]].concat();
    assert_eq!(bytes.len(), 64);
    let kind_len = u8::try_from(kind.len()).unwrap();
    let mut ready = [b"\x05READY\x0bSocket-Type\0\0\0", &[kind_len][..], kind.as_bytes()].concat();
    ready.extend_from_slice(b"\x08Identity\0\0\0\0");
    bytes.extend_from_slice(&[4, u8::try_from(ready.len()).unwrap()]);
    bytes.extend_from_slice(&ready);
    bytes
}

/// A connection by hand, after its handshake.
fn connect(endpoint: &str, kind: &str) -> TcpStream {
    let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    stream.write_all(&handshake(kind)).unwrap();
    let mut greeting = [0; GREETING_LEN];
    stream.read_exact(&mut greeting).unwrap();
    stream
}

/// The same to a front door that is looked after meanwhile.
fn connect_to(door: &mut Door, endpoint: &str) -> TcpStream {
    let endpoint = endpoint.to_owned();
    let client = std::thread::spawn(move || connect(&endpoint, "DEALER"));
    wait_for!([door], {
        assert!(!door.receive(&mut Envelope::new()), "it has sent no message");
        client.is_finished().then_some(())
    });
    client.join().unwrap()
}

/// The front doors, each with its endpoint and what it counts.
fn doors() -> impl Iterator<Item = (Context, Door, String, Counters)> {
    [Transport::Native, Transport::Libzmq].into_iter().map(|transport| {
        let (context, counters) = (Context::new().unwrap(), Counters::new());
        let options = DoorOptions { transport, ..DoorOptions::default() };
        let mut door = Door::bind(&context, TCP, options).unwrap();
        door.count_into(&counters);
        let endpoint = door.endpoint().unwrap().to_owned();
        (context, door, endpoint, counters)
    })
}

/// Sends the same bytes until the connection is closed.
fn send_until_closed(mut stream: TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    std::thread::spawn(move || while stream.write_all(&bytes).is_ok() {})
}

/// A frame of 64 KiB after which another follows.
fn unfinished_frame() -> Vec<u8> {
    [&[3][..], &(64_u64 << 10).to_be_bytes(), &[7; 64 << 10]].concat()
}

#[test]
fn a_message_that_never_ends_is_cut_off_at_the_front_door() {
    for (_context, mut door, endpoint, counters) in doors() {
        let other = zmq::Context::new().socket(zmq::DEALER).unwrap();
        other.set_linger(0).unwrap();
        other.connect(&endpoint).unwrap();
        let sender = send_until_closed(connect_to(&mut door, &endpoint), unfinished_frame());
        let mut envelope = Envelope::new();
        wait_for!([door], {
            assert!(!door.receive(&mut envelope), "it never ends");
            sender.is_finished().then_some(())
        });
        assert_eq!(counters.get(Counter::ConnectionsUnread), 1);
        other.send("still here", 0).unwrap();
        wait_for!([door], door.receive(&mut envelope).then_some(()));
        assert_eq!(envelope.body(), b"still here");
    }
}

/// Many unfinished messages that are each allowed are too many together.
#[test]
fn unfinished_messages_are_bounded_together_at_a_native_door() {
    let (_context, mut door, endpoint, counters) = doors().next().unwrap();
    let frame = [&[2][..], &(1_u64 << 20).to_be_bytes(), &[7; (1 << 20) - 1]].concat();
    let streams: Vec<_> = (0..70).map(|_| connect_to(&mut door, &endpoint)).collect();
    let senders: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let frame = frame.clone();
            std::thread::spawn(move || {
                let _ = stream.write_all(&frame);
                stream
            })
        })
        .collect();
    let mut envelope = Envelope::new();
    wait_for!([door], {
        assert!(!door.receive(&mut envelope), "none of them ends");
        (6 <= counters.get(Counter::ConnectionsUnread)).then_some(())
    });
    senders.into_iter().for_each(|sender| drop(sender.join().unwrap()));
}

#[test]
fn a_message_that_never_ends_is_cut_off_at_the_broadcast() {
    let context = Context::new().unwrap();
    let broadcast = Broadcast::bind(&context, TCP, BroadcastOptions::default()).unwrap();
    let mut stream = connect(broadcast.endpoint().unwrap(), "SUB");
    let frames = [&[1, 255][..], &[7; 255]].concat().repeat(256);
    while stream.write_all(&frames).is_ok() {}
}

/// An empty frame is two bytes on the wire, and 64 where it is kept.
#[test]
fn a_message_of_empty_frames_that_never_ends_closes_its_connection() {
    for (_context, mut door, endpoint, _) in doors() {
        let frames = [1, 0].repeat(256);
        let sender = send_until_closed(connect_to(&mut door, &endpoint), frames);
        let mut envelope = Envelope::new();
        wait_for!([door], {
            assert!(!door.receive(&mut envelope), "it never ends");
            sender.is_finished().then_some(())
        });
        let mut stream = connect_to(&mut door, &endpoint);
        stream.write_all(&[&[1, 0].repeat(1_000)[..], b"\0\x04last"].concat()).unwrap();
        stream.write_all(b"\0\x0astill here").unwrap();
        wait_for!([door], door.receive(&mut envelope).then_some(()));
        assert_eq!(envelope.body(), b"", "so many frames are no message, and harm nobody");
        wait_for!([door], door.receive(&mut envelope).then_some(()));
        assert_eq!(envelope.body(), b"still here");
    }
}

#[test]
fn a_client_that_sends_the_largest_messages_without_a_pause_is_slowed_down_and_kept() {
    for (_context, mut door, endpoint, counters) in doors() {
        let sender = std::thread::spawn(move || {
            let client = zmq::Context::new().socket(zmq::DEALER).unwrap();
            client.connect(&endpoint).unwrap();
            (0..100).for_each(|_| client.send(vec![7; 1 << 20], 0).unwrap());
        });
        let (mut envelope, mut received) = (Envelope::new(), 0);
        wait_for!([door], {
            while door.receive(&mut envelope) {
                received += 1;
            }
            (received == 100).then_some(())
        });
        sender.join().unwrap();
        assert_eq!(counters.get(Counter::ConnectionsUnread), 0);
    }
}

#[test]
fn replies_that_are_not_read_are_bounded_in_bytes() {
    for (_context, mut door, endpoint, _) in doors() {
        let client = zmq::Context::new().socket(zmq::DEALER).unwrap();
        client.set_linger(0).unwrap();
        client.set_rcvhwm(1).unwrap();
        client.connect(&endpoint).unwrap();
        client.send("question", 0).unwrap();
        let mut envelope = Envelope::new();
        wait_for!([door], door.receive(&mut envelope).then_some(()));
        let reply = vec![7; 200_000];
        // What the kernel takes on the way is not counted: the client's end, and this one.
        let (mut sent, mut other) = (0, Envelope::new());
        wait_for!([], {
            assert!(!door.receive(&mut other));
            let is_full = loop {
                match door.send(envelope.identity(), false, &reply) {
                    Ok(()) => sent += reply.len(),
                    Err(error) => break error == SendError::Full,
                }
            };
            (is_full && (1 << 20) <= sent).then_some(())
        });
        assert!(sent < 32 << 20, "{sent} bytes were taken");
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_disconnected_and_no_other() {
    let (context, counters) = (Context::new().unwrap(), Counters::new());
    let mut broadcast = Broadcast::bind(&context, TCP, BroadcastOptions::default()).unwrap();
    broadcast.count_into(&counters);
    let endpoint = broadcast.endpoint().unwrap().to_owned();
    let silent = connect(&endpoint, "SUB");
    (&silent).write_all(b"\0\x03\x01a:").unwrap();
    let mut quick = Subscriber::connect(&context, &endpoint, &[b"a:"]).unwrap();
    for _ in 0..2 {
        wait_for!([broadcast], broadcast.next_subscription());
    }
    let body = vec![7; 1 << 20];
    let (mut sequence, mut received) = (0, 0);
    wait_for!([broadcast], {
        while broadcast.has_room() && sequence < received + 4 {
            broadcast.publish(b"a:", sequence, &body);
            sequence += 1;
        }
        while received < sequence && quick.receive(std::time::Duration::ZERO).is_some() {
            received += 1;
        }
        (0 < counters.get(Counter::SubscribersDropped)).then_some(())
    });
    assert_eq!(counters.get(Counter::SubscribersDropped), 1);
    while received < sequence {
        quick.receive(TIMEOUT).unwrap();
        received += 1;
    }
    wait_for!([broadcast], broadcast.has_room().then_some(()));
    broadcast.publish(b"a:", sequence, b"last");
    assert_eq!(quick.receive(TIMEOUT).unwrap().body, b"last");
    drop(silent);
}

#[test]
fn a_subscriber_with_too_many_subscriptions_is_disconnected() {
    let (context, counters) = (Context::new().unwrap(), Counters::new());
    let mut broadcast = Broadcast::bind(&context, TCP, BroadcastOptions::default()).unwrap();
    broadcast.count_into(&counters);
    let mut stream = connect(broadcast.endpoint().unwrap(), "SUB");
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

#[test]
fn an_endless_prefix_disconnects_its_subscriber() {
    let context = Context::new().unwrap();
    let mut broadcast = Broadcast::bind(&context, TCP, BroadcastOptions::default()).unwrap();
    let mut stream = connect(broadcast.endpoint().unwrap(), "SUB");
    let prefix = [&[2][..], &(1_u64 << 20).to_be_bytes(), &[1]].concat();
    stream.write_all(&prefix).unwrap();
    // The socket closes the connection: reading comes to an end.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(broadcast.next_subscription(), None);
}

#[test]
fn subscriptions_without_a_pause_do_not_hold_the_publisher() {
    let (context, counters) = (Context::new().unwrap(), Counters::new());
    let mut broadcast = Broadcast::bind(&context, TCP, BroadcastOptions::default()).unwrap();
    broadcast.count_into(&counters);
    let mut stream = connect(broadcast.endpoint().unwrap(), "SUB");
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
        0 < counters.get(Counter::SubscriptionsRefused) + counters.get(Counter::ConnectionsUnread)
    };
    wait_for!([broadcast], {
        while broadcast.next_subscription().is_some() {}
        is_cut_off().then_some(())
    });
    sender.join().unwrap();
}

#[test]
fn a_client_that_is_cut_off_is_told_and_what_it_sent_is_dropped() {
    for (_context, mut door, endpoint, _) in doors() {
        let mut stream = connect_to(&mut door, &endpoint);
        stream.write_all(&b"\0\x05first".repeat(5)).unwrap();
        let mut envelope = Envelope::new();
        wait_for!([door], door.receive(&mut envelope).then_some(()));
        door.cut_off(envelope.identity());
        let mut rest = Vec::new();
        let told = stream.read_to_end(&mut rest);
        assert!(told.is_err(), "the connection is reset");
        let other = zmq::Context::new().socket(zmq::DEALER).unwrap();
        other.set_linger(0).unwrap();
        other.connect(&endpoint).unwrap();
        other.send("other", 0).unwrap();
        wait_for!([door], door.receive(&mut envelope).then_some(()));
        assert_eq!(envelope.body(), b"other");
    }
}

#[test]
fn a_handshake_that_takes_too_long_is_ended_by_a_native_door() {
    let (_context, mut door, endpoint, _) = doors().next().unwrap();
    let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    let mut envelope = Envelope::new();
    let (begin, mut greeting) = (Nanos::from_unix(7), [0; 64]);
    door.tick(begin);
    wait_for!([door], {
        assert!(!door.receive(&mut envelope));
        (door.wake_at() != Nanos::MAX).then_some(())
    });
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(door.wake_at(), begin + std::time::Duration::from_secs(3));
    door.tick(door.wake_at());
    assert_eq!(stream.read(&mut greeting).unwrap(), 0, "it is closed");
    assert_eq!(door.wake_at(), Nanos::MAX);
}
