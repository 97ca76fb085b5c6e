//! Comparison: what a shard gives and is, against what it should.

use std::fmt::Debug;

use allot_desk_rules::{AccountView, Accounts, Outcomes, User};
use allot_domain::Side;

use crate::account::{Account, SetKey, cents};
use crate::mismatch::Mismatch;
use crate::shard::Shard;

/// The outcomes, one by one, and the lines of their summaries.
pub(crate) fn compare_outcomes(given: &Outcomes, expected: &Outcomes) -> Result<(), Mismatch> {
    for (number, expected) in (1..).zip(&expected.list) {
        let Some(given) = given.list.get(number - 1) else {
            return Err(Mismatch::NoOutcome(Box::new(expected.clone())));
        };
        if given != expected {
            let (given, expected) = (Box::new(given.clone()), Box::new(expected.clone()));
            return Err(Mismatch::WrongOutcome { number, given, expected });
        }
    }
    if let Some(extra) = given.list.get(expected.list.len()) {
        return Err(Mismatch::ExtraOutcome(Box::new(extra.clone())));
    }
    lines("holdings", &given.holdings, &expected.holdings)?;
    lines("pending orders", &given.pending, &expected.pending)?;
    lines("triggers", &given.triggers, &expected.triggers)?;
    lines("transactions", &given.recent, &expected.recent)
}

fn lines<T: PartialEq + Debug>(
    of: &'static str,
    given: &[T],
    expected: &[T],
) -> Result<(), Mismatch> {
    if given == expected {
        return Ok(());
    }
    let (given, expected) = (format!("{given:?}"), format!("{expected:?}"));
    Err(Mismatch::WrongLines { of, given, expected })
}

/// One value of the state.
fn state<T: PartialEq + Debug>(
    of: &'static str,
    user: Option<&User>,
    given: T,
    expected: T,
) -> Result<(), Mismatch> {
    if given == expected {
        return Ok(());
    }
    let (given, expected) = (format!("{given:?}"), format!("{expected:?}"));
    Err(Mismatch::WrongState { of, user: user.copied(), given, expected })
}

/// The whole state.
pub(crate) fn compare_state(given: &Accounts, expected: &Shard) -> Result<(), Mismatch> {
    state("the time", None, given.now_ns(), expected.now_ns)?;
    state("the number of users", None, given.len(), expected.accounts.len())?;
    let (mut cash, mut held, mut reserved) = (0, 0, 0);
    let (mut earned, mut spent) = (0, 0);
    for (user, account) in &expected.accounts {
        let view = given.account(user);
        state("the account", Some(user), view.is_some(), true)?;
        if let Some(view) = view {
            compare_account(&view, user, account)?;
        }
        (cash, held) = (cash + account.cash(), held + account.held());
        reserved += account.reserved();
        (earned, spent) = (earned + account.earned, spent + account.spent);
    }
    let totals = given.totals();
    let given_totals = [totals.cash, totals.held, totals.reserved, totals.earned, totals.spent];
    state("the totals", None, given_totals, [cash, held, reserved, earned, spent])?;
    state("the pending orders", None, given.orders_len(), expected.expiries.len())?;
    compare_market(given, expected)
}

fn compare_market(given: &Accounts, expected: &Shard) -> Result<(), Mismatch> {
    let market = &expected.market;
    let wanted: Vec<_> =
        given.wanted().map(|one| (one.symbol, (one.user, one.transaction))).collect();
    let due: Vec<_> = market.wanted.iter().map(|(symbol, asked)| (*symbol, *asked)).collect();
    state("the quotes that are wanted", None, wanted, due)?;
    for symbol in market.quotes.keys() {
        let price = given.quote(*symbol).map(|(price, until_ns)| (price.get(), until_ns));
        state("a quote", None, price, market.price(*symbol, expected.now_ns))?;
    }
    for (symbol, line) in &market.lines {
        let given: Vec<_> = given.line(*symbol).copied().collect();
        state("a line", None, &given, line)?;
    }
    let users = market.lines.values().map(Vec::len).sum();
    state("who waits", None, given.waiting_counts(), (expected.patience.len(), users))
}

fn compare_account(
    view: &AccountView<'_>,
    user: &User,
    expected: &Account,
) -> Result<(), Mismatch> {
    let (user, balance) = (Some(user), view.balance());
    state("the cash", user, balance.cash, cents(expected.cash()))?;
    state("what is held", user, balance.held, cents(expected.held()))?;
    state("what is reserved", user, balance.reserved, cents(expected.reserved()))?;
    state("what came in", user, balance.earned, expected.earned)?;
    state("what was spent", user, balance.spent, expected.spent)?;
    state("the shares", user, view.holdings().to_vec(), expected.holdings())?;
    for side in [Side::Buy, Side::Sell] {
        let given = view.orders(side).map(|one| (one.trade, one.transaction, one.until_ns));
        let due = expected.orders_of(side).map(|one| (one.trade, one.transaction, one.until_ns));
        state("the orders", user, given.collect::<Vec<_>>(), due.collect())?;
    }
    let triggers: Vec<_> = view.triggers().iter().collect();
    state("the number of triggers", user, triggers.len(), expected.sets.len())?;
    for (given, (key, set)) in triggers.into_iter().zip(&expected.sets) {
        let given_key: SetKey = (given.side == Side::Sell, given.symbol);
        let value = (given.amount.get(), given.shares.get(), given.armed.as_deref());
        let due = (set.amount, set.shares, set.armed.as_ref());
        state("a trigger", user, (given_key, value), (*key, due))?;
    }
    let waiting = view.waiting();
    let due = expected.waiting.iter().map(|waiting| (&waiting.request, waiting.until_ns));
    state("the commands that wait", user, waiting.collect::<Vec<_>>(), due.collect())?;
    let recent: Vec<_> = view.recent().copied().collect();
    state("the last transactions", user, recent, expected.recent.iter().copied().collect())
}
