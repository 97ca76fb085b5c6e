//! The rules of allocation: splits, the allocator and its residuals, the book, nettings.
//!
//! Pure rules: inputs in, outcomes out. No clock, no thread, no file, no socket, no float, no hash
//! order; `no_std` makes the compiler hold most of that. Start reading with [`Book`] and its
//! [`allot_domain::Machine::apply`].

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod limits;
mod numbers;
mod reject;
mod fill;
mod split;
mod allocator;
mod residuals;
mod holdings;
mod applied;
mod history;
mod finding;
mod input;
mod replay;
mod listing;
mod recent_splits;
mod book;
mod netting;
mod tracking;

pub use book::{
    AccountPart, Book, BookConfig, CellPart, NoBookConfig, Part, PositionsPart, RowPart,
};
pub use fill::{Bust, Fill};
pub use finding::{Finding, Omitted};
pub use holdings::{Cell, Holdings, Row};
pub use input::{Allocated, Input, Netting, Origin, Outcome, Outcomes, Share, SplitKey};
pub use listing::{Listed, ListedSplit, Listing};
pub use netting::plan as plan_netting;
pub(crate) use numbers::OutcomeNumber;
pub use numbers::{AccountIndex, AccountRank, RowIndex, SplitNumber, TickerSeq};
pub use reject::{Limit, Reject};
pub use replay::{Replay, Replayed};
pub use residuals::{Blend, Block, Residuals};
pub use split::{Split, Weight};
pub use tracking::{AccountTracking, Tracking};
