//! Feeds: the outside world as agents, fill servers and the AUM server. They are clients of the
//! front door.
//!
//! ```text
//!             ┌───────────────────────── FillFeed ──────────────────────────┐
//!   Random ─┐ │                                                             │
//!           ├─┼► Source ─► Schedule ─► Session ═► link ─────────────────────┼─► front door
//!   File ───┘ │                           │  InFlight: what has no reply    │
//!             │                           └◄══ replies ◄════════════════════┼──
//!             └────────────────────────── FeedProgress ─────────────────────┘
//!   Weights ───► AumFeed: the same session, one split at a time
//! ```
//!
//! Start with [`FillFeed`]: its duty cycle has every step. [`AumFeed`] is the shorter one.
//!
//! `(source, seq)` identifies a message for ever. A feed that runs again under the same source name
//! sends repeats, and the server changes nothing: it is safe to replay a file twice under one name.
//! A run that should be new needs a new name: [`unique_source`].
//!
//! Invariants:
//! * What was sent is kept until it has a reply, and is resent as the same bytes: same source, same
//!   sequence number.
//! * No split overtakes another: the next leaves after the one before it has its reply.
//! * A feed holds no position, reads no clock, and neither sleeps nor blocks, not even on standard
//!   input.
//! * If there is a reply log, every reply is in it before it takes effect.
//! * Nothing is dropped without being counted, and no bad line is used in part.

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
mod json_object;
mod file;
mod pace;
mod tally;
mod latency;
mod notes;
mod feed_progress;
mod patience;
mod reply_kind;
mod in_flight;
mod batch_builder;
mod silence;
mod open_lines;
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
pub use file::{
    Columns, FileConfig, FillFile, Format, LineError, LineId, NumberError, OnBadLine, SideTotal,
    Sides, Survey, Syntax, TextEncoding, TickerTotals, Word, Words,
};
pub use fill_feed::{FillConfig, FillFeed};
pub use identity::{seed_of, unique_source};
pub use intake::{Chunk, Intake};
pub use latency::Latency;
pub use notes::{GaveUp, Rejections};
pub use pace::{Pace, Rate, Speed};
pub use patience::Patience;
pub use plural::plural;
pub use random::{Prices, Random, RandomConfig};
pub use reply_log::ReplyLog;
pub use source::{BadLine, Pull, Skipped, Source};
pub use summary::Summary;
pub use tally::Tally;
pub use tickers::{TICKERS, parse_tickers};
pub use unnamed_fill::UnnamedFill;
pub use weights::{Target, Weights, WeightsError, WeightsPull};
