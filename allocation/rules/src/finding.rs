//! Finding: what one shard finds of a split before it comes into force.
//!
//! A split may close an account that holds shares only if it says so, and a shard knows its own
//! tickers alone. So each shard is asked first, and what all of them found is put together here.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use allot_domain::{AccountId, Ticker};

use crate::Reject;
use crate::limits::{HELD_SHOWN, HOLDERS_SHOWN};

/// What a shard finds of a split.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// It was applied before: whatever accounts hold now, it is decided.
    Applied,
    /// It cannot be applied.
    Refused(Reject),
    /// It would close these accounts, which hold shares and are not listed, in byte order of their
    /// ids. Where there are none, nothing is in the way.
    Omits(Vec<Omitted>),
}

/// An account that holds shares and that a split leaves out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Omitted {
    /// The account.
    pub account: AccountId,
    /// How many tickers of the shard it holds.
    pub tickers: usize,
    /// The first of them with the shares, in byte order; empty where the account is not among the
    /// first.
    pub positions: Vec<(Ticker, u64)>,
}

impl Omitted {
    /// Holders in byte order of their ids, each with all it holds; what no rejection shows is left
    /// out.
    pub(crate) fn of(holders: BTreeMap<AccountId, Vec<(Ticker, u64)>>) -> Vec<Self> {
        let omitted = holders.into_iter().enumerate().map(|(at, (account, mut positions))| {
            let tickers = positions.len();
            positions.sort_unstable();
            positions.truncate(if at < HOLDERS_SHOWN { HELD_SHOWN } else { 0 });
            Self { account, tickers, positions }
        });
        omitted.collect()
    }

    /// The rejection of a split that leaves out holders, by what each shard found: it names the
    /// first accounts and what they hold, and how many more. None where nobody is left out.
    ///
    /// The first over all shards are among the first of each shard in which they hold something.
    #[must_use]
    pub fn rejection(findings: &[Vec<Self>]) -> Option<Reject> {
        let mut holders: BTreeMap<AccountId, (usize, Vec<(Ticker, u64)>)> = BTreeMap::new();
        for omitted in findings.iter().flatten() {
            let (tickers, positions) = holders.entry(omitted.account).or_default();
            *tickers += omitted.tickers;
            positions.extend_from_slice(&omitted.positions);
        }
        let more = holders.len().saturating_sub(HOLDERS_SHOWN);
        let shown = holders.into_iter().take(HOLDERS_SHOWN);
        let shown = shown.map(|(account, (tickers, mut positions))| {
            positions.sort_unstable();
            positions.truncate(HELD_SHOWN);
            let more = tickers - positions.len();
            let held = positions.iter().map(|(ticker, shares)| format!("{shares} {ticker}"));
            format!("{account} ({}{})", held.collect::<Vec<_>>().join(", "), and_more(more))
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        (!shown.is_empty()).then(|| Reject::SplitOmitsHolder(format!("{shown}{}", and_more(more))))
    }
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// Accounts, each with the tickers and shares that it holds.
    type Holders<'a> = &'a [(&'a str, &'a [(&'a str, u64)])];

    fn omitted(holders: Holders<'_>) -> Vec<Omitted> {
        let holders = holders.iter().map(|(account, positions)| {
            let position =
                |(ticker, shares): &(&str, u64)| (Ticker::new(ticker.as_bytes()).unwrap(), *shares);
            let account = AccountId::new(account.as_bytes()).unwrap();
            (account, positions.iter().map(position).collect())
        });
        Omitted::of(holders.collect())
    }

    #[track_caller]
    fn check(findings: &[Holders<'_>], expected: &str) {
        let findings: Vec<_> = findings.iter().map(|holders| omitted(holders)).collect();
        let text = match Omitted::rejection(&findings) {
            Some(Reject::SplitOmitsHolder(holders)) => holders,
            other => format!("{other:?}"),
        };
        assert_eq!(text.to_string(), expected);
    }

    #[test]
    fn who_holds_what_is_put_together_over_all_shards() {
        check(&[&[], &[]], "None");
        check(
            &[
                &[("b", &[("MSFT", 12)])],
                &[],
                &[("a", &[("XOM", 1), ("IBM", 2)]), ("b", &[("AAPL", 930)])],
            ],
            "a (2 IBM, 1 XOM), b (930 AAPL, 12 MSFT)",
        );
        let many: &[(&str, u64)] = &[("A", 1), ("B", 2), ("C", 3), ("D", 4)];
        check(
            &[
                &[("b", many), ("c", many), ("d", many), ("e", many)],
                &[("a", &[("Z", 9)]), ("c", &[("AA", 5)]), ("e", many)],
            ],
            "a (9 Z), b (1 A, 2 B, 3 C and 1 more), c (1 A, 5 AA, 2 B and 2 more) and 2 more",
        );
    }
}
