//! Format flags: how the file of `allot feed fills` is written.

use allot_feeds::{Format, TextEncoding, Word, Words};
use allot_wire::nearest_name;
use anyhow::{Result, bail};
use clap::Args;

/// How the file is written; each flag overrides the key of --format.
#[derive(Args)]
#[command(next_help_heading = "Files")]
pub(super) struct FormatFlags {
    /// Format of the file: interactive-brokers, tastytrade, european, or the path of a .toml file
    #[arg(long, value_name = "FORMAT", conflicts_with = "random")]
    format: Option<String>,
    /// Print what the file says, with totals by ticker and side, and send nothing
    #[arg(long, conflicts_with = "random")]
    pub(super) dry_run: bool,
    /// Side of every line, for a file without a side column: buy or sell
    #[arg(long, value_name = "SIDE", conflicts_with = "random")]
    side: Option<Word>,
    /// Column of a field, such as ticker=Symbol; the fields are ticker, side, price, quantity, id,
    /// seq, time and time_ns; repeat it for each
    #[arg(long, value_name = "FIELD=NAME", conflicts_with = "random")]
    column: Vec<String>,
    /// Columns that mean nothing for the positions, separated by commas
    #[arg(long, value_name = "NAMES", conflicts_with = "random")]
    ignore: Vec<String>,
    /// Words in the side column that mean a purchase, separated by commas
    #[arg(long, value_name = "WORDS", conflicts_with = "random")]
    buy_codes: Option<String>,
    /// Words in the side column that mean a sale
    #[arg(long, value_name = "WORDS", conflicts_with = "random")]
    sell_codes: Option<String>,
    /// Words in the side column that open or close a short position; such lines are refused
    #[arg(long, value_name = "WORDS", conflicts_with = "random")]
    short_codes: Option<String>,
    /// What stands between two columns: a sign, or tab
    #[arg(long, value_name = "SIGN", conflicts_with = "random", value_parser = delimiter)]
    delimiter: Option<char>,
    /// What stands around a column that has a delimiter in it
    #[arg(long, value_name = "SIGN", conflicts_with = "random")]
    quote: Option<char>,
    /// Sign before the decimals: . or ,
    #[arg(long, value_name = "SIGN", conflicts_with = "random")]
    decimal: Option<char>,
    /// Sign between groups of three digits
    #[arg(long, value_name = "SIGN", conflicts_with = "random")]
    thousands: Option<char>,
    /// What may stand before or after a number, such as $; repeat it for each
    #[arg(long, value_name = "SIGN", conflicts_with = "random")]
    currency_sign: Vec<String>,
    /// A negative quantity is a sale
    #[arg(long, conflicts_with = "random")]
    signed_quantity: bool,
    /// Prices are cash flows: that of a purchase is negative
    #[arg(long, conflicts_with = "random")]
    signed_price: bool,
    /// Encoding of the file: utf-8, utf-16le, utf-16be or latin-1; a byte order mark overrides it
    #[arg(long, value_name = "ENCODING", conflicts_with = "random")]
    file_encoding: Option<TextEncoding>,
    /// Number of lines before the header
    #[arg(long, value_name = "COUNT", conflicts_with = "random")]
    skip_before: Option<u64>,
    /// Number of lines at the end that are no fills, such as a total
    #[arg(long, value_name = "COUNT", conflicts_with = "random")]
    skip_after: Option<usize>,
    /// Value that a column must have on every line, such as Multiplier=1; repeat it for each
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "random")]
    must_be: Vec<String>,
    /// Column that must have the same value on all lines; repeat it for each
    #[arg(long, value_name = "NAME", conflicts_with = "random")]
    same: Vec<String>,
    /// Leave out the lines that have this value in a column, such as Type=Dividend; repeat it for
    /// each
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "random")]
    not_fill: Vec<String>,
}

impl FormatFlags {
    /// The format of the file.
    pub(super) fn format(&self) -> Result<Format> {
        let mut format = self.format.as_deref().map_or(Ok(Format::default()), Format::find)?;
        self.set_signs(&mut format);
        self.set_sides(&mut format);
        for text in &self.column {
            set_column(&mut format, text)?;
        }
        for text in &self.must_be {
            let (name, value) = pair("--must-be", text)?;
            format.must_be.insert(name, Words(vec![value]));
        }
        for text in &self.not_fill {
            let (name, value) = pair("--not-fill", text)?;
            format.asked_for.push(name.clone());
            format.not_fills.entry(name).or_default().0.push(value);
        }
        format.asked_for.extend(self.same.iter().cloned());
        format.same.extend(self.same.iter().cloned());
        let ignored: Vec<_> = self.ignore.iter().flat_map(|names| Words::list(names).0).collect();
        self.check_ignored(&ignored)?;
        format.ignore.extend(ignored);
        format.check()?;
        Ok(format)
    }

    /// A check of a format file may be given up with --ignore, but not one of the same command.
    fn check_ignored(&self, ignored: &[String]) -> Result<()> {
        let name =
            |text: &String| text.split_once('=').map_or(text.clone(), |(name, _)| name.into());
        let checks =
            [("--same", &self.same), ("--not-fill", &self.not_fill), ("--must-be", &self.must_be)];
        for (flag, given) in checks {
            if let Some(name) = given.iter().map(name).find(|name| ignored.contains(name)) {
                bail!(
                    "{flag} checks the column {name:?}, and --ignore passes it over; leave one out"
                );
            }
        }
        Ok(())
    }

    fn set_signs(&self, format: &mut Format) {
        let set = |key: &mut char, given: Option<char>| *key = given.unwrap_or(*key);
        set(&mut format.delimiter, self.delimiter);
        set(&mut format.quote, self.quote);
        format.decimal = self.decimal.or(format.decimal);
        format.thousands = self.thousands.or(format.thousands);
        format.currency_signs.extend(self.currency_sign.iter().cloned());
        format.signed_quantity |= self.signed_quantity;
        format.signed_price |= self.signed_price;
        format.encoding = self.file_encoding.unwrap_or(format.encoding);
        format.skip_before = self.skip_before.unwrap_or(format.skip_before);
        format.skip_after = self.skip_after.unwrap_or(format.skip_after);
    }

    fn set_sides(&self, format: &mut Format) {
        if self.side.is_some() {
            format.side = self.side;
        }
        let sides = &mut format.sides;
        for (words, given) in [
            (&mut sides.buy, &self.buy_codes),
            (&mut sides.sell, &self.sell_codes),
            (&mut sides.short, &self.short_codes),
        ] {
            if let Some(list) = given {
                *words = Words::list(list);
            }
        }
    }
}

/// The fields that a column may be named for.
const FIELDS: [&str; 8] = ["ticker", "side", "price", "quantity", "id", "seq", "time", "time_ns"];

fn set_column(format: &mut Format, text: &str) -> Result<()> {
    let (field, name) = pair("--column", text)?;
    let columns = &mut format.columns;
    let column = match field.as_str() {
        "ticker" => &mut columns.ticker,
        "price" => &mut columns.price,
        "quantity" => &mut columns.quantity,
        "id" => &mut columns.id,
        "seq" => &mut columns.seq,
        "time_ns" => &mut columns.time_ns,
        "side" | "time" => {
            let words = if field == "side" { &mut columns.side } else { &mut columns.time };
            *words = Some(Words(vec![name]));
            return Ok(());
        }
        _ => bail!("there is no field {field:?}; {}", advice(&field, &name)),
    };
    *column = Some(name);
    Ok(())
}

/// What to write instead of a column of a field that there is not: the other order, the nearest
/// field, or any.
fn advice(field: &str, name: &str) -> String {
    if FIELDS.contains(&name) {
        return format!("the field stands first: did you mean --column {name}={}?", quoted(field));
    }
    match (nearest_name(field, FIELDS), nearest_name(name, FIELDS)) {
        (Some(near), _) => format!("did you mean --column {near}={}?", quoted(name)),
        (None, Some(near)) => {
            format!("the field stands first: did you mean --column {near}={}?", quoted(field))
        }
        (None, None) => format!("use --column with {}", FIELDS.join(", ")),
    }
}

/// A name of a column as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.');
    if name.chars().all(is_plain) { name.to_owned() } else { format!("{name:?}") }
}

/// Splits `NAME=VALUE`.
fn pair(flag: &str, text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => bail!("{flag} {text:?}: expected a name and a value, such as ticker=Symbol"),
    }
}

/// A sign, or the word for one that is hard to type.
fn delimiter(text: &str) -> Result<char, String> {
    let text = if matches!(text, "tab" | "\\t") { "\t" } else { text };
    text.parse().map_err(|_| "expected one sign, or tab".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_a_field_that_there_is_not_gets_the_right_order_or_the_nearest() {
        for (text, expected) in [
            ("Symbol=ticker", "the field stands first: did you mean --column ticker=Symbol?"),
            ("Buy/Sell=side", "did you mean --column side=\"Buy/Sell\"?"),
            ("Symbol=Ticker", "the field stands first: did you mean --column ticker=Symbol?"),
            ("Ticker=Symbol", "did you mean --column ticker=Symbol?"),
            (
                "qty=Menge",
                "use --column with ticker, side, price, quantity, id, seq, time, time_ns",
            ),
            ("Symbol", "expected a name and a value, such as ticker=Symbol"),
        ] {
            let error = set_column(&mut Format::default(), text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
