//! Redis: every message is an entry of a stream, `XADD fills * f MESSAGE`, over its own protocol.

use allot_wire::Encoding;
use anyhow::{Result, bail, ensure};

use crate::fills::Totals;
use crate::peers::connection::Connection;
use crate::peers::dialect::{self, Dialect, Received};

/// What a server replies.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Reply<'a> {
    Text(&'a [u8]),
    Error(&'a [u8]),
    Integer(u64),
    None,
    List(Vec<Reply<'a>>),
}

/// A stream of one server.
pub(crate) struct Redis {
    batch: u64,
    /// Whether and how its log is synced, as `name value`.
    setting: (&'static str, &'static str),
    next_first: u64,
    last_id: (u64, u64),
}

impl Redis {
    /// Messages of `batch` fills, on a server that has this setting.
    pub(crate) fn new(batch: u32, setting: (&'static str, &'static str)) -> Self {
        Self { batch: batch.into(), setting, next_first: 1, last_id: (0, 0) }
    }

    fn note(&mut self, reply: &Reply<'_>) -> Result<u64, String> {
        let id = match reply {
            Reply::Text(text) => id(text),
            _ => None,
        };
        let Some(id) = id.filter(|id| self.last_id < *id) else {
            return Err(format!("no new id of an entry: {}", reply.words()));
        };
        self.last_id = id;
        self.next_first += self.batch;
        Ok(self.next_first - self.batch)
    }
}

impl Dialect for Redis {
    fn encoding(&self) -> Encoding {
        Encoding::Binary
    }

    fn begin(&mut self, line: &mut Connection) -> Result<()> {
        (self.next_first, self.last_id) = (1, (0, 0));
        let (name, value) = self.setting;
        command(&[b"CONFIG", b"GET", name.as_bytes()], &mut line.out);
        let set = line.ask(reply_is(|reply| match reply {
            Reply::List(pair) => pair.get(1) == Some(&Reply::Text(value.as_bytes())),
            _ => false,
        }))?;
        ensure!(set, "the server does not have {name} {value}");
        command(&[b"DEL", b"fills"], &mut line.out);
        ensure!(line.ask(reply_is(|reply| matches!(reply, Reply::Integer(_))))?, "no DEL");
        Ok(())
    }

    fn frame(&mut self, _first: u64, message: &[u8], out: &mut Vec<u8>) {
        command(&[b"XADD", b"fills", b"*", b"f", message], out);
    }

    fn receive(&mut self, bytes: &[u8], _out: &mut Vec<u8>) -> Result<Option<Received>, String> {
        let Some((reply, len)) = read(bytes)? else {
            return Ok(None);
        };
        // Replies come in the order of the requests.
        Ok(Some(Received { len, first: Some(self.note(&reply)?) }))
    }

    fn end(
        &mut self,
        line: &mut Connection,
        messages: u64,
        _totals: &Totals,
    ) -> Result<&'static str> {
        command(&[b"XLEN", b"fills"], &mut line.out);
        if !line.ask(reply_is(|reply| *reply == Reply::Integer(messages)))? {
            bail!("the stream does not have the {messages} entries that were acknowledged");
        }
        Ok("a new id for each entry, as many in the stream")
    }
}

impl Reply<'_> {
    fn words(&self) -> String {
        match self {
            Reply::Text(text) | Reply::Error(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// Appends a command.
fn command(words: &[&[u8]], out: &mut Vec<u8>) {
    let length = |mark: u8, length: usize, out: &mut Vec<u8>| {
        out.push(mark);
        dialect::digits(u64::try_from(length).expect("a length"), out);
        out.extend_from_slice(b"\r\n");
    };
    length(b'*', words.len(), out);
    for word in words {
        length(b'$', word.len(), out);
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// For [`Connection::ask`]: whether the next reply is as it should be.
fn reply_is(
    mut holds: impl FnMut(&Reply<'_>) -> bool,
) -> impl FnMut(&[u8]) -> Result<Option<(usize, bool)>, String> {
    move |bytes| Ok(read(bytes)?.map(|(reply, len)| (len, holds(&reply))))
}

/// The first reply, and how many bytes it has; none if it is not whole.
fn read(bytes: &[u8]) -> Result<Option<(Reply<'_>, usize)>, String> {
    let Some((line, mut at)) = dialect::line(bytes) else {
        return Ok(None);
    };
    let odd = || format!("no reply: {}", String::from_utf8_lossy(line));
    let (mark, rest) = line.split_first().ok_or_else(odd)?;
    let reply = match (mark, rest) {
        (b'+', text) => Reply::Text(text),
        (b'-', text) => Reply::Error(text),
        (b'$' | b'*', b"-1") => Reply::None,
        (b':', number) => Reply::Integer(dialect::number(number).ok_or_else(odd)?),
        (b'$', length) => {
            let length = count(length).ok_or_else(odd)?;
            let Some(text) = bytes.get(at..at + length + 2) else {
                return Ok(None);
            };
            at += length + 2;
            Reply::Text(&text[..length])
        }
        (b'*', length) => {
            let mut list = Vec::new();
            for _ in 0..count(length).ok_or_else(odd)? {
                let Some((reply, len)) = read(&bytes[at..])? else {
                    return Ok(None);
                };
                list.push(reply);
                at += len;
            }
            Reply::List(list)
        }
        _ => return Err(odd()),
    };
    Ok(Some((reply, at)))
}

fn count(digits: &[u8]) -> Option<usize> {
    dialect::number(digits).and_then(|number| usize::try_from(number).ok())
}

/// `milliseconds-number`.
fn id(text: &[u8]) -> Option<(u64, u64)> {
    let dash = text.iter().position(|byte| *byte == b'-')?;
    Some((dialect::number(&text[..dash])?, dialect::number(&text[dash + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: (&str, &str) = ("appendfsync", "always");

    #[test]
    fn a_command_is_a_list_of_words_with_their_lengths() {
        let mut out = Vec::new();
        command(&[b"XADD", b"fills", b"*", b"f", b"a\r\nb"], &mut out);
        assert_eq!(
            out,
            b"*5\r\n$4\r\nXADD\r\n$5\r\nfills\r\n$1\r\n*\r\n$1\r\nf\r\n$4\r\na\r\nb\r\n"
        );
    }

    #[test]
    fn replies_are_read_once_they_are_whole() {
        let list = b"*2\r\n$3\r\ndir\r\n$-1\r\n";
        let whole = Reply::List(vec![Reply::Text(b"dir"), Reply::None]);
        assert_eq!(read(list), Ok(Some((whole, list.len()))));
        for bytes in [&list[..], b"$3\r\na\r\n\r\n", b":12\r\n", b"+OK\r\n", b"-ERR no\r\n"] {
            assert_eq!(read(bytes).unwrap().unwrap().1, bytes.len());
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(None), "{end} of {bytes:?}");
            }
        }
        assert_eq!(read(b"$3\r\na\r\n\r\n+"), Ok(Some((Reply::Text(b"a\r\n"), 9))));
        for odd in [&b"?\r\n"[..], b"\r\n", b"$x\r\n", b":-\r\n", b"*x\r\n"] {
            assert!(read(odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn every_entry_has_a_new_id() {
        let mut redis = Redis::new(1, SETTING);
        let mut receive = |bytes: &[u8]| redis.receive(bytes, &mut Vec::new());
        let first = |first| Ok(Some(Received { len: 9, first: Some(first) }));
        assert_eq!(receive(b"$3\r\n9-0\r\n"), first(1));
        assert_eq!(receive(b"$3\r\n9-1\r\n"), first(2));
        assert!(receive(b"$3\r\n9-1\r\n").unwrap_err().contains("9-1"), "twice");
        assert!(receive(b"-ERR stopped\r\n").unwrap_err().contains("stopped"));
        assert_eq!(receive(b"$4\r\n10-0\r\n").unwrap().unwrap().first, Some(3));
    }
}
