//! Weights: the accounts of a split as they were sent, judged in the order of precedence.

use allot_allocation_rules::{Reject, Weight, limits};
use allot_domain::{AccountId, Reject as Core};

/// Bytes that a message has besides its accounts, generously.
const REST_LEN_MAX: usize = 1_024;
// The largest split fits, as JSON (`"id":"100.000000000",`) and as a record (two integers).
const _: () =
    assert!(limits::ACCOUNTS_MAX * (limits::ID_LEN_MAX + 19) + REST_LEN_MAX < limits::MESSAGE_MAX);

/// The accounts of a split with their weights, and those that it closes.
type Accounts = (Vec<(AccountId, Weight)>, Vec<AccountId>);

/// The weights of a split, of its accounts and what `nanos` says of each, in 1e-9 of a percent; and
/// the accounts that it closes.
///
/// # Errors
/// The first that applies to any account; an account is judged before any weight is.
pub(crate) fn read<A: AsRef<str>, C: AsRef<str>, W>(
    weights: &[(A, W)],
    closes: &[C],
    nanos: impl Fn(&str, &W) -> Result<i128, Reject>,
) -> Result<Accounts, Reject> {
    if weights.is_empty() {
        return Err(Reject::EmptySplit);
    }
    let count = weights.len() + closes.len();
    if limits::ACCOUNTS_MAX < count {
        return Err(Reject::TooManyAccounts(count));
    }
    let weighed = weights.iter().map(|(account, _)| account.as_ref());
    let accounts = weighed
        .chain(closes.iter().map(AsRef::as_ref))
        .map(|account| AccountId::new(account.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    refuse_twins(&accounts)?;
    let nanos = weights
        .iter()
        .map(|(account, weight)| nanos(account.as_ref(), weight))
        .collect::<Result<Vec<_>, _>>()?;
    let named = || accounts.iter().zip(&nanos);
    for (account, negative) in named().filter(|(_, nanos)| **nanos < 0) {
        Weight::from_nanos(account.as_str(), *negative)?;
    }
    let weights = named()
        .map(|(account, nanos)| Ok((*account, Weight::from_nanos(account.as_str(), *nanos)?)))
        .collect::<Result<_, Reject>>()?;
    Ok((weights, accounts[nanos.len()..].to_vec()))
}

fn refuse_twins(accounts: &[AccountId]) -> Result<(), Reject> {
    let mut sorted: Vec<_> = accounts.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Reject::DuplicateAccount(Core::quote(pair[0].as_str()))),
        None => Ok(()),
    }
}
