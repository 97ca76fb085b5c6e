//! Entry: one element of the log.

use core::num::NonZeroU64;

use allot_desk_rules::{Action, Cents, Command, CommandName, FileName, Symbol, User};

/// One element of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When: nanoseconds of Unix time. The log has milliseconds.
    pub at_ns: u64,
    /// The number of the shard in whose journal it is.
    pub shard: u32,
    /// The number of the transaction. What has none has its place in the journal instead, for the
    /// schema wants a positive number.
    pub transaction: NonZeroU64,
    /// What happened.
    pub event: Event,
}

/// What happened: the six elements that the schema knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// `userCommand`: a command came.
    UserCommand(Subject),
    /// `quoteServer`: the legacy server gave a quote.
    QuoteServer(Hit),
    /// `accountTransaction`: the free cash of a user changed.
    AccountTransaction {
        /// More or less.
        action: Action,
        /// Whose.
        user: User,
        /// By how much.
        funds: Cents,
    },
    /// `systemEvent`: a trigger fired, or an order expired, which is as if it had been cancelled.
    SystemEvent(Subject),
    /// `errorEvent`: a command changed nothing, or a quote could not be had.
    ErrorEvent(Subject, String),
    /// `debugEvent`: a command was sent again.
    DebugEvent(Subject, String),
}

/// What a command is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The command.
    pub command: CommandName,
    /// The user.
    pub user: Option<User>,
    /// The stock.
    pub symbol: Option<Symbol>,
    /// The file.
    pub file: Option<FileName>,
    /// The amount, or the price of a trigger.
    pub funds: Option<Cents>,
}

/// What the legacy server said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// What one share costs.
    pub price: Cents,
    /// Of which stock.
    pub symbol: Symbol,
    /// In whose name it was asked.
    pub user: User,
    /// The server's time: milliseconds of Unix time.
    pub server_time_ms: u64,
    /// Its signature.
    pub cryptokey: Box<str>,
}

impl Subject {
    /// That of a command of a user, or of all users.
    pub(super) fn of(user: Option<User>, command: &Command) -> Self {
        Self {
            command: command.name(),
            user,
            symbol: command.symbol(),
            file: command.file().cloned(),
            funds: command.amount(),
        }
    }
}

impl Entry {
    /// Whose log it belongs to; none where it is nobody's alone.
    #[must_use]
    pub const fn user(&self) -> Option<User> {
        match &self.event {
            Event::QuoteServer(hit) => Some(hit.user),
            Event::AccountTransaction { user, .. } => Some(*user),
            Event::UserCommand(subject)
            | Event::SystemEvent(subject)
            | Event::ErrorEvent(subject, _)
            | Event::DebugEvent(subject, _) => subject.user,
        }
    }

    /// Whether every shard has it: what went to all shards is one event, and not one for each.
    #[must_use]
    pub const fn is_of_all_shards(&self) -> bool {
        match &self.event {
            Event::QuoteServer(_) => true,
            _ => self.user().is_none(),
        }
    }
}
