//! The simulator: the whole path on virtual time and simulated disks, from one seed.
//!
//! ```text
//!   seed ─► Options ─► World: processes, connections, disks, time ─► checkers ─► Tally, Violation
//! ```
//!
//! The real router, shards with their journals, publisher and feeds run in one thread; everything
//! between them, and everything that can go wrong, is thrown from the seed. Start with
//! [`World::run`]; [`checker`] says which promise is checked where.
//!
//! It never uses the real clock: a seed is the same run on every machine.

#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "what panics here is a bug of the simulator alone")]

pub mod prng;
pub mod planted_bug;
pub mod options;
pub mod tally;
pub mod violation;
pub mod trace;
pub mod disk;
pub mod process;
pub mod network_link;
pub mod history;
pub mod client_network;
pub mod operator;
pub mod subscriber;
pub mod replica;
pub mod checker;
pub mod world;
pub mod campaign;

pub use campaign::{Failure, run_seed};
pub use options::Options;
pub use planted_bug::PlantedBug;
pub use tally::Tally;
pub use violation::Violation;
pub use world::World;
