//! Shard rows: makes the rows of an export from what became of the inputs of one shard.

use std::collections::BTreeMap;

use allot_allocation_rules::{
    Allocated, Book, Cell, Fill, Input, Outcome, Outcomes, Share, Split, SplitNumber, TickerSeq,
};
use allot_domain::{AccountId, LogIndex, MessageId, ShardId, Side, SourceId, Ticker};
use anyhow::{Context, Result};

use super::row_block::{RowBlock, RowBlocks};
use super::table::{Table, Value};
use crate::shard_replay::Logged;

/// From when to when: an outcome belongs to the time of the input that brought it about.
#[derive(Clone, Copy, Default)]
pub(super) struct Period {
    /// The first nanosecond of Unix time.
    pub(super) from: Option<u64>,
    /// The first nanosecond after it.
    pub(super) to: Option<u64>,
}

/// The rows of one shard.
pub(super) struct ShardRows {
    shard: ShardId,
    period: Period,
    blocks: RowBlocks,
    /// The fills that wait for the first split, each with its record; none of those that the
    /// snapshot has with which a pruned journal begins.
    held: BTreeMap<FillName, (Fill, Option<LogIndex>)>,
    /// What accounts held of the ticker of a bust, before it.
    before: BTreeMap<AccountId, Cell>,
    /// The tickers whose positions are written.
    tickers: usize,
}

type FillName = (SourceId, Ticker, MessageId);

/// A change of what an account holds.
struct Change {
    quantity: i64,
    value: i128,
}

impl ShardRows {
    /// Nothing yet; `book` is what the journal begins with.
    pub(super) fn new(shard: ShardId, period: Period, blocks: RowBlocks, book: &Book) -> Self {
        let held = book.held().map(|fill| (name_of(fill), (*fill, None))).collect();
        Self { shard, period, blocks, held, before: BTreeMap::new(), tickers: 0 }
    }

    /// The blocks that are full.
    pub(super) fn take_full(&mut self) -> impl Iterator<Item = RowBlock> {
        self.blocks.take_full()
    }

    /// Before an input is applied: false where it is of a later time, and so are all after it.
    pub(super) fn begin(&mut self, logged: &Logged, book: &Book) -> bool {
        // What has no time is not the first input of another period.
        if logged.time_ns != 0 && self.period.to.is_some_and(|to| to <= logged.time_ns) {
            return false;
        }
        if let Input::Bust(bust) = &logged.input {
            let row = book.holdings().row_of(&bust.ticker);
            let cells = row.iter().flat_map(|row| row.cells());
            self.before = cells.map(|(account, cell)| (*book.account(account), cell)).collect();
        }
        true
    }

    /// At the end of the journal: the next of the fills that are still held, or the next of the
    /// tickers and what accounts hold of it; false where there is none, and every block is full.
    pub(super) fn finish(&mut self, book: &Book) -> Result<bool> {
        if let Some((_, (fill, record))) = self.held.pop_first() {
            if self.is_in_period(fill.time_ns) {
                self.put_fill(&fill, None, record)?;
            }
            return Ok(true);
        }
        let Some(row) = book.holdings().rows().get(self.tickers) else {
            self.blocks.end();
            return Ok(false);
        };
        self.tickers += 1;
        for (account, cell) in row.cells() {
            let quantity = i64::try_from(cell.quantity).context("shares of a position")?;
            self.blocks.put(
                Table::Positions,
                &[
                    Value::Text(book.account(account).as_str()),
                    Value::Text(row.ticker.as_str()),
                    Value::Signed(quantity),
                    Value::Decimal(cell.value),
                    Value::Number(self.shard.get().into()),
                ],
            );
        }
        Ok(true)
    }

    fn is_in_period(&self, time_ns: u64) -> bool {
        self.period.from.is_none_or(|from| from <= time_ns)
    }

    /// Some outcomes of an input, in order; `book` has applied them.
    pub(super) fn put(&mut self, logged: &Logged, outcomes: &Outcomes, book: &Book) -> Result<()> {
        for outcome in &outcomes.list {
            match outcome {
                Outcome::Allocated(allocated) if !allocated.origin.duplicate => {
                    let fill = fill_of(allocated);
                    self.held.remove(&name_of(&fill));
                    let shares = &outcomes.shares[allocated.shares.clone()];
                    self.put_allocated(logged, allocated, &fill, shares, book)?;
                }
                Outcome::Busted { origin, ticker, of, number, shares } if !origin.duplicate => {
                    // One that was held was in no outcome yet, and will be in no other.
                    if let Some((fill, record)) = self.held.remove(&(origin.source, *ticker, *of))
                        && self.is_in_period(fill.time_ns)
                    {
                        self.put_fill(&fill, None, record)?;
                    }
                    let shares = &outcomes.shares[shares.clone()];
                    self.put_bust(logged, outcome, *number, shares, book)?;
                }
                Outcome::Held { origin, .. } if !origin.duplicate => {
                    if let Input::Fill(fill) = &logged.input {
                        self.held.insert(name_of(fill), (*fill, Some(logged.index)));
                    }
                }
                Outcome::Rejected { origin, late: Some(ticker), .. } => {
                    self.held.remove(&(origin.source, *ticker, origin.id));
                }
                Outcome::Accepted { origin, split } if !origin.duplicate => {
                    if let Input::Split(said) = &logged.input {
                        self.put_split(logged, said, *split);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn put_allocated(
        &mut self,
        logged: &Logged,
        allocated: &Allocated,
        fill: &Fill,
        shares: &[Share],
        book: &Book,
    ) -> Result<()> {
        if !self.is_in_period(logged.time_ns) {
            return Ok(());
        }
        self.put_fill(fill, Some(allocated), Some(logged.index))?;
        let sign = if fill.side == Side::Sell { -1 } else { 1 };
        for share in shares {
            let quantity = sign * i64::try_from(share.quantity).context("shares of a fill")?;
            let value = i128::from(quantity) * i128::from(fill.price.nanos());
            let account = book.account(share.account);
            let change = Change { quantity, value };
            self.put_change(logged, &fill.ticker, allocated.number, account, &change);
        }
        Ok(())
    }

    fn put_fill(
        &mut self,
        fill: &Fill,
        allocated: Option<&Allocated>,
        record: Option<LogIndex>,
    ) -> Result<()> {
        let id = fill.id.to_string();
        let quantity = i64::try_from(fill.quantity.get()).context("shares of a fill")?;
        let split = allocated.map_or(Value::None, |one| Value::Number(one.split.get()));
        let number = allocated.map_or(Value::None, |one| Value::Number(one.number.get()));
        self.blocks.put(
            Table::Fills,
            &[
                Value::Time(fill.time_ns),
                Value::Text(fill.source.as_str()),
                Value::Number(fill.seq.get()),
                Value::Text(&id),
                Value::Text(fill.ticker.as_str()),
                Value::Text(if fill.side == Side::Sell { "sell" } else { "buy" }),
                Value::Signed(quantity),
                Value::Decimal(fill.price.nanos().into()),
                split,
                number,
                Value::Flag(allocated.is_some_and(|one| one.late)),
                Value::Number(self.shard.get().into()),
                record.map_or(Value::None, |record| Value::Number(record.get())),
            ],
        );
        Ok(())
    }

    /// A bust names neither side nor price of its fill: what it changed is read off the holdings.
    fn put_bust(
        &mut self,
        logged: &Logged,
        bust: &Outcome,
        number: TickerSeq,
        shares: &[Share],
        book: &Book,
    ) -> Result<()> {
        let (Input::Bust(said), true) = (&logged.input, self.is_in_period(logged.time_ns)) else {
            return Ok(());
        };
        let (id, of) = (bust.origin().id.to_string(), said.of.to_string());
        self.blocks.put(
            Table::Busts,
            &[
                Value::Time(said.time_ns),
                Value::Text(said.source.as_str()),
                Value::Number(said.seq.get()),
                Value::Text(&id),
                Value::Text(said.ticker.as_str()),
                Value::Text(&of),
                Value::Number(number.get()),
                Value::Number(self.shard.get().into()),
                Value::Number(logged.index.get()),
            ],
        );
        let row = book.holdings().row_of(&said.ticker);
        let row = row.context("a ticker that had a bust has a row")?;
        for share in shares {
            let account = book.account(share.account);
            let before = self.before.get(account).copied().unwrap_or_default();
            let after = row.cell(share.account);
            let quantity = i128::from(after.quantity) - i128::from(before.quantity);
            let quantity = i64::try_from(quantity).context("shares of a fill")?;
            let change = Change { quantity, value: after.value - before.value };
            self.put_change(logged, &said.ticker, number, account, &change);
        }
        Ok(())
    }

    fn put_change(
        &mut self,
        logged: &Logged,
        ticker: &Ticker,
        number: TickerSeq,
        account: &AccountId,
        change: &Change,
    ) {
        self.blocks.put(
            Table::Allocations,
            &[
                Value::Time(logged.time_ns),
                Value::Text(ticker.as_str()),
                Value::Number(number.get()),
                Value::Text(account.as_str()),
                Value::Signed(change.quantity),
                Value::Decimal(change.value),
                Value::Number(self.shard.get().into()),
                Value::Number(logged.index.get()),
            ],
        );
    }

    fn put_split(&mut self, logged: &Logged, split: &Split, number: SplitNumber) {
        if !self.is_in_period(logged.time_ns) {
            return;
        }
        self.blocks.begin_split(number);
        let weights = split.weights().iter();
        let weights = weights.map(|(id, weight)| (id, Value::Decimal(weight.nanos().into())));
        let closes = split.closes().iter().map(|id| (id, Value::None));
        for (account, weight) in weights.chain(closes) {
            self.blocks.put(
                Table::Splits,
                &[
                    Value::Time(split.time_ns),
                    Value::Number(number.get()),
                    Value::Text(split.source.as_str()),
                    Value::Number(split.seq.get()),
                    Value::Text(account.as_str()),
                    weight,
                ],
            );
        }
    }
}

fn name_of(fill: &Fill) -> FillName {
    (fill.source, fill.ticker, fill.id)
}

/// The fill that was divided.
fn fill_of(allocated: &Allocated) -> Fill {
    let Allocated { origin, ticker, side, price, quantity, .. } = allocated;
    Fill {
        source: origin.source,
        seq: origin.seq,
        id: origin.id,
        time_ns: origin.time_ns,
        ticker: *ticker,
        side: *side,
        price: *price,
        quantity: *quantity,
    }
}
