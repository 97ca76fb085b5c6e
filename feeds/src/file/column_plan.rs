//! A column plan: which column of a file is what, and that each of them is accounted for.
//!
//! The columns of CSV are named by its header; those of NDJSON are the fields of each object.

use allot_domain::{Price, Quantity, Reject, Side, SourceId, Ticker};

use super::column_finder::{ColumnFinder, Layout};
use super::fields::{Fields, Row};
use super::format::{Columns, Format, Meaning};
use super::line_error::LineError;
use super::line_id::LineId;
use super::{numbers, seq, time_ns};

/// Which column is what, by index.
pub(super) struct ColumnPlan {
    names: Vec<String>,
    ticker: usize,
    price: usize,
    quantity: usize,
    /// Empty if the format or the sign of the quantity says the side.
    side: Vec<usize>,
    id: Option<usize>,
    seq: Option<usize>,
    time_ns: Option<usize>,
    time: Vec<usize>,
    /// The feed's own name, where a line has it.
    source: Option<usize>,
    kind: Option<usize>,
    must_be: Vec<(usize, Vec<String>)>,
    not_fills: Vec<(usize, Vec<String>)>,
    same: Vec<usize>,
}

fn line_id(text: &str) -> Result<LineId, LineError> {
    LineId::new(text).ok_or_else(|| LineError::BadId { given: Reject::quote(text) })
}

impl ColumnPlan {
    /// Finds every column that the format uses; what is left over must be ignored by name.
    pub(super) fn new(
        layout: Layout,
        names: &[String],
        format: &Format,
        needs_time: bool,
    ) -> Result<Self, LineError> {
        let mut finder = ColumnFinder::new(layout, names, format);
        let Columns { ticker, side, price, quantity, id, seq, time_ns, time } = &format.columns;
        let side = side.as_ref().map(|words| words.0.as_slice());
        let plan = Self {
            names: names.to_vec(),
            ticker: finder.need(ticker.as_deref(), "ticker"),
            price: finder.need(price.as_deref(), "price"),
            quantity: finder.need(quantity.as_deref(), "quantity"),
            side: finder.side(side),
            id: finder.find_optional(id.as_deref(), "id"),
            seq: finder.find_optional(seq.as_deref(), "seq"),
            time_ns: if needs_time {
                Some(finder.need(time_ns.as_deref(), "time_ns"))
            } else {
                finder.find_optional(time_ns.as_deref(), "time_ns")
            },
            time: finder.all(time.as_ref().map_or(&[][..], |words| &words.0)),
            source: finder.find("source"),
            kind: finder.find("type"),
            must_be: finder.must_be(),
            not_fills: finder.not_fills(),
            same: finder.same(),
        };
        finder.check_all_used();
        finder.check_is_header();
        if finder.problems.is_empty() {
            Ok(plan)
        } else {
            Err(LineError::Header { problems: finder.problems })
        }
    }

    /// Whether a line has the columns of this plan.
    pub(super) fn is_of(&self, names: &[String]) -> bool {
        self.names == names
    }

    /// How many columns a line has.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// Reads a line of these columns. `same` has the values of the columns that are the same on all
    /// lines, as far as they are known.
    pub(super) fn read<'a>(
        &self,
        format: &Format,
        source: Option<&SourceId>,
        same: &mut Vec<(String, String)>,
        field: impl Fn(usize) -> &'a str,
    ) -> Result<Row, LineError> {
        let has = |column: usize, words: &[String]| words.iter().any(|word| word == field(column));
        if self.not_fills.iter().any(|(column, words)| has(*column, words)) {
            return Ok(Row::NotFill);
        }
        if let Some((column, words)) = self.must_be.iter().find(|(at, words)| !has(*at, words)) {
            return Err(LineError::MustBe {
                column: self.names[*column].clone(),
                expected: words.join(" or "),
                given: Reject::quote(field(*column)),
            });
        }
        self.check_envelope(source, &field)?;
        let row = self.fields(format, &field)?;
        self.check_same(same, &field)?;
        Ok(Row::Fill(row))
    }

    /// A line may carry the type and the source of the message that it becomes, and no other.
    fn check_envelope<'a>(
        &self,
        source: Option<&SourceId>,
        field: &impl Fn(usize) -> &'a str,
    ) -> Result<(), LineError> {
        if let Some(kind) = self.kind.map(field).filter(|kind| *kind != "fill") {
            return Err(LineError::NotFill { given: Reject::quote(kind) });
        }
        let Some(given) = self.source.map(field) else { return Ok(()) };
        SourceId::new(given.as_bytes())?;
        match source {
            Some(source) if source.as_str() != given => Err(LineError::OtherSource {
                given: Reject::quote(given),
                source: source.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn fields<'a>(
        &self,
        format: &Format,
        field: &impl Fn(usize) -> &'a str,
    ) -> Result<Fields, LineError> {
        let filled = |column: usize, name| match field(column) {
            "" => Err(LineError::Empty { column: self.names[column].clone(), field: name }),
            text => Ok(text),
        };
        let optional =
            |column: Option<usize>, name| column.map(|column| filled(column, name)).transpose();
        let ticker = Ticker::new(field(self.ticker).as_bytes())?;
        let text = filled(self.quantity, "quantity")?;
        let quantity = numbers::quantity(format, text).map_err(|error| LineError::Number {
            field: "quantity",
            text: Reject::quote(text),
            error,
        })?;
        let side = self.side_of(format, quantity.is_negative, field)?;
        let quantity = Quantity::parse(&quantity.plain)?;
        let price = self.price_of(format, side, filled(self.price, "price")?)?;
        let number = optional(self.seq, "seq")?.map(seq).transpose()?;
        let id = optional(self.id, "id")?.map(line_id).transpose()?;
        let nanoseconds = optional(self.time_ns, "time_ns")?.map(time_ns).transpose()?;
        let time: Result<Vec<_>, _> =
            self.time.iter().map(|column| filled(*column, "time")).collect();
        let time = time?.join("\u{1f}");
        Ok(Fields { seq: number, id, ticker, side, price, quantity, time_ns: nanoseconds, time })
    }

    /// The side by its word, by the sign of the quantity, or by both if they agree.
    fn side_of<'a>(
        &self,
        format: &Format,
        is_negative: bool,
        field: &impl Fn(usize) -> &'a str,
    ) -> Result<Side, LineError> {
        let by_sign = if is_negative { Side::Sell } else { Side::Buy };
        if let Some(side) = format.side {
            return Ok(side.into());
        }
        if self.side.is_empty() {
            return Ok(by_sign);
        }
        let words: Vec<_> = self.side.iter().map(|column| field(*column)).collect();
        let word = words.join(" ");
        let side = match format.sides.side(word.trim()) {
            Some(Meaning::Side(side)) => side,
            Some(Meaning::Short) => {
                return Err(LineError::Short { given: Reject::quote(word.trim()) });
            }
            None => return Err(self.unknown_side(format, word.trim())),
        };
        if format.signed_quantity && side != by_sign {
            return Err(LineError::SignDisagrees { field: "quantity", side });
        }
        Ok(side)
    }

    fn unknown_side(&self, format: &Format, word: &str) -> LineError {
        let known = |side| {
            let list = if side == Side::Buy { &format.sides.buy } else { &format.sides.sell };
            list.0.join(", ")
        };
        LineError::UnknownSide {
            column: self.names[self.side[0]].clone(),
            given: Reject::quote(word),
            buy: known(Side::Buy),
            sell: known(Side::Sell),
        }
    }

    fn price_of(&self, format: &Format, side: Side, text: &str) -> Result<Price, LineError> {
        let number = numbers::price(format, text).map_err(|error| LineError::Number {
            field: "price",
            text: Reject::quote(text),
            error,
        })?;
        let numbers::Number { is_negative, plain } = number;
        if !format.signed_price {
            let sign = if is_negative { "-" } else { "" };
            return Ok(Price::parse(&format!("{sign}{plain}"))?);
        }
        if is_negative != (side == Side::Buy) {
            return Err(LineError::SignDisagrees { field: "price", side });
        }
        Ok(Price::parse(&plain)?)
    }

    fn check_same<'a>(
        &self,
        same: &mut Vec<(String, String)>,
        field: &impl Fn(usize) -> &'a str,
    ) -> Result<(), LineError> {
        for column in &self.same {
            let (name, value) = (&self.names[*column], field(*column));
            match same.iter().find(|(known, _)| known == name) {
                None => same.push((name.clone(), value.to_owned())),
                Some((_, first)) if first == value => {}
                Some((_, first)) => {
                    return Err(LineError::NotSame {
                        column: name.clone(),
                        first: Reject::quote(first),
                        given: Reject::quote(value),
                    });
                }
            }
        }
        Ok(())
    }
}
