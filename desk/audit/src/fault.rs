//! Fault: the first mismatch of a shard, and where it is.

use std::error::Error;
use std::fmt;

use allot_desk_rules::Input;
use allot_domain::LogIndex;

use crate::mismatch::Mismatch;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The log index of the input; of a comparison, that of the last input before it.
    pub index: LogIndex,
    /// In what it is wrong.
    pub subject: Subject,
    /// What is wrong.
    pub mismatch: Box<Mismatch>,
}

/// In what a mismatch is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// In what came of an input.
    Outcomes(Box<Input>),
    /// In the state of the shard.
    Accounts,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcomes(input) => match &**input {
                Input::Command(request) => {
                    let name = request.command.name();
                    write!(f, "{name} {} of {} for {}", request.id, request.source, request.user)
                }
                Input::DumpAll(dump) => write!(f, "DUMPLOG {} of {}", dump.id, dump.source),
                Input::Quote(quoted) => write!(f, "a quote of {}", quoted.symbol),
                Input::Tick(_) => f.write_str("a tick"),
                Input::QuoteFailed(failed) => write!(f, "a failed quote of {}", failed.symbol),
                Input::QuoteRetried(retried) => {
                    write!(f, "a failed try of a quote of {}", retried.symbol)
                }
                Input::Marker(marker) => write!(f, "marker {}", marker.number),
            },
            Self::Accounts => f.write_str("the accounts"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {}, {}: {}", self.index, self.subject, self.mismatch)
    }
}

impl Error for Fault {}
