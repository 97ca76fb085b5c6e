//! Netting: moves value between the residuals of shards, so that each misses what its fills can
//! mend.
//!
//! Every shard owns a disjoint part of each account's value, and with it of what the account
//! misses. Left alone, those parts lie where the old fills came, not where new ones arrive. A
//! netting hands shard *s* the fraction φ_s of every account's value, φ_s being its fraction of
//! the recent turnover (a marker lets a quarter of what came before fade):
//!
//! ```text
//!   transfer_i^s = φ_s · Σ_s V_i^s − V_i^s        in 1e-9 of the currency
//! ```
//!
//! The residual `D_i = W_i·T − W·V_i` is linear in the values, so each shard then has φ_s of every
//! residual too, under this split **and under the next**: a new split finds the parts where the
//! fills are. The formula has no weight, and so a netting on its way stays right when the split
//! changes, provided that the accounts are the same. The transfers of an account add up to
//! zero over the shards, exactly: the last shard takes the remainders of the divisions.
//!
//! What a netting moved is remembered beside the values, so that the shards can be put right where
//! a crash kept one from some of them: then what came by nettings does not add up to nothing, and
//! the next one moves that too. So Σ_s V_i^s is the value of the fills alone.
//!
//! Nothing moves while all residuals are within a **dead-band** of four of the highest prices of
//! their part: what is left then is the rounding of single fills. Chasing it gains nothing, and
//! under a constant split it would send a netting after every marker; so it sends none. Once one
//! residual is beyond, **all accounts move together**: moving some alone shifts the shard's total,
//! and so what the others miss there.
//!
//! Measured with 8 shards, 20 accounts and a split that drifts (mean extra L2 error when a netting
//! takes 256 inputs; `tests/it/sharding.rs` has the conditions): moving values 67 %, moving
//! residuals alone 169 %, accounts one by one 6,994 %, no netting at all 137 %. A fading of 1/2 or
//! 1/8 in place of 1/4 makes 67 % and 78 %, a dead-band of 2 or 8 prices makes no difference.

use alloc::vec::Vec;

use allot_domain::Money;

use crate::limits::DEAD_BAND_PRICES;
use crate::{AccountRank, Part};

/// Bits of φ: rounding it moves a few parts in 2^32 to another shard, and so costs nothing.
const FLOW_BITS: u32 = 32;

/// The transfers of each shard, by shard and rank; none where all is within the dead-band.
///
/// All parts are of one marker and one split.
///
/// # Panics
/// If the parts differ in their accounts.
#[must_use]
pub fn plan(parts: &[Part]) -> Option<Vec<Vec<Money>>> {
    let accounts = parts.first()?.weights.len();
    assert!(parts.iter().all(|part| part.weights.len() == accounts
        && part.values.len() == accounts
        && part.netted.len() == accounts));
    let is_torn = is_torn(parts);
    // What is torn is put right though nobody trades: all recent turnover may have faded before it
    // was known that the netting is lost.
    let fractions = match fractions(parts) {
        None if is_torn => even_fractions(parts.len()),
        fractions => fractions?,
    };
    let is_due = is_torn || is_beyond_dead_band(parts, &fractions);
    is_due.then(|| transfers(parts, &fractions))
}

/// Whether an earlier netting reached only some of the shards.
fn is_torn(parts: &[Part]) -> bool {
    (0..parts[0].netted.len()).any(|rank| netted(parts, AccountRank::at(rank)) != 0)
}

/// What nettings have added to an account over all shards: nothing, unless one was torn.
fn netted(parts: &[Part], rank: AccountRank) -> i128 {
    parts.iter().map(|part| part.netted[rank.index()].nanos()).sum()
}

/// Each shard's fraction of the recent turnover, in 2^-32; none where nothing was traded.
fn fractions(parts: &[Part]) -> Option<Vec<i128>> {
    let flow_total: i128 = parts.iter().map(|part| part.flow.nanos()).sum();
    if flow_total == 0 {
        return None;
    }
    Some(parts.iter().map(|part| (part.flow.nanos() << FLOW_BITS) / flow_total).collect())
}

/// The same fraction for each of so many shards.
fn even_fractions(shards: usize) -> Vec<i128> {
    let count = i128::try_from(shards).expect("at most SHARDS_MAX");
    alloc::vec![(1 << FLOW_BITS) / count; shards]
}

/// Whether a shard misses far more, or less, of an account than its fraction of the whole.
fn is_beyond_dead_band(parts: &[Part], fractions: &[i128]) -> bool {
    let residuals: Vec<_> = parts.iter().map(residuals).collect();
    let price_max = parts.iter().map(|part| part.price_max).max().unwrap_or(0);
    let dead_band = DEAD_BAND_PRICES * i128::from(price_max) * weight_total(&parts[0]);
    (0..parts[0].weights.len()).any(|rank| {
        let whole: i128 = residuals.iter().map(|residuals| residuals[rank]).sum();
        let excess = |residual: i128, fraction| (residual - part_of(whole, fraction)).abs();
        let mut shards = residuals.iter().zip(fractions);
        shards.any(|(residuals, fraction)| dead_band < excess(residuals[rank], *fraction))
    })
}

/// The floor of a fraction of the whole; in two halves, for a residual times 2^32 does not fit.
fn part_of(whole: i128, fraction: i128) -> i128 {
    let low = whole & ((1 << FLOW_BITS) - 1);
    (whole >> FLOW_BITS) * fraction + ((low * fraction) >> FLOW_BITS)
}

/// What each account misses in one shard, times the sum of the weights, by rank.
fn residuals(part: &Part) -> Vec<i128> {
    let total: i128 = part.values.iter().map(|value| value.nanos()).sum();
    let weight_total = weight_total(part);
    let accounts = part.weights.iter().zip(&part.values);
    accounts
        .map(|(weight, value)| i128::from(weight.nanos()) * total - weight_total * value.nanos())
        .collect()
}

fn weight_total(part: &Part) -> i128 {
    part.weights.iter().map(|weight| i128::from(weight.nanos())).sum()
}

fn transfers(parts: &[Part], fractions: &[i128]) -> Vec<Vec<Money>> {
    let accounts = parts[0].values.len();
    let mut transfers = alloc::vec![Vec::with_capacity(accounts); parts.len()];
    for rank in 0..accounts {
        let moved = netted(parts, AccountRank::at(rank));
        let whole = parts.iter().map(|part| part.values[rank].nanos()).sum::<i128>() - moved;
        // Together they take back what is there by mistake.
        let mut given = moved;
        for (shard, part) in parts.iter().enumerate() {
            let is_last = shard + 1 == parts.len();
            let target = part_of(whole, fractions[shard]);
            let transfer = if is_last { -given } else { target - part.values[rank].nanos() };
            given += transfer;
            transfers[shard].push(Money::from_nanos(transfer));
        }
    }
    transfers
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::{SplitNumber, Weight};

    fn part(flow: i128, price_max: i64, weights: &[u64], values: &[i128]) -> Part {
        Part {
            netting: 0,
            split: None,
            split_number: SplitNumber::new(1),
            fills: 0,
            held: 0,
            turnover: Money::from_nanos(flow),
            flow: Money::from_nanos(flow),
            price_max,
            weights: weights.iter().map(|weight| Weight::known(*weight)).collect(),
            values: values.iter().map(|value| Money::from_nanos(*value)).collect(),
            values_then: alloc::vec![Money::ZERO; values.len()],
            netted: alloc::vec![Money::ZERO; values.len()],
            positions: None,
        }
    }

    /// Two accounts at 1 to 1, the highest price 10: parts as (flow, values).
    #[track_caller]
    fn check(parts: &[(i128, [i128; 2])], expected: Expect) {
        let parts: Vec<_> =
            parts.iter().map(|(flow, values)| part(*flow, 10, &[1, 1], values)).collect();
        let rows = plan(&parts).map(|transfers| {
            let row = |row: &Vec<Money>| row.iter().map(|money| money.nanos()).collect::<Vec<_>>();
            transfers.iter().map(row).collect::<Vec<_>>()
        });
        expected.assert_eq(&format!("{rows:?}"));
    }

    #[test]
    fn each_shard_gets_its_fraction_of_every_account() {
        check(&[(1, [400, 0]), (1, [0, 0])], expect!["Some([[-200, 0], [200, 0]])"]);
        check(&[(3, [0, 800]), (1, [400, 0])], expect!["Some([[300, -200], [-300, 200]])"]);
        check(&[(0, [400, 0]), (1, [0, 400])], expect!["Some([[-400, 0], [400, 0]])"]);
    }

    #[test]
    fn rounding_of_single_fills_is_not_chased() {
        // Four prices of 10 off the target, and one more.
        check(&[(1, [80, 0]), (1, [0, 80])], expect!["None"]);
        check(&[(1, [82, 0]), (1, [0, 82])], expect!["Some([[-41, 41], [41, -41]])"]);
    }

    #[test]
    fn an_even_shard_keeps_its_value_whatever_its_flow() {
        check(&[(1, [1_000, 1_000]), (9, [0, 0])], expect!["None"]);
    }

    #[test]
    fn a_netting_that_reached_only_some_shards_is_put_right() {
        // Whether anything is traded or not.
        [1, 0].into_iter().for_each(check_torn);
    }

    /// The first shard got a netting of 30 that the second did not: 30 are there by mistake.
    fn check_torn(flow: i128) {
        let mut parts = [part(flow, 10, &[1, 1], &[80, 50]), part(flow, 10, &[1, 1], &[50, 80])];
        assert_eq!(plan(&parts), None);
        parts[0].netted[0] = Money::from_nanos(30);
        let transfers = plan(&parts).unwrap();
        let sum: Money = transfers.iter().map(|row| row[0]).sum();
        assert_eq!(sum, Money::from_nanos(-30));
        for (part, row) in parts.iter_mut().zip(&transfers) {
            part.netted = part.netted.iter().zip(row).map(|(was, moved)| *was + *moved).collect();
            part.values = part.values.iter().zip(row).map(|(was, moved)| *was + *moved).collect();
        }
        assert_eq!(plan(&parts), None);
    }

    #[test]
    fn one_shard_has_no_other_to_net_with() {
        check(&[(1, [0, 1_000])], expect!["None"]);
        check(&[(0, [0, 1_000]), (0, [1_000, 0])], expect!["None"]);
    }

    /// Two to eight shards of one to eleven accounts: weights, and each shard's flow and values.
    fn firms() -> impl Strategy<Value = (Vec<u64>, Vec<(i128, Vec<i128>)>)> {
        (2..9_usize, 1..12_usize).prop_flat_map(|(shards, accounts)| {
            let value = prop_oneof![-1_000..1_000_i128, -(1_i128 << 80)..(1_i128 << 80)];
            let shard = (0..1_i128 << 70, prop::collection::vec(value, accounts));
            let weights = prop::collection::vec(0..1_u64 << 36, accounts);
            (weights, prop::collection::vec(shard, shards))
        })
    }

    proptest! {
        #[test]
        fn transfers_of_an_account_add_up_to_nothing((weights, shards) in firms()) {
            let parts: Vec<_> =
                shards.iter().map(|(flow, values)| part(*flow, 3, &weights, values)).collect();
            let Some(transfers) = plan(&parts) else { return Ok(()) };
            for rank in 0..weights.len() {
                let sum: Money = transfers.iter().map(|row| row[rank]).sum();
                prop_assert_eq!(sum, Money::ZERO);
            }
        }

        /// What a netting leaves is the rounding of fractions: a second one finds next to nothing.
        #[test]
        fn after_a_netting_every_shard_misses_its_fraction((weights, shards) in firms()) {
            let parts: Vec<_> =
                shards.iter().map(|(flow, values)| part(*flow, 3, &weights, values)).collect();
            let Some(transfers) = plan(&parts) else { return Ok(()) };
            let netted: Vec<_> = parts.iter().zip(&transfers).map(|(part, row)| {
                let values = part.values.iter().zip(row).map(|(value, moved)| *value + *moved);
                Part { values: values.collect(), ..part.clone() }
            }).collect();
            let again = transfers_of(&netted);
            for rank in 0..weights.len() {
                let whole: i128 = netted.iter().map(|part| part.values[rank].nanos().abs()).sum();
                let most = (whole >> (FLOW_BITS - 4)) + 16;
                prop_assert!(again.iter().all(|row| row[rank].nanos().abs() <= most));
            }
        }
    }

    fn transfers_of(parts: &[Part]) -> Vec<Vec<Money>> {
        transfers(parts, &fractions(parts).expect("planned with them"))
    }
}
