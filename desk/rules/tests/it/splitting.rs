//! Splitting: what becomes of a user does not depend on how many shards there are.

use std::collections::BTreeMap;

use allot_desk_rules::{
    AccountView, Accounts, DeskConfig, Input, Order, Outcome, Outcomes, Recent, Request, Symbol,
    User,
};
use allot_domain::{Machine, Marker, Side};
use proptest::prelude::*;

use crate::random_inputs::{choices, inputs};

const CONFIG: DeskConfig = DeskConfig { history: 1_000, names: 1_000, keeps_log: true };

/// What came of a user's commands and orders, without what tells of other users.
fn by_user(outcomes: &[Outcome], of: &mut BTreeMap<User, Vec<Outcome>>) {
    for outcome in outcomes {
        let user = match outcome {
            Outcome::Answered { told, .. }
            | Outcome::Awaiting { told, .. }
            | Outcome::Rejected { told, .. } => told.user,
            Outcome::Expired { user, .. } | Outcome::Disarmed { user, .. } => Some(*user),
            Outcome::Fired(firing) => Some(firing.user),
            Outcome::Wanted(_) | Outcome::Due(_) => None,
        };
        if let Some(user) = user {
            of.entry(user).or_default().push(strip(outcome));
        }
    }
}

/// A summary's lines are compared as accounts are.
fn strip(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Answered { told, answer: allot_desk_rules::Answer::Summary(_) } => {
            let answer = allot_desk_rules::Answer::Summary(allot_desk_rules::Summary::default());
            Outcome::Answered { told: told.clone(), answer }
        }
        outcome => outcome.clone(),
    }
}

/// An account without the numbers of a shard.
type Seen<'a> =
    (Vec<(Symbol, u64, Option<u64>)>, Vec<String>, Vec<Recent>, Vec<(&'a Request, u64)>);

fn seen<'a>(account: &AccountView<'a>) -> Seen<'a> {
    let triggers = account.triggers().iter().map(|trigger| {
        let price = trigger.armed.as_ref().map(|armed| armed.price.get());
        (trigger.symbol, trigger.amount.get(), price)
    });
    let order = |order: &Order| format!("{:?} {}", order.trade, order.until_ns);
    let orders = account.orders(Side::Buy).chain(account.orders(Side::Sell)).map(order);
    let others = [format!("{:?}", account.balance()), format!("{:?}", account.holdings())];
    let recent = account.recent().copied().collect();
    (triggers.collect(), orders.chain(others).collect(), recent, account.waiting().collect())
}

proptest! {
    #[test]
    fn several_shards_are_to_each_user_as_one(choices in choices(200), shards in 2..5_usize) {
        let mut one = Accounts::new(CONFIG);
        let mut many = vec![Accounts::new(CONFIG); shards];
        let (mut by_one, mut by_many) = (BTreeMap::new(), BTreeMap::new());
        let mut inputs = inputs(&choices);
        let time_ns = inputs.last().map_or(0, Input::time_ns);
        inputs.push(Input::Marker(Marker { number: 1, time_ns, report: false }));
        for input in &inputs {
            let mut outcomes = Outcomes::default();
            one.apply_whole(input, &mut outcomes);
            by_user(&outcomes.list, &mut by_one);
            for (number, shard) in many.iter_mut().enumerate() {
                let is_its = match input {
                    Input::Command(request) => {
                        request.user.key().shard(shards).index() == number
                    }
                    _ => true,
                };
                if is_its {
                    let mut outcomes = Outcomes::default();
                    shard.apply_whole(input, &mut outcomes);
                    by_user(&outcomes.list, &mut by_many);
                }
            }
        }
        prop_assert_eq!(by_one, by_many);
        prop_assert_eq!(one.len(), many.iter().map(Accounts::len).sum::<usize>());
        for account in one.accounts() {
            let shard = &many[account.user().key().shard(shards).index()];
            let other = shard.account(account.user()).expect("it is on its shard");
            prop_assert_eq!(seen(&account), seen(&other));
        }
    }
}
