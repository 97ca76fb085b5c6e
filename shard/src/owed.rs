//! Owed: the encodings of the late replies that are still to come.

use std::collections::BTreeMap;

use allot_domain::{MessageId, SourceId, Ticker};
use allot_wire::Encoding;

/// A message, as its late reply will name it.
pub(crate) type Name = (SourceId, Ticker, MessageId);

/// By name, so that equal states are saved as equal bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Owed(BTreeMap<Name, Encoding>);

impl Owed {
    /// A late reply to this message is owed, in this encoding. One whose name the system has
    /// forgotten meanwhile may be sent, and held, once more: both get theirs in the last encoding.
    pub(crate) fn owe(&mut self, name: Name, encoding: Encoding) {
        self.0.insert(name, encoding);
    }

    /// It is owed no more; returns its encoding.
    pub(crate) fn settle(&mut self, name: &Name) -> Option<Encoding> {
        self.0.remove(name)
    }

    /// Its encoding, while it is owed.
    pub(crate) fn get(&self, name: &Name) -> Option<Encoding> {
        self.0.get(name).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, Encoding)> {
        self.0.iter().map(|(name, encoding)| (name, *encoding))
    }

    /// Adds what a snapshot holds; false where it does not follow the one before.
    pub(crate) fn push_saved(&mut self, name: Name, encoding: Encoding) -> bool {
        let follows = self.0.last_key_value().is_none_or(|(last, _)| *last < name);
        self.0.insert(name, encoding);
        follows
    }
}
