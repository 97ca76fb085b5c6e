//! Commands: what each does to the account of its user, or why it cannot.

use allot_domain::Side;

use super::{Accounts, Aftermath, Stop};
use crate::account::{Account, Order, UserIndex};
use crate::chains::SlotId;
use crate::limits::ORDER_VALID_NS;
use crate::market::Price;
use crate::{
    Answer, CashShortage, Cents, Command, CommandName, Limit, Outcomes, PriceGap, Reject, Request,
    ShareShortage, Shares, Symbol, Trade,
};

impl Accounts {
    /// Does what a command says, or nothing. What does not depend on the quote is checked before
    /// one is asked for.
    pub(super) fn execute(
        &mut self,
        at: UserIndex,
        request: &Request,
        aftermath: &mut Aftermath,
        outcomes: &mut Outcomes,
    ) -> Result<Answer, Stop> {
        match request.command {
            Command::Add(amount) => self.add(at, amount),
            Command::Quote(symbol) => {
                let Price { price, until_ns } = self.price(symbol)?;
                Ok(Answer::Quoted { price, until_ns })
            }
            Command::Buy(symbol, amount) => self.buy(at, request, symbol, amount),
            Command::Sell(symbol, amount) => self.sell(at, request, symbol, amount),
            Command::CommitBuy => self.commit_buy(at),
            Command::CommitSell => self.commit_sell(at),
            Command::CancelBuy => self.cancel(at, Side::Buy),
            Command::CancelSell => self.cancel(at, Side::Sell),
            Command::SetBuyAmount(symbol, amount) => self.set_buy_amount(at, symbol, amount),
            Command::SetSellAmount(symbol, amount) => self.set_sell_amount(at, symbol, amount),
            Command::SetBuyTrigger(symbol, price) => {
                self.set_buy_trigger(at, request, symbol, price, aftermath)
            }
            Command::SetSellTrigger(symbol, price) => {
                self.set_sell_trigger(at, request, symbol, price, aftermath)
            }
            Command::CancelSetBuy(symbol) => self.cancel_set(at, Side::Buy, symbol, aftermath),
            Command::CancelSetSell(symbol) => self.cancel_set(at, Side::Sell, symbol, aftermath),
            Command::DumpLog(ref file) => {
                self.log_files.add(Some(at), file)?;
                Ok(Answer::LogDumped)
            }
            Command::DisplaySummary => Ok(Answer::Summary(self.summarize(at, outcomes))),
        }
    }

    fn add(&mut self, at: UserIndex, amount: Cents) -> Result<Answer, Stop> {
        if !self.accounts[at.index()].balance.has_room(amount) {
            return Err(Reject::ExceedsLimits(Limit::Money).into());
        }
        let cash = self.change(at, |balance| {
            balance.earn(amount);
            balance.cash
        });
        Ok(Answer::Added { cash })
    }

    /// The quote of a stock, or the wish for one; where it has just failed, there is none.
    fn price(&self, symbol: Symbol) -> Result<Price, Stop> {
        let price = self.market.price(symbol, self.now_ns);
        let has_failed =
            self.release.is_some_and(|release| release.failed && release.symbol == symbol);
        price.ok_or(if has_failed {
            Stop::Reject(Reject::NoQuote(symbol))
        } else {
            Stop::Needs(symbol)
        })
    }

    fn buy(
        &mut self,
        at: UserIndex,
        request: &Request,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let account = &self.accounts[at.index()];
        if !account.has_room_to_buy() {
            return Err(Reject::TooManyPositions.into());
        }
        check_cash(CommandName::Buy, amount, account.balance.cash)?;
        let Price { price, .. } = self.price(symbol)?;
        let shares = shares_for(CommandName::Buy, amount, price)?;
        let trade = Trade { side: Side::Buy, symbol, shares, price };
        self.change(at, |balance| balance.hold(trade.amount()));
        Ok(self.add_order(at, request, trade))
    }

    fn sell(
        &mut self,
        at: UserIndex,
        request: &Request,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let account = &self.accounts[at.index()];
        if !account.has_room_to_sell() {
            return Err(Reject::TooManyPositions.into());
        }
        let free = account.holding(symbol).free;
        check_shares(CommandName::Sell, symbol, Shares::ONE, free)?;
        let Price { price, .. } = self.price(symbol)?;
        let shares = shares_for(CommandName::Sell, amount, price)?;
        check_shares(CommandName::Sell, symbol, shares, free)?;
        self.accounts[at.index()].reserve_shares(symbol, shares);
        Ok(self.add_order(at, request, Trade { side: Side::Sell, symbol, shares, price }))
    }

    fn add_order(&mut self, at: UserIndex, request: &Request, trade: Trade) -> Answer {
        let until_ns = self.now_ns.saturating_add(ORDER_VALID_NS);
        let order = Order { user: at, trade, transaction: request.transaction, until_ns };
        self.orders.push(self.accounts[at.index()].orders(trade.side), order);
        Answer::Pending { trade, until_ns }
    }

    /// The last pending order of a side: last in, first out.
    fn last_order(&mut self, at: UserIndex, side: Side) -> Result<(SlotId, Trade), Reject> {
        let ends = *self.accounts[at.index()].orders(side);
        let found = self.orders.newest_of(&ends).map(|(id, order)| (id, order.trade));
        found.ok_or(match side {
            Side::Buy => Reject::NoPendingBuy,
            Side::Sell => Reject::NoPendingSell,
        })
    }

    /// Takes an order out, and frees what it held.
    pub(super) fn drop_order(&mut self, at: UserIndex, side: Side, id: SlotId) -> Order {
        let order = self.orders.remove(self.accounts[at.index()].orders(side), id);
        let Trade { symbol, shares, .. } = order.trade;
        match side {
            Side::Buy => self.change(at, |balance| balance.release(order.trade.amount())),
            Side::Sell => self.accounts[at.index()].free_shares(symbol, shares),
        }
        order
    }

    fn cancel(&mut self, at: UserIndex, side: Side) -> Result<Answer, Stop> {
        let (id, trade) = self.last_order(at, side)?;
        self.drop_order(at, side, id);
        Ok(Answer::Cancelled(trade))
    }

    fn commit_buy(&mut self, at: UserIndex) -> Result<Answer, Stop> {
        let (id, trade) = self.last_order(at, Side::Buy)?;
        let account = &mut self.accounts[at.index()];
        if !account.has_room_for(trade.symbol, trade.shares) {
            return Err(Reject::ExceedsLimits(Limit::Shares).into());
        }
        self.orders.remove(&mut account.buys, id);
        account.add_shares(trade.symbol, trade.shares);
        self.change(at, |balance| balance.pay_held(trade.amount()));
        Ok(Answer::Committed(trade))
    }

    fn commit_sell(&mut self, at: UserIndex) -> Result<Answer, Stop> {
        let (id, trade) = self.last_order(at, Side::Sell)?;
        let account = &mut self.accounts[at.index()];
        if !account.balance.has_room(trade.amount()) {
            return Err(Reject::ExceedsLimits(Limit::Money).into());
        }
        self.orders.remove(&mut account.sells, id);
        account.take_shares(trade.symbol, trade.shares);
        self.change(at, |balance| balance.earn(trade.amount()));
        Ok(Answer::Committed(trade))
    }
}

/// What is free is enough.
pub(super) fn check_cash(command: CommandName, needs: Cents, free: Cents) -> Result<(), Reject> {
    let is_enough = needs <= free;
    let shortage = CashShortage { command, needs, free };
    is_enough.then_some(()).ok_or(Reject::InsufficientCash(shortage))
}

/// What is free is enough.
pub(super) fn check_shares(
    command: CommandName,
    symbol: Symbol,
    needs: Shares,
    free: Shares,
) -> Result<(), Reject> {
    let is_enough = needs <= free;
    let shortage = ShareShortage { command, symbol, needs, free };
    is_enough.then_some(()).ok_or(Reject::InsufficientShares(shortage))
}

/// The whole shares that an amount is worth, at least one.
pub(super) fn shares_for(
    command: CommandName,
    amount: Cents,
    price: Cents,
) -> Result<Shares, Reject> {
    let shares = amount.shares_at(price);
    let gap = PriceGap { command, amount, price };
    (Shares::ZERO < shares).then_some(shares).ok_or(Reject::AmountBelowPrice(gap))
}

impl Account {
    /// The shares of a stock that a sale trigger could reserve: free ones, and its own.
    pub(super) fn free_for_trigger(&self, symbol: Symbol) -> Shares {
        let own = self.trigger_at(Side::Sell, symbol).map(|at| self.triggers[at].shares);
        let free = self.holding(symbol).free.checked_add(own.unwrap_or_default());
        free.expect("shares are within their limit")
    }
}
