//! What two ends say reaches the other, however the bytes are cut.

use allot_zmtp::{Connection, Fault, Security, SocketType};
use proptest::prelude::*;

use crate::pair::{
    FRAMES_MAX, Heard, MESSAGE_BYTES_MAX, hear, options, output, pair, sealed, talk,
};

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let frame = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..20),
        prop::collection::vec(any::<u8>(), 250..260),
    ];
    prop::collection::vec(frame, 1..4)
}

proptest! {
    #[test]
    fn every_message_arrives_whole_and_in_order(
        messages in prop::collection::vec(frames(), 1..6),
        piece in 1_usize..600,
        is_sealed: bool,
    ) {
        let mut ends = pair(SocketType::Router, SocketType::Dealer, is_sealed);
        prop_assert_eq!(talk(&mut ends, piece), Ok([vec![Heard::Ready], vec![Heard::Ready]]));
        for end in &mut ends {
            for message in &messages {
                end.send(&message.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
        }
        let expected: Vec<_> = messages.into_iter().map(Heard::Message).collect();
        prop_assert_eq!(talk(&mut ends, piece), Ok([expected.clone(), expected]));
        prop_assert!(ends.iter().all(|end| end.unfinished_bytes() == 0));
    }
}

#[test]
fn a_client_is_known_by_its_identity_and_its_key() {
    let [server, client] = sealed();
    let Security::CurveClient { own, .. } = &client else { unreachable!("it is the client's") };
    let key = own.public();
    let mut client = options(SocketType::Req, client);
    client.identity = b"desk".to_vec();
    let router = Connection::new(options(SocketType::Router, server));
    let mut ends = [router, Connection::new(client)];
    talk(&mut ends, 7).unwrap();
    assert_eq!(ends[0].peer_identity(), b"desk");
    assert_eq!(ends[0].peer_key(), Some(key));
    assert!(ends.iter().all(Connection::is_open));
}

#[test]
fn both_forms_of_a_subscription_are_heard() {
    let mut ends = pair(SocketType::Xpub, SocketType::Sub, false);
    talk(&mut ends, 100).unwrap();
    ends[1].send(&[b"\x01a:"]);
    ends[1].send(&[b"\0a:"]);
    let mut bytes = output(&mut ends[1]);
    bytes.extend_from_slice(b"\x04\x0c\x09SUBSCRIBEb:\x04\x09\x06CANCELb:\0\x04more");
    let expected = [
        Heard::Subscribe(b"a:".to_vec()),
        Heard::Cancel(b"a:".to_vec()),
        Heard::Subscribe(b"b:".to_vec()),
        Heard::Cancel(b"b:".to_vec()),
        Heard::Message(vec![b"more".to_vec()]),
    ];
    for piece in [1, 5, 100] {
        assert_eq!(hear(&mut ends[0], &bytes, piece).unwrap(), expected);
    }
}

#[test]
fn a_ping_is_answered_with_its_context() {
    for is_sealed in [false, true] {
        let mut ends = pair(SocketType::Router, SocketType::Dealer, is_sealed);
        talk(&mut ends, 100).unwrap();
        ends[1].ping();
        assert_eq!(talk(&mut ends, 100), Ok([Vec::new(), Vec::new()]));
    }
    let mut ends = pair(SocketType::Router, SocketType::Dealer, false);
    talk(&mut ends, 100).unwrap();
    hear(&mut ends[0], b"\x04\x0a\x04PING\0\x1eabc", 3).unwrap();
    assert_eq!(output(&mut ends[0]), b"\x04\x08\x04PONGabc");
    assert_eq!(ends[0].peer_ttl(), 30);
}

#[test]
fn what_is_longer_than_allowed_ends_the_connection() {
    for is_sealed in [false, true] {
        let long = vec![7; MESSAGE_BYTES_MAX];
        let fits: [&[&[u8]]; 2] = [&[&long], &[b"", &long]];
        let most = [&b""[..]; FRAMES_MAX];
        let cases: [(&[&[u8]], Fault); 3] = [
            (&[&long, b"x"], Fault::TooLong),
            (&[&[&long[..], b"x"].concat()], Fault::TooLong),
            (&[&most[..], &[b""]].concat(), Fault::TooManyFrames),
        ];
        for (frames, fault) in cases {
            let mut ends = pair(SocketType::Router, SocketType::Dealer, is_sealed);
            talk(&mut ends, 100).unwrap();
            for fit in fits.iter().copied().chain([&most[..]]) {
                ends[1].send(fit);
                assert_eq!(talk(&mut ends, 100).unwrap()[0].len(), 1);
            }
            ends[1].send(frames);
            assert_eq!(talk(&mut ends, 100), Err(fault));
            assert_eq!(hear(&mut ends[0], b"\0\x01x", 9), Err(fault), "it stays so");
        }
    }
}

#[test]
fn ends_that_do_not_go_together_say_so() {
    let cases = [
        (SocketType::Router, SocketType::Sub, Fault::OtherSocketType),
        (SocketType::Xpub, SocketType::Dealer, Fault::OtherSocketType),
    ];
    for (server, client, fault) in cases {
        let mut ends = pair(server, client, false);
        assert_eq!(talk(&mut ends, 100), Err(fault));
    }
    let [of_server, _] = sealed();
    let server = Connection::new(options(SocketType::Router, of_server));
    let client = Connection::new(options(SocketType::Dealer, Security::Null));
    assert_eq!(talk(&mut [server, client], 100), Err(Fault::OtherMechanism));
    let [_, of_client] = sealed();
    let [of_server, _] = sealed();
    let server = Connection::new(options(SocketType::Router, of_server));
    let client = Connection::new(options(SocketType::Dealer, of_client));
    assert_eq!(talk(&mut [server, client], 100), Err(Fault::NotSealed), "another server's key");
}
