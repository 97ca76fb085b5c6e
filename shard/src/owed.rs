//! Owed: the encodings of the late replies that are still to come.

use std::collections::BTreeMap;

use allot_domain::{Seq, SourceId};
use allot_wire::Encoding;

/// By source and its number of the message, so that equal states are saved as equal bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Owed(BTreeMap<(SourceId, Seq), Encoding>);

impl Owed {
    /// A late reply to this message is owed, in this encoding.
    pub(crate) fn owe(&mut self, source: SourceId, seq: Seq, encoding: Encoding) {
        let before = self.0.insert((source, seq), encoding);
        assert!(before.is_none(), "a message is owed one late reply");
    }

    /// It is owed no more; returns its encoding.
    pub(crate) fn settle(&mut self, source: SourceId, seq: Seq) -> Option<Encoding> {
        self.0.remove(&(source, seq))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SourceId, Seq, Encoding)> {
        self.0.iter().map(|((source, seq), encoding)| (source, *seq, *encoding))
    }

    /// Adds what a snapshot holds; false where it does not follow the one before.
    pub(crate) fn push_saved(&mut self, source: SourceId, seq: Seq, encoding: Encoding) -> bool {
        let follows = self.0.last_key_value().is_none_or(|(last, _)| *last < (source, seq));
        self.0.insert((source, seq), encoding);
        follows
    }
}
