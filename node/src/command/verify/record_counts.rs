//! Record counts: how many records of each kind a journal has.

use std::fmt;

use allot_allocation_rules::Input;
use allot_feeds::plural;
use serde_json::{Map, Value};

/// The kinds of records, as the page names them; the last are inputs that the shard refused whole.
const KINDS: [&str; 9] = [
    "fills",
    "busts",
    "splits",
    "checks",
    "nettings",
    "markers",
    "replays",
    "listings",
    "malformed",
];

/// How many records there are of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct RecordCounts([u64; KINDS.len()]);

impl RecordCounts {
    /// Counts a record; `None` is one that is no input of a machine.
    pub(super) const fn count(&mut self, input: Option<&Input>) {
        let kind = match input {
            Some(Input::Fill(_)) => 0,
            Some(Input::Bust(_)) => 1,
            Some(Input::Split(_)) => 2,
            Some(Input::Check(_)) => 3,
            Some(Input::Netting(_)) => 4,
            Some(Input::Marker(_)) => 5,
            Some(Input::Replay(_)) => 6,
            Some(Input::Listing(_)) => 7,
            None => 8,
        };
        self.0[kind] += 1;
    }

    /// All of them, by kind.
    pub(super) fn as_json(&self) -> Value {
        let counts = self.named().map(|(kind, count)| (kind.to_owned(), count.into()));
        Value::Object(counts.collect::<Map<_, _>>())
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.0)
    }
}

impl fmt::Display for RecordCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.0.iter().sum();
        let counts: Vec<_> = self.named().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(f, "{total} {}: {}", plural(total, "record"), counts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::Marker;

    use super::*;

    #[test]
    fn all_kinds_are_named_whatever_there_is() {
        let mut counts = RecordCounts::default();
        counts.count(Some(&Input::Marker(Marker { number: 1, time_ns: 0, report: false })));
        counts.count(None);
        counts.count(None);
        let expected = "3 records: 0 fills, 0 busts, 0 splits, 0 checks, 0 nettings, 1 markers, \
                        0 replays, 0 listings, 2 malformed";
        assert_eq!(counts.to_string(), expected);
        assert_eq!(counts.as_json()["malformed"], 2);
    }
}
