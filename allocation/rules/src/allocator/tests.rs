//! The closed form against the obvious algorithm: one step at a time to the account that wants
//! most.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::{Allocator, Divisor};

/// The oracle: a heap of wants; each step goes to the largest, among equals to the lowest rank.
fn share_by_share(wants: &[i128], step: i128, quantity: u64, caps: &[u64]) -> Vec<u64> {
    let mut shares = vec![0; wants.len()];
    let mut heap: BinaryHeap<_> =
        wants.iter().enumerate().map(|(rank, want)| (*want, Reverse(rank))).collect();
    let mut left = quantity;
    while 0 < left {
        let (want, Reverse(rank)) = heap.pop().expect("caps allow the quantity");
        if shares[rank] == caps[rank] {
            continue;
        }
        shares[rank] += 1;
        left -= 1;
        heap.push((want - step, Reverse(rank)));
    }
    shares
}

fn divide(wants: &[i128], step: i128, quantity: u64, caps: Option<&[u64]>) -> Vec<u64> {
    let mut allocator = Allocator::new(wants.len());
    let mut shares = vec![u64::MAX; wants.len()];
    match caps {
        None => allocator.divide(wants, step, quantity, &mut shares),
        Some(caps) => {
            allocator.divide_capped(wants, |rank| caps[rank], step, quantity, &mut shares);
        }
    }
    assert_eq!(shares.iter().sum::<u64>(), quantity);
    shares
}

/// Makes wants that add up to `step × quantity`, from any numbers: the first takes the difference.
fn balanced(mut wants: Vec<i128>, step: i128, quantity: u64) -> Vec<i128> {
    let sum: i128 = wants.iter().sum();
    let count = i128::try_from(wants.len()).expect("small");
    let missing = step * i128::from(quantity) - sum;
    for want in &mut wants {
        *want += missing.div_euclid(count);
    }
    wants[0] += missing.rem_euclid(count);
    wants
}

/// Wants around the step: ties, overweight accounts, large and enormous gaps all occur.
fn cases() -> impl Strategy<Value = (Vec<i128>, i128, u64)> {
    let step = prop_oneof![1..4_i128, 1..1_000_i128, 1..(1_i128 << 100)];
    let quantity = prop_oneof![1..20_u64, 1..500_u64];
    let gap = prop_oneof![Just(400), Just(400), Just(1 << 18)];
    (step, quantity, 1..30_usize, gap).prop_flat_map(|(step, quantity, accounts, gap)| {
        let want = prop_oneof![
            Just(0),
            (-3..4_i128).prop_map(move |steps| steps * step),
            (-3 * step)..(4 * step),
            (-gap * step)..(gap * step),
        ];
        prop::collection::vec(want, accounts)
            .prop_map(move |wants| (balanced(wants, step, quantity), step, quantity))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_closed_form_is_the_share_by_share_optimum((wants, step, quantity) in cases()) {
        let caps = vec![u64::MAX; wants.len()];
        let oracle = share_by_share(&wants, step, quantity, &caps);
        prop_assert_eq!(&divide(&wants, step, quantity, None), &oracle);
        prop_assert_eq!(&divide(&wants, step, quantity, Some(&caps)), &oracle);
    }

    #[test]
    fn caps_are_kept_and_the_optimum_is_still_exact(
        (wants, step, quantity) in cases(),
        caps in prop::collection::vec(
            prop_oneof![Just(0), 0..5_u64, 0..300_u64, Just(u64::MAX)],
            30,
        ),
    ) {
        let caps = &caps[..wants.len()];
        let most = caps.iter().fold(0_u64, |sum, cap| sum.saturating_add(*cap));
        prop_assume!(0 < most);
        let quantity = quantity.min(most);
        let wants = balanced(wants, step, quantity);
        let oracle = share_by_share(&wants, step, quantity, caps);
        prop_assert_eq!(divide(&wants, step, quantity, Some(caps)), oracle);
    }

    #[test]
    fn large_quantities_meet_the_condition_of_the_optimum(
        (wants, step, _) in cases(),
        quantity in 1..=(1_u64 << 40),
        bits in 0..60_u32,
    ) {
        let step = (step >> bits).clamp(1, 1 << 76);
        let wants = balanced(wants, step, quantity);
        let shares = divide(&wants, step, quantity, None);
        prop_assert_eq!(envy(&wants, step, &shares), None);
    }

    /// Rests on the edges of buckets, of wants so different that each is estimated differently.
    #[test]
    fn rests_that_no_estimate_can_tell_apart_are_told_apart(
        accounts in prop::collection::vec((0..2_i128, -9..10_i128, 0..60_000_i128), 14..60),
        edge in 0..128_i128,
        bits in 37..=90_u32,
        odd in 0..1_000_000_000_i128,
        unit in 14..38_u32,
        more in 0..5_i128,
    ) {
        let step = (1_i128 << bits) + odd;
        let unit = step >> unit;
        let mut wants: Vec<_> = accounts
            .iter()
            .map(|(bucket, low, steps)| (edge + bucket) * step / 128 + low * unit + steps * step)
            .collect();
        // The first wants whatever makes the sum a number of whole steps.
        wants[0] = 0;
        let quantity = wants.iter().sum::<i128>() / step + 1 + more;
        wants[0] = quantity * step - wants.iter().sum::<i128>();
        let shares = divide(&wants, step, u64::try_from(quantity).expect("small"), None);
        prop_assert_eq!(envy(&wants, step, &shares), None);
    }
}

/// A giver who got a share, and a taker who wants it more: together not the optimum.
fn envy(wants: &[i128], step: i128, shares: &[u64]) -> Option<(usize, usize)> {
    let left = |rank: usize| wants[rank] - step * i128::from(shares[rank]);
    let taker = (0..wants.len()).max_by_key(|rank| (left(*rank), Reverse(*rank)))?;
    let wanted = (left(taker), Reverse(taker));
    let givers = (0..wants.len()).filter(|giver| 0 < shares[*giver] && *giver != taker);
    let mut envied = givers.filter(|giver| (left(*giver) + step, Reverse(*giver)) < wanted);
    envied.next().map(|giver| (giver, taker))
}

#[test]
fn ties_go_to_the_lower_rank() {
    assert_eq!(divide(&[5, 5, 5], 15, 1, None), [1, 0, 0]);
    assert_eq!(divide(&[10, 10, 10], 15, 2, None), [1, 1, 0]);
}

#[test]
fn one_account_gets_everything() {
    assert_eq!(divide(&[7 << 40], 7, 1 << 40, None), [1 << 40]);
}

#[test]
fn wants_out_of_all_proportion_are_divided_exactly() {
    let fortune = 1_i128 << 120;
    let mut wants = vec![0; 40];
    (wants[7], wants[9], wants[30]) = (fortune, fortune - 4, 9 - 2 * fortune);
    let mut shares = vec![0; 40];
    (shares[7], shares[9]) = (5, 0);
    assert_eq!(divide(&wants, 1, 5, None), [&shares[..7], &[5], &shares[8..]].concat());
    let wants: Vec<_> = wants[..31].iter().copied().skip(7).collect();
    assert_eq!(divide(&wants, 1, 5, None)[..3], [5, 0, 0]);
    assert_eq!(divide(&wants[..], 5, 1, None)[..3], [1, 0, 0]);
}

/// Many steps are certain for some accounts, a hair more than whole, and one for another, by less
/// than a hair. Estimates that are too low leave the last step of some to be asked for by
/// candidates, who should come before that other account, and there are too few steps for all.
#[test]
fn estimates_tell_where_they_do_not_suffice() {
    for (accounts, turn) in [8, 12, 13, 40].into_iter().flat_map(|n| (0..16).map(move |t| (n, t))) {
        let step = (1_i128 << 77) / (turn + 1) + 12_345;
        let heavy = u64::try_from(accounts - 2).expect("small");
        let quantity = heavy * 4_999 + 1 + heavy / 2;
        let mut wants = vec![5_000 * step + (step >> 20); accounts - 2];
        wants.push(step + (step >> 24));
        wants.push(step * i128::from(quantity) - wants.iter().sum::<i128>());
        let oracle = share_by_share(&wants, step, quantity, &vec![u64::MAX; accounts]);

        let (mut allocator, divisor) = (Allocator::new(accounts), Divisor::new(step, quantity));
        let mut shares = vec![0; accounts];
        assert!(!allocator.divide_by_estimates(&wants, &divisor, quantity, &mut shares));
        assert_eq!(divide(&wants, step, quantity, None), oracle);
    }
}
