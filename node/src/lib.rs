//! The `allot` binary: configuration, wiring, and one sub-command for each box.
//!
//! Start with [`wiring`]: it is the picture of the README as code, in the three shapes in which the
//! same boxes run. [`setting`] is the table of all that can be chosen.
//!
//! Invariants:
//! * No rule and no format is here: `domain` decides, `wire` encodes.
//! * What is meant for programs goes to stdout, what is meant for people to stderr, except for
//!   tables. A reader that closes stdout ends the process quietly.
//! * Threads are those of a `Crew`; only the lookout's thread logs what happens while others run.

pub mod duration;
pub mod setting;
pub mod config;
pub mod settings;
mod run_dir;
mod front_keys;
mod stamp;
mod archive;
mod shard_dirs;
pub mod wiring;
mod stdout;
mod signals;
mod counter_watch;
mod stage_file;
mod lookout;
mod log;
mod feed_crew;
mod gauge;
mod follower;
mod table;
mod flags;
mod common_args;
mod cli;
mod command;

pub use cli::run;
