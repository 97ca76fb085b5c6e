//! Account: what a user has, and what of it is set aside for what.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use allot_domain::Side;

use crate::chains::{Ends, SlotId};
use crate::limits::{HOLDING_MAX, POSITIONS_MAX, RECENT_MAX};
use crate::{Balance, Cents, Origin, Recent, Shares, Symbol, Trade, User};

allot_domain::index!(
    /// Which of the users of a shard, in the order in which they came.
    UserIndex
);

/// The shares of one stock: some of them, or it is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Of which stock.
    pub symbol: Symbol,
    /// Free.
    pub free: Shares,
    /// Set aside for pending sales and for triggers.
    pub reserved: Shares,
}

/// A pending order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// Whose.
    pub(crate) user: UserIndex,
    /// What a commit will do.
    pub trade: Trade,
    /// The transaction of the BUY or SELL.
    pub transaction: Option<NonZeroU64>,
    /// From when on it cannot be committed: nanoseconds of Unix time.
    pub until_ns: u64,
}

/// An amount that is set for an automatic purchase or sale, and its trigger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// A purchase or a sale.
    pub side: Side,
    /// Of which stock.
    pub symbol: Symbol,
    /// The amount; of a purchase it is reserved.
    pub amount: Cents,
    /// Of an armed sale: the shares that are reserved.
    pub shares: Shares,
    /// When it fires; none while only the amount is set.
    pub armed: Option<Box<Armed>>,
}

/// What arms a trigger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Armed {
    /// The price at which it fires.
    pub price: Cents,
    /// Which arming of the shard it was, from 1.
    pub number: u64,
    /// The message that armed it.
    pub origin: Origin,
    /// The transaction of that.
    pub transaction: Option<NonZeroU64>,
}

/// What a user has.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) user: User,
    pub(crate) balance: Balance,
    /// In the order of the symbols.
    pub(crate) holdings: Vec<Holding>,
    /// Buys, then sells, in the order of the symbols.
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) buys: Ends,
    pub(crate) sells: Ends,
    /// The commands that wait for quotes; the oldest waits for one.
    pub(crate) waiting: Ends,
    /// Where the user stands in the line for the quote that its oldest command needs.
    pub(crate) place: SlotId,
    recent: Vec<Recent>,
    /// The slot of the oldest transaction once the ring is full.
    recent_oldest: usize,
}

impl Account {
    pub(crate) fn new(user: User) -> Self {
        Self {
            user,
            balance: Balance::default(),
            holdings: Vec::new(),
            triggers: Vec::new(),
            buys: Ends::default(),
            sells: Ends::default(),
            waiting: Ends::default(),
            place: SlotId::NONE,
            recent: Vec::new(),
            recent_oldest: 0,
        }
    }

    /// The chain of pending orders of a side.
    pub(crate) fn orders(&mut self, side: Side) -> &mut Ends {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn holding_at(&self, symbol: Symbol) -> Result<usize, usize> {
        self.holdings.binary_search_by_key(&symbol, |holding| holding.symbol)
    }

    /// The shares of a stock.
    pub(crate) fn holding(&self, symbol: Symbol) -> Holding {
        let none = Holding { symbol, free: Shares::ZERO, reserved: Shares::ZERO };
        self.holding_at(symbol).map_or(none, |at| self.holdings[at])
    }

    /// Changes the shares of a stock; a stock of which none are left is gone.
    pub(crate) fn change_holding(&mut self, symbol: Symbol, change: impl FnOnce(&mut Holding)) {
        let mut holding = self.holding(symbol);
        change(&mut holding);
        let is_left = Shares::ZERO < holding.free || Shares::ZERO < holding.reserved;
        match self.holding_at(symbol) {
            Ok(at) if is_left => self.holdings[at] = holding,
            Ok(at) => drop(self.holdings.remove(at)),
            Err(at) if is_left => self.holdings.insert(at, holding),
            Err(_) => {}
        }
        assert!(self.holdings.len() <= POSITIONS_MAX, "room for it was kept");
    }

    /// Whether the user can have so many more shares of a stock.
    pub(crate) fn has_room_for(&self, symbol: Symbol, shares: Shares) -> bool {
        let Holding { free, reserved, .. } = self.holding(symbol);
        let total = free.checked_add(reserved).and_then(|total| total.checked_add(shares));
        total.is_some_and(|total| total.get() <= HOLDING_MAX)
    }

    pub(crate) fn add_shares(&mut self, symbol: Symbol, shares: Shares) {
        assert!(self.has_room_for(symbol, shares), "shares are within their limit");
        self.change_holding(symbol, |holding| holding.free = plus(holding.free, shares));
    }

    pub(crate) fn reserve_shares(&mut self, symbol: Symbol, shares: Shares) {
        self.change_holding(symbol, |holding| {
            let (free, reserved) = (minus(holding.free, shares), plus(holding.reserved, shares));
            (holding.free, holding.reserved) = (free, reserved);
        });
    }

    pub(crate) fn free_shares(&mut self, symbol: Symbol, shares: Shares) {
        self.change_holding(symbol, |holding| {
            let (free, reserved) = (plus(holding.free, shares), minus(holding.reserved, shares));
            (holding.free, holding.reserved) = (free, reserved);
        });
    }

    /// Gives reserved shares away.
    pub(crate) fn take_shares(&mut self, symbol: Symbol, shares: Shares) {
        self.change_holding(symbol, |holding| holding.reserved = minus(holding.reserved, shares));
    }

    /// Where a trigger is, or belongs.
    pub(crate) fn trigger_at(&self, side: Side, symbol: Symbol) -> Result<usize, usize> {
        let key = |side: Side, symbol: Symbol| (side == Side::Sell, symbol);
        let of = |trigger: &Trigger| key(trigger.side, trigger.symbol);
        self.triggers.binary_search_by_key(&key(side, symbol), of)
    }

    /// Whether there is room for another purchase: it may bring another stock.
    pub(crate) fn has_room_to_buy(&self) -> bool {
        self.holdings.len() + self.buys.len() + self.triggers.len() < POSITIONS_MAX
    }

    /// Whether there is room for another sale.
    pub(crate) fn has_room_to_sell(&self) -> bool {
        self.sells.len() + self.triggers.len() < POSITIONS_MAX
    }

    /// Notes a transaction; the oldest is forgotten when there are twenty.
    pub(crate) fn note(&mut self, recent: Recent) {
        if self.recent.len() < RECENT_MAX {
            if self.recent.len() == self.recent.capacity() {
                // Most users have few transactions: memory grows in small steps.
                self.recent.reserve_exact(RECENT_MAX / 4);
            }
            return self.recent.push(recent);
        }
        self.recent[self.recent_oldest] = recent;
        self.recent_oldest = (self.recent_oldest + 1) % RECENT_MAX;
    }

    /// The last transactions, the oldest first.
    pub(crate) fn recent(&self) -> impl ExactSizeIterator<Item = &Recent> + Clone {
        let (newer, older) = self.recent.split_at(self.recent_oldest);
        (0..self.recent.len())
            .map(move |at| older.get(at).unwrap_or_else(|| &newer[at - older.len()]))
    }
}

fn plus(part: Shares, shares: Shares) -> Shares {
    part.checked_add(shares).expect("shares are within their limit")
}

fn minus(part: Shares, shares: Shares) -> Shares {
    part.checked_sub(shares).expect("no part of a holding is negative")
}
