//! A peer: a server that takes part in the comparison, and what a reply of it means.

use serde::Serialize;

/// Messages in flight that keep a server busy.
const WINDOW: usize = 256;

/// Fills in a message of the rows that ask about batches.
const BATCH: u32 = 100;

/// The peers, in the order in which they are measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// A bare ZeroMQ ROUTER that sends every message back
    Echo,
    /// Allot, replies from memory
    AllotMemory,
    /// Allot, replies that wait for the disk
    AllotJournal,
    /// Redis, XADD, nothing written to disk
    Redis,
    /// Redis, XADD, appendfsync always
    RedisSynced,
    /// NATS, request and reply
    Nats,
    /// JetStream, publish to files
    JetStream,
    /// JetStream, publish to files, every message synced
    JetStreamSynced,
    /// A plain controller in Python
    Python,
}

/// How a peer is driven.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct Shape {
    /// Messages in flight, over one connection.
    pub(crate) window: usize,
    /// Fills in a message.
    pub(crate) batch: u32,
}

/// One message in flight.
pub(crate) const ONE: Shape = Shape { window: 1, batch: 1 };

/// A window of single messages.
pub(crate) const MANY: Shape = Shape { window: WINDOW, batch: 1 };

/// Batches in a window that no queue of Allot refuses.
pub(crate) const BATCHES: Shape = Shape { window: 64, batch: BATCH };

/// Batches for Python, which has one thread for them all: a deeper window would only wait.
pub(crate) const PYTHON_BATCHES: Shape = Shape { window: 4, batch: BATCH };

impl Shape {
    /// As it is called in tables.
    pub(crate) fn words(self) -> String {
        match self {
            ONE => "one in flight".to_owned(),
            Self { window, batch: 1 } => format!("window {window}"),
            Self { window, batch } => format!("window {window}, {batch} fills"),
        }
    }

    /// Whether rows may be compared: single fills in the same window, or batches in any.
    pub(crate) fn is_like(self, other: Self) -> bool {
        self == other || (self.batch == BATCH && other.batch == BATCH)
    }
}

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

    /// What has been done with a message when its reply comes.
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
        match self {
            Self::AllotMemory | Self::AllotJournal => vec![ONE, MANY, BATCHES],
            Self::Python => vec![ONE, MANY, PYTHON_BATCHES],
            _ => vec![ONE, MANY],
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn a_peer_has_one_name_everywhere() {
        for peer in Peer::value_variants() {
            let flag = peer.to_possible_value().unwrap();
            assert_eq!(flag.get_name(), peer.name());
            assert_eq!(serde_json::to_value(peer).unwrap(), peer.name());
        }
    }
}
