//! Framing: every frame that names no system, whole and damaged, against its own bytes.
//!
//! The bodies here belong to no system; what a system says is tested where it lives.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod dump;
mod frames;
mod backplane;
mod batches;
mod rejections;
mod heartbeats;
mod topics;
mod garbage;
