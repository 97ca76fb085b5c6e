//! Input: what a shard applies, as a body of a frame of inputs.
//!
//! Fills, busts and splits are the front door's own records, untouched.

use crate::binary::good_fill;
use crate::codec::{self, Each};
use crate::{DecodeError, Rejection, Request, RequestKind, decode_request};
use allot_domain::{Input, Marker, Money, Netting, Reject, SourceId, SplitKey};
use serde::{Deserialize, Serialize};

/// Which input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputKind {
    /// A record of a fill.
    Fill = 1,
    /// A record of a bust.
    Bust = 2,
    /// A record of a split.
    Split = 3,
    /// A cut through all shards.
    Marker = 4,
    /// Value moved between shards.
    Netting = 5,
}

impl From<InputKind> for u8 {
    fn from(kind: InputKind) -> Self {
        match kind {
            InputKind::Fill => 1,
            InputKind::Bust => 2,
            InputKind::Split => 3,
            InputKind::Marker => 4,
            InputKind::Netting => 5,
        }
    }
}

impl TryFrom<u8> for InputKind {
    type Error = DecodeError;

    fn try_from(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            1 => Ok(Self::Fill),
            2 => Ok(Self::Bust),
            3 => Ok(Self::Split),
            4 => Ok(Self::Marker),
            5 => Ok(Self::Netting),
            _ => Err(DecodeError::new("an input is of kind 1 to 5")),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct MarkerRecord {
    number: u64,
    /// Zero; journals of earlier versions hold a count here that nothing reads.
    reserved: u64,
    time_ns: u64,
    report: bool,
}

impl From<&Marker> for MarkerRecord {
    fn from(marker: &Marker) -> Self {
        let Marker { number, time_ns, report } = *marker;
        Self { number, reserved: 0, time_ns, report }
    }
}

impl From<MarkerRecord> for Marker {
    fn from(record: MarkerRecord) -> Self {
        let MarkerRecord { number, time_ns, report, .. } = record;
        Self { number, time_ns, report }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct SplitKeyRecord<'a> {
    source: &'a str,
    seq: u64,
}

impl<'a> From<&'a SplitKey> for SplitKeyRecord<'a> {
    fn from(key: &'a SplitKey) -> Self {
        Self { source: key.source.as_str(), seq: key.seq }
    }
}

impl SplitKeyRecord<'_> {
    pub(super) fn read(&self) -> Result<SplitKey, DecodeError> {
        Ok(SplitKey { source: SourceId::new(self.source.as_bytes())?, seq: self.seq })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct NettingRecord<'a, T> {
    number: u64,
    #[serde(borrow)]
    split: SplitKeyRecord<'a>,
    transfers: T,
}

/// A netting as it is read.
pub(super) type NettingRecordRead<'a> = NettingRecord<'a, Vec<i128>>;

/// A netting as it is written.
pub(super) fn netting_record(netting: &Netting) -> NettingRecord<'_, impl Serialize> {
    NettingRecord {
        number: netting.number,
        split: (&netting.split).into(),
        transfers: Each(netting.transfers.iter().map(|transfer| transfer.nanos())),
    }
}

impl NettingRecordRead<'_> {
    pub(super) fn read(self) -> Result<Netting, DecodeError> {
        Ok(Netting {
            number: self.number,
            split: self.split.read()?,
            transfers: self.transfers.into_iter().map(Money::from_nanos).collect(),
        })
    }
}

/// Appends the body of a marker.
pub fn encode_marker(marker: &Marker, body: &mut Vec<u8>) {
    codec::append(MarkerRecord::from(marker), body);
}

/// Appends the body of a netting.
pub fn encode_netting(netting: &Netting, body: &mut Vec<u8>) {
    codec::append(netting_record(netting), body);
}

/// Reads the body of an input.
///
/// # Errors
/// Those of [`decode_request`] for what clients sent; [`Reject::MalformedMessage`] for the rest.
#[inline]
pub fn decode_input(kind: InputKind, body: &[u8]) -> Result<Input, Rejection> {
    let fill = if kind == InputKind::Fill { good_fill(body) } else { None };
    match fill {
        Some(fill) => Ok(Input::Fill(fill)),
        None => decode_rare_input(kind, body),
    }
}

/// Reads what is no fill, or a fill that is not as it should be.
#[inline(never)]
fn decode_rare_input(kind: InputKind, body: &[u8]) -> Result<Input, Rejection> {
    let request = match kind {
        InputKind::Fill => RequestKind::Fill,
        InputKind::Bust => RequestKind::Bust,
        InputKind::Split => RequestKind::Split,
        InputKind::Marker => {
            return codec::decode::<MarkerRecord>(body)
                .map(|marker| Input::Marker(marker.into()))
                .map_err(unread);
        }
        InputKind::Netting => {
            return codec::decode::<NettingRecordRead<'_>>(body)
                .and_then(NettingRecord::read)
                .map(Input::Netting)
                .map_err(unread);
        }
    };
    Ok(match decode_request(request, body)? {
        Request::Fill(fill) => Input::Fill(fill),
        Request::Bust(bust) => Input::Bust(bust),
        Request::Split(split) => Input::Split(split),
        Request::Report(_) => return Err(unread(DecodeError::new("a report is no input"))),
    })
}

fn unread(error: DecodeError) -> Rejection {
    Rejection::unread(Reject::from(error))
}
