//! Counter: a system of the tests, as small as a system can be and still use all of the core.
//!
//! ```text
//!   router::Protocol ─► request ─► Input ─► Counters ─► Outcome ─► reply      shard::Service
//!                                              └─► part ─► report, level      publisher::View
//! ```
//!
//! | input  | goes to             | comes back                                      |
//! |--------|---------------------|-------------------------------------------------|
//! | add    | the shard of a key  | `counted`                                       |
//! | await  | the shard of a key  | `awaiting`, and `reached` late; or `reached`    |
//! | cancel | the shard of a key  | `cancelled`: the late reply is owed no more     |
//! | raise  | all shards          | `raised`, once                                  |
//! | level  | all shards          | nothing: the view sends it, and nobody waits    |
//!
//! Start with [`rules::Counters`]: what is true of a counter. Then [`service`]: what joins it to
//! the core, and [`audit::Auditor`], which replays a log and believes nothing. The marker type
//! [`Counter`] is what router, shard and publisher are made of, as in `Shard<Counter>`.
//!
//! Invariants:
//! * `rules` uses `domain` alone; `audit` uses `domain` and `rules`; `service` decides nothing.
//!   The rooms are modules of one crate, so a test reads their imports; the rooms of another system
//!   are crates, and `cargo xtask tidy` compares them with the table of `xtask/src/layers.rs`.
//! * No bytes from outside can make anything here panic.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

pub mod rules;
pub mod service;
pub mod audit;

/// The system: amounts in, totals out.
#[derive(Clone, Copy, Debug)]
pub struct Counter;

#[cfg(test)]
mod tests;
