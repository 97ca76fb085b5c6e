//! Greeting: how boxes find each other, and agree on how far they are.

use super::{FrameKind, decode, encode};
use crate::DecodeError;
use serde::{Deserialize, Serialize};

/// [`Hello::role`] of a shard.
pub const ROLE_SHARD: u8 = 0;

/// [`Hello::role`] of the publisher.
pub const ROLE_PUBLISHER: u8 = 1;

/// Shard or publisher to its neighbours, at the start and each second: here I am, and how far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hello {
    /// [`ROLE_SHARD`] or [`ROLE_PUBLISHER`].
    pub role: u8,
    /// Which shard; zero for the publisher.
    pub shard: u32,
    /// Of how many.
    pub shards: u32,
    /// Which life of the box.
    pub incarnation: u64,
    /// The number of the last input applied.
    pub applied: u64,
    /// The number of the last marker.
    pub marker: u64,
    /// The cut of that marker.
    pub cut: u64,
    /// The number of the last netting.
    pub netting: u64,
}

/// Router to shard: how many inputs it was sent in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Welcome {
    /// Which life of the router.
    pub incarnation: u64,
    /// The number of the last input that was sent.
    pub sent: u64,
    /// How many shards there are.
    pub shards: u32,
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
