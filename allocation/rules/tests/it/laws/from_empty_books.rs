//! From empty books: the first fill after the first split, when nobody is owed anything.

use std::cmp::Reverse;

use allot_allocation_rules::{Cell, Split, Weight, limits};
use allot_domain::{AccountId, Quantity, Seq, Side, SourceId};

use super::case::{Case, block, divide};
use super::holds;

/// The shares add up to the quantity, exactly.
#[test]
fn the_total_is_exact() {
    holds(|case| assert_eq!(case.divided().iter().sum::<u64>(), case.quantity, "{case:?}"));
}

/// Each account gets its part of the quantity, rounded down or up to a whole share.
#[test]
fn a_share_is_between_floor_and_ceiling() {
    holds(|case| {
        let total = case.weight_total();
        for (share, due) in case.divided().into_iter().zip(case.due()) {
            let (floor, is_whole) = (due / total, due % total == 0);
            let ceiling = if is_whole { floor } else { floor + 1 };
            assert!((floor..=ceiling).contains(&share.into()), "{case:?}: {share} of {due}");
        }
    });
}

/// Where one account's weight is smaller than another's, it does not get more shares.
#[test]
fn a_smaller_weight_never_gets_more() {
    holds(|case| {
        let shares = case.divided();
        let mut ranks: Vec<_> = (0..shares.len()).collect();
        ranks.sort_unstable_by_key(|rank| (case.weights[*rank], shares[*rank]));
        for pair in ranks.windows(2) {
            assert!(shares[pair[0]] <= shares[pair[1]], "{case:?}: {shares:?}");
        }
    });
}

/// The order in which a split names its accounts changes nothing: whoever has an id gets the same.
///
/// The ids themselves decide between equal claims, and nothing else.
#[test]
fn the_order_of_accounts_changes_nothing() {
    holds(|case| {
        // As percentages: what the small ones lack of 100 goes to the largest.
        let mut weights = case.weights.clone();
        let largest = (0..weights.len()).max_by_key(|rank| weights[*rank]).unwrap();
        let sum: u64 = weights.iter().sum();
        weights[largest] += limits::WEIGHT_TOTAL - sum;
        let ids: Vec<_> = (0..weights.len()).map(id).collect();
        let mut named: Vec<_> = ids.iter().copied().zip(weights.iter().map(percentage)).collect();
        let in_order = split(named.clone());
        let mut random = case.random();
        for last in (1..named.len()).rev() {
            let other = random.between(0, u64::try_from(last).unwrap());
            named.swap(last, usize::try_from(other).unwrap());
        }
        let shuffled = split(named);
        let divided = |split: &Split| {
            let weights = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
            let shares = Case { weights, ..*case }.divided();
            split.weights().iter().map(|(id, _)| *id).zip(shares).collect::<Vec<_>>()
        };
        assert_eq!(divided(&in_order), divided(&shuffled), "{case:?}");
        // And so it is with any history: all that a book learns is the split.
        assert_eq!(in_order, shuffled, "{case:?}");
    });
}

fn id(rank: usize) -> AccountId {
    AccountId::new(format!("account{rank:03}").as_bytes()).unwrap()
}

fn percentage(nanos: &u64) -> Weight {
    Weight::from_nanos("", (*nanos).into()).unwrap()
}

fn split(weights: Vec<(AccountId, Weight)>) -> Split {
    Split::new(SourceId::new(b"aum").unwrap(), Seq::new(1), weights).unwrap()
}

/// Quantity below zero: the opposite, where there is something to give. What was bought and is all
/// sold, at whatever price, leaves each account as it was, and so does a bust.
///
/// A sale of a part is a division of its own, of what the accounts are then over their targets: it
/// takes the most overweight share each time, and need not be what a smaller purchase would have
/// left. From books that are empty nothing can be sold.
#[test]
fn a_sale_of_all_and_a_bust_are_the_opposite() {
    holds(|case| {
        let mut residuals = case.empty_books();
        let bought = divide(&mut residuals, case.buy(), &[]);
        let mut busted = residuals.clone();
        busted.reverse(case.buy(), &bought);
        assert_eq!(busted.residuals(), case.empty_books().residuals(), "{case:?}");
        assert_eq!(busted.values(), case.empty_books().values(), "{case:?}");

        let price = i64::try_from(case.random().between(1, case.price.unsigned_abs())).unwrap();
        let value = |share: &u64| i128::from(*share) * i128::from(case.price);
        let held: Vec<_> =
            bought.iter().map(|share| Cell { quantity: *share, value: value(share) }).collect();
        let sold = divide(&mut residuals, block(Side::Sell, price, case.quantity), &held);
        assert_eq!(sold, bought, "{case:?}");
    });
}

/// Weights below zero: there are none, in a split or anywhere behind it.
#[test]
fn a_weight_below_zero_is_refused() {
    holds(|case| {
        let negative = -1 - i128::from(case.weights[0]);
        assert!(Weight::from_nanos("a", negative).is_err(), "{negative}");
    });
}

/// Quantity and weights below zero: a quantity has no sign, the side of a fill has it.
#[test]
fn a_quantity_below_one_is_refused() {
    holds(|case| {
        let negative = -i128::from(case.quantity);
        assert!(Quantity::new(negative).is_err() && Quantity::new(0).is_err(), "{negative}");
    });
}

/// No other division is nearer to the parts that are due, whether the errors are squared, summed
/// or the largest counts: an error is shares got less shares due, in exact fractions.
#[test]
fn no_division_has_a_smaller_error() {
    holds(|case| {
        let shares = case.divided();
        // Moving a share from one account to another changes the sum of squares by 2·W·(W − gap).
        let errors = errors(case, &shares);
        let givers = errors.iter().zip(&shares).filter(|(_, share)| 0 < **share);
        let most = givers.map(|(error, _)| *error).max().unwrap();
        let least = errors.iter().copied().min().unwrap();
        assert!(most - least <= case.weight_total(), "{case:?}: {shares:?}");
    });
}

/// The same against every division that there is, where there are few accounts and few shares.
#[test]
fn no_division_of_all_has_a_smaller_error() {
    holds(|case| {
        let weights = case.weights[..case.weights.len().min(4)].to_vec();
        if weights.iter().sum::<u64>() == 0 {
            return;
        }
        let case = Case { weights, quantity: case.quantity % 7 + 1, ..*case };
        let ours = penalties(&case, &case.divided());
        let mut shares = vec![0; case.weights.len()];
        every_division(&mut shares, 0, case.quantity, &mut |shares| {
            let theirs = penalties(&case, shares);
            let is_least = ours.iter().zip(&theirs).all(|(ours, theirs)| ours <= theirs);
            assert!(is_least, "{case:?}: {shares:?}");
        });
    });
}

/// The sum of squares, the sum and the largest of the errors, all exact.
fn penalties(case: &Case, shares: &[u64]) -> [i128; 3] {
    let errors = errors(case, shares);
    let sizes = || errors.iter().map(|error| error.abs());
    [sizes().map(|size| size * size).sum(), sizes().sum(), sizes().max().unwrap()]
}

/// Shares got less shares due, times the sum of the weights.
fn errors(case: &Case, shares: &[u64]) -> Vec<i128> {
    let total = case.weight_total();
    shares.iter().zip(case.due()).map(|(share, due)| i128::from(*share) * total - due).collect()
}

fn every_division(shares: &mut [u64], at: usize, left: u64, see: &mut impl FnMut(&[u64])) {
    if at + 1 == shares.len() {
        shares[at] = left;
        return see(shares);
    }
    for share in 0..=left {
        shares[at] = share;
        every_division(shares, at + 1, left - share, see);
    }
}

/// The whole shares of what is due, and one more each for the largest remainders, ids in order.
#[test]
fn the_division_is_that_of_the_largest_remainders() {
    holds(|case| {
        let total = case.weight_total();
        let due: Vec<_> = case.due().collect();
        let mut expected: Vec<_> =
            due.iter().map(|due| u64::try_from(due / total).unwrap()).collect();
        let mut ranks: Vec<_> = (0..due.len()).collect();
        ranks.sort_by_key(|rank| Reverse(due[*rank] % total));
        let left = case.quantity - expected.iter().sum::<u64>();
        ranks.iter().take(usize::try_from(left).unwrap()).for_each(|rank| expected[*rank] += 1);
        assert_eq!(case.divided(), expected, "{case:?}");
    });
}

/// The price decides nothing: shares follow from weights and quantity alone.
#[test]
fn the_price_changes_nothing() {
    holds(|case| {
        assert_eq!(Case { price: 1, ..case.clone() }.divided(), case.divided(), "{case:?}");
    });
}
