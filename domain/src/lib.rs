//! What must be true: prices, accounts, the allocator and its residuals.
//!
//! Pure rules: inputs in, outcomes out. No clock, no thread, no file, no socket, no float, no hash
//! order; `no_std` makes the compiler hold most of that. Start reading with [`Book::apply`].

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod limits;
pub mod decimal;
mod price;
mod quantity;
mod money;
mod ids;
mod reject;
mod fill;
mod split;
mod lookup;
mod dedup_window;
mod allocator;
mod residuals;
mod holdings;
mod history;
mod machine;
mod image;
mod input;
mod book;
mod netting;
mod tracking;

pub use book::{AccountPart, Book, BookConfig, CellPart, Part, PositionsPart, RowPart};
pub use dedup_window::{DedupWindow, Seen};
pub use fill::{Bust, Fill, Side};
pub use holdings::{Cell, Holdings, Row};
pub use ids::{AccountId, SourceId, Ticker};
pub use image::ImageError;
pub use input::{Allocated, Input, Marker, Netting, Origin, Outcome, Outcomes, Share, SplitKey};
pub use machine::{Machine, Step};
pub use money::Money;
pub use netting::plan as plan_netting;
pub use price::Price;
pub use quantity::Quantity;
pub use reject::Reject;
pub use residuals::{Blend, Block, Residuals};
pub use split::{Split, Weight};
pub use tracking::Tracking;
