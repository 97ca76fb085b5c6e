//! The checkers of every system: they compare states as bytes, and read no input.
//!
//! | promise | where it is checked                                                           |
//! |---------|-------------------------------------------------------------------------------|
//! | P1, P5  | [`crate::engine::log`]: no recovered record changes or disappears             |
//! | P6      | `recovery`: snapshot and suffix, replay, and live state have the same bytes   |
//! | P7      | `batches`: the same log in other batches                                      |
//! | P8      | `flips`: a flipped bit stops the shard, or does no harm                       |
//!
//! The others are the workload's.

pub mod batches;
pub mod flips;
pub mod recovery;
