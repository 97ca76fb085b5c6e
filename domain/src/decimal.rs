//! Decimal text to integers of 1e-9 and back, exactly or not at all.
//!
//! The grammar is `-? digits ( . digits )?`: no exponent, no sign but minus, no spaces.
//! Digits beyond the ninth decimal are refused unless they are zeros: nothing is rounded silently.

use alloc::string::String;
use core::fmt::{self, Write};

/// Decimals of a nano.
const SCALE: usize = 9;

/// So many digits stay below 2^64, whatever they are, and are read faster there.
const SHORT_DIGITS: usize = 19;

/// Why a text is not a decimal number of at most nine decimals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecimalError {
    /// Not of the form `-?digits(.digits)?`.
    NotANumber,
    /// More than nine decimals that are not zero.
    TooManyDecimals,
    /// Does not fit.
    TooLarge,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "is not a plain decimal number such as 187.23",
            Self::TooManyDecimals => "has more than nine decimals",
            Self::TooLarge => "is too large",
        })
    }
}

/// Reads a decimal text as a count of 1e-9.
///
/// # Errors
/// Says which rule of the grammar the text breaks.
pub fn parse_nanos(text: &str) -> Result<i128, DecimalError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(DecimalError::NotANumber),
        Some(parts) => parts,
        None => (digits, ""),
    };
    let fraction = fraction_nanos(fraction)?;
    let nanos = whole_number(whole)?
        .checked_mul(i128::from(crate::limits::NANOS))
        .and_then(|nanos| nanos.checked_add(fraction))
        .ok_or(DecimalError::TooLarge)?;
    Ok(if negative { -nanos } else { nanos })
}

/// Reads a whole number; a fraction of zeros (`100.0`) is still whole.
///
/// # Errors
/// `Ok(None)` stands for a proper fraction; errors are those of [`parse_nanos`].
pub fn parse_whole(text: &str) -> Result<Option<i128>, DecimalError> {
    match text.split_once('.') {
        None => {
            let (negative, digits) = match text.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, text),
            };
            let number = whole_number(digits)?;
            Ok(Some(if negative { -number } else { number }))
        }
        Some((_, "")) => Err(DecimalError::NotANumber),
        Some((_, fraction)) if !fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(DecimalError::NotANumber)
        }
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => parse_whole(whole),
        Some((whole, _)) => parse_whole(whole).map(|_| None),
    }
}

fn whole_number(digits: &str) -> Result<i128, DecimalError> {
    if digits.is_empty() {
        return Err(DecimalError::NotANumber);
    }
    if digits.len() <= SHORT_DIGITS {
        let short = digits.bytes().try_fold(0_u64, |number, byte| match byte {
            b'0'..=b'9' => Ok(number * 10 + u64::from(byte - b'0')),
            _ => Err(DecimalError::NotANumber),
        });
        return short.map(i128::from);
    }
    digits.bytes().try_fold(0_i128, |number, byte| match byte {
        b'0'..=b'9' => number
            .checked_mul(10)
            .and_then(|number| number.checked_add(i128::from(byte - b'0')))
            .ok_or(DecimalError::TooLarge),
        _ => Err(DecimalError::NotANumber),
    })
}

fn fraction_nanos(fraction: &str) -> Result<i128, DecimalError> {
    let mut nanos: u64 = 0;
    for (place, byte) in fraction.bytes().enumerate() {
        match byte {
            b'0' if SCALE <= place => {}
            b'0'..=b'9' if SCALE <= place => return Err(DecimalError::TooManyDecimals),
            b'0'..=b'9' => nanos = nanos * 10 + u64::from(byte - b'0'),
            _ => return Err(DecimalError::NotANumber),
        }
    }
    let missing = SCALE.saturating_sub(fraction.len());
    Ok((0..missing).fold(nanos, |nanos, _| nanos * 10).into())
}

/// Writes a count of 1e-9 as decimal text without trailing zeros.
///
/// # Errors
/// Those of the writer.
///
/// # Panics
/// Never: the text is ASCII.
pub fn write_nanos(out: &mut impl Write, nanos: i128) -> fmt::Result {
    let mut text = Backwards { bytes: [0; TEXT_LEN_MAX], first: TEXT_LEN_MAX };
    let (mut whole, mut fraction) = split(nanos.unsigned_abs());
    if 0 < fraction {
        let mut width = SCALE;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        for _ in 0..width {
            fraction = text.put_last_digit(fraction);
        }
        text.put(b'.');
    }
    loop {
        // A division of 128 bits takes far longer.
        match u64::try_from(whole) {
            Ok(short) => whole = text.put_last_digit(short).into(),
            Err(_) => whole = text.put_last_digit_of_long(whole),
        }
        if whole == 0 {
            break;
        }
    }
    if nanos < 0 {
        text.put(b'-');
    }
    out.write_str(str::from_utf8(&text.bytes[text.first..]).expect("all of it is ASCII"))
}

/// Whole ones, and the nanos behind them.
fn split(nanos: u128) -> (u128, u64) {
    let one = crate::limits::NANOS.unsigned_abs();
    if let Ok(short) = u64::try_from(nanos) {
        return ((short / one).into(), short % one);
    }
    let fraction = nanos % u128::from(one);
    (nanos / u128::from(one), fraction.try_into().expect("less than one"))
}

/// Bytes of the longest text: 39 digits, a point and a sign.
const TEXT_LEN_MAX: usize = 41;

/// A text that is made from its end.
struct Backwards {
    bytes: [u8; TEXT_LEN_MAX],
    first: usize,
}

impl Backwards {
    fn put(&mut self, byte: u8) {
        self.first -= 1;
        self.bytes[self.first] = byte;
    }

    /// Puts the last digit of a number, and returns the others.
    fn put_last_digit(&mut self, number: u64) -> u64 {
        self.put(b'0' + u8::try_from(number % 10).expect("less than ten"));
        number / 10
    }

    fn put_last_digit_of_long(&mut self, number: u128) -> u128 {
        self.put(b'0' + u8::try_from(number % 10).expect("less than ten"));
        number / 10
    }
}

/// A count of 1e-9 as decimal text without trailing zeros.
#[must_use]
pub fn nanos_text(nanos: i128) -> String {
    let mut text = String::new();
    // A string takes every write.
    let _ = write_nanos(&mut text, nanos);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_and_their_nanos() {
        let cases = [
            ("187.23", Ok(187_230_000_000)),
            ("0", Ok(0)),
            ("-1", Ok(-1_000_000_000)),
            ("0.000000001", Ok(1)),
            ("1.5000000000000", Ok(1_500_000_000)),
            ("0.0000000001", Err(DecimalError::TooManyDecimals)),
            ("", Err(DecimalError::NotANumber)),
            ("-", Err(DecimalError::NotANumber)),
            (".5", Err(DecimalError::NotANumber)),
            ("5.", Err(DecimalError::NotANumber)),
            ("+5", Err(DecimalError::NotANumber)),
            ("1e3", Err(DecimalError::NotANumber)),
            ("1.2.3", Err(DecimalError::NotANumber)),
            (" 1", Err(DecimalError::NotANumber)),
            ("99999999999999999999999999999999999999", Err(DecimalError::TooLarge)),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_nanos(text), nanos, "{text:?}");
        }
    }

    #[test]
    fn whole_numbers_are_never_truncated() {
        assert_eq!(parse_whole("100"), Ok(Some(100)));
        assert_eq!(parse_whole("100.000"), Ok(Some(100)));
        assert_eq!(parse_whole("-3"), Ok(Some(-3)));
        assert_eq!(parse_whole("1.5"), Ok(None));
        assert_eq!(parse_whole("1.x"), Err(DecimalError::NotANumber));
        assert_eq!(parse_whole("1."), Err(DecimalError::NotANumber));
    }

    #[test]
    fn nanos_are_written_without_zeros_at_the_end() {
        for (nanos, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (-10, "-0.00000001"),
            (1_020_000_000, "1.02"),
            (-1_000_000_000, "-1"),
            (u64::MAX.into(), "18446744073.709551615"),
            (i128::from(u64::MAX) + 1, "18446744073.709551616"),
            (i128::MAX, "170141183460469231731687303715.884105727"),
            (i128::MIN, "-170141183460469231731687303715.884105728"),
        ] {
            assert_eq!(nanos_text(nanos), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(nanos in -(1_i128 << 100)..(1_i128 << 100)) {
            prop_assert_eq!(parse_nanos(&nanos_text(nanos)), Ok(nanos));
        }
    }
}
