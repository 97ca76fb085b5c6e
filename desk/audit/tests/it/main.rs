//! The auditor: it agrees with the rules, and with nothing else.
//!
//! The scripts and the random inputs are those of the rules' own tests.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

#[expect(dead_code, reason = "the tables of the rules use the rest")]
#[path = "../../../rules/tests/it/script.rs"]
mod script;
#[path = "../../../rules/tests/it/random_inputs.rs"]
mod random_inputs;
mod pair;
mod tables;
mod random;
mod tampering;
mod differing;
mod workloads;
