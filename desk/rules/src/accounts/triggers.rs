//! Triggers: amounts that are set, prices that arm them, quotes that fire them.

use alloc::boxed::Box;

use allot_domain::Side;

use super::commands::{check_cash, check_shares, shares_for};
use super::{Accounts, Aftermath, Stop};
use crate::account::{Armed, Trigger, UserIndex};
use crate::market::{Arming, Asked, ListingIndex};
use crate::{
    Answer, Cents, CommandName, Firing, Origin, Outcome, Outcomes, Recent, RecentKind, Reject,
    Request, Shares, Symbol, Wanted,
};

impl Accounts {
    /// Sets the amount of an automatic purchase; one that was set is given back, and a trigger
    /// stays armed.
    pub(super) fn set_buy_amount(
        &mut self,
        at: UserIndex,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let account = &mut self.accounts[at.index()];
        let found = account.trigger_at(Side::Buy, symbol);
        let before = found.map_or(Cents::ZERO, |at| account.triggers[at].amount);
        if found.is_err() && !account.has_room_to_buy() {
            return Err(Reject::TooManyPositions.into());
        }
        let free = account.balance.cash.checked_add(before).expect("money is within its limit");
        check_cash(CommandName::SetBuyAmount, amount, free)?;
        account.set_amount(Side::Buy, symbol, amount, Shares::ZERO);
        self.change(at, |balance| {
            balance.unreserve(before);
            balance.reserve(amount);
        });
        Ok(Answer::AmountSet { before, shares: Shares::ZERO })
    }

    /// Sets the amount of an automatic sale; an armed one reserves shares anew, or stays as it is.
    pub(super) fn set_sell_amount(
        &mut self,
        at: UserIndex,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let command = CommandName::SetSellAmount;
        let account = &mut self.accounts[at.index()];
        let found = account.trigger_at(Side::Sell, symbol).ok().map(|at| &account.triggers[at]);
        if found.is_none() && !account.has_room_to_sell() {
            return Err(Reject::TooManyPositions.into());
        }
        let before = found.map_or(Cents::ZERO, |trigger| trigger.amount);
        let free = account.free_for_trigger(symbol);
        check_shares(command, symbol, Shares::ONE, free)?;
        let armed = found.and_then(|trigger| trigger.armed.as_ref());
        let shares = match armed {
            None => Shares::ZERO,
            Some(armed) => shares_for(command, amount, armed.price)?,
        };
        check_shares(command, symbol, shares, free)?;
        account.set_amount(Side::Sell, symbol, amount, shares);
        Ok(Answer::AmountSet { before, shares })
    }

    pub(super) fn set_buy_trigger(
        &mut self,
        at: UserIndex,
        request: &Request,
        symbol: Symbol,
        price: Cents,
        aftermath: &mut Aftermath,
    ) -> Result<Answer, Stop> {
        let account = &self.accounts[at.index()];
        let found = account.trigger_at(Side::Buy, symbol);
        let amount = found.map(|at| account.triggers[at].amount);
        let amount = amount.map_err(|_| Reject::NoSetBuy(symbol))?;
        self.arm(at, request, Side::Buy, symbol, price, aftermath);
        Ok(Answer::Armed { amount, shares: Shares::ZERO })
    }

    pub(super) fn set_sell_trigger(
        &mut self,
        at: UserIndex,
        request: &Request,
        symbol: Symbol,
        price: Cents,
        aftermath: &mut Aftermath,
    ) -> Result<Answer, Stop> {
        let command = CommandName::SetSellTrigger;
        let account = &mut self.accounts[at.index()];
        let found = account.trigger_at(Side::Sell, symbol);
        let amount = found.map(|at| account.triggers[at].amount);
        let amount = amount.map_err(|_| Reject::NoSetSell(symbol))?;
        let shares = shares_for(command, amount, price)?;
        check_shares(command, symbol, shares, account.free_for_trigger(symbol))?;
        account.set_amount(Side::Sell, symbol, amount, shares);
        self.arm(at, request, Side::Sell, symbol, price, aftermath);
        Ok(Answer::Armed { amount, shares })
    }

    /// Arms a trigger whose amount is set; one that was armed is replaced.
    fn arm(
        &mut self,
        at: UserIndex,
        request: &Request,
        side: Side,
        symbol: Symbol,
        price: Cents,
        aftermath: &mut Aftermath,
    ) {
        self.armings += 1;
        let Request { source, id, time_ns, transaction, .. } = *request;
        let origin = Origin { source, id, time_ns, duplicate: false };
        let armed = Armed { price, number: self.armings, origin, transaction };
        let arming = Arming { side, price, number: self.armings, user: at };
        let account = &mut self.accounts[at.index()];
        let place = account.trigger_at(side, symbol).expect("its amount is set");
        let trigger = &mut account.triggers[place];
        let before = trigger.clone();
        trigger.armed = Some(Box::new(armed));
        self.disarm(before, aftermath);
        self.market.arm(symbol, arming);
        aftermath.armed = Some(symbol);
    }

    /// Takes a trigger from the market, if it is armed.
    fn disarm(&mut self, trigger: Trigger, aftermath: &mut Aftermath) {
        if let Some(armed) = &trigger.armed {
            self.market.disarm(trigger.symbol, trigger.side, armed.price, armed.number);
            aftermath.disarmed = Some(trigger);
        }
    }

    /// Takes amount and trigger back, as if they had never been set.
    pub(super) fn cancel_set(
        &mut self,
        at: UserIndex,
        side: Side,
        symbol: Symbol,
        aftermath: &mut Aftermath,
    ) -> Result<Answer, Stop> {
        let account = &mut self.accounts[at.index()];
        let place = account.trigger_at(side, symbol).map_err(|_| match side {
            Side::Buy => Reject::NoSetBuy(symbol),
            Side::Sell => Reject::NoSetSell(symbol),
        })?;
        let trigger = account.triggers.remove(place);
        let (amount, shares) = (trigger.amount, trigger.shares);
        match side {
            Side::Buy => self.change(at, |balance| balance.unreserve(amount)),
            Side::Sell => account.free_shares(symbol, shares),
        }
        self.disarm(trigger, aftermath);
        Ok(Answer::SetCancelled { amount, shares })
    }

    /// What follows the answer of a command: a trigger is gone, or fires at once, or wants a quote.
    pub(super) fn follow_up(
        &mut self,
        at: UserIndex,
        aftermath: &Aftermath,
        outcomes: &mut Outcomes,
    ) {
        if let Some(Trigger { side, symbol, armed: Some(armed), .. }) = &aftermath.disarmed {
            outcomes.list.push(Outcome::Disarmed {
                origin: armed.origin,
                user: self.accounts[at.index()].user,
                transaction: armed.transaction,
                side: *side,
                symbol: *symbol,
                trigger: armed.price,
                at_ns: self.now_ns,
            });
        }
        let Some(symbol) = aftermath.armed else { return };
        let listing = self.market.enter(symbol);
        // All others that the quote satisfies have fired before.
        self.fire_next(listing, outcomes);
        if self.market.get(listing).refresh_ns <= self.now_ns {
            self.want_refresh(listing, outcomes);
        }
    }

    /// The triggers of a stock want another quote.
    pub(super) fn want_refresh(&mut self, listing: ListingIndex, outcomes: &mut Outcomes) {
        let symbol = self.market.get(listing).symbol;
        let Arming { side, user, .. } = self.market.first_armed(listing);
        let account = &self.accounts[user.index()];
        let place = account.trigger_at(side, symbol).expect("an armed trigger is its user's");
        let armed = account.triggers[place].armed.as_ref().expect("it is armed");
        let (user_id, transaction) = (account.user, armed.transaction);
        let is_new = self.market.want(symbol, Asked { user, transaction });
        assert!(is_new, "what was asked for is not due");
        outcomes.list.push(Outcome::Wanted(Wanted { symbol, user: user_id, transaction }));
    }

    /// Fires the next trigger that the quote of a stock satisfies; false where there is none.
    pub(super) fn fire_next(&mut self, listing: ListingIndex, outcomes: &mut Outcomes) -> bool {
        let Some(arming) = self.market.satisfied(listing, self.now_ns) else {
            return false;
        };
        let Arming { side, price: trigger_price, number, user: at } = arming;
        let (symbol, price) = {
            let listing = self.market.get(listing);
            (listing.symbol, listing.quote.price)
        };
        self.market.disarm(symbol, side, trigger_price, number);
        let account = &mut self.accounts[at.index()];
        let place = account.trigger_at(side, symbol).expect("an armed trigger is its user's");
        let trigger = account.triggers.remove(place);
        let armed = trigger.armed.as_ref().expect("it is armed");
        let mut firing = Firing {
            origin: armed.origin,
            user: account.user,
            transaction: armed.transaction,
            side,
            symbol,
            trigger: trigger_price,
            price,
            shares: Shares::ZERO,
            amount: Cents::ZERO,
            cash_back: Cents::ZERO,
            shares_back: Shares::ZERO,
            at_ns: self.now_ns,
        };
        match side {
            Side::Buy => self.fire_buy(at, trigger.amount, &mut firing),
            Side::Sell => self.fire_sell(at, trigger.shares, &mut firing),
        }
        self.note_firing(at, &firing);
        outcomes.list.push(Outcome::Fired(firing));
        true
    }

    /// Buys what the reserve pays for; the rest is free again.
    fn fire_buy(&mut self, at: UserIndex, reserve: Cents, firing: &mut Firing) {
        let account = &mut self.accounts[at.index()];
        let shares = reserve.shares_at(firing.price);
        if account.has_room_for(firing.symbol, shares) {
            account.add_shares(firing.symbol, shares);
            let amount = firing.price.times(shares).expect("at most the reserve");
            (firing.shares, firing.amount) = (shares, amount);
        }
        let rest = reserve.checked_sub(firing.amount).expect("at most the reserve");
        firing.cash_back = rest;
        self.change(at, |balance| {
            balance.pay_reserved(firing.amount);
            balance.unreserve(rest);
        });
    }

    /// Sells all shares that are reserved.
    fn fire_sell(&mut self, at: UserIndex, shares: Shares, firing: &mut Firing) {
        let account = &mut self.accounts[at.index()];
        let amount = firing.price.times(shares).filter(|amount| account.balance.has_room(*amount));
        let Some(amount) = amount else {
            account.free_shares(firing.symbol, shares);
            firing.shares_back = shares;
            return;
        };
        account.take_shares(firing.symbol, shares);
        self.change(at, |balance| balance.earn(amount));
        (firing.shares, firing.amount) = (shares, amount);
    }

    fn note_firing(&mut self, at: UserIndex, firing: &Firing) {
        let kind = match firing.side {
            Side::Buy => RecentKind::BuyFired,
            Side::Sell => RecentKind::SellFired,
        };
        let Firing { transaction, at_ns, amount, shares, symbol, .. } = *firing;
        let recent = Recent { transaction, at_ns, amount, shares, symbol: Some(symbol), kind };
        self.accounts[at.index()].note(recent);
    }
}

impl crate::account::Account {
    /// Sets amount and shares of a trigger, made if there is none; of a sale the shares that it
    /// reserved are free again, and these are reserved.
    fn set_amount(&mut self, side: Side, symbol: Symbol, amount: Cents, shares: Shares) {
        let before = match self.trigger_at(side, symbol) {
            Ok(at) => {
                let trigger = &mut self.triggers[at];
                trigger.amount = amount;
                core::mem::replace(&mut trigger.shares, shares)
            }
            Err(at) => {
                let trigger = Trigger { side, symbol, amount, shares, armed: None };
                self.triggers.insert(at, trigger);
                Shares::ZERO
            }
        };
        if side == Side::Sell {
            self.free_shares(symbol, before);
            self.reserve_shares(symbol, shares);
        }
    }
}
