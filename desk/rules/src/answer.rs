//! Answer: what a command is told.

use core::num::NonZeroU64;

use allot_domain::Side;
use allot_domain::snapshot::{Cursor, SnapshotError, ensure};

use crate::{Cents, Shares, Symbol, limits};

/// Shares for money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trade {
    /// Bought or sold.
    pub side: Side,
    /// Of which stock.
    pub symbol: Symbol,
    /// How many.
    pub shares: Shares,
    /// What one of them costs.
    pub price: Cents,
}

impl Trade {
    /// What all of them cost.
    ///
    /// # Panics
    /// Never: a trade is made only where this is within the limits.
    #[must_use]
    pub const fn amount(&self) -> Cents {
        self.price.times(self.shares).expect("a trade is within the limits")
    }
}

/// What a command is told once it is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// ADD: the money is there.
    Added {
        /// What the user has free now.
        cash: Cents,
    },
    /// QUOTE: the price.
    Quoted {
        /// What one share costs.
        price: Cents,
        /// Until when that is valid: nanoseconds of Unix time.
        until_ns: u64,
    },
    /// BUY, SELL: the order is pending; its money or its shares are set aside.
    Pending {
        /// What a commit will do.
        trade: Trade,
        /// Until when: nanoseconds of Unix time.
        until_ns: u64,
    },
    /// COMMIT_BUY, COMMIT_SELL: the trade is done.
    Committed(Trade),
    /// CANCEL_BUY, CANCEL_SELL: the order is gone; what it held is free.
    Cancelled(Trade),
    /// SET_BUY_AMOUNT, SET_SELL_AMOUNT.
    AmountSet {
        /// The amount that it replaced; zero where it is the first.
        before: Cents,
        /// Of an armed sale: the shares that are reserved now.
        shares: Shares,
    },
    /// SET_BUY_TRIGGER, SET_SELL_TRIGGER.
    Armed {
        /// The amount.
        amount: Cents,
        /// Of a sale: the shares that are reserved now.
        shares: Shares,
    },
    /// CANCEL_SET_BUY, CANCEL_SET_SELL: amount and trigger are gone; what they reserved is free.
    SetCancelled {
        /// The amount.
        amount: Cents,
        /// Of a sale: the shares that were reserved.
        shares: Shares,
    },
    /// DUMPLOG: everything before it belongs to the log.
    LogDumped,
    /// DISPLAY_SUMMARY.
    Summary(Summary),
    /// A repeat whose first answer is no longer kept: it was applied, or refused.
    Forgotten,
}

/// Where some lines of a summary are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// The first.
    pub from: u32,
    /// How many.
    pub len: u32,
}

impl Span {
    /// The lines of a list.
    ///
    /// # Panics
    /// If the list is another, and shorter.
    #[must_use]
    pub fn of<T>(self, list: &[T]) -> &[T] {
        let narrow = |number: u32| usize::try_from(number).expect("a usize has 32 bits");
        &list[narrow(self.from)..][..narrow(self.len)]
    }

    pub(crate) fn new(from: usize, until: usize) -> Self {
        let narrow = |number| u32::try_from(number).expect("slices of outcomes are short");
        Self { from: narrow(from), len: narrow(until - from) }
    }
}

/// The account of a user. Its lists are in [`crate::Outcomes`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Free.
    pub cash: Cents,
    /// Held by pending purchases.
    pub held: Cents,
    /// Reserved for automatic purchases.
    pub reserved: Cents,
    /// In [`crate::Outcomes::holdings`], in the order of the symbols.
    pub holdings: Span,
    /// In [`crate::Outcomes::pending`]: buys, then sells, the oldest first.
    pub pending: Span,
    /// In [`crate::Outcomes::triggers`]: buys, then sells, in the order of the symbols.
    pub triggers: Span,
    /// In [`crate::Outcomes::recent`]: the last transactions, the oldest first.
    pub recent: Span,
}

impl Trade {
    pub(crate) fn save(&self, out: &mut alloc::vec::Vec<u8>) {
        out.push(u8::from(self.side == Side::Sell));
        out.extend_from_slice(&self.symbol.padded());
        out.extend_from_slice(&self.shares.get().to_le_bytes());
        out.extend_from_slice(&self.price.get().to_le_bytes());
    }

    pub(crate) fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let (side, symbol) = (cursor.side()?, Symbol::load(cursor)?);
        let (shares, price) = (Shares::new(cursor.u64()?), Cents::new(cursor.u64()?));
        let amount = price.times(shares).filter(|amount| amount.get() <= limits::AMOUNT_MAX);
        let is_trade = price.is_price() && Shares::ZERO < shares && amount.is_some();
        ensure(is_trade, "a trade beyond its limits")?;
        Ok(Self { side, symbol, shares, price })
    }
}

impl Answer {
    /// Writes it; of a summary nothing, for that is made anew.
    pub(crate) fn save(&self, out: &mut alloc::vec::Vec<u8>) {
        let mut pair = |tag: u8, first: u64, second: u64| {
            out.push(tag);
            out.extend_from_slice(&first.to_le_bytes());
            out.extend_from_slice(&second.to_le_bytes());
        };
        match self {
            Self::Added { cash } => pair(0, cash.get(), 0),
            Self::Quoted { price, until_ns } => pair(1, price.get(), *until_ns),
            Self::AmountSet { before, shares } => pair(2, before.get(), shares.get()),
            Self::Armed { amount, shares } => pair(3, amount.get(), shares.get()),
            Self::SetCancelled { amount, shares } => pair(4, amount.get(), shares.get()),
            Self::Pending { trade, until_ns } => {
                pair(5, *until_ns, 0);
                trade.save(out);
            }
            Self::Committed(trade) => {
                out.push(6);
                trade.save(out);
            }
            Self::Cancelled(trade) => {
                out.push(7);
                trade.save(out);
            }
            Self::LogDumped => out.push(8),
            Self::Summary(_) => out.push(9),
            Self::Forgotten => unreachable!("what is kept was not forgotten"),
        }
    }

    /// The shortest answer, in bytes.
    pub(crate) const LEN_MIN: usize = 1;

    /// Reads what [`Answer::save`] wrote, behind its first byte.
    pub(crate) fn load(tag: u8, cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let (first, second) = if tag <= 5 { (cursor.u64()?, cursor.u64()?) } else { (0, 0) };
        ensure(second == 0 || !matches!(tag, 0 | 5), "a number where there is none")?;
        let (money, shares) = (Cents::new(first), Shares::new(second));
        Ok(match tag {
            0 => Self::Added { cash: money },
            1 => Self::Quoted { price: money, until_ns: second },
            2 => Self::AmountSet { before: money, shares },
            3 => Self::Armed { amount: money, shares },
            4 => Self::SetCancelled { amount: money, shares },
            5 => Self::Pending { trade: Trade::load(cursor)?, until_ns: first },
            6 => Self::Committed(Trade::load(cursor)?),
            7 => Self::Cancelled(Trade::load(cursor)?),
            8 => Self::LogDumped,
            9 => Self::Summary(Summary::default()),
            _ => return Err(SnapshotError::Broken("an answer of an unknown kind")),
        })
    }
}

/// Writes the number of a transaction; zero stands for none.
pub(crate) fn put_transaction(out: &mut alloc::vec::Vec<u8>, number: Option<NonZeroU64>) {
    out.extend_from_slice(&number.map_or(0, NonZeroU64::get).to_le_bytes());
}
