//! Reply: what the front door sends back, and what a client makes of it.
//!
//! ```text
//!   1 answered │ subject │ answer 4 │ the fields of the answer
//!   2 awaiting │ subject │ symbol 3
//!   3 fired    │ subject │ side 1 │ trigger 8 │ price 8 │ shares 8 │ amount 8
//!              │ cash back 8 │ shares back 8
//!   4 disarmed │ subject │ side 1 │ trigger 8
//!   5 reported, 6 rejected: the core's
//! ```
//!
//! A subject is `user 32 │ command 1 │ transaction 8 │ symbol 3`, with zeros for what is not there.

mod binary;
mod json;

use std::num::NonZeroU64;

use allot_desk_rules::{
    Answer, CommandName, Firing, Outcome, Outcomes, RecentKind, Symbol, Told, User,
};
use allot_domain::{ReportNumber, Seq, Side};
use allot_wire::reply::{Echo, write_rejected};
use allot_wire::{Batch, DecodeError, Encoding, KIND_REPLIES};

/// A reply, as a client has it: what every reply has, and the rest as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Whose request; empty where it could not be read.
    pub source: String,
    /// Which; zero where it could not be read.
    pub seq: Seq,
    /// Whether the command was applied before.
    pub duplicate: bool,
    /// Whether it follows an `awaiting`, or tells what became of a trigger.
    pub late: bool,
    /// What it says.
    pub body: ReplyBody,
}

/// What a reply says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplyBody {
    /// A command was applied.
    Answered,
    /// A command waits for a quote.
    Awaiting,
    /// A trigger fired.
    Fired,
    /// A trigger was cancelled or replaced.
    Disarmed,
    /// A report of this number is on its way to the subscribers.
    Reported(ReportNumber),
    /// Nothing changed.
    Rejected {
        /// The code.
        code: String,
        /// The reason in a sentence.
        reason: String,
    },
}

/// What an outcome is about.
#[derive(Clone, Copy)]
struct Subject {
    user: Option<User>,
    command: CommandName,
    transaction: Option<NonZeroU64>,
    symbol: Option<Symbol>,
}

impl Subject {
    const fn of(told: &Told) -> Self {
        let Told { user, transaction, command, .. } = told;
        let (user, transaction) = (*user, *transaction);
        Self { user, command: command.name(), transaction, symbol: command.symbol() }
    }

    const fn of_trigger(
        side: Side,
        user: User,
        transaction: Option<NonZeroU64>,
        symbol: Symbol,
    ) -> Self {
        let command = match side {
            Side::Buy => CommandName::SetBuyTrigger,
            Side::Sell => CommandName::SetSellTrigger,
        };
        Self { user: Some(user), command, transaction, symbol: Some(symbol) }
    }
}

fn echo(origin: &allot_desk_rules::Origin, late: bool) -> Echo<'_> {
    Echo {
        source: origin.source.as_bytes(),
        seq: origin.id.number().unwrap_or_default(),
        id: None,
        time_ns: origin.time_ns,
        duplicate: origin.duplicate,
        late,
    }
}

/// Appends the reply: a JSON object without a line's end, or a binary record with its size.
pub(crate) fn write(outcomes: &Outcomes, outcome: &Outcome, encoding: Encoding, out: &mut Vec<u8>) {
    match outcome {
        Outcome::Answered { told, answer } => {
            let (echo, subject) = (echo(&told.origin, told.late), Subject::of(told));
            match encoding {
                Encoding::Json => json::answered(echo, &subject, outcomes, answer, out),
                Encoding::Binary => binary::answered(echo, &subject, outcomes, answer, out),
            }
        }
        Outcome::Awaiting { told, symbol } => {
            let (echo, subject) = (echo(&told.origin, told.late), Subject::of(told));
            match encoding {
                Encoding::Json => json::awaiting(echo, &subject, *symbol, out),
                Encoding::Binary => binary::awaiting(echo, &subject, *symbol, out),
            }
        }
        Outcome::Rejected { told, reject } => {
            let echo = echo(&told.origin, told.late);
            write_rejected(encoding, echo, reject.code(), &reject.to_string(), out);
        }
        Outcome::Fired(firing) => {
            let Firing { origin, user, transaction, side, symbol, .. } = firing;
            let subject = Subject::of_trigger(*side, *user, *transaction, *symbol);
            match encoding {
                Encoding::Json => json::fired(echo(origin, true), &subject, firing, out),
                Encoding::Binary => binary::fired(echo(origin, true), &subject, firing, out),
            }
        }
        Outcome::Disarmed { origin, user, transaction, side, symbol, trigger, .. } => {
            let subject = Subject::of_trigger(*side, *user, *transaction, *symbol);
            let echo = echo(origin, true);
            match encoding {
                Encoding::Json => json::disarmed(echo, &subject, *side, *trigger, out),
                Encoding::Binary => binary::disarmed(echo, &subject, *side, *trigger, out),
            }
        }
        Outcome::Expired { .. } | Outcome::Wanted(_) | Outcome::Due(_) => {
            unreachable!("nobody is told of what comes by itself")
        }
    }
}

/// The word of an answer.
const fn answer_word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Added { .. } => "added",
        Answer::Quoted { .. } => "quoted",
        Answer::Pending { .. } => "pending",
        Answer::Committed(_) => "committed",
        Answer::Cancelled(_) => "cancelled",
        Answer::AmountSet { .. } => "amount_set",
        Answer::Armed { .. } => "armed",
        Answer::SetCancelled { .. } => "set_cancelled",
        Answer::LogDumped => "log_dumped",
        Answer::Summary(_) => "summary",
        Answer::Forgotten => "forgotten",
    }
}

const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// The byte of a kind of transaction: its place in the list.
fn recent_byte(kind: RecentKind) -> u8 {
    let place = RecentKind::ALL.iter().position(|known| *known == kind);
    place.and_then(|place| u8::try_from(place).ok()).expect("every kind is in the list")
}

/// Reads a message of replies in either encoding, and appends them.
///
/// # Errors
/// Says what is wrong; replies before the fault have been appended.
pub fn decode_replies(message: &[u8], replies: &mut Vec<Reply>) -> Result<(), DecodeError> {
    if Encoding::of(message) == Encoding::Json {
        let mut lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        return lines.try_for_each(|line| {
            replies.push(json::read(line)?);
            Ok(())
        });
    }
    let batch = Batch::read(message)?;
    if batch.kind != KIND_REPLIES {
        return Err(DecodeError::new(format!("kind {} is no reply", batch.kind)));
    }
    for record in batch.records() {
        replies.push(binary::read(record?)?);
    }
    Ok(())
}

/// What a message of binary replies says of triggers, as lines of JSON. A trigger that was armed
/// in binary is told of in binary, whatever its source speaks by then.
///
/// # Errors
/// Says what is wrong with the message.
pub fn notices_as_json(message: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut lines = Vec::new();
    for record in Batch::read(message)?.records() {
        let mut line = Vec::new();
        if binary::write_notice(record?, &mut line)? {
            lines.push(line);
        }
    }
    Ok(lines)
}
