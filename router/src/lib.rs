//! The front door: admits messages, hands each to the shard that owns its ticker, returns answers.
//!
//! ```text
//!             ┌─────────────────── router ───────────────────┐
//!   clients ◄─┤ door ─► admit ─► route ─► lanes ──────────────┼═► shards
//!             │   ▲                         ▲    marker, plan │
//!             │   └──── clients ◄───────────┼─────────────────┼═══ answers
//!             └─────────────────────────────┴─────────────────┘◄══ publisher: nettings
//! ```
//!
//! Start with [`Router`]: its duty cycle is the whole road.
//!
//! Invariants:
//! * It keeps no position, no price and no sequence: it can be restarted at any moment.
//! * Of a binary message it reads the header and the routing keys, nothing else.
//! * What goes to all shards goes to all of them between the same inputs, or to none.
//! * A message is answered: by a shard, or here with a rejection; `busy` where a queue is full.

mod config;
mod router;
mod admit;
mod lanes;
mod markers;
mod clients;
mod postbox;

pub use config::RouterConfig;
pub use router::Router;
