//! A peer: who takes part in a comparison, and what an answer of each of them means.

use serde::Serialize;

/// Unanswered messages that keep a server busy.
const WINDOW: usize = 256;

/// Fills in a message of the rows that ask about batches.
pub(crate) const BATCH: u32 = 100;

/// A window of such messages that no queue of Allot refuses.
const BATCH_WINDOW: usize = 64;

/// And one for Python, which has one thread for them all: a deeper one would only wait.
const PYTHON_BATCH_WINDOW: usize = 4;

/// Who is measured; in this order, in every turn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// A bare ROUTER of ZeroMQ that sends back what it gets
    Echo,
    /// Allot, answers from memory
    AllotMemory,
    /// Allot, answers that wait for the disk
    AllotJournal,
    /// Redis, XADD, nothing written
    Redis,
    /// Redis, XADD, appendfsync always
    RedisSynced,
    /// NATS, request and reply
    Nats,
    /// JetStream, publish to files
    JetStream,
    /// JetStream, publish to files, synced always
    JetStreamSynced,
    /// The plain controller in Python
    Python,
}

/// How a peer is driven.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct Shape {
    /// Messages unanswered at any time, over one connection.
    pub(crate) window: usize,
    /// Fills in a message.
    pub(crate) batch: u32,
}

/// One message after the other.
pub(crate) const ONE: Shape = Shape { window: 1, batch: 1 };

/// As many messages as there is room for.
pub(crate) const MANY: Shape = Shape { window: WINDOW, batch: 1 };

impl Peer {
    /// As it is called in tables, and with `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::AllotMemory => "allot-memory",
            Self::AllotJournal => "allot-journal",
            Self::Redis => "redis",
            Self::RedisSynced => "redis-synced",
            Self::Nats => "nats",
            Self::JetStream => "jet-stream",
            Self::JetStreamSynced => "jet-stream-synced",
            Self::Python => "python",
        }
    }

    /// What has been done with a message when it is answered.
    pub(crate) fn does(self) -> &'static str {
        match self {
            Self::Echo => "sent back",
            Self::AllotMemory => "divided",
            Self::AllotJournal => "divided, on disk",
            Self::Redis => "kept in memory",
            Self::RedisSynced => "kept, on disk",
            Self::Nats => "sent back by a subscriber",
            Self::JetStream => "kept, not synced",
            Self::JetStreamSynced => "kept, on disk",
            Self::Python => "divided",
        }
    }

    /// How it is driven.
    pub(crate) fn shapes(self) -> Vec<Shape> {
        let batches = |window| Shape { window, batch: BATCH };
        match self {
            Self::AllotMemory | Self::AllotJournal => vec![ONE, MANY, batches(BATCH_WINDOW)],
            Self::Python => vec![ONE, MANY, batches(PYTHON_BATCH_WINDOW)],
            _ => vec![ONE, MANY],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn a_peer_has_one_name_everywhere() {
        for peer in Peer::value_variants() {
            let flag = peer.to_possible_value().unwrap();
            assert_eq!(flag.get_name(), peer.name());
            assert_eq!(serde_json::to_value(peer).unwrap(), peer.name());
        }
    }
}
