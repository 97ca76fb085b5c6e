//! Stamp: what every life of a shard's journal must agree on, as its files say it.

use allot_allocation_rules::BookConfig;
use std::fmt;
use std::str::FromStr;

/// Which shard, and the rules by which its log becomes its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    /// Its number, from zero.
    pub(crate) shard: usize,
    /// How many there are: their number decides which tickers it owns.
    pub(crate) shards: usize,
    /// The rules.
    pub(crate) book: BookConfig,
}

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, shards, book: BookConfig { blend, history } } = self;
        write!(out, "shard {shard} of {shards}, blend {blend}, history {history}")
    }
}

impl FromStr for Stamp {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let stamp = read(text).filter(|stamp| stamp.to_string() == text);
        stamp.ok_or_else(|| anyhow::anyhow!("{text:?} is not what a shard writes on its journal"))
    }
}

fn read(text: &str) -> Option<Stamp> {
    let (shard, rest) = text.strip_prefix("shard ")?.split_once(" of ")?;
    let (shards, rest) = rest.split_once(", blend ")?;
    let (blend, history) = rest.split_once(", history ")?;
    let book = BookConfig { blend: blend.parse().ok()?, history: history.parse().ok()? };
    Some(Stamp { shard: shard.parse().ok()?, shards: shards.parse().ok()?, book })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_is_written() {
        for text in ["shard 0 of 1, blend 0, history 65536", "shard 3 of 64, blend 1/4, history 1"]
        {
            assert_eq!(text.parse::<Stamp>().unwrap().to_string(), text);
        }
        for text in ["", "shard 0", "shard 00 of 1, blend 0, history 65536"] {
            let error = text.parse::<Stamp>().unwrap_err().to_string();
            assert!(error.ends_with("is not what a shard writes on its journal"), "{error}");
        }
    }
}
