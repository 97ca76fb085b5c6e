//! Timestamp: nanoseconds of Unix time as RFC 3339 text, `2026-11-20T10:00:00.000000000Z`.
//!
//! Always UTC, always nine decimals, so that texts order like times. The calendar is Howard
//! Hinnant's ("chrono-compatible low-level date algorithms", `civil_from_days`): a year that begins
//! in March ends with the leap day, and 400 years, an era, have 146,097 days.

use std::fmt::{self, Write};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
const DAYS_PER_ERA: u64 = 146_097;
/// From the first of March of the year zero to the first of January 1970.
const DAYS_TO_1970: u64 = 719_468;
/// Bytes of a text.
pub const TEXT_LEN: usize = 30;

/// Writes a time.
///
/// # Errors
/// Those of `out`.
///
/// # Panics
/// Never: the text is ASCII.
pub fn write(out: &mut impl Write, time_ns: u64) -> fmt::Result {
    out.write_str(str::from_utf8(&text(time_ns)).expect("digits and marks are ASCII"))
}

/// The text of a time.
#[must_use]
pub fn text(time_ns: u64) -> [u8; TEXT_LEN] {
    let (seconds, nanos) = (time_ns / NANOS_PER_SECOND, time_ns % NANOS_PER_SECOND);
    let (days, second) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = *b"YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ";
    put_digits(&mut text[..4], year);
    put_digits(&mut text[5..7], month);
    put_digits(&mut text[8..10], day);
    put_digits(&mut text[11..13], hour);
    put_digits(&mut text[14..16], minute);
    put_digits(&mut text[17..19], second);
    put_digits(&mut text[20..29], nanos);
    text
}

/// Fills a place with the digits of a number, zeros in front. No u64 has a year of five digits.
fn put_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("less than ten");
        number /= 10;
    }
}

/// Reads a time in exactly the form that is written; none where it is another, or no u64 holds it.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (29, b'Z')];
    if bytes.len() != TEXT_LEN || marks.iter().any(|(at, mark)| bytes[*at] != *mark) {
        return None;
    }
    let [year, month, day] = [number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..10])?];
    let [hour, minute] = [number(&bytes[11..13])?, number(&bytes[14..16])?];
    let [second, nanos] = [number(&bytes[17..19])?, number(&bytes[20..29])?];
    let days = days_of(year, month, day)?;
    if civil(days) != (year, month, day) || 23 < hour || 59 < minute || 59 < second {
        return None;
    }
    let seconds = days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(nanos)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

/// Year, month and day of a count of days since 1970.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (era, day) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

/// The days from 1970 to a date, if it looks like one and is not before.
fn days_of(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1_970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if 2 < month { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year / 400, year % 400);
    let day = (153 * month + 2) / 5 + day - 1;
    let days = era * DAYS_PER_ERA + year * 365 + year / 4 - year / 100 + day;
    days.checked_sub(DAYS_TO_1970)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(time_ns: u64) -> String {
        let mut text = String::new();
        write(&mut text, time_ns).unwrap();
        assert_eq!(text.as_bytes(), super::text(time_ns));
        text
    }

    #[test]
    fn times_and_their_texts() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_795_168_800_000_000_000, "2026-11-20T10:00:00.000000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ];
        for (time_ns, expected) in cases {
            assert_eq!(text(time_ns), expected);
            assert_eq!(parse(expected), Some(time_ns));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let texts = [
            "",
            "2026-11-20",
            "2026-11-20 10:00:00.000000000Z",
            "2026-11-20T10:00:00.000000000+",
            "2026-02-29T10:00:00.000000000Z",
            "2026-00-10T10:00:00.000000000Z",
            "2026-04-31T10:00:00.000000000Z",
            "2026-11-20T24:00:00.000000000Z",
            "2026-11-20T10:60:00.000000000Z",
            "2026-11-20T10:00:60.000000000Z",
            "2026-11-20T10:00:00.00000000xZ",
            "+026-11-20T10:00:00.000000000Z",
            "1969-12-31T23:59:59.999999999Z",
            "2554-07-21T23:34:33.709551616Z",
            "9999-12-31T23:59:59.999999999Z",
            "2026-11-20T10:00:00.0000000é",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_is_read_back_and_texts_order_like_times(one: u64, other: u64) {
            prop_assert_eq!(parse(&text(one)), Some(one));
            prop_assert_eq!(text(one).cmp(&text(other)), one.cmp(&other));
        }
    }
}
