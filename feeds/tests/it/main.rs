//! Feeds against a front door: a real book behind the real wire format, over rings on virtual time
//! and over real sockets. The faults in between are scripted.
//!
//! The feeds may not use the router and the shards, which are core; `node` tests all of them
//! together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod front;
mod scenario;
mod faults;
mod replies;
mod timing;
mod files;
mod splits;
mod threads;
