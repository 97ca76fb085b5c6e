//! The handshake between a client and a server, with NULL or with CURVE, whose bytes somebody
//! changes on the way.
#![no_main]

use allot_zmtp::{Connection, Event, Fault, KeyPair, Options, PublicKey, Security, SocketType};
use libfuzzer_sys::fuzz_target;

const MESSAGE_BYTES_MAX: usize = 1_000;
/// A handshake is over after four turns, and the rest is for what a change has delayed.
const TURNS: usize = 8;

// The public keys follow from the secret ones, which are one byte each, 32 times.
const SERVER_SECRET: [u8; 32] = [9; 32];
const CLIENT_SECRET: [u8; 32] = [11; 32];
const SERVER_PUBLIC: [u8; 32] = [
    0x57, 0xdb, 0x4b, 0x35, 0x9f, 0x23, 0xae, 0x5e, 0x14, 0x6e, 0x4e, 0x25, 0x12, 0x05, 0x67, 0x04,
    0x72, 0x25, 0x06, 0x34, 0x8c, 0x15, 0x0c, 0x14, 0x75, 0x3d, 0x0c, 0x93, 0x3d, 0x04, 0xd4, 0x21,
];
const CLIENT_PUBLIC: [u8; 32] = [
    0x73, 0xb2, 0xd8, 0xb7, 0x6a, 0xa9, 0xb5, 0x36, 0x60, 0x03, 0x2b, 0xc8, 0xf5, 0xd8, 0xbe, 0xe3,
    0xa3, 0xae, 0x4e, 0x3b, 0x3a, 0x7f, 0xd4, 0x9a, 0xde, 0x81, 0xf7, 0x34, 0x7a, 0x34, 0xaa, 0x68,
];

/// A change: in which turn, of which end's bytes, where, and how.
struct Change<'a>(&'a [u8; 4]);

impl Change<'_> {
    fn is_of(&self, turn: usize, end: usize) -> bool {
        usize::from(self.0[0] % 16) == 2 * turn + end
    }

    fn make(&self, bytes: &mut Vec<u8>) {
        let [how, at, more, by] = *self.0;
        let at = usize::from(at) + 256 * usize::from(more & 1);
        match how / 64 {
            0 | 1 if at < bytes.len() => bytes[at] ^= by,
            2 => bytes.truncate(at),
            3 if at <= bytes.len() => bytes.insert(at, by),
            _ => {}
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(([how, piece], bytes)) = bytes.split_first_chunk() else { return };
    let (is_sealed, is_feed) = (how & 1 != 0, how & 2 != 0);
    let (changes, _) = bytes.as_chunks();
    let [of_server, of_client] =
        if is_sealed { sealed() } else { [Security::Null, Security::Null] };
    let kinds = if is_feed {
        [SocketType::Xpub, SocketType::Sub]
    } else {
        [SocketType::Router, SocketType::Dealer]
    };
    let mut ends = [end(kinds[0], of_server), end(kinds[1], of_client)];
    let is_unchanged = changes.is_empty();
    let result = talk(&mut ends, changes, usize::from(*piece).max(1));
    let are_open = ends.iter().all(Connection::is_open);
    assert!(!is_unchanged || result.is_ok() && are_open, "unchanged, it ends well");
    if is_sealed && ends[0].is_open() {
        // Whatever was changed: nobody else could have sealed this.
        assert_eq!(ends[0].peer_key(), Some(PublicKey(CLIENT_PUBLIC)));
        assert!(ends[0].peer_identity().is_empty());
    }
    if are_open && result.is_ok() {
        ends[1].send(&[b"", b"after"]);
        let said = output(&mut ends[1]);
        // A change may have left the beginning of a frame behind, which is then completed by this.
        let _ = hear(&mut ends[0], &said, said.len());
    }
});

fn talk(ends: &mut [Connection; 2], changes: &[[u8; 4]], piece: usize) -> Result<(), Fault> {
    for turn in 0..TURNS {
        for from in [0, 1] {
            let mut said = output(&mut ends[from]);
            let of_these = changes.iter().map(Change).filter(|change| change.is_of(turn, from));
            of_these.for_each(|change| change.make(&mut said));
            hear(&mut ends[1 - from], &said, piece)?;
        }
    }
    Ok(())
}

fn hear(end: &mut Connection, bytes: &[u8], piece: usize) -> Result<(), Fault> {
    for mut piece in bytes.chunks(piece) {
        while let Some(event) = end.read(&mut piece)? {
            if let Event::Message(message) = event {
                assert!(message.frames().map(<[u8]>::len).sum::<usize>() <= MESSAGE_BYTES_MAX);
            }
        }
        // A message, and a frame under way, which may be the command of a handshake.
        assert!(end.unfinished_bytes() <= 2 * MESSAGE_BYTES_MAX + 64 * 10 + 4_200);
    }
    Ok(())
}

fn output(end: &mut Connection) -> Vec<u8> {
    let bytes = end.output().to_vec();
    end.take_output(bytes.len());
    bytes
}

fn end(socket: SocketType, security: Security) -> Connection {
    Connection::new(Options {
        socket,
        identity: Vec::new(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        frames_max: 10,
        security,
    })
}

/// The permanent keys are the same in each run; those of a connection are not, which changes what
/// is said but not what it means.
fn sealed() -> [Security; 2] {
    let server = PublicKey(SERVER_PUBLIC);
    let own = KeyPair::of(PublicKey(CLIENT_PUBLIC), CLIENT_SECRET);
    [
        Security::CurveServer(KeyPair::of(server, SERVER_SECRET)),
        Security::CurveClient { server, own },
    ]
}
