//! Triggers: what must be set, armed, and fired.

use allot_desk_rules::{
    Answer, Armed, Cents, Firing, Origin, Outcome, Recent, RecentKind, Reject, Request, Shares,
    Symbol, User, Wanted,
};
use allot_domain::Side;

use super::commands::{below_price, short_of_cash, short_of_shares};
use super::{Shard, Stop};
use crate::account::{Set, cents};
use crate::market::Turn;

impl Shard {
    pub(super) fn set_buy(
        &mut self,
        request: &Request,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let account = self.account(request.user);
        let before = account.sets.get(&(false, symbol)).map(|set| set.amount);
        if before.is_none() && account.is_full_of_buys() {
            return Err(Reject::TooManyPositions.into());
        }
        let before = before.unwrap_or_default();
        let free = cents(account.cash() + u128::from(before));
        if free < amount {
            return Err(short_of_cash(request.command.name(), amount, free));
        }
        let none = Set { amount: 0, shares: 0, armed: None };
        account.sets.entry((false, symbol)).or_insert(none).amount = amount.get();
        Ok(Answer::AmountSet { before: Cents::new(before), shares: Shares::ZERO })
    }

    pub(super) fn set_sale(
        &mut self,
        request: &Request,
        symbol: Symbol,
        amount: Cents,
    ) -> Result<Answer, Stop> {
        let command = request.command.name();
        let account = self.account(request.user);
        let before = account.sets.get(&(true, symbol)).cloned();
        if before.is_none() && account.is_full_of_sales() {
            return Err(Reject::TooManyPositions.into());
        }
        let could_have = account.free(symbol) + account.set_shares(symbol);
        if could_have == 0 {
            return Err(short_of_shares(command, symbol, 1, 0));
        }
        let mut set = before.clone().unwrap_or(Set { amount: 0, shares: 0, armed: None });
        set.amount = amount.get();
        if let Some(armed) = &set.armed {
            set.shares = amount.get() / armed.price.get();
            if set.shares == 0 {
                return Err(below_price(command, amount, armed.price.get()));
            }
        }
        if could_have < set.shares {
            return Err(short_of_shares(command, symbol, set.shares, could_have));
        }
        let shares = Shares::new(set.shares);
        account.sets.insert((true, symbol), set);
        let before = Cents::new(before.map_or(0, |set| set.amount));
        Ok(Answer::AmountSet { before, shares })
    }

    pub(super) fn arm(
        &mut self,
        request: &Request,
        is_sale: bool,
        symbol: Symbol,
        price: Cents,
        disarmed: &mut Option<Set>,
    ) -> Result<Answer, Stop> {
        let command = request.command.name();
        let account = self.account(request.user);
        let Some(mut set) = account.sets.get(&(is_sale, symbol)).cloned() else {
            return Err(no_set(is_sale, symbol));
        };
        let before = set.clone();
        if is_sale {
            let could_have = account.free(symbol) + set.shares;
            set.shares = set.amount / price.get();
            if set.shares == 0 {
                return Err(below_price(command, Cents::new(set.amount), price.get()));
            }
            if could_have < set.shares {
                return Err(short_of_shares(command, symbol, set.shares, could_have));
            }
        }
        self.armings += 1;
        let number = self.armings;
        let (source, id, time_ns) = (request.source, request.id, request.time_ns);
        let origin = Origin { source, id, time_ns, duplicate: false };
        set.armed = Some(Armed { price, number, origin, transaction: request.transaction });
        let answer =
            Answer::Armed { amount: Cents::new(set.amount), shares: Shares::new(set.shares) };
        self.account(request.user).sets.insert((is_sale, symbol), set);
        self.disarm(is_sale, symbol, before, disarmed);
        self.market.arm(symbol, Turn::new(is_sale, price, number), request.user);
        Ok(answer)
    }

    fn disarm(&mut self, is_sale: bool, symbol: Symbol, set: Set, disarmed: &mut Option<Set>) {
        if let Some(armed) = &set.armed {
            self.market.disarm(symbol, Turn::new(is_sale, armed.price, armed.number));
            *disarmed = Some(set);
        }
    }

    pub(super) fn unset(
        &mut self,
        request: &Request,
        is_sale: bool,
        symbol: Symbol,
        disarmed: &mut Option<Set>,
    ) -> Result<Answer, Stop> {
        let set = self.account(request.user).sets.remove(&(is_sale, symbol));
        let set = set.ok_or_else(|| no_set(is_sale, symbol))?;
        let (amount, shares) = (Cents::new(set.amount), Shares::new(set.shares));
        self.disarm(is_sale, symbol, set, disarmed);
        Ok(Answer::SetCancelled { amount, shares })
    }

    /// What must follow an answer.
    pub(super) fn follow_up(&mut self, request: &Request, disarmed: Option<Set>) {
        use allot_desk_rules::CommandName::{CancelSetSell, SetBuyTrigger, SetSellTrigger};
        let name = request.command.name();
        let Some(symbol) = request.command.symbol() else { return };
        if let Some(armed) = disarmed.and_then(|set| set.armed) {
            let is_sale = matches!(name, SetSellTrigger | CancelSetSell);
            self.out.list.push(Outcome::Disarmed {
                origin: armed.origin,
                user: request.user,
                transaction: armed.transaction,
                side: side_of(is_sale),
                symbol,
                trigger: armed.price,
                at_ns: self.now_ns,
            });
        }
        if matches!(name, SetBuyTrigger | SetSellTrigger) {
            self.fire(symbol);
            if self.market.due(symbol).is_some_and(|due_ns| due_ns <= self.now_ns) {
                self.refresh(symbol);
            }
        }
    }

    /// The triggers of a stock want another quote, in the name of the first of them.
    pub(super) fn refresh(&mut self, symbol: Symbol) {
        let (turn, user) = self.market.armed[&symbol].first_key_value().expect("some are armed");
        let (is_sale, user) = (turn.is_sale, *user);
        let armed = self.accounts[&user].sets[&(is_sale, symbol)].armed.as_ref();
        let transaction = armed.expect("it is armed").transaction;
        if self.market.want(symbol, user, transaction) {
            self.out.list.push(Outcome::Wanted(Wanted { symbol, user, transaction }));
        }
    }

    /// Fires the next trigger that the quote satisfies.
    pub(super) fn fire(&mut self, symbol: Symbol) -> bool {
        let Some((turn, user)) = self.market.next_to_fire(symbol, self.now_ns) else {
            return false;
        };
        let (price, _) = self.market.quotes[&symbol];
        self.market.disarm(symbol, turn);
        let set = self.account(user).sets.remove(&(turn.is_sale, symbol)).expect("it is set");
        let firing = self.trade(user, turn.is_sale, symbol, price, &set);
        let kind = if turn.is_sale { RecentKind::SellFired } else { RecentKind::BuyFired };
        let Firing { transaction, at_ns, amount, shares, .. } = firing;
        let recent = Recent { transaction, at_ns, amount, shares, symbol: Some(symbol), kind };
        self.account(user).note(recent);
        self.out.list.push(Outcome::Fired(firing));
        true
    }

    fn trade(
        &mut self,
        user: User,
        is_sale: bool,
        symbol: Symbol,
        price: u64,
        set: &Set,
    ) -> Firing {
        let at_ns = self.now_ns;
        let account = self.account(user);
        let wish = if is_sale { set.shares } else { set.amount / price };
        let amount = u128::from(wish) * u128::from(price);
        let can = if is_sale { account.can_earn(amount) } else { account.can_own(symbol, wish) };
        let (shares, amount) = if can { (wish, amount) } else { (0, 0) };
        if is_sale {
            account.earned += amount;
            account.lose(symbol, shares);
        } else {
            account.spent += amount;
            account.gain(symbol, shares);
        }
        let armed = set.armed.as_ref().expect("it is armed");
        let rest = if is_sale { 0 } else { u128::from(set.amount) - amount };
        Firing {
            origin: armed.origin,
            user,
            transaction: armed.transaction,
            side: side_of(is_sale),
            symbol,
            trigger: armed.price,
            price: Cents::new(price),
            shares: Shares::new(shares),
            amount: cents(amount),
            cash_back: cents(rest),
            shares_back: Shares::new(if is_sale { wish - shares } else { 0 }),
            at_ns,
        }
    }
}

const fn side_of(is_sale: bool) -> Side {
    if is_sale { Side::Sell } else { Side::Buy }
}

fn no_set(is_sale: bool, symbol: Symbol) -> Stop {
    let reject = if is_sale { Reject::NoSetSell(symbol) } else { Reject::NoSetBuy(symbol) };
    reject.into()
}
