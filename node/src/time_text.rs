//! Time text: a time for people and for spreadsheets, exact.

use jiff::Timestamp;

/// RFC 3339 with nine decimals, UTC.
pub(crate) fn exact(time_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(time_ns.into());
    time.map_or_else(|_| time_ns.to_string(), |time| format!("{time:.9}"))
}
