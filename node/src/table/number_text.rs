//! Numbers as people read them in a table: digits in groups, money in cents, large ones rounded.

use allot_allocation_rules::Weight;
use allot_domain::Money;
use allot_domain::decimal::nanos_text;

/// Nano-units of a cent.
pub(super) const CENT: i128 = 10_000_000;

/// Cents, rounded half away from zero.
pub(crate) fn cents(money: Money) -> String {
    let nanos = money.nanos();
    let cents = (nanos.unsigned_abs() + CENT.unsigned_abs() / 2) / CENT.unsigned_abs();
    let sign = if nanos < 0 && 0 < cents { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(cents / 100), cents % 100)
}

/// A percentage: rounded to two decimals, unless that would make something nothing.
pub(crate) fn percent(weight: Weight) -> String {
    let nanos = weight.nanos();
    let cent = CENT.unsigned_abs();
    let rounded = (u128::from(nanos) + cent / 2) / cent * cent;
    let is_lost = 0 < nanos && rounded == 0;
    let shown = if is_lost { nanos.into() } else { i128::try_from(rounded).unwrap_or(i128::MAX) };
    format!("{} %", nanos_text(shown))
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A million or more, with three digits or a few more; none of less.
pub(super) fn magnitude(number: u128) -> Option<String> {
    let suffixes = [("T", 1_000_000_000_000_u128), ("B", 1_000_000_000), ("M", 1_000_000)];
    // What is rounded up to a thousand of a suffix is one of the next.
    let is_of = |unit: u128| unit <= number.saturating_add(unit / 2_000);
    let (suffix, unit) = suffixes.into_iter().find(|(_, unit)| is_of(*unit))?;
    let hundredths = (number.saturating_mul(100).saturating_add(unit / 2)) / unit;
    Some(match hundredths {
        0..1_000 => format!("{}.{:02}{suffix}", hundredths / 100, hundredths % 100),
        1_000..10_000 => format!("{}.{}{suffix}", hundredths / 100, hundredths % 100 / 10),
        _ => format!("{}{suffix}", grouped(hundredths / 100)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_to_cents_half_away_from_zero() {
        for (nanos, text) in [
            (0, "0.00"),
            (4_999_999, "0.00"),
            (-4_999_999, "0.00"),
            (5_000_000, "0.01"),
            (-5_000_000, "-0.01"),
            (1_234_567_890_000_000, "1,234,567.89"),
            (-999_999_995_000_000, "-1,000,000.00"),
        ] {
            assert_eq!(cents(Money::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn large_numbers_keep_three_digits() {
        for (number, text) in [
            (999_499, None),
            (999_999, Some("1.00M")),
            (1_234_567, Some("1.23M")),
            (12_345_678, Some("12.3M")),
            (815_217_763, Some("815M")),
            (999_999_999, Some("1.00B")),
            (1_000_000_000, Some("1.00B")),
            (7_654_321_000_000, Some("7.65T")),
            (1_099_511_627_776_000, Some("1,099T")),
        ] {
            assert_eq!(magnitude(number).as_deref(), text, "{number}");
        }
    }

    #[test]
    fn weights_have_two_decimals_unless_that_is_nothing() {
        for (nanos, text) in [
            (8_333_333_333, "8.33 %"),
            (40_000_000_000, "40 %"),
            (33_500_000_000, "33.5 %"),
            (66_666_666_667, "66.67 %"),
            (1_000_000, "0.001 %"),
            (0, "0 %"),
        ] {
            assert_eq!(percent(Weight::from_nanos("a", nanos).unwrap()), text);
        }
    }
}
