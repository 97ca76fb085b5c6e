//! Market: quotes, armed triggers, and who waits for what.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use allot_desk_rules::limits::{QUOTE_RETRY_NS, QUOTE_VALID_NS};
use allot_desk_rules::{Cents, Symbol, User};

/// The order in which triggers fire: purchases first, the most generous price, the first armed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Turn {
    pub(crate) is_sale: bool,
    /// Without the sign of purchases: the dearest of them comes first.
    rank: i128,
    number: u64,
}

impl Turn {
    pub(crate) fn new(is_sale: bool, price: Cents, number: u64) -> Self {
        let price = i128::from(price.get());
        Self { is_sale, rank: if is_sale { price } else { -price }, number }
    }

    fn is_satisfied_by(&self, price: u64) -> bool {
        let price = i128::from(price);
        if self.is_sale { self.rank <= price } else { price <= -self.rank }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Market {
    /// The price, and until when it is valid.
    pub(crate) quotes: BTreeMap<Symbol, (u64, u64)>,
    /// The earliest time of another try.
    retries: BTreeMap<Symbol, u64>,
    pub(crate) armed: BTreeMap<Symbol, BTreeMap<Turn, User>>,
    pub(crate) wanted: BTreeMap<Symbol, (User, Option<NonZeroU64>)>,
    /// Who waits for the quote of a stock, the first first.
    pub(crate) lines: BTreeMap<Symbol, Vec<User>>,
    /// When each stock with armed triggers wants another quote.
    dues: BTreeSet<(u64, Symbol)>,
    due_of: BTreeMap<Symbol, u64>,
}

impl Market {
    pub(crate) fn price(&self, symbol: Symbol, now_ns: u64) -> Option<(u64, u64)> {
        self.quotes.get(&symbol).copied().filter(|(_, until_ns)| now_ns < *until_ns)
    }

    pub(crate) fn quote(&mut self, symbol: Symbol, price: u64, now_ns: u64) {
        self.quotes.insert(symbol, (price, now_ns.saturating_add(QUOTE_VALID_NS)));
        self.retries.remove(&symbol);
        self.wanted.remove(&symbol);
        self.plan(symbol);
    }

    pub(crate) fn fail(&mut self, symbol: Symbol, now_ns: u64) {
        self.retries.insert(symbol, now_ns.saturating_add(QUOTE_RETRY_NS));
        self.wanted.remove(&symbol);
        self.plan(symbol);
    }

    pub(crate) fn arm(&mut self, symbol: Symbol, turn: Turn, user: User) {
        self.armed.entry(symbol).or_default().insert(turn, user);
        self.plan(symbol);
    }

    pub(crate) fn disarm(&mut self, symbol: Symbol, turn: Turn) {
        let armed = self.armed.get_mut(&symbol).expect("it was armed");
        armed.remove(&turn).expect("it was armed");
        if armed.is_empty() {
            self.armed.remove(&symbol);
        }
        self.plan(symbol);
    }

    /// False where it is wanted already.
    pub(crate) fn want(
        &mut self,
        symbol: Symbol,
        user: User,
        transaction: Option<NonZeroU64>,
    ) -> bool {
        let is_new = !self.wanted.contains_key(&symbol);
        self.wanted.entry(symbol).or_insert((user, transaction));
        self.plan(symbol);
        is_new
    }

    /// When the triggers of a stock want another quote.
    pub(crate) fn due(&self, symbol: Symbol) -> Option<u64> {
        let is_due = self.armed.contains_key(&symbol) && !self.wanted.contains_key(&symbol);
        let until_ns = self.quotes.get(&symbol).map_or(0, |(_, until_ns)| *until_ns);
        let retry_ns = self.retries.get(&symbol).copied().unwrap_or_default();
        is_due.then_some(until_ns.max(retry_ns))
    }

    fn plan(&mut self, symbol: Symbol) {
        if let Some(due_ns) = self.due_of.remove(&symbol) {
            self.dues.remove(&(due_ns, symbol));
        }
        if let Some(due_ns) = self.due(symbol) {
            self.due_of.insert(symbol, due_ns);
            self.dues.insert((due_ns, symbol));
        }
    }

    pub(crate) fn first_due(&self) -> Option<(u64, Symbol)> {
        self.dues.first().copied()
    }

    /// The next trigger that the quote of a stock satisfies.
    pub(crate) fn next_to_fire(&self, symbol: Symbol, now_ns: u64) -> Option<(Turn, User)> {
        let (price, _) = self.price(symbol, now_ns)?;
        let mut armed = self.armed.get(&symbol)?.iter();
        let found = armed.find(|(turn, _)| turn.is_satisfied_by(price));
        found.map(|(turn, user)| (*turn, *user))
    }
}
