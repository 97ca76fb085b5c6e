//! The `allot` binary: configuration, wiring, and one sub-command for each box.
//!
//! Start with [`wiring`]: it is the picture of the README as code, in the three shapes in which the
//! same boxes run. [`setting`] is the table of all settings.
//!
//! Invariants:
//! * It contains no rule and no format: `domain` decides, `wire` encodes.
//! * Output for programs goes to stdout, output for people to stderr; tables go to stdout too.
//!   When the reader of stdout goes away, the process ends without an error; a component of signals
//!   stops cleanly and fails, because it runs until it is stopped.
//! * Every thread belongs to a `ThreadGroup`, but that of a console in the process of a server.
//!   While the boxes run, only the monitor's thread logs, that which writes the logs of a desk, and
//!   that of the console.

mod limits;
pub mod setting;
pub mod config;
pub mod settings;
mod run_dir;
mod front_keys;
mod front_probe;
mod exposure;
mod shard_dirs;
mod record_reader;
mod replay_threads;
mod unfinished_folder;
mod ledger_backup;
mod desk_journal;
mod desk_log;
mod trader_journal_reader;
pub mod wiring;
mod stdout;
mod strategy_journal_reader;
mod signals;
mod counter_watch;
mod stage_file;
mod timing;
mod monitor;
mod log_format;
mod log_output;
mod log;
mod feed_group;
mod rate_meter;
mod progress_bar;
mod feed_reader;
mod front_client;
mod history_reader;
mod csv_cell;
mod history_event;
mod reply_text;
mod report_request;
mod front_history;
mod shard_replay;
mod journal_history;
mod journal_positions;
mod terminal;
mod table;
mod pager;
mod time_text;
mod address;
mod flags;
mod console_inside;
mod common_args;
mod misuse;
mod cli;
mod command;

pub use cli::run;
