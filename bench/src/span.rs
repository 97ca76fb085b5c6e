//! A measured span of time, as people read it: `12.3 µs`.

use std::time::Duration;

/// Nanoseconds of a span; no measurement here is too long for 64 bits.
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
