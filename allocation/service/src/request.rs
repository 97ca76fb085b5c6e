//! Request: what a client may ask of the front door.

mod binary;
mod fields;
mod json;
mod weights;

use allot_allocation_rules::{Bust, Fill, Reject, Split};
use allot_domain::{Reject as Core, Seq, SourceId};

pub use binary::{RoutingKeys, decode_request, encode_request, routing_keys, routing_rejection};
pub(crate) use binary::{good_fill, own_id, read_side, side_byte};
pub(crate) use fields::read_side as read_side_word;
pub use json::{decode_line, encode_line};
pub(crate) use json::{write_of, write_side};

/// A request whose every field is within the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// A block to divide.
    Fill(Fill),
    /// A fill to take back.
    Bust(Bust),
    /// New weights.
    Split(Split),
    /// Positions wanted now, not only at the next tick.
    Report(ReportRequest),
}

/// A wish for a report of positions now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportRequest {
    /// Who asks.
    pub source: SourceId,
    /// The source's number of it; echoed, not remembered.
    pub seq: Seq,
}

impl Request {
    /// Which of the four it is.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Fill(_) => RequestKind::Fill,
            Self::Bust(_) => RequestKind::Bust,
            Self::Split(_) => RequestKind::Split,
            Self::Report(_) => RequestKind::Report,
        }
    }

    /// Who sends it.
    #[must_use]
    pub const fn source(&self) -> &SourceId {
        match self {
            Self::Fill(fill) => &fill.source,
            Self::Bust(bust) => &bust.source,
            Self::Split(split) => &split.source,
            Self::Report(report) => &report.source,
        }
    }

    /// The source's number of it.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        match self {
            Self::Fill(fill) => fill.seq,
            Self::Bust(bust) => bust.seq,
            Self::Split(split) => split.seq,
            Self::Report(report) => report.seq,
        }
    }
}

/// Which request: the `type` of a JSON object, the kind of a binary batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestKind {
    /// Kind 1.
    Fill = 1,
    /// Kind 2.
    Bust = 2,
    /// Kind 3.
    Split = 3,
    /// Kind 4.
    Report = 4,
}

impl RequestKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Fill, Self::Bust, Self::Split, Self::Report];

    /// The `type` of a JSON object.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Bust => "bust",
            Self::Split => "split",
            Self::Report => "report",
        }
    }
}

impl From<RequestKind> for u8 {
    fn from(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Fill => 1,
            RequestKind::Bust => 2,
            RequestKind::Split => 3,
            RequestKind::Report => 4,
        }
    }
}

impl TryFrom<u8> for RequestKind {
    type Error = Reject;

    fn try_from(kind: u8) -> Result<Self, Reject> {
        let known = Self::ALL.into_iter().find(|known| u8::from(*known) == kind);
        known.ok_or_else(|| unknown_type(&kind.to_string()))
    }
}

/// The type is not one of the four; `what` is what it was.
pub(crate) fn unknown_type(what: &str) -> Reject {
    Core::UnknownType(format!("the type must be fill, bust, split or report; it was {what}")).into()
}
