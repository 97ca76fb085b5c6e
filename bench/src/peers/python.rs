//! The plain Python controller: fills as lines of JSON, posted over HTTP on one connection.
//!
//! Requests are pipelined, as HTTP/1.1 allows and few clients dare: otherwise a full window would
//! take as many connections, and threads of Python.

use std::collections::{BTreeMap, VecDeque};

use allot_domain::SourceId;
use allot_wire::Encoding;
use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use crate::fills::{Fills, Totals};
use crate::peers::connection::Connection;
use crate::peers::dialect::{self, Dialect, Received};

/// The controller itself.
pub(crate) const CONTROLLER: &str = include_str!("../../peers/controller.py");

/// Shares by ticker of all accounts.
type Shares = BTreeMap<String, u128>;

/// A connection to the controller.
pub(crate) struct Python {
    fills: Fills,
    batch: u32,
    accounts: usize,
    /// The first fills of requests without a reply.
    asked: VecDeque<u64>,
    /// Its positions before the run.
    before: Shares,
}

/// Its reply to fills.
#[derive(Deserialize)]
struct Reply {
    fills: Vec<Divided>,
}

#[derive(Deserialize)]
struct Divided {
    seq: u64,
    shares: BTreeMap<String, u64>,
}

impl Python {
    /// Messages of `batch` fills, over `accounts` accounts.
    pub(crate) fn new(fills: Fills, batch: u32, accounts: usize) -> Self {
        Self { fills, batch, accounts, asked: VecDeque::new(), before: Shares::new() }
    }

    fn check(&self, first: u64, body: &[u8]) -> Result<(), String> {
        let said = || format!("fill {first}: {}", String::from_utf8_lossy(body));
        let Reply { fills } = serde_json::from_slice(body).map_err(|_| said())?;
        let due = (first..first + u64::from(self.batch)).map(|seq| (seq, self.quantity(seq)));
        let divided =
            fills.iter().map(|fill| (fill.seq, u128::from(fill.shares.values().sum::<u64>())));
        if !divided.eq(due) || fills.iter().any(|fill| fill.shares.len() != self.accounts) {
            return Err(said());
        }
        Ok(())
    }

    fn quantity(&self, seq: u64) -> u128 {
        u128::from(self.fills.kind(seq).quantity.get())
    }
}

impl Dialect for Python {
    fn encoding(&self) -> Encoding {
        Encoding::Json
    }

    fn begin(&mut self, line: &mut Connection) -> Result<()> {
        self.asked.clear();
        let source = SourceId::new(b"bench").map_err(|reject| anyhow!("{reject}"))?;
        let split = crate::fills::split(source, 1, self.accounts);
        let weights: BTreeMap<_, _> =
            split.weights().iter().map(|(id, weight)| (id.as_str(), weight.nanos())).collect();
        post("/split", serde_json::to_string(&weights)?.as_bytes(), &mut line.out);
        line.ask(body)?;
        self.before = shares(line)?;
        Ok(())
    }

    fn frame(&mut self, first: u64, message: &[u8], out: &mut Vec<u8>) {
        self.asked.push_back(first);
        post("/fills", message, out);
    }

    fn receive(&mut self, bytes: &[u8], _out: &mut Vec<u8>) -> Result<Option<Received>, String> {
        let Some((head, content)) = read(bytes)? else {
            return Ok(None);
        };
        let first = self.asked.pop_front().ok_or("a reply without a request")?;
        self.check(first, content)?;
        Ok(Some(Received { len: head + content.len(), first: Some(first) }))
    }

    fn end(
        &mut self,
        line: &mut Connection,
        _messages: u64,
        totals: &Totals,
    ) -> Result<&'static str> {
        let mut due = self.before.clone();
        for (ticker, (shares, _)) in &totals.by_ticker {
            *due.entry(ticker.as_str().to_owned()).or_default() += shares;
        }
        let after = shares(line)?;
        ensure!(after == due, "positions are {after:?}, and what was sent is {due:?}");
        Ok("one reply each, shares add up, positions equal what was sent")
    }
}

fn shares(line: &mut Connection) -> Result<Shares> {
    line.out.extend_from_slice(b"GET /positions HTTP/1.1\r\nHost: peer\r\n\r\n");
    let text = line.ask(body)?;
    let positions: BTreeMap<String, Shares> =
        serde_json::from_slice(&text).context("no positions")?;
    let mut shares = Shares::new();
    for (ticker, count) in positions.into_values().flatten() {
        *shares.entry(ticker).or_default() += count;
    }
    Ok(shares)
}

/// Appends a request.
fn post(path: &str, content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"POST ");
    out.extend_from_slice(path.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\nHost: peer\r\nContent-Length: ");
    dialect::digits(u64::try_from(content.len()).expect("a length"), out);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(content);
}

/// For [`Connection::ask`]: the content of the next response.
fn body(bytes: &[u8]) -> Result<Option<(usize, Vec<u8>)>, String> {
    Ok(read(bytes)?.map(|(head, content)| (head + content.len(), content.to_vec())))
}

/// The length of the first response's header, and its content; none if it is not whole.
fn read(bytes: &[u8]) -> Result<Option<(usize, &[u8])>, String> {
    let (mut at, mut length, mut is_good) = (0, None, None);
    while let Some((line, len)) = dialect::line(&bytes[at..]) {
        at += len;
        if line.is_empty() {
            let length = length.ok_or("a response without its length")?;
            let Some(content) = bytes.get(at..at + length) else {
                return Ok(None);
            };
            if is_good != Some(true) {
                return Err(format!("refused: {}", String::from_utf8_lossy(content)));
            }
            return Ok(Some((at, content)));
        }
        is_good = is_good.or_else(|| Some(line.starts_with(b"HTTP/1.1 200 ")));
        if let Some(digits) = line.strip_prefix(b"Content-Length: ") {
            length = dialect::number(digits).and_then(|length| usize::try_from(length).ok());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::peers::host::{Host, Programs};
    use crate::peers::peer::Peer;

    fn response(content: &str) -> Vec<u8> {
        let length = content.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{content}").into_bytes()
    }

    #[test]
    fn a_response_is_read_once_it_is_whole() {
        let bytes = response("{}");
        assert_eq!(read(&bytes), Ok(Some((bytes.len() - 2, &b"{}"[..]))));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Ok(None), "{end}");
        }
        let refused = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nwhy";
        assert_eq!(read(refused), Err("refused: why".to_owned()));
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    /// The content of the reply to one request, on a connection of its own.
    fn ask(address: &str, path: &str, content: &str) -> Result<String> {
        let mut line = Connection::connect(address)?;
        post(path, content.as_bytes(), &mut line.out);
        Ok(String::from_utf8(line.ask(body)?)?)
    }

    #[test]
    fn the_controller_gives_each_share_to_whom_it_is_due() {
        let programs = Programs::look().unwrap();
        if let Some(lack) = programs.lack(Peer::Python) {
            eprintln!("not tested: {lack}");
            return;
        }
        let data = tempfile::TempDir::new().unwrap();
        let host = Host::start(Peer::Python, &programs, data.path()).unwrap();
        let fill = |seq: u64, price: u64, quantity: u64| {
            let price = price.to_string();
            let fill =
                json!({ "seq": seq, "ticker": "AAPL", "price": price, "quantity": quantity });
            format!("{fill}\n")
        };
        let ask = |path: &str, content: &str| ask(&host.address, path, content);
        let early = ask("/fills", &fill(1, 10, 1)).unwrap_err().to_string();
        assert!(early.contains("no split yet"), "{early}");
        ask("/split", "{\"a\":60,\"b\":40}").unwrap();
        let divided = ask("/fills", &(fill(1, 10, 10) + &fill(2, 100, 1))).unwrap();
        let first = r#"{"seq": 1, "shares": {"a": 6, "b": 4}}"#;
        let second = r#"{"seq": 2, "shares": {"a": 1, "b": 0}}"#;
        assert_eq!(divided, format!("{{\"fills\": [{first}, {second}]}}"));
        // Of 20 at 10 after 160 and 40, half of 400 are due to each.
        ask("/split", "{\"a\":1,\"b\":1}").unwrap();
        let divided = ask("/fills", &fill(3, 10, 20)).unwrap();
        assert_eq!(divided, r#"{"fills": [{"seq": 3, "shares": {"a": 4, "b": 16}}]}"#);
        for odd in ["{}", "[]", "1", "x", &fill(4, 0, 1), &fill(4, 1, 0)] {
            assert!(ask("/fills", odd).is_err(), "{odd}");
        }
        let mut line = Connection::connect(&host.address).unwrap();
        assert_eq!(shares(&mut line).unwrap(), Shares::from([("AAPL".to_owned(), 31)]));
    }

    #[test]
    fn shares_that_do_not_add_up_are_found() {
        let fills = Fills::new(7, 10);
        let quantity = fills.kind(1).quantity.get();
        let receive = |seq: u64, shares: u64, accounts: &str| {
            let mut python = Python::new(fills.clone(), 1, 2);
            python.frame(1, b"", &mut Vec::new());
            let content = format!(
                "{{\"fills\":[{{\"seq\":{seq},\"shares\":{{\"a\":{shares}{accounts}}}}}]}}"
            );
            python.receive(&response(&content), &mut Vec::new())
        };
        assert_eq!(receive(1, quantity - 1, ",\"b\":1").unwrap().unwrap().first, Some(1));
        assert!(receive(1, quantity - 1, ",\"b\":0").is_err(), "a share is missing");
        assert!(receive(2, quantity - 1, ",\"b\":1").is_err(), "another fill");
        assert!(receive(1, quantity, "").is_err(), "an account is missing");
    }
}
