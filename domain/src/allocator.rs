//! Allocator: divides whole steps among accounts, each step to whoever wants most at that moment.
//!
//! Account *i* wants `d_i`; every step it gets lowers that by `step`. Giving `quantity` steps one by
//! one, each to the largest want (ties to the lower rank), is the exact optimum of every symmetric
//! convex penalty of what remains (Gross 1956, Fox 1966; Frank & Murota 2022 for "every"). The steps
//! taken are the `quantity` largest of the merged progressions `d_i − k·step`, and all progressions
//! have the same difference, so they need not be walked:
//!
//! ```text
//!   d_1 ┤█ █ █ ▒                 █ certain: above level + step
//!   d_2 ┤█ █ ▒                   ▒ the candidate: one each in (level, level + step]
//!   d_3 ┤▒                       the candidates that remain affordable win by size
//!   d_4 ┤          (inactive: d_4 ≤ level)
//!        level ┘
//! ```
//!
//! 1. The **water level** λ solves `Σ max(d_i − λ, 0) = step · quantity`, here its floor.
//! 2. `⌊(d_i − λ − 1) / step⌋` steps are certain.
//! 3. The rest goes, one each, to the largest remainders: Hamilton's method where λ is zero.
//!
//! The cost depends on the number of accounts alone, never on the quantity.

use alloc::vec::Vec;

/// Bits of a sort key that hold the rank; `limits` asserts that ranks fit.
const RANK_BITS: u32 = 14;
const RANK_MASK: u64 = (1 << RANK_BITS) - 1;

/// Working memory of [`divide`](Allocator::divide), kept so that a fill allocates none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allocator {
    /// One sort key for each candidate: what remains of its want, then its rank, inverted.
    keys: Vec<u64>,
    /// Where the capped water level changes its slope.
    bends: Vec<(i128, i64)>,
}

impl Allocator {
    /// Gives out `quantity` steps; `wants` must add up to `quantity × step` and ends as what remains.
    ///
    /// # Panics
    /// If the wants do not add up: a bug of the caller.
    pub(crate) fn divide(
        &mut self,
        wants: &mut [i128],
        step: i128,
        quantity: u64,
        shares: &mut [u64],
    ) {
        let target = step * i128::from(quantity);
        let level = water_level(wants, target);
        self.settle(wants, Rates { level, step, quantity }, |_| quantity, shares);
    }

    /// The same with at most `caps` steps for each account; the caps allow `quantity` steps.
    ///
    /// # Panics
    /// If the wants do not add up or the caps do not suffice: a bug of the caller.
    pub(crate) fn divide_capped(
        &mut self,
        wants: &mut [i128],
        step: i128,
        quantity: u64,
        caps: &[u64],
        shares: &mut [u64],
    ) {
        let cap_of = |rank: usize| caps[rank].min(quantity);
        let target = step * i128::from(quantity);
        self.bends.clear();
        for (rank, want) in wants.iter().enumerate() {
            self.bends.push((*want, 1));
            self.bends.push((want - step * i128::from(cap_of(rank)), -1));
        }
        let level = capped_water_level(&mut self.bends, target);
        self.settle(wants, Rates { level, step, quantity }, cap_of, shares);
    }

    /// Steps 2 and 3: the certain steps, then one each to the largest remainders.
    fn settle(
        &mut self,
        wants: &mut [i128],
        rates: Rates,
        cap_of: impl Fn(usize) -> u64,
        shares: &mut [u64],
    ) {
        let divisor = Divisor::new(rates.step, rates.quantity, wants.len());
        let shift = (i128::BITS - rates.step.leading_zeros()).saturating_sub(64 - RANK_BITS);
        let mut left = rates.quantity;
        self.keys.clear();
        for (rank, (want, share)) in wants.iter_mut().zip(shares.iter_mut()).enumerate() {
            let above = *want - rates.level - 1;
            *share = 0;
            if above < 0 {
                continue;
            }
            let cap = cap_of(rank);
            if cap < rates.quantity && above >= rates.step * i128::from(cap) {
                *share = cap;
            } else {
                let (certain, rest) = divisor.divide(above);
                *share = certain;
                self.keys.push(key(rest, shift, rank));
            }
            left -= *share;
            *want -= rates.step * i128::from(*share);
        }
        let left = usize::try_from(left).expect("fewer than the accounts");
        self.serve(wants, left, shift, |wants, rank| {
            shares[rank] += 1;
            wants[rank] -= rates.step;
        });
    }

    /// Gives one step each to the `left` largest candidates.
    fn serve(
        &mut self,
        wants: &mut [i128],
        left: usize,
        shift: u32,
        mut give: impl FnMut(&mut [i128], usize),
    ) {
        assert!(left <= self.keys.len(), "the wants add up to the steps");
        if left == 0 {
            return;
        }
        let (_, last, losers) = self.keys.select_nth_unstable_by(left - 1, |a, b| b.cmp(a));
        let last = *last >> RANK_BITS;
        let doubtful = shift > 0 && losers.iter().any(|key| key >> RANK_BITS == last);
        if doubtful {
            self.settle_ties(wants, left, last);
        }
        for key in &self.keys[..left] {
            give(wants, rank_of(*key));
        }
    }

    /// Orders the candidates whose keys are cut to the same bits by their whole remainders.
    fn settle_ties(&mut self, wants: &[i128], left: usize, last: u64) {
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        let first = self.keys.partition_point(|key| key >> RANK_BITS > last);
        let end = self.keys.partition_point(|key| key >> RANK_BITS >= last);
        debug_assert!(first < left && left < end);
        // What is left of the wants is the remainder plus the level, the same for all.
        self.keys[first..end].sort_unstable_by_key(|key| {
            let rank = rank_of(*key);
            (core::cmp::Reverse(wants[rank]), rank)
        });
    }
}

/// What the second and third steps need of the first.
#[derive(Clone, Copy)]
struct Rates {
    level: i128,
    step: i128,
    quantity: u64,
}

/// A sort key: the larger the remainder, the larger; among equals the lower rank is larger.
fn key(rest: i128, shift: u32, rank: usize) -> u64 {
    let rest = u64::try_from(rest >> shift).expect("cut to 50 bits");
    let rank = u64::try_from(rank).expect("14 bits");
    (rest << RANK_BITS) | (RANK_MASK - rank)
}

fn rank_of(key: u64) -> usize {
    usize::try_from(RANK_MASK - (key & RANK_MASK)).expect("14 bits")
}

/// The floor of λ in `Σ max(d_i − λ, 0) = target`.
///
/// Nobody is overweight in the steady state, and then it is zero. Otherwise: the mean excess of
/// those above the level is the next level, until nobody drops out (Michelot 1986).
pub(crate) fn water_level(wants: &[i128], target: i128) -> i128 {
    let mut level = 0;
    let mut active = usize::MAX;
    loop {
        let (mut sum, mut count) = (0_i128, 0_usize);
        for want in wants {
            if *want > level {
                sum += want;
                count += 1;
            }
        }
        if count == active || sum == target {
            return level;
        }
        active = count;
        level = (sum - target).div_euclid(i128::try_from(count).expect("a small number"));
    }
}

/// The same where each account's part is capped: a sweep down the bends of the sum.
fn capped_water_level(bends: &mut [(i128, i64)], target: i128) -> i128 {
    bends.sort_unstable_by(|a, b| b.cmp(a));
    let (mut level, mut given, mut slope) = (bends[0].0, 0_i128, 0_i128);
    for (bend, turn) in bends.iter() {
        if slope > 0 {
            let missing = target - given;
            let drop = (missing + slope - 1) / slope;
            if level - bend >= drop {
                return level - drop;
            }
            given += slope * (level - bend);
        }
        level = *bend;
        slope += i128::from(*turn);
    }
    assert!(given == target, "the caps allow the quantity");
    level
}

/// Division by one step of numbers up to `step × quantity + accounts`, without dividing.
///
/// The dividend is cut to its 63 leading bits and multiplied by a reciprocal rounded down, so the
/// quotient is right or one too small (the cut and the rounding lose less than one together).
#[derive(Clone, Copy)]
struct Divisor {
    step: i128,
    cut: u32,
    reciprocal: u64,
}

impl Divisor {
    fn new(step: i128, quantity: u64, accounts: usize) -> Self {
        let accounts = i128::try_from(accounts).expect("a small number");
        let highest = step * i128::from(quantity) + accounts;
        let cut = (i128::BITS - highest.leading_zeros()).saturating_sub(63);
        let step_unsigned = step.unsigned_abs();
        // 2^(64 + cut) / step; minus one before dividing, so that a step of one fits as well.
        let reciprocal = ((1_u128 << (64 + cut)) - 1) / step_unsigned;
        Self { step, cut, reciprocal: u64::try_from(reciprocal).expect("the step exceeds the cut") }
    }

    fn divide(self, dividend: i128) -> (u64, i128) {
        let leading = u64::try_from(dividend >> self.cut).expect("63 bits");
        let product = u128::from(leading) * u128::from(self.reciprocal);
        let mut quotient = u64::try_from(product >> 64).expect("the high half");
        let mut rest = dividend - i128::from(quotient) * self.step;
        if rest >= self.step {
            quotient += 1;
            rest -= self.step;
        }
        assert!(rest < self.step, "the quotient is at most one too small");
        (quotient, rest)
    }
}

#[cfg(test)]
mod tests;
