//! Input: what a shard of allocation applies, as the body of an input.
//!
//! Fills, busts, splits, replays and requests for splits are the front door's own records,
//! untouched.

use allot_allocation_rules::limits::ACCOUNTS_MAX;
use allot_allocation_rules::{Bust, Fill, Input, Listing, Netting, Replay, SplitKey};
use allot_domain::{Money, Reject as Core, Seq, SourceId};
use allot_wire::backplane::{INPUT_BODY_MAX, InputKind, decode_marker};
use allot_wire::codec::{self, Each};
use allot_wire::{DecodeError, Rejection};
use serde::{Deserialize, Serialize};

use crate::request::good_fill;
use crate::{Request, RequestKind, decode_request};

/// The inputs of allocation, by name. Their numbers stand in frames and journals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputName {
    /// 1: a record of a fill.
    Fill,
    /// 2: a record of a bust.
    Bust,
    /// 3: a record of a split.
    Split,
    /// 4: a cut through all shards.
    Marker,
    /// 5: value moved between shards.
    Netting,
    /// 6: a record of a split that shards are asked about.
    Check,
    /// 7: a record of a replay.
    Replay,
    /// 8: a record of a request for splits.
    Splits,
}

impl InputName {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Fill,
        Self::Bust,
        Self::Split,
        Self::Marker,
        Self::Netting,
        Self::Check,
        Self::Replay,
        Self::Splits,
    ];

    /// The name of a kind; none where allocation has no such input.
    #[inline]
    #[must_use]
    pub const fn of(kind: InputKind) -> Option<Self> {
        match kind.get() {
            1 => Some(Self::Fill),
            2 => Some(Self::Bust),
            3 => Some(Self::Split),
            4 => Some(Self::Marker),
            5 => Some(Self::Netting),
            6 => Some(Self::Check),
            7 => Some(Self::Replay),
            8 => Some(Self::Splits),
            _ => None,
        }
    }

    /// The kind of this name.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> InputKind {
        match self {
            Self::Fill => InputKind::new(1),
            Self::Bust => InputKind::new(2),
            Self::Split => InputKind::new(3),
            Self::Marker => InputKind::MARKER,
            Self::Netting => InputKind::new(5),
            Self::Check => InputKind::new(6),
            Self::Replay => InputKind::new(7),
            Self::Splits => InputKind::new(8),
        }
    }
}

const _: () = assert!(InputName::Marker.kind().get() == 4);

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SplitKeyRecord<'a> {
    source: &'a str,
    seq: u64,
}

impl<'a> From<&'a SplitKey> for SplitKeyRecord<'a> {
    fn from(key: &'a SplitKey) -> Self {
        Self { source: key.source.as_str(), seq: key.seq.get() }
    }
}

impl SplitKeyRecord<'_> {
    pub(crate) fn read(&self) -> Result<SplitKey, DecodeError> {
        Ok(SplitKey { source: SourceId::new(self.source.as_bytes())?, seq: Seq::new(self.seq) })
    }
}

#[derive(Serialize, Deserialize)]
struct NettingRecord<'a, T> {
    number: u64,
    #[serde(borrow)]
    split: SplitKeyRecord<'a>,
    transfers: T,
}

// A transfer takes at most the 19 bytes of an `i128` in sevens of bits; a name is far shorter than
// the rest.
const _: () = assert!(ACCOUNTS_MAX * 19 + 1_024 <= INPUT_BODY_MAX);

/// Appends the body of a netting.
pub fn encode_netting(netting: &Netting, body: &mut Vec<u8>) {
    let record = NettingRecord {
        number: netting.number,
        split: (&netting.split).into(),
        transfers: Each(netting.transfers.iter().map(|transfer| transfer.nanos())),
    };
    codec::append(record, body);
}

fn decode_netting(body: &[u8]) -> Result<Netting, DecodeError> {
    let record: NettingRecord<'_, Vec<i128>> = codec::decode(body)?;
    Ok(Netting {
        number: record.number,
        split: record.split.read()?,
        transfers: record.transfers.into_iter().map(Money::from_nanos).collect(),
    })
}

/// Reads the body of an input that the router took at this time.
///
/// # Errors
/// Those of [`decode_request`] for what clients sent; `malformed_message` for the rest.
#[inline]
pub fn decode_input(kind: InputKind, time_ns: u64, body: &[u8]) -> Result<Input, Rejection> {
    let fill = if kind == InputName::Fill.kind() { good_fill(body, time_ns) } else { None };
    match fill {
        Some(fill) => Ok(Input::Fill(fill)),
        None => decode_rare_input(kind, time_ns, body),
    }
}

/// Reads what is not a fill, or a fill that is not as it should be.
#[inline(never)]
fn decode_rare_input(kind: InputKind, time_ns: u64, body: &[u8]) -> Result<Input, Rejection> {
    let request = match InputName::of(kind) {
        Some(InputName::Fill) => RequestKind::Fill,
        Some(InputName::Bust) => RequestKind::Bust,
        Some(InputName::Split | InputName::Check) => RequestKind::Split,
        Some(InputName::Replay) => RequestKind::Replay,
        Some(InputName::Splits) => RequestKind::Splits,
        Some(InputName::Marker) => return decode_marker(body).map(Input::Marker).map_err(unread),
        Some(InputName::Netting) => {
            return decode_netting(body).map(Input::Netting).map_err(unread);
        }
        None => return Err(unread(DecodeError::new("there is no input of this kind"))),
    };
    Ok(match decode_request(request, body)? {
        Request::Fill(fill) => Input::Fill(Fill { time_ns, ..fill }),
        Request::Bust(bust) => Input::Bust(Bust { time_ns, ..bust }),
        Request::Split(split) if kind == InputName::Check.kind() => Input::Check(split.at(time_ns)),
        Request::Split(split) => Input::Split(split.at(time_ns)),
        Request::Replay(replay) => Input::Replay(Replay { time_ns, ..replay }),
        Request::Splits(listing) => Input::Listing(Listing { time_ns, ..listing }),
        Request::Report(_) => return Err(unread(DecodeError::new("a report is no input"))),
    })
}

fn unread(error: DecodeError) -> Rejection {
    Rejection::unread(&Core::from(error))
}
