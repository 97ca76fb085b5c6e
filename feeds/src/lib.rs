//! The outside world as agents: fill servers and the AUM server, clients of the front door.
//!
//! ```text
//!             ┌──────────────────────── FillFeed ────────────────────────┐
//!   Random ─┐ │                                                          │
//!           ├─┼► Source ─► schedule ─► session ═► link ──────────────────┼─► front door
//!   Replay ─┘ │                           │  window: what is unanswered  │
//!             │                           └◄══ answers ◄─────────────────┼──
//!             └────────────────────────── FeedProgress ──────────────────────┘
//!   Weights ───► AumFeed: the same session, one split at a time
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
mod unnamed_fill;
mod source;
mod tickers;
mod random;
mod intake;
mod replay;
mod pace;
mod tally;
mod feed_progress;
mod patience;
mod backoff;
mod reply_kind;
mod in_flight;
mod batch_builder;
mod silence;
mod reply_log;
mod recorder;
mod session;
mod lifecycle;
mod summary;
mod fill_feed;
mod weights;
mod aum_feed;

pub use aum_feed::{AumConfig, AumFeed};
pub use error::FeedError;
pub use feed_progress::{FeedProgress, Phase};
pub use fill_feed::{FillConfig, FillFeed};
pub use identity::{seed_of, unique_source};
pub use pace::{Pace, Rate, Speed};
pub use patience::Patience;
pub use plural::plural;
pub use random::{Prices, Random, RandomConfig};
pub use replay::{Format, OnBadLine, Replay, ReplayConfig};
pub use reply_log::ReplyLog;
pub use source::{BadLine, Pull, Source};
pub use summary::Summary;
pub use tally::Tally;
pub use tickers::{TICKERS, parse_tickers};
pub use unnamed_fill::UnnamedFill;
pub use weights::{Weights, WeightsPull};
