//! A batch: the message that is being put together, and which requests are in it.

use allot_wire::{Encoding, RequestKind, begin_batch, end_batch, push_record};

/// Requests of one kind that leave as one message.
pub(crate) struct BatchBuilder {
    kind: RequestKind,
    encoding: Encoding,
    bytes: Vec<u8>,
    /// The sequences of the requests in it.
    aboard: Vec<u64>,
    is_closed: bool,
}

impl BatchBuilder {
    pub(crate) const fn new(kind: RequestKind, encoding: Encoding) -> Self {
        Self { kind, encoding, bytes: Vec::new(), aboard: Vec::new(), is_closed: false }
    }

    /// How many requests are in it.
    pub(crate) const fn count(&self) -> usize {
        self.aboard.len()
    }

    /// Whether it was given to a link and refused: nothing more goes into it.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds the record of a request: a JSON object, or a binary record without its size.
    pub(crate) fn push(&mut self, seq: u64, record: &[u8]) {
        assert!(!self.is_closed, "a batch that is on its way takes nothing more");
        match (self.encoding, self.aboard.is_empty()) {
            (Encoding::Json, true) => self.bytes.extend_from_slice(record),
            (Encoding::Json, false) => {
                self.bytes.push(b'\n');
                self.bytes.extend_from_slice(record);
            }
            (Encoding::Binary, is_first) => {
                if is_first {
                    begin_batch(&mut self.bytes, self.kind.into());
                }
                push_record(&mut self.bytes, record);
            }
        }
        self.aboard.push(seq);
    }

    /// The message, complete, to be handed to a link.
    pub(crate) fn close(&mut self) -> &mut Vec<u8> {
        if !self.is_closed && self.encoding == Encoding::Binary {
            let count = u32::try_from(self.aboard.len()).expect("a batch is far smaller");
            end_batch(&mut self.bytes, count);
        }
        self.is_closed = true;
        &mut self.bytes
    }

    /// Empties it, after it has left or because it cannot leave any more; yields what was in it.
    pub(crate) fn unload(&mut self) -> impl Iterator<Item = u64> + '_ {
        self.bytes.clear();
        self.is_closed = false;
        self.aboard.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allot_wire::Batch;

    #[test]
    fn json_requests_stand_on_lines() {
        let mut batch = BatchBuilder::new(RequestKind::Fill, Encoding::Json);
        batch.push(1, b"{1}");
        batch.push(2, b"{2}");
        assert_eq!(batch.close(), b"{1}\n{2}");
        assert!(batch.is_closed());
        assert_eq!(batch.unload().collect::<Vec<_>>(), [1, 2]);
        batch.push(3, b"{3}");
        assert_eq!(batch.close(), b"{3}");
    }

    #[test]
    fn binary_requests_are_a_batch_of_their_kind() {
        let mut batch = BatchBuilder::new(RequestKind::Split, Encoding::Binary);
        batch.push(1, b"ab");
        batch.push(2, b"cde");
        batch.close();
        let message = batch.close().clone();
        let batch = Batch::parse(&message).unwrap();
        assert_eq!((batch.kind, batch.count), (3, 2));
        let records: Vec<_> = batch.records().map(Result::unwrap).collect();
        assert_eq!(records, [&b"ab"[..], b"cde"]);
    }
}
