//! Positions as a stream of Arrow IPC, which pandas, Polars, DuckDB and Perspective open.
//!
//! ```text
//!   schema ─► batch of some thousand positions ─► batch ─► … ─► end
//! ```
//!
//! A row is a position; an account without any has a row of its own, without a ticker. The schema's
//! metadata has the report, its cut, its split, its time and its ledger.

use std::io::{self, Write};
use std::sync::Arc;

use allot_allocation_service::Report;
use allot_domain::Money;
use allot_domain::decimal::nanos_text;
use arrow_array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Metadata, Schema, SchemaRef};

use crate::guard::Person;
use crate::limits::ARROW_ROWS;
use crate::picture::{Account, Cell, Picture};
use crate::role::Role;

/// The content type of the format.
pub(crate) const CONTENT: &str = "application/vnd.apache.arrow.stream";

/// Digits of money, and how many of them stand after the point.
const DIGITS: u8 = 38;
const DECIMALS: i8 = 9;

/// How money is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MoneyAs {
    /// As the nearest float of 64 bits: what every tool draws and sums.
    Float,
    /// As a decimal of 38 digits: exact.
    Decimal,
}

/// The positions of one report that somebody may see, a part at a time.
pub(crate) struct ArrowStream {
    picture: Arc<Picture>,
    person: Person,
    money: MoneyAs,
    schema: SchemaRef,
    /// None after the end.
    writer: Option<StreamWriter<Vec<u8>>>,
    /// The next account.
    account: usize,
}

/// Writes the positions of a report, all of them, with money as floats.
///
/// # Errors
/// When `out` fails.
pub fn write_arrow(report: Report, out: &mut dyn Write) -> io::Result<()> {
    let anyone = Person { name: None, role: Role::Viewer, accounts: Vec::new(), token: None };
    let picture = Arc::new(Picture::of(report));
    let mut parts = ArrowStream::new(picture, anyone, MoneyAs::Float).map_err(io::Error::other)?;
    while let Some(part) = parts.next() {
        out.write_all(&part.map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// What stands in the rows of one batch.
#[derive(Default)]
struct Rows<'a> {
    accounts: Vec<&'a Account>,
    cells: Vec<Option<&'a Cell>>,
}

impl ArrowStream {
    /// The positions of a report.
    ///
    /// # Errors
    /// Never for this schema.
    pub(crate) fn new(
        picture: Arc<Picture>,
        person: Person,
        money: MoneyAs,
    ) -> Result<Self, ArrowError> {
        let schema = Arc::new(schema(&picture, money));
        let writer = Some(StreamWriter::try_new(Vec::new(), &schema)?);
        Ok(Self { picture, person, money, schema, writer, account: 0 })
    }

    /// The next part; none after the last.
    pub(crate) fn next(&mut self) -> Option<Result<Vec<u8>, ArrowError>> {
        let batch = self.batch().transpose();
        let writer = self.writer.as_mut()?;
        let written = match batch {
            Some(batch) => batch.and_then(|batch| writer.write(&batch)),
            None => {
                let writer = self.writer.take()?;
                return Some(writer.into_inner());
            }
        };
        Some(written.map(|()| std::mem::take(writer.get_mut())))
    }

    /// The next rows; none where there are no more accounts.
    fn batch(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let mut rows = Rows::default();
        while rows.accounts.len() < ARROW_ROWS
            && let Some(account) = self.picture.accounts.get(self.account)
        {
            self.account += 1;
            if self.person.sees(&account.id) {
                rows.add(account, self.picture.cells(account));
            }
        }
        if rows.accounts.is_empty() {
            return Ok(None);
        }
        let columns = rows.columns(&self.picture, self.money)?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map(Some)
    }
}

impl<'a> Rows<'a> {
    fn add(&mut self, account: &'a Account, cells: &'a [Cell]) {
        if cells.is_empty() {
            self.accounts.push(account);
            self.cells.push(None);
        }
        for cell in cells {
            self.accounts.push(account);
            self.cells.push(Some(cell));
        }
    }

    /// In the order of [`schema`].
    fn columns(&self, picture: &Picture, money: MoneyAs) -> Result<Vec<ArrayRef>, ArrowError> {
        let of_accounts = |of: fn(&Account) -> Option<Money>| {
            amounts(self.accounts.iter().map(|account| of(account)), money)
        };
        let weights = self
            .accounts
            .iter()
            .map(|account| account.weight.map(|weight| float(weight.nanos().into())));
        let ids = self.accounts.iter().map(|account| account.id.as_str());
        let tickers = self
            .cells
            .iter()
            .map(|cell| cell.map(|cell| picture.tickers[cell.ticker as usize].as_str()));
        // Nobody holds more than what an i64 counts: 2^40 shares in each of fewer than 2^22 fills.
        let quantity = |cell: &Cell| i64::try_from(cell.quantity).unwrap_or(i64::MAX);
        let quantities = self.cells.iter().map(|cell| cell.map(quantity));
        Ok(vec![
            Arc::new(StringArray::from_iter_values(ids)),
            Arc::new(weights.collect::<Float64Array>()),
            of_accounts(|account| Some(account.value))?,
            of_accounts(|account| account.target)?,
            of_accounts(|account| account.deviation)?,
            Arc::new(tickers.collect::<StringArray>()),
            Arc::new(quantities.collect::<Int64Array>()),
            amounts(self.cells.iter().map(|cell| cell.map(|cell| cell.value)), money)?,
        ])
    }
}

fn schema(picture: &Picture, money: MoneyAs) -> Schema {
    let amount = match money {
        MoneyAs::Float => DataType::Float64,
        MoneyAs::Decimal => DataType::Decimal128(DIGITS, DECIMALS),
    };
    let fields = vec![
        Field::new("account", DataType::Utf8, false),
        Field::new("weight", DataType::Float64, true),
        Field::new("account_value", amount.clone(), true),
        Field::new("target", amount.clone(), true),
        Field::new("deviation", amount.clone(), true),
        Field::new("ticker", DataType::Utf8, true),
        Field::new("quantity", DataType::Int64, true),
        Field::new("value", amount, true),
    ];
    let ledger = picture.ledger.map(|ledger| ("ledger", ledger.to_string()));
    let known = [
        ("report", picture.report.to_string()),
        ("cut", picture.cut.to_string()),
        ("split", picture.split.to_string()),
        ("time_ns", picture.time_ns.to_string()),
    ];
    let known = known.into_iter().chain(ledger).map(|(key, value)| (key.to_owned(), value));
    Schema::new_with_metadata(fields, known.collect::<Metadata>())
}

fn amounts(
    amounts: impl Iterator<Item = Option<Money>>,
    money: MoneyAs,
) -> Result<ArrayRef, ArrowError> {
    Ok(match money {
        MoneyAs::Float => {
            Arc::new(amounts.map(|money| money.map(|m| float(m.nanos()))).collect::<Float64Array>())
        }
        MoneyAs::Decimal => {
            let exact = amounts.map(|money| money.map(Money::nanos)).collect::<Decimal128Array>();
            Arc::new(exact.with_precision_and_scale(DIGITS, DECIMALS)?)
        }
    })
}

/// The float that is nearest to so many of 1e-9.
///
/// It is read from its digits: a division would round twice.
pub(crate) fn float(nanos: i128) -> f64 {
    nanos_text(nanos).parse().expect("it is a decimal")
}
