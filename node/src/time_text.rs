//! Time text: a time for people and for spreadsheets, exact; and a time that people write.

use allot_wire::timestamp;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// RFC 3339 with nine decimals, UTC.
pub(crate) fn exact(time_ns: u64) -> String {
    let mut text = String::new();
    timestamp::write(&mut text, time_ns).expect("a string takes every write");
    text
}

/// To the millisecond, for a column of a table; the other formats have all of it.
pub(crate) fn short(time_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(time_ns.into());
    time.map_or_else(|_| time_ns.to_string(), |time| time.strftime("%F %T%.3f").to_string())
}

/// Nanoseconds of Unix time from RFC 3339, from a date and a time without a zone (UTC), or from a
/// date (its first moment, UTC).
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let zoned = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    let time = text.parse::<Timestamp>().ok();
    let time = time.or_else(|| text.parse::<DateTime>().ok().and_then(zoned));
    let nanos = time.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    nanos.ok_or_else(|| {
        "expected a time from 1970 on, such as 2026-11-20T16:00:00Z, 2026-11-20T16:00 (UTC) or \
         2026-11-20"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (text, expected) in [
            ("2026-11-20T16:00:00Z", Some("2026-11-20T16:00:00.000000000Z")),
            ("2026-11-20T16:00:00.123456789Z", Some("2026-11-20T16:00:00.123456789Z")),
            ("2026-11-20T16:00:00+01:00", Some("2026-11-20T15:00:00.000000000Z")),
            ("2026-11-20T16:00", Some("2026-11-20T16:00:00.000000000Z")),
            ("2026-11-20 16:00:01", Some("2026-11-20T16:00:01.000000000Z")),
            ("2026-11-20", Some("2026-11-20T00:00:00.000000000Z")),
            ("1969-01-01", None),
            ("yesterday", None),
            ("16:00", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok().map(exact).as_deref(), expected, "{text}");
        }
    }
}
