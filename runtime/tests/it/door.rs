//! The front door, to clients of every kind.

use std::io::Write;

use allot_runtime::{
    Context, Counter, Counters, CurveKeys, Door, DoorOptions, Envelope, Link, LinkOptions,
    SendError, Transport,
};

use crate::bounds::connect_to;

const TCP: &str = "tcp://127.0.0.1:*";

/// A door of each transport, with its endpoint.
fn open(options: DoorOptions) -> impl Iterator<Item = (Context, Door, String)> {
    [Transport::Native, Transport::Libzmq].into_iter().map(move |transport| {
        let context = Context::new().unwrap();
        let door = Door::bind(&context, TCP, DoorOptions { transport, ..options }).unwrap();
        let endpoint = door.endpoint().unwrap().to_owned();
        (context, door, endpoint)
    })
}

/// What a send says, after the door has looked what came of its connections.
fn send(door: &mut Door, identity: &[u8], body: &[u8]) -> Result<(), SendError> {
    assert!(!door.receive(&mut Envelope::new()), "nobody has sent anything");
    let sent = door.send(identity, false, body);
    door.flush();
    sent
}

fn receive(door: &mut Door) -> Envelope {
    let mut envelope = Envelope::new();
    wait_for!([door], door.receive(&mut envelope).then_some(()));
    envelope
}

fn client(kind: zmq::SocketType, endpoint: &str) -> zmq::Socket {
    let client = zmq::Context::new().socket(kind).unwrap();
    client.set_linger(0).unwrap();
    client.connect(endpoint).unwrap();
    client
}

#[test]
fn dealers_and_reqs_get_replies_in_their_own_framing() {
    for (_context, mut door, endpoint) in open(DoorOptions::default()) {
        for (kind, has_delimiter) in [(zmq::DEALER, false), (zmq::REQ, true)] {
            let client = client(kind, &endpoint);
            for round in 0..3 {
                client.send(format!("question {round}").as_str(), 0).unwrap();
                let envelope = receive(&mut door);
                assert_eq!(envelope.body(), format!("question {round}").as_bytes());
                assert_eq!(envelope.delimiter(), has_delimiter);
                assert!(!envelope.malformed());
                door.send(envelope.identity(), envelope.delimiter(), b"reply").unwrap();
                door.flush();
                assert_eq!(client.recv_multipart(0).unwrap(), [b"reply"]);
            }
        }
    }
}

#[test]
fn a_link_is_a_client_too() {
    for (context, mut door, endpoint) in open(DoorOptions::default()) {
        let mut link = Link::dealer(&context, &endpoint, None, LinkOptions::default()).unwrap();
        let mut frame = b"question".to_vec();
        wait_for!([link, door], {
            assert!(!door.receive(&mut Envelope::new()));
            link.send(&mut frame).ok()
        });
        let envelope = receive(&mut door);
        door.send(envelope.identity(), envelope.delimiter(), b"reply").unwrap();
        door.flush();
        wait_for!([link], link.receive(&mut frame).then_some(()));
        assert_eq!(frame, b"reply");
    }
}

#[test]
fn malformed_messages_are_drained_and_the_next_message_is_complete() {
    for (_context, mut door, endpoint) in open(DoorOptions::default()) {
        let client = client(zmq::DEALER, &endpoint);
        for (frames, body, delimiter, malformed) in [
            (vec!["a"], "a", false, false),
            (vec![""], "", false, false),
            (vec!["", "a"], "a", true, false),
            (vec!["", ""], "", true, false),
            (vec!["a", "b"], "", false, true),
            (vec!["a", ""], "", false, true),
            (vec!["", "a", "b"], "", true, true),
            (vec!["a", "b", "c", "d", "e"], "", false, true),
            (vec!["z"], "z", false, false),
        ] {
            client.send_multipart(&frames, 0).unwrap();
            let envelope = receive(&mut door);
            assert_eq!(envelope.body(), body.as_bytes(), "{frames:?}");
            assert_eq!(
                (envelope.delimiter(), envelope.malformed()),
                (delimiter, malformed),
                "{frames:?}"
            );
            door.send(envelope.identity(), envelope.delimiter(), b"received").unwrap();
            door.flush();
            assert!(client.recv_multipart(0).unwrap().ends_with(&[b"received".to_vec()]));
        }
    }
}

#[test]
fn a_client_is_away_before_it_connects_and_after_it_leaves() {
    for (_context, mut door, endpoint) in open(DoorOptions::default()) {
        assert_eq!(door.send(b"\0abcd", false, b"?"), Err(SendError::Away));
        let client = client(zmq::DEALER, &endpoint);
        client.send("hello", 0).unwrap();
        let envelope = receive(&mut door);
        door.send(envelope.identity(), false, b"welcome").unwrap();
        door.flush();
        drop(client);
        wait_for!([], {
            (send(&mut door, envelope.identity(), b"?") == Err(SendError::Away)).then_some(())
        });
    }
}

#[test]
fn a_client_that_does_not_read_is_full_and_the_others_are_served() {
    let options = DoorOptions { high_water: 10, ..DoorOptions::default() };
    for (_context, mut door, endpoint) in open(options) {
        let (slow, quick) = (client(zmq::DEALER, &endpoint), client(zmq::DEALER, &endpoint));
        slow.send("slow", 0).unwrap();
        let envelope = receive(&mut door);
        let reply = vec![7; 64 << 10];
        let mut taken = 0;
        while door.send(envelope.identity(), false, &reply) != Err(SendError::Full) {
            door.flush();
            taken += 1;
        }
        quick.send("quick", 0).unwrap();
        let other = receive(&mut door);
        assert_eq!(other.body(), b"quick");
        door.send(other.identity(), false, b"at once").unwrap();
        door.flush();
        assert_eq!(quick.recv_bytes(0).unwrap(), b"at once");

        for _ in 0..taken {
            let received = wait_for!([door], {
                assert!(!door.receive(&mut Envelope::new()));
                slow.recv_bytes(zmq::DONTWAIT).ok()
            });
            assert!(received == reply, "what was taken arrives");
        }
        wait_for!([door], send(&mut door, envelope.identity(), b"again").ok());
        assert_eq!(slow.recv_bytes(0).unwrap(), b"again");
    }
}

#[test]
fn an_oversized_message_disconnects_its_sender_and_no_other_client() {
    let options = DoorOptions { message_bytes_max: 1_000, ..DoorOptions::default() };
    for (_context, mut door, endpoint) in open(options) {
        let (big, small) = (client(zmq::DEALER, &endpoint), client(zmq::DEALER, &endpoint));
        big.send("before", 0).unwrap();
        let first_address = receive(&mut door).identity().to_vec();
        big.send(vec![7; 1_000], 0).unwrap();
        assert_eq!(receive(&mut door).body().len(), 1_000, "the limit itself is allowed");
        big.send(vec![7; 1_001], 0).unwrap();
        wait_for!(
            [],
            (send(&mut door, &first_address, b"?") == Err(SendError::Away)).then_some(())
        );

        small.send("still here", 0).unwrap();
        assert_eq!(receive(&mut door).body(), b"still here");
        big.send("back", 0).unwrap();
        assert_eq!(receive(&mut door).body(), b"back", "ZeroMQ reconnects by itself");
    }
}

/// Whoever has a name locks nobody out of it.
#[test]
fn of_two_connections_with_one_name_the_later_gets_the_replies() {
    for (_context, mut door, endpoint) in open(DoorOptions::default()) {
        let named = |body: &str| {
            let client = zmq::Context::new().socket(zmq::DEALER).unwrap();
            client.set_linger(0).unwrap();
            client.set_identity(b"desk").unwrap();
            // The first does not come back to take the name again.
            client.set_reconnect_ivl(-1).unwrap();
            client.connect(&endpoint).unwrap();
            client.send(body, 0).unwrap();
            client
        };
        let _first = named("first");
        assert_eq!(receive(&mut door).body(), b"first");
        let second = named("second");
        assert_eq!(receive(&mut door).body(), b"second");
        door.send(b"desk", false, b"reply").unwrap();
        door.flush();
        assert_eq!(second.recv_bytes(0).unwrap(), b"reply");
    }
}

/// Whoever knows the key of the server may take any name, and keeps nobody from being served.
#[test]
fn with_curve_a_name_is_not_taken_from_another_key_and_both_are_served() {
    let keys = CurveKeys::make().unwrap();
    let options = DoorOptions { keys: Some(keys), ..DoorOptions::default() };
    let (_context, mut door, endpoint) = open(options).next().expect("the native");
    let named = |body: &str| {
        let client = zmq::Context::new().socket(zmq::DEALER).unwrap();
        let own = zmq::CurveKeyPair::new().unwrap();
        client.set_linger(0).unwrap();
        client.set_identity(b"desk").unwrap();
        let server = zmq::z85_decode(&keys.public().to_string()).unwrap();
        client.set_curve_serverkey(&server).unwrap();
        client.set_curve_publickey(&own.public_key).unwrap();
        client.set_curve_secretkey(&own.secret_key).unwrap();
        client.connect(&endpoint).unwrap();
        client.send(body, 0).unwrap();
        client
    };
    let first = named("first");
    let of_first = receive(&mut door);
    assert_eq!((of_first.body(), of_first.identity()), (&b"first"[..], &b"desk"[..]));
    let second = named("second");
    let of_second = receive(&mut door);
    assert_eq!(of_second.body(), b"second");
    assert_ne!(of_second.identity(), b"desk");
    for (client, envelope) in [(&first, &of_first), (&second, &of_second)] {
        door.send(envelope.identity(), false, envelope.body()).unwrap();
        door.flush();
        let reply = wait_for!([door], {
            assert!(!door.receive(&mut Envelope::new()), "nobody has sent anything");
            client.recv_bytes(zmq::DONTWAIT).ok()
        });
        assert_eq!(reply, envelope.body());
    }
}

/// Each may have one reply of any length, however many do not read; but not all of them.
#[test]
fn replies_that_nobody_reads_are_bounded_together_at_a_native_door() {
    const REPLY: usize = 8 << 20;
    // What the kernel takes of a reply, at both ends, and does not count.
    const KERNEL: usize = 6 << 20;
    let (_context, mut door, endpoint) = open(DoorOptions::default()).next().expect("the native");
    let counters = Counters::new();
    door.count_into(&counters);
    assert!(door.take_gone().is_empty(), "from now on, who goes is known");
    let reply = vec![7; REPLY];
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut client = connect_to(&mut door, &endpoint);
        client.write_all(b"\0\x08question").unwrap();
        let envelope = receive(&mut door);
        door.send(envelope.identity(), false, &reply).unwrap();
        silent.push(client);
    }
    let gone = door.take_gone().len();
    assert_eq!(u64::try_from(gone).unwrap(), counters.get(Counter::ClientsDropped));
    let left = silent.len() - gone;
    assert!(0 < left, "nobody is disconnected before there is need");
    assert!(left * (REPLY - KERNEL) <= 128 << 20, "{left} have a reply waiting");

    let reader = client(zmq::DEALER, &endpoint);
    reader.send("question", 0).unwrap();
    let envelope = receive(&mut door);
    door.send(envelope.identity(), false, &reply).unwrap();
    // However late it reads: others have waited for longer.
    let dropped = counters.get(Counter::ClientsDropped);
    let received = wait_for!([door], {
        assert!(!door.receive(&mut Envelope::new()));
        reader.recv_bytes(zmq::DONTWAIT).ok()
    });
    assert!(received == reply, "who reads gets all of it");
    assert_eq!(counters.get(Counter::ClientsDropped), dropped);
}
