//! Backplane: what the boxes of one Allot tell each other. Internal: all of one version.
//!
//! ```text
//!   router ── inputs, welcome ──► shard ── events, part ──► publisher
//!          ◄── replies, hello ───       ◄── interest ──────     │
//!                                       ─── hello ────────►     │
//!          ◄── feedback, reported ──────────────────────────────┘
//! ```
//!
//! A frame is one message of a link. Its first byte is its kind; integers are little-endian.
//! The frames of the hot path (inputs, replies, events) are laid out by hand, so that bodies are
//! written in place and read where they lie; the others are records of the codec.
//! What a system says stands in the bodies, and no frame looks into them.

mod kind;
mod reply_to;
pub mod inputs;
pub mod replies;
pub mod events;
mod greeting;
mod marker;
mod part;
mod feedback;
mod reported;

use allot_domain::Cursor;
use allot_domain::snapshot::COUNT_MAX;
use serde::{Deserialize, Serialize};

use crate::DecodeError;
use crate::codec;
use crate::sized::patch;
pub use feedback::{Feedback, decode_feedback, encode_feedback};
pub use greeting::{
    AWAY_AFTER, GREET_EVERY, Hello, Interest, Welcome, decode_hello, decode_interest,
    decode_welcome, encode_hello, encode_interest, encode_welcome,
};
pub use inputs::{INPUT_BODY_MAX, InputFrame};
pub use kind::InputKind;
pub use marker::{decode_marker, encode_marker};
pub use part::{PartFrame, PartHead, decode_part, encode_part};
pub use replies::{ReplyFrame, To};
pub use reply_to::{CheckNumber, ClientHandle, ReplyTo};
pub use reported::{decode_reported, encode_reported};

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// Router to shard: what to apply.
    Inputs = 1,
    /// Shard to router: what to send to clients.
    Replies = 2,
    /// Shard to its neighbours: it is there, and how far it is.
    Hello = 3,
    /// Router to shard: where the indexes of its inputs go on from.
    Welcome = 4,
    /// Publisher to shard: what anybody subscribes to.
    Interest = 5,
    /// Shard to publisher: its part of a cut.
    Part = 6,
    /// Shard to publisher: what was applied.
    Events = 7,
    /// Publisher to router: an input for each shard.
    Feedback = 8,
    /// Publisher to router: a report is out.
    Reported = 9,
}

impl FrameKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Inputs,
        Self::Replies,
        Self::Hello,
        Self::Welcome,
        Self::Interest,
        Self::Part,
        Self::Events,
        Self::Feedback,
        Self::Reported,
    ];
}

impl From<FrameKind> for u8 {
    fn from(kind: FrameKind) -> Self {
        match kind {
            FrameKind::Inputs => 1,
            FrameKind::Replies => 2,
            FrameKind::Hello => 3,
            FrameKind::Welcome => 4,
            FrameKind::Interest => 5,
            FrameKind::Part => 6,
            FrameKind::Events => 7,
            FrameKind::Feedback => 8,
            FrameKind::Reported => 9,
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

/// A number of a greeting or a part, if it can be counted on from.
fn count_from(number: u64) -> Result<u64, DecodeError> {
    if COUNT_MAX < number {
        return Err(DecodeError::new(format!("{number} is more than anything counts to")));
    }
    Ok(number)
}

/// How many entries a frame of the hot path has; zero if it is another kind of frame.
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
