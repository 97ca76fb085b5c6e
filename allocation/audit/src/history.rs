//! History: what came of a message first, while a repeat gets it again and a fill can be busted.

use std::collections::VecDeque;

use allot_allocation_rules::{Bust, Fill, SplitNumber, limits};
use allot_domain::{AccountId, MessageId, Price, Quantity, Side, Ticker};

/// Shares of some accounts, in byte order of their ids.
pub(crate) type Shares = Vec<(AccountId, u64)>;

/// What a message said, apart from its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Fill {
        side: Side,
        price: Price,
        quantity: Quantity,
    },
    /// Busts are few, and every name has room for the longest of these.
    Bust {
        of: Box<MessageId>,
    },
}

impl Said {
    pub(crate) const fn by(fill: &Fill) -> Self {
        let Fill { side, price, quantity, .. } = *fill;
        Self::Fill { side, price, quantity }
    }

    pub(crate) fn by_bust(bust: &Bust) -> Self {
        Self::Bust { of: Box::new(bust.of) }
    }
}

/// What is kept of the name of a fill or a bust.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) said: Said,
    /// Its outcome in the history; none of a fill that is held, or was busted while it was.
    pub(crate) outcome: Option<u64>,
}

/// What came of a message.
#[derive(Clone, Debug)]
pub(crate) enum Applied {
    /// A fill was divided by the split of this number.
    Divided { fill: Box<Fill>, split: SplitNumber, is_busted: bool, is_late: bool },
    /// A fill was taken back.
    Busted(Box<Bust>),
}

impl Applied {
    pub(crate) const fn ticker(&self) -> &Ticker {
        match self {
            Self::Divided { fill, .. } => &fill.ticker,
            Self::Busted(bust) => &bust.ticker,
        }
    }
}

/// What came of a message, with its shares.
#[derive(Clone, Debug)]
pub(crate) struct FirstOutcome {
    pub(crate) applied: Applied,
    /// When the message was taken.
    pub(crate) time_ns: u64,
    pub(crate) shares: Shares,
}

/// The latest outcomes. Their number is bounded, and so is that of their shares.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// By number, without a gap, up to the next.
    kept: VecDeque<FirstOutcome>,
    next: u64,
    capacity: usize,
    shares: usize,
    shares_max: usize,
    /// The last outcome that was kept without its shares.
    bare: Option<u64>,
}

impl History {
    /// The book keeps at least one outcome, and eight shares for each.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let shares_max = capacity * limits::HISTORY_SHARES_EACH;
        Self { kept: VecDeque::new(), next: 0, capacity, shares: 0, shares_max, bare: None }
    }

    /// The place of a number, if it is kept.
    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first())?).ok()
    }

    /// The number of the oldest that is kept.
    fn first(&self) -> u64 {
        self.next - u64::try_from(self.kept.len()).expect("a usize fits")
    }

    pub(crate) fn get(&self, number: u64) -> Option<&FirstOutcome> {
        self.kept.get(self.place(number)?)
    }

    /// The outcomes of a ticker that are kept, and all after them with their shares; oldest first.
    pub(crate) fn of_ticker(&self, ticker: &Ticker) -> Vec<&FirstOutcome> {
        let from = self.bare.and_then(|bare| self.place(bare + 1)).unwrap_or(0);
        self.kept.range(from..).filter(|outcome| outcome.applied.ticker() == ticker).collect()
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut FirstOutcome> {
        let place = self.place(number)?;
        self.kept.get_mut(place)
    }

    /// Stores an outcome and forgets the oldest ones, for which there is no more room. Returns its
    /// number.
    pub(crate) fn store(&mut self, mut outcome: FirstOutcome) -> u64 {
        if self.shares_max < outcome.shares.len() {
            outcome.shares.clear();
            self.bare = Some(self.next);
        }
        let number = self.next;
        self.next += 1;
        self.shares += outcome.shares.len();
        self.kept.push_back(outcome);
        while self.capacity < self.kept.len() || self.shares_max < self.shares {
            let oldest = self.kept.pop_front().expect("the newest always has room");
            self.shares -= oldest.shares.len();
        }
        number
    }
}
