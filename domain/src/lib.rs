//! Values of the field: prices, quantities, money, names, and what a machine is.
//!
//! Every system speaks in these; none of them knows a system. No clock, no thread, no file, no
//! socket, no float, no hash order; `no_std` makes the compiler hold most of that. Start reading
//! with [`Machine`].

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod limits;
pub mod decimal;
mod price;
mod quantity;
mod money;
mod side;
mod ids;
mod ledger_id;
mod numbers;
mod log_index;
mod digest;
mod content;
mod cursor;
mod reject;
mod lookup;
mod names;
mod marker;
mod machine;
mod time;
mod backoff;
pub mod snapshot;

pub use backoff::Backoff;
pub use content::Content;
pub use cursor::{Cursor, CutShort};
pub use ids::{AccountId, MessageId, SourceId, TextId, Ticker, mix, shard_of};
pub use ledger_id::{LedgerId, NoLedgerId};
pub use log_index::LogIndex;
pub use lookup::Lookup;
pub use machine::{Machine, Outcomes, Step};
pub use marker::Marker;
pub use money::Money;
pub use names::{EntryIndex, JUMP, Name, Names, Remembered, Ring, Standing};
pub use numbers::{Incarnation, ReportNumber, Seq, ShardId, SourceIndex, TopicSeq};
pub use price::Price;
pub use quantity::Quantity;
pub use reject::{Reason, Reject};
pub use side::Side;
pub use snapshot::SnapshotError;
pub use time::{Now, Steady, Unix, nanoseconds};
