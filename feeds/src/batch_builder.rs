//! A batch builder: puts requests of one kind together into one message.

use allot_allocation_service::RequestKind;
use allot_domain::Seq;
use allot_wire::{Encoding, begin_batch, end_batch, push_record};

/// The message that is being built.
pub(crate) struct BatchBuilder {
    kind: RequestKind,
    encoding: Encoding,
    bytes: Vec<u8>,
    /// The sequence numbers of its requests.
    seqs: Vec<Seq>,
    is_closed: bool,
}

impl BatchBuilder {
    pub(crate) const fn new(kind: RequestKind, encoding: Encoding) -> Self {
        Self { kind, encoding, bytes: Vec::new(), seqs: Vec::new(), is_closed: false }
    }

    /// How many requests it has.
    pub(crate) const fn count(&self) -> usize {
        self.seqs.len()
    }

    /// Whether a link was given it and refused it: it takes no more requests.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Adds the record of a request: a JSON object, or a binary record without its size.
    pub(crate) fn push(&mut self, seq: Seq, record: &[u8]) {
        assert!(!self.is_closed, "a closed batch takes no more requests");
        match (self.encoding, self.seqs.is_empty()) {
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
        self.seqs.push(seq);
    }

    /// Completes the message, to be handed to a link.
    pub(crate) fn close(&mut self) -> &mut Vec<u8> {
        if !self.is_closed && self.encoding == Encoding::Binary {
            let count = u32::try_from(self.seqs.len()).expect("a batch is far smaller");
            end_batch(&mut self.bytes, count);
        }
        self.is_closed = true;
        &mut self.bytes
    }

    /// Empties it, because it has left or cannot leave any more; yields the sequence numbers.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Seq> + '_ {
        self.bytes.clear();
        self.is_closed = false;
        self.seqs.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use allot_wire::Batch;

    use super::*;

    #[test]
    fn json_requests_are_separated_by_line_ends() {
        let mut batch = BatchBuilder::new(RequestKind::Fill, Encoding::Json);
        batch.push(Seq::new(1), b"{1}");
        batch.push(Seq::new(2), b"{2}");
        assert_eq!(batch.close(), b"{1}\n{2}");
        assert!(batch.is_closed());
        assert_eq!(batch.drain().map(Seq::get).collect::<Vec<_>>(), [1, 2]);
        batch.push(Seq::new(3), b"{3}");
        assert_eq!(batch.close(), b"{3}");
    }

    #[test]
    fn binary_requests_are_a_batch_of_their_kind() {
        let mut builder = BatchBuilder::new(RequestKind::Split, Encoding::Binary);
        builder.push(Seq::new(1), b"ab");
        builder.push(Seq::new(2), b"cde");
        builder.close();
        let message = builder.close().clone();
        let batch = Batch::parse(&message).unwrap();
        assert_eq!((batch.kind, batch.count), (3, 2));
        let records: Vec<_> = batch.records().map(Result::unwrap).collect();
        assert_eq!(records, [&b"ab"[..], b"cde"]);
    }
}
