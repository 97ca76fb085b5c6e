//! Signals as processes: the messages of generators, strategies and traders, and their agents.
//!
//! ```text
//!   GeneratorAgent ◄─ ask ── StrategyAgent ── register, decision ─► TraderAgent ══► median, trader
//!     │ Source                 │ a program                            ║ TraderJournal
//! ```
//!
//! The machines of `allot-signals-rules` decide; here are the sockets, the programs of users and
//! the trader's journal. `docs/WIRE-SIGNALS.md` describes every byte.

#![forbid(unsafe_code)]

pub mod limits;
mod problem_text;
mod request;
mod reply;
mod status;
mod event;
mod front;
mod peer;
mod program;
mod source;
mod generator_agent;
mod strategy_agent;
mod last_values;
mod problem_board;
mod trader_journal;
mod order_port;
mod trader_agent;

pub use event::{Event, Listener};
pub use generator_agent::GeneratorAgent;
pub use order_port::OrderPort;
pub use problem_board::ProblemBoard;
pub use reply::{Reply, ReplyBody};
pub use request::{Request, RequestBody, RequestKind};
pub use source::Source;
pub use status::{KIND_MEDIAN, KIND_TRADER, MedianMessage, Status, StrategyStatus, TraderState};
pub use strategy_agent::{StrategyAgent, StrategyLinks};
pub use trader_agent::{TraderAgent, TraderEndpoints, TraderStart};
pub use trader_journal::{
    OpenedJournal, TRADER_STAMP, TraderJournal, TraderJournalError, read_trader_record,
};
