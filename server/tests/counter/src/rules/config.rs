//! Config: the rules by which a log becomes a state. Its text stands on every file of a journal.

use std::fmt;
use std::str::FromStr;

use super::limits::LIMIT_MAX;

/// The config of the counters of a shard: `limit 1000`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CounterConfig {
    /// The highest value of a counter, at most [`LIMIT_MAX`].
    pub limit: u64,
}

/// Why a text is no config.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoConfig;

impl fmt::Display for CounterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}", self.limit)
    }
}

impl FromStr for CounterConfig {
    type Err = NoConfig;

    fn from_str(text: &str) -> Result<Self, NoConfig> {
        let limit = text.strip_prefix("limit ").and_then(|limit| limit.parse().ok());
        let limit = limit.filter(|limit| *limit <= LIMIT_MAX).ok_or(NoConfig)?;
        Ok(Self { limit })
    }
}

impl fmt::Display for NoConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the config of a counter is `limit N`, with N of at most {LIMIT_MAX}")
    }
}

impl std::error::Error for NoConfig {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_reads_back_from_its_text_and_nothing_else_is_one() {
        let config = CounterConfig { limit: 1_000 };
        assert_eq!(config.to_string(), "limit 1000");
        assert_eq!("limit 1000".parse(), Ok(config));
        for text in ["", "limit", "limit ", "limit -1", "limit 1099511627777", "blend 0"] {
            assert_eq!(text.parse::<CounterConfig>(), Err(NoConfig), "{text}");
        }
    }
}
