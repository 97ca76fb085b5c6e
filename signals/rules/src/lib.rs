//! The rules of signals: what a generator, a strategy and a trader do as periods pass.
//!
//! ```text
//!   Generator ── signal of n ──► Strategy ── decision of n ──► Trader ── median of n ──►
//!   one value a period           pulls its generators          all registered, or none
//! ```
//!
//! Pure machines: each input comes with [`Now`], and what they want done comes out as effects. No
//! clock, no thread, no file, no socket. Data belongs to a numbered [`Period`]; nothing of another
//! period is ever used. Start reading with [`Trader`].

#![forbid(unsafe_code)]

pub mod limits;
mod period;
mod value;
mod decide;
mod component_name;
mod reject;
mod exchange;
mod attempts;
mod problem;
mod generator;
mod strategy;
mod trader;
mod order;

pub use allot_domain::{Now, Steady, Unix};

pub use attempts::Attempts;
pub use component_name::ComponentName;
pub use decide::{Rule, median};
pub use exchange::{ClockOff, Exchange, Lead};
pub use generator::{Ask, Generator, GeneratorEffect, GeneratorReply};
pub use order::{Order, OrderTooLarge};
pub use period::{BadSchedule, Period, Schedule};
pub use problem::{ComponentReport, Problem, ProblemKind, printable};
pub use reject::{NameTaken, PeriodMismatch, Periods, Reject};
pub use strategy::{
    GeneratorAnswer, GeneratorIndex, Refusal, Registering, SignalReply, Strategy, StrategyEffect,
    StrategySettings, TraderAnswer,
};
pub use trader::{
    Decision, Deregistration, Median, OrderEnd, OrderTarget, ProblemKey, Record, RegisterRequest,
    Standing, Trader, TraderEffect, TraderProblem, TraderReply, TraderSettings,
};
pub use value::{BadValue, Value};

allot_domain::number!(
    /// A request that is replied to later; the service knows whose it is.
    Ticket(u64)
);
