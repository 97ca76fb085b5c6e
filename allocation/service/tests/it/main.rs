//! Allocation on the core: every message of it against its encoder and the page, and its shard.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

// The bytes of every message, whole and damaged.
mod samples;
mod frames;
#[path = "../../../../wire/tests/it/dump.rs"]
mod dump;
mod golden;
mod backplane;
mod rejects;
mod records;
mod forms;
mod round_trips;
mod lines;
mod garbage;
mod corpus;
mod page;

// A shard between the other ends of its links.
mod rig;
mod heap;
mod events;
mod durability;
mod earlier_journal;
