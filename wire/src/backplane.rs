//! Backplane: what the boxes of one Allot say among themselves. Internal: all of one version.
//!
//! ```text
//!   router ── inputs, welcome, interest ──► shard ── applied, part ──► publisher
//!          ◄── answers, hello ─────────────       ◄─ hello (to both)      │
//!          ◄── plan, interest ────────────────────────────────────────────┘
//! ```
//!
//! A frame is one message of a link. Its first byte says what it is; integers are little-endian.
//! The frames of the hot path (inputs, answers, applied) are laid out by hand, so that bodies are
//! written in place and read where they lie; the others are records of the codec.

mod input;
pub mod inputs;
pub mod answers;
pub mod applied;
mod greeting;
mod part;
mod plan;

pub use answers::{AnswerFrame, To};
pub use greeting::{
    Hello, Interest, Welcome, decode_hello, decode_interest, decode_welcome, encode_hello,
    encode_interest, encode_welcome,
};
pub use input::{InputKind, decode_input, encode_marker, encode_netting};
pub use inputs::InputFrame;
pub use part::{PartFrame, decode_part, encode_part};
pub use plan::{Plan, decode_plan, encode_plan};

use crate::DecodeError;
use crate::codec;
use crate::cursor::{Cursor, patch};
use serde::{Deserialize, Serialize};

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// Router to shard: what to apply.
    Inputs = 1,
    /// Shard to router: what came of it.
    Answers = 2,
    /// Shard to its neighbours: here I am, and how far.
    Hello = 3,
    /// Router to shard: where the numbers of its inputs go on from.
    Welcome = 4,
    /// Publisher to router to shards: what anybody wants to know.
    Interest = 5,
    /// Shard to publisher: its part of a cut.
    Part = 6,
    /// Shard to publisher: what was applied.
    Applied = 7,
    /// Publisher to router: a netting.
    Plan = 8,
}

impl FrameKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Inputs,
        Self::Answers,
        Self::Hello,
        Self::Welcome,
        Self::Interest,
        Self::Part,
        Self::Applied,
        Self::Plan,
    ];
}

impl From<FrameKind> for u8 {
    fn from(kind: FrameKind) -> Self {
        match kind {
            FrameKind::Inputs => 1,
            FrameKind::Answers => 2,
            FrameKind::Hello => 3,
            FrameKind::Welcome => 4,
            FrameKind::Interest => 5,
            FrameKind::Part => 6,
            FrameKind::Applied => 7,
            FrameKind::Plan => 8,
        }
    }
}

/// What a frame is, by its first byte.
#[must_use]
pub fn kind(frame: &[u8]) -> Option<FrameKind> {
    let byte = *frame.first()?;
    FrameKind::ALL.into_iter().find(|kind| u8::from(*kind) == byte)
}

/// Where the frames of the hot path count their entries.
const COUNT_AT: usize = 1;

/// Starts a frame of the hot path: its kind, and a count of zero.
fn begin(frame: &mut Vec<u8>, kind: FrameKind) {
    frame.clear();
    frame.extend_from_slice(&[kind.into(), 0, 0, 0, 0]);
}

/// How many entries a frame of the hot path has; zero where it is none.
fn count(frame: &[u8]) -> u32 {
    let count = frame.get(COUNT_AT..).and_then(<[u8]>::first_chunk);
    count.map_or(0, |count| u32::from_le_bytes(*count))
}

fn count_up(frame: &mut [u8]) {
    patch(frame, COUNT_AT, (count(frame) + 1).to_le_bytes());
}

/// The cursor behind the kind of a frame, which must be this.
fn open(frame: &[u8], expected: FrameKind) -> Result<Cursor<'_>, DecodeError> {
    if kind(frame) != Some(expected) {
        return Err(DecodeError::new(format!("a frame of {expected:?} is expected")));
    }
    Ok(Cursor::new(&frame[1..]))
}

/// Writes a frame that is one record.
fn encode(kind: FrameKind, record: impl Serialize, frame: &mut Vec<u8>) {
    frame.clear();
    frame.push(kind.into());
    codec::append(record, frame);
}

/// Reads a frame that is one record.
fn decode<'a, T: Deserialize<'a>>(kind: FrameKind, frame: &'a [u8]) -> Result<T, DecodeError> {
    codec::decode(open(frame, kind)?.rest())
}
