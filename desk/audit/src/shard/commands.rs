//! Commands: what each must do.

use allot_desk_rules::limits::ORDER_VALID_NS;
use allot_desk_rules::{
    Answer, CashShortage, Cents, Command, CommandName, Limit, PriceGap, Reject, Request,
    ShareShortage, Shares, Symbol, Trade,
};
use allot_domain::Side;

use super::{Shard, Stop};
use crate::account::{Order, Set, cents, cost};

impl Shard {
    /// Does what a command says; a trigger that it disarms is put aside.
    pub(super) fn execute(
        &mut self,
        request: &Request,
        disarmed: &mut Option<Set>,
    ) -> Result<Answer, Stop> {
        let user = request.user;
        match request.command {
            Command::Add(amount) => {
                let account = self.account(user);
                let earned = u128::from(amount.get());
                if !account.can_earn(earned) {
                    return Err(Reject::ExceedsLimits(Limit::Money).into());
                }
                account.earned += earned;
                Ok(Answer::Added { cash: cents(account.cash()) })
            }
            Command::Quote(symbol) => {
                let (price, until_ns) = self.price(symbol)?;
                Ok(Answer::Quoted { price: Cents::new(price), until_ns })
            }
            Command::Buy(symbol, amount) => self.order(request, Side::Buy, symbol, amount),
            Command::Sell(symbol, amount) => self.order(request, Side::Sell, symbol, amount),
            Command::CommitBuy => self.commit(request, Side::Buy),
            Command::CommitSell => self.commit(request, Side::Sell),
            Command::CancelBuy => self.drop_last(request, Side::Buy).map(Answer::Cancelled),
            Command::CancelSell => self.drop_last(request, Side::Sell).map(Answer::Cancelled),
            Command::SetBuyAmount(symbol, amount) => self.set_buy(request, symbol, amount),
            Command::SetSellAmount(symbol, amount) => self.set_sale(request, symbol, amount),
            Command::SetBuyTrigger(symbol, price) => {
                self.arm(request, false, symbol, price, disarmed)
            }
            Command::SetSellTrigger(symbol, price) => {
                self.arm(request, true, symbol, price, disarmed)
            }
            Command::CancelSetBuy(symbol) => self.unset(request, false, symbol, disarmed),
            Command::CancelSetSell(symbol) => self.unset(request, true, symbol, disarmed),
            Command::DumpLog(ref file) => {
                self.name_log(Some(user), file)?;
                Ok(Answer::LogDumped)
            }
            Command::DisplaySummary => Ok(Answer::Summary(self.summary(user))),
        }
    }

    pub(super) fn price(&self, symbol: Symbol) -> Result<(u64, u64), Stop> {
        match self.market.price(symbol, self.now_ns) {
            Some(price) => Ok(price),
            None if self.failed == Some(symbol) => Err(Reject::NoQuote(symbol).into()),
            None => Err(Stop::Needs(symbol)),
        }
    }

    fn order(
        &mut self,
        request: &Request,
        side: Side,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let command = request.command.name();
        let account = self.account(request.user);
        let (cash, free) = (cents(account.cash()), account.free(symbol));
        let is_full = match side {
            Side::Buy => account.is_full_of_buys(),
            Side::Sell => account.is_full_of_sales(),
        };
        if is_full {
            return Err(Reject::TooManyPositions.into());
        }
        match side {
            Side::Buy if cash < amount => return Err(short_of_cash(command, amount, cash)),
            Side::Sell if free == 0 => return Err(short_of_shares(command, symbol, 1, free)),
            _ => {}
        }
        let (price, _) = self.price(symbol)?;
        let shares = amount.get() / price;
        if shares == 0 {
            return Err(below_price(command, amount, price));
        }
        if side == Side::Sell && free < shares {
            return Err(short_of_shares(command, symbol, shares, free));
        }
        let (shares, price) = (Shares::new(shares), Cents::new(price));
        let trade = Trade { side, symbol, shares, price };
        self.counted += 1;
        let (number, until_ns) = (self.counted, self.now_ns.saturating_add(ORDER_VALID_NS));
        let order = Order { number, trade, transaction: request.transaction, until_ns };
        self.account(request.user).orders.push(order);
        self.expiries.insert((until_ns, number, request.user));
        Ok(Answer::Pending { trade, until_ns })
    }

    /// The last pending order of a side.
    fn last(&mut self, request: &Request, side: Side) -> Result<Trade, Stop> {
        let last = self.account(request.user).orders_of(side).last().map(|order| order.trade);
        last.ok_or_else(|| match side {
            Side::Buy => Reject::NoPendingBuy.into(),
            Side::Sell => Reject::NoPendingSell.into(),
        })
    }

    fn drop_last(&mut self, request: &Request, side: Side) -> Result<Trade, Stop> {
        let trade = self.last(request, side)?;
        let orders = &mut self.account(request.user).orders;
        let place = orders.iter().rposition(|order| order.trade.side == side);
        let order = orders.remove(place.expect("there is one"));
        self.expiries.remove(&(order.until_ns, order.number, request.user));
        Ok(trade)
    }

    fn commit(&mut self, request: &Request, side: Side) -> Result<Answer, Stop> {
        let trade = self.last(request, side)?;
        let (symbol, shares, cost) = (trade.symbol, trade.shares.get(), cost(&trade));
        let account = self.account(request.user);
        match side {
            Side::Buy if !account.can_own(symbol, shares) => {
                return Err(Reject::ExceedsLimits(Limit::Shares).into());
            }
            Side::Sell if !account.can_earn(cost) => {
                return Err(Reject::ExceedsLimits(Limit::Money).into());
            }
            _ => {}
        }
        self.drop_last(request, side)?;
        let account = self.account(request.user);
        match side {
            Side::Buy => {
                account.spent += cost;
                account.gain(symbol, shares);
            }
            Side::Sell => {
                account.earned += cost;
                account.lose(symbol, shares);
            }
        }
        Ok(Answer::Committed(trade))
    }
}

pub(super) fn short_of_cash(command: CommandName, needs: Cents, free: Cents) -> Stop {
    Reject::InsufficientCash(CashShortage { command, needs, free }).into()
}

pub(super) fn short_of_shares(command: CommandName, symbol: Symbol, needs: u64, free: u64) -> Stop {
    let (needs, free) = (Shares::new(needs), Shares::new(free));
    Reject::InsufficientShares(ShareShortage { command, symbol, needs, free }).into()
}

pub(super) fn below_price(command: CommandName, amount: Cents, price: u64) -> Stop {
    let price = Cents::new(price);
    Reject::AmountBelowPrice(PriceGap { command, amount, price }).into()
}
