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

pub mod chance;
pub mod plant;
pub mod options;
pub mod tally;
pub mod violation;
pub mod diary;
pub mod disk;
pub mod process;
pub mod relay;
pub mod witness;
pub mod gate;
pub mod desk;
pub mod subscriber;
pub mod chronicle;
pub mod checker;
pub mod world;
pub mod campaign;

pub use campaign::{Failure, run_seed};
pub use options::Options;
pub use plant::Plant;
pub use tally::Tally;
pub use violation::Violation;
pub use world::World;
