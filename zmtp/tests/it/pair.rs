//! A pair: the two ends of one connection, and the bytes between them.

use allot_zmtp::{Connection, Event, Fault, KeyPair, Options, Security, SocketType};

pub(crate) const MESSAGE_BYTES_MAX: usize = 1_000;
pub(crate) const FRAMES_MAX: usize = 10;

/// What an end heard, with its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    Ready,
    Message(Vec<Vec<u8>>),
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
}

pub(crate) fn options(socket: SocketType, security: Security) -> Options {
    Options {
        socket,
        identity: Vec::new(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        frames_max: FRAMES_MAX,
        security,
    }
}

/// A server and its client, before they have said anything to each other.
pub(crate) fn pair(server: SocketType, client: SocketType, is_sealed: bool) -> [Connection; 2] {
    let [of_server, of_client] =
        if is_sealed { sealed() } else { [Security::Null, Security::Null] };
    [Connection::new(options(server, of_server)), Connection::new(options(client, of_client))]
}

/// The security of a server, and that of a client which knows its key.
pub(crate) fn sealed() -> [Security; 2] {
    let (server, own) = (KeyPair::make(), KeyPair::make());
    let client = Security::CurveClient { server: server.public(), own };
    [Security::CurveServer(server), client]
}

/// Everything that an end hears in these bytes, given in pieces of `piece` bytes.
pub(crate) fn hear(end: &mut Connection, bytes: &[u8], piece: usize) -> Result<Vec<Heard>, Fault> {
    let mut heard = Vec::new();
    for mut piece in bytes.chunks(piece) {
        while let Some(event) = end.read(&mut piece)? {
            heard.push(match event {
                Event::Ready => Heard::Ready,
                Event::Message(message) => {
                    Heard::Message(message.frames().map(<[u8]>::to_vec).collect())
                }
                Event::Subscribe(topic) => Heard::Subscribe(topic.to_vec()),
                Event::Cancel(topic) => Heard::Cancel(topic.to_vec()),
            });
        }
        assert!(piece.is_empty(), "all of a piece is taken");
    }
    Ok(heard)
}

/// The output of an end, which it no longer has.
pub(crate) fn output(end: &mut Connection) -> Vec<u8> {
    let bytes = end.output().to_vec();
    end.take_output(bytes.len());
    bytes
}

/// Brings what each end says to the other until both are silent; returns what each heard.
pub(crate) fn talk(ends: &mut [Connection; 2], piece: usize) -> Result<[Vec<Heard>; 2], Fault> {
    let mut heard = [Vec::new(), Vec::new()];
    loop {
        let [of_first, of_second] = ends.each_mut().map(output);
        if of_first.is_empty() && of_second.is_empty() {
            return Ok(heard);
        }
        heard[1].extend(hear(&mut ends[1], &of_first, piece)?);
        heard[0].extend(hear(&mut ends[0], &of_second, piece)?);
    }
}
