//! JetStream: every message published to a stream in files, and acknowledged by the server.

use allot_wire::Encoding;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fills::Totals;
use crate::peers::connection::Connection;
use crate::peers::dialect::{Dialect, Received};
use crate::peers::nats::{self, Frame, INBOX, SUBJECT};

/// Reply number zero is from the interface that makes streams: no fill has that number.
const QUESTION: u64 = 0;

/// A stream of one server.
pub(crate) struct JetStream {
    batch: u64,
}

/// How a server acknowledges a message.
#[derive(Deserialize)]
struct Acknowledgement<'a> {
    stream: Option<&'a str>,
    seq: Option<u64>,
}

impl JetStream {
    /// Messages of `batch` fills.
    pub(crate) fn new(batch: u32) -> Self {
        Self { batch: batch.into() }
    }
}

impl Dialect for JetStream {
    fn encoding(&self) -> Encoding {
        Encoding::Binary
    }

    fn begin(&mut self, line: &mut Connection) -> Result<()> {
        nats::greet(line, &format!("{INBOX}*"))?;
        // It does not exist before the first run.
        ask(line, "DELETE", &Value::Null)?;
        let stream = json!({ "name": SUBJECT, "subjects": [SUBJECT], "storage": "file",
            "retention": "limits", "num_replicas": 1 });
        let made = ask(line, "CREATE", &stream)?;
        ensure!(made["config"]["storage"] == "file", "no stream can be made: {made}");
        Ok(())
    }

    fn frame(&mut self, first: u64, message: &[u8], out: &mut Vec<u8>) {
        nats::request(SUBJECT, first, message, out);
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<Received>, String> {
        nats::receive(bytes, out, |first, body| check(first, self.batch, body))
    }

    fn end(
        &mut self,
        line: &mut Connection,
        messages: u64,
        _totals: &Totals,
    ) -> Result<&'static str> {
        let info = ask(line, "INFO", &Value::Null)?;
        let kept = info["state"]["messages"].as_u64();
        let kept = kept.with_context(|| format!("no state of a stream: {info}"))?;
        ensure!(kept == messages, "{messages} were acknowledged, {kept} are in the stream");
        Ok("each acknowledged with its place, as many in the stream")
    }
}

/// There is one publisher: its messages are in the stream in the order in which they were sent.
fn check(first: u64, batch: u64, body: &[u8]) -> Result<(), String> {
    let place = (first - 1) / batch + 1;
    match serde_json::from_slice(body) {
        Ok(Acknowledgement { stream: Some(SUBJECT), seq: Some(seq) }) if seq == place => Ok(()),
        _ => Err(format!("message {place}: {}", String::from_utf8_lossy(body))),
    }
}

/// Sends a request to the interface that makes streams.
fn ask(line: &mut Connection, verb: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let subject = format!("$JS.API.STREAM.{verb}.{SUBJECT}");
    nats::request(&subject, QUESTION, body.as_bytes(), &mut line.out);
    let inbox = format!("{INBOX}{QUESTION}");
    let text = line.ask(|bytes| {
        let mut at = 0;
        while let Some((frame, len)) = nats::read(&bytes[at..])? {
            at += len;
            match frame {
                Frame::Message { subject, body, .. } if subject == inbox.as_bytes() => {
                    return Ok(Some((at, body.to_vec())));
                }
                _ => {}
            }
        }
        Ok(None)
    })?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_names_the_place_of_the_message() {
        let kept = br#"{"stream":"fills","seq":3}"#;
        assert_eq!(check(3, 1, kept), Ok(()));
        assert_eq!(check(201, 100, kept), Ok(()));
        for (first, body) in [
            (4, &kept[..]),
            (3, br#"{"stream":"others","seq":3}"#),
            (3, br#"{"error":{"code":503,"description":"no room"}}"#),
            (3, b"+"),
        ] {
            assert!(check(first, 1, body).is_err(), "{first}");
        }
    }
}
