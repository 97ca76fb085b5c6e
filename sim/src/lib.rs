//! The simulator: the whole path on virtual time and simulated disks, from one seed.
//!
//! ```text
//!   seed ─► Options ─► World<W>: processes, networks, disks, time ─► Totals, or a Violation
//!                        └── W: Workload: clients, history, replay, the checks of one system
//! ```
//!
//! The real router, shards with their journals, publisher and feeds run in one thread; the seed
//! decides everything between them and everything that fails. [`engine`] names no system: it owns
//! time, processes, networks, disks and faults. [`allocation`] and [`desk`] are the workloads
//! of two systems, and say which promise is checked where. Start with [`engine::World::run`].
//!
//! It never reads the real clock: a seed is the same run on every machine.

#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "a panic here is a bug of the simulator itself")]

pub mod engine;
pub mod allocation;
pub mod desk;

pub use allocation::AllocationWorkload;
pub use desk::DeskWorkload;
pub use engine::{Failure, PlantedBug, Totals, Violation, Workload, World, run_seed};
