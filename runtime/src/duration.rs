//! A duration as people write it: a whole number and its unit, such as `10s` or `250ms`.
//!
//! This is narrower than the friendly format of jiff, which also takes `1.5s`, `10 s`, `-1s` and
//! `1h30m`, and prints 90 seconds as `1m 30s`.

use std::time::Duration;

/// The units, each with its nanoseconds, from the longest.
const UNITS: &[(&str, u64)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads a duration.
///
/// # Errors
/// A sentence that says how a duration is written.
pub fn parse(text: &str) -> Result<Duration, String> {
    read(text).ok_or_else(|| {
        format!(
            "{text:?} is not a duration; write a whole number and a unit: \
             10s, 250ms, 5m (or d, h, us, ns)"
        )
    })
}

fn read(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = if unit == "µs" { "us" } else { unit };
    let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*nanoseconds).map(Duration::from_nanos)
}

/// Writes a duration in the longest unit that leaves no fraction.
#[must_use]
pub fn show(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let whole = |unit: &&(&str, u64)| nanoseconds.is_multiple_of(u128::from(unit.1));
    match UNITS.iter().find(whole) {
        Some((unit, size)) if 0 < nanoseconds => {
            format!("{}{unit}", nanoseconds / u128::from(*size))
        }
        _ => "0s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, nanoseconds) in [
            ("10s", 10_000_000_000),
            ("250ms", 250_000_000),
            ("5m", 300_000_000_000),
            ("2h", 7_200_000_000_000),
            ("7d", 604_800_000_000_000),
            ("20us", 20_000),
            ("20µs", 20_000),
            ("7ns", 7),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn what_has_no_unit_or_no_number_is_refused_with_examples() {
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "10S", "1w", "99999999999999999999s"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("write a whole number and a unit: 10s"), "{error}");
        }
        assert!(parse("18446744073709551615h").is_err(), "more than 64 bits of nanoseconds");
    }

    #[test]
    fn a_duration_is_shown_as_it_would_be_written() {
        for text in ["10s", "90s", "1500ms", "2m", "1h", "20us", "7ns", "0s"] {
            let shown = show(parse(text).unwrap());
            assert_eq!(parse(&shown), parse(text));
            assert!(shown.len() <= text.len(), "{text} as {shown}");
        }
    }
}
