//! NATS: its text protocol, and a request that a subscriber replies to.
//!
//! ```text
//!   client ── PUB fills INBOX.17 ──► server ── MSG fills ──► responder
//!   client ◄── MSG INBOX.17 ──────── server ◄── PUB INBOX.17 ──┘
//! ```

use allot_wire::Encoding;
use anyhow::Result;

use crate::batch_builder;
use crate::fills::Totals;
use crate::peers::connection::Connection;
use crate::peers::dialect::{self, Dialect, Received};

/// The subject of requests, and the name of the stream that keeps them.
pub(crate) const SUBJECT: &str = "fills";

/// Where replies go: the number of a message's first fill follows.
pub(crate) const INBOX: &str = "_INBOX.bench.";

/// What a server sends, as far as it concerns a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Frame<'a> {
    Message {
        subject: &'a [u8],
        reply: Option<&'a [u8]>,
        body: &'a [u8],
    },
    Ping,
    Pong,
    /// `INFO`, and `+OK`.
    Other,
}

/// Requests to a responder that sends every message back.
pub(crate) struct NatsRequest;

impl Dialect for NatsRequest {
    fn encoding(&self) -> Encoding {
        Encoding::Binary
    }

    fn begin(&mut self, line: &mut Connection) -> Result<()> {
        greet(line, &format!("{INBOX}*"))
    }

    fn frame(&mut self, first: u64, message: &[u8], out: &mut Vec<u8>) {
        request(SUBJECT, first, message, out);
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<Received>, String> {
        receive(bytes, out, |first, body| match batch_builder::first_seq(body) {
            Some(seq) if seq == first => Ok(()),
            other => Err(format!("request {first} came back as {other:?}")),
        })
    }

    fn end(
        &mut self,
        _line: &mut Connection,
        _messages: u64,
        _totals: &Totals,
    ) -> Result<&'static str> {
        Ok("every message came back once")
    }
}

/// Connects and subscribes a client; the server has done both when this returns.
///
/// # Errors
/// When it does not.
pub(crate) fn greet(line: &mut Connection, subject: &str) -> Result<()> {
    let hello =
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"rust\",\"version\":\"1\"}";
    line.out.extend_from_slice(format!("{hello}\r\nSUB {subject} 1\r\nPING\r\n").as_bytes());
    line.ask(|bytes| {
        let mut at = 0;
        while let Some((frame, len)) = read(&bytes[at..])? {
            at += len;
            if frame == Frame::Pong {
                return Ok(Some((at, ())));
            }
        }
        Ok(None)
    })
}

/// Appends a publication without a reply subject.
pub(crate) fn publish(subject: &[u8], body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"PUB ");
    out.extend_from_slice(subject);
    carry(body, out);
}

/// Appends how long a body is, and the body.
fn carry(body: &[u8], out: &mut Vec<u8>) {
    out.push(b' ');
    dialect::digits(u64::try_from(body.len()).expect("a length"), out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}

/// Appends the request that carries the message whose first fill is number `first`.
pub(crate) fn request(subject: &str, first: u64, message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"PUB ");
    out.extend_from_slice(subject.as_bytes());
    out.push(b' ');
    out.extend_from_slice(INBOX.as_bytes());
    dialect::digits(first, out);
    carry(message, out);
}

/// Reads one frame of a client that gets only replies; `check` gets the number of the request and
/// the body.
///
/// # Errors
/// A frame that is not a reply, or what `check` finds wrong.
pub(crate) fn receive(
    bytes: &[u8],
    out: &mut Vec<u8>,
    check: impl FnOnce(u64, &[u8]) -> Result<(), String>,
) -> Result<Option<Received>, String> {
    let Some((frame, len)) = read(bytes)? else {
        return Ok(None);
    };
    let mut first = None;
    match frame {
        Frame::Message { subject, body, .. } => {
            let number = subject.strip_prefix(INBOX.as_bytes()).and_then(dialect::number);
            let number = number.ok_or("a message that is not a reply")?;
            check(number, body)?;
            first = Some(number);
        }
        Frame::Ping => out.extend_from_slice(b"PONG\r\n"),
        Frame::Pong | Frame::Other => {}
    }
    Ok(Some(Received { len, first }))
}

/// The first frame, and how many bytes it has; none if it is not whole.
///
/// # Errors
/// An error of the server, or bytes that are not a frame.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, String> {
    let Some((line, at)) = dialect::line(bytes) else {
        return Ok(None);
    };
    let odd = || format!("not a NATS frame: {}", String::from_utf8_lossy(line));
    let Some(words) = line.strip_prefix(b"MSG ") else {
        return match line {
            b"PING" => Ok(Some((Frame::Ping, at))),
            b"PONG" => Ok(Some((Frame::Pong, at))),
            b"+OK" => Ok(Some((Frame::Other, at))),
            line if line.starts_with(b"INFO ") => Ok(Some((Frame::Other, at))),
            _ => Err(odd()),
        };
    };
    let mut words = words.split(|byte| *byte == b' ');
    let subject = words.next().filter(|subject| !subject.is_empty()).ok_or_else(odd)?;
    let (_, third, fourth) = (words.next(), words.next(), words.next());
    let (reply, length) = if fourth.is_some() { (third, fourth) } else { (None, third) };
    let length = length.and_then(dialect::number).and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(odd)?;
    let Some(body) = bytes.get(at..at + length + 2) else {
        return Ok(None);
    };
    Ok(Some((Frame::Message { subject, reply, body: &body[..length] }, at + length + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_once_they_are_whole() {
        let message = |reply| Frame::Message { subject: b"a.b", reply, body: b"x\r\ny" };
        for (bytes, frame) in [
            (&b"MSG a.b 1 4\r\nx\r\ny\r\n"[..], message(None)),
            (b"MSG a.b 1 c.d 4\r\nx\r\ny\r\n", message(Some(b"c.d"))),
            (b"PING\r\n", Frame::Ping),
            (b"PONG\r\n", Frame::Pong),
            (b"INFO {}\r\n", Frame::Other),
        ] {
            let more = [bytes, b"PING\r\n"].concat();
            assert_eq!(read(&more), Ok(Some((frame, bytes.len()))));
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(None), "{end} of {bytes:?}");
            }
        }
        for odd in [&b"MSG a.b 1\r\n"[..], b"MSG\r\n", b"MSG  1 4\r\n", b"HELLO\r\n"] {
            assert!(read(odd).is_err(), "{odd:?}");
        }
        assert!(read(b"-ERR 'Slow'\r\n").unwrap_err().contains("Slow"));
    }

    #[test]
    fn a_request_says_where_its_answer_goes() {
        let mut out = Vec::new();
        request(SUBJECT, 17, b"abc", &mut out);
        assert_eq!(out, b"PUB fills _INBOX.bench.17 3\r\nabc\r\n");
    }

    #[test]
    fn an_answer_is_for_the_request_whose_number_it_bears() {
        let mut out = Vec::new();
        let mut receive_one = |bytes: &[u8]| {
            receive(bytes, &mut out, |first, body| {
                if body == b"ok" { Ok(()) } else { Err(format!("{first} is wrong")) }
            })
        };
        let answer = b"MSG _INBOX.bench.5 1 2\r\nok\r\n";
        assert_eq!(receive_one(answer), Ok(Some(Received { len: answer.len(), first: Some(5) })));
        assert_eq!(receive_one(b"MSG _INBOX.bench.6 1 2\r\nno\r\n"), Err("6 is wrong".to_owned()));
        assert!(receive_one(b"MSG fills 1 2\r\nok\r\n").is_err());
        assert_eq!(receive_one(b"PING\r\n"), Ok(Some(Received { len: 6, first: None })));
        assert_eq!(out, b"PONG\r\n", "a server that gets no pong hangs up");
    }
}
