//! Snapshot: the bytes of a book, and the checks of those that are read.
//!
//! ```text
//!   ALOTBOOK │ version │ config │ counters │ accounts │ names of fills │ names of splits │
//!            │ splits kept │ weights of splits │ holdings │ held fills │ history
//! ```

use alloc::format;
use alloc::vec::Vec;

use allot_domain::snapshot::{Cursor, SnapshotError, ensure, put_count, put_name};
use allot_domain::{Name, Seq, Standing};

use super::splits::OF_SPLITS;
use super::totals::Totals;
use super::{Account, Book, BookConfig};
use crate::applied::{Applied, AppliedSplit};
use crate::history::{What, put_id};
use crate::input::{Share, SplitKey};
use crate::recent_splits::Weighed;
use crate::{AccountIndex, AccountRank, Cell, Fill, Residuals, Row, SplitNumber, Weight, limits};

/// What the snapshot of a book begins with.
const MAGIC: [u8; 8] = *b"ALOTBOOK";

/// The version of the format; any other is refused.
const VERSION: u32 = 3;

/// The most value of an account, and of all open ones without their signs: what residuals may hold
/// after a netting, and all that fills and busts can add over the log of a shard.
const VALUE_MAX: u128 = (limits::NETTED_VALUE_MAX + limits::VALUE_MAX).unsigned_abs();

impl Book {
    /// Appends the snapshot of this book: see [`allot_domain::snapshot`] for what that is.
    ///
    /// # Panics
    /// If an input is pending: all its outcomes are taken first.
    pub fn save(&self, out: &mut Vec<u8>) {
        assert!(!self.is_releasing(), "all outcomes of an input are taken before a snapshot");
        save_config(&self.config, out);
        self.totals.save(out);
        self.save_accounts(out);
        self.names.save(out);
        self.split_names.save(out);
        self.save_splits(out);
        self.holdings.save(out);
        self.save_held(out);
        self.history.save(out);
    }

    /// The book that [`Book::save`] wrote; it continues as that one would have.
    ///
    /// Whatever the bytes are, it allocates no more than an empty book of this config, and a few
    /// times their length.
    ///
    /// # Errors
    /// What is wrong with the snapshot. One that is damaged may still be one: keep a checksum.
    pub fn load(config: BookConfig, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut cursor = Cursor::new(bytes);
        check_config(&config, &mut cursor)?;
        let mut book = Self::new(config);
        book.totals = Totals::load(&mut cursor)?;
        book.load_accounts(&mut cursor)?;
        book.names.load(&mut cursor)?;
        book.split_names.load(&mut cursor)?;
        book.load_splits(&mut cursor)?;
        book.holdings.load(&mut cursor, book.accounts.len())?;
        book.check_values()?;
        book.load_held(&mut cursor)?;
        let outcomes: Vec<_> = book.holdings.rows().iter().map(Row::outcomes).collect();
        let links = book.history.load(&mut cursor, &outcomes)?;
        book.holdings.set_links(links);
        book.check_history()?;
        book.check_names()?;
        cursor.end()?;
        Ok(book)
    }

    /// Every account by index: its weight and what it had when the split came into force if it is
    /// open, its value, what of it came by nettings.
    fn save_accounts(&self, out: &mut Vec<u8>) {
        let mut values: Vec<_> = self.accounts.iter().map(|account| account.value).collect();
        for (index, value) in self.open.iter().zip(self.residuals.values()) {
            values[index.index()] = value;
        }
        put_count(out, self.accounts.len());
        for (account, value) in self.accounts.iter().zip(values) {
            put_name(out, account.id.as_bytes());
            out.push(u8::from(account.rank.is_some()));
            if let Some(rank) = account.rank {
                let weight = self.residuals.weights()[rank.index()];
                out.extend_from_slice(&weight.to_le_bytes());
                out.extend_from_slice(&self.values_then[rank.index()].to_le_bytes());
            }
            out.extend_from_slice(&value.to_le_bytes());
            out.extend_from_slice(&account.netted.to_le_bytes());
        }
    }

    fn load_accounts(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        // The shortest: a name of one byte, closed, a value, what came by nettings.
        let count = cursor.count(limits::ACCOUNTS_EVER_MAX, 2 + 1 + 16 + 16)?;
        let mut weights = Vec::with_capacity(count);
        for index in (0..count).map(AccountIndex::at) {
            let id = cursor.account()?;
            let is_open = cursor.flag()?;
            weights.push(if is_open { Some((cursor.u64()?, cursor.i128()?)) } else { None });
            let (value, netted) = (cursor.i128()?, cursor.i128()?);
            ensure(value.unsigned_abs() <= VALUE_MAX, "more value than an account can have")?;
            self.accounts.push(Account { id, rank: None, value, netted });
            ensure(self.indexes.insert(id, index).is_none(), "an account twice")?;
        }
        self.open_loaded(&weights)
    }

    /// Opens the accounts that have a weight, in the byte order of their ids.
    fn open_loaded(&mut self, weights: &[Option<(u64, i128)>]) -> Result<(), SnapshotError> {
        let mut open_weights = Vec::new();
        for index in self.indexes.values() {
            let Some((weight, value_then)) = weights[index.index()] else { continue };
            let is_value = value_then.unsigned_abs() <= VALUE_MAX;
            ensure(is_value, "more value than an account can have")?;
            self.values_then.push(value_then);
            self.accounts[index.index()].rank = Some(AccountRank::at(self.open.len()));
            self.open.push(*index);
            open_weights.push(weight);
        }
        let has_split = SplitNumber::default() < self.totals.splits;
        let is_its = has_split != self.open.is_empty() && has_split != self.accounts.is_empty();
        ensure(is_its, "accounts without a split, or the reverse")?;
        if !has_split {
            return Ok(());
        }
        ensure(self.open.len() <= limits::ACCOUNTS_MAX, "more accounts than a split has")?;
        let sum: u128 = open_weights.iter().map(|weight| u128::from(*weight)).sum();
        check_weight_sum(sum)?;
        let values: Vec<_> =
            self.open.iter().map(|index| self.accounts[index.index()].value).collect();
        let volume: u128 = values.iter().map(|value| value.unsigned_abs()).sum();
        ensure(volume <= VALUE_MAX, "more value than an account can have")?;
        self.residuals = Residuals::new(open_weights, values);
        self.shares = alloc::vec![0; self.open.len()];
        self.cells = alloc::vec![Cell::default(); self.open.len()];
        Ok(())
    }

    fn save_splits(&self, out: &mut Vec<u8>) {
        for (key, _) in self.recent_splits.known() {
            put_name(out, key.source.as_bytes());
            out.extend_from_slice(&key.seq.get().to_le_bytes());
        }
        let weighed = self.recent_splits.weighed();
        put_count(out, weighed.len());
        for (_, Weighed { time_ns, weights }) in weighed {
            out.extend_from_slice(&time_ns.to_le_bytes());
            put_count(out, weights.len());
            for (account, weight) in weights {
                out.extend_from_slice(&account.get().to_le_bytes());
                out.extend_from_slice(&weight.nanos().to_le_bytes());
            }
        }
    }

    /// The latest splits, as many as are kept; the last one is in force.
    fn load_splits(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let splits = self.totals.splits.get();
        let kept = u64::try_from(limits::SPLITS_KEPT).expect("a small number").min(splits);
        let mut messages = Vec::new();
        for number in splits - kept + 1..=splits {
            let key = SplitKey { source: cursor.source()?, seq: Seq::new(cursor.u64()?) };
            // A number that nobody remembers would be new, and the split kept twice.
            let id = key.seq.into();
            let name = Name { source: &key.source, scope: OF_SPLITS, id: &id };
            let is_named = self.split_names.look(name) != Standing::New;
            ensure(is_named, "a split without a name")?;
            self.recent_splits.push_known(key, SplitNumber::new(number));
            messages.push((key.source, key.seq));
        }
        ensure(are_distinct(messages), "a split twice")?;
        self.load_weights(cursor)
    }

    /// What the latest splits say; the last one says what is in force.
    fn load_weights(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        let order = self.byte_order();
        // The shortest: a time, and one account.
        let count = cursor.count(self.recent_splits.known().len(), 8 + 4 + 12)?;
        let mut room = limits::SPLIT_WEIGHTS_KEPT;
        for _ in 0..count {
            let time_ns = cursor.u64()?;
            let len = cursor.count(limits::ACCOUNTS_MAX.min(room), 12)?;
            room -= len;
            let (mut weights, mut next, mut sum) = (Vec::with_capacity(len), 0, 0);
            for _ in 0..len {
                let (account, weight) = (AccountIndex::new(cursor.u32()?), cursor.u64()?);
                let at = order.get(account.index());
                let at = *at.ok_or(SnapshotError::Broken("a split of an unknown account"))?;
                ensure(next <= at, "a split out of the order of its accounts")?;
                next = at + 1;
                sum += u128::from(weight);
                weights.push((account, Weight::known(weight)));
            }
            check_weight_sum(sum)?;
            self.recent_splits.push_weighed(Weighed { time_ns, weights });
        }
        let in_force = self.open.iter().zip(self.residuals.weights());
        let newest = self.recent_splits.newest().map_or(&[][..], |newest| &newest.weights);
        let newest = newest.iter().map(|(account, weight)| (account, weight.nanos()));
        let is_in_force = newest.eq(in_force.map(|(account, weight)| (account, *weight)));
        ensure(is_in_force, "a split in force that says something else")
    }

    /// Where each account stands in the byte order of all, by index.
    fn byte_order(&self) -> Vec<u32> {
        let mut order = alloc::vec![0; self.accounts.len()];
        for (at, index) in (0..).zip(self.indexes.values()) {
            order[index.index()] = at;
        }
        order
    }

    /// An account has the value of its cells, and what came by nettings.
    fn check_values(&self) -> Result<(), SnapshotError> {
        let mut values = alloc::vec![0_i128; self.accounts.len()];
        for row in self.holdings.rows() {
            for (account, cell) in row.cells() {
                values[account.index()] += cell.value;
            }
        }
        let mut accounts = self.accounts.iter().zip(values);
        let add_up = |(account, value): (&Account, i128)| {
            account.value.checked_sub(account.netted) == Some(value)
        };
        ensure(accounts.all(add_up), "values of an account that do not add up")
    }

    fn save_held(&self, out: &mut Vec<u8>) {
        put_count(out, self.held.len());
        for fill in &self.held {
            put_name(out, fill.source.as_bytes());
            out.extend_from_slice(&fill.seq.get().to_le_bytes());
            put_id(out, fill.seq.into(), &fill.id);
            out.extend_from_slice(&fill.time_ns.to_le_bytes());
            put_name(out, fill.ticker.as_bytes());
            out.push(u8::from(fill.side == allot_domain::Side::Sell));
            out.extend_from_slice(&fill.price.nanos().to_le_bytes());
            out.extend_from_slice(&fill.quantity.get().to_le_bytes());
        }
    }

    fn load_held(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
        // The shortest: a source of one byte, its number, no id of its own, a time, a ticker of one
        // byte, side, price, quantity.
        let count = cursor.count(limits::HELD_MAX, 2 + 8 + 1 + 8 + 2 + 1 + 8 + 8)?;
        ensure(count == 0 || self.residuals.is_empty(), "fills held while a split is in force")?;
        // A fill may be held twice: its id is a text, and was forgotten meanwhile.
        for _ in 0..count {
            let (source, seq) = (cursor.source()?, Seq::new(cursor.u64()?));
            let fill = Fill {
                source,
                seq,
                id: cursor.id(seq.into())?,
                time_ns: cursor.u64()?,
                ticker: cursor.ticker()?,
                side: cursor.side()?,
                price: cursor.price()?,
                quantity: cursor.quantity()?,
            };
            ensure(self.holdings.find(&fill.ticker).is_some(), "a held fill without a row")?;
            self.held.push_back(fill);
        }
        Ok(())
    }

    /// Every name is of a row, and its outcome was given.
    fn check_names(&self) -> Result<(), SnapshotError> {
        let next = self.history.next_number();
        let is_past = |applied: &Applied| applied.outcome < next;
        ensure(self.names.values().all(is_past), "a name with an outcome that never was")?;
        let is_split = |applied: &AppliedSplit| {
            (SplitNumber::new(1)..=self.totals.splits).contains(&applied.split)
        };
        ensure(self.split_names.values().all(is_split), "a name of a split that never was")
    }

    /// Every outcome is of a row, its shares are of accounts in byte order.
    fn check_history(&self) -> Result<(), SnapshotError> {
        let order = self.byte_order();
        // What is not busted can be, and then gives its value back.
        let mut value = 0_i128;
        for (first, shares) in self.history.iter() {
            let quantity = check_shares(&order, shares.into_iter().flatten())?;
            match first.what {
                What::Divided { price, quantity: divided, split, busted, .. } => {
                    if !busted {
                        value = value.saturating_add(price.times(divided).nanos());
                    }
                    let has_split = (SplitNumber::new(1)..=self.totals.splits).contains(&split);
                    ensure(has_split, "an outcome by a split that never was")?;
                    let is_whole = quantity == 0 || quantity == u128::from(divided.get());
                    ensure(is_whole, "shares of a fill that do not add up")?;
                }
                What::Busted { .. } => {}
            }
        }
        ensure(value <= self.totals.turnover, "a turnover of less than its fills")
    }
}

/// Counts the shares; every account is there once, in order, with at least one.
fn check_shares<'a>(
    order: &[u32],
    shares: impl Iterator<Item = &'a Share>,
) -> Result<u128, SnapshotError> {
    let (mut sum, mut next) = (0, 0);
    for share in shares {
        let at = order.get(share.account.index());
        let at = *at.ok_or(SnapshotError::Broken("shares of an unknown account"))?;
        ensure(next <= at, "shares out of the order of their accounts")?;
        ensure(0 < share.quantity, "an account with no shares among those who got some")?;
        next = at + 1;
        sum += u128::from(share.quantity);
    }
    Ok(sum)
}

fn check_weight_sum(sum: u128) -> Result<(), SnapshotError> {
    let off = sum.abs_diff(limits::WEIGHT_TOTAL.into());
    ensure(off <= limits::WEIGHT_TOLERANCE.into(), "weights that do not add up to 100")
}

fn are_distinct<K: Ord>(mut messages: Vec<K>) -> bool {
    messages.sort_unstable();
    messages.windows(2).all(|pair| pair[0] != pair[1])
}

fn save_config(config: &BookConfig, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    let ([mix, total], [history, names]) = chosen(config);
    out.extend_from_slice(&mix.to_le_bytes());
    out.extend_from_slice(&total.to_le_bytes());
    out.extend_from_slice(&history.to_le_bytes());
    out.extend_from_slice(&names.to_le_bytes());
}

fn check_config(config: &BookConfig, cursor: &mut Cursor<'_>) -> Result<(), SnapshotError> {
    if cursor.array()? != MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let version = cursor.u32()?;
    if version != VERSION {
        return Err(SnapshotError::UnknownVersion(version, VERSION));
    }
    let (blend, memory) = ([cursor.u32()?, cursor.u32()?], [cursor.u64()?, cursor.u64()?]);
    if chosen(config) == (blend, memory) {
        return Ok(());
    }
    let ([mix, total], [history, names]) = (blend, memory);
    Err(SnapshotError::OtherConfig(format!(
        "a blend of {mix}/{total}, a history of {history} and {names} names"
    )))
}

/// What was chosen, as numbers: the blend; the history and the names.
fn chosen(config: &BookConfig) -> ([u32; 2], [u64; 2]) {
    let wide = |number| u64::try_from(number).expect("a usize fits");
    ([config.blend.mix(), config.blend.total()], [config.history, config.names].map(wide))
}
