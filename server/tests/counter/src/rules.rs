//! Rules: a counter for each key. It only grows, never beyond the limit, and can be awaited.
//!
//! Nothing here knows a byte of a message, a socket, a file or a clock.

pub mod limits;
mod config;
mod input;
mod reject;
mod outcome;
mod counters;
mod snapshot;

pub use config::{CounterConfig, NoConfig};
pub use counters::Counters;
pub use input::{Action, Command, Input, Key, Level, Name, Raise};
pub use outcome::{Outcome, Outcomes, What};
pub use reject::Reject;
