//! A survey: what is in a file, found by reading all of it.

use std::collections::BTreeMap;
use std::fmt;

use allot_domain::decimal::nanos_text;
use allot_domain::{Side, Ticker};

use crate::limits::SURVEY_FILLS_MAX;
use crate::{BadLine, FeedError, UnnamedFill, plural};

/// What is in a file. Displayed as tables for an operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Survey {
    file: String,
    /// The first fills, as they are understood.
    first: Vec<UnnamedFill>,
    totals: BTreeMap<Ticker, TickerTotals>,
    fill_count: u64,
    not_fill_count: u64,
    /// Whether the format says that some lines are no fills.
    has_not_fills: bool,
    bad_count: u64,
    first_bad: Vec<BadLine>,
}

/// What was traded of one ticker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TickerTotals {
    /// What was bought.
    pub bought: SideTotal,
    /// What was sold.
    pub sold: SideTotal,
}

/// What was bought, or sold, of one ticker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SideTotal {
    /// How many fills.
    pub fill_count: u64,
    /// How many shares.
    pub quantity: u128,
    /// What they cost, in 1e-9 of the currency.
    pub value_nanos: i128,
}

impl Survey {
    pub(super) fn new(file: &str, has_not_fills: bool) -> Self {
        Self {
            file: file.to_owned(),
            first: Vec::new(),
            totals: BTreeMap::new(),
            fill_count: 0,
            not_fill_count: 0,
            has_not_fills,
            bad_count: 0,
            first_bad: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, fill: &UnnamedFill) {
        self.fill_count += 1;
        if self.first.len() < SURVEY_FILLS_MAX {
            self.first.push(*fill);
        }
        let totals = self.totals.entry(fill.ticker).or_default();
        let total = match fill.side {
            Side::Buy => &mut totals.bought,
            Side::Sell => &mut totals.sold,
        };
        total.fill_count += 1;
        total.quantity += u128::from(fill.quantity.get());
        total.value_nanos = total.value_nanos.saturating_add(value_nanos(fill));
    }

    pub(super) fn add_not_fill(&mut self) {
        self.not_fill_count += 1;
    }

    pub(super) fn add_bad(&mut self, line: BadLine, shown_max: usize) {
        self.bad_count += 1;
        if self.first_bad.len() < shown_max {
            self.first_bad.push(line);
        }
    }

    /// How many fills there are.
    #[must_use]
    pub const fn fill_count(&self) -> u64 {
        self.fill_count
    }

    /// What was traded of each ticker.
    #[must_use]
    pub const fn totals(&self) -> &BTreeMap<Ticker, TickerTotals> {
        &self.totals
    }

    /// Fails if a line is bad.
    ///
    /// # Errors
    /// [`FeedError::BadLines`].
    pub fn check(&self) -> Result<(), FeedError> {
        if self.bad_count == 0 {
            return Ok(());
        }
        let (file, first) = (self.file.clone(), self.first_bad.clone());
        Err(FeedError::BadLines { file, count: self.bad_count, first })
    }
}

fn value_nanos(fill: &UnnamedFill) -> i128 {
    i128::from(fill.price.nanos()) * i128::from(fill.quantity.get())
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, first, totals, fill_count, not_fill_count, has_not_fills, .. } = self;
        writeln!(f, "{file}: {fill_count} {}; nothing is sent", plural(*fill_count, "fill"))?;
        if *has_not_fills {
            let lines = plural(*not_fill_count, "line");
            writeln!(f, "{not_fill_count} {lines} left out, as the format says")?;
        }
        if first.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:>8}  {:<4}  {:>13}  {:<32}  {:>16}  id",
            "line", "side", "quantity", "ticker", "price"
        )?;
        for fill in first {
            let UnnamedFill { line, id, side, quantity, ticker, price, seq, .. } = fill;
            let line = line.map_or(String::new(), |line| line.to_string());
            let id = id.map_or_else(|| format!("seq {seq}"), |id| id.as_str().to_owned());
            let (side, quantity) = (side.to_string(), quantity.to_string());
            let (ticker, price) = (ticker.to_string(), price.to_string());
            writeln!(f, "{line:>8}  {side:<4}  {quantity:>13}  {ticker:<32}  {price:>16}  {id}")?;
        }
        writeln!(
            f,
            "\n{:<32}  {:<4}  {:>8}  {:>13}  {:>20}",
            "ticker", "side", "fills", "quantity", "value"
        )?;
        for (ticker, TickerTotals { bought, sold }) in totals {
            for (side, total) in [(Side::Buy, bought), (Side::Sell, sold)] {
                if 0 < total.fill_count {
                    write_total(f, *ticker, side, total)?;
                }
            }
        }
        Ok(())
    }
}

fn write_total(
    f: &mut fmt::Formatter<'_>,
    ticker: Ticker,
    side: Side,
    total: &SideTotal,
) -> fmt::Result {
    let SideTotal { fill_count, quantity, value_nanos } = total;
    let (ticker, side, value) = (ticker.to_string(), side.to_string(), nanos_text(*value_nanos));
    writeln!(f, "{ticker:<32}  {side:<4}  {fill_count:>8}  {quantity:>13}  {value:>20}")
}
