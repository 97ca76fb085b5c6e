//! The closed form against the obvious algorithm: one step at a time to whoever wants most.

use super::Allocator;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The oracle: a heap of wants; each step goes to the largest, among equals to the lowest rank.
fn share_by_share(wants: &[i128], step: i128, quantity: u64, caps: &[u64]) -> Vec<u64> {
    let mut shares = vec![0; wants.len()];
    let mut heap: BinaryHeap<_> =
        wants.iter().enumerate().map(|(rank, want)| (*want, Reverse(rank))).collect();
    let mut left = quantity;
    while left > 0 {
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
    let mut left = wants.to_vec();
    let mut shares = vec![u64::MAX; wants.len()];
    let mut allocator = Allocator::default();
    match caps {
        None => allocator.divide(&mut left, step, quantity, &mut shares),
        Some(caps) => allocator.divide_capped(&mut left, step, quantity, caps, &mut shares),
    }
    assert_eq!(shares.iter().sum::<u64>(), quantity);
    for (rank, share) in shares.iter().enumerate() {
        assert_eq!(left[rank], wants[rank] - step * i128::from(*share));
    }
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

/// Wants around the step: ties, overweight accounts and large gaps all occur.
fn cases() -> impl Strategy<Value = (Vec<i128>, i128, u64)> {
    let step = prop_oneof![1..4_i128, 1..1_000_i128, 1..(1_i128 << 100)];
    (step, 1..2_000_u64, 1..24_usize).prop_flat_map(|(step, quantity, accounts)| {
        let want = prop_oneof![
            Just(0),
            (-3..4_i128).prop_map(move |steps| steps * step),
            (-3 * step)..(4 * step),
            (-300 * step)..(400 * step),
        ];
        prop::collection::vec(want, accounts)
            .prop_map(move |wants| (balanced(wants, step, quantity), step, quantity))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

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
        caps in prop::collection::vec(prop_oneof![Just(0), 0..5_u64, 0..300_u64, Just(u64::MAX)], 24),
    ) {
        let caps = &caps[..wants.len()];
        let most = caps.iter().fold(0_u64, |sum, cap| sum.saturating_add(*cap));
        prop_assume!(most > 0);
        let quantity = quantity.min(most);
        let wants = balanced(wants, step, quantity);
        let oracle = share_by_share(&wants, step, quantity, caps);
        prop_assert_eq!(divide(&wants, step, quantity, Some(caps)), oracle);
    }

    /// Nobody who got a share may have less left than somebody else still wants, but for one step.
    #[test]
    fn large_quantities_meet_the_condition_of_the_optimum(
        (wants, step, _) in cases(),
        quantity in 1..=(1_u64 << 40),
        bits in 0..60_u32,
    ) {
        let step = (step >> bits).clamp(1, 1 << 76);
        let wants = balanced(wants, step, quantity);
        let shares = divide(&wants, step, quantity, None);
        let left = |rank: usize| wants[rank] - step * i128::from(shares[rank]);
        for giver in 0..wants.len() {
            for taker in 0..wants.len() {
                if shares[giver] > 0 && giver != taker {
                    let last = (left(giver) + step, Reverse(giver));
                    prop_assert!(last > (left(taker), Reverse(taker)), "{} before {}", giver, taker);
                }
            }
        }
    }

    /// Keys cut to 50 bits tie although the remainders differ in their last bits.
    #[test]
    fn remainders_that_differ_in_the_last_bits_are_told_apart(
        low in prop::collection::vec(0..4_i128, 2..12),
        quantity in 1..12_u64,
    ) {
        let step = 1_i128 << 100;
        let wants: Vec<_> = low.iter().map(|low| (step >> 1) + low).collect();
        let wants = balanced(wants, step, quantity);
        let caps = vec![u64::MAX; wants.len()];
        prop_assert_eq!(
            divide(&wants, step, quantity, None),
            share_by_share(&wants, step, quantity, &caps)
        );
    }
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
