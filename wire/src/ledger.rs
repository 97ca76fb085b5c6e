//! The ledger in a message: as text in JSON, as 16 bytes in binary.

use allot_domain::LedgerId;

use crate::DecodeError;
use crate::json::Object;

/// The id in the order in which its text is read; zeros: no ledger.
pub type LedgerBytes = [u8; 16];

/// The bytes of a ledger that may be none.
#[must_use]
pub fn ledger_bytes(ledger: Option<LedgerId>) -> LedgerBytes {
    LedgerId::number(ledger).to_be_bytes()
}

/// The ledger of such bytes.
#[must_use]
pub fn ledger_of(bytes: LedgerBytes) -> Option<LedgerId> {
    LedgerId::new(u128::from_be_bytes(bytes))
}

/// Writes the field `ledger`; it is left out where there is none.
pub fn write_ledger(ledger: Option<LedgerId>, object: &mut Object<'_>) {
    if let Some(ledger) = ledger {
        object.plain("ledger", &ledger.to_string());
    }
}

/// Reads the text of such a field.
///
/// # Errors
/// It is not the id of a ledger.
pub fn read_ledger(text: Option<&str>) -> Result<Option<LedgerId>, DecodeError> {
    let read = |text: &str| text.parse().map_err(|_| DecodeError::new("the ledger is no id"));
    text.map(read).transpose()
}
