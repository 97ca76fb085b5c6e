//! Reply: what a generator and a trader reply.

mod binary;
mod json;

use std::time::Duration;

use allot_domain::{Incarnation, Seq, SourceId};
use allot_signals_rules::{ComponentName, Period, Reject, Unix, Value};
use allot_wire::reply::Echo;
use allot_wire::{Batch, DecodeError, Encoding, KIND_REPLIES, begin_batch, end_batch};

use crate::Status;

/// A reply, and which request it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Who sent the request; empty where it could not be read.
    pub source: String,
    /// The sender's number of it; zero where it could not be read.
    pub seq: Seq,
    /// When the request came in, by the replier's clock; zero where it could not be read.
    pub time: Unix,
    /// When the reply left, by the replier's clock; a rejection leaves when the request came in.
    pub sent: Unix,
    /// What it says.
    pub body: ReplyBody,
}

/// What a reply says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplyBody {
    /// The signal of a period.
    Signal {
        /// What the generator calls itself.
        generator: ComponentName,
        /// Of which period.
        period: Period,
        /// The signal.
        value: Value,
    },
    /// The signal is not there yet; it follows in another reply.
    Held {
        /// What the generator calls itself.
        generator: ComponentName,
        /// Of which period.
        period: Period,
    },
    /// The name is held for so long.
    Registered {
        /// For how long.
        lease: Duration,
        /// The period of the last decision that the trader has of this strategy.
        decided: Option<Period>,
    },
    /// Another instance has the name.
    Taken {
        /// Which.
        instance: Incarnation,
        /// Since when.
        since: Unix,
        /// How long a name is held after the last message.
        lease: Duration,
    },
    /// The decision is there.
    Accepted {
        /// Of which period.
        period: Period,
        /// Whether it was there before.
        duplicate: bool,
    },
    /// The name is free.
    Deregistered {
        /// Which.
        name: ComponentName,
    },
    /// The state of everything.
    Status(Box<Status>),
    /// Nothing has changed.
    Rejected {
        /// The stable code.
        code: String,
        /// Why.
        reason: String,
    },
}

impl ReplyBody {
    /// A rejection.
    #[must_use]
    pub fn of(reject: &Reject) -> Self {
        Self::Rejected { code: reject.code().to_owned(), reason: reject.to_string() }
    }
}

impl Reply {
    /// Writes a message of this reply alone.
    ///
    /// # Panics
    /// If the source is no name: then it is empty.
    pub fn encode(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match encoding {
            Encoding::Json => {
                out.clear();
                json::encode(self, out);
            }
            Encoding::Binary => {
                begin_batch(out, KIND_REPLIES);
                binary::encode(self, out);
                end_batch(out, 1);
            }
        }
    }

    /// Reads all replies of a message.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn decode_all(message: &[u8]) -> Result<Vec<Self>, DecodeError> {
        match Encoding::of(message) {
            Encoding::Json => {
                let lines = message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                let lines = lines.filter(|line| !line.is_empty());
                lines.map(|line| json::decode(line)?.checked()).collect()
            }
            Encoding::Binary => {
                let batch = Batch::read(message)?;
                if batch.kind != KIND_REPLIES {
                    return Err(DecodeError::new("a batch of replies is expected"));
                }
                let records = batch.records();
                let read = records.map(|record| {
                    let record = record.map_err(|reject| DecodeError::new(reject.to_string()))?;
                    binary::decode(record)?.checked()
                });
                read.collect()
            }
        }
    }

    /// A reply whose texts are of the alphabets that whoever writes it again takes for granted, and
    /// that says no more in one encoding than in the other.
    fn checked(mut self) -> Result<Self, DecodeError> {
        if !self.source.is_empty() && !SourceId::is_name(self.source.as_bytes()) {
            return Err(DecodeError::new("the source of this reply is no name of a source"));
        }
        if let ReplyBody::Rejected { code, .. } = &self.body {
            let is_of_a_word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
            if code.is_empty() || !code.bytes().all(is_of_a_word) {
                return Err(DecodeError::new("the code of this reply is not a word"));
            }
            self.sent = self.time;
        }
        if let ReplyBody::Status(status) = &mut self.body {
            // JSON has one time.
            status.state.time = self.time;
        }
        Ok(self)
    }

    fn echo(&self) -> Echo<'_> {
        Echo {
            source: self.source.as_bytes(),
            seq: self.seq,
            id: None,
            time_ns: self.time.get(),
            duplicate: matches!(self.body, ReplyBody::Accepted { duplicate: true, .. }),
            late: false,
        }
    }
}
