//! Divisor: the one division of a fill; for every account it then takes a multiplication.
//!
//! A quotient is estimated from the leading bits of the dividend and a reciprocal of the step, both
//! rounded down:
//!
//! ```text
//!   dividend ──►│ leading │ cut │         leading × reciprocal = │ quotient │ fraction │
//!                ~50 bits  < 64 bits                              64 bits    64 bits
//! ```
//!
//! The estimate never exceeds the true quotient, and the two together, steps and fraction, are too
//! low by less than [`Divisor::blur`]: good enough to sort accounts into buckets, and never used to
//! tell two accounts apart. Where whole steps must be exact they are corrected, less than once in
//! ten thousand times: whenever what is left is less than a step, they are.

use core::hint::cold_path;

/// How many leading bits of the largest dividend are multiplied: precise far beyond one step of
/// [`QUOTIENT`], and reciprocals of all steps of `limits` still fit in 64 bits.
const LEADING_BITS: u32 = 50;

/// With the largest step and quantity of `limits` there are this many, for `cut` has its limit.
const LEADING_BITS_MAX: u32 = 56;

/// The shift of 128 bits is one instruction where it is known to be below 64.
const CUT_MAX: u32 = u64::BITS - 1;

/// Dividends of at least this many steps are estimated closely, however few steps are given out.
const QUOTIENT: u64 = 1 << 16;

/// How many bits of a fraction are kept: all comparisons fit in 32 bits, four at a time in a
/// register.
pub(super) const FRACTION_BITS: u32 = u32::BITS;

/// Divides by one step, of whatever size.
#[derive(Clone, Copy)]
pub(super) struct Divisor {
    step: i128,
    cut: u32,
    reciprocal: u64,
    leading_bits: u32,
}

/// Whole steps, and the estimated rest of a step in 2^-[`FRACTION_BITS`].
#[derive(Clone, Copy)]
pub(super) struct Quotient {
    pub(super) steps: u64,
    pub(super) fraction: u32,
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
        let reciprocal = reciprocal(step_unsigned, cut);
        let leading_bits = bits - cut;
        assert!(leading_bits < LEADING_BITS_MAX, "the step is within limits");
        Self { step, cut, leading_bits, reciprocal }
    }

    /// What one step is.
    pub(super) const fn step(&self) -> i128 {
        self.step
    }

    /// By how much steps and fraction together may be too low, in units of the fraction: each
    /// factor of the estimate was cut by less than one, the reciprocal by less than two, which the
    /// product lacks times the other factor, and the fraction is cut by less than one.
    pub(super) fn blur(&self) -> u32 {
        let cut = if self.cut == 0 { 0 } else { self.reciprocal };
        let lost = (2 << self.leading_bits) + u128::from(cut);
        u32::try_from(lost >> (u64::BITS - FRACTION_BITS)).expect("far below a step") + 2
    }

    /// Whether no dividend of these is out of all proportion to the steps given out, given all
    /// their bits.
    pub(super) fn suits(&self, bits: i128) -> bool {
        bits >> (self.cut + self.leading_bits) == 0
    }

    /// Divides closely what [`Divisor::suits`]; there are no steps in a negative dividend.
    #[inline]
    pub(super) fn estimate(&self, dividend: i128) -> Quotient {
        let leading = low_half(dividend.max(0).cast_unsigned() >> (self.cut & CUT_MAX));
        let product = u128::from(leading) * u128::from(self.reciprocal);
        let fraction = low_half(product) >> (u64::BITS - FRACTION_BITS);
        Quotient {
            steps: low_half(product >> u64::BITS),
            fraction: u32::try_from(fraction).expect("32 bits"),
        }
    }

    /// Divides exactly, but for the fraction; no steps for a negative dividend.
    #[inline]
    pub(super) fn divide(&self, dividend: i128) -> Quotient {
        let quotient = self.estimate(dividend);
        let rest = dividend - i128::from(quotient.steps) * self.step;
        if rest < self.step {
            return quotient;
        }
        cold_path();
        if rest - self.step < self.step {
            return Quotient { steps: quotient.steps + 1, fraction: 0 };
        }
        self.divide_slowly(dividend)
    }

    /// Divides what is out of all proportion to the steps given out.
    #[cold]
    fn divide_slowly(&self, dividend: i128) -> Quotient {
        Quotient {
            steps: u64::try_from(dividend / self.step).unwrap_or(u64::MAX),
            fraction: self.estimate(dividend % self.step).fraction,
        }
    }
}

/// 2^(64 + cut) / step, too low by less than two.
///
/// A long step counts by its leading 63 bits, rounded up, for then one instruction divides. That
/// costs the reciprocal at most a part in 2^62, which is less than one.
fn reciprocal(step: u128, cut: u32) -> u64 {
    let tail = (u128::BITS - step.leading_zeros()).saturating_sub(u64::BITS - 1);
    let head = low_half(step >> tail) + u64::from(0 < tail);
    // Minus one before dividing, so that a step of one fits as well.
    let reciprocal = ((1_u128 << (u64::BITS + cut - tail)) - 1) / u128::from(head);
    u64::try_from(reciprocal).expect("the step is longer than the cut")
}

fn low_half(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).expect("the mask leaves 64 bits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quotient_is_exact_or_too_low_by_less_than_the_blur(
            step in prop_oneof![1..100_i128, 1..(1_i128 << 40), 1..(1_i128 << 100)],
            quantity in prop_oneof![1..10_u64, 1..100_000_u64, 1..=(1_u64 << 40)],
            steps in prop_oneof![0..3_i128, 0..100_000_i128, 0..(1_i128 << 41)],
            rest in prop_oneof![Just(0), Just(1), Just(-1), any::<i128>()],
        ) {
            let step = step.min((1 << 116) / i128::from(quantity.max(QUOTIENT)));
            let steps = steps.min(i128::MAX / step - 1);
            let divisor = Divisor::new(step, quantity);
            let dividend = steps * step + rest.rem_euclid(step);
            prop_assert_eq!(i128::from(divisor.divide(dividend).steps), dividend / step);
            prop_assert!(step * i128::from(quantity) < dividend || divisor.suits(dividend));
            if divisor.suits(dividend) {
                // The true fraction, without overflow: 32 bits of long division.
                let (mut rest, mut fraction) = (dividend % step, 0_i128);
                for _ in 0..FRACTION_BITS {
                    rest *= 2;
                    fraction = fraction * 2 + i128::from(step <= rest);
                    rest -= if step <= rest { step } else { 0 };
                }
                let estimate = |quotient: Quotient| {
                    (i128::from(quotient.steps) << FRACTION_BITS) + i128::from(quotient.fraction)
                };
                let truth = ((dividend / step) << FRACTION_BITS) + fraction;
                for quotient in [divisor.estimate(dividend), divisor.divide(dividend)] {
                    let low = truth - estimate(quotient);
                    prop_assert!((0..i128::from(divisor.blur())).contains(&low), "{low}");
                }
            }
            for negative in [divisor.estimate(!dividend), divisor.divide(!dividend)] {
                prop_assert_eq!((negative.steps, negative.fraction), (0, 0));
            }
        }
    }

    #[test]
    fn a_quotient_beyond_64_bits_is_the_largest() {
        let divisor = Divisor::new(3, 1);
        assert_eq!(divisor.divide(i128::MAX).steps, u64::MAX);
        assert!(!divisor.suits(i128::MAX));
    }
}
