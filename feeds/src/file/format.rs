//! A format: how a file of fills is written, and what each of its columns means.
//!
//! Nothing is guessed: every column of a file is used by its format, or ignored by name. The
//! formats that come with Allot are the files of `feeds/formats`.

use std::collections::BTreeMap;
use std::fs;
use std::str::FromStr;

use allot_domain::Side;
use serde::Deserialize;

use super::text_encoding::TextEncoding;
use crate::FeedError;
use crate::limits::{FORMAT_LEN_MAX, SKIP_AFTER_MAX};

/// The formats that come with Allot: name and text.
const SHIPPED: [(&str, &str); 3] = [
    ("interactive-brokers", include_str!("../../formats/interactive-brokers.toml")),
    ("tastytrade", include_str!("../../formats/tastytrade.toml")),
    ("european", include_str!("../../formats/european.toml")),
];

/// How a file is written. The default is Allot's own: the columns are named as the fields of a fill
/// are on the wire, between commas, in UTF-8.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Format {
    /// The encoding of its text; a byte order mark overrides it.
    pub encoding: TextEncoding,
    /// What stands between two columns.
    pub delimiter: char,
    /// What stands around a column that has a delimiter in it.
    pub quote: char,
    /// The sign before the decimals: `.` or `,`. Unless it is stated, prices have a point, and
    /// quantities must have no decimals.
    pub decimal: Option<char>,
    /// The sign between groups of three digits.
    pub thousands: Option<char>,
    /// What may stand before or after a number, such as `$`.
    pub currency_signs: Vec<String>,
    /// Lines before the header.
    pub skip_before: u64,
    /// Lines at the end that are no fills, such as a total.
    pub skip_after: usize,
    /// A negative quantity is a sale.
    pub signed_quantity: bool,
    /// Prices are cash flows: that of a purchase is negative.
    pub signed_price: bool,
    /// The side of every line, for a file that has no side column.
    pub side: Option<Word>,
    /// Where each field of a fill stands.
    pub columns: Columns,
    /// What the words in the side column mean.
    pub sides: Sides,
    /// Columns that have one of these values on every line.
    pub must_be: BTreeMap<String, Words>,
    /// Columns that have the same value on all lines.
    pub same: Vec<String>,
    /// A line that has one of these values in this column is no fill, and is left out.
    pub not_fills: BTreeMap<String, Words>,
    /// Columns of `same` and `not_fills` that must be there: a format is of many exports, whoever
    /// names a column is certain of it.
    #[serde(skip)]
    pub asked_for: Vec<String>,
    /// Columns without a meaning for the book.
    pub ignore: Vec<String>,
}

/// The columns of the fields. One that is not stated has the name of its field; then `side`, `id`,
/// `seq` and `time_ns` may be missing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// What was traded.
    pub ticker: Option<String>,
    /// Bought or sold. Of several columns the first must be there, and the words of those that are
    /// there are joined with spaces.
    pub side: Option<Words>,
    /// The price of one share.
    pub price: Option<String>,
    /// How many shares.
    pub quantity: Option<String>,
    /// The venue's name of the execution.
    pub id: Option<String>,
    /// The sequence number.
    pub seq: Option<String>,
    /// When it happened, in nanoseconds.
    pub time_ns: Option<String>,
    /// When it happened, as text: it tells lines apart that have no `id`.
    pub time: Option<Words>,
}

/// The words of the side column.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sides {
    /// These mean a purchase.
    pub buy: Words,
    /// These mean a sale.
    pub sell: Words,
    /// These open or close a short position, and are refused.
    pub short: Words,
}

/// Buy or sell, as a format states it for a whole file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// All are purchases.
    Buy,
    /// All are sales.
    Sell,
}

/// One text, or a list of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct Words(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Format {
    /// A format by name, or from a TOML file.
    ///
    /// # Errors
    /// [`FeedError::Unreadable`] and [`FeedError::Setting`].
    pub fn find(name_or_path: &str) -> Result<Self, FeedError> {
        if let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == name_or_path) {
            return Self::read(name_or_path, text);
        }
        if !name_or_path.contains(['/', '.']) {
            let names = SHIPPED.map(|(name, _)| name).join(", ");
            let expected = format!("expected {names}, or the path of a .toml file");
            return Err(FeedError::setting("file format", name_or_path, expected));
        }
        let unreadable = |cause| FeedError::Unreadable { file: name_or_path.to_owned(), cause };
        let len = fs::metadata(name_or_path).map_err(unreadable)?.len();
        if FORMAT_LEN_MAX < len {
            let expected = format!("a format has at most {FORMAT_LEN_MAX} bytes");
            return Err(FeedError::setting("file format", name_or_path, expected));
        }
        Self::read(name_or_path, &fs::read_to_string(name_or_path).map_err(unreadable)?)
    }

    /// Reads and checks the text of a format.
    fn read(name: &str, text: &str) -> Result<Self, FeedError> {
        let format: Self = toml::from_str(text)
            .map_err(|error| FeedError::setting("file format", name, error.to_string().trim()))?;
        let used_and_ignored = format.used_columns().find(|column| format.ignores(column));
        if let Some(column) = used_and_ignored {
            let reason = format!("the column {column:?} is used, and ignored as well");
            return Err(FeedError::setting("file format", name, reason));
        }
        format.check()?;
        Ok(format)
    }

    /// Checks what one key says against the others.
    ///
    /// # Errors
    /// [`FeedError::Setting`], for the first key that cannot be.
    pub fn check(&self) -> Result<(), FeedError> {
        let refuse =
            |setting, given: &str, reason: &str| Err(FeedError::setting(setting, given, reason));
        let sign = |sign: char| sign.to_string();
        let is_sign = |sign: char| sign.is_ascii_punctuation() || matches!(sign, '\t' | ' ');
        if !is_sign(self.delimiter) {
            return refuse("delimiter", &sign(self.delimiter), "expected a sign such as ; or tab");
        }
        if !is_sign(self.quote) || self.quote == self.delimiter {
            return refuse("quote", &sign(self.quote), "expected a sign such as \" or '");
        }
        if self.decimal.is_some_and(|decimal| !matches!(decimal, '.' | ',')) {
            let given = self.decimal.map(sign).unwrap_or_default();
            return refuse("decimal sign", &given, "expected . or ,");
        }
        if let Some(thousands) = self.thousands {
            if thousands.is_alphanumeric() || matches!(thousands, '-' | '+') {
                return refuse(
                    "thousands sign",
                    &sign(thousands),
                    "expected a sign such as , or .",
                );
            }
            if self.decimal == Some(thousands) || (self.decimal.is_none() && thousands == '.') {
                let reason = "the decimal sign must be stated, and be another one";
                return refuse("thousands sign", &sign(thousands), reason);
            }
        }
        if SKIP_AFTER_MAX < self.skip_after {
            let reason = format!("at most {SKIP_AFTER_MAX} lines can be skipped at the end");
            return refuse("skip_after", &self.skip_after.to_string(), &reason);
        }
        if self.side.is_some() && (self.signed_quantity || self.columns.side.is_some()) {
            return refuse("side", "for all lines", "the lines say it too; state one of the two");
        }
        self.sides.check()
    }

    /// Whether a column has no meaning for the book.
    pub(super) fn ignores(&self, column: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored == column)
    }

    fn used_columns(&self) -> impl Iterator<Item = &String> {
        let Columns { ticker, side, price, quantity, id, seq, time_ns, time } = &self.columns;
        let single = [ticker, price, quantity, id, seq, time_ns].into_iter().flatten();
        let several = [side, time].into_iter().flatten().flat_map(|words| &words.0);
        let checked = self.must_be.keys().chain(&self.same).chain(self.not_fills.keys());
        single.chain(several).chain(checked)
    }
}

impl Sides {
    /// What a word means.
    pub(super) fn side(&self, word: &str) -> Option<Meaning> {
        let lists = [
            (&self.buy, Meaning::Side(Side::Buy)),
            (&self.sell, Meaning::Side(Side::Sell)),
            (&self.short, Meaning::Short),
        ];
        let found = lists.into_iter().find(|(words, _)| words.contains(word));
        found.map(|(_, meaning)| meaning)
    }

    fn check(&self) -> Result<(), FeedError> {
        let mut words = self.buy.0.iter().chain(&self.sell.0).chain(&self.short.0);
        let mut seen = Vec::new();
        let twice = words.find(|word| {
            let is_known = seen.contains(word);
            seen.push(word);
            is_known
        });
        let refuse = |word| Err(FeedError::setting("side code", word, "it stands there twice"));
        twice.map_or(Ok(()), |word| refuse(word))
    }
}

/// What a word in the side column means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// Bought or sold.
    Side(Side),
    /// A short position is opened or closed.
    Short,
}

impl Words {
    /// A list from one text, separated by commas.
    #[must_use]
    pub fn list(text: &str) -> Self {
        Self(text.split(',').map(|word| word.trim().to_owned()).collect())
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.0.iter().any(|word| word == text)
    }
}

impl Default for Format {
    fn default() -> Self {
        Self {
            encoding: TextEncoding::default(),
            delimiter: ',',
            quote: '"',
            decimal: None,
            thousands: None,
            currency_signs: Vec::new(),
            skip_before: 0,
            skip_after: 0,
            signed_quantity: false,
            signed_price: false,
            side: None,
            columns: Columns::default(),
            sides: Sides::default(),
            must_be: BTreeMap::new(),
            same: Vec::new(),
            not_fills: BTreeMap::new(),
            asked_for: Vec::new(),
            ignore: Vec::new(),
        }
    }
}

impl Default for Sides {
    fn default() -> Self {
        let words = |list| Words::list(list);
        Self { buy: words("buy,Buy,BUY"), sell: words("sell,Sell,SELL"), short: Words::default() }
    }
}

impl From<OneOrMany> for Words {
    fn from(words: OneOrMany) -> Self {
        match words {
            OneOrMany::One(word) => Self(vec![word]),
            OneOrMany::Many(words) => Self(words),
        }
    }
}

impl From<Word> for Side {
    fn from(word: Word) -> Self {
        match word {
            Word::Buy => Self::Buy,
            Word::Sell => Self::Sell,
        }
    }
}

impl FromStr for Word {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        match text {
            "buy" => Ok(Self::Buy),
            "sell" => Ok(Self::Sell),
            _ => Err(FeedError::setting("side", text, "expected buy or sell")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Format::read("broker.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn the_formats_that_come_with_allot_are_good() {
        for (name, _) in SHIPPED {
            let format = Format::find(name).unwrap();
            assert!(!format.ignore.is_empty(), "{name}");
        }
        let unknown = Format::find("saxo").unwrap_err().to_string();
        assert!(unknown.contains("interactive-brokers, tastytrade, european"), "{unknown}");
        let missing = Format::find("/not/there.toml").unwrap_err().to_string();
        assert!(missing.contains("is the path right?"), "{missing}");
    }

    #[test]
    fn a_format_that_cannot_be_says_which_key() {
        for (text, expected) in [
            ("delimeter = ';'", "unknown field `delimeter`"),
            ("[columns]\nsize = 'Qty'", "unknown field `size`"),
            ("delimiter = ';;'", "expected a character"),
            ("decimal = '-'", "invalid decimal sign \"-\""),
            ("thousands = '.'", "the decimal sign must be stated"),
            ("decimal = ','\nthousands = ','", "and be another one"),
            ("thousands = '0'", "expected a sign such as"),
            ("encoding = 'ebcdic'", "unknown variant"),
            ("skip_after = 1000", "at most 100 lines"),
            ("side = 'buy'\nsigned_quantity = true", "state one of the two"),
            ("[sides]\nbuy = ['B']\nsell = ['B']", "invalid side code \"B\""),
            ("ignore = ['Qty']\n[columns]\nquantity = 'Qty'", "is used, and ignored as well"),
        ] {
            assert!(error(text).contains(expected), "{text}: {}", error(text));
        }
    }
}
