//! Log format: what a line of the log looks like.

use clap::ValueEnum;

/// Format of a line of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object per line
    Json,
}
