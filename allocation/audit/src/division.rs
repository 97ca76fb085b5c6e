//! Division: how many shares of a fill each account gets, from the definition alone.
//!
//! Each share goes to the account that then wants it most, ties to the first in byte order, and
//! lowers its want by one step; no account takes more than it may. So the shares given are the
//! `quantity` first of all the shares that accounts could take, in the order of how much each is
//! wanted:
//!
//! ```text
//!   a   want, want − step, want − 2·step …      │
//!   b   want, want − step …                     │  all of these in one row, the largest first
//!   c   want …                                  │
//! ```
//!
//! Within one account they are in order anyway. So exactly one division has this property: the last
//! share given in that row comes before the first one not given.

use allot_domain::AccountId;

use crate::mismatch::{Mismatch, Preference};

/// Shares are given out one at a time while that takes at most this many looks at an account.
const LOOKS_MAX: usize = 256;

/// What one account wants, and what it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) account: AccountId,
    /// How much it wants the first share.
    pub(crate) want: i128,
    /// The most shares it may take.
    pub(crate) most: u64,
}

/// A fill that is to be divided.
#[derive(Clone, Debug)]
pub(crate) struct Division {
    /// In byte order of the accounts.
    pub(crate) claims: Vec<Claim>,
    /// By how much each share lowers a want; more than zero.
    pub(crate) step: i128,
    /// How many shares there are; at most what all accounts may take.
    pub(crate) quantity: u64,
}

/// One share that an account could take. It comes before another if it is wanted more, or as much
/// by an account that is first in byte order.
#[derive(Clone, Copy)]
struct Turn {
    want: i128,
    account: AccountId,
}

impl Turn {
    fn is_before(&self, other: &Self) -> bool {
        other.want < self.want || self.want == other.want && self.account < other.account
    }
}

impl Division {
    /// Whether these shares, one number for each claim, are the ones that are due; they add up to
    /// the quantity.
    pub(crate) fn check(&self, given: &[u64]) -> Result<(), Mismatch> {
        let shares = usize::try_from(self.quantity).unwrap_or(usize::MAX);
        if LOOKS_MAX < shares.saturating_mul(self.claims.len()) {
            return self.check_order(given);
        }
        for ((claim, given), expected) in self.claims.iter().zip(given).zip(self.one_by_one()) {
            if *given != expected {
                let account = claim.account;
                return Err(Mismatch::WrongShare { account, given: *given, expected });
            }
        }
        Ok(())
    }

    /// The shares of each claim, given out one at a time.
    fn one_by_one(&self) -> Vec<u64> {
        let mut claims = self.claims.clone();
        for _ in 0..self.quantity {
            let mut first: Option<&mut Claim> = None;
            for claim in claims.iter_mut().filter(|claim| 0 < claim.most) {
                if first.as_ref().is_none_or(|first| first.want < claim.want) {
                    first = Some(claim);
                }
            }
            let Some(first) = first else { break };
            first.want -= self.step;
            first.most -= 1;
        }
        self.claims.iter().zip(claims).map(|(before, after)| before.most - after.most).collect()
    }

    /// Whether the last share given comes before the first one not given.
    fn check_order(&self, given: &[u64]) -> Result<(), Mismatch> {
        let turn = |claim: &Claim, shares: u64| Turn {
            want: claim.want - i128::from(shares) * self.step,
            account: claim.account,
        };
        let claims = || self.claims.iter().zip(given);
        let last = claims()
            .filter(|(_, given)| 0 < **given)
            .map(|(claim, given)| turn(claim, given - 1))
            .reduce(|last, turn| if last.is_before(&turn) { turn } else { last });
        let next = claims()
            .filter(|(claim, given)| **given < claim.most)
            .map(|(claim, given)| turn(claim, *given))
            .reduce(|next, turn| if turn.is_before(&next) { turn } else { next });
        match (last, next) {
            (Some(last), Some(next)) if !last.is_before(&next) => {
                Err(Mismatch::BetterElsewhere(Box::new(Preference {
                    account: last.account,
                    other: next.account,
                    by: next.want - last.want,
                    step: self.step,
                })))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
