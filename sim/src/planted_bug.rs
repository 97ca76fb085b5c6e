//! A planted bug: what the simulator must find, or must not mind.

use clap::ValueEnum;

/// Something wrong that is put in on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum PlantedBug {
    /// Shards answer before their inputs are on disk
    #[value(name = "early-answers")]
    EarlyReplies,
    /// Disks say that they have synced, and have not
    LyingDisk,
    /// Disks sync what is in files and forget their names
    NamelessDisk,
    /// One answer in a hundred is altered on its direction to the client
    #[value(name = "altered-answer")]
    AlteredReply,
    /// One frame of parts in a hundred is altered on its direction to the publisher
    AlteredPart,
    /// One publication in a hundred gets lost and those after it are numbered as if it had not
    SilentLoss,
    /// Frames of inputs come twice, now and then: no harm
    TwiceToShard,
    /// Frames of inputs overtake each other, now and then: no harm
    OutOfOrderToShard,
}

impl PlantedBug {
    /// Whether a run with it must be as good as one without.
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::TwiceToShard | Self::OutOfOrderToShard)
    }

    /// Whether it needs frames between processes.
    pub const fn needs_processes(self) -> bool {
        matches!(self, Self::AlteredPart | Self::TwiceToShard | Self::OutOfOrderToShard)
    }
}
