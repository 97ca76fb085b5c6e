//! Split: the share of the assets that each account is to hold, in percent.

use alloc::string::ToString;
use alloc::vec::Vec;

use allot_domain::snapshot::put_name;
use allot_domain::{AccountId, Content, Reject as Core, Seq, SourceId, decimal};

use crate::{Reject, limits};

/// A percentage in 1e-9 of a percent: zero or more, at most [`limits::WEIGHT_TOTAL`] and a little.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(transparent)]
pub struct Weight(u64);

impl Weight {
    /// A weight of `account` from decimal text of a percentage, such as `33.3`.
    ///
    /// # Errors
    /// [`Reject::WeightMalformed`], [`Reject::WeightMustNotBeNegative`],
    /// [`Reject::WeightsMustAddTo100`] where it alone is more than the whole.
    pub fn parse(account: &str, text: &str) -> Result<Self, Reject> {
        let nanos = decimal::parse_nanos(text).map_err(|why| Reject::weight(account, text, why))?;
        Self::from_nanos(account, nanos)
    }

    /// A weight of `account` from its count of 1e-9 of a percent.
    ///
    /// # Errors
    /// [`Reject::WeightMustNotBeNegative`] and [`Reject::WeightsMustAddTo100`].
    pub fn from_nanos(account: &str, nanos: i128) -> Result<Self, Reject> {
        if nanos < 0 {
            return Err(Reject::WeightMustNotBeNegative(Core::quote(account)));
        }
        match u64::try_from(nanos) {
            Ok(weight) if weight <= limits::WEIGHT_TOTAL + limits::WEIGHT_TOLERANCE => {
                Ok(Self(weight))
            }
            _ => Err(Reject::WeightsMustAddTo100(nanos)),
        }
    }

    /// A weight that has been checked before.
    pub(crate) const fn known(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The count of 1e-9 of a percent.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }
}

/// The share of the assets that each account is to hold from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// Who sent it.
    pub source: SourceId,
    /// The source's number of it, from 1; it names the split, for ever.
    pub seq: Seq,
    /// When the router took it: nanoseconds of Unix time.
    pub time_ns: u64,
    weights: Vec<(AccountId, Weight)>,
    /// In byte order.
    closes: Vec<AccountId>,
}

impl Split {
    /// A split whose weights add up to 100 within 0.01; sorts the accounts by their bytes.
    ///
    /// # Errors
    /// In this order: [`Reject::EmptySplit`], [`Reject::TooManyAccounts`],
    /// [`Reject::DuplicateAccount`], [`Reject::WeightsMustAddTo100`].
    pub fn new(
        source: SourceId,
        seq: Seq,
        mut weights: Vec<(AccountId, Weight)>,
    ) -> Result<Self, Reject> {
        if weights.is_empty() {
            return Err(Reject::EmptySplit);
        }
        if limits::ACCOUNTS_MAX < weights.len() {
            return Err(Reject::TooManyAccounts(weights.len()));
        }
        weights.sort_unstable_by_key(|(account, _)| *account);
        if let Some(pair) = weights.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Reject::DuplicateAccount(Core::quote(&pair[0].0.to_string())));
        }
        let sum: u64 = weights.iter().map(|(_, weight)| weight.0).sum();
        if limits::WEIGHT_TOLERANCE < sum.abs_diff(limits::WEIGHT_TOTAL) {
            return Err(Reject::WeightsMustAddTo100(sum.into()));
        }
        Ok(Self { source, seq, time_ns: 0, weights, closes: Vec::new() })
    }

    /// The same split, which may close these accounts although they hold shares; sorts them by
    /// their bytes.
    ///
    /// # Errors
    /// [`Reject::TooManyAccounts`]; [`Reject::DuplicateAccount`]: one of them is listed twice, or
    /// has a weight.
    pub fn closing(mut self, mut closes: Vec<AccountId>) -> Result<Self, Reject> {
        let count = self.weights.len() + closes.len();
        if limits::ACCOUNTS_MAX < count {
            return Err(Reject::TooManyAccounts(count));
        }
        closes.sort_unstable();
        if let Some(pair) = closes.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Reject::DuplicateAccount(Core::quote(pair[0].as_str())));
        }
        if let Some(account) = closes.iter().find(|account| self.names(account)) {
            return Err(Reject::DuplicateAccount(Core::quote(account.as_str())));
        }
        self.closes = closes;
        Ok(self)
    }

    /// The same split, taken by the router at this time.
    #[must_use]
    pub const fn at(mut self, time_ns: u64) -> Self {
        self.time_ns = time_ns;
        self
    }

    /// What it says, apart from its name.
    pub(crate) fn content(&self) -> Content {
        let mut bytes = Vec::with_capacity(self.weights.len() * (limits::ID_LEN_MAX + 1 + 8));
        for (account, weight) in &self.weights {
            put_name(&mut bytes, account.as_bytes());
            bytes.extend_from_slice(&weight.0.to_le_bytes());
        }
        if !self.closes.is_empty() {
            // No account has an empty name: the list cannot be mistaken for more weights.
            put_name(&mut bytes, b"");
            self.closes.iter().for_each(|account| put_name(&mut bytes, account.as_bytes()));
        }
        Content::of(&bytes)
    }

    /// The accounts in byte order of their ids, each with its weight.
    #[must_use]
    pub fn weights(&self) -> &[(AccountId, Weight)] {
        &self.weights
    }

    /// The accounts that it may close although they hold shares, in byte order.
    #[must_use]
    pub fn closes(&self) -> &[AccountId] {
        &self.closes
    }

    /// Whether it gives an account a weight, zero included.
    #[must_use]
    pub fn names(&self, account: &AccountId) -> bool {
        self.weights.binary_search_by_key(account, |(named, _)| *named).is_ok()
    }

    /// Whether it would close an account that is open now, and does not say so.
    #[must_use]
    pub fn omits(&self, account: &AccountId) -> bool {
        !self.names(account) && self.closes.binary_search(account).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(weights: &[(&str, &str)]) -> Result<Split, Reject> {
        let source = SourceId::new(b"aum").expect("a source");
        let weights = weights
            .iter()
            .map(|(account, weight)| {
                Ok((AccountId::new(account.as_bytes())?, Weight::parse(account, weight)?))
            })
            .collect::<Result<_, Reject>>()?;
        Split::new(source, Seq::new(1), weights)
    }

    #[test]
    fn a_split_adds_up_to_100_within_a_hundredth() {
        assert!(split(&[("a", "100")]).is_ok());
        assert!(split(&[("a", "33.33"), ("b", "33.33"), ("c", "33.33")]).is_ok());
        assert!(split(&[("a", "50"), ("b", "50.01")]).is_ok());
        let codes = [
            (&[][..], "empty_split"),
            (&[("a", "99.98")], "weights_must_add_to_100"),
            (&[("a", "50"), ("b", "50.010000001")], "weights_must_add_to_100"),
            (&[("a", "50"), ("a", "50")], "duplicate_account"),
            (&[("a", "-1"), ("b", "101")], "weight_must_not_be_negative"),
            (&[("a", "1e2")], "weight_malformed"),
            (&[("a", "1000000000000")], "weights_must_add_to_100"),
            (&[("a:b", "100")], "bad_account"),
        ];
        for (weights, code) in codes {
            assert_eq!(split(weights).map_err(|reject| reject.code()), Err(code), "{weights:?}");
        }
    }

    #[test]
    fn accounts_stand_in_byte_order() {
        let split = split(&[("b", "50"), ("B", "25"), ("a", "25")]).expect("a good split");
        let accounts: Vec<_> =
            split.weights().iter().map(|(account, _)| account.to_string()).collect();
        assert_eq!(accounts, ["B", "a", "b"]);
    }

    #[test]
    fn an_account_is_weighed_or_closed_and_not_both() {
        let closing = |closes: &[&str]| {
            let closes = closes.iter().map(|id| AccountId::new(id.as_bytes()).unwrap()).collect();
            split(&[("a", "100"), ("b", "0")])?.closing(closes)
        };
        let closes = closing(&["d", "c"]).unwrap();
        assert_eq!(closes.closes().iter().map(AccountId::as_str).collect::<Vec<_>>(), ["c", "d"]);
        for (closes, name) in [(&["c", "c"][..], "\"c\""), (&["b"], "\"b\"")] {
            let reject = closing(closes).unwrap_err();
            assert_eq!(reject.code(), "duplicate_account");
            assert!(reject.to_string().contains(name), "{reject}");
        }
    }

    #[test]
    fn what_it_closes_is_part_of_what_a_split_says() {
        let closing = |closes: &[&str]| {
            let closes = closes.iter().map(|id| AccountId::new(id.as_bytes()).unwrap()).collect();
            split(&[("a", "100")]).unwrap().closing(closes).unwrap().content()
        };
        assert_eq!(closing(&["b", "c"]), closing(&["c", "b"]));
        assert_ne!(closing(&["b"]), closing(&["c"]));
        assert_ne!(closing(&["b"]), closing(&[]));
        assert_eq!(closing(&[]), split(&[("a", "100")]).unwrap().content());
    }
}
