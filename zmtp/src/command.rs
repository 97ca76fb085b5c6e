//! A command: a name and its data, for the protocol and not for the reader of messages.

use crate::Fault;
use crate::frame::{self, Kind};
use crate::limits::PING_CONTEXT_LEN_MAX;

/// A command after the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command<'a> {
    /// The peer wants a sign of life; it takes the connection for dead after `ttl` tenths of a
    /// second without one.
    Ping {
        ttl: u16,
        context: &'a [u8],
    },
    Subscribe(&'a [u8]),
    Cancel(&'a [u8]),
    /// The peer ends the connection.
    Error,
    /// Any other; a PONG among them.
    Other,
}

/// The name of a command and its data.
pub(crate) fn split(body: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (len, rest) = body.split_first().ok_or(Fault::BadCommand)?;
    let name_and_data = rest.split_at_checked(usize::from(*len)).ok_or(Fault::BadCommand)?;
    if name_and_data.0.is_empty() { Err(Fault::BadCommand) } else { Ok(name_and_data) }
}

/// The data of the command that has to come now.
pub(crate) fn expect<'a>(body: &'a [u8], name: &[u8]) -> Result<&'a [u8], Fault> {
    match split(body)? {
        (given, data) if given == name => Ok(data),
        (b"ERROR", _) => Err(Fault::Refused),
        _ => Err(Fault::BadCommand),
    }
}

/// Reads a command after the handshake.
pub(crate) fn read(body: &[u8]) -> Result<Command<'_>, Fault> {
    let (name, data) = split(body)?;
    match name {
        b"PING" => {
            let (ttl, context) = data.split_first_chunk().ok_or(Fault::BadCommand)?;
            if PING_CONTEXT_LEN_MAX < context.len() {
                return Err(Fault::BadCommand);
            }
            Ok(Command::Ping { ttl: u16::from_be_bytes(*ttl), context })
        }
        b"SUBSCRIBE" => Ok(Command::Subscribe(data)),
        b"CANCEL" => Ok(Command::Cancel(data)),
        b"ERROR" => Ok(Command::Error),
        _ => Ok(Command::Other),
    }
}

/// Writes the body of a command.
pub(crate) fn write_body(name: &[u8], data: &[&[u8]], out: &mut Vec<u8>) {
    out.push(u8::try_from(name.len()).expect("names are short"));
    out.extend_from_slice(name);
    data.iter().for_each(|part| out.extend_from_slice(part));
}

/// Writes a command as a frame.
pub(crate) fn write(name: &[u8], data: &[&[u8]], out: &mut Vec<u8>) {
    let data_len: usize = data.iter().map(|part| part.len()).sum();
    frame::write_header(Kind::Command, 1 + name.len() + data_len, out);
    write_body(name, data, out);
}

/// Writes an ERROR command.
pub(crate) fn write_error(reason: &str, out: &mut Vec<u8>) {
    let len = u8::try_from(reason.len()).expect("reasons are short");
    write(b"ERROR", &[&[len], reason.as_bytes()], out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(name: &[u8], data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_body(name, &[data], &mut bytes);
        bytes
    }

    #[test]
    fn a_command_is_read_as_it_is_written() {
        let ping = body(b"PING", b"\0\x0aabc");
        assert_eq!(read(&ping), Ok(Command::Ping { ttl: 10, context: b"abc" }));
        assert_eq!(read(&body(b"SUBSCRIBE", b"a:")), Ok(Command::Subscribe(b"a:")));
        assert_eq!(read(&body(b"CANCEL", b"")), Ok(Command::Cancel(b"")));
        assert_eq!(read(&body(b"PONG", b"abc")), Ok(Command::Other));
        assert_eq!(read(&body(b"NEWS", b"abc")), Ok(Command::Other));
    }

    #[test]
    fn a_command_that_cannot_be_read_is_refused() {
        let long = body(b"PING", &[7; 2 + PING_CONTEXT_LEN_MAX + 1]);
        for bytes in [&b""[..], b"\0", b"\x05PING", &body(b"PING", b"\0"), &long] {
            assert_eq!(read(bytes), Err(Fault::BadCommand));
        }
        assert_eq!(expect(&body(b"READY", b"x"), b"READY"), Ok(&b"x"[..]));
        assert_eq!(expect(&body(b"ERROR", b"\0"), b"READY"), Err(Fault::Refused));
        assert_eq!(expect(&body(b"PING", b"\0\0"), b"READY"), Err(Fault::BadCommand));
    }
}
