//! What must hold after each of many random inputs.

use std::collections::{BTreeMap, BTreeSet};

use allot_desk_rules::limits::SECOND_NS;
use allot_desk_rules::{
    AccountView, Accounts, Action, DeskConfig, Input, Outcome, Outcomes, Shares, User,
};
use allot_domain::{Machine, Marker, Side};
use proptest::prelude::*;

use crate::random_inputs::{choices, inputs};

/// What is set aside is what orders and triggers say, and the parts add up.
pub(crate) fn check_accounts(accounts: &Accounts) {
    let mut sums = [0_u128; 3];
    for account in accounts.accounts() {
        check_account(&account);
        let balance = account.balance();
        assert!(balance.is_balanced());
        for (sum, part) in sums.iter_mut().zip([balance.cash, balance.held, balance.reserved]) {
            *sum += u128::from(part.get());
        }
    }
    let totals = accounts.totals();
    assert!(totals.is_balanced());
    assert_eq!(sums, [totals.cash, totals.held, totals.reserved]);
}

fn check_account(account: &AccountView<'_>) {
    let sum = |amounts: &mut dyn Iterator<Item = u64>| amounts.sum::<u64>();
    let held = sum(&mut account.orders(Side::Buy).map(|order| order.trade.amount().get()));
    let of = |side| account.triggers().iter().filter(move |one| one.side == side);
    let reserved = sum(&mut of(Side::Buy).map(|trigger| trigger.amount.get()));
    assert_eq!([held, reserved], [account.balance().held.get(), account.balance().reserved.get()]);
    for holding in account.holdings() {
        let sells = account.orders(Side::Sell).map(|order| order.trade);
        let sells = sells.filter(|trade| trade.symbol == holding.symbol);
        let sells = sum(&mut sells.map(|trade| trade.shares.get()));
        let triggers = of(Side::Sell).filter(|trigger| trigger.symbol == holding.symbol);
        let triggers = sum(&mut triggers.map(|trigger| trigger.shares.get()));
        assert_eq!(holding.reserved, Shares::new(sells + triggers));
    }
}

/// Follows the free cash of every user by what outcomes say of it.
pub(crate) fn follow_cash(cash: &mut BTreeMap<User, u64>, outcomes: &[Outcome]) {
    for change in outcomes.iter().flat_map(Outcome::cash_changes).flatten() {
        let free = cash.entry(change.user).or_default();
        let amount = change.amount.get();
        assert!(0 < amount, "a change is of something");
        *free = match change.action {
            Action::Add => *free + amount,
            Action::Remove => free.checked_sub(amount).expect("no cash is negative"),
        };
    }
}

proptest! {
    #[test]
    fn every_cent_and_every_share_is_accounted_for(choices in choices(300)) {
        let mut accounts = Accounts::new(DeskConfig { history: 20, names: 1_000, keeps_log: true });
        let mut cash = BTreeMap::new();
        for input in inputs(&choices) {
            let mut outcomes = Outcomes::default();
            accounts.apply_whole(&input, &mut outcomes);
            check_accounts(&accounts);
            follow_cash(&mut cash, &outcomes.list);
            for account in accounts.accounts() {
                let followed = cash.get(account.user()).copied().unwrap_or_default();
                prop_assert_eq!(followed, account.balance().cash.get());
            }
        }
    }

    #[test]
    fn every_command_is_answered_once(choices in choices(300)) {
        let mut accounts = Accounts::new(DeskConfig { history: 20, names: 1_000, keeps_log: true });
        let mut owed = BTreeSet::new();
        for input in inputs(&choices) {
            let mut outcomes = Outcomes::default();
            accounts.apply_whole(&input, &mut outcomes);
            let told = outcomes.list.iter().filter_map(|one| one.told().map(|told| (one, told)));
            for (outcome, told) in told.filter(|(_, told)| !told.origin.duplicate) {
                let name = (told.user, told.origin.id);
                // Something else under the name of a command that waits is refused, and settles
                // nothing.
                match outcome {
                    Outcome::Rejected { .. } if !told.late => continue,
                    _ if told.late => prop_assert!(owed.remove(&name), "it was owed"),
                    _ => prop_assert!(!owed.contains(&name), "a name is applied once"),
                }
                if matches!(outcome, Outcome::Awaiting { .. }) {
                    owed.insert(name);
                }
            }
            prop_assert_eq!(owed.len(), accounts.waiting_counts().0);
        }
        // A command may wait 30 seconds for another quote, and its order is pending for 60 more.
        let last = accounts.now_ns() + 91 * SECOND_NS;
        let mut outcomes = Outcomes::default();
        let marker = Marker { number: 1, time_ns: last, report: false };
        accounts.apply_whole(&Input::Marker(marker), &mut outcomes);
        prop_assert_eq!(accounts.waiting_counts(), (0, 0), "nobody waits for ever");
        prop_assert_eq!(accounts.orders_len(), 0, "no order is pending for ever");
    }
}
