//! Bounds in bytes: what a peer can make the server keep.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;

use allot_runtime::{
    Broadcast, BroadcastOptions, Clock, Context, Counter, Counters, Door, DoorOptions, Envelope,
    Nanos, SendError, Subscriber, Subscription, Transport,
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
pub(crate) fn connect_to(door: &mut Door, endpoint: &str) -> TcpStream {
    let endpoint = endpoint.to_owned();
    let client = std::thread::spawn(move || connect(&endpoint, "DEALER"));
    wait_for!([door], {
        assert!(!door.receive(&mut Envelope::new()), "it has sent no message");
        client.is_finished().then_some(())
    });
    client.join().unwrap()
}

/// The front doors, each with its endpoint and what it counts.
pub(crate) fn doors() -> impl Iterator<Item = (Context, Door, String, Counters)> {
    [Transport::Native, Transport::Libzmq].into_iter().map(|transport| {
        let (context, counters) = (Context::new().unwrap(), Counters::new());
        let options = DoorOptions { transport, ..DoorOptions::default() };
        let mut door = Door::bind(&context, TCP, options).unwrap();
        door.count_into(&counters);
        let endpoint = door.endpoint().unwrap().to_owned();
        (context, door, endpoint, counters)
    })
}

/// The broadcasts, each with its endpoint and what it counts.
pub(crate) fn broadcasts() -> impl Iterator<Item = (Context, Broadcast, String, Counters)> {
    [Transport::Native, Transport::Libzmq].into_iter().map(|transport| {
        let (context, counters) = (Context::new().unwrap(), Counters::new());
        let options = BroadcastOptions { transport, ..BroadcastOptions::default() };
        let mut broadcast = Broadcast::bind(&context, TCP, options).unwrap();
        broadcast.count_into(&counters);
        let endpoint = broadcast.endpoint().unwrap().to_owned();
        (context, broadcast, endpoint, counters)
    })
}

/// A connection to a broadcast that is looked after meanwhile.
pub(crate) fn subscribe_to(broadcast: &mut Broadcast, endpoint: &str) -> TcpStream {
    let endpoint = endpoint.to_owned();
    let subscriber = std::thread::spawn(move || connect(&endpoint, "SUB"));
    wait_for!([broadcast], {
        assert_eq!(broadcast.next_subscription(), None, "it has not subscribed");
        subscriber.is_finished().then_some(())
    });
    subscriber.join().unwrap()
}

/// Reads the rest of what a native broadcast says of itself.
pub(crate) fn read_ready(stream: &mut TcpStream) {
    let mut ready = [0; 26];
    stream.read_exact(&mut ready).unwrap();
    assert_eq!(ready, *b"\x05READY\x0bSocket-Type\0\0\0\x04XPUB");
}

/// Looks after a broadcast until the other end has done what it does.
pub(crate) fn look_after<T>(broadcast: &mut Broadcast, other: JoinHandle<T>) -> T {
    wait_for!([broadcast], {
        while broadcast.next_subscription().is_some() {}
        other.is_finished().then_some(())
    });
    other.join().unwrap()
}

/// Sends the same bytes until the connection is closed.
fn send_until_closed(mut stream: TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    std::thread::spawn(move || while stream.write_all(&bytes).is_ok() {})
}

/// A frame of 512 KiB after which another follows: the bytes are too many long before the frames
/// are.
fn unfinished_frame() -> Vec<u8> {
    [&[3][..], &(512_u64 << 10).to_be_bytes(), &[7; 512 << 10]].concat()
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
    for (_context, mut broadcast, endpoint, _) in broadcasts() {
        let frames = [&[1, 255][..], &[7; 255]].concat().repeat(256);
        let stream = subscribe_to(&mut broadcast, &endpoint);
        look_after(&mut broadcast, send_until_closed(stream, frames));
    }
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
    for (context, mut broadcast, endpoint, counters) in broadcasts() {
        let silent = subscribe_to(&mut broadcast, &endpoint);
        (&silent).write_all(b"\0\x03\x01a:").unwrap();
        let mut quick = Subscriber::connect(&context, &endpoint, &[b"a:"]).unwrap();
        for _ in 0..2 {
            wait_for!([broadcast], broadcast.next_subscription());
        }
        let (body, clock) = (vec![7; 1 << 20], Clock::system());
        let (mut sequence, mut received) = (0, 0);
        wait_for!([broadcast], {
            broadcast.tick(clock.now());
            while broadcast.next_subscription().is_some() {}
            while broadcast.has_room() && sequence < received + 4 {
                broadcast.publish(b"a:", sequence, &body);
                sequence += 1;
            }
            broadcast.flush();
            while received < sequence && quick.receive(std::time::Duration::ZERO).is_some() {
                received += 1;
            }
            (0 < counters.get(Counter::SubscribersDropped)).then_some(())
        });
        assert_eq!(counters.get(Counter::SubscribersDropped), 1);
        wait_for!([broadcast, quick], {
            while broadcast.next_subscription().is_some() {}
            while received < sequence && quick.receive(std::time::Duration::ZERO).is_some() {
                received += 1;
            }
            (received == sequence).then_some(())
        });
        wait_for!([broadcast], broadcast.has_room().then_some(()));
        broadcast.publish(b"a:", sequence, b"last");
        broadcast.flush();
        assert_eq!(quick.receive(TIMEOUT).unwrap().body, b"last");
        drop(silent);
    }
}

/// As many states as there are topics wait at most, so their subscriber is never too far behind.
#[test]
fn a_subscriber_that_is_behind_with_states_gets_the_latest() {
    let (_context, mut broadcast, endpoint, counters) = broadcasts().next().unwrap();
    let slow = zmq::Context::new().socket(zmq::SUB).unwrap();
    slow.set_rcvhwm(1).unwrap();
    slow.set_subscribe(b"").unwrap();
    slow.connect(&endpoint).unwrap();
    wait_for!([broadcast], broadcast.next_subscription());
    let body = vec![7; 1 << 20];
    for sequence in 1..=500 {
        broadcast.publish_state(b"a", sequence, &body);
        broadcast.publish_state(b"b", sequence, &body);
        broadcast.flush();
        assert!(broadcast.has_room(), "{sequence}");
    }
    let mut last = [0, 0];
    let mut received = 0;
    wait_for!([broadcast], {
        while broadcast.next_subscription().is_some() {}
        while let Ok(frames) = slow.recv_multipart(zmq::DONTWAIT) {
            let sequence = u64::from_be_bytes(frames[1][..].try_into().unwrap());
            let topic = usize::from(frames[0][0] - b'a');
            assert!(last[topic] < sequence && frames[2] == body, "in order, and complete");
            last[topic] = sequence;
            received += 1;
        }
        (last == [500, 500]).then_some(())
    });
    assert!(received < 500, "{received} of 1,000");
    assert_eq!(counters.get(Counter::SubscribersDropped), 0);
    assert_eq!(counters.get(Counter::PublicationsDropped), 0);
}

#[test]
fn a_subscriber_that_is_too_far_behind_with_events_is_disconnected() {
    let (_context, mut broadcast, endpoint, counters) = broadcasts().next().unwrap();
    let silent = subscribe_to(&mut broadcast, &endpoint);
    (&silent).write_all(b"\0\x03\x01a:").unwrap();
    wait_for!([broadcast], broadcast.next_subscription());
    let body = vec![7; 1_000];
    let mut published = 0;
    while counters.get(Counter::SubscribersDropped) == 0 {
        published += 1;
        broadcast.publish(b"a:", published, &body);
        assert!(broadcast.has_room(), "half of what may wait is one subscriber's");
    }
    // With what the kernel takes of it.
    assert!(32_000 * 1_000 <= published * 1_256 && published * 1_256 < 48_000 * 1_000);
    let ended = Subscription { topic: b"a:".to_vec(), on: false };
    assert_eq!(broadcast.next_subscription(), Some(ended));
    let told = (&silent).read_to_end(&mut Vec::new());
    assert!(told.is_err(), "the connection is reset");
}

#[test]
fn a_handshake_that_takes_too_long_is_ended_by_a_native_broadcast() {
    let (_context, mut broadcast, endpoint, _) = broadcasts().next().unwrap();
    let mut stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
    let (begin, mut greeting) = (Nanos::from_unix(7), [0; 64]);
    broadcast.tick(begin);
    wait_for!([broadcast], {
        assert_eq!(broadcast.next_subscription(), None);
        (broadcast.wake_at() != Nanos::MAX).then_some(())
    });
    stream.read_exact(&mut greeting).unwrap();
    // That it has come is told first.
    broadcast.tick(broadcast.wake_at());
    assert_eq!(broadcast.wake_at(), begin + std::time::Duration::from_secs(3));
    broadcast.tick(broadcast.wake_at());
    assert_eq!(stream.read(&mut greeting).unwrap(), 0, "it is closed");
    assert_eq!(broadcast.wake_at(), Nanos::MAX);
}

/// A sign of life that is asked for comes between two publications, and a subscriber that promised
/// some and gives none is forgotten.
#[test]
fn a_subscriber_that_is_silent_for_longer_than_it_said_is_forgotten() {
    let (_context, mut broadcast, endpoint, _) = broadcasts().next().unwrap();
    let mut stream = subscribe_to(&mut broadcast, &endpoint);
    read_ready(&mut stream);
    let begin = Nanos::from_unix(7);
    broadcast.tick(begin);
    stream.write_all(b"\0\x03\x01a:\x04\x07\x04PING\0\x14").unwrap();
    wait_for!([broadcast], broadcast.next_subscription());
    let mut pong = [0; 7];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(pong, *b"\x04\x05\x04PONG");
    let mut at = begin;
    while at <= begin + std::time::Duration::from_secs(2) {
        assert_eq!(broadcast.next_subscription(), None, "{at:?}");
        at = broadcast.wake_at();
        broadcast.tick(at);
    }
    assert_eq!(broadcast.next_subscription().map(|one| one.on), Some(false));
    assert_eq!(stream.read(&mut pong).unwrap(), 0, "it is closed");
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

/// Writes the same bytes over and over, as far as the kernel takes them.
struct Flood {
    stream: TcpStream,
    bytes: Vec<u8>,
    at: usize,
}

impl Flood {
    fn new(stream: TcpStream, once: &[u8]) -> Self {
        stream.set_nonblocking(true).unwrap();
        Self { stream, bytes: once.repeat(4_096), at: 0 }
    }

    /// How many bytes left.
    fn write(&mut self) -> usize {
        let mut sent = 0;
        loop {
            match self.stream.write(&self.bytes[self.at..]) {
                Ok(len) => {
                    sent += len;
                    self.at = (self.at + len) % self.bytes.len();
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return sent;
                }
            }
        }
    }
}

/// Each of them is replied to, so that what is not read would pile up.
#[test]
fn who_asks_for_signs_of_life_and_does_not_read_them_is_not_read_either() {
    let (_context, mut broadcast, endpoint, _) = broadcasts().next().unwrap();
    let stream = subscribe_to(&mut broadcast, &endpoint);
    let mut flood = Flood::new(stream, b"\x04\x17\x04PING\0\0sixteen bytes...");
    let (mut sent, mut turns) = (0, 0);
    while turns < 100 {
        let len = flood.write();
        (sent, turns) = (sent + len, if len == 0 { turns + 1 } else { 0 });
        assert!(sent < 32 << 20, "more than the kernel has of a connection");
        assert_eq!(broadcast.next_subscription(), None);
        broadcast.flush();
    }
}

#[test]
fn who_subscribes_and_cancels_without_end_keeps_nobody_out() {
    let (_context, mut broadcast, endpoint, _) = broadcasts().next().unwrap();
    let stream = subscribe_to(&mut broadcast, &endpoint);
    let mut flood = Flood::new(stream, b"\0\x02\x01a\0\x02\0a");
    let other = std::thread::spawn(move || connect(&endpoint, "SUB"));
    wait_for!([broadcast], {
        flood.write();
        // As the publisher takes them: so many in a turn.
        for _ in 0..64 {
            broadcast.next_subscription();
        }
        broadcast.flush();
        other.is_finished().then_some(())
    });
    other.join().unwrap();
}
