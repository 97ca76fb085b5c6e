//! The rules of mesh: every strategy sees every position, and nobody is the centre.
//!
//! ```text
//!   trade ─► Replica ── rows of the owner, numbered ──► every other replica ─► the same view
//!            ▲     │
//!            └─────┴── what a peer lacks, it asks for; digests find what nobody noticed
//! ```
//!
//! A pure machine: each [`Event`] comes with [`Now`], and what it wants done comes out as
//! [`Effect`]s. No clock, no thread, no file, no socket. Only the owner of a row writes it; a
//! [`Version`] says which of two is newer, and no wall clock does. Start reading with [`Replica`].

#![forbid(unsafe_code)]

pub mod limits;
mod strategy_name;
mod position;
mod version;
mod incarnation;
mod row;
mod address;
mod message;
mod event;
mod record;
mod lineage;
mod notice;
mod effect;
mod settings;
mod status;
mod view;
mod members;
mod topology;
mod dials;
mod replica;

pub use allot_domain::Ticker as Symbol;
pub use allot_domain::{Now, Steady, Unix};

pub use address::Address;
pub use effect::{Effect, Refusal};
pub use event::{Event, LinkId, Origin, RecordNumber, Trade};
pub use incarnation::Incarnation;
pub use lineage::Lineage;
pub use message::{
    Delta, Heartbeat, Hello, Member, Message, NameTaken, NameYielded, OwnerSummary, Summary, Want,
};
pub use notice::{Holder, Notice, StepDown, Trades};
pub use position::{Position, TradeQuantity};
pub use record::{Adoption, BadRecord, Owned, Record, Started, Traded};
pub use replica::Replica;
pub use row::{Digest, Row};
pub use settings::Settings;
pub use status::{Counters, MemberStatus, Namesake, Phase, Route, Status};
pub use strategy_name::{BadStrategyName, StrategyName};
pub use version::{Instance, Sequence, Version};
