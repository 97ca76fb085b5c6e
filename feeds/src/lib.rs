//! The outside world as agents: fill servers and the AUM server, clients of the front door.
//!
//! ```text
//!             ┌──────────────────────── FillFeed ────────────────────────┐
//!   Random ─┐ │                                                          │
//!           ├─┼► Source ─► schedule ─► courier ═► link ──────────────────┼─► front door
//!   Replay ─┘ │                           │  window: what is unanswered  │
//!             │                           └◄══ answers ◄─────────────────┼──
//!             └────────────────────────── Progress ──────────────────────┘
//!   Weights ───► AumFeed: the same courier, one split at a time
//! ```
//!
//! Start with [`FillFeed`]: its duty cycle is the whole road; [`AumFeed`] is the shorter one.
//!
//! `(source, seq)` identifies a message for ever. A feed that runs again under the same source name
//! sends repeats, and the server changes nothing: replaying a file twice under one name is safe by
//! design. A run that is to be new needs a new name: [`unique_source`].
//!
//! Invariants:
//! * What was sent is kept until it is answered, and sent again as it was: same source, same seq.
//! * A split is never overtaken: the next leaves after the one before it was answered.
//! * No position is held here, no clock is read, nothing sleeps and nothing blocks: standard input
//!   too is read only when it has something.
//! * Every answer is in the answer log, where there is one, before anything is made of it.
//! * Nothing is dropped without being counted; a line that is not understood is never half used.

#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic, clippy::as_conversions)]

mod limits;
mod plural;
mod error;
mod identity;
mod draft;
mod source;
mod tickers;
mod random;
mod intake;
mod replay;
mod pace;
mod backoff;
mod window;
mod parcel;
mod answer_log;
mod courier;
mod tally;
mod progress;
mod summary;
mod fill_feed;
mod weights;
mod aum_feed;

pub use answer_log::AnswerLog;
pub use aum_feed::{AumConfig, AumFeed};
pub use courier::Patience;
pub use draft::Draft;
pub use error::FeedError;
pub use fill_feed::{FillConfig, FillFeed};
pub use identity::{seed_of, unique_source};
pub use pace::{Pace, Rate, Speed};
pub use plural::plural;
pub use progress::{Phase, Progress};
pub use random::{Prices, Random, RandomConfig};
pub use replay::{Format, OnBadLine, Replay, ReplayConfig};
pub use source::{BadLine, Pull, Source};
pub use summary::Summary;
pub use tally::Tally;
pub use tickers::{TICKERS, parse_tickers};
pub use weights::{Weights, WeightsPull};
