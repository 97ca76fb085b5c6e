//! Division: who is to get how many shares of a fill, from the definition alone.
//!
//! Each share goes to whoever then wants most, ties to the first in byte order, and lowers that
//! want by one step; nobody takes more than it may. So the shares given are the `quantity` first of
//! all the shares that anyone could take, in the order of how much each is wanted:
//!
//! ```text
//!   a   want, want − step, want − 2·step …      │
//!   b   want, want − step …                     │  all of these in one row, the largest first
//!   c   want …                                  │
//! ```
//!
//! Within one account they are in order anyway. So it is enough, and it pins the answer down, that
//! the last share given in that row comes before the first one not given.

use allot_domain::AccountId;

/// Up to so many looks at an account, shares are given out one at a time.
const LOOKS_MAX: usize = 1_024;

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
    /// By how much each share lowers a want; more than nothing.
    pub(crate) step: i128,
    /// How many shares there are, no more than all may take.
    pub(crate) quantity: u64,
}

/// One share that an account could take: before another if wanted more, or as much and its account
/// stands first.
#[derive(Clone, Copy)]
struct Turn {
    want: i128,
    account: AccountId,
}

impl Turn {
    fn is_before(&self, other: &Self) -> bool {
        self.want > other.want || self.want == other.want && self.account < other.account
    }
}

impl Division {
    /// Whether these shares, one number for each claim, are the ones; they add up to the quantity.
    pub(crate) fn check(&self, given: &[u64]) -> Result<(), String> {
        let shares = usize::try_from(self.quantity).unwrap_or(usize::MAX);
        if shares.saturating_mul(self.claims.len()) > LOOKS_MAX {
            return self.check_order(given);
        }
        for ((claim, given), due) in self.claims.iter().zip(given).zip(self.one_by_one()) {
            if *given != due {
                let account = claim.account;
                return Err(format!("{account} has {given} shares; share by share it gets {due}"));
            }
        }
        Ok(())
    }

    /// The shares of each claim, given out one at a time.
    fn one_by_one(&self) -> Vec<u64> {
        let mut claims = self.claims.clone();
        for _ in 0..self.quantity {
            let mut first: Option<&mut Claim> = None;
            for claim in claims.iter_mut().filter(|claim| claim.most > 0) {
                if first.as_ref().is_none_or(|first| claim.want > first.want) {
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
    fn check_order(&self, given: &[u64]) -> Result<(), String> {
        let turn = |claim: &Claim, shares: u64| Turn {
            want: claim.want - i128::from(shares) * self.step,
            account: claim.account,
        };
        let claims = || self.claims.iter().zip(given);
        let last = claims()
            .filter(|(_, given)| **given > 0)
            .map(|(claim, given)| turn(claim, given - 1))
            .reduce(|last, turn| if last.is_before(&turn) { turn } else { last });
        let next = claims()
            .filter(|(claim, given)| **given < claim.most)
            .map(|(claim, given)| turn(claim, *given))
            .reduce(|next, turn| if turn.is_before(&next) { turn } else { next });
        match (last, next) {
            (Some(last), Some(next)) if !last.is_before(&next) => Err(format!(
                "{} has a share that {} wanted more, by {} of a step of {}",
                last.account,
                next.account,
                next.want - last.want,
                self.step
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
