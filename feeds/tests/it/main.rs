//! Feeds against a front door: a real book behind the real wire format, over rings on virtual time
//! and over real sockets. What is scripted is the faults on the way.
//!
//! The router and the shards themselves stand in the same row as the feeds, which therefore do not
//! know them; `node` tests all of them together.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod front;
mod scene;
mod trouble;
mod replies;
mod timing;
mod files;
mod splits;
mod threads;
