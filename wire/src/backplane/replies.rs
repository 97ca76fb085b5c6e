//! Replies: a frame of what a shard sends to clients, each addressed.
//!
//! ```text
//!   │ 2 │ count 4 │ through 8 │ durable 8 │ left 8 ║ reply ║ …
//!
//!   reply:   │ 0 │ client 8          │ encoding 1 │ size 4 │ body │
//!            │ 1 │ length 1 │ source │ encoding 1 │ size 4 │ body │
//!            │ 2 │ client 8          │ encoding 1 │ size 4 │ body │
//!            │ 3 │ check 8           │ encoding 1 │ size 4 │ body │
//! ```
//!
//! `through` is the last input that is replied to, `durable` the last that no crash can take back.
//! `left` is when the frame left the shard, in nanoseconds since 1970, where the shard times it;
//! else zero.
//! A body is a reply of the system, in its encoding: the router copies it.

use allot_domain::Cursor;
use allot_domain::LogIndex;

use super::{CheckNumber, ClientHandle, FrameKind, begin as begin_frame, count_up, open};
use crate::sized::{append_sized, patch};
use crate::{DecodeError, Encoding};

const THROUGH_AT: usize = 5;
const TO_CLIENT: u8 = 0;
const TO_SOURCE: u8 = 1;
const TO_CLIENT_OF_ALL: u8 = 2;
const TO_ROUTER: u8 = 3;
const DURABLE_AT: usize = 13;
const LEFT_AT: usize = 21;

/// Where a reply goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To<'a> {
    /// To the client that sent the input.
    Client(ClientHandle),
    /// To wherever this source is connected now: a late reply.
    Source(&'a str),
    /// To the client that sent the input, once every shard has replied to it.
    ClientOfAll(ClientHandle),
    /// To the router, which asked: the finding of a check.
    Router(CheckNumber),
}

/// One reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyFrame<'a> {
    /// Where it goes.
    pub to: To<'a>,
    /// What the body is written in.
    pub encoding: Encoding,
    /// The reply.
    pub body: &'a [u8],
}

/// Starts a frame.
pub fn begin(frame: &mut Vec<u8>) {
    begin_frame(frame, FrameKind::Replies);
    frame.extend_from_slice(&[0; 24]);
}

/// Adds a reply that `write` appends, in place.
///
/// # Panics
/// If the frame was not begun, or the source has more than 255 bytes.
pub fn push_with(
    frame: &mut Vec<u8>,
    to: To<'_>,
    encoding: Encoding,
    write: impl FnOnce(&mut Vec<u8>),
) {
    match to {
        To::Client(client) => {
            frame.push(TO_CLIENT);
            frame.extend_from_slice(&client.get().to_le_bytes());
        }
        To::ClientOfAll(client) => {
            frame.push(TO_CLIENT_OF_ALL);
            frame.extend_from_slice(&client.get().to_le_bytes());
        }
        To::Router(check) => {
            frame.push(TO_ROUTER);
            frame.extend_from_slice(&check.get().to_le_bytes());
        }
        To::Source(source) => {
            let len = u8::try_from(source.len()).expect("a source has at most 64 bytes");
            frame.extend_from_slice(&[TO_SOURCE, len]);
            frame.extend_from_slice(source.as_bytes());
        }
    }
    frame.push(encoding.into());
    append_sized(frame, write);
    count_up(frame);
}

/// Closes a frame: with it all inputs up to `through` are replied to.
///
/// # Panics
/// If the frame was not begun.
pub fn end(frame: &mut [u8], through: LogIndex) {
    patch(frame, THROUGH_AT, through.get().to_le_bytes());
}

/// Says as a frame leaves that all inputs up to `durable` will survive a crash.
///
/// # Panics
/// If the frame was not begun.
pub fn set_durable(frame: &mut [u8], durable: LogIndex) {
    patch(frame, DURABLE_AT, durable.get().to_le_bytes());
}

/// Says when the frame left the shard, in nanoseconds since 1970; zero: not timed.
///
/// # Panics
/// If the frame was not begun.
pub fn set_left(frame: &mut [u8], left_ns: u64) {
    patch(frame, LEFT_AT, left_ns.to_le_bytes());
}

/// A frame of replies, and the iterator over them; it ends after the first that is damaged.
#[derive(Clone, Debug)]
pub struct Replies<'a> {
    /// The index of the last input that is replied to.
    pub through: LogIndex,
    /// The index of the last input that no crash can take back.
    pub durable: LogIndex,
    /// When it left the shard, in nanoseconds since 1970; zero: not timed.
    pub left_ns: u64,
    /// How many replies there were in the frame.
    pub count: u32,
    left: u32,
    cursor: Cursor<'a>,
}

/// Opens a frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(frame: &[u8]) -> Result<Replies<'_>, DecodeError> {
    let mut cursor = open(frame, FrameKind::Replies)?;
    let count = cursor.u32()?;
    let through = LogIndex::new(cursor.u64()?);
    let durable = LogIndex::new(cursor.u64()?);
    let left_ns = cursor.u64()?;
    Ok(Replies { through, durable, left_ns, count, left: count, cursor })
}

impl<'a> Iterator for Replies<'a> {
    type Item = Result<ReplyFrame<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let reply = read_reply(&mut self.cursor);
        if reply.is_err() {
            self.left = 0;
        }
        Some(reply)
    }
}

#[inline]
fn read_reply<'a>(cursor: &mut Cursor<'a>) -> Result<ReplyFrame<'a>, DecodeError> {
    let to = match cursor.u8()? {
        TO_CLIENT => To::Client(ClientHandle::new(cursor.u64()?)),
        TO_SOURCE => To::Source(read_source(cursor)?),
        TO_CLIENT_OF_ALL => To::ClientOfAll(ClientHandle::new(cursor.u64()?)),
        TO_ROUTER => To::Router(CheckNumber::new(cursor.u64()?)),
        _ => {
            let what = "a reply goes to a client (0 or 2), to a source (1) or to the router (3)";
            return Err(DecodeError::new(what));
        }
    };
    let encoding = cursor.u8()?.try_into()?;
    let body: &[u8] = cursor.sized()?;
    if body.is_empty() {
        return Err(DecodeError::new("a reply says nothing"));
    }
    Ok(ReplyFrame { to, encoding, body })
}

fn read_source<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, DecodeError> {
    let len = cursor.u8()?;
    let source = std::str::from_utf8(cursor.take(len.into())?);
    source.map_err(|_| DecodeError::new("a source is not UTF-8"))
}
