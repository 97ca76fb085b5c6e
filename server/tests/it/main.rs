//! The seam of the core, with a system that is not allocation: a counter for each key.
//!
//! It runs on the same router, shards, journals, publisher and wiring, over real sockets and real
//! files; nothing here is told to the core but the type [`allot_counter::Counter`].

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

// A server, its clients and its subscribers.
mod rig;
mod client;

mod embedded;
mod separate;
mod backplane;
mod recovery;
mod stamp;
mod stepped;
