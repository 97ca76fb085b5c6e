//! The ids of the lines of one file.
//!
//! A file may have a column with the venue's ids. Otherwise an id is derived from what the line
//! says and from how many equal lines stand before it, so that the same export has the same ids
//! again, in any order and with lines added anywhere.

use std::collections::BTreeMap;

use allot_domain::Ticker;
use xxhash_rust::xxh3::xxh3_128;

use super::fields::Fields;
use super::line_error::LineError;
use super::line_id::LineId;
use crate::limits::LINE_IDS_MAX;

/// What a derived id begins with.
const PREFIX: &str = "line-";

/// After each part of what is hashed.
const SEPARATOR: u8 = 0;

/// The ids of one file.
#[derive(Default)]
pub(super) struct LineIds {
    /// By the hash of a line's contents: how many lines have had them. By the hash of ticker and
    /// given id: the line that has it.
    seen: BTreeMap<u128, u64>,
    hashed: Vec<u8>,
}

impl LineIds {
    /// Checks that no line before has this id of this ticker.
    pub(super) fn check_given(
        &mut self,
        ticker: Ticker,
        id: LineId,
        line: u64,
    ) -> Result<(), LineError> {
        self.hashed.clear();
        self.push(ticker.as_bytes());
        self.push(id.as_str().as_bytes());
        let count = self.seen.len();
        let first = *self.seen.entry(xxh3_128(&self.hashed)).or_insert(line);
        if first != line {
            return Err(LineError::IdTwice { id, first });
        }
        if count < LINE_IDS_MAX { Ok(()) } else { Err(LineError::TooManyLines) }
    }

    /// The id of a line that gives none.
    pub(super) fn derive(&mut self, fields: &Fields) -> Result<LineId, LineError> {
        self.hashed.clear();
        self.push(fields.ticker.as_bytes());
        self.push(fields.side.to_string().as_bytes());
        self.push(&fields.price.nanos().to_le_bytes());
        self.push(&fields.quantity.get().to_le_bytes());
        self.push(&fields.time_ns.map_or([0; 8], u64::to_le_bytes));
        self.push(fields.time.as_bytes());
        let contents = xxh3_128(&self.hashed);
        let count = self.seen.len();
        let occurrence = self.seen.entry(contents).or_default();
        *occurrence += 1;
        let named = [&contents.to_le_bytes()[..], &occurrence.to_le_bytes()].concat();
        let id = LineId::new(&format!("{PREFIX}{:032x}", xxh3_128(&named)));
        let id = id.expect("it is short, and all of it is printable");
        if count < LINE_IDS_MAX { Ok(id) } else { Err(LineError::TooManyLines) }
    }

    fn push(&mut self, part: &[u8]) {
        self.hashed.extend_from_slice(part);
        self.hashed.push(SEPARATOR);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use allot_domain::{Price, Quantity, Side};

    use super::*;

    fn fields(ticker: &str, quantity: &str, time: &str) -> Fields {
        Fields {
            seq: None,
            id: None,
            ticker: Ticker::new(ticker.as_bytes()).unwrap(),
            side: Side::Buy,
            price: Price::parse("187.23").unwrap(),
            quantity: Quantity::parse(quantity).unwrap(),
            time_ns: None,
            time: time.to_owned(),
        }
    }

    fn ids(lines: &[(&str, &str, &str)]) -> Vec<String> {
        let mut ids = LineIds::default();
        let id = |(ticker, quantity, time): &(&str, &str, &str)| {
            ids.derive(&fields(ticker, quantity, time)).unwrap().as_str().to_owned()
        };
        lines.iter().map(id).collect()
    }

    #[test]
    fn an_export_has_the_same_ids_again_whatever_was_added_and_in_any_order() {
        let noon = [("AAPL", "100", ""), ("AAPL", "100", ""), ("TSLA", "70", "")];
        let evening = [("MSFT", "5", ""), noon[2], noon[1], noon[0]];
        let (noon, evening) = (ids(&noon), ids(&evening));
        assert_ne!(noon[0], noon[1], "equal lines are different fills");
        let all: BTreeSet<_> = noon.iter().chain(&evening).collect();
        assert_eq!(all.len(), 4, "{noon:?} {evening:?}");
        assert!(noon.iter().all(|id| id.starts_with("line-") && id.len() == 37), "{noon:?}");
    }

    #[test]
    fn what_a_line_says_is_its_id() {
        let different = ids(&[("A", "1", ""), ("A", "2", ""), ("B", "1", ""), ("A", "1", "9:30")]);
        assert_eq!(different.iter().collect::<BTreeSet<_>>().len(), 4);
        // A changed derivation would count every file again that was sent before.
        assert_eq!(different[0], "line-6a67a33d8435fa4f987881637d8b7223");
    }

    #[test]
    fn an_id_that_stands_twice_is_refused_and_names_the_first() {
        let (ticker, other) = (Ticker::new(b"A").unwrap(), Ticker::new(b"B").unwrap());
        let id = LineId::new("00013911.5a4b8c3d.01.01").unwrap();
        let mut ids = LineIds::default();
        assert_eq!(ids.check_given(ticker, id, 2), Ok(()));
        assert_eq!(ids.check_given(other, id, 3), Ok(()), "each ticker has its own");
        assert_eq!(ids.check_given(ticker, id, 9), Err(LineError::IdTwice { id, first: 2 }));
    }
}
