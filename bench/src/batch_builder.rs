//! A batch builder: fills as the bytes of one message.

use allot_allocation_service::{Request, RequestKind, decode_line, encode_line, encode_request};
use allot_domain::SourceId;
use allot_wire::{Encoding, begin_batch, end_batch, push_record};

use crate::fills::Fills;

/// Where the number of the first fill stands in a binary batch: header, size, ticker.
const SEQ_AT: std::ops::Range<usize> = 52..60;

/// Builds the messages of one source.
pub(crate) struct BatchBuilder {
    source: SourceId,
    /// Fills per message.
    batch: u32,
    encoding: Encoding,
    record: Vec<u8>,
}

impl BatchBuilder {
    pub(crate) fn new(source: SourceId, batch: u32, encoding: Encoding) -> Self {
        Self { source, batch, encoding, record: Vec::new() }
    }

    /// Writes the fills from number `first` on as one message; gives the number after the last.
    pub(crate) fn write(&mut self, fills: &Fills, first: u64, message: &mut Vec<u8>) -> u64 {
        let next = first + u64::from(self.batch);
        let requests = (first..next).map(|seq| Request::Fill(fills.fill(self.source, seq)));
        match self.encoding {
            Encoding::Binary => {
                begin_batch(message, RequestKind::Fill as u8);
                for request in requests {
                    self.record.clear();
                    encode_request(&request, &mut self.record);
                    push_record(message, &self.record);
                }
                end_batch(message, self.batch);
            }
            Encoding::Json => {
                message.clear();
                for request in requests {
                    encode_line(&request, message);
                    message.push(b'\n');
                }
            }
        }
        next
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
            Some(decode_line(line).ok()?.seq().get())
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
            let mut message = Vec::new();
            let next = BatchBuilder::new(source, 3, encoding).write(&fills, 41, &mut message);
            assert_eq!(next, 44);
            assert_eq!(first_seq(&message), Some(41), "{encoding}");
            assert_eq!(first_seq(&message[..20]), None);
        }
    }
}
