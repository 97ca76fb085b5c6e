//! A moment as text in UTC.

use allot_runtime::Nanos;
use jiff::Timestamp;

/// RFC 3339, to the second.
pub(crate) fn format(at: Nanos) -> String {
    let seconds = i64::try_from(at.as_unix() / 1_000_000_000).expect("before the year 2554");
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |stamp| stamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(format(Nanos::from_unix(1_700_000_000_900_000_000)), "2023-11-14T22:13:20Z");
    }
}
