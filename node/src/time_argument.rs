//! Time argument: a moment on the command line.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Nanoseconds of Unix time, from RFC 3339 (`2026-03-01T09:30:00Z`, with an offset), or from a
/// date, which is its first moment in UTC.
///
/// # Errors
/// What is to be written instead.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let date = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok();
    let time = match text.len() {
        10 => date().map(|zoned| zoned.timestamp()),
        _ => text.parse::<Timestamp>().ok(),
    };
    let nanoseconds = time.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    nanoseconds.ok_or_else(|| {
        "a time is a date of UTC such as 2026-03-01, or a moment with its offset such as \
         2026-03-01T09:30:00Z or 2026-03-01T09:30:00-05:00"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_their_nanoseconds() {
        let day = 1_772_323_200_000_000_000;
        for (text, nanoseconds) in [
            ("2026-03-01", day),
            ("2026-03-01T00:00:00Z", day),
            ("2026-03-01T01:00:00.000000001+01:00", day + 1),
        ] {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-03-01T09:30:00", "1960-01-01"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
