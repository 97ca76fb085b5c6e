//! Metadata: the properties that an end tells of itself when the handshake ends.
//!
//! ```text
//!   length, 1 byte │ name │ length, 4 bytes │ value │ the next one
//! ```

use crate::limits::{IDENTITY_LEN_MAX, PROPERTIES_MAX};
use crate::{Fault, SocketType};

const SOCKET_TYPE: &[u8] = b"Socket-Type";
const IDENTITY: &[u8] = b"Identity";

/// Writes the properties of this end.
pub(crate) fn write(socket: SocketType, identity: &[u8], out: &mut Vec<u8>) {
    write_property(SOCKET_TYPE, socket.name(), out);
    if matches!(socket, SocketType::Dealer | SocketType::Req | SocketType::Router) {
        write_property(IDENTITY, identity, out);
    }
}

fn write_property(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(name.len()).expect("names are short"));
    out.extend_from_slice(name);
    let len = u32::try_from(value.len()).expect("values are short");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(value);
}

/// Reads the properties of the peer; returns the identity that it chose, which may be empty.
pub(crate) fn read(mut bytes: &[u8], own: SocketType) -> Result<Vec<u8>, Fault> {
    let (mut socket, mut identity) = (None, None);
    let mut count = 0;
    while !bytes.is_empty() {
        count += 1;
        let (name, value, rest) = property(bytes).ok_or(Fault::BadProperty)?;
        bytes = rest;
        let known = if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            socket.replace(value)
        } else if name.eq_ignore_ascii_case(IDENTITY) {
            identity.replace(value)
        } else {
            None
        };
        if known.is_some() || PROPERTIES_MAX < count {
            return Err(Fault::BadProperty);
        }
    }
    if !own.goes_with(socket.ok_or(Fault::BadProperty)?) {
        return Err(Fault::OtherSocketType);
    }
    let identity = identity.unwrap_or_default();
    // A zero begins the identities that a router gives.
    if IDENTITY_LEN_MAX < identity.len() || identity.first() == Some(&0) {
        return Err(Fault::BadProperty);
    }
    Ok(identity.to_vec())
}

/// The first property, its value, and what follows.
fn property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_len, bytes) = bytes.split_first()?;
    let (name, bytes) = bytes.split_at_checked(usize::from(*name_len))?;
    let (value_len, bytes) = bytes.split_first_chunk()?;
    let value_len = usize::try_from(u32::from_be_bytes(*value_len)).ok()?;
    let (value, rest) = bytes.split_at_checked(value_len)?;
    if name.is_empty() { None } else { Some((name, value, rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(socket: SocketType, identity: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(socket, identity, &mut bytes);
        bytes
    }

    #[test]
    fn properties_are_read_as_they_are_written() {
        let bytes = of(SocketType::Dealer, b"desk");
        assert_eq!(read(&bytes, SocketType::Router), Ok(b"desk".to_vec()));
        assert_eq!(read(&bytes, SocketType::Xpub), Err(Fault::OtherSocketType));
        let bytes = of(SocketType::Sub, b"");
        assert_eq!(read(&bytes, SocketType::Xpub), Ok(Vec::new()));
    }

    #[test]
    fn names_have_no_case_and_others_are_passed_over() {
        let bytes = b"\x0bSOCKET-TYPE\0\0\0\x03REQ\x06X-Test\0\0\0\x01x\x08identity\0\0\0\x01a";
        assert_eq!(read(bytes, SocketType::Router), Ok(b"a".to_vec()));
    }

    #[test]
    fn what_is_cut_short_twice_or_not_there_is_refused() {
        let bytes = of(SocketType::Req, b"a");
        for end in 0..bytes.len() {
            // Cut between the two it is a peer without an identity.
            let expected = if end == 19 { Ok(Vec::new()) } else { Err(Fault::BadProperty) };
            assert_eq!(read(&bytes[..end], SocketType::Router), expected, "{end}");
        }
        let twice = [&bytes[..], &bytes[..]].concat();
        assert_eq!(read(&twice, SocketType::Router), Err(Fault::BadProperty));
        let many = [&bytes[..], &b"\x01x\0\0\0\0".repeat(31)[..]].concat();
        assert_eq!(read(&many, SocketType::Router), Err(Fault::BadProperty));
        let given = of(SocketType::Dealer, b"\0abcd");
        assert_eq!(read(&given, SocketType::Router), Err(Fault::BadProperty));
    }
}
