//! The rules through its public face: several books as one firm, and how close it stays.
//!
//! `sharding` measures and prints its figures as Markdown (`cargo test -p allot-allocation-rules
//! --test it --release -- --nocapture sharding`); docs/ARCHITECTURE.md quotes them. Release builds
//! measure more: see `SIZES`.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails, and that is what it is for")]

mod random;
mod flow;
mod firm;
mod sharding;
mod conservation;
mod laws;
