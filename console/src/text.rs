//! Text: numbers and times as the pages write them.

use std::fmt::Write;
use std::time::Duration;

use allot_allocation_rules::Weight;
use allot_domain::{Money, Price, decimal};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A count of 1e-9 in one of its units.
const NANOS: u128 = 1_000_000_000;

/// An amount rounded to cents, with thousands apart: `−1,234.50`.
pub(crate) fn money(amount: Money) -> String {
    let nanos = amount.nanos();
    let cents = (nanos.unsigned_abs() + NANOS / 200) / (NANOS / 100);
    let sign = if nanos < 0 && 0 < cents { "−" } else { "" };
    format!("{sign}{}.{:02}", thousands(cents / 100), cents % 100)
}

/// The same with its sign, whatever it is.
pub(crate) fn signed_money(amount: Money) -> String {
    let text = money(amount);
    if text.starts_with('−') || text == "0.00" { text } else { format!("+{text}") }
}

/// A count with thousands apart.
pub(crate) fn thousands(count: u128) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same of a smaller count.
pub(crate) fn count(number: u64) -> String {
    thousands(number.into())
}

/// A weight as it was sent: `33.3`.
pub(crate) fn weight(weight: Weight) -> String {
    decimal::nanos_text(weight.nanos().into())
}

/// A weight rounded to four decimals, for a table.
pub(crate) fn short_weight(weight: Weight) -> String {
    let steps = (weight.nanos() + 50_000) / 100_000;
    let rounded = Weight::from_nanos("", i128::from(steps) * 100_000);
    rounded.map_or_else(|_| self::weight(weight), self::weight)
}

/// Hundredths of a percent with their sign: `+0.25 %`.
pub(crate) fn basis_points(points: i128) -> String {
    let sign = match points {
        0 => "",
        ..0 => "−",
        _ => "+",
    };
    let points = points.unsigned_abs();
    format!("{sign}{}.{:02} %", thousands(points / 100), points % 100)
}

/// A decimal number with two decimals.
pub(crate) fn short_decimal(amount: Money) -> String {
    money(amount)
}

/// A time of day in UTC with its date: `2026-11-20 10:00:00.123`.
pub(crate) fn time(time_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(time_ns.into());
    time.map_or_else(|_| String::new(), |time| time.strftime("%F %T%.3f").to_string())
}

/// The same to the second.
pub(crate) fn time_to_seconds(time_ns: u64) -> String {
    let time = Timestamp::from_nanosecond(time_ns.into());
    time.map_or_else(|_| String::new(), |time| time.strftime("%F %T").to_string())
}

/// Reads a time in UTC, `2026-11-20T10:00` or with a space, with seconds or without.
pub(crate) fn read_time(text: &str) -> Option<u64> {
    let time: DateTime = text.trim().parse().ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    u64::try_from(time.timestamp().as_nanosecond()).ok()
}

/// Reads a time in UTC as messages have it: `2026-11-20T10:00:00.123456789Z`.
pub(crate) fn read_zulu(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// An amount that is text, with thousands apart: `1,234.50`.
pub(crate) fn grouped(amount: &str) -> String {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    match whole.parse() {
        Ok(count) if fraction.is_empty() => thousands(count),
        Ok(count) => format!("{}.{fraction}", thousands(count)),
        Err(_) => amount.to_owned(),
    }
}

/// A span for people: `3 s`, `5 min`, `2 h`.
pub(crate) fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// What another process said, on one line and without what a terminal obeys; cut at so many signs.
pub(crate) fn plain(text: &str, signs_max: usize) -> String {
    text.chars().take(signs_max).map(|sign| if sign.is_control() { '·' } else { sign }).collect()
}

/// A price, with two decimals at least and thousands apart: `1,234.50`.
pub(crate) fn price(price: Price) -> String {
    let text = price.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{}.{fraction:0<2}", grouped(whole))
}

/// A text for the query of a link.
pub(crate) fn in_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_to_cents() {
        for (nanos, plain, signed) in [
            (0, "0.00", "0.00"),
            (1_234_567_895_000_000, "1,234,567.90", "+1,234,567.90"),
            (-4_000_000, "0.00", "0.00"),
            (-5_000_000, "−0.01", "−0.01"),
            (999_995_000_000, "1,000.00", "+1,000.00"),
        ] {
            let amount = Money::from_nanos(nanos);
            assert_eq!((money(amount).as_str(), signed_money(amount).as_str()), (plain, signed));
        }
    }

    #[test]
    fn numbers_and_times_are_read_easily() {
        assert_eq!(count(1_000), "1,000");
        let third = Weight::parse("a", "33.333333333").unwrap();
        assert_eq!((short_weight(third), weight(third)), ("33.3333".into(), "33.333333333".into()));
        assert_eq!(basis_points(-125), "−1.25 %");
        assert_eq!(basis_points(7), "+0.07 %");
        assert_eq!(span(Duration::from_secs(119)), "119 s");
        assert_eq!(span(Duration::from_secs(7_200)), "2 h");
        let ns = 1_763_632_800_123_000_000;
        assert_eq!(time(ns), "2025-11-20 10:00:00.123");
        assert_eq!(read_time("2025-11-20T10:00"), Some(1_763_632_800_000_000_000));
        assert_eq!(read_time("yesterday"), None);
        assert_eq!(read_zulu("2025-11-20T10:00:00.123Z"), Some(ns));
        assert_eq!((grouped("1234.50").as_str(), grouped("x").as_str()), ("1,234.50", "x"));
        let text = |text: &str| price(Price::parse(text).unwrap());
        assert_eq!([text("351"), text("1234.5"), text("0.125")], ["351.00", "1,234.50", "0.125"]);
        assert_eq!(plain("a\x1b]0;b\n", 5), "a·]0;");
        assert_eq!(in_query("BTC/USDT:USDT &"), "BTC%2FUSDT%3AUSDT%20%26");
    }
}
