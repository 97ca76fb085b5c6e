//! Request: what a client may ask of the front door.
//!
//! A binary command begins with what routes it, so that the router reads no further; one layout is
//! for all commands, with zeros and an empty text for what a command does not have:
//!
//! ```text
//!   command │ user 32 │ seq 8 │ source 8 + n │ transaction 8 │ command 1 │ symbol 3 │ amount 8
//!           │ file 8 + n │
//!   dump    │ seq 8 │ source 8 + n │ transaction 8 │ file 8 + n │
//!   report  │ seq 8 │ source 8 + n │
//! ```

mod binary;
mod json;

use std::num::NonZeroU64;

use allot_desk_rules as rules;
use allot_desk_rules::{Command, DumpAll, Line, Reject};
use allot_domain::{Reject as Core, Seq, SourceId};

pub(crate) use binary::{
    RefusedCommand, command_byte, command_of, encode_refused, refused_command,
};
pub use binary::{RoutingKeys, decode_request, encode_request, routing_keys, routing_rejection};
pub(crate) use json::{RefusedLine, read_refused};
pub use json::{decode_line, encode_as_written, encode_line};

/// A request whose every field can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// A command of a user.
    Command(rules::Request),
    /// A DUMPLOG of all users.
    DumpAll(DumpAll),
    /// A report wanted now, not only at the next tick.
    Report(ReportRequest),
}

/// A wish for a report now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportRequest {
    /// Who asks.
    pub source: SourceId,
    /// The source's number of it; echoed, not remembered.
    pub seq: Seq,
}

/// Which request: the kind of a binary batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestKind {
    /// 1.
    Command,
    /// 2.
    DumpAll,
    /// 4.
    Report,
}

impl Request {
    /// Which of the three it is.
    #[must_use]
    pub const fn kind(&self) -> RequestKind {
        match self {
            Self::Command(_) => RequestKind::Command,
            Self::DumpAll(_) => RequestKind::DumpAll,
            Self::Report(_) => RequestKind::Report,
        }
    }

    /// Who sends it.
    #[must_use]
    pub const fn source(&self) -> &SourceId {
        match self {
            Self::Command(request) => &request.source,
            Self::DumpAll(dump) => &dump.source,
            Self::Report(report) => &report.source,
        }
    }

    /// The source's number of it.
    ///
    /// # Panics
    /// Never: commands are named by numbers alone.
    #[must_use]
    pub fn seq(&self) -> Seq {
        let id = match self {
            Self::Command(request) => &request.id,
            Self::DumpAll(dump) => &dump.id,
            Self::Report(report) => return report.seq,
        };
        id.number().expect("commands are named by numbers")
    }
}

impl RequestKind {
    const ALL: [Self; 3] = [Self::Command, Self::DumpAll, Self::Report];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Command => 1,
            Self::DumpAll => 2,
            Self::Report => 4,
        }
    }

    /// The kind of this number.
    ///
    /// # Errors
    /// [`Core::UnknownType`].
    pub fn of(number: u8) -> Result<Self, Core> {
        let known = Self::ALL.into_iter().find(|kind| kind.number() == number);
        known.ok_or_else(|| {
            Core::UnknownType(format!(
                "the kind must be 1 (commands), 2 (DUMPLOG of all) or 4 (report); it was {number}"
            ))
        })
    }
}

/// The request that a line of a workload makes, under this name.
///
/// # Errors
/// Those of [`Line::parse`].
pub fn request_of_line(source: SourceId, seq: Seq, line: &str) -> Result<Request, Reject> {
    let Line { transaction, user, command } = Line::parse(line)?;
    Ok(made(source, seq, transaction, user, command))
}

/// A command of a user, or of all.
fn made(
    source: SourceId,
    seq: Seq,
    transaction: Option<NonZeroU64>,
    user: Option<rules::User>,
    command: Command,
) -> Request {
    let (id, time_ns) = (seq.into(), 0);
    match (user, command) {
        (None, Command::DumpLog(file)) => {
            Request::DumpAll(DumpAll { source, id, time_ns, transaction, file })
        }
        (None, _) => unreachable!("only a DUMPLOG is of all users"),
        (Some(user), command) => {
            Request::Command(rules::Request { source, id, time_ns, transaction, user, command })
        }
    }
}
