//! `allot send`: any message, and its answer.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::time::Duration;

use allot_allocation_service::{Reply, RequestKind};
use allot_feeds::unique_source;
use allot_runtime::{Clock, duration};
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::common_args::CommonArgs;
use crate::flags::Flags;
use crate::front_client::FrontClient;
use crate::misuse::Misuse;
use crate::setting::{Key, set};
use crate::stdout::print;

/// Send messages to a server, and print each answer as one line of JSON
///
/// A message is a JSON object, as docs/WIRE.md has it, or a type and FIELD=VALUE pairs. Without
/// either, messages are read from stdin. Each is sent when the one before has its answer, and sent
/// again until it has one. A message of pairs without source and seq gets a source that is unique
/// to this run. The exit code is 1 if a message is refused.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot send fill ticker=AAPL side=buy price=187.23 quantity=100
  allot send split source=aum seq=7 weights.a=40 weights.b=60
  allot send --file messages.ndjson
  allot send < messages.ndjson")]
pub(crate) struct Send {
    /// JSON objects, or fill, bust, split, report, replay or splits followed by FIELD=VALUE
    #[arg(value_name = "MESSAGE", conflicts_with = "file")]
    message: Vec<String>,
    /// Send the JSON objects in this file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How long to wait for each answer
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    flags: Flags<{ set(&[Key::Front, Key::FrontKey]) }>,
}

/// Sends them, one after the other; fails if one is refused.
pub(crate) fn run(send: &Send, common: &CommonArgs) -> Result<ExitCode> {
    let settings = common.settings(&send.flags.given)?;
    let mut client = FrontClient::connect(&settings.front, settings.front_key)?;
    let mut sender = Sender { client: &mut client, timeout: send.timeout, sent: 0, refused: 0 };
    match send.message.first() {
        Some(first) if !first.trim_start().starts_with('{') => {
            sender.send(&of_pairs(&send.message)?)?;
        }
        Some(_) => send.message.iter().try_for_each(|text| sender.send_all(text.as_bytes()))?,
        None => match &send.file {
            Some(path) => {
                let what = || format!("cannot read {}", path.display());
                let file = File::open(path).with_context(what)?;
                sender.send_all(BufReader::new(file)).with_context(what)?;
                ensure!(0 < sender.sent, "{} has no message: nothing was sent", path.display());
            }
            None => {
                sender.send_all(io::stdin().lock()).context("cannot read stdin")?;
                ensure!(
                    0 < sender.sent,
                    "stdin has no message: nothing was sent; allot send --help shows examples"
                );
            }
        },
    }
    Ok(if sender.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sends messages, and counts them and what is refused.
struct Sender<'a> {
    client: &'a mut FrontClient,
    timeout: Duration,
    sent: u64,
    refused: u64,
}

impl Sender<'_> {
    fn send_all(&mut self, from: impl Read) -> Result<()> {
        let from = without_mark(from)?;
        let messages = serde_json::Deserializer::from_reader(from).into_iter::<Box<RawValue>>();
        for (message, number) in messages.zip(1_u64..) {
            let after = if number == 1 { "" } else { "; those before it were sent" };
            let message =
                message.map_err(|error| anyhow!("message {number} is not JSON: {error}{after}"))?;
            let is_object = message.get().starts_with('{');
            ensure!(is_object, "message {number} is no JSON object{after}");
            ensure!(
                message.get().len() <= MESSAGE_BYTES_MAX,
                "message {number} has more than {} KiB, which no front door takes{after}",
                MESSAGE_BYTES_MAX >> 10
            );
            // A line is a message for the front door, and no text of JSON contains a line's end.
            self.send(&message.get().replace(['\n', '\r'], " "))?;
        }
        Ok(())
    }

    fn send(&mut self, line: &str) -> Result<()> {
        let answer = self.client.ask(line.as_bytes(), self.timeout)?;
        self.sent += 1;
        self.refused += u64::from(matches!(answer.reply, Reply::Rejected { .. }));
        print(&answer.text)
    }
}

/// A front door refuses one that is longer, and cuts off who sends one of twice that.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The same without the mark of the byte order that some editors put before everything.
fn without_mark(mut from: impl Read) -> io::Result<impl Read> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let mut begin = Vec::new();
    from.by_ref().take(MARK.len() as u64).read_to_end(&mut begin)?;
    let begin = if begin == MARK { Vec::new() } else { begin };
    Ok(io::Cursor::new(begin).chain(from))
}

/// The fields whose values are whole numbers.
const NUMBERS: [&str; 4] = ["seq", "quantity", "from", "to"];

/// A message of a type and FIELD=VALUE pairs, as one JSON object.
fn of_pairs(words: &[String]) -> Result<String> {
    let (kind, pairs) = words.split_first().context("a message has a type")?;
    let kinds = RequestKind::ALL.map(RequestKind::name);
    if !kinds.contains(&kind.as_str()) {
        return Err(Misuse::error(format!(
            "there is no message {kind:?}; a message is a JSON object, or {} followed by \
             FIELD=VALUE",
            kinds.join(", ")
        )));
    }
    let mut object = Map::new();
    object.insert("type".to_owned(), kind.as_str().into());
    for pair in pairs {
        let (field, text) = pair
            .split_once('=')
            .ok_or_else(|| Misuse::error(format!("{pair:?} is not FIELD=VALUE")))?;
        let (field, value) = match field.split_once('.') {
            Some((field, key)) => (field, (Some(key), value(key, text))),
            None => (field, (None, value(field, text))),
        };
        insert(&mut object, field, value)
            .map_err(|_| Misuse::error(format!("the field {field} is given twice")))?;
    }
    let is_named = object.contains_key("source") && object.contains_key("seq");
    if kind == RequestKind::Bust.name() && !is_named {
        return Err(Misuse::error(
            "a bust has the source of its fill and a number of its own: add source= and seq=, or \
             use allot bust SOURCE ID, which finds a number itself",
        ));
    }
    if !object.contains_key("source") && !object.contains_key("seq") {
        let source = unique_source("send", Clock::system().now(), process::id().into());
        let source = source.map_err(|reject| anyhow!("{reject}"))?;
        object.insert("source".to_owned(), source.as_str().into());
        object.insert("seq".to_owned(), 1.into());
    }
    Ok(Value::Object(object).to_string())
}

fn value(field: &str, text: &str) -> Value {
    let number = text.parse::<u64>().ok().filter(|_| NUMBERS.contains(&field));
    match field {
        "closes" => text.split(',').map(str::trim).collect(),
        _ => number.map_or_else(|| text.into(), Value::from),
    }
}

fn insert(
    object: &mut Map<String, Value>,
    field: &str,
    (key, value): (Option<&str>, Value),
) -> Result<()> {
    let Some(key) = key else {
        ensure!(object.insert(field.to_owned(), value).is_none(), "twice");
        return Ok(());
    };
    let inner = object.entry(field).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(inner) = inner else { bail!("twice") };
    ensure!(inner.insert(key.to_owned(), value).is_none(), "twice");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: &str) {
        let words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        assert_eq!(of_pairs(&words).unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn pairs_are_a_message() {
        check(
            "fill source=s seq=7 ticker=T price=187.23 quantity=100",
            r#"{"price":"187.23","quantity":100,"seq":7,"source":"s","ticker":"T","type":"fill"}"#,
        );
        check(
            "split source=s seq=1 weights.a=9 weights.b.c=6 closes=d",
            r#"{"closes":["d"],"seq":1,"source":"s","type":"split","weights":{"a":"9","b.c":"6"}}"#,
        );
        check(
            "bust source=s seq=8 ticker=T of=7",
            r#"{"of":"7","seq":8,"source":"s","ticker":"T","type":"bust"}"#,
        );
        check("report source=s seq=x", r#"{"seq":"x","source":"s","type":"report"}"#);
        check("report source", "\"source\" is not FIELD=VALUE");
        for words in ["bust ticker=T of=7", "bust source=s ticker=T of=7", "bust seq=8 of=7"] {
            check(
                words,
                "a bust has the source of its fill and a number of its own: add source= and seq=, \
                 or use allot bust SOURCE ID, which finds a number itself",
            );
        }
        check("report seq=1 seq=2", "the field seq is given twice");
        check("split weights=a weights.b=1", "the field weights is given twice");
        let unknown = "there is no message \"fil\"; a message is a JSON object, or fill, bust, \
                       split, report, replay, splits followed by FIELD=VALUE";
        check("fil ticker=AAPL", unknown);
    }

    #[test]
    fn a_message_without_a_name_gets_one() {
        let message: Value =
            serde_json::from_str(&of_pairs(&["report".to_owned()]).unwrap()).unwrap();
        assert_eq!(message["seq"], 1);
        assert!(message["source"].as_str().unwrap().starts_with("send-"), "{message}");
    }
}
