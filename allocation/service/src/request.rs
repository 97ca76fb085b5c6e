//! Request: what a client may ask of the front door.

mod binary;
mod fields;
mod json;
mod fill_line;
mod weights;

use allot_allocation_rules::{Bust, Fill, Listing, Reject, Replay, Split, TickerSeq};
use allot_domain::{Reject as Core, Seq, SourceId};

pub use binary::{RoutingKeys, decode_request, encode_request, routing_keys, routing_rejection};
pub(crate) use binary::{good_fill, own_id, read_side, side_byte};
pub(crate) use fields::read_side as read_side_word;
pub use fill_line::FillLine;
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
    /// Outcomes that were given before.
    Replay(Replay),
    /// The splits so far.
    Splits(Listing),
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
    /// Which of the six it is.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Fill(_) => RequestKind::Fill,
            Self::Bust(_) => RequestKind::Bust,
            Self::Split(_) => RequestKind::Split,
            Self::Report(_) => RequestKind::Report,
            Self::Replay(_) => RequestKind::Replay,
            Self::Splits(_) => RequestKind::Splits,
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
            Self::Replay(replay) => &replay.source,
            Self::Splits(listing) => &listing.source,
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
            Self::Replay(replay) => replay.seq,
            Self::Splits(listing) => listing.seq,
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
    /// Kind 5.
    Replay = 5,
    /// Kind 6.
    Splits = 6,
}

impl RequestKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Fill, Self::Bust, Self::Split, Self::Report, Self::Replay, Self::Splits];

    /// The `type` of a JSON object.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Bust => "bust",
            Self::Split => "split",
            Self::Report => "report",
            Self::Replay => "replay",
            Self::Splits => "splits",
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
            RequestKind::Replay => 5,
            RequestKind::Splits => 6,
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

/// The type is not one of the six; `what` is what it was.
pub(crate) fn unknown_type(what: &str) -> Reject {
    let rule = "the type must be fill, bust, split, report, replay or splits";
    Core::UnknownType(format!("{rule}; it was {what}")).into()
}

/// The first of what is asked for has a number.
///
/// # Errors
/// [`Core::MalformedField`].
fn check_from(from: u64, what: &str) -> Result<(), Core> {
    if from == 0 {
        let what = format!("the field \"from\" must be at least 1; {what} are counted from 1");
        return Err(Core::MalformedField(what));
    }
    Ok(())
}

/// A replay of outcomes that can be: the first has a number, and the last does not come before it.
///
/// # Errors
/// [`Core::MalformedField`].
fn read_range(from: u64, to: Option<u64>) -> Result<(TickerSeq, Option<TickerSeq>), Core> {
    check_from(from, "outcomes")?;
    if let Some(to) = to.filter(|to| *to < from) {
        let what =
            format!("the field \"to\" must not be less than \"from\"; it was {to}, not {from}");
        return Err(Core::MalformedField(what));
    }
    Ok((TickerSeq::new(from), to.map(TickerSeq::new)))
}
