//! CSV: a header that names the columns, then a fill on each line.
//!
//! ```text
//!   time_ns,ticker,price,quantity,side
//!   86055342000000,BTCUSDT,61837.63,2000,buy
//! ```
//!
//! Columns are found by name, in any order; columns with other names are ignored. `side` may be
//! missing or empty (buy), and so may `time_ns` unless the recorded pace needs it. A field may be
//! quoted, but must end on its line.

use std::io::{self, ErrorKind, Read};

use allot_domain::{Price, Quantity, Reject, Side, Ticker};
use csv::{ReaderBuilder, StringRecord, Trim};

use super::Fields;
use super::line_error::LineError;

/// Reads records by the columns of their header.
pub(super) struct Csv {
    reader: csv::Reader<Feeder>,
    record: StringRecord,
    columns: Columns,
    needs_time: bool,
}

/// The index of each field in a record.
struct Columns {
    count: usize,
    ticker: usize,
    price: usize,
    quantity: usize,
    side: Option<usize>,
    time_ns: Option<usize>,
}

/// Gives one line at a time to a reader that expects a stream.
#[derive(Default)]
struct Feeder {
    line: Vec<u8>,
    read: usize,
}

impl Read for Feeder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.line[self.read..];
        if rest.is_empty() {
            // The reader wants more than the line only inside a quoted field.
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Csv {
    /// Reads the header.
    pub(super) fn new(header: &str, needs_time: bool) -> Result<Self, LineError> {
        let mut reader = reader();
        let mut record = StringRecord::new();
        split(&mut reader, header, &mut record)?;
        let columns = Columns::find(&record, needs_time)?;
        Ok(Self { reader, record, columns, needs_time })
    }

    /// Reads one line after the header.
    pub(super) fn read(&mut self, line: &str) -> Result<Fields, LineError> {
        split(&mut self.reader, line, &mut self.record)?;
        let found = self.record.len();
        let expected = self.columns.count;
        if found != expected {
            return Err(LineError::FieldCount { found, expected });
        }
        let fields = self.fields()?;
        let lacks_time = self.needs_time && fields.time_ns.is_none();
        if lacks_time { Err(LineError::NoTime) } else { Ok(fields) }
    }

    fn fields(&self) -> Result<Fields, Reject> {
        let field = |column: usize| &self.record[column];
        let filled = |column: Option<usize>| column.map(field).filter(|text| !text.is_empty());
        Ok(Fields {
            seq: None,
            ticker: Ticker::new(field(self.columns.ticker).as_bytes())?,
            side: filled(self.columns.side).map_or(Ok(Side::Buy), side)?,
            price: Price::parse(field(self.columns.price))?,
            quantity: Quantity::parse(field(self.columns.quantity))?,
            time_ns: filled(self.columns.time_ns).map(super::time_ns).transpose()?,
        })
    }
}

impl Columns {
    fn find(header: &StringRecord, needs_time: bool) -> Result<Self, LineError> {
        let column = |name: &str| header.iter().position(|column| column == name);
        let need = |name: &'static str| {
            let columns = || header.iter().map(str::to_owned).collect();
            column(name).ok_or_else(|| LineError::NoColumn { column: name, columns: columns() })
        };
        let twin = |name: &&str| 1 < header.iter().filter(|column| column == name).count();
        if let Some(name) =
            ["ticker", "price", "quantity", "side", "time_ns"].into_iter().find(|name| twin(name))
        {
            return Err(LineError::DuplicateColumn(name));
        }
        Ok(Self {
            count: header.len(),
            ticker: need("ticker")?,
            price: need("price")?,
            quantity: need("quantity")?,
            side: column("side"),
            time_ns: if needs_time { Some(need("time_ns")?) } else { column("time_ns") },
        })
    }
}

fn reader() -> csv::Reader<Feeder> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(Feeder::default())
}

/// Splits one line into its fields. After an error the reader is in the middle of a record, so it
/// is replaced.
fn split(
    reader: &mut csv::Reader<Feeder>,
    line: &str,
    record: &mut StringRecord,
) -> Result<(), LineError> {
    let feeder = reader.get_mut();
    feeder.line.clear();
    feeder.line.extend_from_slice(line.as_bytes());
    feeder.line.push(b'\n');
    feeder.read = 0;
    reader.read_record(record).map(|_| ()).map_err(|error| {
        *reader = self::reader();
        match error.into_kind() {
            csv::ErrorKind::Io(_) => LineError::OpenQuote,
            kind => LineError::NotCsv { cause: format!("{kind:?}") },
        }
    })
}

fn side(text: &str) -> Result<Side, Reject> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(Reject::BadSide(Reject::quote(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: LineError) -> String {
        error.to_string()
    }

    fn read(header: &str, line: &str) -> Result<String, String> {
        let Fields { ticker, side, price, quantity, time_ns, .. } =
            Csv::new(header, false).and_then(|mut csv| csv.read(line)).map_err(text)?;
        let time = time_ns.map_or(String::new(), |time| format!(" at {time}"));
        Ok(format!("{side} {quantity} {ticker} {price}{time}"))
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        for (header, line, expected) in [
            ("ticker,price,quantity", "AAPL,187.23,100", "buy 100 AAPL 187.23"),
            ("quantity,venue,price,ticker", "100,XNAS,187.23,AAPL", "buy 100 AAPL 187.23"),
            ("ticker,price,quantity,side", "AAPL,187.23,100,sell", "sell 100 AAPL 187.23"),
            ("ticker,price,quantity,side", "AAPL,187.23,100,", "buy 100 AAPL 187.23"),
            ("time_ns,ticker,price,quantity", "7,A,1,2", "buy 2 A 1 at 7"),
            ("time_ns,ticker,price,quantity", ",A,1,2", "buy 2 A 1"),
            (" ticker , price,quantity ", " A , 1.50 , 2.000 ", "buy 2 A 1.5"),
            ("ticker,note,price,quantity", "A,\"a, \"\"b\"\"\",1,2", "buy 2 A 1"),
            (
                "ticker,price,quantity",
                "\"BRK/B\",0.000000001,1099511627776",
                "buy 1099511627776 BRK/B 0.000000001",
            ),
        ] {
            assert_eq!(read(header, line).as_deref(), Ok(expected), "{header} / {line}");
        }
    }

    #[test]
    fn a_bad_header_says_what_it_lacks() {
        for (header, expected) in [
            (
                "ticker,px,quantity",
                "the header has no column \"price\"; its columns are ticker, px, quantity",
            ),
            (
                "Ticker,price,quantity",
                "the header has no column \"ticker\"; its columns are Ticker, price, quantity",
            ),
            ("ticker,price,quantity,price", "the header has the column \"price\" twice"),
            ("ticker,\"price,quantity", "a quote is not closed on this line"),
        ] {
            assert_eq!(read(header, ""), Err(expected.to_owned()), "{header}");
        }
        let error = text(Csv::new("ticker,price,quantity", true).err().unwrap());
        assert!(error.starts_with("the header has no column \"time_ns\""), "{error}");
        let mut paced = Csv::new("ticker,price,quantity,time_ns", true).unwrap();
        assert!(paced.read("A,1,1,5").is_ok());
        assert_eq!(paced.read("A,1,1,").err(), Some(LineError::NoTime));
    }

    #[test]
    fn a_bad_line_says_what_is_wrong() {
        let header = "time_ns,ticker,price,quantity,side";
        for (line, expected) in [
            ("1,A,1", "it has 3 fields and the header has 5"),
            ("1", "it has 1 field and the header has 5"),
            ("1,A,1,2,buy,x", "it has 6 fields and the header has 5"),
            ("1,A:B,1,2,", "a ticker must be 1 to 16 of A-Z a-z 0-9 . - / _; it was \"A:B\""),
            ("1,,1,2,", "a ticker must be 1 to 16 of A-Z a-z 0-9 . - / _; it was \"\""),
            ("1,A,0,2,", "the price must be more than zero; it was 0"),
            ("1,A,-1.5,2,", "the price must be more than zero; it was -1.5"),
            ("1,A,1e3,2,", "the price \"1e3\" is not a plain decimal number such as 187.23"),
            ("1,A,0.0000000001,2,", "the price \"0.0000000001\" has more than nine decimals"),
            ("1,A,1,2.5,", "the quantity must be a whole number of shares; it was \"2.5\""),
            ("1,A,1,0,", "the quantity must be at least one share; it was 0"),
            (
                "1,A,1,1099511627777,",
                "the quantity must be at most 1099511627776; it was 1099511627777",
            ),
            ("1,A,1,2,hold", "the side must be buy or sell; it was \"hold\""),
            ("soon,A,1,2,", "\"time_ns\" is a whole number of nanoseconds; it was \"soon\""),
            ("1,\"A,1,2,", "a quote is not closed on this line"),
        ] {
            assert_eq!(read(header, line), Err(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn a_line_after_one_with_an_open_quote_is_read_as_usual() {
        let mut csv = Csv::new("ticker,price,quantity", false).unwrap();
        assert!(csv.read("\"A,1,2").is_err());
        assert_eq!(csv.read("B,1,2").unwrap().ticker, Ticker::new(b"B").unwrap());
        assert!(csv.read("A,1").is_err());
        assert_eq!(csv.read("C,1,2").unwrap().ticker, Ticker::new(b"C").unwrap());
    }
}
