//! Our codec and the second one understand each other: every role, NULL and CURVE.

use allot_zmtp::{Connection, Options, Security, SocketType};
use omq_proto::MechanismSetup;
use omq_proto::proto::Command;

use crate::pair::{Heard, hear, output};
use crate::second::{Keys, Second};

/// A megabyte and a byte fit.
const MESSAGE_BYTES_MAX: usize = (1 << 20) + 1;

/// Sizes about those where the form of a frame changes, and where buffers do.
const SIZES: [usize; 16] = [
    0,
    1,
    2,
    54,
    55,
    56,
    254,
    255,
    256,
    257,
    (64 << 10) - 1,
    64 << 10,
    (64 << 10) + 1,
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
];

/// Who is at the server's end, and who at the client's.
const ROLES: [[SocketType; 2]; 3] = [
    [SocketType::Router, SocketType::Dealer],
    [SocketType::Router, SocketType::Req],
    [SocketType::Xpub, SocketType::Sub],
];

/// Our end and the other's.
struct Ends {
    ours: Connection,
    theirs: Second,
    /// How the bytes are cut.
    piece: usize,
}

impl Ends {
    fn new(roles: [SocketType; 2], is_server: bool, keys: Option<&Keys>, piece: usize) -> Self {
        let [of_server, of_client] = keys.map_or([Security::Null, Security::Null], Keys::ours);
        let [to_server, to_client] =
            keys.map_or([MechanismSetup::Null, MechanismSetup::Null], Keys::theirs);
        let [server, client] = roles;
        let (own, other, security, their_security) = if is_server {
            (server, client, of_server, to_client)
        } else {
            (client, server, of_client, to_server)
        };
        let ours = Connection::new(Options {
            socket: own,
            identity: if takes_identity(own) { b"ours".to_vec() } else { Vec::new() },
            message_bytes_max: MESSAGE_BYTES_MAX,
            frames_max: 100,
            security,
        });
        Self { ours, theirs: Second::new(other, b"theirs", their_security), piece }
    }

    /// Brings what each says to the other until both are silent; returns what each heard.
    fn talk(&mut self) -> [Vec<Heard>; 2] {
        let (mut we, mut they) = (Vec::new(), Vec::new());
        loop {
            let (from_us, from_them) = (output(&mut self.ours), self.theirs.output());
            if from_us.is_empty() && from_them.is_empty() {
                return [we, they];
            }
            we.extend(hear(&mut self.ours, &from_them, self.piece).unwrap());
            let (heard, error) = self.theirs.hear(&from_us, self.piece);
            assert!(error.is_none(), "{error:?}");
            they.extend(heard);
        }
    }
}

const fn takes_identity(socket: SocketType) -> bool {
    !matches!(socket, SocketType::Xpub | SocketType::Sub)
}

/// Each pair of roles, on either side, plain and sealed, after the handshake.
fn for_each_end(piece: usize, check: impl Fn(&mut Ends, [SocketType; 2], bool)) {
    for roles in ROLES {
        for is_server in [true, false] {
            for keys in [None, Some(Keys::make())] {
                let mut ends = Ends::new(roles, is_server, keys.as_ref(), piece);
                assert_eq!(ends.talk(), [vec![Heard::Ready], vec![Heard::Ready]], "{roles:?}");
                assert_eq!(ends.ours.peer_identity(), b"theirs", "{roles:?}");
                let own = if is_server { roles[0] } else { roles[1] };
                let told: &[u8] = if takes_identity(own) { b"ours" } else { b"" };
                assert_eq!(ends.theirs.peer_identity, told, "{roles:?}");
                if let Some(keys) = keys.filter(|_| is_server) {
                    assert_eq!(ends.ours.peer_key(), Some(keys.of_client()));
                }
                check(&mut ends, roles, is_server);
            }
        }
    }
}

fn bytes(len: usize, salt: usize) -> Vec<u8> {
    // No first byte is that of a subscription.
    (0..len).map(|at| u8::try_from((at * 7 + salt) % 251 + 2).unwrap()).collect()
}

#[test]
fn handshakes_end_however_the_bytes_are_cut() {
    for piece in [1, 2, 3, 10, 11, 63, 64, 65, 200, 1_000] {
        for_each_end(piece, |_, _, _| ());
    }
}

#[test]
fn frames_of_every_size_arrive_in_both_directions() {
    for_each_end(60_000, |ends, roles, _| {
        for len in SIZES {
            let message = vec![bytes(len, 1)];
            ends.ours.send(&[&message[0]]);
            ends.theirs.send(&message);
            let expected = vec![Heard::Message(message)];
            assert!(ends.talk() == [expected.clone(), expected], "{roles:?} {len}");
        }
    });
}

#[test]
fn messages_of_many_frames_arrive_in_both_directions() {
    for_each_end(1_000, |ends, roles, _| {
        for count in [2, 3, 100] {
            let message: Vec<_> = (0..count).map(|at| bytes(SIZES[at % 9], at)).collect();
            ends.ours.send(&message.iter().map(Vec::as_slice).collect::<Vec<_>>());
            ends.theirs.send(&message);
            let expected = vec![Heard::Message(message)];
            assert!(ends.talk() == [expected.clone(), expected], "{roles:?} {count}");
        }
    });
}

#[test]
fn subscriptions_are_heard_in_both_forms() {
    for keys in [None, Some(Keys::make())] {
        let roles = [SocketType::Xpub, SocketType::Sub];
        let mut ends = Ends::new(roles, true, keys.as_ref(), 7);
        ends.talk();
        let long = vec![b'x'; 300];
        let mut expected = Vec::new();
        for topic in [&b"positions:"[..], b"", &long] {
            // In turns: the second codec sends commands and messages in the order of the calls.
            ends.theirs.command(&Command::Subscribe(topic.to_vec().into()));
            ends.theirs.send(&[[&[1], topic].concat()]);
            ends.theirs.command(&Command::Cancel(topic.to_vec().into()));
            ends.theirs.send(&[[&[0], topic].concat()]);
            let topic = topic.to_vec();
            expected.extend([
                Heard::Subscribe(topic.clone()),
                Heard::Subscribe(topic.clone()),
                Heard::Cancel(topic.clone()),
                Heard::Cancel(topic),
            ]);
        }
        assert_eq!(ends.talk(), [expected, Vec::new()]);
        // What our subscriber sends is the form of before, which both have to know.
        let mut ends = Ends::new(roles, false, keys.as_ref(), 7);
        ends.talk();
        ends.ours.send(&[b"\x01fills:"]);
        ends.ours.send(&[b"\0fills:"]);
        let topic = b"fills:".to_vec();
        let expected = vec![Heard::Subscribe(topic.clone()), Heard::Cancel(topic)];
        assert_eq!(ends.talk(), [Vec::new(), expected]);
    }
}

#[test]
fn signs_of_life_are_asked_for_and_given() {
    for_each_end(5, |ends, roles, _| {
        let context = vec![9; 16];
        ends.theirs
            .command(&Command::Ping { ttl_deciseconds: 50, context: context.clone().into() });
        ends.ours.ping();
        let (from_us, from_them) = (output(&mut ends.ours), ends.theirs.output());
        assert_eq!(hear(&mut ends.ours, &from_them, 5).unwrap(), [], "{roles:?}");
        assert!(ends.theirs.hear(&from_us, 5).1.is_none(), "{roles:?}");
        assert_eq!(ends.ours.peer_ttl(), 50);
        // Each has a PONG for the other, with the context of its PING, and it is the last word.
        let (from_us, from_them) = (output(&mut ends.ours), ends.theirs.output());
        if !ends.ours.is_sealed() {
            assert_eq!(from_us, [&b"\x04\x15\x04PONG"[..], &context].concat());
            assert_eq!(from_them, b"\x04\x05\x04PONG");
        }
        assert_eq!(hear(&mut ends.ours, &from_them, 5).unwrap(), [], "{roles:?}");
        let (heard, error) = ends.theirs.hear(&from_us, 5);
        assert!(heard.is_empty() && error.is_none(), "{roles:?} {error:?}");
        assert_eq!(ends.talk(), [Vec::new(), Vec::new()]);
    });
}

#[test]
fn commands_that_nobody_knows_are_passed_over() {
    for_each_end(5, |ends, roles, _| {
        let news = Command::Unknown { name: b"NEWS"[..].into(), body: b"abc"[..].into() };
        for command in [news, Command::Join(b"group"[..].into())] {
            ends.theirs.command(&command);
            ends.theirs.send(&[b"next".to_vec()]);
            let expected = vec![Heard::Message(vec![b"next".to_vec()])];
            assert_eq!(ends.talk(), [expected, Vec::new()], "{roles:?}");
        }
    });
}

#[test]
fn a_client_with_another_servers_key_is_refused_by_both() {
    let (keys, others) = (Keys::make(), Keys::make());
    let roles = [SocketType::Router, SocketType::Dealer];
    let mut ends = Ends::new(roles, true, Some(&keys), 100);
    ends.theirs = Second::new(SocketType::Dealer, b"", others.theirs()[1].clone());
    let (greeting, theirs) = (output(&mut ends.ours), ends.theirs.output());
    assert_eq!(hear(&mut ends.ours, &theirs, 100).unwrap(), []);
    assert!(ends.theirs.hear(&greeting, 100).1.is_none());
    let hello = ends.theirs.output();
    assert_eq!(hear(&mut ends.ours, &hello, 100), Err(allot_zmtp::Fault::NotSealed));

    let mut ends = Ends::new(roles, false, Some(&keys), 100);
    ends.theirs = Second::new(SocketType::Router, b"", others.theirs()[0].clone());
    let (greeting, theirs) = (output(&mut ends.ours), ends.theirs.output());
    assert_eq!(hear(&mut ends.ours, &theirs, 100).unwrap(), []);
    assert!(ends.theirs.hear(&greeting, 100).1.is_none());
    let hello = output(&mut ends.ours);
    assert!(ends.theirs.hear(&hello, 100).1.is_some());
}

#[test]
fn what_the_second_peer_sealed_and_somebody_changed_is_refused() {
    let len = sealed_message().1.len();
    for at in 0..len {
        let (mut ours, mut sealed) = sealed_message();
        sealed[at] ^= 0x20;
        let heard = hear(&mut ours, &sealed, 1_000);
        // A length that became longer waits for what never comes.
        let waits = heard.as_ref().is_ok_and(Vec::is_empty);
        assert!(heard.is_err() || waits, "byte {at}: {heard:?}");
    }
}

/// Our server after the handshake, and a message of the second peer that it has not heard.
fn sealed_message() -> (Connection, Vec<u8>) {
    let roles = [SocketType::Router, SocketType::Dealer];
    let mut ends = Ends::new(roles, true, Some(&Keys::make()), 1_000);
    ends.talk();
    ends.theirs.send(&[b"a fill".to_vec()]);
    let sealed = ends.theirs.output();
    (ends.ours, sealed)
}
