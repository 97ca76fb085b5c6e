//! The log of a desk: made of its journals, for whoever asks, and for each DUMPLOG while it serves.
//!
//! ```text
//!   journals ─► follower ─► DUMPLOGs that wait ─► pass: journals ═► entries ═► files aside
//!      ▲                                            │                             │ rename
//!      └── they are the queue: what is not written  └─► progress                  ▼
//!          is found again at the next start                               directory of logs
//! ```

mod shard_log;
mod log_folder;
mod progress;
mod dump_queue;
mod pass;
mod log_writer;

pub(crate) use log_writer::LogWriter;
pub(crate) use shard_log::ShardLog;
