//! Signals as processes: the messages of generators, strategies and traders.
//!
//! ```text
//!   generator ◄─ ask ── strategy ── register, decision ─► trader ══► median, trader
//! ```
//!
//! The machines of `allot-signals-rules` decide. `docs/WIRE-SIGNALS.md` describes every byte.

#![forbid(unsafe_code)]

pub mod limits;
mod problem_text;
mod request;
mod reply;
mod status;

pub use reply::{Reply, ReplyBody};
pub use request::{Request, RequestBody, RequestKind};
pub use status::{KIND_MEDIAN, KIND_TRADER, MedianMessage, Status, StrategyStatus, TraderState};
