//! Any bytes end in events or in a fault.

use allot_zmtp::{Connection, Fault, SocketType};
use proptest::prelude::*;

use crate::pair::{hear, options, output, pair, sealed, talk};

/// The bytes of a session from its client, and the server that has heard none of them.
///
/// With CURVE the server has heard the handshake: its keys are new each time.
fn session(is_sealed: bool) -> (Connection, Vec<u8>) {
    let [mut server, mut client] = pair(SocketType::Router, SocketType::Dealer, is_sealed);
    let mut bytes = Vec::new();
    let mut round = |server: &mut Connection, client: &mut Connection| {
        let said = output(client);
        hear(server, &said, 1_000).unwrap();
        hear(client, &output(server), 1_000).unwrap();
        bytes.extend_from_slice(&said);
    };
    for _ in 0..4 {
        round(&mut server, &mut client);
    }
    client.send(&[b"", b"first"]);
    client.ping();
    client.send(&[&[7; 300]]);
    if is_sealed {
        return (server, output(&mut client));
    }
    bytes.extend(output(&mut client));
    let [fresh, _] = pair(SocketType::Router, SocketType::Dealer, false);
    (fresh, bytes)
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        piece in 1_usize..400,
        is_sealed: bool,
    ) {
        let (mut server, mut bytes) = session(is_sealed);
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        // Whether it is refused depends on what was changed.
        let _ = hear(&mut server, &bytes, piece);
    }

    #[test]
    fn bytes_that_mean_nothing_never_panic(bytes: Vec<u8>, piece in 1_usize..40) {
        let (mut server, session) = session(false);
        let handshake = 64 + 2 + usize::from(session[65]);
        let _ = hear(&mut server, &session[..handshake], piece);
        let _ = hear(&mut server, &bytes, piece);
    }
}

#[test]
fn a_box_that_was_changed_or_that_came_before_is_refused() {
    let (mut server, bytes) = session(true);
    assert_eq!(hear(&mut server, &bytes, 1_000).unwrap().len(), 2);
    assert_eq!(hear(&mut server, &bytes, 1_000), Err(Fault::NotSealed), "sent once more");
    for at in 0..bytes.len() {
        let (mut server, mut bytes) = session(true);
        bytes[at] ^= 0x80;
        let heard = hear(&mut server, &bytes, 1_000);
        // A length that became longer waits for what never comes.
        let waits = heard.as_ref().is_ok_and(|heard| heard.len() < 2);
        assert!(heard.is_err() || waits, "byte {at}: {heard:?}");
    }
}

#[test]
fn with_curve_nothing_is_taken_that_is_not_in_a_box() {
    let (mut server, _) = session(true);
    assert_eq!(hear(&mut server, b"\0\x05plain", 9), Err(Fault::BadCommand));
    let (mut server, _) = session(true);
    assert_eq!(hear(&mut server, b"\x04\x07\x04PING\0\0", 9), Err(Fault::BadCommand));
}

#[test]
fn a_handshake_is_not_skipped() {
    for is_sealed in [false, true] {
        let [mut server, mut client] = pair(SocketType::Router, SocketType::Dealer, is_sealed);
        hear(&mut server, &output(&mut client), 100).unwrap();
        assert_eq!(hear(&mut server, b"\0\x05first", 9), Err(Fault::BadCommand));
    }
}

#[test]
fn a_cookie_of_another_connection_opens_nothing() {
    let [of_server, of_client] = sealed();
    let server = || Connection::new(options(SocketType::Router, of_server.clone()));
    let mut client = Connection::new(options(SocketType::Dealer, of_client));
    let (mut first, mut second) = (server(), server());
    hear(&mut client, &output(&mut first), 100).unwrap();
    let hello = output(&mut client);
    hear(&mut first, &hello, 1_000).unwrap();
    hear(&mut second, &hello, 1_000).unwrap();
    hear(&mut client, &output(&mut first), 1_000).unwrap();
    let initiate = output(&mut client);
    assert_eq!(hear(&mut second, &initiate, 1_000), Err(Fault::NotSealed));
    assert!(hear(&mut first, &initiate, 1_000).is_ok());
    assert!(talk(&mut [first, client], 100).is_ok());
}

#[test]
fn an_announced_length_takes_no_memory() {
    let [mut server, _] = pair(SocketType::Router, SocketType::Dealer, false);
    let (_, bytes) = session(false);
    let handshake = 64 + 2 + usize::from(bytes[65]);
    hear(&mut server, &bytes[..handshake], 1_000).unwrap();
    hear(&mut server, b"\x02\0\0\0\0\0\0\x03\xe8x", 100).unwrap();
    assert_eq!(server.unfinished_bytes(), 10);
    assert_eq!(hear(&mut server, &[7; 999], 100).unwrap().len(), 1);
    assert_eq!(server.unfinished_bytes(), 0);
    assert_eq!(hear(&mut server, b"\x02\0\0\0\0\0\0\x03\xe9", 100), Err(Fault::TooLong));
}
