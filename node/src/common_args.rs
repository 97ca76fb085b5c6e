//! Common arguments: the flags that every sub-command takes.

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgAction, Args};
use tracing_subscriber::filter::LevelFilter;

use crate::config::Config;
use crate::log_format::LogFormat;
use crate::setting::Key;
use crate::settings::Settings;

/// The flags themselves.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Common")]
pub(crate) struct CommonArgs {
    /// Configuration file [default: allot.toml, if it exists]
    #[arg(long, value_name = "FILE", env = "ALLOT_CONFIG", hide_env_values = true, global = true)]
    config: Option<PathBuf>,
    /// Log more: -v for debug messages, -vv for every counter too
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Log errors only; a peer of a mesh also prints no view and no changes
    #[arg(short, long, conflicts_with = "verbose", global = true)]
    quiet: bool,
    /// Format of the log on stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT",
          global = true)]
    pub(crate) log_format: LogFormat,
}

impl CommonArgs {
    /// The configuration, with a sub-command's flags as its top layer.
    pub(crate) fn config(&self, flags: &[(Key, String)]) -> Result<Config> {
        Config::load(self.config.as_deref(), flags)
    }

    /// The configuration, parsed.
    pub(crate) fn settings(&self, flags: &[(Key, String)]) -> Result<Settings> {
        Settings::of(&self.config(flags)?)
    }

    /// Whether only errors are to be told.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A page that is redrawn in place is torn by log lines, so by default it gets warnings only.
    pub(crate) const fn level(&self, has_page: bool) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) if has_page => LevelFilter::WARN,
            (false, 0) => LevelFilter::INFO,
            (false, 1) => LevelFilter::DEBUG,
            (false, _) => LevelFilter::TRACE,
        }
    }
}
