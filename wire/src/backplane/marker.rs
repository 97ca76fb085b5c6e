//! Marker: the body of the input that makes a cut.

use allot_domain::Marker;
use serde::{Deserialize, Serialize};

use crate::DecodeError;
use crate::codec;

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

/// Appends the body of a marker.
pub fn encode_marker(marker: &Marker, body: &mut Vec<u8>) {
    codec::append(MarkerRecord::from(marker), body);
}

/// Reads the body of a marker.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_marker(body: &[u8]) -> Result<Marker, DecodeError> {
    codec::decode::<MarkerRecord>(body).map(Into::into)
}
