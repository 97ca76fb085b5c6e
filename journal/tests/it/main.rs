//! The journal through its public interface, on simulated disks and real ones.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

mod rig;
mod round_trip;
mod format;
mod sealing;
mod flips;
mod sim_disks;
mod crashes;
mod failures;
mod snapshots;
mod reading;
mod following;
mod copying;
mod folders;
mod threads;
mod heap;
