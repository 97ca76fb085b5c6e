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

impl<W: Write> XmlLog<W> {
    /// Begins the log of a user, or of all.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: W, whose: Option<User>) -> io::Result<Self> {
        let mut writer = Writer::new_with_indent(out, b' ', INDENT);
        writer.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer.write_event(Xml::Start(BytesStart::new("log")))?;
        Ok(Self { writer, whose, count: 0, page: Page(Vec::new()) })
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
        let name = match &entry.event {
            Event::UserCommand(_) => "userCommand",
            Event::QuoteServer(_) => "quoteServer",
            Event::AccountTransaction { .. } => "accountTransaction",
            Event::SystemEvent(_) => "systemEvent",
            Event::ErrorEvent(..) => "errorEvent",
            Event::DebugEvent(..) => "debugEvent",
        };
        self.raw(&["\n  <", name, ">"]);
        self.add_head(entry);
        match &entry.event {
            Event::QuoteServer(hit) => self.add_hit(hit),
            Event::AccountTransaction { action, user, funds } => {
                let action = match action {
                    Action::Add => "add",
                    Action::Remove => "remove",
                };
                self.plain("action", action);
                self.text("username", user.as_str());
                self.cents("funds", *funds);
            }
            Event::UserCommand(subject) | Event::SystemEvent(subject) => self.add_subject(subject),
            Event::ErrorEvent(subject, what) => {
                self.add_subject(subject);
                self.text("errorMessage", what);
            }
            Event::DebugEvent(subject, what) => {
                self.add_subject(subject);
                self.text("debugMessage", what);
            }
        }
        self.raw(&["\n  </", name, ">"]);
    }

    fn add_head(&mut self, entry: &Entry) {
        self.number("timestamp", entry.at_ns / 1_000_000);
        match entry.event {
            Event::QuoteServer(_) => self.plain("server", "quotes"),
            _ if entry.is_of_all_shards() => self.plain("server", "desk"),
            _ => {
                self.raw(&["\n    <server>shard-"]);
                self.digits(entry.shard.into());
                self.raw(&["</server>"]);
            }
        }
        self.number("transactionNum", entry.transaction.get());
    }

    fn add_hit(&mut self, hit: &Hit) {
        self.cents("price", hit.price);
        self.text("stockSymbol", hit.symbol.as_str());
        self.text("username", hit.user.as_str());
        self.number("quoteServerTime", hit.server_time_ms);
        self.text("cryptokey", &hit.cryptokey);
    }

    fn add_subject(&mut self, subject: &Subject) {
        self.plain("command", subject.command.as_str());
        if let Some(user) = &subject.user {
            self.text("username", user.as_str());
        }
        if let Some(symbol) = &subject.symbol {
            self.text("stockSymbol", symbol.as_str());
        }
        if let Some(file) = &subject.file {
            self.text("filename", file.as_str());
        }
        if let Some(funds) = subject.funds {
            self.cents("funds", funds);
        }
    }

    fn raw(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.0.extend_from_slice(part.as_bytes()));
    }

    /// An element of any text.
    fn text(&mut self, name: &str, text: &str) {
        self.plain(name, &escape(text));
    }

    /// An element of a text that needs no escapes.
    fn plain(&mut self, name: &str, text: &str) {
        self.raw(&["\n    <", name, ">", text, "</", name, ">"]);
    }

    fn number(&mut self, name: &str, number: u64) {
        self.raw(&["\n    <", name, ">"]);
        self.digits(number);
        self.raw(&["</", name, ">"]);
    }

    fn cents(&mut self, name: &str, cents: Cents) {
        self.raw(&["\n    <", name, ">"]);
        self.digits(cents.get() / 100);
        let rest = cents.get() % 100;
        self.raw(&[if rest < 10 { ".0" } else { "." }]);
        self.digits(rest);
        self.raw(&["</", name, ">"]);
    }

    fn digits(&mut self, number: u64) {
        write_digits(number, &mut self.0);
    }
}
