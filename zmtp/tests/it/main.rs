//! Both ends of a connection, with each other and against bytes that nobody would send.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

mod agree;
mod hostile;
mod interop;
mod pair;
mod second;
mod talk;
