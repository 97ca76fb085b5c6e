//! Book: the machine of a shard. It divides fills by the split in force and keeps the holdings.
//!
//! Accounts have two numbers: their **index**, in the order in which splits first named them, which
//! never changes; and, while the split in force names them, their **rank** in its byte order.
//! Holdings go by index, residuals by rank.

mod part;
mod snapshot;
mod totals;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use allot_domain::{
    AccountId, Machine, Marker, Reject as Core, Seen, Side, SnapshotError, SourceIndex, Sources,
    Step,
};

use crate::history::{FirstOutcome, History, Key};
use crate::input::{Allocated, Input, Netting, Origin, Outcome, Outcomes, Share, SplitKey};
use crate::{
    AccountIndex, AccountRank, Blend, Block, Bust, Cell, Fill, Holdings, Reject, Residuals,
    RowIndex, Split, SplitNumber, limits,
};
pub use part::{AccountPart, CellPart, Part, PositionsPart, RowPart};
use totals::Totals;

/// What can be chosen of a book.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookConfig {
    /// How much an even mix of tickers counts beside an even total value.
    pub blend: Blend,
    /// How many outcomes are kept: a repeat gets its first one, and a fill can be busted, while it
    /// is.
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
    /// None while no split in force names it: it is closed.
    rank: Option<AccountRank>,
    /// The value in this shard's residuals, up to date while the account is closed.
    value: i128,
    /// How much of it came by nettings.
    netted: i128,
}

/// All that a shard of allocation knows.
#[derive(Clone, Debug)]
pub struct Book {
    config: BookConfig,
    accounts: Vec<Account>,
    indexes: BTreeMap<AccountId, AccountIndex>,
    /// The index of each account of the split, by rank.
    open: Vec<AccountIndex>,
    residuals: Residuals,
    holdings: Holdings,
    history: History,
    /// Sources of fills and busts, as far as this shard owns their tickers.
    feeds: Sources,
    /// Sources of splits; all shards see the same splits, and so decide the same.
    splitters: Sources,
    held: VecDeque<Fill>,
    split: Option<SplitKey>,
    recent_splits: VecDeque<(SplitKey, SplitNumber)>,
    totals: Totals,
    /// The shares of the fill that is divided, by rank.
    shares: Vec<u64>,
    /// What the accounts of the split hold of the ticker that is divided, by rank.
    cells: Vec<Cell>,
}

/// Where a fill that was checked goes.
#[derive(Clone, Copy)]
struct Target {
    source: SourceIndex,
    /// The row of its ticker; none where it is the first fill of it.
    row: Option<RowIndex>,
}

impl Machine for Book {
    type Config = BookConfig;
    type Input = Input;
    type Outcomes = Outcomes;

    fn new(config: BookConfig) -> Self {
        Self::new(config)
    }

    fn apply(&mut self, input: &Input, outcomes: &mut Outcomes) -> Step {
        assert!(!self.is_releasing(), "all outcomes of an input are taken before the next");
        match input {
            Input::Fill(fill) => self.apply_fill(fill, outcomes),
            Input::Bust(bust) => self.apply_bust(bust, outcomes),
            Input::Split(split) => self.apply_split(split, outcomes),
            Input::Marker(_) => self.totals.fade(),
            Input::Netting(netting) => self.apply_netting(netting),
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
            indexes: BTreeMap::new(),
            open: Vec::new(),
            residuals: Residuals::default(),
            holdings: Holdings::default(),
            history: History::new(config.history),
            feeds: Sources::default(),
            splitters: Sources::default(),
            held: VecDeque::new(),
            split: None,
            recent_splits: VecDeque::new(),
            totals: Totals::default(),
            shares: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// The id of the account of this index.
    #[must_use]
    pub fn account(&self, index: AccountIndex) -> &AccountId {
        &self.accounts[index.index()].id
    }

    /// How many accounts splits ever named.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// The holdings of all accounts.
    #[must_use]
    pub const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// What each account of the split misses.
    #[must_use]
    pub const fn residuals(&self) -> &Residuals {
        &self.residuals
    }

    fn apply_fill(&mut self, fill: &Fill, outcomes: &mut Outcomes) {
        let found = self.feeds.find(&fill.source);
        match self.feeds.seen(found, fill.seq) {
            Ok(Seen::New) => self.apply_new_fill(fill, found, outcomes),
            Ok(Seen::Applied) => self.repeat_fill(fill, outcomes),
            Ok(Seen::TooOld(oldest)) => {
                outcomes.reject(Origin::of(fill), Core::SequenceTooOld(oldest));
            }
            Err(reject) => outcomes.reject(Origin::of(fill), reject),
        }
    }

    fn apply_new_fill(&mut self, fill: &Fill, found: Option<SourceIndex>, outcomes: &mut Outcomes) {
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
            self.allocate(fill, Target { source, row }, false, outcomes);
        }
    }

    /// Checks that a fill can be divided, or held before the first split; returns the row of its
    /// ticker, if it has one.
    #[inline(always)]
    fn check(&self, fill: &Fill) -> Result<Option<RowIndex>, Reject> {
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
        self.totals.check_limits(Block::of(fill), total).map(|()| row)
    }

    /// The shares that accounts of the split hold; closed accounts keep theirs.
    fn held_by_open(&self, row: RowIndex) -> u64 {
        let row = self.holdings.row(row);
        self.open.iter().map(|account| row.cell(*account).quantity).sum()
    }

    /// Divides a fill that was checked.
    fn allocate(
        &mut self,
        fill: &Fill,
        Target { source, row }: Target,
        late: bool,
        outcomes: &mut Outcomes,
    ) {
        let block = Block::of(fill);
        let row_at = row.unwrap_or_else(|| self.holdings.add(&fill.ticker));
        let row = self.holdings.row_mut(row_at);
        if fill.side == Side::Sell || self.config.blend != Blend::NONE {
            for (cell, account) in self.cells.iter_mut().zip(&self.open) {
                *cell = row.cell(*account);
            }
        }
        self.residuals.allocate(block, self.config.blend, &self.cells, &mut self.shares);
        let from = outcomes.shares.len();
        for (quantity, account) in self.shares.iter().zip(&self.open).filter(|share| 0 < *share.0) {
            match fill.side {
                Side::Buy => row.add(*account, *quantity, fill.price.nanos()),
                Side::Sell => row.take(*account, *quantity, fill.price.nanos()),
            }
            outcomes.shares.push(Share { account: *account, quantity: *quantity });
        }
        self.totals.count_fill(block);
        let shares = from..outcomes.shares.len();
        let outcome = FirstOutcome::Fill {
            row: row_at,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: self.totals.splits,
            busted: false,
        };
        let key = Key { source, seq: fill.seq };
        self.history.store(key, outcome, &outcomes.shares[shares.clone()]);
        outcomes.list.push(Outcome::Allocated(Allocated {
            origin: Origin::of(fill),
            ticker: fill.ticker,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: self.totals.splits,
            shares,
            late,
        }));
    }

    /// A fill that was applied before. Before the first split, every one that is not kept is held.
    fn repeat_fill(&mut self, fill: &Fill, outcomes: &mut Outcomes) {
        let origin = Origin { source: fill.source, seq: fill.seq, duplicate: true };
        let forgotten = Outcome::Allocated(Allocated {
            origin,
            ticker: fill.ticker,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            split: SplitNumber::default(),
            shares: 0..0,
            late: false,
        });
        let forgotten = if self.residuals.is_empty() { Outcome::Held(origin) } else { forgotten };
        self.repeat(origin, forgotten, outcomes);
    }

    /// Gives the first outcome again, with its shares, or what replaces one that is forgotten.
    fn repeat(&self, origin: Origin, forgotten: Outcome, outcomes: &mut Outcomes) {
        let source = self.feeds.find(&origin.source);
        let key = source.map(|source| Key { source, seq: origin.seq });
        let Some((first, shares)) = key.and_then(|key| self.history.find(key)) else {
            outcomes.list.push(forgotten);
            return;
        };
        let shares = outcomes.keep_shares(shares);
        outcomes.list.push(match first {
            FirstOutcome::Held => Outcome::Held(origin),
            FirstOutcome::Bust { ticker, of } => Outcome::Busted { origin, ticker, of, shares },
            FirstOutcome::Fill { row, side, price, quantity, split, .. } => {
                let (ticker, late) = (self.holdings.row(row).ticker, false);
                let again =
                    Allocated { origin, ticker, side, price, quantity, split, shares, late };
                Outcome::Allocated(again)
            }
        });
    }

    fn apply_bust(&mut self, bust: &Bust, outcomes: &mut Outcomes) {
        let origin = Origin { source: bust.source, seq: bust.seq, duplicate: false };
        let found = self.feeds.find(&bust.source);
        let done = match self.feeds.seen(found, bust.seq) {
            Ok(Seen::New) => self.apply_new_bust(bust, found, outcomes),
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

    fn apply_new_bust(
        &mut self,
        bust: &Bust,
        found: Option<SourceIndex>,
        outcomes: &mut Outcomes,
    ) -> Result<(), Reject> {
        // A source that is not known never sent a fill that was applied.
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
        source: SourceIndex,
        outcomes: &mut Outcomes,
    ) -> Result<(), Reject> {
        let unknown = Reject::UnknownFill(bust.of);
        let key = Key { source, seq: bust.of };
        let (first, shares) = self.history.find(key).ok_or(unknown.clone())?;
        let FirstOutcome::Fill { row, side, price, quantity, busted: false, .. } = first else {
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
        self.history.store(
            key,
            FirstOutcome::Bust { ticker, of },
            &outcomes.shares[shares.clone()],
        );
        let origin = Origin { source: bust.source, seq: bust.seq, duplicate: false };
        outcomes.list.push(Outcome::Busted { origin, ticker, of, shares });
        Ok(())
    }

    /// Takes back a fill that is still held: it gives back no shares, and a repeat of it is held.
    fn bust_held(&mut self, bust: &Bust, source: SourceIndex, outcomes: &mut Outcomes) -> bool {
        let of_bust = |fill: &Fill| {
            fill.source == bust.source && fill.seq == bust.of && fill.ticker == bust.ticker
        };
        let Some(at) = self.held.iter().position(of_bust) else {
            return false;
        };
        self.held.remove(at);
        let origin = Origin { source: bust.source, seq: bust.seq, duplicate: false };
        let (ticker, of) = (bust.ticker, bust.of);
        self.history.store(Key { source, seq: of }, FirstOutcome::Held, &[]);
        self.history.store(Key { source, seq: bust.seq }, FirstOutcome::Bust { ticker, of }, &[]);
        outcomes.list.push(Outcome::Busted { origin, ticker, of, shares: 0..0 });
        true
    }

    fn check_reversal(&self, row: RowIndex, block: Block, shares: &[Share]) -> Result<(), Reject> {
        let row = self.holdings.row(row);
        let left = shares.iter().map(|share| row.cell(share.account).quantity.min(share.quantity));
        let left: u64 = left.sum();
        match block.side {
            Side::Buy if left < block.quantity.get() => Err(Reject::ExceedsHoldings(left)),
            Side::Sell if limits::HOLDING_MAX < row.total() + block.quantity.get() => {
                Err(Reject::ExceedsLimits)
            }
            _ => Ok(()),
        }
    }

    /// Takes back exactly the shares of a fill.
    fn reverse(&mut self, row: RowIndex, block: Block, shares: &[Share]) {
        let price = block.price.nanos();
        let sign = if block.side == Side::Buy { -1 } else { 1 };
        self.shares.fill(0);
        let row = self.holdings.row_mut(row);
        for share in shares {
            match block.side {
                Side::Buy => row.take(share.account, share.quantity, price),
                Side::Sell => row.add(share.account, share.quantity, price),
            }
            let account = &mut self.accounts[share.account.index()];
            match account.rank {
                Some(rank) => self.shares[rank.index()] = share.quantity,
                None => account.value += sign * i128::from(price) * i128::from(share.quantity),
            }
        }
        self.residuals.reverse(block, &self.shares);
    }

    fn apply_split(&mut self, split: &Split, outcomes: &mut Outcomes) {
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
        self.totals.splits = self.totals.splits.next();
        self.split = Some(key);
        self.open_accounts(split);
        if self.recent_splits.len() == limits::SPLITS_KEPT {
            self.recent_splits.pop_front();
        }
        self.recent_splits.push_back((key, self.totals.splits));
        let number = Some(self.totals.splits);
        outcomes.list.push(Outcome::Accepted { origin, split: number });
        self.release_held(outcomes);
    }

    /// Gives every account of a split an index.
    fn name_accounts(&mut self, split: &Split) -> Result<(), Reject> {
        let is_new = |id: &AccountId| !self.indexes.contains_key(id);
        let fresh: Vec<_> =
            split.weights().iter().map(|(id, _)| *id).filter(|id| is_new(id)).collect();
        if limits::ACCOUNTS_EVER_MAX < self.accounts.len() + fresh.len() {
            return Err(Reject::TooManyAccountsEver);
        }
        for id in fresh {
            self.indexes.insert(id, AccountIndex::at(self.accounts.len()));
            self.accounts.push(Account { id, rank: None, value: 0, netted: 0 });
        }
        Ok(())
    }

    /// Closes the accounts of the old split and opens those of the new one.
    fn open_accounts(&mut self, split: &Split) {
        for (index, value) in self.open.iter().zip(self.residuals.values()) {
            let account = &mut self.accounts[index.index()];
            account.value = value;
            account.rank = None;
        }
        let open: Vec<_> = split.weights().iter().map(|(id, _)| self.indexes[id]).collect();
        if open != self.open {
            self.totals.same_accounts_since = self.totals.splits;
        }
        self.open = open;
        for (rank, index) in self.open.iter().enumerate() {
            self.accounts[index.index()].rank = Some(AccountRank::at(rank));
        }
        let weights = split.weights().iter().map(|(_, weight)| weight.nanos()).collect();
        let values = self.open.iter().map(|index| self.accounts[index.index()].value).collect();
        self.residuals = Residuals::new(weights, values);
        self.shares = alloc::vec![0; self.open.len()];
        self.cells = alloc::vec![Cell::default(); self.open.len()];
    }

    /// Whether a split is in force and not all held fills are divided yet.
    fn is_releasing(&self) -> bool {
        !self.residuals.is_empty() && !self.held.is_empty()
    }

    fn step(&self) -> Step {
        if self.is_releasing() { Step::Pending } else { Step::Done }
    }

    /// Divides the next held fills; one that cannot be divided may be sent again.
    fn release_held(&mut self, outcomes: &mut Outcomes) {
        for _ in 0..limits::RELEASE_SHARES_MAX / self.open.len() {
            let Some(fill) = self.held.pop_front() else { return };
            let source = self.feeds.find(&fill.source).expect("a held fill has marked its source");
            match self.check(&fill) {
                Ok(row) => self.allocate(&fill, Target { source, row }, true, outcomes),
                Err(reject) => {
                    self.feeds.unmark(source, fill.seq);
                    let origin = Origin::of(&fill);
                    outcomes.list.push(Outcome::Rejected { origin, reject, late: true });
                }
            }
        }
    }

    /// Moves value between shards; void where the accounts have changed, and then so in all shards.
    fn apply_netting(&mut self, netting: &Netting) {
        self.totals.netting = netting.number;
        let known = self.recent_splits.iter().rev().find(|(key, _)| *key == netting.split);
        let same_accounts =
            known.is_some_and(|(_, number)| self.totals.same_accounts_since <= *number);
        if !same_accounts || netting.transfers.len() != self.open.len() {
            return;
        }
        if self.residuals.net(&netting.transfers) {
            for (index, transfer) in self.open.iter().zip(&netting.transfers) {
                self.accounts[index.index()].netted += transfer.nanos();
            }
        }
    }

    /// The part of this shard in the cut of a marker.
    #[must_use]
    pub fn part(&self, marker: &Marker) -> Part {
        part::of(self, marker)
    }
}

#[cfg(test)]
mod tests;
