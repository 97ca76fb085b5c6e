//! Account: what came in and went out for a user, and what is set aside. What is free is the rest.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;

use allot_desk_rules::limits::{HOLDING_MAX, MONEY_MAX, POSITIONS_MAX, RECENT_MAX};
use allot_desk_rules::{Armed, Cents, Recent, Request, Shares, Symbol, Trade};
use allot_domain::Side;

/// A pending order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Which order of the shard.
    pub(crate) number: u64,
    pub(crate) trade: Trade,
    pub(crate) transaction: Option<NonZeroU64>,
    pub(crate) until_ns: u64,
}

/// An amount that is set.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) amount: u64,
    /// Of an armed sale.
    pub(crate) shares: u64,
    pub(crate) armed: Option<Armed>,
}

/// A command that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// Which of the shard.
    pub(crate) number: u64,
    pub(crate) request: Request,
    pub(crate) until_ns: u64,
}

/// Which amount: a sale's or a purchase's, of which stock; purchases come first.
pub(crate) type SetKey = (bool, Symbol);

#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Added, and brought by sales.
    pub(crate) earned: u128,
    /// Paid for purchases.
    pub(crate) spent: u128,
    /// Bought less sold; at least one.
    pub(crate) owned: BTreeMap<Symbol, u64>,
    /// The oldest first.
    pub(crate) orders: Vec<Order>,
    pub(crate) sets: BTreeMap<SetKey, Set>,
    /// The oldest first.
    pub(crate) waiting: VecDeque<Waiting>,
    /// The oldest first.
    pub(crate) recent: VecDeque<Recent>,
}

pub(crate) fn cost(trade: &Trade) -> u128 {
    u128::from(trade.price.get()) * u128::from(trade.shares.get())
}

/// An amount that is within 64 bits.
pub(crate) fn cents(amount: u128) -> Cents {
    Cents::new(u64::try_from(amount).expect("money is within its limit"))
}

impl Account {
    pub(crate) fn orders_of(&self, side: Side) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |order| order.trade.side == side)
    }

    pub(crate) fn held(&self) -> u128 {
        self.orders_of(Side::Buy).map(|order| cost(&order.trade)).sum()
    }

    pub(crate) fn reserved(&self) -> u128 {
        let buys = self.sets.iter().filter(|((is_sale, _), _)| !is_sale);
        buys.map(|(_, set)| u128::from(set.amount)).sum()
    }

    /// What is there in all.
    pub(crate) fn money(&self) -> u128 {
        self.earned.checked_sub(self.spent).expect("nobody spends what never came in")
    }

    /// What is free.
    pub(crate) fn cash(&self) -> u128 {
        let free = self.money().checked_sub(self.held() + self.reserved());
        free.expect("no more is set aside than is there")
    }

    pub(crate) fn can_earn(&self, amount: u128) -> bool {
        self.money() + amount <= u128::from(MONEY_MAX)
    }

    pub(crate) fn shares(&self, symbol: Symbol) -> u64 {
        self.owned.get(&symbol).copied().unwrap_or_default()
    }

    /// The shares of a stock that are set aside.
    pub(crate) fn aside(&self, symbol: Symbol) -> u64 {
        let sells = self.orders_of(Side::Sell).map(|order| order.trade);
        let sells = sells.filter(|trade| trade.symbol == symbol).map(|trade| trade.shares.get());
        sells.sum::<u64>() + self.set_shares(symbol)
    }

    /// The shares that the trigger of a sale has reserved.
    pub(crate) fn set_shares(&self, symbol: Symbol) -> u64 {
        self.sets.get(&(true, symbol)).map_or(0, |set| set.shares)
    }

    /// The shares of a stock that are free.
    pub(crate) fn free(&self, symbol: Symbol) -> u64 {
        let free = self.shares(symbol).checked_sub(self.aside(symbol));
        free.expect("no more is set aside than is there")
    }

    pub(crate) fn can_own(&self, symbol: Symbol, shares: u64) -> bool {
        u128::from(self.shares(symbol)) + u128::from(shares) <= u128::from(HOLDING_MAX)
    }

    pub(crate) fn gain(&mut self, symbol: Symbol, shares: u64) {
        if 0 < shares {
            *self.owned.entry(symbol).or_default() += shares;
        }
    }

    pub(crate) fn lose(&mut self, symbol: Symbol, shares: u64) {
        let left = self.shares(symbol).checked_sub(shares).expect("what is sold is there");
        if left == 0 {
            self.owned.remove(&symbol);
        } else {
            self.owned.insert(symbol, left);
        }
    }

    /// Whether there are as many stocks, purchases and amounts as there may be.
    pub(crate) fn is_full_of_buys(&self) -> bool {
        let orders = self.orders_of(Side::Buy).count();
        POSITIONS_MAX <= self.owned.len() + orders + self.sets.len()
    }

    /// Whether there are as many sales and amounts as there may be.
    pub(crate) fn is_full_of_sales(&self) -> bool {
        POSITIONS_MAX <= self.orders_of(Side::Sell).count() + self.sets.len()
    }

    pub(crate) fn note(&mut self, recent: Recent) {
        self.recent.push_back(recent);
        if RECENT_MAX < self.recent.len() {
            self.recent.pop_front();
        }
    }

    /// The stock whose quote the oldest waiting command needs.
    pub(crate) fn awaited(&self) -> Option<Symbol> {
        self.waiting.front().and_then(|waiting| waiting.request.command.symbol())
    }

    /// The shares of each stock: free, and set aside.
    pub(crate) fn holdings(&self) -> Vec<allot_desk_rules::Holding> {
        let holding = |symbol: &Symbol| allot_desk_rules::Holding {
            symbol: *symbol,
            free: Shares::new(self.free(*symbol)),
            reserved: Shares::new(self.aside(*symbol)),
        };
        self.owned.keys().map(holding).collect()
    }
}
