//! A message in flight: its bytes, where it is, and the reply that it waits for.

use std::time::Duration;

use allot_runtime::Nanos;

use super::Effect;

/// A message that is open: it counts against the capacity.
pub(super) struct Message {
    pub(super) record: Vec<u8>,
    pub(super) state: MessageState,
    pub(super) expects: Expected,
    /// How often it was sent since it was opened.
    pub(super) tries: u32,
    /// How often the server had no room for it since it was opened.
    pub(super) busy_count: u32,
}

/// Where an open message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MessageState {
    /// In a batch that has not left. It has no timer of its own.
    Batched,
    /// Waiting for a reply, or for room. It is resent at `due`.
    Waiting { due: Nanos },
}

/// The reply that an open message waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    /// The first. The message first left at `sent_at`; `None` if it never has.
    First { sent_at: Option<Nanos> },
    /// The one that follows `held`.
    Shares,
}

/// The next question for the shares of a held fill: the fill itself, sent again.
pub(super) struct Question {
    pub(super) due: Nanos,
    pub(super) record: Vec<u8>,
}

impl Message {
    pub(super) const fn batched(record: Vec<u8>, expects: Expected) -> Self {
        Self { record, state: MessageState::Batched, expects, tries: 0, busy_count: 0 }
    }
}

impl MessageState {
    /// When the message is resent; `Nanos::MAX` while it has no timer.
    pub(super) const fn due(self) -> Nanos {
        match self {
            Self::Batched => Nanos::MAX,
            Self::Waiting { due } => due,
        }
    }
}

impl Expected {
    /// The effect of a reply that arrives now and does not follow `held`.
    pub(super) fn effect(self, now: Nanos) -> Effect {
        match self {
            Self::First { sent_at: Some(sent_at) } => Effect::First(now - sent_at),
            Self::First { sent_at: None } => Effect::First(Duration::ZERO),
            Self::Shares => Effect::Again,
        }
    }
}
