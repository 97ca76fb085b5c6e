//! CSV cell: a text as one cell of CSV, quoted where it has to be, as RFC 4180 has it.

use std::borrow::Cow;

/// The cell of a text: in quotes where it contains a comma, a quote or the end of a line.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_csv_gets_the_text_back() {
        for text in ["", "AAPL", "BRK/B", "A,B", ",", "a\"b", "\"", "a\nb", "a\r\nb", "A B"] {
            let line = format!("first,{},last\n", cell(text));
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!(record.iter().collect::<Vec<_>>(), ["first", text, "last"], "{line}");
        }
        assert_eq!(cell("AAPL"), "AAPL");
    }
}
