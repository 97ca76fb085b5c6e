//! Allocator: divides whole steps among accounts, each step to the account that then wants most.
//!
//! The remainder rule in one sentence: each share goes to the account that then misses most value
//! against its target, the fill included, and among equals to the account whose id comes first in
//! byte order. From empty books that is the method of largest remainders; `tests/it/laws.rs` has
//! the laws that follow, by name.
//!
//! Account *i* wants `d_i`; every step it gets lowers that by `step`. Giving `quantity` steps one
//! by one, each to the largest want (ties to the lower rank), is the exact optimum of every
//! symmetric convex penalty of what remains (Gross 1956, Fox 1966; Frank & Murota 2022 for
//! "every"). The steps taken are the `quantity` largest of the merged progressions `d_i − k·step`,
//! and all progressions have the same difference, so they need not be walked:
//!
//! ```text
//!   d_1 ┤█ █ █ ▒                 █ certain: at or above level + step
//!   d_2 ┤█ █ ▒                   ▒ the candidate: one each in [level, level + step)
//!   d_3 ┤▒                       the largest candidates get what is left after the certain steps
//!   d_4 ┤          (inactive: d_4 < level)
//!        level ┘
//! ```
//!
//! Every level gives the same division, provided that the certain steps are at most the quantity
//! and the candidates at least the rest of it. So no exact water level is needed: zero nearly
//! always suits (99 % of fills over 10 accounts, 96 % over 100, 85 % over 1,000, in the benches),
//! whichever accounts are overweight, and then this is Hamilton's method. Where too much would be
//! certain, the level rises by whole steps, which is arithmetic on quotients that are already
//! there.
//!
//! # Why it is fast
//!
//! The cost depends on the number of accounts, never on the quantity. Each account costs one wide
//! multiplication, for an estimate of its quotient ([`Divisor`]); what is left of its want is not
//! needed yet. Then the largest rests are found without comparing accounts: 128 buckets by
//! the leading bits of the fractions show where the last step falls, and only the one or two
//! accounts that are in or next to that bucket are compared, by their exact wants. Whether an
//! account is served is arithmetic and not a branch, for half of them are, at random, and half of
//! the branches would be mispredicted. Up to a dozen accounts are ranked pair by pair instead.
//!
//! A few exact comparisons at the end show whether the estimates were good enough to be sure of
//! the division. They nearly always are; where not, it is made again with exact quotients.

mod divisor;
mod level;

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::hint::cold_path;

use divisor::{Divisor, FRACTION_BITS, Quotient};
pub(crate) use level::water_level;

/// Up to this many accounts are ranked pair by pair; the buckets win from about here.
const FEW: usize = 12;

/// Of a hundred accounts about one is in each; all counts fit in four cache lines.
const BUCKETS: usize = 128;
const BUCKET_SHIFT: u32 = FRACTION_BITS - BUCKETS.ilog2();

/// How many accounts are in each 128th of a step.
#[derive(Clone, Copy, Debug)]
struct Buckets([u16; BUCKETS]);

impl Default for Buckets {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Buckets {
    fn count(&mut self, standing: u32) {
        let bucket = standing >> BUCKET_SHIFT;
        self.0[usize::try_from(bucket).expect("7 bits")] += 1;
    }
}

/// Who got the steps that were not certain, by what was left of wants before.
enum Served {
    /// Nobody: all steps were certain.
    None,
    /// Some of a few accounts, of whom one had `most` left.
    Few { most: i128 },
    /// Some of many accounts; the `last` of them had so much left.
    Many { last: i128 },
}

/// Working memory of a division, kept so that a fill allocates none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allocator {
    /// What each account wants beyond its certain steps: the fraction of a step, estimated.
    standings: Vec<u32>,
    buckets: Buckets,
    /// Those who stand too near the bar to tell, by what they still want.
    near: Vec<(Reverse<i128>, u32)>,
    /// Where the capped water level changes its slope.
    bends: Vec<(i128, i64)>,
}

impl Allocator {
    /// An allocator for this many accounts.
    pub(crate) fn new(accounts: usize) -> Self {
        Self {
            standings: alloc::vec![0; accounts],
            near: Vec::with_capacity(accounts),
            ..Self::default()
        }
    }

    /// Gives out `quantity` steps; the wants, by rank, must add up to `quantity × step`.
    ///
    /// # Panics
    /// If the wants do not add up, or there are not wants and shares for each account: a bug of
    /// the caller.
    pub(crate) fn divide(&mut self, wants: &[i128], step: i128, quantity: u64, shares: &mut [u64]) {
        assert!(wants.len() == self.standings.len(), "a want for each account");
        assert!(shares.len() == self.standings.len(), "shares for each account");
        let divisor = Divisor::new(step, quantity);
        if !self.divide_by_estimates(wants, &divisor, quantity, shares) {
            cold_path();
            self.divide_exactly(wants, &divisor, quantity, shares);
        }
    }

    /// The same with at most `cap` steps for each account; the caps allow `quantity` steps.
    ///
    /// # Panics
    /// If the wants do not add up or the caps do not suffice: a bug of the caller.
    pub(crate) fn divide_capped(
        &mut self,
        wants: &[i128],
        cap: impl Fn(usize) -> u64 + Copy,
        step: i128,
        quantity: u64,
        shares: &mut [u64],
    ) {
        assert!(wants.len() == self.standings.len(), "a want for each account");
        assert!(shares.len() == self.standings.len(), "shares for each account");
        let divisor = Divisor::new(step, quantity);
        let cap = |rank: usize| cap(rank).min(quantity);
        let (mut certain, open) = self.give_certain_capped(wants, 0, cap, &divisor, shares);
        if !(certain..=certain + u128::from(open)).contains(&u128::from(quantity)) {
            let level = self.capped_level(wants, cap, step, quantity) + 1;
            (certain, _) = self.give_certain_capped(wants, level, cap, &divisor, shares);
        }
        let left = |rank: usize, steps: u64| {
            if steps < cap(rank) { wants[rank] - step * i128::from(steps) } else { i128::MIN }
        };
        self.serve(quantity, certain, &divisor, left, shares);
    }

    /// Divides without a look at what remains of a want, but for the few on which it depends.
    ///
    /// Estimated quotients are too low by less than the blur, so a candidate may want up to that
    /// more than a step, and next to nothing after it. This is still the division that gives each
    /// step to the largest want, if the last one served wants less than a step, for then every
    /// account not served wants less than any with certain steps did; and at least the blur, for
    /// then it wants more than any account served would after it. Of a few accounts it is enough
    /// that none wants a whole step, for then their quotients are exact. Returns whether it is so.
    fn divide_by_estimates(
        &mut self,
        wants: &[i128],
        divisor: &Divisor,
        quantity: u64,
        shares: &mut [u64],
    ) -> bool {
        let mut bits = 0;
        let quotient = |want: i128| {
            bits |= want.max(0);
            divisor.estimate(want)
        };
        let mut certain = self.give_certain(wants, quotient, shares);
        if !divisor.suits(bits) {
            return false;
        }
        let mut level = 0;
        if u128::from(quantity) < certain {
            cold_path();
            (certain, level) = self.raise(quantity, shares);
        }
        let step = divisor.step();
        let left = |rank: usize, steps: u64| wants[rank] - step * i128::from(steps);
        let level = step * i128::from(level);
        match self.serve(quantity, certain, divisor, left, shares) {
            Served::None => false,
            Served::Few { most } => most - level < step,
            Served::Many { last } => {
                let blur = ((step >> FRACTION_BITS) + 1) * i128::from(divisor.blur());
                (blur..step).contains(&(last - level))
            }
        }
    }

    /// Divides with exact quotients.
    fn divide_exactly(
        &mut self,
        wants: &[i128],
        divisor: &Divisor,
        quantity: u64,
        shares: &mut [u64],
    ) {
        let mut certain = self.give_certain(wants, |want| divisor.divide(want), shares);
        if u128::from(quantity) < certain {
            cold_path();
            let largest = *wants.iter().max().expect("an account");
            if !divisor.suits(largest) {
                // The water level is no lower, and above this one no quotient is too large. It
                // takes a fortune moved by a new split and then a fill of almost nothing.
                let level = largest - divisor.step() * i128::from(quantity);
                self.give_certain(wants, |want| divisor.divide(want - level), shares);
            }
            (certain, _) = self.raise(quantity, shares);
        }
        let left = |rank: usize, steps: u64| wants[rank] - divisor.step() * i128::from(steps);
        self.serve(quantity, certain, divisor, left, shares);
    }

    /// Gives each account the steps that are certain at level zero; returns how many.
    #[inline(always)]
    fn give_certain(
        &mut self,
        wants: &[i128],
        quotient: impl FnMut(i128) -> Quotient,
        shares: &mut [u64],
    ) -> u128 {
        let accounts = shares.iter_mut().zip(&mut self.standings).zip(wants);
        if wants.len() <= FEW {
            return give_certain(accounts, quotient, |_| ());
        }
        // Counted on the stack: one pointer less for the loop to keep.
        let mut buckets = Buckets::default();
        let certain = give_certain(accounts, quotient, |standing| buckets.count(standing));
        self.buckets = buckets;
        certain
    }

    /// The same under caps and above a level; returns also how many candidates there are.
    fn give_certain_capped(
        &mut self,
        wants: &[i128],
        level: i128,
        cap: impl Fn(usize) -> u64,
        divisor: &Divisor,
        shares: &mut [u64],
    ) -> (u128, u64) {
        let (mut open, mut caps) = (0, (0..).map(cap));
        let quotient = |want: i128| {
            let (want, cap) = (want - level, caps.next().expect("endless"));
            let quotient = divisor.divide(want);
            open += u64::from(quotient.steps < cap && 0 <= want);
            if quotient.steps < cap { quotient } else { Quotient { steps: cap, fraction: 0 } }
        };
        let certain = self.give_certain(wants, quotient, shares);
        (certain, open)
    }

    /// Raises the level by whole steps until no more than `quantity` are certain; returns how many
    /// are, and the level.
    ///
    /// The mean excess of the accounts that still have some is the next rise (Michelot 1986, in
    /// whole steps). It starts where the account with most is left with as many as there are.
    fn raise(&mut self, quantity: u64, shares: &mut [u64]) -> (u128, u64) {
        let mut level = most(shares).saturating_sub(quantity);
        let certain = loop {
            let (mut certain, mut active) = (0, 0);
            for share in &*shares {
                certain += share.saturating_sub(level);
                active += u64::from(level < *share);
            }
            if certain <= quantity {
                break certain;
            }
            level += (certain - quantity).div_ceil(active);
        };
        self.buckets = Buckets::default();
        for (share, standing) in shares.iter_mut().zip(&mut self.standings) {
            if *share < level {
                *standing = 0;
            }
            *share = share.saturating_sub(level);
            self.buckets.count(*standing);
        }
        (certain.into(), level)
    }

    /// The floor of the level where the capped wants above it add up to the steps.
    #[cold]
    fn capped_level(
        &mut self,
        wants: &[i128],
        cap: impl Fn(usize) -> u64,
        step: i128,
        quantity: u64,
    ) -> i128 {
        self.bends.clear();
        for (want, rank) in wants.iter().zip(0..) {
            self.bends.push((*want, 1));
            self.bends.push((*want - step * i128::from(cap(rank)), -1));
        }
        level::capped_water_level(&mut self.bends, step * i128::from(quantity))
    }

    /// Gives the steps that are not certain to the candidates with the most `left`; of many, tells
    /// what the last one served had left.
    #[inline(always)]
    fn serve(
        &mut self,
        quantity: u64,
        certain: u128,
        divisor: &Divisor,
        left: impl Fn(usize, u64) -> i128,
        shares: &mut [u64],
    ) -> Served {
        let rest = u128::from(quantity).checked_sub(certain).expect("the level suits");
        let rest = usize::try_from(rest).expect("fewer than the accounts");
        assert!(rest <= shares.len(), "the wants add up to the steps");
        if shares.len() <= FEW {
            Served::Few { most: rank(rest, left, shares) }
        } else if rest == 0 {
            Served::None
        } else {
            Served::Many { last: self.sift(rest, divisor.blur(), left, shares) }
        }
    }

    /// Finds the bucket where the last step falls and compares only accounts in it or `blur` from
    /// it.
    ///
    /// An account is where its estimate puts it, or less than `blur` higher. So an account
    /// estimated above the bar is better than all but less than `rest` others, and one estimated
    /// lower than `blur` below the bucket is worse than `rest` others.
    #[inline(always)]
    fn sift(
        &mut self,
        rest: usize,
        blur: u32,
        left: impl Fn(usize, u64) -> i128,
        shares: &mut [u64],
    ) -> i128 {
        let (mut missing, mut bucket) = (rest, BUCKETS);
        for count in self.buckets.0.iter().rev() {
            bucket -= 1;
            let count = usize::from(*count);
            if missing <= count {
                break;
            }
            missing -= count;
        }
        let bottom = u32::try_from(bucket).expect("7 bits") << BUCKET_SHIFT;
        let last = bottom + ((1 << BUCKET_SHIFT) - 1);
        let (bar, low) = (last.saturating_add(blur), bottom.saturating_sub(blur));
        self.near.clear();
        for ((share, standing), rank) in shares.iter_mut().zip(&self.standings).zip(0_u32..) {
            if standing.wrapping_sub(low) <= bar - low {
                let at = usize::try_from(rank).expect("32 bits");
                self.near.push((Reverse(left(at, *share)), rank));
                missing += usize::from(last < *standing);
            }
            *share += u64::from(bar < *standing);
        }
        let (better, (Reverse(least), served), _) = self.near.select_nth_unstable(missing - 1);
        for (_, rank) in better.iter().chain([&(Reverse(*least), *served)]) {
            shares[usize::try_from(*rank).expect("32 bits")] += 1;
        }
        *least
    }
}

/// The most certain steps of one account, found without a branch.
fn most(shares: &[u64]) -> u64 {
    shares.iter().fold(0, |most, share| most + share.saturating_sub(most))
}

/// Settles account by account and shows each standing to `count`.
#[inline(always)]
fn give_certain<'a>(
    accounts: impl Iterator<Item = ((&'a mut u64, &'a mut u32), &'a i128)>,
    mut quotient: impl FnMut(i128) -> Quotient,
    mut count: impl FnMut(u32),
) -> u128 {
    let mut certain = 0;
    for ((share, standing), want) in accounts {
        let Quotient { steps, fraction } = quotient(*want);
        (*share, *standing) = (steps, fraction);
        certain += u128::from(steps);
        count(fraction);
    }
    certain
}

/// Compares each account with each: the `rest` with the most `left` get one step more. Returns the
/// most that was left.
#[inline(always)]
fn rank(rest: usize, left: impl Fn(usize, u64) -> i128, shares: &mut [u64]) -> i128 {
    // What each has left, and its position, counted from the last.
    let mut claims = [(0_i128, 0_u32); FEW];
    let claims = &mut claims[..shares.len()];
    let mut most = i128::MIN;
    for (rank, accounts) in (0..shares.len()).zip(0_u32..) {
        let (earlier, later) = claims.split_at_mut(rank);
        let own = left(rank, shares[rank]);
        most = most.max(own);
        let mut position = accounts;
        for (other, other_position) in earlier {
            let behind = u32::from(own <= *other);
            position -= behind;
            *other_position += behind;
        }
        later[0] = (own, position);
    }
    let bar = u32::try_from(claims.len() - rest).expect("few");
    for (share, (_, position)) in shares.iter_mut().zip(claims) {
        *share += u64::from(bar <= *position);
    }
    most
}

#[cfg(test)]
mod tests;
