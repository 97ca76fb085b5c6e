//! The engine: runs the boxes of any system from one seed, and breaks what is around them.
//!
//! ```text
//!   clients ═► ClientNetwork ═► router ═ link ═ shard ═ link ═ publisher ═► subscriber
//!                                                 ║
//!                                             SimDisk ─► RecoveredLog
//! ```
//!
//! Invariants:
//! * The boxes and their rings are those of `allot_server`, of the system that the workload names.
//!   Nothing here knows what an input, an outcome or a publication means: that is the
//!   [`workload::Workload`]'s.
//! * Every random choice comes from one [`prng::Prng`]; changing the order of draws changes what a
//!   seed means.

pub mod prng;
pub mod trace;
pub mod violation;
pub mod tally;
pub mod planted_bug;
pub mod options;
pub mod sent;
pub mod log_record;
pub mod workload;
pub mod log;
pub mod network_link;
pub mod client_network;
pub mod process;
pub mod checker;
pub mod world;
pub mod campaign;

pub use campaign::{Failure, run_seed};
pub use planted_bug::PlantedBug;
pub use tally::Totals;
pub use violation::Violation;
pub use workload::Workload;
pub use world::World;
