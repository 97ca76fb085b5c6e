//! What a peer says on a connection: to a front door or a publisher, with NULL or with CURVE.
#![no_main]

use allot_zmtp::{Connection, Event, KeyPair, Options, PublicKey, Security, SocketType};
use libfuzzer_sys::fuzz_target;

/// The most bytes of a message.
const MESSAGE_BYTES_MAX: usize = 1_000;
const FRAMES_MAX: usize = 10;

fuzz_target!(|bytes: &[u8]| {
    let Some(([how, piece], bytes)) = bytes.split_first_chunk() else { return };
    let (is_sealed, is_publisher, greets) = (how & 1 != 0, how & 2 != 0, how & 4 != 0);
    let mut server = Connection::new(Options {
        socket: if is_publisher { SocketType::Xpub } else { SocketType::Router },
        identity: Vec::new(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        frames_max: FRAMES_MAX,
        security: if is_sealed { sealed() } else { Security::Null },
    });
    if greets {
        // Most bytes are no greeting, and what is behind it would rarely be reached.
        let greeting = greeting(is_sealed, is_publisher);
        read(&mut server, &greeting, greeting.len());
    }
    read(&mut server, bytes, usize::from(*piece).max(1));
});

/// Reads everything, and checks the bounds.
fn read(server: &mut Connection, bytes: &[u8], piece: usize) {
    for mut piece in bytes.chunks(piece) {
        loop {
            match server.read(&mut piece) {
                Ok(Some(Event::Message(message))) => {
                    let len: usize = message.frames().map(<[u8]>::len).sum();
                    assert!(len <= MESSAGE_BYTES_MAX && message.count() <= FRAMES_MAX);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        let output_len = server.output().len();
        server.take_output(output_len / 2);
        // A message, its frames, and a frame under way, which may be the command of a handshake.
        assert!(server.unfinished_bytes() <= 2 * MESSAGE_BYTES_MAX + 64 * FRAMES_MAX + 4_200);
    }
}

fn sealed() -> Security {
    // The same in each run: a finding can be repeated.
    let key = |byte: u8| [byte; 32];
    Security::CurveServer(KeyPair::of(PublicKey(key(7)), key(9)))
}

/// What a client says before its first message; with CURVE, before its HELLO.
fn greeting(is_sealed: bool, is_publisher: bool) -> Vec<u8> {
    let mechanism: &[u8] = if is_sealed { b"CURVE" } else { b"NULL\0" };
    let mut bytes = [&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1][..], mechanism].concat();
    bytes.resize(64, 0);
    if !is_sealed {
        let kind: &[u8] = if is_publisher { b"\x03SUB" } else { b"\x03REQ" };
        bytes.extend_from_slice(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0");
        bytes.extend_from_slice(kind);
    }
    bytes
}
