//! A span of time as people write it and read it: `10s` in, `12.3 µs` out.

use std::time::Duration;

/// The units, each with its nanoseconds, from the shortest.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
];

/// Reads a whole number and a unit.
///
/// # Errors
/// A sentence that says what a span is, for a text that is none.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    read(text).ok_or_else(|| {
        format!("{text:?} is no duration; write a whole number and a unit: 5s, 250ms (or us, m)")
    })
}

fn read(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|envelope: char| !envelope.is_ascii_digit())?);
    let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*nanoseconds).map(Duration::from_nanos)
}

/// Nanoseconds of a span, which no measurement here makes too long for 64 bits.
pub(crate) fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Three digits and a unit, for a table.
pub(crate) fn show(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    let (scaled, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (value / 1e3, "µs"),
        1_000_000..1_000_000_000 => (value / 1e6, "ms"),
        _ => (value / 1e9, "s"),
    };
    let decimals = if scaled < 10.0 {
        2
    } else if scaled < 100.0 {
        1
    } else {
        0
    };
    format!("{scaled:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_whole_number_and_a_unit() {
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "5", "s", "1.5s", "-1s", "99999999999999999999s", "99999999999999m"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn three_digits_are_shown() {
        for (nanoseconds, shown) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_234, "1.23 µs"),
            (98_765, "98.8 µs"),
            (123_456, "123 µs"),
            (5_000_000, "5.00 ms"),
            (2_500_000_000, "2.50 s"),
        ] {
            assert_eq!(show(nanoseconds), shown);
        }
    }
}
