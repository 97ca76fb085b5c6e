//! View: what a shard knows, for those who look and do not touch.

use allot_domain::Side;

use super::Accounts;
use crate::account::{Account, UserIndex};
use crate::{Balance, Cents, DeskConfig, Holding, Order, Recent, Request, Symbol, Totals, Trigger};
use crate::{User, Wanted};

/// The account of a user.
#[derive(Clone, Copy, Debug)]
pub struct AccountView<'a> {
    accounts: &'a Accounts,
    account: &'a Account,
}

impl<'a> AccountView<'a> {
    /// The user.
    #[must_use]
    pub const fn user(&self) -> &'a User {
        &self.account.user
    }

    /// The money.
    #[must_use]
    pub const fn balance(&self) -> &'a Balance {
        &self.account.balance
    }

    /// The shares, in the order of the symbols.
    #[must_use]
    pub fn holdings(&self) -> &'a [Holding] {
        &self.account.holdings
    }

    /// Amounts and triggers: buys, then sells, in the order of the symbols.
    #[must_use]
    pub fn triggers(&self) -> &'a [Trigger] {
        &self.account.triggers
    }

    /// The pending orders of a side, the oldest first.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = &'a Order> + use<'a> {
        let ends = match side {
            Side::Buy => &self.account.buys,
            Side::Sell => &self.account.sells,
        };
        self.accounts.orders.iter_of(ends)
    }

    /// The commands that wait for quotes, the oldest first, each with the time at which it is given
    /// up.
    pub fn waiting(&self) -> impl Iterator<Item = (&'a Request, u64)> + use<'a> {
        let waiting = self.accounts.waiting.iter_of(&self.account.waiting);
        waiting.map(|waiting| (&waiting.request, waiting.until_ns))
    }

    /// The last transactions, the oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &'a Recent> + use<'a> {
        self.account.recent()
    }
}

impl Accounts {
    /// What was chosen.
    #[must_use]
    pub const fn config(&self) -> &DeskConfig {
        &self.config
    }

    /// The latest time of any input: nanoseconds of Unix time.
    #[must_use]
    pub const fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The money of all users.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// How many users there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// All accounts, in the order in which they were opened.
    #[must_use]
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = AccountView<'_>> {
        self.accounts.iter().map(|account| AccountView { accounts: self, account })
    }

    /// The account of a user.
    #[must_use]
    pub fn account(&self, user: &User) -> Option<AccountView<'_>> {
        let account = &self.accounts[self.find(user)?.index()];
        Some(AccountView { accounts: self, account })
    }

    /// The price of a stock, and until when it is valid, while it is.
    #[must_use]
    pub fn quote(&self, symbol: Symbol) -> Option<(Cents, u64)> {
        self.market.price(symbol, self.now_ns).map(|quote| (quote.price, quote.until_ns))
    }

    /// All quotes that are wanted, in the order of the symbols: what a quote manager that begins
    /// anew has to ask for.
    #[must_use]
    pub fn wanted(&self) -> impl ExactSizeIterator<Item = Wanted> {
        self.market.wanted().map(|(symbol, asked)| {
            let user = self.user(asked.user);
            Wanted { symbol, user, transaction: asked.transaction }
        })
    }

    /// The users who wait for the quote of a stock, in the order in which they are gone on with.
    pub fn line(&self, symbol: Symbol) -> impl Iterator<Item = &User> {
        self.market.line(symbol).map(|at| &self.accounts[at.index()].user)
    }

    /// How many commands wait for quotes, and how many users do.
    #[must_use]
    pub fn waiting_counts(&self) -> (usize, usize) {
        (self.waiting.len(), self.market.line_len())
    }

    /// How many triggers are armed.
    #[must_use]
    pub fn armed_len(&self) -> usize {
        self.market.armed_len()
    }

    /// How many quotes are valid.
    #[must_use]
    pub fn quotes_len(&self) -> usize {
        let is_valid = |until_ns: u64| self.now_ns < until_ns;
        self.market.listings().iter().filter(|listing| is_valid(listing.quote.until_ns)).count()
    }

    /// How many orders are pending.
    #[must_use]
    pub fn orders_len(&self) -> usize {
        self.orders.len()
    }

    pub(super) fn user(&self, at: UserIndex) -> User {
        self.accounts[at.index()].user
    }
}
