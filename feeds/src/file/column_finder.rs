//! A column finder: finds the columns that a format uses, and says all that is wrong with the names
//! of a file.

use allot_wire::nearest_name;

use super::format::Format;
use crate::{Words, plural};

/// The fields that may be mapped.
const FIELDS: [&str; 10] =
    ["ticker", "side", "price", "quantity", "id", "seq", "time_ns", "time", "source", "type"];

/// What files call the fields, in lower case, for a hint alone.
const SIDE_WORDS: [&str; 7] =
    ["side", "buy/sell", "buy_sell", "b/s", "action", "direction", "transaction type"];

/// Where the names of the columns stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// In the header of the file.
    Header,
    /// In the object of each line.
    Object,
}

/// The columns that have been found so far.
pub(super) struct ColumnFinder<'a> {
    names: &'a [String],
    format: &'a Format,
    layout: Layout,
    /// Whether each column has a use.
    is_used: Vec<bool>,
    /// All that is wrong so far.
    pub(super) problems: Vec<String>,
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

/// What a column is for that tells which lines are fills.
const NOT_FILL: &str = "which says what lines are left out";
/// What a column is for that has one value.
const SAME: &str = "which must be the same on all lines";

impl<'a> ColumnFinder<'a> {
    pub(super) fn new(layout: Layout, names: &'a [String], format: &'a Format) -> Self {
        let is_used = vec![false; names.len()];
        Self { names, format, layout, is_used, problems: Vec::new() }
    }

    /// The column of this name. One that is ignored counts as missing; one that stands there twice
    /// is a problem.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
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
    pub(super) fn need(&mut self, stated: Option<&str>, field: &str) -> usize {
        let name = stated.unwrap_or(field);
        self.find(name).unwrap_or_else(|| {
            self.report_missing(name, field);
            0
        })
    }

    /// A column that must be there if the format states it.
    pub(super) fn find_optional(&mut self, stated: Option<&str>, field: &str) -> Option<usize> {
        match stated {
            // Stated as nothing: the file has none, even if a column is called so.
            Some("") => None,
            Some(name) => Some(self.need(Some(name), field)),
            None => self.find(field),
        }
    }

    pub(super) fn all(&mut self, names: &[String]) -> Vec<usize> {
        names.iter().map(|name| self.need(Some(name), "time")).collect()
    }

    /// The columns of the side: the first that is stated must be there.
    pub(super) fn side(&mut self, stated: Option<&[String]>) -> Vec<usize> {
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

    pub(super) fn must_be(&mut self) -> Vec<(usize, Vec<String>)> {
        let format = self.format;
        let must = |words: &Words| format!("which must be {}", words.0.join(" or "));
        let checked = format.must_be.iter();
        let found = checked.map(|(name, words)| (self.guard(name, &must(words), true), words));
        found.filter_map(|(column, words)| Some((column?, words.0.clone()))).collect()
    }

    pub(super) fn not_fills(&mut self) -> Vec<(usize, Vec<String>)> {
        let format = self.format;
        let checked = format.not_fills.iter();
        let is_asked = |name| format.asked_for.contains(name);
        let found =
            checked.map(|(name, words)| (self.guard(name, NOT_FILL, is_asked(name)), words));
        found.filter_map(|(column, words)| Some((column?, words.0.clone()))).collect()
    }

    pub(super) fn same(&mut self) -> Vec<usize> {
        let format = self.format;
        let is_asked = |name| format.asked_for.contains(name);
        format.same.iter().filter_map(|name| self.guard(name, SAME, is_asked(name))).collect()
    }

    /// A column that keeps lines out which are no fills of this book: without it nothing would, so
    /// that it may have to be there.
    fn guard(&mut self, name: &str, what: &str, is_needed: bool) -> Option<usize> {
        let found = self.find(name);
        if is_needed && found.is_none() && !self.format.ignores(name) {
            let near = nearest_name(name, self.names.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            let remedy = match near.is_empty() {
                true => format!(
                    "; add it to the export, or give --ignore \"{name}\" if that is certain"
                ),
                false => near,
            };
            self.problems.push(format!("{} \"{name}\", {what}{remedy}", self.layout.has_no()));
        }
        found
    }

    fn report_missing(&mut self, name: &str, field: &str) {
        let columns = self.names.join(", ");
        let hint = match nearest_name(name, self.names.iter().map(String::as_str)) {
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
    pub(super) fn check_all_used(&mut self) {
        let is_open =
            |column: &usize| !self.is_used[*column] && !self.format.ignores(&self.names[*column]);
        let open: Vec<_> = (0..self.names.len()).filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        let quoted: Vec<_> =
            open.iter().map(|column| format!("\"{}\"", self.names[*column])).collect();
        let noun = plural(u64::try_from(open.len()).unwrap_or(u64::MAX), self.layout.noun());
        let (are, them, they) =
            if open.len() == 1 { ("is", "it", "it means") } else { ("are", "them", "they mean") };
        let near = open.iter().find_map(|column| nearest_name(&self.names[*column], FIELDS));
        let hint = near.map_or(String::new(), |near| format!(" (is one of them \"{near}\"?)"));
        self.problems.push(format!(
            "the {noun} {} {are} not known{hint}; map {them} with --column, or name {them} in \
             --ignore if {they} nothing for the positions",
            quoted.join(", ")
        ));
    }

    /// Two columns that are called by numbers are a fill, and the file begins with it.
    pub(super) fn check_is_header(&mut self) {
        let is_number = |name: &&String| {
            let mut bytes = name.bytes();
            let is_of_number = |byte: u8| byte.is_ascii_digit() || b".,-+".contains(&byte);
            name.bytes().any(|byte| byte.is_ascii_digit()) && bytes.all(is_of_number)
        };
        let numbers = self.names.iter().filter(is_number).count();
        if self.layout == Layout::Header && !self.problems.is_empty() && 1 < numbers {
            let first = self.names.join(", ");
            self.problems = vec![format!(
                "a header is expected, and \"{first}\" looks like a fill; put the names of the \
                 columns into a line before it, such as ticker,side,price,quantity"
            )];
        }
    }
}
