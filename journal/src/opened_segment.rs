//! An opened segment: the result of reading its first sector.

use allot_domain::LogIndex;

use crate::file_name;
use crate::length::{narrow, wide};
use crate::limits::{NUMBER_MAX, READ_AHEAD_BYTES, SECTOR, SECTOR_BYTES};
use crate::read_ahead::ReadAhead;
use crate::segment::{FirstSector, SegmentHead, first_chain, is_blank};
use crate::{JournalError, Media};

/// A segment whose first sector was read.
pub(crate) enum OpenedSegment {
    /// Its first sector is zeros.
    Spare(ReadAhead),
    /// It was begun.
    Begun(SegmentHead, ReadAhead),
}

/// Reads the first sector of a segment. An error names `index` as the first record that cannot be
/// read. If a stamp is given, the segment must have it.
pub(crate) fn open_segment(
    media: &dyn Media,
    number: u64,
    index: LogIndex,
    stamp: Option<&str>,
) -> Result<OpenedSegment, JournalError> {
    let mut read_ahead = ReadAhead::open(media, file_name::segment(number))?;
    let file = read_ahead.name().to_owned();
    if read_ahead.bytes() < SECTOR {
        return read_ahead.corrupt(0, index, "the file was cut short");
    }
    let head = match FirstSector::read(read_ahead.get(0, SECTOR_BYTES)?) {
        FirstSector::Blank => return Ok(OpenedSegment::Spare(read_ahead)),
        FirstSector::Version(version) => return Err(JournalError::Version { file, version }),
        FirstSector::Damaged => {
            return read_ahead.corrupt(
                0,
                index,
                "the head of the segment is not as it was written",
            );
        }
        FirstSector::Head(head) => head,
    };
    if let Some(stamp) = stamp.filter(|stamp| *stamp != head.stamp) {
        let configured = stamp.to_owned();
        return Err(JournalError::Stamp { file, stored: head.stamp, configured });
    }
    if !(1..=NUMBER_MAX).contains(&head.first_index.get()) {
        return read_ahead.corrupt(0, index, "the segment begins with an impossible index");
    }
    let is_first = head.first_index == LogIndex::FIRST && head.chain == first_chain(&head.stamp);
    if head.number != number || (number == 1 && !is_first) {
        return read_ahead.corrupt(0, index, "the segment has the name of another");
    }
    if head.bytes != read_ahead.bytes() || !head.bytes.is_multiple_of(SECTOR) {
        let offset = head.bytes.min(read_ahead.bytes());
        let what = "the file does not have the length it was made with";
        return read_ahead.corrupt(offset, index, what);
    }
    Ok(OpenedSegment::Begun(head, read_ahead))
}

/// The first sector from `offset` on that is not zeros.
pub(crate) fn first_written(
    read_ahead: &mut ReadAhead,
    offset: u64,
) -> Result<Option<u64>, JournalError> {
    let mut at = offset;
    while at < read_ahead.bytes() {
        let length = narrow((read_ahead.bytes() - at).min(wide(READ_AHEAD_BYTES)));
        let bytes = read_ahead.get(at, length)?;
        let sectors = bytes.chunks(SECTOR_BYTES);
        if let Some((_, found)) =
            sectors.zip((at..).step_by(SECTOR_BYTES)).find(|(s, _)| !is_blank(s))
        {
            return Ok(Some(found));
        }
        at += wide(length);
    }
    Ok(None)
}
