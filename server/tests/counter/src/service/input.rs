//! Input: the body of an input, as the journal keeps it. What clients sent stands there untouched.

use allot_domain::Reject as Core;
use allot_wire::backplane::InputKind;
use allot_wire::{Rejection, codec};
use serde::{Deserialize, Serialize};

use super::request::unknown;
use super::{Kind, Request, decode_record};
use crate::rules::{Input, Level};

#[derive(Serialize, Deserialize)]
struct LevelRecord {
    marker: u64,
    total: u64,
}

/// Appends the body of a level.
pub(super) fn encode_level(level: &Level, body: &mut Vec<u8>) {
    let Level { marker, total } = *level;
    codec::append(LevelRecord { marker, total }, body);
}

/// Reads the body of an input.
pub(super) fn decode(kind: InputKind, body: &[u8]) -> Result<Input, Rejection> {
    let known = Kind::of(kind.get()).ok_or_else(|| no_input(kind))?;
    if known == Kind::Level {
        let level = codec::decode(body).map_err(|error| Rejection::unread(&Core::from(error)));
        return level.map(|LevelRecord { marker, total }| Input::Level(Level { marker, total }));
    }
    match decode_record(known, body)? {
        Request::Command(command) => Ok(Input::Command(command)),
        Request::Raise(raise) => Ok(Input::Raise(raise)),
        Request::Report(_) => Err(no_input(kind)),
    }
}

fn no_input(kind: InputKind) -> Rejection {
    Rejection::unread(&unknown(&kind.get().to_string()))
}
