//! Numbered line: a line of a workload under its name, as a message has it.
//!
//! One that is no command goes as it stands: the desk refuses it, and so its log has it.

use allot_desk_rules::{LineHead, Reject, User};
use allot_desk_service::{Request, encode_as_written, encode_line, request_of_line};
use allot_domain::{Seq, SourceId};

/// A line of a workload.
pub(super) enum NumberedLine<'a> {
    /// A command.
    Command(Request),
    /// A user's line that is no command.
    Unread { source: SourceId, seq: Seq, user: User, line: &'a str },
}

impl<'a> NumberedLine<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is no command and names no user: then nobody could be told.
    pub(super) fn read(source: SourceId, seq: Seq, line: &'a str) -> Result<Self, Reject> {
        match request_of_line(source, seq, line) {
            Ok(request) => Ok(Self::Command(request)),
            Err(reject) => {
                let LineHead { user, .. } = LineHead::read(line).ok_or(reject)?;
                Ok(Self::Unread { source, seq, user, line: line.trim() })
            }
        }
    }

    /// The request, if it is a command.
    pub(super) const fn command(&self) -> Option<&Request> {
        match self {
            Self::Command(request) => Some(request),
            Self::Unread { .. } => None,
        }
    }

    /// Whose it is; none of a DUMPLOG of all.
    pub(super) const fn user(&self) -> Option<User> {
        match self {
            Self::Command(Request::Command(command)) => Some(command.user),
            Self::Command(Request::DumpAll(_) | Request::Report(_)) => None,
            Self::Unread { user, .. } => Some(*user),
        }
    }

    /// Appends it as JSON, without a line's end.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Command(request) => encode_line(request, out),
            Self::Unread { source, seq, line, .. } => encode_as_written(source, *seq, line, out),
        }
    }
}
