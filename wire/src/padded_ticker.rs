//! Padded ticker: the 32 bytes that a record holds of a ticker, zeros at the end.
//!
//! The codec sees them as two integers, little-endian: the same bytes, written and read at once.

use allot_domain::{Reject, Ticker, limits};
use serde::{Deserialize, Serialize};

/// A ticker in a record.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaddedTicker([u128; 2]);

const _: () = assert!(size_of::<PaddedTicker>() == limits::TICKER_LEN_MAX);

impl From<&Ticker> for PaddedTicker {
    fn from(ticker: &Ticker) -> Self {
        let (halves, _) = ticker.padded().as_chunks();
        Self([u128::from_le_bytes(halves[0]), u128::from_le_bytes(halves[1])])
    }
}

impl PaddedTicker {
    /// The ticker.
    ///
    /// # Errors
    /// [`Reject::BadTicker`].
    pub fn read(self) -> Result<Ticker, Reject> {
        let mut bytes = [0; limits::TICKER_LEN_MAX];
        let (halves, _) = bytes.as_chunks_mut();
        (halves[0], halves[1]) = (self.0[0].to_le_bytes(), self.0[1].to_le_bytes());
        let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Ticker::new(&bytes[..len])
    }
}
