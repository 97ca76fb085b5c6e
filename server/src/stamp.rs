//! Stamp: what every incarnation of a shard's journal must agree on, as its files say it.
//!
//! ```text
//!   allocation, shard 0 of 1, ledger 5f0c4f0b…, blend 0, history 65536
//!   └ system    └ which keys  └ whose           └ the config of its machine
//! ```

use std::fmt;
use std::str::FromStr;

use allot_domain::{LedgerId, ShardId};
use allot_shard::{ConfigOf, Service};

/// Which system, which shard, of which ledger, and the rules by which its log becomes its state.
pub struct JournalStamp<S: Service> {
    /// Which shard.
    pub shard: ShardId,
    /// How many there are: their number decides which keys it owns.
    pub shards: usize,
    /// Whose journal it is; none where the journal is older than ledgers.
    pub ledger: Option<LedgerId>,
    /// The rules.
    pub machine: ConfigOf<S>,
}

/// What the stamp of any system says of its journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StampHead {
    /// Which shard.
    pub shard: ShardId,
    /// How many there are.
    pub shards: usize,
    /// Whose journal it is; none where the journal is older than ledgers.
    pub ledger: Option<LedgerId>,
}

impl StampHead {
    /// That of a stamp, of whatever system; none where the text is no stamp.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(", shard ")?;
        Some(Self::read(rest)?.0)
    }

    /// Reads it behind the name of the system; the rest are the rules.
    fn read(text: &str) -> Option<(Self, &str)> {
        let (shard, rest) = text.split_once(" of ")?;
        let (shards, rest) = rest.split_once(", ")?;
        let id = rest.strip_prefix("ledger ").and_then(|id| id.split_once(", "));
        let (ledger, rules) = match id {
            Some((id, rules)) => (Some(id.parse().ok()?), rules),
            None => (None, rest),
        };
        let (shard, shards) = (ShardId::new(shard.parse().ok()?), shards.parse().ok()?);
        Some((Self { shard, shards, ledger }, rules))
    }
}

/// Why a text is no stamp of a system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoStamp {
    /// The text.
    pub text: String,
    /// The system.
    pub system: &'static str,
}

impl<S: Service> fmt::Display for JournalStamp<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, shards, ledger, machine } = self;
        write!(f, "{}, shard {shard} of {shards}, ", S::NAME)?;
        if let Some(ledger) = ledger {
            write!(f, "ledger {ledger}, ")?;
        }
        write!(f, "{machine}")
    }
}

impl<S: Service> FromStr for JournalStamp<S> {
    type Err = NoStamp;

    fn from_str(text: &str) -> Result<Self, NoStamp> {
        let stamp = read::<S>(text).filter(|stamp| stamp.to_string() == text);
        stamp.ok_or_else(|| NoStamp { text: text.to_owned(), system: S::NAME })
    }
}

fn read<S: Service>(text: &str) -> Option<JournalStamp<S>> {
    let rest = text.strip_prefix(S::NAME)?.strip_prefix(", shard ")?;
    let (StampHead { shard, shards, ledger }, rules) = StampHead::read(rest)?;
    Some(JournalStamp { shard, shards, ledger, machine: rules.parse().ok()? })
}

impl fmt::Display for NoStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, system } = self;
        write!(
            f,
            "the journal was written as {text:?}; this reads journals of {system:?}; read it with \
             the program that wrote it"
        )
    }
}

impl std::error::Error for NoStamp {}
