//! Effect: what a replica wants done, in this order.

use crate::{
    Address, Incarnation, LinkId, Message, Notice, Record, RecordNumber, Row, StepDown,
    StrategyName, Trade,
};

/// What a replica wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Write this down, and say when it is durable. Nothing that depends on it leaves before.
    Record(RecordNumber, Record),
    /// Send this. A delta comes only where the link has room: after those of one call none comes
    /// before [`Event::Room`](crate::Event::Room). Any other message may be lost.
    Send(LinkId, Message),
    /// See to it that there is a connection to this address, or an attempt at one.
    Connect(Address),
    /// Nobody is to be reached there any more: end all attempts at it.
    Forget(Address),
    /// End this connection; to an address that was connected to there is no attempt from here on.
    /// [`Event::LinkDown`](crate::Event::LinkDown) may follow, and need not.
    Close(LinkId),
    /// The replica has its incarnation, and takes trades.
    Started(Incarnation),
    /// A row is to be shown. Its version is after that of the row shown before.
    Changed(StrategyName, Row),
    /// Something worth a line in the log.
    Notice(Notice),
    /// A trade was not taken.
    Refused(Trade, Refusal),
    /// The process must end, and not as a success. The replica does nothing from here on.
    StepDown(StepDown),
}

/// Why a trade was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The replica has not started yet, or has stepped down.
    NotStarted,
    /// The disk is too far behind: too many trades wait for it.
    Busy,
    /// The position would be too large.
    TooLarge,
    /// The strategy has too many symbols.
    TooManySymbols,
}

impl Refusal {
    /// The code, as it stands in messages.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Busy => "busy",
            Self::TooLarge => "position_too_large",
            Self::TooManySymbols => "too_many_symbols",
        }
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "the strategy has not joined the mesh yet",
            Self::Busy => "too many trades wait for the disk; send it again later",
            Self::TooLarge => "the position would be beyond 2^95 billionths",
            Self::TooManySymbols => "the strategy has positions in 65,536 symbols already",
        })
    }
}

impl std::error::Error for Refusal {}
