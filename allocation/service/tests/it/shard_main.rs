//! A shard between the other ends of its links, on a simulated disk.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod rig;
mod allocation;
mod durability;
