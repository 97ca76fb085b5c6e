//! XML: entries as the schema has them, one after the other, so that a log is never in memory.
//!
//! `quick-xml` writes the frame, and escapes each text. An entry has up to ten elements of fixed
//! names, which are put together here: three events of the writer for each took most of the time.

use std::io::{self, Write};

use allot_desk_rules::{Action, Cents, User};
use allot_wire::json::write_digits;
use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event as Xml};

use super::entry::{Entry, Event, Hit, Subject};

/// How far an element stands in from its parent.
const INDENT: usize = 2;

/// After how many bytes what is put together is written.
const PAGE_LEN: usize = 64 << 10;

/// A log that is being written.
pub struct XmlLog<W: Write> {
    writer: Writer<W>,
    whose: Option<User>,
    count: u64,
    page: Page,
}

/// Entries that are not written yet.
struct Page(Vec<u8>);

/// What stands before the content of an element, and after it: whole, for to put them together took
/// longer than all the rest.
struct Tags {
    begin: &'static str,
    end: &'static str,
}

macro_rules! entry {
    ($name:literal) => {
        Tags { begin: concat!("\n  <", $name, ">"), end: concat!("\n  </", $name, ">") }
    };
}

macro_rules! element {
    ($name:literal) => {
        Tags { begin: concat!("\n    <", $name, ">"), end: concat!("</", $name, ">") }
    };
}

const USER_COMMAND: Tags = entry!("userCommand");
const QUOTE_SERVER: Tags = entry!("quoteServer");
const ACCOUNT_TRANSACTION: Tags = entry!("accountTransaction");
const SYSTEM_EVENT: Tags = entry!("systemEvent");
const ERROR_EVENT: Tags = entry!("errorEvent");
const DEBUG_EVENT: Tags = entry!("debugEvent");

const TIMESTAMP: Tags = element!("timestamp");
const SERVER: Tags = element!("server");
const TRANSACTION_NUM: Tags = element!("transactionNum");
const COMMAND: Tags = element!("command");
const ACTION: Tags = element!("action");
const PRICE: Tags = element!("price");
const USERNAME: Tags = element!("username");
const STOCK_SYMBOL: Tags = element!("stockSymbol");
const FILENAME: Tags = element!("filename");
const FUNDS: Tags = element!("funds");
const QUOTE_SERVER_TIME: Tags = element!("quoteServerTime");
const CRYPTOKEY: Tags = element!("cryptokey");
const ERROR_MESSAGE: Tags = element!("errorMessage");
const DEBUG_MESSAGE: Tags = element!("debugMessage");

impl<W: Write> XmlLog<W> {
    /// Begins the log of a user, or of all.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: W, whose: Option<User>) -> io::Result<Self> {
        let mut writer = Writer::new_with_indent(out, b' ', INDENT);
        writer.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer.write_event(Xml::Start(BytesStart::new("log")))?;
        Ok(Self { writer, whose, count: 0, page: Page(Vec::with_capacity(2 * PAGE_LEN)) })
    }

    /// Writes an entry, if it belongs to this log.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        if self.whose.is_some() && self.whose != entry.user() {
            return Ok(());
        }
        self.count += 1;
        self.page.add(entry);
        if self.page.0.len() < PAGE_LEN { Ok(()) } else { self.write_page() }
    }

    fn write_page(&mut self) -> io::Result<()> {
        self.writer.get_mut().write_all(&self.page.0)?;
        self.page.0.clear();
        Ok(())
    }

    /// Ends the log; returns what it was written to, and how many entries it has.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn end(mut self) -> io::Result<(W, u64)> {
        self.write_page()?;
        self.writer.write_event(Xml::End(BytesEnd::new("log")))?;
        let mut out = self.writer.into_inner();
        out.write_all(b"\n")?;
        Ok((out, self.count))
    }
}

impl Page {
    fn add(&mut self, entry: &Entry) {
        let tags = match &entry.event {
            Event::UserCommand(_) => &USER_COMMAND,
            Event::QuoteServer(_) => &QUOTE_SERVER,
            Event::AccountTransaction { .. } => &ACCOUNT_TRANSACTION,
            Event::SystemEvent(_) => &SYSTEM_EVENT,
            Event::ErrorEvent(..) => &ERROR_EVENT,
            Event::DebugEvent(..) => &DEBUG_EVENT,
        };
        self.push(tags.begin);
        self.add_head(entry);
        match &entry.event {
            Event::QuoteServer(hit) => self.add_hit(hit),
            Event::AccountTransaction { action, user, funds } => {
                let action = match action {
                    Action::Add => "add",
                    Action::Remove => "remove",
                };
                self.plain(&ACTION, action);
                self.text(&USERNAME, user.as_str());
                self.cents(&FUNDS, *funds);
            }
            Event::UserCommand(subject) | Event::SystemEvent(subject) => self.add_subject(subject),
            Event::ErrorEvent(subject, what) => {
                self.add_subject(subject);
                self.text(&ERROR_MESSAGE, what);
            }
            Event::DebugEvent(subject, what) => {
                self.add_subject(subject);
                self.text(&DEBUG_MESSAGE, what);
            }
        }
        self.push(tags.end);
    }

    fn add_head(&mut self, entry: &Entry) {
        self.number(&TIMESTAMP, entry.at_ns / 1_000_000);
        match entry.event {
            Event::QuoteServer(_) => self.plain(&SERVER, "quotes"),
            _ if entry.is_of_all_shards() => self.plain(&SERVER, "desk"),
            _ => {
                self.push(SERVER.begin);
                self.push("shard-");
                self.digits(entry.shard.into());
                self.push(SERVER.end);
            }
        }
        self.number(&TRANSACTION_NUM, entry.transaction.get());
    }

    fn add_hit(&mut self, hit: &Hit) {
        self.cents(&PRICE, hit.price);
        self.text(&STOCK_SYMBOL, hit.symbol.as_str());
        self.text(&USERNAME, hit.user.as_str());
        self.number(&QUOTE_SERVER_TIME, hit.server_time_ms);
        self.text(&CRYPTOKEY, &hit.cryptokey);
    }

    fn add_subject(&mut self, subject: &Subject) {
        self.plain(&COMMAND, subject.command.as_str());
        if let Some(user) = &subject.user {
            self.text(&USERNAME, user.as_str());
        }
        if let Some(symbol) = &subject.symbol {
            self.text(&STOCK_SYMBOL, symbol.as_str());
        }
        if let Some(file) = &subject.file {
            self.text(&FILENAME, file.as_str());
        }
        if let Some(funds) = subject.funds {
            self.cents(&FUNDS, funds);
        }
    }

    #[inline]
    fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// An element of any text.
    fn text(&mut self, tags: &Tags, text: &str) {
        self.plain(tags, &escape(text));
    }

    /// An element of a text that needs no escapes.
    #[inline]
    fn plain(&mut self, tags: &Tags, text: &str) {
        self.push(tags.begin);
        self.push(text);
        self.push(tags.end);
    }

    #[inline]
    fn number(&mut self, tags: &Tags, number: u64) {
        self.push(tags.begin);
        self.digits(number);
        self.push(tags.end);
    }

    #[inline]
    fn cents(&mut self, tags: &Tags, cents: Cents) {
        self.push(tags.begin);
        self.digits(cents.get() / 100);
        let rest = cents.get() % 100;
        self.push(if rest < 10 { ".0" } else { "." });
        self.digits(rest);
        self.push(tags.end);
    }

    fn digits(&mut self, number: u64) {
        write_digits(number, &mut self.0);
    }
}
