//! The wiring, once, for any system: its boxes and the links between them, in three shapes.
//!
//! ```text
//!   clients ◄──1──► router ═══2═══ shard ══3══► publisher ══5══► subscribers
//!                     ▲                             ║
//!                     ╚══════════════4══════════════╝
//! ```
//!
//! [`embedded`] runs all boxes in one process, over rings; [`router_process`], [`shard_process`]
//! and [`publisher_process`] run one each, over sockets; [`stepped`] puts them on one thread and a
//! clock that a test owns. [`boxes`] makes each box, [`rings`] the links within a process, and
//! [`open_shard`] what a shard starts from: a simulator joins them in its own way.
//!
//! Invariants:
//! * It names no system: everything is generic over [`System`].
//! * It holds no rule and no format, but for the [`JournalStamp`] and the [`Ledger`].

#![forbid(unsafe_code)]

pub mod boxes;
pub mod open_shard;
pub mod rings;
mod begun;
mod config;
mod embedded;
mod error;
mod ledger;
mod running;
mod separate;
mod stamp;
mod stepped;

use allot_publisher::View;
use allot_router::Protocol;
use allot_shard::Service;

pub use begun::{is_lost, lost_shards};
pub use config::{ConfigFor, CoreConfig, EndpointConfig, JournalOptions, ServerConfig};
pub use embedded::{Feeder, FeederEnds, MakeFeeder, embedded, embedded_with};
pub use error::ServerError;
pub use ledger::{Ledger, LedgerCopy, LedgerError, copy_ledger, read_ledger};
pub use running::{Bound, RunningServer, Timing};
pub use separate::{publisher_process, router_process, shard_process};
pub use stamp::{JournalStamp, NoStamp, StampHead};
pub use stepped::{Stepped, stepped};

/// A system: what it gives the shard, the router and the publisher. A marker type implements all
/// three.
pub trait System: Service + Protocol + View {}

impl<S: Service + Protocol + View> System for S {}
