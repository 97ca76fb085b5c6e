//! A dialect: the protocol of one peer, and how its replies are checked.

use allot_wire::Encoding;
use anyhow::Result;

use crate::fills::Totals;
use crate::peers::connection::Connection;

/// A whole message of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    /// How many bytes it has.
    pub(crate) len: usize,
    /// The number of the first fill of the message that it replies to, if it is a reply.
    pub(crate) first: Option<u64>,
}

/// One peer's protocol, on the side of the client.
pub(crate) trait Dialect {
    /// How fills are written for this peer.
    fn encoding(&self) -> Encoding;

    /// Prepares the peer before the first message, and removes what an earlier run has left.
    ///
    /// # Errors
    /// When the peer refuses.
    fn begin(&mut self, line: &mut Connection) -> Result<()>;

    /// Appends the request that carries the message whose first fill is number `first`.
    fn frame(&mut self, first: u64, message: &[u8], out: &mut Vec<u8>);

    /// Reads the first message in `bytes`, or nothing if it is not whole yet; what the peer has to
    /// get at once is appended to `out`.
    ///
    /// # Errors
    /// What is wrong with the message.
    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<Received>, String>;

    /// Asks the peer what it has once every message has its reply; gives how it was checked.
    ///
    /// # Errors
    /// When that is not what was sent: `messages` of fills that add up to `totals`.
    fn end(
        &mut self,
        line: &mut Connection,
        messages: u64,
        totals: &Totals,
    ) -> Result<&'static str>;
}

/// Appends a number in digits.
pub(crate) fn digits(number: u64, out: &mut Vec<u8>) {
    let mut buffer = [0; 20];
    let (mut place, mut left) = (buffer.len(), number);
    loop {
        place -= 1;
        buffer[place] = b'0' + u8::try_from(left % 10).expect("one digit");
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[place..]);
}

/// Reads a number in digits.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// The first line without its end, and where the next one begins.
pub(crate) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_back_from_its_digits() {
        for value in [0, 7, 10, 98_765_432_100, u64::MAX] {
            let mut out = Vec::new();
            digits(value, &mut out);
            assert_eq!(out, value.to_string().into_bytes());
            assert_eq!(number(&out), Some(value));
        }
        assert_eq!([number(b""), number(b"1 "), number(b"-1")], [None; 3]);
    }

    #[test]
    fn a_line_ends_with_both_of_its_bytes() {
        assert_eq!(line(b"+OK\r\n+"), Some((&b"+OK"[..], 5)));
        assert_eq!(line(b"+OK\r"), None);
        assert_eq!(line(b"+O\nK\r\n"), Some((&b"+O\nK"[..], 6)));
    }
}
