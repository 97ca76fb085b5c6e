//! Market: quotes, the triggers that wait for a price, and the users who wait for any.
//!
//! ```text
//!   listing   price, valid until │ armed buys, dearest first │ armed sells, cheapest first │ line
//! ```

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::num::NonZeroU64;

use allot_domain::{Lookup, Side};

use crate::account::UserIndex;
use crate::chains::{Chains, Ends, SlotId};
use crate::limits::{QUOTE_RETRY_NS, QUOTE_VALID_NS, SYMBOLS_MAX};
use crate::{Cents, Symbol};

allot_domain::index!(
    /// Which of the stocks that a shard has heard of.
    ListingIndex
);

/// The time at which nothing is due.
const NEVER: u64 = u64::MAX;

/// What one share costs, and until when that is so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Price {
    pub(crate) price: Cents,
    /// Zero where there was never one.
    pub(crate) until_ns: u64,
}

/// A stock.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) symbol: Symbol,
    pub(crate) quote: Price,
    /// After a failure, the earliest time at which triggers want another quote.
    pub(crate) retry_ns: u64,
    /// When triggers want another; [`NEVER`] where they do not.
    pub(crate) refresh_ns: u64,
    /// By price and number of arming.
    buys: BTreeMap<(Reverse<Cents>, u64), UserIndex>,
    sells: BTreeMap<(Cents, u64), UserIndex>,
    /// The users whose oldest command waits for the quote.
    line: Ends,
}

impl Listing {
    fn has_triggers(&self) -> bool {
        !self.buys.is_empty() || !self.sells.is_empty()
    }
}

/// In whose name a quote is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub(crate) user: UserIndex,
    pub(crate) transaction: Option<NonZeroU64>,
}

/// An armed trigger, as the market knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arming {
    pub(crate) side: Side,
    pub(crate) price: Cents,
    pub(crate) number: u64,
    pub(crate) user: UserIndex,
}

/// All stocks.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    listings: Vec<Listing>,
    lookup: Lookup,
    /// When the triggers of a stock want another quote.
    refresh: BTreeSet<(u64, Symbol)>,
    /// The time of the first of these.
    refresh_next: u64,
    /// What was asked for, and neither came nor failed.
    wanted: BTreeMap<Symbol, Asked>,
    /// The users who wait for quotes, each in the line of one stock.
    lines: Chains<UserIndex>,
}

impl Market {
    pub(crate) fn new() -> Self {
        Self {
            listings: Vec::new(),
            lookup: Lookup::new(SYMBOLS_MAX),
            refresh: BTreeSet::new(),
            refresh_next: NEVER,
            wanted: BTreeMap::new(),
            lines: Chains::default(),
        }
    }

    pub(crate) fn find(&self, symbol: Symbol) -> Option<ListingIndex> {
        let is_it = |at| self.listings[ListingIndex::new(at).index()].symbol == symbol;
        self.lookup.find(symbol.hash(), is_it).map(ListingIndex::new)
    }

    /// The listing of a stock, made if there is none.
    pub(crate) fn enter(&mut self, symbol: Symbol) -> ListingIndex {
        self.find(symbol).unwrap_or_else(|| {
            let at = ListingIndex::at(self.listings.len());
            self.listings.push(Listing {
                symbol,
                quote: Price::default(),
                retry_ns: 0,
                refresh_ns: NEVER,
                buys: BTreeMap::new(),
                sells: BTreeMap::new(),
                line: Ends::default(),
            });
            self.lookup.insert(symbol.hash(), at.get());
            at
        })
    }

    pub(crate) fn get(&self, at: ListingIndex) -> &Listing {
        &self.listings[at.index()]
    }

    pub(crate) fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// How many triggers are armed.
    pub(crate) fn armed_len(&self) -> usize {
        self.listings.iter().map(|listing| listing.buys.len() + listing.sells.len()).sum()
    }

    /// The quote of a stock, if it is valid.
    #[inline]
    pub(crate) fn price(&self, symbol: Symbol, now_ns: u64) -> Option<Price> {
        let quote = self.find(symbol).map(|at| self.get(at).quote);
        quote.filter(|quote| now_ns < quote.until_ns)
    }

    /// A quote has come.
    pub(crate) fn quote(&mut self, symbol: Symbol, price: Cents, now_ns: u64) -> ListingIndex {
        let at = self.enter(symbol);
        self.wanted.remove(&symbol);
        let listing = &mut self.listings[at.index()];
        listing.quote = Price { price, until_ns: now_ns.saturating_add(QUOTE_VALID_NS) };
        listing.retry_ns = 0;
        self.schedule(at);
        at
    }

    /// A quote could not be had.
    pub(crate) fn fail(&mut self, symbol: Symbol, now_ns: u64) -> ListingIndex {
        let at = self.enter(symbol);
        self.wanted.remove(&symbol);
        self.listings[at.index()].retry_ns = now_ns.saturating_add(QUOTE_RETRY_NS);
        self.schedule(at);
        at
    }

    /// Sets what a snapshot holds of a stock.
    pub(crate) fn load_listing(&mut self, symbol: Symbol, quote: Price, retry_ns: u64) {
        let at = self.enter(symbol);
        let listing = &mut self.listings[at.index()];
        (listing.quote, listing.retry_ns) = (quote, retry_ns);
        self.schedule(at);
    }

    /// A quote is asked for; false where it is already.
    pub(crate) fn want(&mut self, symbol: Symbol, asked: Asked) -> bool {
        let at = self.enter(symbol);
        let is_new = !self.wanted.contains_key(&symbol);
        if is_new {
            self.wanted.insert(symbol, asked);
            self.schedule(at);
        }
        is_new
    }

    /// What was asked for, in the order of the symbols.
    pub(crate) fn wanted(&self) -> impl ExactSizeIterator<Item = (Symbol, Asked)> {
        self.wanted.iter().map(|(symbol, asked)| (*symbol, *asked))
    }

    /// Finds when the triggers of a stock want another quote.
    fn schedule(&mut self, at: ListingIndex) {
        let listing = &mut self.listings[at.index()];
        let is_due = listing.has_triggers() && !self.wanted.contains_key(&listing.symbol);
        let due = if is_due { listing.quote.until_ns.max(listing.retry_ns) } else { NEVER };
        if due == listing.refresh_ns {
            return;
        }
        self.refresh.remove(&(listing.refresh_ns, listing.symbol));
        listing.refresh_ns = due;
        if due != NEVER {
            self.refresh.insert((due, listing.symbol));
        }
        self.refresh_next = self.refresh.first().map_or(NEVER, |(due, _)| *due);
    }

    /// When the next stock wants another quote for its triggers; the end of time where none does.
    #[inline]
    pub(crate) const fn refresh_next(&self) -> u64 {
        self.refresh_next
    }

    /// The stock that wants it.
    pub(crate) fn refreshed(&self) -> ListingIndex {
        let (_, symbol) = self.refresh.first().expect("something is due");
        self.find(*symbol).expect("it has triggers")
    }

    /// The trigger in whose name a stock wants another quote: that which fires first.
    pub(crate) fn first_armed(&self, at: ListingIndex) -> Arming {
        let listing = self.get(at);
        let buy = listing.buys.first_key_value().map(buy_of);
        let arming = buy.or_else(|| listing.sells.first_key_value().map(sell_of));
        arming.expect("it has triggers")
    }

    pub(crate) fn arm(&mut self, symbol: Symbol, arming: Arming) {
        let at = self.enter(symbol);
        let listing = &mut self.listings[at.index()];
        let Arming { side, price, number, user } = arming;
        let before = match side {
            Side::Buy => listing.buys.insert((Reverse(price), number), user),
            Side::Sell => listing.sells.insert((price, number), user),
        };
        assert!(before.is_none(), "each arming has a number of its own");
        self.schedule(at);
    }

    /// Whether a trigger of this stock has this price and number.
    pub(crate) fn is_armed(&self, symbol: Symbol, arming: &Arming) -> bool {
        let Arming { side, price, number, .. } = *arming;
        self.find(symbol).map(|at| self.get(at)).is_some_and(|listing| match side {
            Side::Buy => listing.buys.contains_key(&(Reverse(price), number)),
            Side::Sell => listing.sells.contains_key(&(price, number)),
        })
    }

    pub(crate) fn disarm(&mut self, symbol: Symbol, side: Side, price: Cents, number: u64) {
        let at = self.enter(symbol);
        let listing = &mut self.listings[at.index()];
        let user = match side {
            Side::Buy => listing.buys.remove(&(Reverse(price), number)),
            Side::Sell => listing.sells.remove(&(price, number)),
        };
        assert!(user.is_some(), "what is disarmed was armed");
        self.schedule(at);
    }

    /// The first trigger that the quote satisfies, while it is valid: purchases before sales, the
    /// most generous price first, then the order of arming.
    pub(crate) fn satisfied(&self, at: ListingIndex, now_ns: u64) -> Option<Arming> {
        let listing = self.get(at);
        let Price { price, until_ns } = listing.quote;
        if until_ns <= now_ns {
            return None;
        }
        let buy = listing.buys.first_key_value().map(buy_of);
        let sell = listing.sells.first_key_value().map(sell_of);
        buy.filter(|buy| price <= buy.price).or(sell.filter(|sell| sell.price <= price))
    }

    /// Puts a user at the end of the line of a stock.
    pub(crate) fn queue(&mut self, symbol: Symbol, user: UserIndex) -> SlotId {
        let at = self.enter(symbol);
        self.lines.push(&mut self.listings[at.index()].line, user)
    }

    /// Takes a user out of the line of a stock.
    pub(crate) fn leave(&mut self, symbol: Symbol, place: SlotId) {
        let at = self.enter(symbol);
        self.lines.remove(&mut self.listings[at.index()].line, place);
    }

    /// The first in the line of a stock.
    pub(crate) fn first_in_line(&self, at: ListingIndex) -> Option<UserIndex> {
        self.lines.oldest_of(&self.get(at).line).map(|(_, user)| *user)
    }

    /// All who wait for a quote, in the order of their coming.
    pub(crate) fn in_line(&self) -> impl Iterator<Item = UserIndex> {
        self.lines.iter().copied()
    }

    /// Those who wait for a quote of one stock.
    pub(crate) fn line(&self, symbol: Symbol) -> impl Iterator<Item = UserIndex> {
        let line = self.find(symbol).map_or(Ends::default(), |at| self.get(at).line);
        let users: Vec<_> = self.lines.iter_of(&line).copied().collect();
        users.into_iter()
    }

    /// How many users wait for quotes.
    pub(crate) fn line_len(&self) -> usize {
        self.lines.len()
    }
}

fn buy_of((key, user): (&(Reverse<Cents>, u64), &UserIndex)) -> Arming {
    Arming { side: Side::Buy, price: key.0.0, number: key.1, user: *user }
}

fn sell_of((key, user): (&(Cents, u64), &UserIndex)) -> Arming {
    Arming { side: Side::Sell, price: key.0, number: key.1, user: *user }
}
