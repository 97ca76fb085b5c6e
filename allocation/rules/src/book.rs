//! Book: the machine of a shard. Divides fills by the split in force and remembers who has what.
//!
//! Accounts have two numbers: their **place**, in the order in which the firm first named them,
//! which never changes; and, while a split names them, their **rank** in its byte order. Holdings
//! go by place, the ledger by rank.

mod part;
mod snapshot;

pub use part::{AccountPart, CellPart, Part, PositionsPart, RowPart};

use crate::history::{Answer, History, Key};
use crate::holdings::index;
use crate::input::{Allocated, Input, Netting, Origin, Outcome, Outcomes, Share, SplitKey};
use crate::{Blend, Block, Bust, Cell, Fill, Holdings, Reject, Residuals, Split, limits};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use allot_domain::Marker;
use allot_domain::{AccountId, Machine, Reject as Core, Seen, Side, SnapshotError, Sources, Step};
use core::fmt;
use core::str::FromStr;

/// An account that no split in force names.
const CLOSED: u32 = u32::MAX;

/// What can be chosen of a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookConfig {
    /// How much an even mix of tickers counts beside an even total value.
    pub blend: Blend,
    /// How many answers are kept: repeats get theirs, and fills can be busted, while they are.
    pub history: usize,
}

impl Default for BookConfig {
    fn default() -> Self {
        Self { blend: Blend::NONE, history: limits::HISTORY_DEFAULT }
    }
}

impl fmt::Display for BookConfig {
    /// As files of a journal have it: `blend 0, history 65536`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blend {}, history {}", self.blend, self.history)
    }
}

/// Why a text is no config of a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoBookConfig;

impl FromStr for BookConfig {
    type Err = NoBookConfig;

    fn from_str(text: &str) -> Result<Self, NoBookConfig> {
        let rest = text.strip_prefix("blend ").ok_or(NoBookConfig)?;
        let (blend, history) = rest.split_once(", history ").ok_or(NoBookConfig)?;
        let blend = blend.parse().map_err(|_| NoBookConfig)?;
        Ok(Self { blend, history: history.parse().map_err(|_| NoBookConfig)? })
    }
}

/// One account of the firm.
#[derive(Clone, Copy, Debug)]
struct Account {
    id: AccountId,
    rank: u32,
    /// The value in this shard's residuals, up to date while the account is closed.
    value: i128,
    /// How much of it came by nettings.
    netted: i128,
}

/// All that a shard knows.
#[derive(Clone, Debug)]
pub struct Book {
    config: BookConfig,
    accounts: Vec<Account>,
    places: BTreeMap<AccountId, u32>,
    /// The place of each account of the split, by rank.
    open: Vec<u32>,
    residuals: Residuals,
    holdings: Holdings,
    history: History,
    /// Sources of fills and busts; what they sent went to this shard alone.
    feeds: Sources,
    /// Sources of splits; all shards see the same of them, and so all decide the same.
    splitters: Sources,
    held: VecDeque<Fill>,
    split: Option<SplitKey>,
    split_number: u64,
    recent_splits: VecDeque<(SplitKey, u64)>,
    /// The first split of the latest run of splits that name the same accounts.
    same_accounts_since: u64,
    netting_number: u64,
    fills: u64,
    turnover: i128,
    flow: i128,
    price_max: i64,
    shares: Vec<u64>,
    /// What the accounts of the split hold of the ticker that is divided, by rank.
    cells: Vec<Cell>,
}

impl Machine for Book {
    type Config = BookConfig;
    type Input = Input;
    type Outcomes = Outcomes;

    fn new(config: BookConfig) -> Self {
        Self::new(config)
    }

    fn apply(&mut self, input: &Input, outcomes: &mut Outcomes) -> Step {
        assert!(!self.is_releasing(), "what comes of an input is taken whole before the next");
        match input {
            Input::Fill(fill) => self.fill(fill, outcomes),
            Input::Bust(bust) => self.bust(bust, outcomes),
            Input::Split(split) => self.split(split, outcomes),
            Input::Marker(_) => self.flow -= self.flow / 4,
            Input::Netting(netting) => self.net(netting),
        }
        self.step()
    }

    fn resume(&mut self, outcomes: &mut Outcomes) -> Step {
        assert!(self.is_releasing(), "there is more to come");
        self.release_held(outcomes);
        self.step()
    }

    fn save(&self, snapshot: &mut Vec<u8>) {
        self.save(snapshot);
    }

    fn load(config: BookConfig, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        Self::load(config, snapshot)
    }
}

impl Book {
    /// A book without accounts: fills are held until the first split.
    #[must_use]
    pub fn new(config: BookConfig) -> Self {
        Self {
            config,
            accounts: Vec::new(),
            places: BTreeMap::new(),
            open: Vec::new(),
            residuals: Residuals::default(),
            holdings: Holdings::default(),
            history: History::new(config.history),
            feeds: Sources::default(),
            splitters: Sources::default(),
            held: VecDeque::new(),
            split: None,
            split_number: 0,
            recent_splits: VecDeque::new(),
            same_accounts_since: 0,
            netting_number: 0,
            fills: 0,
            turnover: 0,
            flow: 0,
            price_max: 0,
            shares: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// The id of the account at this place.
    #[must_use]
    pub fn account(&self, place: u32) -> &AccountId {
        &self.accounts[index(place)].id
    }

    /// How many accounts the firm ever named.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// Who holds what.
    #[must_use]
    pub const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// What each account of the split misses.
    #[must_use]
    pub const fn residuals(&self) -> &Residuals {
        &self.residuals
    }

    fn fill(&mut self, fill: &Fill, outcomes: &mut Outcomes) {
        let found = self.feeds.find(&fill.source);
        match self.feeds.seen(found, fill.seq) {
            Ok(Seen::New) => self.new_fill(fill, found, outcomes),
            Ok(Seen::Applied) => self.repeat_fill(fill, outcomes),
            Ok(Seen::TooOld(oldest)) => {
                outcomes.reject(Origin::of(fill), Core::SequenceTooOld(oldest));
            }
            Err(reject) => outcomes.reject(Origin::of(fill), reject),
        }
    }

    fn new_fill(&mut self, fill: &Fill, found: Option<u32>, outcomes: &mut Outcomes) {
        let row = match self.check(fill) {
            Ok(row) => row,
            Err(reject) => return outcomes.reject(Origin::of(fill), reject),
        };
        let source = found.unwrap_or_else(|| self.feeds.add(&fill.source));
        self.feeds.mark(source, fill.seq);
        if self.residuals.is_empty() {
            self.held.push_back(*fill);
            outcomes.list.push(Outcome::Held(Origin::of(fill)));
        } else {
            self.allocate(fill, (source, row), false, outcomes);
        }
    }

    /// Whether a fill can be divided, or held before the first split, and which row its ticker has,
    /// if it has one; nothing changes.
    #[inline(always)]
    fn check(&self, fill: &Fill) -> Result<Option<u32>, Reject> {
        if self.residuals.is_empty() {
            let has_room = self.held.len() < limits::HELD_MAX;
            return if has_room { Ok(None) } else { Err(Core::Busy.into()) };
        }
        let row = self.holdings.find(&fill.ticker);
        if row.is_none() && self.holdings.is_full() {
            return Err(Reject::TooManyTickers);
        }
        if fill.side == Side::Sell {
            let held = row.map_or(0, |row| self.held_by_open(row));
            if held < fill.quantity.get() {
                return Err(Reject::ExceedsHoldings(held));
            }
        }
        let total = row.map_or(0, |row| self.holdings.row(row).total());
        let block = Block { side: fill.side, price: fill.price, quantity: fill.quantity };
        self.check_limits(block, total).map(|()| row)
    }

    /// Whether a block fits in where `total` shares of its ticker are held; a sale adds none.
    fn check_limits(&self, block: Block, total: u64) -> Result<(), Reject> {
        let bought = if block.side == Side::Buy { block.quantity.get() } else { 0 };
        let total = total + bought;
        let turnover = self.turnover + block.price.times(block.quantity).nanos();
        let within = total <= limits::HOLDING_MAX && turnover <= limits::VALUE_MAX;
        if within { Ok(()) } else { Err(Reject::ExceedsLimits) }
    }

    /// The shares that accounts of the split hold; closed accounts keep theirs.
    fn held_by_open(&self, row: u32) -> u64 {
        let row = self.holdings.row(row);
        self.open.iter().map(|place| row.cell(*place).quantity).sum()
    }

    /// Divides a fill that was checked, of the source at this place, into the row of its ticker.
    fn allocate(
        &mut self,
        fill: &Fill,
        (source, row): (u32, Option<u32>),
        late: bool,
        outcomes: &mut Outcomes,
    ) {
        let block = Block { side: fill.side, price: fill.price, quantity: fill.quantity };
        let row_at = row.unwrap_or_else(|| self.holdings.add(&fill.ticker));
        let row = self.holdings.row_mut(row_at);
        if fill.side == Side::Sell || self.config.blend != Blend::NONE {
            for (cell, place) in self.cells.iter_mut().zip(&self.open) {
                *cell = row.cell(*place);
            }
        }
        self.residuals.allocate(block, self.config.blend, &self.cells, &mut self.shares);
        let from = outcomes.shares.len();
        for (quantity, place) in self.shares.iter().zip(&self.open).filter(|share| *share.0 > 0) {
            match fill.side {
                Side::Buy => row.add(*place, *quantity, fill.price.nanos()),
                Side::Sell => row.take(*place, *quantity, fill.price.nanos()),
            }
            outcomes.shares.push(Share { account: *place, quantity: *quantity });
        }
        self.count(block);
        self.fills += 1;
        let shares = from..outcomes.shares.len();
        let answer = Answer::Fill {
            row: row_at,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: self.split_number,
            busted: false,
        };
        let key = Key { source, seq: fill.seq };
        self.history.keep(key, answer, &outcomes.shares[shares.clone()]);
        outcomes.list.push(Outcome::Allocated(Allocated {
            origin: Origin::of(fill),
            ticker: fill.ticker,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: self.split_number,
            shares,
            late,
        }));
    }

    fn count(&mut self, block: Block) {
        let notional = block.price.times(block.quantity).nanos();
        self.turnover += notional;
        self.flow += notional;
        self.price_max = self.price_max.max(block.price.nanos());
    }

    /// A fill that was applied: before any split `held` is the answer to all that is not kept.
    fn repeat_fill(&mut self, fill: &Fill, outcomes: &mut Outcomes) {
        let origin = Origin { source: fill.source, seq: fill.seq, duplicate: true };
        let forgotten = Outcome::Allocated(Allocated {
            origin,
            ticker: fill.ticker,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: 0,
            shares: 0..0,
            late: false,
        });
        let forgotten = if self.residuals.is_empty() { Outcome::Held(origin) } else { forgotten };
        self.repeat(origin, forgotten, outcomes);
    }

    /// Gives the first answer again, with its shares, or what stands for it once it is forgotten.
    fn repeat(&self, origin: Origin, forgotten: Outcome, outcomes: &mut Outcomes) {
        let source = self.feeds.find(&origin.source);
        let key = source.map(|source| Key { source, seq: origin.seq });
        let Some((answer, shares)) = key.and_then(|key| self.history.find(key)) else {
            outcomes.list.push(forgotten);
            return;
        };
        let shares = outcomes.keep_shares(shares);
        outcomes.list.push(match answer {
            Answer::Held => Outcome::Held(origin),
            Answer::Bust { ticker, of } => Outcome::Busted { origin, ticker, of, shares },
            Answer::Fill { row, side, price, quantity, split, .. } => {
                let (ticker, late) = (self.holdings.row(row).ticker, false);
                let again =
                    Allocated { origin, ticker, side, price, quantity, split, shares, late };
                Outcome::Allocated(again)
            }
        });
    }

    fn bust(&mut self, bust: &Bust, outcomes: &mut Outcomes) {
        let origin = Origin { source: bust.source, seq: bust.seq, duplicate: false };
        let found = self.feeds.find(&bust.source);
        let done = match self.feeds.seen(found, bust.seq) {
            Ok(Seen::New) => self.new_bust(bust, found, outcomes),
            Ok(Seen::Applied) => {
                let origin = Origin { duplicate: true, ..origin };
                let (ticker, of) = (bust.ticker, bust.of);
                let forgotten = Outcome::Busted { origin, ticker, of, shares: 0..0 };
                return self.repeat(origin, forgotten, outcomes);
            }
            Ok(Seen::TooOld(oldest)) => Err(Core::SequenceTooOld(oldest).into()),
            Err(reject) => Err(reject.into()),
        };
        if let Err(reject) = done {
            outcomes.reject(origin, reject);
        }
    }

    fn new_bust(
        &mut self,
        bust: &Bust,
        found: Option<u32>,
        outcomes: &mut Outcomes,
    ) -> Result<(), Reject> {
        // Whoever never sent a fill that was applied has none to take back.
        let source = found.ok_or(Reject::UnknownFill(bust.of))?;
        if !self.bust_held(bust, source, outcomes) {
            self.bust_allocated(bust, source, outcomes)?;
        }
        self.feeds.mark(source, bust.seq);
        Ok(())
    }

    /// Takes back a fill that was divided.
    fn bust_allocated(
        &mut self,
        bust: &Bust,
        source: u32,
        outcomes: &mut Outcomes,
    ) -> Result<(), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let key = Key { source, seq: bust.of };
        let (answer, shares) = self.history.find(key).ok_or(unknown.clone())?;
        let Answer::Fill { row, side, price, quantity, busted: false, .. } = answer else {
            return Err(unknown);
        };
        let kept: u64 = shares.into_iter().flatten().map(|share| share.quantity).sum();
        if self.holdings.row(row).ticker != bust.ticker || kept < quantity.get() {
            return Err(unknown);
        }
        let block = Block { side, price, quantity };
        let from = outcomes.shares.len();
        let shares = outcomes.keep_shares(shares);
        if let Err(reject) = self.check_reversal(row, block, &outcomes.shares[shares.clone()]) {
            outcomes.shares.truncate(from);
            return Err(reject);
        }
        self.reverse(row, block, &outcomes.shares[shares.clone()]);
        self.history.mark_busted(key);
        let (ticker, of) = (bust.ticker, bust.of);
        let key = Key { source, seq: bust.seq };
        self.history.keep(key, Answer::Bust { ticker, of }, &outcomes.shares[shares.clone()]);
        let origin = Origin { source: bust.source, seq: bust.seq, duplicate: false };
        outcomes.list.push(Outcome::Busted { origin, ticker, of, shares });
        Ok(())
    }

    /// Takes back a fill that still waits for the first split: nobody had any of it, and `held`
    /// stays the answer to it.
    fn bust_held(&mut self, bust: &Bust, source: u32, outcomes: &mut Outcomes) -> bool {
        let of_bust = |fill: &Fill| {
            fill.source == bust.source && fill.seq == bust.of && fill.ticker == bust.ticker
        };
        let Some(at) = self.held.iter().position(of_bust) else {
            return false;
        };
        self.held.remove(at);
        let origin = Origin { source: bust.source, seq: bust.seq, duplicate: false };
        let (ticker, of) = (bust.ticker, bust.of);
        self.history.keep(Key { source, seq: of }, Answer::Held, &[]);
        self.history.keep(Key { source, seq: bust.seq }, Answer::Bust { ticker, of }, &[]);
        outcomes.list.push(Outcome::Busted { origin, ticker, of, shares: 0..0 });
        true
    }

    fn check_reversal(&self, row: u32, block: Block, shares: &[Share]) -> Result<(), Reject> {
        let row = self.holdings.row(row);
        let left = shares.iter().map(|share| row.cell(share.account).quantity.min(share.quantity));
        let left: u64 = left.sum();
        match block.side {
            Side::Buy if left < block.quantity.get() => Err(Reject::ExceedsHoldings(left)),
            Side::Sell if row.total() + block.quantity.get() > limits::HOLDING_MAX => {
                Err(Reject::ExceedsLimits)
            }
            _ => Ok(()),
        }
    }

    /// Subtracts exactly the shares of a fill; nobody else's change.
    fn reverse(&mut self, row: u32, block: Block, shares: &[Share]) {
        let price = block.price.nanos();
        let sign = if block.side == Side::Buy { -1 } else { 1 };
        self.shares.fill(0);
        let row = self.holdings.row_mut(row);
        for share in shares {
            match block.side {
                Side::Buy => row.take(share.account, share.quantity, price),
                Side::Sell => row.add(share.account, share.quantity, price),
            }
            let account = &mut self.accounts[index(share.account)];
            if account.rank == CLOSED {
                account.value += sign * i128::from(price) * i128::from(share.quantity);
            } else {
                self.shares[index(account.rank)] = share.quantity;
            }
        }
        self.residuals.reverse(block, &self.shares);
    }

    fn split(&mut self, split: &Split, outcomes: &mut Outcomes) {
        let mut origin = Origin { source: split.source, seq: split.seq, duplicate: false };
        let key = SplitKey { source: split.source, seq: split.seq };
        let found = self.splitters.find(&split.source);
        let seen = match self.splitters.seen(found, split.seq) {
            Ok(Seen::New) => self.name_accounts(split),
            Ok(Seen::TooOld(oldest)) => Err(Core::SequenceTooOld(oldest).into()),
            Ok(Seen::Applied) => {
                origin.duplicate = true;
                let known = self.recent_splits.iter().find(|(known, _)| *known == key);
                let split = known.map(|(_, number)| *number);
                outcomes.list.push(Outcome::Accepted { origin, split });
                return;
            }
            Err(reject) => Err(reject.into()),
        };
        if let Err(reject) = seen {
            return outcomes.reject(origin, reject);
        }
        let source = found.unwrap_or_else(|| self.splitters.add(&split.source));
        self.splitters.mark(source, split.seq);
        self.split_number += 1;
        self.split = Some(key);
        self.open_accounts(split);
        if self.recent_splits.len() == limits::SPLITS_KEPT {
            self.recent_splits.pop_front();
        }
        self.recent_splits.push_back((key, self.split_number));
        let number = Some(self.split_number);
        outcomes.list.push(Outcome::Accepted { origin, split: number });
        self.release_held(outcomes);
    }

    /// Gives every account of a split its place.
    fn name_accounts(&mut self, split: &Split) -> Result<(), Reject> {
        let is_new = |id: &AccountId| !self.places.contains_key(id);
        let fresh: Vec<_> =
            split.weights().iter().map(|(id, _)| *id).filter(|id| is_new(id)).collect();
        if self.accounts.len() + fresh.len() > limits::ACCOUNTS_EVER_MAX {
            return Err(Reject::TooManyAccountsEver);
        }
        for id in fresh {
            let place = u32::try_from(self.accounts.len()).expect("at most ACCOUNTS_EVER_MAX");
            self.places.insert(id, place);
            self.accounts.push(Account { id, rank: CLOSED, value: 0, netted: 0 });
        }
        Ok(())
    }

    /// Closes the accounts of the old split and opens those of the new one.
    fn open_accounts(&mut self, split: &Split) {
        for (place, value) in self.open.iter().zip(self.residuals.values()) {
            let account = &mut self.accounts[index(*place)];
            account.value = value;
            account.rank = CLOSED;
        }
        let open: Vec<_> = split.weights().iter().map(|(id, _)| self.places[id]).collect();
        if open != self.open {
            self.same_accounts_since = self.split_number;
        }
        self.open = open;
        for (rank, place) in self.open.iter().enumerate() {
            self.accounts[index(*place)].rank = u32::try_from(rank).expect("small");
        }
        let weights = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
        let values = self.open.iter().map(|place| self.accounts[index(*place)].value).collect();
        self.residuals = Residuals::new(weights, values);
        self.shares = alloc::vec![0; self.open.len()];
        self.cells = alloc::vec![Cell::default(); self.open.len()];
    }

    /// Whether a split is in force and fills that waited for it are not all divided.
    fn is_releasing(&self) -> bool {
        !self.residuals.is_empty() && !self.held.is_empty()
    }

    fn step(&self) -> Step {
        if self.is_releasing() { Step::Pending } else { Step::Done }
    }

    /// Divides the next of what waited for the first split; what cannot be may be sent again.
    fn release_held(&mut self, outcomes: &mut Outcomes) {
        for _ in 0..limits::RELEASE_SHARES_MAX / self.open.len() {
            let Some(fill) = self.held.pop_front() else { return };
            let source = self.feeds.find(&fill.source).expect("what was held has marked it");
            match self.check(&fill) {
                Ok(row) => self.allocate(&fill, (source, row), true, outcomes),
                Err(reject) => {
                    self.feeds.unmark(source, fill.seq);
                    let origin = Origin::of(&fill);
                    outcomes.list.push(Outcome::Rejected { origin, reject, late: true });
                }
            }
        }
    }

    /// Moves value between ledgers; void under other accounts, and then it is so in all shards.
    fn net(&mut self, netting: &Netting) {
        self.netting_number = netting.number;
        let known = self.recent_splits.iter().rev().find(|(key, _)| *key == netting.split);
        let same_accounts = known.is_some_and(|(_, number)| *number >= self.same_accounts_since);
        if !same_accounts || netting.transfers.len() != self.open.len() {
            return;
        }
        if self.residuals.net(&netting.transfers) {
            for (place, transfer) in self.open.iter().zip(&netting.transfers) {
                self.accounts[index(*place)].netted += transfer.nanos();
            }
        }
    }

    /// What this shard says at a marker.
    #[must_use]
    pub fn part(&self, marker: &Marker) -> Part {
        part::of(self, marker)
    }
}

#[cfg(test)]
mod tests;
