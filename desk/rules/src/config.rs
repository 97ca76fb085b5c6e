//! Config: the rules by which a log becomes a state. Its text stands on every file of a journal.

use core::fmt;
use core::str::FromStr;

use crate::limits;

/// What the text ends with where no log is kept, which no file of a journal says.
const NO_LOG: &str = ", no log";

/// What can be chosen of the accounts of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeskConfig {
    /// How many answers are kept: a command that is sent again gets its first one while it is.
    pub history: usize,
    /// How many names of commands are remembered exactly.
    pub names: usize,
    /// Whether there is a journal, which is the log: without one a DUMPLOG is refused.
    pub keeps_log: bool,
}

impl Default for DeskConfig {
    fn default() -> Self {
        Self { history: limits::HISTORY_DEFAULT, names: limits::NAMES_DEFAULT, keeps_log: true }
    }
}

impl fmt::Display for DeskConfig {
    /// As files of a journal have it: `history 65536, names 1000000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { history, names, keeps_log } = self;
        write!(f, "history {history}, names {names}")?;
        if *keeps_log { Ok(()) } else { f.write_str(NO_LOG) }
    }
}

/// Why a text is no config.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoDeskConfig;

impl FromStr for DeskConfig {
    type Err = NoDeskConfig;

    fn from_str(text: &str) -> Result<Self, NoDeskConfig> {
        let (text, keeps_log) = match text.strip_suffix(NO_LOG) {
            Some(text) => (text, false),
            None => (text, true),
        };
        let rest = text.strip_prefix("history ").ok_or(NoDeskConfig)?;
        let (history, names) = rest.split_once(", names ").ok_or(NoDeskConfig)?;
        let number = |text: &str, most: usize| {
            let number = text.parse().map_err(|_| NoDeskConfig)?;
            if (1..=most).contains(&number) { Ok(number) } else { Err(NoDeskConfig) }
        };
        let history = number(history, limits::HISTORY_MAX)?;
        Ok(Self { history, names: number(names, limits::NAMES_MAX)?, keeps_log })
    }
}

impl fmt::Display for NoDeskConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the config of a desk is `history N, names M`, with 1 to {} and 1 to {}",
            limits::HISTORY_MAX,
            limits::NAMES_MAX
        )
    }
}

impl core::error::Error for NoDeskConfig {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_reads_back_from_its_text_and_nothing_else_is_one() {
        let config = DeskConfig { history: 5, names: 9, keeps_log: true };
        assert_eq!(config.to_string(), "history 5, names 9");
        assert_eq!("history 5, names 9".parse(), Ok(config));
        let config = DeskConfig { keeps_log: false, ..config };
        assert_eq!(config.to_string(), "history 5, names 9, no log");
        assert_eq!("history 5, names 9, no log".parse(), Ok(config));
        for text in ["", "history 5", "history 0, names 9", "history 5, names 0", "names 9"] {
            assert_eq!(text.parse::<DeskConfig>(), Err(NoDeskConfig), "{text}");
        }
    }
}
