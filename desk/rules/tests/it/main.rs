//! The rules of the desk from outside: tables of commands and answers, and properties.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod script;
mod table;
mod random_inputs;
mod random;
mod splitting;
mod slices;
mod snapshots;
mod repeats;
mod bounds;
mod due;
