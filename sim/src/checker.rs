//! The checkers: one for each promise that needs more than the replay itself.
//!
//! | promise | where it is checked                                                           |
//! |---------|-------------------------------------------------------------------------------|
//! | P1      | `answers`: what clients were told is in the journal, at every recovery        |
//! | P2      | `answers`: repeats; the auditor in [`crate::replica`]                       |
//! | P3      | `order`: what one connection brought stands in that order                     |
//! | P4, P5  | the auditor; [`crate::replica`]: no record that was recovered ever changes  |
//! | P6      | `recovery`: image and suffix, replay, and live state have the same bytes      |
//! | P7      | `batches`: the same log in other batches                                      |
//! | P8      | `flips`: a flipped bit stops the shard, or does no harm                       |
//! | P9      | `reports` and `nettings`; [`crate::subscriber`]                               |

pub mod replies;
pub mod batches;
pub mod flips;
pub mod nettings;
pub mod order;
pub mod recovery;
pub mod reports;
