//! Signals as processes: every message against its encoder and the page, and the agents.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

#[allow(dead_code, reason = "the page has the dumps; nothing is compared with a text here")]
#[path = "../../../../wire/tests/it/dump.rs"]
mod dump;
mod page;
mod messages;
mod agents;
