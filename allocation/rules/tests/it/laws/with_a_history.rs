//! With a history: what holds in books that are not empty, whatever came before.
//!
//! There an account wants its part of the fill and what it missed before, less what it has too
//! much: `want = weight · (total + fill) / W − value`, in shares of the fill at hand. Of the laws
//! from empty books, the total, the order and the least error stand as they are, with wants in the
//! place of parts. Floor and ceiling become those of the want, and the floor holds only while
//! nobody has too much, because nobody gives back for a purchase. A smaller weight may well get
//! more: it may be owed more.

use allot_allocation_rules::{Block, Cell, Residuals};
use allot_domain::Side;

use super::case::{Case, block, divide};
use super::holds;

/// Books after a few random purchases, sales and splits, and one more purchase.
struct Later {
    /// Of the split at the end.
    weights: Vec<u64>,
    /// What each account wants of the purchase, times the sum of the weights.
    wants: Vec<i128>,
    shares: Vec<u64>,
    /// One share in the measure of the wants.
    step: i128,
    /// What each account still misses.
    left: Vec<i128>,
}

impl Later {
    /// Every fill of a history is within the limits of the value of all, as [`Case`] bounds each.
    fn new(case: &Case) -> Self {
        let mut random = case.random();
        let mut weights = case.weights.clone();
        let mut residuals = case.empty_books();
        let mut held = vec![Cell::default(); weights.len()];
        for _ in 0..random.between(1, 6) {
            let holding: u64 = held.iter().map(|cell| cell.quantity).sum();
            let (side, most) = match random.between(0, 4) {
                0 => {
                    weights.rotate_left(1);
                    residuals = Residuals::new(weights.clone(), residuals.values());
                    continue;
                }
                1 if 0 < holding => (Side::Sell, holding.min(case.quantity)),
                _ => (Side::Buy, case.quantity),
            };
            let price = i64::try_from(random.between(1, case.price.unsigned_abs())).unwrap();
            apply(&mut residuals, &mut held, block(side, price, random.between(1, most)));
        }
        let notional = i128::from(case.price) * i128::from(case.quantity);
        let missed = residuals.residuals().iter().zip(&weights);
        let wants = missed.map(|(missed, weight)| missed + i128::from(*weight) * notional);
        let wants = wants.collect();
        let shares = apply(&mut residuals, &mut held, case.buy());
        let step = case.weight_total() * i128::from(case.price);
        Self { weights, wants, shares, step, left: residuals.residuals().to_vec() }
    }

    /// The accounts that may get shares: those at 0 % get none, whatever they miss.
    fn ranks(&self) -> impl Iterator<Item = usize> {
        (0..self.weights.len()).filter(|rank| 0 < self.weights[*rank])
    }
}

/// Divides a block, and counts what accounts hold of the ticker.
fn apply(residuals: &mut Residuals, held: &mut [Cell], block: Block) -> Vec<u64> {
    let shares = divide(residuals, block, held);
    for (cell, share) in held.iter_mut().zip(&shares) {
        let value = i128::from(*share) * i128::from(block.price.nanos());
        let Cell { quantity, value: paid } = *cell;
        *cell = match block.side {
            Side::Buy => Cell { quantity: quantity + share, value: paid + value },
            Side::Sell => Cell { quantity: quantity - share, value: paid - value },
        };
    }
    shares
}

/// The shares add up to the quantity, exactly.
#[test]
fn the_total_is_exact() {
    holds(|case| {
        assert_eq!(Later::new(case).shares.iter().sum::<u64>(), case.quantity, "{case:?}");
    });
}

/// Nobody gets more than the ceiling of its want; and where nobody has too much, nobody gets less
/// than the floor of it. (Unless an account at 0 % misses value: others then get its part.)
#[test]
fn a_share_is_between_floor_and_ceiling_of_the_want() {
    holds(|case| {
        let later = Later::new(case);
        let zero_wants = |rank: usize| later.weights[rank] == 0 && 0 < later.wants[rank];
        if (0..later.weights.len()).any(zero_wants) {
            return;
        }
        let nobody_is_over = later.wants.iter().all(|want| 0 <= *want);
        for rank in later.ranks() {
            let (want, share) = (later.wants[rank], i128::from(later.shares[rank]));
            let (floor, rest) = (want.div_euclid(later.step), want.rem_euclid(later.step));
            let ceiling = floor + i128::from(0 < rest);
            assert!(share <= ceiling.max(0), "{case:?}: {want} {share}");
            assert!(!nobody_is_over || floor <= share, "{case:?}: {want} {share}");
        }
    });
}

/// Where one account wants less than another, it does not get more; an account at 0 % gets nothing
/// whatever it misses.
#[test]
fn a_smaller_want_never_gets_more() {
    holds(|case| {
        let later = Later::new(case);
        let mut ranks: Vec<_> = later.ranks().collect();
        ranks.sort_unstable_by_key(|rank| (later.wants[*rank], later.shares[*rank]));
        for pair in ranks.windows(2) {
            assert!(later.shares[pair[0]] <= later.shares[pair[1]], "{case:?}");
        }
        let got: u64 = later.ranks().map(|rank| later.shares[rank]).sum();
        assert_eq!(got, case.quantity, "{case:?}");
    });
}

/// No share of the fill would be missed more by another account: every symmetric convex penalty of
/// what accounts miss after the fill is the least that any division of it can leave.
#[test]
fn no_division_has_a_smaller_error() {
    holds(|case| {
        let later = Later::new(case);
        let givers = later.ranks().filter(|rank| 0 < later.shares[*rank]);
        let least = givers.map(|rank| later.left[rank] + later.step).min().unwrap();
        let most = later.ranks().map(|rank| later.left[rank]).max().unwrap();
        assert!(most <= least, "{case:?}: {:?}", later.shares);
    });
}

/// While one split stands and nothing is sold, nobody is over its target by a share of the dearest
/// fill so far.
#[test]
fn purchases_leave_nobody_a_share_over_its_target() {
    holds(|case| {
        let (mut random, mut residuals) = (case.random(), case.empty_books());
        let mut dearest = 0;
        for _ in 0..random.between(1, 8) {
            let price = i64::try_from(random.between(1, case.price.unsigned_abs())).unwrap();
            dearest = dearest.max(price);
            let quantity = random.between(1, case.quantity);
            divide(&mut residuals, block(Side::Buy, price, quantity), &[]);
            let share = case.weight_total() * i128::from(dearest);
            let most_over = -residuals.residuals().iter().min().unwrap();
            assert!(most_over < share, "{case:?}");
        }
    });
}
