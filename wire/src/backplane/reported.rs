//! Reported: the publisher tells the router that a report is out, so that the next may be made.

use allot_domain::ReportNumber;

use super::{FrameKind, decode, encode};
use crate::DecodeError;

/// Writes a whole frame.
pub fn encode_reported(report: ReportNumber, frame: &mut Vec<u8>) {
    encode(FrameKind::Reported, report.get(), frame);
}

/// Reads a whole frame.
///
/// # Errors
/// Says what is wrong with it.
pub fn decode_reported(frame: &[u8]) -> Result<ReportNumber, DecodeError> {
    decode(FrameKind::Reported, frame).map(ReportNumber::new)
}
