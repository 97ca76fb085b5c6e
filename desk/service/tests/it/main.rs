//! The messages of the desk, in both encodings.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod requests;
mod machine;
mod page;
mod manager;
mod log;
mod corpus;
