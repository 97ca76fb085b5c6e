//! What the bytes are: every message, whole and damaged, against its encoder and against the page.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod samples;
mod frames;
mod dump;
mod golden;
mod backplane;
mod rejects;
mod records;
mod forms;
mod round_trips;
mod garbage;
mod page;
