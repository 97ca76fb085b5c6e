//! Greeting: how boxes find each other, and agree on how far they are.

use super::{FrameKind, decode, encode};
use crate::DecodeError;
use serde::{Deserialize, Serialize};

/// Shard to its neighbours, at the start, each second, and when something changed: here I am.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hello {
    /// Which shard.
    pub shard: u32,
    /// Of how many.
    pub shards: u32,
    /// Which life of the shard.
    pub incarnation: u64,
    /// With which life of the router it has agreed on numbers; zero with none.
    pub router: u64,
    /// The number of the last input in its state.
    pub applied: u64,
    /// The number of the last input whose answer has left.
    pub answered: u64,
    /// The number of the last input that no crash can take back.
    pub durable: u64,
    /// The number of the last marker.
    pub marker: u64,
    /// Whether its disk has no room: it is to be sent no more fills, busts and splits.
    pub full: bool,
}

/// Router to shard: where the numbers of its inputs go on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Welcome {
    /// Which life of the router.
    pub incarnation: u64,
    /// The number before that of the next input; what came before it is not sent again.
    pub base: u64,
    /// How many shards there are.
    pub shards: u32,
    /// Which life of the shard it is for: one that is read late must not reach the next.
    pub life: u64,
}

/// Publisher to router to shards: what anybody wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Interest {
    /// Whether anybody subscribes to fills.
    pub fills: bool,
}

/// Writes a whole frame.
pub fn encode_hello(hello: &Hello, frame: &mut Vec<u8>) {
    encode(FrameKind::Hello, hello, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_hello(frame: &[u8]) -> Result<Hello, DecodeError> {
    decode(FrameKind::Hello, frame)
}

/// Writes a whole frame.
pub fn encode_welcome(welcome: &Welcome, frame: &mut Vec<u8>) {
    encode(FrameKind::Welcome, welcome, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_welcome(frame: &[u8]) -> Result<Welcome, DecodeError> {
    decode(FrameKind::Welcome, frame)
}

/// Writes a whole frame.
pub fn encode_interest(interest: &Interest, frame: &mut Vec<u8>) {
    encode(FrameKind::Interest, interest, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_interest(frame: &[u8]) -> Result<Interest, DecodeError> {
    decode(FrameKind::Interest, frame)
}
