//! Outcome: everything that can come of an input. It has all that replies and the log need.

use alloc::vec::Vec;
use core::num::NonZeroU64;

use allot_domain::{MessageId, Side, SourceId};

use crate::{Answer, Cents, Command, Holding, Reject, Shares, Symbol, Trade, User};

/// The message that an outcome is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The source.
    pub source: SourceId,
    /// What names it.
    pub id: MessageId,
    /// When the router took it, in nanoseconds of Unix time; of a repeat, when it came first, as
    /// long as that is kept.
    pub time_ns: u64,
    /// Whether this is its first outcome given again.
    pub duplicate: bool,
}

/// Which command an outcome is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The message.
    pub origin: Origin,
    /// The user; none for a DUMPLOG of all.
    pub user: Option<User>,
    /// The number of the transaction, if the client gave one.
    pub transaction: Option<NonZeroU64>,
    /// The command.
    pub command: Command,
    /// When it came to this: nanoseconds of Unix time.
    pub at_ns: u64,
    /// Whether it had waited for a quote: this outcome follows an earlier [`Outcome::Awaiting`].
    pub late: bool,
}

/// What came of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A command was applied.
    Answered {
        /// Which.
        told: Told,
        /// What it is told.
        answer: Answer,
    },
    /// A command waits: for a quote, or behind another command of its user that does. The reply is
    /// owed; an answer or a rejection that is late follows.
    Awaiting {
        /// Which.
        told: Told,
        /// The quote that the user waits for.
        symbol: Symbol,
    },
    /// A command changed nothing.
    Rejected {
        /// Which.
        told: Told,
        /// Why.
        reject: Reject,
    },
    /// A pending order was not committed within its 60 seconds; what it held is free.
    Expired {
        /// Whose.
        user: User,
        /// The transaction of the BUY or SELL.
        transaction: Option<NonZeroU64>,
        /// The order.
        trade: Trade,
        /// When: nanoseconds of Unix time.
        at_ns: u64,
    },
    /// An armed trigger met a quote that satisfies it. It is gone, and its amount too.
    Fired(Firing),
    /// An armed trigger was cancelled or replaced: it will never fire.
    Disarmed {
        /// The SET_BUY_TRIGGER or SET_SELL_TRIGGER.
        origin: Origin,
        /// Whose.
        user: User,
        /// Its transaction.
        transaction: Option<NonZeroU64>,
        /// A purchase or a sale.
        side: Side,
        /// Of which stock.
        symbol: Symbol,
        /// Its price.
        trigger: Cents,
        /// When: nanoseconds of Unix time.
        at_ns: u64,
    },
    /// A quote is wanted. It is said once, until a quote of the symbol comes or fails.
    Wanted(Wanted),
    /// When something is due next, in nanoseconds of Unix time, rounded up to half a second: an
    /// input is needed then. It is said when it changes, and of each tick.
    Due(u64),
}

/// An automatic purchase or sale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Firing {
    /// The SET_BUY_TRIGGER or SET_SELL_TRIGGER.
    pub origin: Origin,
    /// Whose.
    pub user: User,
    /// Its transaction.
    pub transaction: Option<NonZeroU64>,
    /// A purchase or a sale.
    pub side: Side,
    /// Of which stock.
    pub symbol: Symbol,
    /// The price of the trigger.
    pub trigger: Cents,
    /// The quote, at which the shares were traded.
    pub price: Cents,
    /// The shares; zero where nothing was traded: the reserve buys no share at the quote, or the
    /// user would have more than an account can count.
    pub shares: Shares,
    /// What they cost or brought.
    pub amount: Cents,
    /// Of a purchase: what is free again of its reserve.
    pub cash_back: Cents,
    /// Of a sale of nothing: the shares that are free again.
    pub shares_back: Shares,
    /// When: nanoseconds of Unix time.
    pub at_ns: u64,
}

/// A wish for a quote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Of which stock.
    pub symbol: Symbol,
    /// In whose name: the first who waits for it, or has a trigger.
    pub user: User,
    /// For which transaction, if that has a number.
    pub transaction: Option<NonZeroU64>,
}

/// A pending order, as a summary shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// What a commit will do.
    pub trade: Trade,
    /// How long it can be committed yet, in nanoseconds.
    pub left_ns: u64,
}

/// An amount that is set, and its trigger, as a summary shows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TriggerLine {
    /// A purchase or a sale.
    pub side: Side,
    /// Of which stock.
    pub symbol: Symbol,
    /// The amount.
    pub amount: Cents,
    /// Of an armed sale: the shares that it reserves.
    pub shares: Shares,
    /// The price of the trigger; none while it is not armed.
    pub trigger: Option<Cents>,
}

/// What a transaction was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecentKind {
    /// ADD.
    Added,
    /// BUY.
    BuyPending,
    /// COMMIT_BUY.
    Bought,
    /// CANCEL_BUY.
    BuyCancelled,
    /// A BUY that was not committed in time.
    BuyExpired,
    /// SELL.
    SellPending,
    /// COMMIT_SELL.
    Sold,
    /// CANCEL_SELL.
    SellCancelled,
    /// A SELL that was not committed in time.
    SellExpired,
    /// SET_BUY_AMOUNT.
    BuyAmountSet,
    /// SET_BUY_TRIGGER.
    BuyArmed,
    /// CANCEL_SET_BUY.
    SetBuyCancelled,
    /// A trigger that bought.
    BuyFired,
    /// SET_SELL_AMOUNT.
    SellAmountSet,
    /// SET_SELL_TRIGGER.
    SellArmed,
    /// CANCEL_SET_SELL.
    SetSellCancelled,
    /// A trigger that sold.
    SellFired,
}

impl RecentKind {
    /// All kinds; the place of each is its number in bytes.
    pub const ALL: &[Self] = &[
        Self::Added,
        Self::BuyPending,
        Self::Bought,
        Self::BuyCancelled,
        Self::BuyExpired,
        Self::SellPending,
        Self::Sold,
        Self::SellCancelled,
        Self::SellExpired,
        Self::BuyAmountSet,
        Self::BuyArmed,
        Self::SetBuyCancelled,
        Self::BuyFired,
        Self::SellAmountSet,
        Self::SellArmed,
        Self::SetSellCancelled,
        Self::SellFired,
    ];

    /// The term for people and for messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::BuyPending => "buy_pending",
            Self::Bought => "bought",
            Self::BuyCancelled => "buy_cancelled",
            Self::BuyExpired => "buy_expired",
            Self::SellPending => "sell_pending",
            Self::Sold => "sold",
            Self::SellCancelled => "sell_cancelled",
            Self::SellExpired => "sell_expired",
            Self::BuyAmountSet => "buy_amount_set",
            Self::BuyArmed => "buy_armed",
            Self::SetBuyCancelled => "set_buy_cancelled",
            Self::BuyFired => "buy_fired",
            Self::SellAmountSet => "sell_amount_set",
            Self::SellArmed => "sell_armed",
            Self::SetSellCancelled => "set_sell_cancelled",
            Self::SellFired => "sell_fired",
        }
    }
}

/// A transaction, as a summary shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recent {
    /// The number that the client gave it.
    pub transaction: Option<NonZeroU64>,
    /// When: nanoseconds of Unix time.
    pub at_ns: u64,
    /// The money: what was added, traded, or set; of a trigger its price.
    pub amount: Cents,
    /// The shares that were traded or set aside; zero where there are none.
    pub shares: Shares,
    /// The stock; none of an ADD.
    pub symbol: Option<Symbol>,
    /// What it was.
    pub kind: RecentKind,
}

/// Which way free cash changed, in the words of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// There is more of it.
    Add,
    /// There is less of it.
    Remove,
}

/// Why free cash changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// ADD.
    Added,
    /// BUY holds it.
    Held,
    /// CANCEL_BUY, or the end of the 60 seconds, frees what a BUY held.
    Released,
    /// SET_BUY_AMOUNT reserves it.
    Reserved,
    /// CANCEL_SET_BUY, a new amount, or the rest of a purchase frees what was reserved.
    Unreserved,
    /// COMMIT_SELL, or a trigger, brings it.
    Sold,
}

/// A change of the free cash of a user: all of them add up to what is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CashChange {
    /// Whose.
    pub user: User,
    /// More or less.
    pub action: Action,
    /// How much, never zero.
    pub amount: Cents,
    /// Why.
    pub cause: Cause,
    /// The transaction that did it.
    pub transaction: Option<NonZeroU64>,
    /// When: nanoseconds of Unix time.
    pub at_ns: u64,
}

/// What came of some inputs, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcomes {
    /// The outcomes.
    pub list: Vec<Outcome>,
    /// Lines of summaries: stocks.
    pub holdings: Vec<Holding>,
    /// Lines of summaries: pending orders.
    pub pending: Vec<Pending>,
    /// Lines of summaries: amounts and triggers.
    pub triggers: Vec<TriggerLine>,
    /// Lines of summaries: the last transactions.
    pub recent: Vec<Recent>,
}

impl allot_domain::Outcomes for Outcomes {
    type Outcome = Outcome;

    #[inline]
    fn list(&self) -> &[Outcome] {
        &self.list
    }

    #[inline]
    fn clear(&mut self) {
        self.list.clear();
        self.holdings.clear();
        self.pending.clear();
        self.triggers.clear();
        self.recent.clear();
    }
}

impl Outcome {
    /// The command that it is of; none of what comes by itself.
    #[must_use]
    pub const fn told(&self) -> Option<&Told> {
        match self {
            Self::Answered { told, .. }
            | Self::Awaiting { told, .. }
            | Self::Rejected { told, .. } => Some(told),
            _ => None,
        }
    }

    /// How the free cash of the user changed, in order; nothing of a repeat.
    #[must_use]
    pub fn cash_changes(&self) -> [Option<CashChange>; 2] {
        match self {
            Self::Answered { told, answer } if !told.origin.duplicate => {
                Self::changes_by_answer(told, answer)
            }
            Self::Expired { user, transaction, trade, at_ns } if trade.side == Side::Buy => {
                let (action, cause, amount) = (Action::Add, Cause::Released, trade.amount());
                let (user, transaction, at_ns) = (*user, *transaction, *at_ns);
                [Some(CashChange { user, action, amount, cause, transaction, at_ns }), None]
            }
            Self::Fired(firing) => {
                let Firing { user, transaction, at_ns, .. } = *firing;
                let (amount, cause) = match firing.side {
                    Side::Buy => (firing.cash_back, Cause::Unreserved),
                    Side::Sell => (firing.amount, Cause::Sold),
                };
                let action = Action::Add;
                let change = CashChange { user, action, amount, cause, transaction, at_ns };
                [(Cents::ZERO < amount).then_some(change), None]
            }
            _ => [None, None],
        }
    }

    fn changes_by_answer(told: &Told, answer: &Answer) -> [Option<CashChange>; 2] {
        let Some(user) = told.user else { return [None, None] };
        let (transaction, at_ns) = (told.transaction, told.at_ns);
        let change = |action, cause, amount| {
            let change = CashChange { user, action, amount, cause, transaction, at_ns };
            (Cents::ZERO < amount).then_some(change)
        };
        match (answer, &told.command) {
            (Answer::Added { .. }, Command::Add(amount)) => {
                [change(Action::Add, Cause::Added, *amount), None]
            }
            (Answer::Pending { trade, .. }, Command::Buy(..)) => {
                [change(Action::Remove, Cause::Held, trade.amount()), None]
            }
            (Answer::Cancelled(trade), Command::CancelBuy) => {
                [change(Action::Add, Cause::Released, trade.amount()), None]
            }
            (Answer::Committed(trade), Command::CommitSell) => {
                [change(Action::Add, Cause::Sold, trade.amount()), None]
            }
            (Answer::AmountSet { before, .. }, Command::SetBuyAmount(_, amount)) => [
                change(Action::Add, Cause::Unreserved, *before),
                change(Action::Remove, Cause::Reserved, *amount),
            ],
            (Answer::SetCancelled { amount, .. }, Command::CancelSetBuy(_)) => {
                [change(Action::Add, Cause::Unreserved, *amount), None]
            }
            _ => [None, None],
        }
    }
}
