//! The rules of the desk: accounts in cents and whole shares, pending orders, triggers, quotes.
//!
//! Pure rules: inputs in, outcomes out. No clock, no thread, no file, no socket, no float, no hash
//! order; `no_std` makes the compiler hold most of that. Start reading with [`Accounts`] and its
//! [`allot_domain::Machine::apply`]; docs/DESK.md has the rules in words.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod limits;
mod cents;
mod shares;
mod user;
mod symbol;
mod file_name;
mod reject;
mod command;
mod line;
mod config;
mod input;
mod answer;
mod outcome;
mod chains;
mod balance;
mod account;
mod applied;
mod refusal;
mod history;
mod log_files;
mod market;
mod accounts;

pub use account::{Armed, Holding, Order, Trigger};
pub use accounts::{AccountView, Accounts};
pub use answer::{Answer, Span, Summary, Trade};
pub use balance::{Balance, Totals};
pub use cents::Cents;
pub use command::{Command, CommandName};
pub use config::{DeskConfig, NoDeskConfig};
pub use file_name::FileName;
pub use input::{DumpAll, Input, QuoteFailed, QuoteRetried, Quoted, Request, Tick};
pub use line::{Line, LineHead};
pub use outcome::{
    Action, CashChange, Cause, Firing, Origin, Outcome, Outcomes, Pending, Recent, RecentKind,
    Told, TriggerLine, Wanted,
};
pub use reject::{CashShortage, Limit, PriceGap, Reject, ShareShortage, Waiters};
pub use shares::Shares;
pub use symbol::Symbol;
pub use user::User;
