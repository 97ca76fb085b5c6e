//! Log record: one input of a shard, as its journal has it.

/// One record of a shard's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// The kind of input.
    pub kind: u8,
    /// The encoding of its reply.
    pub tag: u8,
    /// The input.
    pub payload: Vec<u8>,
}
