//! Names: sources, tickers, accounts and ids from their texts, and weights from anything.

use allot_allocation_rules::{Weight, limits};
use allot_domain::{AccountId, MessageId, SourceId, Ticker};

pub(crate) fn source(name: &str) -> SourceId {
    SourceId::new(name.as_bytes()).unwrap()
}

pub(crate) fn ticker(name: &str) -> Ticker {
    Ticker::new(name.as_bytes()).unwrap()
}

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::new(name.as_bytes()).unwrap()
}

pub(crate) fn id(name: &str) -> MessageId {
    MessageId::new(name.as_bytes()).unwrap()
}

/// Weights in the proportion of these numbers, cut after nine decimals so that they miss 100 by a
/// little; none where all are zero.
pub(crate) fn weights(named: &[(&str, u64)]) -> Option<Vec<(AccountId, Weight)>> {
    let sum: u64 = named.iter().map(|(_, weight)| weight).sum();
    let percentage = |(name, weight): &(&str, u64)| {
        let nanos = i128::from(*weight) * i128::from(limits::WEIGHT_TOTAL) / i128::from(sum);
        (account(name), Weight::from_nanos(name, nanos).unwrap())
    };
    (0 < sum).then(|| named.iter().map(percentage).collect())
}
