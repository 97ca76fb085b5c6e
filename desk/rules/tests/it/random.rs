//! Random inputs, and what must hold after each of them.

use std::collections::BTreeMap;

use allot_desk_rules::limits::SECOND_NS;
use allot_desk_rules::{
    AccountView, Accounts, Action, Cents, Command, DeskConfig, FileName, Input, Line, Outcome,
    Outcomes, QuoteFailed, Shares, Symbol, User,
};
use allot_domain::{Machine, Marker, Side};
use proptest::prelude::*;

use crate::script::{quoted, request, symbol, transaction, user};

/// What an input is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    kind: u8,
    user: u8,
    symbol: u8,
    amount: u16,
    pause: u8,
    again: u8,
}

pub(crate) fn choices(most: usize) -> impl Strategy<Value = Vec<Choice>> {
    let choice = (0..34_u8, 0..4_u8, 0..3_u8, 0..400_u16, 0..40_u8, 0..12_u8);
    let choice = choice.prop_map(|(kind, user, symbol, amount, pause, again)| Choice {
        kind,
        user,
        symbol,
        amount,
        pause,
        again,
    });
    prop::collection::vec(choice, 1..most)
}

/// The inputs: time rises, and most messages have names of their own.
pub(crate) fn inputs(choices: &[Choice]) -> Vec<Input> {
    let (mut time_ns, mut inputs): (u64, Vec<Input>) = (SECOND_NS, Vec::new());
    for (choice, number) in choices.iter().zip(1..) {
        time_ns += pause(choice.pause);
        let before = inputs.last();
        let input = match before {
            Some(Input::Command(request)) if choice.again == 0 => {
                let mut request = request.clone();
                request.time_ns = time_ns;
                Input::Command(request)
            }
            _ => input(choice, number, time_ns),
        };
        inputs.push(input);
    }
    inputs
}

/// Most inputs follow at once, some after what lets things expire.
fn pause(pause: u8) -> u64 {
    match pause {
        0..=19 => 0,
        20..=34 => u64::from(pause) * SECOND_NS / 20,
        35..=37 => u64::from(pause - 30) * SECOND_NS,
        38 => 31 * SECOND_NS,
        _ => 61 * SECOND_NS,
    }
}

fn input(choice: &Choice, number: u64, time_ns: u64) -> Input {
    let of = symbol(["A", "B", "C"][usize::from(choice.symbol)]);
    let price = Cents::new(u64::from(choice.amount % 12 + 1) * 100);
    match choice.kind {
        0..=5 => quoted(of, price, time_ns),
        6 => Input::QuoteFailed(QuoteFailed { symbol: of, time_ns }),
        7 => Input::Marker(Marker { number, time_ns, report: false }),
        8 => request(line(None, Command::DumpLog(file())), number, time_ns),
        kind => {
            let who = user(["u", "v", "w", "x"][usize::from(choice.user)]);
            let amount = Cents::new(u64::from(choice.amount) * 25);
            request(line(Some(who), command(kind, of, amount, price)), number, time_ns)
        }
    }
}

fn line(user: Option<User>, command: Command) -> Line {
    Line { transaction: transaction(7), user, command }
}

fn file() -> FileName {
    FileName::new("file").unwrap()
}

fn command(kind: u8, of: Symbol, amount: Cents, price: Cents) -> Command {
    match kind {
        9..=11 => Command::Add(amount),
        12 => Command::Quote(of),
        13..=15 => Command::Buy(of, amount),
        16..=18 => Command::CommitBuy,
        19 => Command::CancelBuy,
        20 | 21 => Command::Sell(of, amount),
        22 => Command::CommitSell,
        23 => Command::CancelSell,
        24 | 25 => Command::SetBuyAmount(of, amount),
        26 | 27 => Command::SetBuyTrigger(of, price),
        28 => Command::CancelSetBuy(of),
        29 => Command::SetSellAmount(of, amount),
        30 => Command::SetSellTrigger(of, price),
        31 => Command::CancelSetSell(of),
        32 => Command::DumpLog(file()),
        _ => Command::DisplaySummary,
    }
}

/// What is set aside is what orders and triggers say, and the parts add up.
pub(crate) fn check_accounts(accounts: &Accounts) {
    let mut sums = [0_u128; 3];
    for account in accounts.accounts() {
        check_account(&account);
        let purse = account.purse();
        assert!(purse.is_balanced());
        for (sum, part) in sums.iter_mut().zip([purse.cash, purse.held, purse.reserved]) {
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
    assert_eq!([held, reserved], [account.purse().held.get(), account.purse().reserved.get()]);
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
        let mut accounts = Accounts::new(DeskConfig { history: 20, names: 1_000 });
        let mut cash = BTreeMap::new();
        for input in inputs(&choices) {
            let mut outcomes = Outcomes::default();
            accounts.apply_whole(&input, &mut outcomes);
            check_accounts(&accounts);
            follow_cash(&mut cash, &outcomes.list);
            for account in accounts.accounts() {
                let followed = cash.get(account.user()).copied().unwrap_or_default();
                prop_assert_eq!(followed, account.purse().cash.get());
            }
        }
    }

    #[test]
    fn every_command_is_answered_once(choices in choices(300)) {
        let mut accounts = Accounts::new(DeskConfig { history: 20, names: 1_000 });
        let mut owed = BTreeMap::new();
        for input in inputs(&choices) {
            let mut outcomes = Outcomes::default();
            accounts.apply_whole(&input, &mut outcomes);
            let told = outcomes.list.iter().filter_map(|one| one.told().map(|told| (one, told)));
            for (outcome, told) in told.filter(|(_, told)| !told.origin.duplicate) {
                let name = (told.user, told.origin.id);
                let was_owed = owed.remove(&name).is_some();
                match outcome {
                    // A name may be used for other contents while its command waits.
                    Outcome::Rejected { reject, .. } if reject.code() == "name_reused" => {
                        if was_owed {
                            owed.insert(name, ());
                        }
                    }
                    _ => prop_assert_eq!(told.late, was_owed),
                }
                if matches!(outcome, Outcome::Awaiting { .. }) {
                    prop_assert!(owed.insert(name, ()).is_none());
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
