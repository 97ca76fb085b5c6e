//! The fields of a fill, as a line says them.

use allot_domain::{Price, Quantity, Seq, Side, Ticker};

use super::line_id::LineId;

/// The fields of one line.
pub(super) struct Fields {
    pub(super) seq: Option<Seq>,
    pub(super) id: Option<LineId>,
    pub(super) ticker: Ticker,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) quantity: Quantity,
    pub(super) time_ns: Option<u64>,
    /// The texts of the columns that say when; it only tells lines apart.
    pub(super) time: String,
}

/// What a line is.
pub(super) enum Row {
    /// A fill.
    Fill(Fields),
    /// No fill, as the format says: it is left out.
    NotFill,
}
