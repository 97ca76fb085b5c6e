//! Inputs: a frame of what a shard is to apply, with consecutive indexes from `first`.
//!
//! ```text
//!   │ 1 │ count 4 │ first 8 │ router 8 │ queued 8 ║ input ║ …
//!
//!   input:  │ client 8 │ encoding 1 │ kind 1 │ time 8 │ size 4 │ body │
//! ```
//!
//! `queued` is when the first input was put into the frame, in nanoseconds since 1970, where the
//! router times this frame; else zero.

use allot_domain::Cursor;
use allot_domain::{Incarnation, LogIndex};

use super::{
    ClientHandle, FrameKind, InputKind, ReplyTo, begin as begin_frame, count_from, count_up, open,
};
use crate::DecodeError;
use crate::sized::{append_sized, patch};

/// The longest body, in bytes: an input for every account of the largest system fits, and it fits
/// into a record of a journal.
pub const INPUT_BODY_MAX: usize = 2 << 20;

const _: () = assert!(allot_domain::limits::MESSAGE_MAX <= INPUT_BODY_MAX);

const FIRST_AT: usize = 5;
const QUEUED_AT: usize = 21;

/// One input, and where its reply goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InputFrame<'a> {
    /// Who waits for the reply.
    pub reply_to: ReplyTo,
    /// What the body is.
    pub kind: InputKind,
    /// When the router took it, in nanoseconds of Unix time: part of the input for ever.
    pub time_ns: u64,
    /// What the system, or the core, says.
    pub body: &'a [u8],
}

/// Starts a frame whose first input has this index, given by this incarnation of the router.
pub fn begin(frame: &mut Vec<u8>, first: LogIndex, router: Incarnation) {
    begin_frame(frame, FrameKind::Inputs);
    frame.extend_from_slice(&first.get().to_le_bytes());
    frame.extend_from_slice(&router.get().to_le_bytes());
    frame.extend_from_slice(&[0; 8]);
}

/// Says when the first input was put into the frame, in nanoseconds since 1970; zero: not timed.
///
/// # Panics
/// If the frame was not begun.
pub fn set_queued(frame: &mut [u8], queued_ns: u64) {
    patch(frame, QUEUED_AT, queued_ns.to_le_bytes());
}

/// Adds an input.
///
/// # Panics
/// If the frame was not begun.
pub fn push(frame: &mut Vec<u8>, input: InputFrame<'_>) {
    let ReplyTo { client, encoding } = input.reply_to;
    frame.extend_from_slice(&client.get().to_le_bytes());
    frame.extend_from_slice(&[encoding.into(), input.kind.get()]);
    frame.extend_from_slice(&input.time_ns.to_le_bytes());
    append_sized(frame, |frame| frame.extend_from_slice(input.body));
    count_up(frame);
}

/// Gives the first input another index, and so every one after it.
///
/// # Panics
/// If the frame was not begun.
pub fn renumber(frame: &mut [u8], first: LogIndex) {
    patch(frame, FIRST_AT, first.get().to_le_bytes());
}

/// The index of the first input of a frame; zero where it is no frame.
#[must_use]
pub fn first(frame: &[u8]) -> LogIndex {
    let first = frame.get(FIRST_AT..).and_then(<[u8]>::first_chunk);
    LogIndex::new(first.map_or(0, |first| u64::from_le_bytes(*first)))
}

/// When the first input was put into a frame, in nanoseconds since 1970; zero where that is not
/// timed, or where it is no frame.
#[must_use]
pub fn queued_ns(frame: &[u8]) -> u64 {
    let queued = frame.get(QUEUED_AT..).and_then(<[u8]>::first_chunk);
    queued.map_or(0, |queued| u64::from_le_bytes(*queued))
}

/// How many inputs a frame has.
#[must_use]
pub fn count(frame: &[u8]) -> u32 {
    super::count(frame)
}

/// A frame of inputs, and the iterator over them; it ends after the first that is damaged.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The index of the first input.
    pub first: LogIndex,
    /// The incarnation of the router that gave the indexes: those of another mean nothing.
    pub router: Incarnation,
    /// How many there were in the frame.
    pub count: u32,
    left: u32,
    cursor: Cursor<'a>,
}

/// Opens a frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn read(frame: &[u8]) -> Result<Inputs<'_>, DecodeError> {
    let mut cursor = open(frame, FrameKind::Inputs)?;
    let count = cursor.u32()?;
    let first = LogIndex::new(count_from(cursor.u64()?)?);
    let router = Incarnation::new(cursor.u64()?);
    if router == Incarnation::default() {
        return Err(DecodeError::new("inputs of no router: its incarnation is zero"));
    }
    cursor.u64()?;
    Ok(Inputs { first, router, count, left: count, cursor })
}

impl<'a> Iterator for Inputs<'a> {
    type Item = Result<InputFrame<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let input = read_input(&mut self.cursor);
        if input.is_err() {
            self.left = 0;
        }
        Some(input)
    }
}

#[inline]
fn read_input<'a>(cursor: &mut Cursor<'a>) -> Result<InputFrame<'a>, DecodeError> {
    let client = ClientHandle::new(cursor.u64()?);
    let encoding = cursor.u8()?.try_into()?;
    let kind = InputKind::new(cursor.u8()?);
    let time_ns = cursor.u64()?;
    let body: &[u8] = cursor.sized()?;
    if INPUT_BODY_MAX < body.len() {
        return Err(DecodeError::new(format!("an input has more than {INPUT_BODY_MAX} bytes")));
    }
    Ok(InputFrame { reply_to: ReplyTo { client, encoding }, kind, time_ns, body })
}
