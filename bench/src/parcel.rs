//! A parcel: so many fills as the bytes of one message.

use crate::fills::Fills;
use allot_domain::SourceId;
use allot_wire::{
    Encoding, Request, RequestKind, begin_batch, decode_line, encode_line, encode_request,
    end_batch, push_record,
};

/// Where the number of the first fill stands in a binary batch: header, size, ticker.
const SEQ_AT: std::ops::Range<usize> = 36..44;

/// Writes the fills `first..first + batch` of a source as one message.
pub(crate) fn write(
    fills: &Fills,
    source: SourceId,
    first: u64,
    (batch, encoding): (u32, Encoding),
    record: &mut Vec<u8>,
    message: &mut Vec<u8>,
) {
    let requests = (first..first + u64::from(batch)).map(|seq| fills.fill(source, seq));
    match encoding {
        Encoding::Binary => {
            begin_batch(message, RequestKind::Fill as u8);
            for fill in requests {
                record.clear();
                encode_request(&Request::Fill(fill), record);
                push_record(message, record);
            }
            end_batch(message, batch);
        }
        Encoding::Json => {
            message.clear();
            for fill in requests {
                encode_line(&Request::Fill(fill), message);
                message.push(b'\n');
            }
        }
    }
}

/// The number of the first fill of a message that came back from an echo.
pub(crate) fn first_seq(message: &[u8]) -> Option<u64> {
    match Encoding::of(message) {
        Encoding::Binary => {
            Some(u64::from_le_bytes(message.get(SEQ_AT)?.try_into().expect("eight bytes")))
        }
        Encoding::Json => {
            let line = message.split(|byte| *byte == b'\n').next()?;
            Some(decode_line(line).ok()?.seq())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_found_again() {
        let fills = Fills::new(1, 10);
        let source = SourceId::new(b"bench-1").unwrap();
        for encoding in [Encoding::Binary, Encoding::Json] {
            let (mut record, mut message) = (Vec::new(), Vec::new());
            write(&fills, source, 41, (3, encoding), &mut record, &mut message);
            assert_eq!(first_seq(&message), Some(41), "{encoding}");
            assert_eq!(first_seq(&message[..20]), None);
        }
    }
}
