//! Summary: the account of a user, written out.

use allot_domain::Side;

use super::Accounts;
use crate::account::UserIndex;
use crate::{Outcomes, Pending, Span, Summary, TriggerLine};

impl Accounts {
    /// Appends the lines of a summary. It counts as so many steps: a slice has few of them.
    pub(super) fn summarize(&mut self, at: UserIndex, outcomes: &mut Outcomes) -> Summary {
        let account = &mut self.accounts[at.index()];
        let (buys, sells) = (*account.orders(Side::Buy), *account.orders(Side::Sell));
        let account = &self.accounts[at.index()];
        let from = (
            outcomes.holdings.len(),
            outcomes.pending.len(),
            outcomes.triggers.len(),
            outcomes.recent.len(),
        );
        outcomes.holdings.extend_from_slice(&account.holdings);
        for order in self.orders.iter_of(&buys).chain(self.orders.iter_of(&sells)) {
            let left_ns = order.until_ns.saturating_sub(self.now_ns);
            outcomes.pending.push(Pending { trade: order.trade, left_ns });
        }
        outcomes.triggers.extend(account.triggers.iter().map(|trigger| TriggerLine {
            side: trigger.side,
            symbol: trigger.symbol,
            amount: trigger.amount,
            shares: trigger.shares,
            trigger: trigger.armed.as_ref().map(|armed| armed.price),
        }));
        outcomes.recent.extend(account.recent().copied());
        let summary = Summary {
            cash: account.balance.cash,
            held: account.balance.held,
            reserved: account.balance.reserved,
            holdings: Span::new(from.0, outcomes.holdings.len()),
            pending: Span::new(from.1, outcomes.pending.len()),
            triggers: Span::new(from.2, outcomes.triggers.len()),
            recent: Span::new(from.3, outcomes.recent.len()),
        };
        let lines = account.holdings.len() + buys.len() + sells.len() + account.triggers.len();
        self.steps_left = self.steps_left.saturating_sub(lines);
        summary
    }
}
