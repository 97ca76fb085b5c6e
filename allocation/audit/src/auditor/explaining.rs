//! Why a fill is divided as it is.

use allot_allocation_rules::{Fill, Weight};
use allot_domain::{AccountId, Money};

use super::{Auditor, sign};
use crate::division::Claim;
use crate::explanation::{AccountExplanation, Explanation};
use crate::outcome_reader::DueDivision;

impl Auditor {
    /// Explains a division that was checked and is not applied yet.
    pub(super) fn explain(
        &self,
        due: &DueDivision<'_>,
        shares: &[(AccountId, u64)],
    ) -> Explanation {
        let fill = due.fill;
        let division = self.division(fill);
        let weight_total: i128 = self.accounts.open().map(|(.., own)| i128::from(own)).sum();
        // A want counts the total value, and the ticker alone as often as the blend says.
        let scale = weight_total * i128::from(self.config.blend.mix() + self.config.blend.total());
        let money = |want: i128| Money::from_nanos(want / scale);
        let given_to = |claim: &Claim| {
            shares.iter().find(|(id, _)| *id == claim.account).map_or(0, |(_, shares)| *shares)
        };
        let want_after =
            |claim: &Claim, shares: u64| claim.want - i128::from(shares) * division.step;
        let claims = division.claims.iter();
        let given: Vec<_> = claims.map(|claim| (claim, given_to(claim))).collect();
        let last = given.iter().filter(|(_, shares)| 0 < *shares);
        // The first of those that want as much comes first: the last is last.
        let last = last.min_by_key(|(claim, shares)| {
            (want_after(claim, shares - 1), std::cmp::Reverse(claim.account))
        });
        let next = given.iter().filter(|(claim, shares)| *shares < claim.most);
        let next = next.max_by_key(|(claim, shares)| {
            (want_after(claim, *shares), std::cmp::Reverse(claim.account))
        });
        let accounts = given.iter().map(|(claim, shares)| {
            let has_more = *shares < claim.most;
            let account = self.account_explanation(fill, claim.account, *shares);
            AccountExplanation {
                want_of_last: (0 < *shares).then(|| money(want_after(claim, shares - 1))),
                want_of_next: has_more.then(|| money(want_after(claim, *shares))),
                ..account
            }
        });
        Explanation {
            fill: *fill,
            split: due.split,
            key: self.splits.in_force().expect("a fill is divided by a split"),
            is_late: due.is_late,
            accounts: accounts.collect(),
            last: last.map(|(claim, _)| claim.account),
            next: next.map(|(claim, _)| claim.account),
        }
    }

    /// What is due to an account before and after the fill, the wants left out.
    fn account_explanation(&self, fill: &Fill, id: AccountId, shares: u64) -> AccountExplanation {
        let weight_total: i128 = self.accounts.open().map(|(.., own)| i128::from(own)).sum();
        let total: i128 =
            self.accounts.open().map(|(_, account, _)| account.value_with_nettings()).sum();
        let account = &self.accounts.by_id[&id];
        let own = i128::from(account.weight.expect("it is of the split"));
        let value = account.value_with_nettings();
        let price = sign(fill.side) * i128::from(fill.price.nanos());
        let missed = |total: i128, value: i128| {
            Money::from_nanos((own * total - weight_total * value) / weight_total)
        };
        let (total_after, value_after) =
            (total + price * i128::from(fill.quantity.get()), value + price * i128::from(shares));
        let row = self.positions.by_ticker.get(&fill.ticker);
        AccountExplanation {
            account: id,
            weight: Weight::from_nanos(id.as_str(), own).expect("it is of the split"),
            held: row.map_or(0, |row| row.of(&id).quantity),
            value: Money::from_nanos(value),
            missed_before: missed(total, value),
            shares,
            misses_after: missed(total_after, value_after),
            want_of_last: None,
            want_of_next: None,
        }
    }
}
