//! The checkers of every system: they compare states as bytes, and read no input.
//! `complete` is the liveness of clients: what was delivered is in every journal it goes to.
//!
//! | promise | where it is checked                                                           |
//! |---------|-------------------------------------------------------------------------------|
//! | P1, P5  | [`crate::engine::log`]: no recovered record changes or disappears             |
//! | P2, P3  | `order`: the log keeps the order of each connection, and doubles nothing      |
//! | P6      | `recovery`: snapshot and suffix, replay, and live state have the same bytes   |
//! | P7      | `batches`: the same log in other batches                                      |
//! | P8      | `flips`: a flipped bit stops the shard, or does no harm                       |
//!
//! The others are the workload's.

pub mod batches;
pub mod complete;
pub mod flips;
pub mod order;
pub mod recovery;
