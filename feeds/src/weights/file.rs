//! Weights from a file, in one of three forms:
//!
//! ```text
//!   {"account1": "40", "account2": 60}                  JSON, read again at every tick
//!
//!   account,weight                                      CSV, read again at every tick
//!   account1,40
//!   account2,60
//!
//!   {"account1": "40", "account2": "60"}                several JSON objects: one at each tick
//!   {"account1": "100"}
//! ```
//!
//! Each object may also be a whole `split` message of the front door.
//! If a file turns bad, nothing changes: the split in force stays, and the reason is logged.

use std::collections::VecDeque;
use std::{fs, io};

use allot_allocation_service::{Request, decode_line};
use serde_json::value::RawValue;

use super::weights_error::WeightsError;
use super::{Target, WeightsPull, checked, entry};
use crate::FeedError;
use crate::json_object::JsonObject;
use crate::limits::WEIGHTS_LEN_MAX;

/// The splits of a file.
pub(super) struct WeightsFile {
    path: String,
    splits: Splits,
}

enum Splits {
    /// The text of the file and its split.
    Standing(String, Target),
    /// Those still to be sent.
    Series(VecDeque<Target>),
}

impl WeightsFile {
    pub(super) fn open(path: &str) -> Result<Self, FeedError> {
        let bad = |cause| FeedError::BadWeights { file: path.to_owned(), cause };
        let text = read(path).map_err(bad)?;
        let mut splits = parse(&text).map_err(bad)?;
        let splits = match splits.len() {
            1 => Splits::Standing(text, splits.remove(0)),
            _ => Splits::Series(splits.into()),
        };
        Ok(Self { path: path.to_owned(), splits })
    }

    pub(super) fn next(&mut self) -> WeightsPull {
        let Self { path, splits } = self;
        match splits {
            Splits::Series(splits) => {
                splits.pop_front().map_or(WeightsPull::Done, WeightsPull::Weights)
            }
            Splits::Standing(last, target) => match read_again(path, last, target) {
                Ok(()) => WeightsPull::Weights(target.clone()),
                Err(cause) => WeightsPull::Bad { file: path.clone(), cause },
            },
        }
    }
}

/// Reads the file again, if it has changed.
fn read_again(path: &str, last: &mut String, target: &mut Target) -> Result<(), WeightsError> {
    let text = read(path)?;
    if text != *last {
        let mut splits = parse(&text)?;
        if splits.len() != 1 {
            return Err(WeightsError::SplitCount(splits.len()));
        }
        *target = splits.remove(0);
        *last = text;
    }
    Ok(())
}

fn read(path: &str) -> Result<String, WeightsError> {
    let unreadable = |error: io::Error| WeightsError::Unreadable { cause: error.to_string() };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(WeightsError::NotRegular);
    }
    if WEIGHTS_LEN_MAX < metadata.len() {
        return Err(WeightsError::TooLarge { len: metadata.len() });
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// All splits of a text, each a good one.
fn parse(text: &str) -> Result<Vec<Target>, WeightsError> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('{') {
        return Ok(vec![parse_csv(text)?]);
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let splits = values.enumerate().map(|(index, value)| {
        let number = index + 1;
        let not_json = |error: serde_json::Error| error.to_string();
        let value =
            value.map_err(not_json).map_err(|cause| WeightsError::NotJson { number, cause })?;
        parse_json(number, value.get())
    });
    splits.collect()
}

/// One split, checked by the decoder of the front door.
fn parse_json(number: usize, value: &str) -> Result<Target, WeightsError> {
    let Message { weights, closes } = message_of(number, value)?.unwrap_or(value.into());
    let closes = closes.map_or_else(String::new, |closes| format!(r#","closes":{closes}"#));
    let line = format!(r#"{{"type":"split","source":"file","seq":1,"weights":{weights}{closes}}}"#);
    match decode_line(line.as_bytes()) {
        Ok(Request::Split(split)) => {
            let (weights, closes) = (split.weights().to_vec(), split.closes().to_vec());
            Ok(Target { weights, closes })
        }
        Ok(other) => unreachable!("a {} was read from a split", other.kind().name()),
        Err(reject) => Err(WeightsError::BadObject { number, reject }),
    }
}

/// What stands in a `split` message, as text.
struct Message<'a> {
    weights: &'a str,
    closes: Option<&'a str>,
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(weights: &'a str) -> Self {
        Self { weights, closes: None }
    }
}

/// What stands in a whole `split` message, if it is one. Type, source and number may stand there,
/// and the feed has its own; no other field may.
fn message_of(number: usize, value: &str) -> Result<Option<Message<'_>>, WeightsError> {
    let Ok(JsonObject(fields)) = serde_json::from_str(value) else { return Ok(None) };
    // The weight of an account is no object: an object that has one is a message.
    if !fields.iter().any(|(_, value)| value.get().starts_with('{')) {
        return Ok(None);
    }
    let (mut weights, mut closes) = (None, None);
    for (name, value) in fields {
        let (field, known) = match name.as_str() {
            "weights" => ("weights", &mut weights),
            "closes" => ("closes", &mut closes),
            "source" | "seq" => continue,
            "type" if value.get() == "\"split\"" => continue,
            "type" => {
                return Err(WeightsError::NotSplit { number, given: value.get().to_owned() });
            }
            _ => return Err(WeightsError::UnknownField { number, field: name }),
        };
        if known.replace(value.get()).is_some() {
            return Err(WeightsError::FieldTwice { number, field });
        }
    }
    Ok(weights.map(|weights| Message { weights, closes }))
}

fn parse_csv(text: &str) -> Result<Target, WeightsError> {
    let not_csv = |error: csv::Error| WeightsError::NotCsv { cause: error.to_string() };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(not_csv)?.clone();
    let column = |name: &'static str| {
        let index = header.iter().position(|column| column == name);
        let columns = || header.iter().collect::<Vec<_>>().join(", ");
        index.ok_or_else(|| WeightsError::NoColumn { column: name, header: columns() })
    };
    let account = column("account")?;
    let weight = column("weight")?;
    let is_other = |(index, _): &(usize, &str)| *index != account && *index != weight;
    if let Some((_, name)) = header.iter().enumerate().find(is_other) {
        let name = name.to_owned();
        let is_known = matches!(name.as_str(), "account" | "weight");
        return Err(if is_known {
            WeightsError::ColumnTwice(name)
        } else {
            WeightsError::UnknownColumn(name)
        });
    }
    let mut weights = Vec::new();
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let number = record.position().map_or(0, csv::Position::line);
        let entry = entry(&record[account], &record[weight]);
        weights.push(entry.map_err(|reject| WeightsError::BadLine { number, reject })?);
    }
    checked(weights).map(Target::from).map_err(WeightsError::BadSplit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(Target { weights, closes }: &Target) -> String {
        let text = |nanos: u64| allot_domain::decimal::nanos_text(nanos.into());
        let mut parts: Vec<_> = weights
            .iter()
            .map(|(account, weight)| format!("{account}={}", text(weight.nanos())))
            .collect();
        parts.extend(closes.iter().map(|account| format!("closes {account}")));
        parts.join(",")
    }

    #[test]
    fn a_file_is_json_csv_or_several_json_objects() {
        for (text, expected) in [
            (r#"{"b":"60","a":40.000}"#, &["a=40,b=60"][..]),
            ("\u{feff}{\n  \"a\": 100\n}\n", &["a=100"]),
            ("account,weight\nb,60\na,40\n", &["a=40,b=60"]),
            ("weight,account\r\n 60 ,\"b\"\r\n40,a", &["a=40,b=60"]),
            ("{\"a\":100}\n{\"a\":50,\"b\":50}\n", &["a=100", "a=50,b=50"]),
            (r#"{"type":"split","source":"x","seq":9,"weights":{"a":100}}"#, &["a=100"]),
            (r#"{"weights":{"a":100},"closes":["c","b"]}"#, &["a=100,closes b,closes c"]),
            (r#"{"weights":"60","a":40}"#, &["a=40,weights=60"]),
        ] {
            let splits = parse(text).unwrap();
            assert_eq!(splits.iter().map(shown).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_bad_file_says_what_is_wrong() {
        for (text, expected) in [
            ("", "the header has no column \"account\""),
            ("account,percent\na,100", "the header has no column \"weight\""),
            ("account,weight\na,60\nb,x", "line 3: the weight \"x\" of \"b\" is not a plain"),
            ("account,weight\na,60\nb", "found record with 1 fields"),
            ("account,weight\n", "a split needs at least one account"),
            ("account,weight\na,60", "they add up to 60"),
            (r#"{"a":"60","a":"40"}"#, "split 1: account \"a\" appears twice"),
            (r#"{"a":"100"} {"a":"99"}"#, "split 2: the weights must add up to 100 within 0.01"),
            (r#"{"a":"100"} x"#, "split 2 is not a JSON object"),
            (r#"{"a":[100]}"#, "split 1: the weight"),
            ("account,weight,note\na,100,x", "the column \"note\" is not known"),
            ("account,weight,Weight\na,60,40", "did you mean \"weight\"?"),
            ("account,weight,weight\na,60,40", "the header has the column \"weight\" twice"),
            ("Account,weight\na,100", "no column \"account\"; its columns are Account, weight"),
            (r#"{"weights":{"a":100},"lots":1}"#, "split 1: the field \"lots\" is not known"),
            (r#"{"wieghts":{"a":100}}"#, "\"wieghts\" is not known; did you mean \"weights\"?"),
            (r#"{"weights":{"a":100},"Closes":["b"]}"#, "did you mean \"closes\"?"),
            (r#"{"type":"split","aum":{"a":100}}"#, "the fields are weights, closes, type"),
            (r#"{"weights":{"a":100},"weights":{"b":100}}"#, "the field \"weights\" appears twice"),
            (r#"{"weights":{"a":100},"closes":"b"}"#, "the field \"closes\" must be a list"),
            (r#"{"weights":{"a":100},"closes":["a"]}"#, "account \"a\" appears twice"),
            (
                r#"{"weights":{"a":100},"closes":["b"],"closes":["c"]}"#,
                "the field \"closes\" appears twice",
            ),
            (r#"{"type":"fill","weights":{"a":100}}"#, "its type is \"fill\"; it must be"),
            ("{}", "split 1: a split needs at least one account"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_standing_split_is_read_again_when_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.json");
        let path = path.to_str().unwrap();
        let write = |text: &str| fs::write(path, text).unwrap();
        write(r#"{"a":100}"#);
        let mut file = WeightsFile::open(path).unwrap();
        let mut next = || match file.next() {
            WeightsPull::Weights(weights) => shown(&weights),
            WeightsPull::Bad { file, cause } => format!("{file}: {cause}"),
            WeightsPull::Done => "done".to_owned(),
        };
        assert_eq!([next(), next()], ["a=100", "a=100"]);
        write("account,weight\na,30\nb,70");
        assert_eq!(next(), "a=30,b=70");
        write(r#"{"a":"#);
        assert!(next().contains("split 1 is not a JSON object"));
        fs::remove_file(path).unwrap();
        assert!(next().starts_with(path));
        write(r#"{"b":100}"#);
        assert_eq!(next(), "b=100");
    }

    #[test]
    fn a_series_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.ndjson");
        fs::write(&path, "{\"a\":100}\n{\"b\":100}\n").unwrap();
        let mut file = WeightsFile::open(path.to_str().unwrap()).unwrap();
        assert!(matches!(file.next(), WeightsPull::Weights(weights) if shown(&weights) == "a=100"));
        assert!(matches!(file.next(), WeightsPull::Weights(weights) if shown(&weights) == "b=100"));
        assert_eq!(file.next(), WeightsPull::Done);
        assert_eq!(file.next(), WeightsPull::Done);
    }
}
