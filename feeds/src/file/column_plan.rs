//! A column plan: which column of a file is what, and that each of them is accounted for.
//!
//! The columns of CSV are named by its header; those of NDJSON are the fields of each object.

use allot_domain::{Price, Quantity, Reject, Side, SourceId, Ticker};

use super::fields::{Fields, Row};
use super::format::{Columns, Format, Meaning};
use super::line_error::LineError;
use super::line_id::LineId;
use super::{numbers, seq, time_ns};
use crate::nearest::nearest;
use crate::plural;

/// The fields that may be mapped.
const FIELDS: [&str; 10] =
    ["ticker", "side", "price", "quantity", "id", "seq", "time_ns", "time", "source", "type"];

/// What files call the fields, in lower case, for a hint alone.
const SIDE_WORDS: [&str; 7] =
    ["side", "buy/sell", "buy_sell", "b/s", "action", "direction", "transaction type"];

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

/// Where the names of the columns stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// In the header of the file.
    Header,
    /// In the object of each line.
    Object,
}

/// What a plan is made of, while columns are being found.
struct Finder<'a> {
    names: &'a [String],
    format: &'a Format,
    layout: Layout,
    /// Whether each column has a use.
    is_used: Vec<bool>,
    problems: Vec<String>,
}

impl ColumnPlan {
    /// Finds every column that the format uses; what is left over must be ignored by name.
    pub(super) fn new(
        layout: Layout,
        names: &[String],
        format: &Format,
        needs_time: bool,
    ) -> Result<Self, LineError> {
        let mut finder = Finder::new(layout, names, format);
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
            same: format.same.iter().filter_map(|name| finder.find(name)).collect(),
        };
        finder.check_all_used();
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

impl Layout {
    const fn noun(self) -> &'static str {
        match self {
            Self::Header => "column",
            Self::Object => "field",
        }
    }

    const fn has_no(self) -> &'static str {
        match self {
            Self::Header => "the header has no column",
            Self::Object => "the object has no field",
        }
    }

    const fn has_the(self) -> &'static str {
        match self {
            Self::Header => "the header has the column",
            Self::Object => "the object has the field",
        }
    }
}

impl<'a> Finder<'a> {
    fn new(layout: Layout, names: &'a [String], format: &'a Format) -> Self {
        let is_used = vec![false; names.len()];
        Self { names, format, layout, is_used, problems: Vec::new() }
    }

    /// The column of this name. One that is ignored counts as missing; one that stands there twice
    /// is a problem.
    fn find(&mut self, name: &str) -> Option<usize> {
        if self.format.ignores(name) {
            return None;
        }
        let mut found = (0..self.names.len()).filter(|column| self.names[*column] == name);
        let column = found.next()?;
        if found.next().is_some() && !self.is_used[column] {
            self.problems.push(format!("{} \"{name}\" twice", self.layout.has_the()));
            for (column, other) in self.names.iter().enumerate() {
                self.is_used[column] |= other == name;
            }
        }
        self.is_used[column] = true;
        Some(column)
    }

    /// A column that must be there; 0 and a problem if it is not.
    fn need(&mut self, stated: Option<&str>, field: &str) -> usize {
        let name = stated.unwrap_or(field);
        self.find(name).unwrap_or_else(|| {
            self.report_missing(name, field);
            0
        })
    }

    /// A column that must be there if the format states it.
    fn find_optional(&mut self, stated: Option<&str>, field: &str) -> Option<usize> {
        match stated {
            // Stated as nothing: the file has none, even if a column is called so.
            Some("") => None,
            Some(name) => Some(self.need(Some(name), field)),
            None => self.find(field),
        }
    }

    fn all(&mut self, names: &[String]) -> Vec<usize> {
        names.iter().map(|name| self.need(Some(name), "time")).collect()
    }

    /// The columns of the side: the first that is stated must be there.
    fn side(&mut self, stated: Option<&[String]>) -> Vec<usize> {
        if let Some([first, others @ ..]) = stated {
            let first = self.need(Some(first), "side");
            let others = others.iter().filter_map(|name| self.find(name));
            return [first].into_iter().chain(others).collect();
        }
        let found = self.find("side");
        match (found, self.format.side) {
            (Some(_), Some(_)) => {
                self.problems.push(format!(
                    "{} \"side\", and --side says the side of every line; leave out --side, or \
                     give --ignore side",
                    self.layout.has_the()
                ));
            }
            (None, None) if !self.format.signed_quantity => self.report_no_side(),
            _ => {}
        }
        found.into_iter().collect()
    }

    fn must_be(&mut self) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        for (name, words) in &self.format.must_be {
            match self.find(name) {
                Some(column) => found.push((column, words.0.clone())),
                None if self.format.ignores(name) => {}
                None => {
                    let expected = words.0.join(" or ");
                    self.problems.push(format!(
                        "{} \"{name}\", which must be {expected}; add it to the export, or give \
                         --ignore \"{name}\" if that is certain",
                        self.layout.has_no()
                    ));
                }
            }
        }
        found
    }

    fn not_fills(&mut self) -> Vec<(usize, Vec<String>)> {
        let not_fills = self.format.not_fills.iter();
        not_fills.filter_map(|(name, words)| Some((self.find(name)?, words.0.clone()))).collect()
    }

    fn report_missing(&mut self, name: &str, field: &str) {
        let columns = self.names.join(", ");
        let candidates: Vec<_> = self.names.iter().map(String::as_str).collect();
        let hint = match nearest(name, &candidates) {
            None if field == "id" => {
                "; name another with --column id=NAME, or derive ids with --column id=".to_owned()
            }
            Some(near) => format!("; map it with --column {field}=\"{near}\""),
            None => format!("; map it with --column {field}=NAME"),
        };
        self.problems.push(match self.layout {
            Layout::Header => {
                format!("{} \"{name}\"; its columns are {columns}{hint}", self.layout.has_no())
            }
            Layout::Object => format!("the field \"{name}\" is missing{hint}"),
        });
    }

    fn report_no_side(&mut self) {
        let is_side = |name: &&String| SIDE_WORDS.contains(&name.to_lowercase().as_str());
        let name = self.names.iter().find(is_side).map_or("NAME", String::as_str);
        self.problems.push(format!(
            "{} \"side\"; map it with --column side=\"{name}\", or give --side buy if every line \
             is a purchase",
            self.layout.has_no()
        ));
    }

    /// Every column has a use, or is ignored by name.
    fn check_all_used(&mut self) {
        let is_open =
            |column: &usize| !self.is_used[*column] && !self.format.ignores(&self.names[*column]);
        let open: Vec<_> = (0..self.names.len()).filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        let quoted: Vec<_> =
            open.iter().map(|column| format!("\"{}\"", self.names[*column])).collect();
        let noun = plural(u64::try_from(open.len()).unwrap_or(u64::MAX), self.layout.noun());
        let are = if open.len() == 1 { "is" } else { "are" };
        let near = open.iter().find_map(|column| nearest(&self.names[*column], &FIELDS));
        let hint = near.map_or(String::new(), |near| format!(" (is one of them \"{near}\"?)"));
        self.problems.push(format!(
            "the {noun} {} {are} not known{hint}; map them with --column, or name them in \
             --ignore if they mean nothing for the positions",
            quoted.join(", ")
        ));
    }
}
