//! Quote server: a simulation of the legacy server, as an agent.
//!
//! ```text
//!   SYM,USER\n ──► waits as long as the legacy server would ──► price,SYM,USER,timestamp,cryptokey
//! ```
//!
//! Prices are a script, or random walks from a seed; a symbol's prices depend on the seed and on
//! how often it was asked for, and on nothing else.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use allot_desk_rules::{Cents, Symbol};
use allot_domain::mix;
use allot_runtime::{Agent, Nanos, PollSet};

use crate::limits::{QUESTION_LEN_MAX, SERVER_CONNECTIONS_MAX};

/// How long it takes to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delay {
    /// Not at all.
    None,
    /// As teams of the course measured it: 65.75 % of the answers within 7 to 26 ms, half of these
    /// by 9 ms; the rest after 1 to 4 whole seconds more, 563 ms in the mean.
    Course,
}

/// Scripted prices: the n-th request of a symbol gets its n-th price, and the last one stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PriceScript(BTreeMap<Symbol, Vec<Cents>>);

/// What a server is told.
#[derive(Clone, Debug)]
pub struct QuoteServerOptions {
    /// How long it takes.
    pub delay: Delay,
    /// Scripted prices, which go before walks.
    pub script: PriceScript,
    /// From what delays and walks are drawn.
    pub seed: u64,
}

/// A legacy server.
pub struct QuoteServer {
    listener: TcpListener,
    options: QuoteServerOptions,
    /// How often each symbol was asked for, and the price it had last.
    asked: BTreeMap<Symbol, (usize, Cents)>,
    connections: Vec<Connection>,
    /// How many questions were answered.
    draws: u64,
}

struct Connection {
    stream: TcpStream,
    question: Vec<u8>,
    /// The answer, and when it is due.
    answer: Option<(Nanos, Vec<u8>)>,
}

impl PriceScript {
    /// Reads lines of `SYM,price`; empty ones, and those that begin with `#`, are passed over.
    ///
    /// # Errors
    /// Which line is none, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| format!("line {number}: {what}; write SYMBOL,PRICE");
            let (symbol, price) = line.split_once(',').ok_or_else(|| wrong("there is no comma"))?;
            let symbol = Symbol::new(symbol.trim().as_bytes());
            let symbol = symbol.map_err(|reject| wrong(&reject.to_string()))?;
            let price = Cents::parse(price.trim()).map_err(|reject| wrong(&reject.to_string()))?;
            script.0.entry(symbol).or_default().push(price);
        }
        Ok(script)
    }
}

impl QuoteServer {
    /// Listens at an address.
    ///
    /// # Errors
    /// When the address is taken, or there are no more file descriptors.
    pub fn bind(address: SocketAddr, options: QuoteServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let (asked, connections) = (BTreeMap::new(), Vec::new());
        Ok(Self { listener, options, asked, connections, draws: 0 })
    }

    /// Where it listens, with the real port.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    fn accept(&mut self) -> usize {
        let mut count = 0;
        while self.connections.len() < SERVER_CONNECTIONS_MAX {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    count += 1;
                    if stream.set_nonblocking(true).is_ok() {
                        let (question, answer) = (Vec::new(), None);
                        self.connections.push(Connection { stream, question, answer });
                    }
                }
                // Whoever reset a connection before it was accepted asks again.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(_) => break,
            }
        }
        count
    }

    fn serve(&mut self, now: Nanos) -> usize {
        let mut connections = std::mem::take(&mut self.connections);
        let before = connections.len();
        let mut count = 0;
        connections.retain_mut(|connection| {
            if connection.answer.is_none() {
                match connection.read() {
                    Reading::More => return true,
                    Reading::Gone => return false,
                    Reading::Whole => {
                        count += 1;
                        connection.answer = Some(self.answer(&connection.question, now));
                    }
                }
            }
            connection.answer.as_ref().is_none_or(|(due_at, answer)| {
                let is_due = *due_at <= now;
                if is_due {
                    // Few bytes on a new connection always fit; whoever has gone asks again.
                    let _ = (&connection.stream).write_all(answer);
                }
                !is_due
            })
        });
        let gone = before - connections.len();
        self.connections = connections;
        count + gone
    }

    /// The answer to a question, and when it is due.
    fn answer(&mut self, question: &[u8], now: Nanos) -> (Nanos, Vec<u8>) {
        let due_at = now + self.draw_delay();
        let text = String::from_utf8_lossy(question);
        let (symbol, user) = text.trim().split_once(',').unwrap_or((text.trim(), ""));
        let symbol: String = symbol.trim().chars().take(3).collect();
        let millis = due_at.as_unix() / 1_000_000;
        let line = match Symbol::new(symbol.as_bytes()) {
            Ok(symbol) if !user.trim().is_empty() => {
                let price = self.price(symbol);
                let key = mix(self.options.seed ^ self.draws);
                let user = user.trim();
                format!("{price},{symbol},{user},{millis},{key:016x}{:016x}=\n", mix(key))
            }
            _ => format!("0.00,{symbol},NA,{millis},none\n"),
        };
        (due_at, line.into_bytes())
    }

    /// A number that the seed draws next.
    fn draw(&mut self) -> u64 {
        self.draws += 1;
        mix(mix(self.options.seed).wrapping_add(self.draws))
    }

    fn draw_delay(&mut self) -> Duration {
        if self.options.delay == Delay::None {
            return Duration::ZERO;
        }
        let (place, spread) = (self.draw() % 10_000, self.draw());
        // The median is 9 ms; a longer tail reaches 26 ms.
        let network = if spread % 4 < 3 { 7 + spread / 4 % 4 } else { 10 + spread / 4 % 17 };
        let whole = match place {
            0..6_575 => 0,
            6_575..8_200 => 1,
            8_200..9_100 => 2,
            9_100..9_650 => 3,
            _ => 4,
        };
        Duration::from_millis(network + 1_000 * whole)
    }

    fn price(&mut self, symbol: Symbol) -> Cents {
        let (count, last) = self.asked.get(&symbol).copied().unwrap_or_default();
        let scripted = self
            .options
            .script
            .0
            .get(&symbol)
            .and_then(|prices| prices.get(count).or_else(|| prices.last()).copied());
        let price = scripted.unwrap_or_else(|| {
            let [a, b, c] = symbol.padded().map(u64::from);
            let place = u64::try_from(count).expect("a usize fits");
            let draw = mix(mix(self.options.seed ^ (a << 16 | b << 8 | c)).wrapping_add(place));
            if count == 0 {
                return Cents::new(500 + draw % 49_500);
            }
            // At most two percent up or down, and at least a cent.
            let step = last.get() / 50 + 1;
            let next = (last.get() + draw % (2 * step + 1)).saturating_sub(step);
            Cents::new(next.clamp(1, 99_999_999))
        });
        self.asked.insert(symbol, (count + 1, price));
        price
    }
}

/// How far the reading of a question is.
enum Reading {
    More,
    Whole,
    Gone,
}

impl Connection {
    fn read(&mut self) -> Reading {
        let mut bytes = [0; QUESTION_LEN_MAX];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Reading::Gone,
                Ok(len) => {
                    self.question.extend_from_slice(&bytes[..len]);
                    if self.question.contains(&b'\n') {
                        return Reading::Whole;
                    }
                    if QUESTION_LEN_MAX < self.question.len() {
                        return Reading::Gone;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Reading::More,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Reading::Gone,
            }
        }
    }
}

impl Agent for QuoteServer {
    fn role(&self) -> &'static str {
        "quote-server"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.accept() + self.serve(now)
    }

    fn wake_at(&self) -> Nanos {
        let due = self.connections.iter().filter_map(|connection| connection.answer.as_ref());
        due.map(|(at, _)| *at).min().unwrap_or(Nanos::MAX)
    }

    fn wait_on<'a>(&'a self, poll_set: &mut PollSet<'a>) {
        if self.connections.len() < SERVER_CONNECTIONS_MAX {
            poll_set.file(self.listener.as_fd());
        }
        for connection in &self.connections {
            if connection.answer.is_none() {
                poll_set.file(connection.stream.as_fd());
            }
        }
    }
}
