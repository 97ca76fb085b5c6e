//! Tracking: how far accounts are from their targets, and how much of that could be avoided.
//!
//! A change of split leaves every account where the old one put it, and only new fills can mend
//! that. What no allocator could have mended with the fills since is **unavoidable**: the largest
//! deviation of the best division of them, in fractions of shares (a water level). The rest is
//! **avoidable**: rounding to whole shares, and the price of shards.
//!
//! What one shard avoids, while there are only purchases: no surplus reaches the highest price `P`,
//! and no deficit passes `(1/2 + 1/3 + … + 1/n) · P` for *n* accounts, whatever comes (the cup
//! game; no allocator without foresight can promise less). Random streams stay below one `P` but
//! for one fill in ten thousand.
//!
//! Two things count as avoidable although they are not: what a bust left, until fills mend it, and
//! what a sale could not take where the overweight do not hold its ticker. One counts as
//! unavoidable although it is not: the use that could have been made of both sides, where purchases
//! and sales came since the split, for only what remains of them is looked at.

use alloc::vec::Vec;

use crate::AccountRank;
use crate::allocator::water_level;

/// The firm's deviations at one cut, as fractions `numerator / denominator`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tracking {
    /// The rank of the account that is farthest from its target.
    pub worst_rank: AccountRank,
    /// Its distance, with the sum of the weights as denominator, in 1e-9 of the currency.
    pub worst: i128,
    /// The part of it that no division of the fills since the last split could avoid.
    pub unavoidable: i128,
}

/// How far one account is from its target, as fractions with the same denominator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AccountTracking {
    /// Its distance, without sign.
    pub deviation: i128,
    /// What the best division of the fills since the last split would have left of it.
    pub unavoidable: i128,
}

impl AccountTracking {
    /// Compares the value of each account with its target, as [`Tracking::of`] does for the firm:
    /// the largest of each figure is the firm's.
    #[must_use]
    pub fn of(weights: &[u64], values_then: &[i128], values: &[i128]) -> Vec<Self> {
        let total = values.iter().sum();
        let now = residuals(weights, total, values);
        let best = best_left(weights, values_then, total);
        let pairs = now.into_iter().zip(best);
        pairs
            .map(|(now, best)| Self {
                deviation: now.abs(),
                unavoidable: best.abs().min(now.abs()),
            })
            .collect()
    }

    /// The rest of the distance.
    #[must_use]
    pub const fn avoidable(&self) -> i128 {
        self.deviation - self.unavoidable
    }
}

impl Tracking {
    /// Compares values with targets; all slices go by rank, values in 1e-9.
    ///
    /// `values_then` are the values when the split came into force.
    #[must_use]
    pub fn of(weights: &[u64], values_then: &[i128], values: &[i128]) -> Self {
        let residuals = residuals(weights, values.iter().sum(), values);
        let worst = residuals
            .iter()
            .enumerate()
            .max_by_key(|(rank, residual)| (residual.unsigned_abs(), core::cmp::Reverse(*rank)));
        let Some((worst_rank, worst)) = worst else {
            return Self::default();
        };
        let unavoidable = unavoidable(weights, values_then, values.iter().sum());
        Self {
            worst_rank: AccountRank::at(worst_rank),
            worst: worst.abs(),
            unavoidable: unavoidable.min(worst.abs()),
        }
    }

    /// The part of the distance that a better division could have avoided.
    #[must_use]
    pub const fn avoidable(&self) -> i128 {
        self.worst - self.unavoidable
    }
}

/// What each account misses of its share of `total`, times the sum of the weights.
fn residuals(weights: &[u64], total: i128, values: &[i128]) -> Vec<i128> {
    let weight_total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    weights
        .iter()
        .zip(values)
        .map(|(weight, value)| i128::from(*weight) * total - weight_total * value)
        .collect()
}

/// The largest deviation after the best division of what came, or went, since `values_then`.
fn unavoidable(weights: &[u64], values_then: &[i128], total: i128) -> i128 {
    let left = best_left(weights, values_then, total);
    left.iter().map(|left| left.abs()).max().unwrap_or(0)
}

/// What each account misses after the best division of what came, or went, since `values_then`.
fn best_left(weights: &[u64], values_then: &[i128], total: i128) -> Vec<i128> {
    let mut wants = residuals(weights, total, values_then);
    let mut target: i128 = wants.iter().sum();
    if target < 0 {
        // More was sold than bought: shares can only be taken away, the mirror of the same.
        target = -target;
        wants.iter_mut().for_each(|want| *want = -*want);
    }
    // Whoever misses more than the level is filled up to it; the others get nothing.
    let level = water_level(&wants, target);
    wants.iter_mut().for_each(|want| *want = level.min(*want));
    wants
}

#[cfg(test)]
mod tests {
    use allot_domain::{Price, Quantity, Side};
    use proptest::prelude::*;

    use super::*;
    use crate::{Blend, Block, Residuals};

    #[test]
    fn without_a_split_change_all_error_is_avoidable() {
        let tracking = Tracking::of(&[60, 40], &[0, 0], &[61, 39]);
        let worst_rank = AccountRank::new(0);
        assert_eq!(tracking, Tracking { worst_rank, worst: 100, unavoidable: 0 });
        assert_eq!(tracking.avoidable(), 100);
    }

    #[test]
    fn what_a_new_split_leaves_behind_is_unavoidable_until_new_fills_mend_it() {
        // 100 and 0 held, now 50 to 50: one is 50 over, the other 50 under (times a weight of 2).
        let now = Tracking::of(&[1, 1], &[100, 0], &[100, 0]);
        assert_eq!((now.worst, now.unavoidable), (100, 100));
        // 60 more, all to the second: the best there is.
        let later = Tracking::of(&[1, 1], &[100, 0], &[100, 60]);
        assert_eq!((later.worst, later.unavoidable), (40, 40));
        // 60 more, badly divided.
        let worse = Tracking::of(&[1, 1], &[100, 0], &[110, 50]);
        assert_eq!((worse.worst, worse.avoidable()), (60, 20));
        // Enough to mend all.
        let mended = Tracking::of(&[1, 1], &[100, 0], &[130, 130]);
        assert_eq!((mended.worst, mended.unavoidable), (0, 0));
    }

    #[test]
    fn sales_mirror_purchases() {
        let tracking = Tracking::of(&[1, 1], &[100, 20], &[70, 20]);
        assert_eq!((tracking.worst, tracking.unavoidable), (50, 50));
    }

    /// What one deficit may reach, in millionths of the highest price.
    fn deficit_max(accounts: u64) -> i128 {
        let deficit: u64 = (2..=accounts).map(|divisor| 1_000_000_u64.div_ceil(divisor)).sum();
        i128::from(deficit.max(1_000_000))
    }

    fn block(price: i128, quantity: i128) -> Block {
        let price = Price::from_nanos(price).expect("a price");
        Block { side: Side::Buy, price, quantity: Quantity::new(quantity).expect("a quantity") }
    }

    /// Weights of one to eleven accounts, what each had, and what each got since.
    fn firms() -> impl Strategy<Value = (Vec<u64>, Vec<i128>, Vec<i128>)> {
        (1..12_usize).prop_flat_map(|accounts| {
            let weights = prop::collection::vec(0..20_u64, accounts);
            let some =
                weights.prop_filter("an account has a weight", |all| all.iter().any(|w| 0 < *w));
            let had = prop::collection::vec(-50..500_i128, accounts);
            let got = prop::collection::vec(prop_oneof![Just(0), 0..200_i128], accounts);
            (some, had, got)
        })
    }

    proptest! {
        #[test]
        fn no_division_beats_what_is_unavoidable((weights, had, got) in firms()) {
            let all = |sign: i128| -> Vec<_> {
                had.iter().zip(&got).map(|(had, got)| had + sign * got).collect()
            };
            for values in [all(1), all(-1)] {
                let tracking = Tracking::of(&weights, &had, &values);
                prop_assert!(unavoidable(&weights, &had, values.iter().sum()) <= tracking.worst);
                prop_assert!(0 <= tracking.avoidable());
            }
        }

        /// What the firm is said to be is what its accounts are said to be.
        #[test]
        fn the_figures_of_accounts_agree_with_those_of_the_firm((weights, had, got) in firms()) {
            let values: Vec<_> = had.iter().zip(&got).map(|(had, got)| had + got).collect();
            let firm = Tracking::of(&weights, &had, &values);
            let accounts = AccountTracking::of(&weights, &had, &values);
            let worst = accounts[firm.worst_rank.index()];
            prop_assert_eq!(worst.deviation, firm.worst);
            prop_assert!(accounts.iter().all(|one| one.deviation <= firm.worst));
            prop_assert!(accounts.iter().all(|one| 0 <= one.avoidable()));
            // One that is nearer now than the best division leaves it has not more than it is off.
            let left = accounts.iter().map(|one| one.unavoidable).max().expect("an account");
            prop_assert!(left <= firm.unavoidable);
            // Without a change of split nothing is unavoidable, for nobody.
            let none = vec![0; weights.len()];
            let fresh = AccountTracking::of(&weights, &none, &got);
            prop_assert!(fresh.iter().all(|one| one.unavoidable == 0));
        }

        /// Coin by coin to the account that misses most: the best division of coins, and coins are
        /// small.
        #[test]
        fn the_best_division_reaches_what_is_unavoidable((weights, had, got) in firms()) {
            let coins: i128 = got.iter().sum();
            let total = had.iter().sum::<i128>() + coins;
            let mut left = residuals(&weights, total, &had);
            let weight_total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            for _ in 0..coins {
                *left.iter_mut().max().expect("an account") -= weight_total;
            }
            let worst = left.iter().map(|residual| residual.abs()).max().expect("an account");
            let least = unavoidable(&weights, &had, total);
            prop_assert!(least <= worst && worst <= least + weight_total);
        }

        #[test]
        fn residuals_avoid_all_but_a_few_prices(
            weights in prop::collection::vec(1..1_000_u64, 2..24),
            fills in prop::collection::vec((1..=100_i128, 1..200_i128), 1..60),
        ) {
            let none = vec![0; weights.len()];
            let weight_total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            let mut residuals = Residuals::new(weights.clone(), none.clone());
            let mut shares = vec![0; weights.len()];
            for (price, quantity) in fills {
                residuals.allocate(block(price, quantity), Blend::NONE, &[], &mut shares);
                let avoidable = Tracking::of(&weights, &none, &residuals.values()).avoidable();
                let most = deficit_max(none.len().try_into().expect("small")) * 100 * weight_total;
                prop_assert!(avoidable * 1_000_000 <= most);
            }
        }
    }
}
