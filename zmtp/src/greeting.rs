//! A greeting: the first 64 bytes of each end.
//!
//! ```text
//!   ff 00 00 00 00 00 00 00 01 7f │ 03 01 │ mechanism, 20 │ as-server │ 31 zeros
//!           signature             │version│               │           │
//! ```
//!
//! The eight bytes within the signature may be anything: a peer of ZMTP 1 reads them as a length.

use crate::Fault;
use crate::limits::GREETING_LEN;

const MECHANISM_AT: usize = 12;
const MECHANISM_LEN: usize = 20;
const AS_SERVER_AT: usize = 32;
/// The oldest version that is understood, by its major number.
const MAJOR: u8 = 3;
const MINOR: u8 = 1;

/// A mechanism's name as it stands in a greeting.
pub(crate) type MechanismName = [u8; MECHANISM_LEN];

pub(crate) const NULL: MechanismName = padded(b"NULL");
pub(crate) const CURVE: MechanismName = padded(b"CURVE");

const fn padded(name: &[u8]) -> MechanismName {
    let mut bytes = [0; MECHANISM_LEN];
    let mut at = 0;
    while at < name.len() {
        bytes[at] = name[at];
        at += 1;
    }
    bytes
}

/// Writes this end's greeting.
pub(crate) fn write(mechanism: &MechanismName, as_server: bool, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, MAJOR, MINOR]);
    out.extend_from_slice(mechanism);
    out.push(u8::from(as_server));
    out.resize(begin + GREETING_LEN, 0);
}

/// Looks at as much of the peer's greeting as there is, so that a peer that speaks something else
/// need not be waited for.
pub(crate) fn check(bytes: &[u8], mechanism: &MechanismName, as_server: bool) -> Result<(), Fault> {
    let is = |at: usize, value: u8| bytes.get(at).is_none_or(|byte| *byte == value);
    if !is(0, 0xff) || !is(9, 0x7f) {
        return Err(Fault::NotZmtp);
    }
    if bytes.get(10).is_some_and(|major| *major < MAJOR) {
        return Err(Fault::OldVersion);
    }
    if bytes.len() < GREETING_LEN {
        return Ok(());
    }
    let its = &bytes[MECHANISM_AT..MECHANISM_AT + MECHANISM_LEN];
    // With CURVE one end is the server, and two of them never talk. A server of libzmq does not say
    // that it is one. NULL has none, and its flag says nothing.
    let are_servers = *mechanism != NULL && bytes[AS_SERVER_AT] == 1 && as_server;
    if its == mechanism && !are_servers { Ok(()) } else { Err(Fault::OtherMechanism) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_understood_by_the_other_end() {
        for (mechanism, as_server) in [(NULL, false), (CURVE, true)] {
            let mut bytes = Vec::new();
            write(&mechanism, as_server, &mut bytes);
            assert_eq!(bytes.len(), GREETING_LEN);
            for end in 0..=GREETING_LEN {
                assert_eq!(check(&bytes[..end], &mechanism, false), Ok(()), "{end} bytes");
            }
        }
    }

    #[test]
    fn another_protocol_is_refused_at_its_first_byte() {
        assert_eq!(check(b"GET / HTTP/1.1", &NULL, false), Err(Fault::NotZmtp));
        // ZMTP 2: the version stands where the major number is.
        let old = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1];
        assert_eq!(check(&old, &NULL, false), Err(Fault::OldVersion));
        let mut bytes = Vec::new();
        write(&CURVE, true, &mut bytes);
        assert_eq!(check(&bytes, &NULL, false), Err(Fault::OtherMechanism));
        assert_eq!(check(&bytes, &CURVE, true), Err(Fault::OtherMechanism), "two servers");
        bytes[AS_SERVER_AT] = 0;
        assert_eq!(check(&bytes, &CURVE, false), Ok(()), "a server of libzmq");
    }
}
