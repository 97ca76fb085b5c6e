//! Decimal text to integers of 1e-9 and back, exactly or not at all.
//!
//! The grammar is `-? digits ( . digits )?`: no exponent, no sign but minus, no spaces.
//! Digits beyond the ninth decimal are refused unless they are zeros: nothing is rounded silently.

use alloc::string::String;
use alloc::vec::Vec;
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
    out.write_str(str::from_utf8(Backwards::of_nanos(nanos).text()).expect("all of it is ASCII"))
}

/// Appends a count of 1e-9 as decimal text without trailing zeros.
pub fn append_nanos(out: &mut Vec<u8>, nanos: i128) {
    out.extend_from_slice(Backwards::of_nanos(nanos).text());
}

/// Appends the digits of a number.
pub fn append_digits(out: &mut Vec<u8>, number: u64) {
    let mut text = Backwards::default();
    text.put_digits(number);
    out.extend_from_slice(text.text());
}

/// Bytes of the longest text: 39 digits, a point and a sign.
const TEXT_LEN_MAX: usize = 41;

/// The digits from 00 to 99.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let (mut at, mut tens) = (0, b'0');
    while at < pairs.len() {
        let mut ones = b'0';
        while ones <= b'9' {
            pairs[at] = [tens, ones];
            ones += 1;
            at += 1;
        }
        tens += 1;
    }
    pairs
};

/// A text that is made from its end.
struct Backwards {
    bytes: [u8; TEXT_LEN_MAX],
    first: usize,
}

impl Default for Backwards {
    fn default() -> Self {
        Self { bytes: [0; TEXT_LEN_MAX], first: TEXT_LEN_MAX }
    }
}

impl Backwards {
    fn of_nanos(nanos: i128) -> Self {
        let one = crate::limits::NANOS.unsigned_abs();
        let (mut text, magnitude) = (Self::default(), nanos.unsigned_abs());
        // A division of 128 bits takes far longer.
        if let Ok(short) = u64::try_from(magnitude) {
            text.put_fraction(short % one);
            text.put_digits(short / one);
        } else {
            let fraction = magnitude % u128::from(one);
            text.put_fraction(fraction.try_into().expect("less than one"));
            text.put_long(magnitude / u128::from(one));
        }
        if nanos < 0 {
            text.put(b'-');
        }
        text
    }

    fn text(&self) -> &[u8] {
        &self.bytes[self.first..]
    }

    fn put(&mut self, byte: u8) {
        self.first -= 1;
        self.bytes[self.first] = byte;
    }

    /// The point and the decimals, without zeros at the end; nothing of a whole number.
    fn put_fraction(&mut self, mut nanos: u64) {
        if nanos == 0 {
            return;
        }
        let mut width = SCALE;
        // Most prices have two decimals, and most of the others six at the most.
        for (zeros, power) in [(7, 10_000_000), (3, 1_000), (1, 10)] {
            while nanos.is_multiple_of(power) {
                nanos /= power;
                width -= zeros;
            }
        }
        for _ in 0..width {
            self.put(PAIRS[index(nanos % 10)][1]);
            nanos /= 10;
        }
        self.put(b'.');
    }

    fn put_digits(&mut self, mut number: u64) {
        while 10 <= number {
            let [tens, ones] = PAIRS[index(number % 100)];
            self.put(ones);
            self.put(tens);
            number /= 100;
        }
        if 0 < number || self.first == TEXT_LEN_MAX || self.bytes[self.first] == b'.' {
            self.put(PAIRS[index(number)][1]);
        }
    }

    fn put_long(&mut self, mut number: u128) {
        while u64::try_from(number).is_err() {
            self.put(PAIRS[index((number % 10).try_into().expect("less than ten"))][1]);
            number /= 10;
        }
        self.put_digits(number.try_into().expect("it is short"));
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("less than a hundred")
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
