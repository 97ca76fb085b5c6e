//! Why a fill is divided as it is.

use allot_allocation_rules::{
    AccountIndex, AccountPart, AccountRank, Allocated, BookConfig, CellPart, Fill, Input, Outcome,
    Outcomes, Part, RowPart, Weight,
};
use allot_domain::{AccountId, Money};

use super::{Auditor, sign};
use crate::accounts::Account;
use crate::division::Claim;
use crate::explanation::{AccountExplanation, Explanation};
use crate::history::Shares;
use crate::mismatch::Mismatch;
use crate::positions::Position;
use crate::splits::Splits;

impl Auditor {
    /// An auditor of a shard that is in this state, to explain what comes of the next input. Of
    /// names and outcomes before it knows nothing, so it checks no further input.
    ///
    /// # Panics
    /// If the part has no positions, or is not of one book.
    #[must_use]
    pub fn at(config: BookConfig, part: &Part) -> Self {
        let mut auditor = Self::new(config);
        auditor.splits = Splits::at(part.split_number, part.split);
        let positions = part.positions.as_ref().expect("the part has positions");
        for AccountPart { id, rank, value } in &positions.accounts {
            let value = value.nanos();
            let open = rank.map(AccountRank::index);
            let weight = open.map(|rank| part.weights[rank].nanos());
            let netted = open.map_or(0, |rank| part.values[rank].nanos() - value);
            auditor.accounts.by_index.push(*id);
            auditor.accounts.by_id.insert(*id, Account { weight, value, netted });
        }
        for RowPart { ticker, cells, .. } in &positions.rows {
            let row = auditor.positions.by_ticker.entry(*ticker).or_default();
            for CellPart { account, quantity, value } in cells {
                let id = positions.accounts[account.index()].id;
                let position = Position { quantity: *quantity, value: value.nanos() };
                row.by_account.insert(id, position);
            }
        }
        auditor
    }

    /// Explains the division of a fill, if it is among the outcomes of the next input: that of the
    /// fill itself, or the split until which it was held. `account` is as for [`Auditor::check`].
    ///
    /// # Errors
    /// What is wrong with that division, or with one of the same split before it.
    pub fn explain_next(
        mut self,
        input: &Input,
        fill: &Fill,
        outcomes: &Outcomes,
        account: impl Fn(AccountIndex) -> AccountId,
    ) -> Result<Option<Explanation>, Mismatch> {
        if let Input::Split(split) = input {
            let has_same_accounts = self.accounts.follow(split);
            self.splits.follow(split, has_same_accounts);
        }
        for outcome in &outcomes.list {
            let Outcome::Allocated(allocated) = outcome else { continue };
            if allocated.origin.duplicate {
                continue;
            }
            let shares = outcomes.shares[allocated.shares.clone()].iter();
            let shares: Shares =
                shares.map(|share| (account(share.account), share.quantity)).collect();
            let Allocated { origin, ticker, side, price, quantity, .. } = allocated;
            if (origin.source, *ticker, origin.id) != (fill.source, fill.ticker, fill.id) {
                self.apply_shares(*ticker, *side, price.nanos(), &shares)?;
                continue;
            }
            let (side, price, quantity) = (*side, *price, *quantity);
            let time_ns = origin.time_ns;
            let divided = Fill { seq: origin.seq, side, price, quantity, time_ns, ..*fill };
            self.check_shares(&divided, &shares)?;
            return Ok(Some(self.explain(allocated, &divided, &shares)));
        }
        Ok(None)
    }

    /// Explains a division that was checked and is not applied yet.
    fn explain(
        &self,
        allocated: &Allocated,
        fill: &Fill,
        shares: &[(AccountId, u64)],
    ) -> Explanation {
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
            split: allocated.split,
            key: self.splits.in_force().expect("a fill is divided by a split"),
            is_late: allocated.late,
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
