//! A planted bug: what the checkers must find, or a disturbance that must do no harm.

use clap::ValueEnum;

/// A bug that is put in on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum PlantedBug {
    /// Shards reply before their inputs are on disk
    #[value(name = "early-answers")]
    EarlyReplies,
    /// Disks report a sync and have synced nothing
    LyingDisk,
    /// Disks sync the content of files and forget their names
    NamelessDisk,
    /// One reply in a hundred is altered on its way to the client
    #[value(name = "altered-answer")]
    AlteredReply,
    /// One frame in twenty is altered on its way to the publisher, if it is a part of a cut
    AlteredPart,
    /// No shard is heard to find a holder that a split leaves out
    ClearFindings,
    /// The lines of one message in ten reach the front door in the reverse order
    ReversedLines,
    /// One quote in ten has another price on its way to the first shard
    AlteredQuote,
    /// One publication in a hundred is lost, and the later ones are renumbered to hide it
    SilentLoss,
    /// Some frames of inputs are delivered twice: harmless
    TwiceToShard,
    /// Some frames of inputs are swapped: harmless
    OutOfOrderToShard,
}

impl PlantedBug {
    /// Whether a run with it must be as good as one without.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::TwiceToShard | Self::OutOfOrderToShard)
    }

    /// Whether it needs frames between processes.
    #[must_use]
    pub const fn needs_processes(self) -> bool {
        matches!(
            self,
            Self::AlteredPart | Self::ClearFindings | Self::TwiceToShard | Self::OutOfOrderToShard
        )
    }
}
