//! XML: entries as the schema has them, one after the other, so that a log is never in memory.

use std::io::{self, Write};

use allot_desk_rules::{Action, User};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event as Xml};

use super::entry::{Entry, Event, Hit, Subject};

/// How far an element stands in from its parent.
const INDENT: usize = 2;

/// A log that is being written.
pub struct XmlLog<W: Write> {
    writer: Writer<W>,
    whose: Option<User>,
    count: u64,
}

impl<W: Write> XmlLog<W> {
    /// Begins the log of a user, or of all.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: W, whose: Option<User>) -> io::Result<Self> {
        let mut writer = Writer::new_with_indent(out, b' ', INDENT);
        writer.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer.write_event(Xml::Start(BytesStart::new("log")))?;
        Ok(Self { writer, whose, count: 0 })
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
        let name = match &entry.event {
            Event::UserCommand(_) => "userCommand",
            Event::QuoteServer(_) => "quoteServer",
            Event::AccountTransaction { .. } => "accountTransaction",
            Event::SystemEvent(_) => "systemEvent",
            Event::ErrorEvent(..) => "errorEvent",
            Event::DebugEvent(..) => "debugEvent",
        };
        self.writer.write_event(Xml::Start(BytesStart::new(name)))?;
        self.write_head(entry)?;
        match &entry.event {
            Event::QuoteServer(hit) => self.write_hit(hit)?,
            Event::AccountTransaction { action, user, funds } => {
                let action = match action {
                    Action::Add => "add",
                    Action::Remove => "remove",
                };
                self.write("action", action)?;
                self.write("username", user.as_str())?;
                self.write("funds", &funds.to_string())?;
            }
            Event::UserCommand(subject) | Event::SystemEvent(subject) => {
                self.write_subject(subject)?;
            }
            Event::ErrorEvent(subject, what) => {
                self.write_subject(subject)?;
                self.write("errorMessage", what)?;
            }
            Event::DebugEvent(subject, what) => {
                self.write_subject(subject)?;
                self.write("debugMessage", what)?;
            }
        }
        self.writer.write_event(Xml::End(BytesEnd::new(name)))
    }

    /// Ends the log; returns what it was written to, and how many entries it has.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn end(mut self) -> io::Result<(W, u64)> {
        self.writer.write_event(Xml::End(BytesEnd::new("log")))?;
        let mut out = self.writer.into_inner();
        out.write_all(b"\n")?;
        Ok((out, self.count))
    }

    fn write_head(&mut self, entry: &Entry) -> io::Result<()> {
        self.write("timestamp", &(entry.at_ns / 1_000_000).to_string())?;
        match entry.event {
            Event::QuoteServer(_) => self.write("server", "quotes")?,
            _ if entry.is_of_all_shards() => self.write("server", "desk")?,
            _ => self.write("server", &format!("shard-{}", entry.shard))?,
        }
        self.write("transactionNum", &entry.transaction.to_string())
    }

    fn write_hit(&mut self, hit: &Hit) -> io::Result<()> {
        self.write("price", &hit.price.to_string())?;
        self.write("stockSymbol", hit.symbol.as_str())?;
        self.write("username", hit.user.as_str())?;
        self.write("quoteServerTime", &hit.server_time_ms.to_string())?;
        self.write("cryptokey", &hit.cryptokey)
    }

    fn write_subject(&mut self, subject: &Subject) -> io::Result<()> {
        self.write("command", subject.command.as_str())?;
        if let Some(user) = &subject.user {
            self.write("username", user.as_str())?;
        }
        if let Some(symbol) = &subject.symbol {
            self.write("stockSymbol", symbol.as_str())?;
        }
        if let Some(file) = &subject.file {
            self.write("filename", file.as_str())?;
        }
        if let Some(funds) = subject.funds {
            self.write("funds", &funds.to_string())?;
        }
        Ok(())
    }

    fn write(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.writer.write_event(Xml::Start(BytesStart::new(name)))?;
        self.writer.write_event(Xml::Text(BytesText::new(text)))?;
        self.writer.write_event(Xml::End(BytesEnd::new(name)))
    }
}
