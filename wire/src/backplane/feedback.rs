//! Feedback: an input for each shard, from the publisher to the router.
//!
//! What the parts of a cut call for goes back to all shards between the same inputs: nettings, for
//! example. It is journaled and applied like any other input.

use serde::{Deserialize, Serialize};

use super::inputs::INPUT_BODY_MAX;
use super::{FrameKind, InputKind, decode, encode};
use crate::DecodeError;

/// One input for each shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feedback {
    /// What the bodies are.
    pub kind: InputKind,
    /// The body for each shard, by its id.
    pub bodies: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct FeedbackRecord<B> {
    kind: u8,
    bodies: B,
}

/// Writes a whole frame.
///
/// # Panics
/// If a body is longer than [`INPUT_BODY_MAX`]: a view bounds what it sends back.
pub fn encode_feedback(feedback: &Feedback, frame: &mut Vec<u8>) {
    assert!(fits(&feedback.bodies), "a body of feedback fits into a record of a journal");
    let record = FeedbackRecord { kind: feedback.kind.get(), bodies: &feedback.bodies };
    encode(FrameKind::Feedback, record, frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_feedback(frame: &[u8]) -> Result<Feedback, DecodeError> {
    let record: FeedbackRecord<Vec<Vec<u8>>> = decode(FrameKind::Feedback, frame)?;
    if !fits(&record.bodies) {
        return Err(DecodeError::new(format!(
            "a body of feedback has more than {INPUT_BODY_MAX} bytes"
        )));
    }
    Ok(Feedback { kind: InputKind::new(record.kind), bodies: record.bodies })
}

fn fits(bodies: &[Vec<u8>]) -> bool {
    bodies.iter().all(|body| body.len() <= INPUT_BODY_MAX)
}
