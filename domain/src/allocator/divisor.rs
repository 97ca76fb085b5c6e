//! Divisor: one division of a fill, paid once, that answers for every account by multiplication.
//!
//! A quotient is estimated from the leading bits of the dividend and a reciprocal of the step, both
//! rounded down:
//!
//! ```text
//!   dividend ──►│ leading │ cut │         leading × reciprocal = │ quotient │ fraction │
//!                ~50 bits  < 64 bits                              64 bits    64 bits
//! ```
//!
//! The estimate never exceeds the true quotient, so whenever what is left is less than a step, the
//! quotient is exact; otherwise, less than once in ten thousand times, it is corrected.
//! The fraction stays an estimate, too low by less than [`Divisor::blur`]: good enough to
//! sort accounts into buckets, and never used to tell two accounts apart.

use core::hint::cold_path;

/// How many leading bits of the largest dividend are multiplied: precise far beyond one step of
/// [`QUOTIENT`], and reciprocals of all steps of `limits` still fit in 64 bits.
const LEADING_BITS: u32 = 50;

/// With the largest step and quantity of `limits` there are this many, for `cut` has its limit.
const LEADING_BITS_MAX: u32 = 56;

/// The shift of 128 bits is one instruction where it is known to be below 64.
const CUT_MAX: u32 = u64::BITS - 1;

/// Quotients at least up to this one are estimated closely, however few steps are given out.
const QUOTIENT: u64 = 1 << 16;

/// What is left of fractions of 64 bits, so that they and their differences fit in an `i64`.
pub(super) const FRACTION_BITS: u32 = 62;
const FRACTION_CUT: u32 = u64::BITS - FRACTION_BITS;

/// Divides by one step, of whatever size.
#[derive(Clone, Copy)]
pub(super) struct Divisor {
    step: i128,
    cut: u32,
    reciprocal: u64,
    leading_bits: u32,
    quotient_max: u64,
}

/// Whole steps, what is left, and its estimated share of a step in 2^-[`FRACTION_BITS`].
pub(super) struct Quotient {
    pub(super) steps: u64,
    pub(super) rest: i128,
    pub(super) fraction: i64,
}

impl Divisor {
    /// A divisor for giving out `quantity` steps.
    ///
    /// Not inlined, for the compiler must not learn that `cut` is below 64 other than by the mask
    /// in [`Divisor::estimate`], which is what makes it choose the one instruction.
    #[inline(never)]
    pub(super) fn new(step: i128, quantity: u64) -> Self {
        let step_unsigned = u128::try_from(step).expect("a price and a weight, both positive");
        let quotient_max = quantity.max(QUOTIENT);
        // Below `quotient_max` steps, dividends are shorter than both factors together.
        let bits = (u128::BITS - step_unsigned.leading_zeros())
            + (u64::BITS - quotient_max.leading_zeros());
        let cut = bits.saturating_sub(LEADING_BITS).min(CUT_MAX);
        // 2^(64 + cut) / step; minus one before dividing, so that a step of one fits as well.
        let reciprocal = ((1_u128 << (u64::BITS + cut)) - 1) / step_unsigned;
        let reciprocal = u64::try_from(reciprocal).expect("the step is longer than the cut");
        let leading_bits = bits - cut;
        assert!(leading_bits < LEADING_BITS_MAX, "the step is within limits");
        Self { step, cut, leading_bits, reciprocal, quotient_max }
    }

    /// The largest quotient whose fraction is too low by less than [`Divisor::blur`].
    pub(super) fn quotient_max(&self) -> u64 {
        self.quotient_max
    }

    /// By how much a fraction may be too low: each factor of the estimate was cut by less than one,
    /// which the product misses as often as the other factor says.
    pub(super) fn blur(&self) -> i64 {
        let cut = if self.cut == 0 { 0 } else { self.reciprocal };
        let lost = (1 << self.leading_bits) + u128::from(cut);
        i64::try_from(lost >> FRACTION_CUT).expect("far below a fraction") + 2
    }

    /// Divides; a negative dividend has no step in it and is left whole.
    #[inline]
    pub(super) fn divide(&self, dividend: i128) -> Quotient {
        let (steps, fraction) = self.estimate(dividend);
        let rest = dividend - i128::from(steps) * self.step;
        if rest < self.step {
            return Quotient { steps, rest, fraction };
        }
        cold_path();
        if rest - self.step < self.step {
            return Quotient { steps: steps + 1, rest: rest - self.step, fraction: 0 };
        }
        let (steps, rest) = self.divide_slowly(dividend);
        Quotient { steps, rest, fraction: self.estimate(rest).1 }
    }

    /// Divides what is out of all proportion to the steps given out.
    #[cold]
    fn divide_slowly(&self, dividend: i128) -> (u64, i128) {
        (u64::try_from(dividend / self.step).unwrap_or(u64::MAX), dividend % self.step)
    }

    /// The quotient or less, and the fraction that goes with it.
    #[inline]
    fn estimate(&self, dividend: i128) -> (u64, i64) {
        let negative = low_half((dividend >> (i128::BITS - 1)).cast_unsigned());
        let leading = low_half(dividend.cast_unsigned() >> (self.cut & CUT_MAX)) & !negative;
        let product = u128::from(leading) * u128::from(self.reciprocal);
        let fraction = low_half(product) >> FRACTION_CUT;
        (low_half(product >> u64::BITS), fraction.cast_signed())
    }
}

fn low_half(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).expect("the mask leaves 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quotient_is_exact_and_its_fraction_too_low_by_less_than_the_blur(
            step in prop_oneof![1..100_i128, 1..(1_i128 << 40), 1..(1_i128 << 100)],
            quantity in prop_oneof![1..10_u64, 1..100_000_u64, 1..=(1_u64 << 40)],
            steps in prop_oneof![0..3_i128, 0..100_000_i128, 0..(1_i128 << 41)],
            rest in prop_oneof![Just(0), Just(1), Just(-1), any::<i128>()],
        ) {
            let step = step.min((1 << 116) / i128::from(quantity.max(QUOTIENT)));
            let steps = steps.min(i128::MAX / step - 1);
            let divisor = Divisor::new(step, quantity);
            let dividend = steps * step + rest.rem_euclid(step);
            let quotient = divisor.divide(dividend);
            prop_assert_eq!(i128::from(quotient.steps), dividend / step);
            prop_assert_eq!(quotient.rest, dividend % step);
            if quotient.steps <= divisor.quotient_max() {
                // The true fraction, without overflow: 62 bits of long division.
                let (mut rest, mut fraction) = (quotient.rest, 0_i128);
                for _ in 0..FRACTION_BITS {
                    rest *= 2;
                    fraction = fraction * 2 + i128::from(rest >= step);
                    rest -= if rest >= step { step } else { 0 };
                }
                let low = fraction - i128::from(quotient.fraction);
                prop_assert!((0..i128::from(divisor.blur())).contains(&low), "{low}");
            }
            let negative = divisor.divide(!dividend);
            prop_assert_eq!((negative.steps, negative.rest, negative.fraction), (0, !dividend, 0));
        }
    }

    #[test]
    fn a_quotient_beyond_64_bits_is_the_largest() {
        let quotient = Divisor::new(3, 1).divide(i128::MAX);
        assert_eq!((quotient.steps, quotient.rest), (u64::MAX, i128::MAX % 3));
    }
}
