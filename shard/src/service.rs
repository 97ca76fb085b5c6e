//! Service: what a system gives the shard. Bytes to inputs, outcomes to replies, parts of cuts.

use allot_domain::{Machine, Marker, MessageId, Outcomes, SourceId, Ticker};
use allot_wire::backplane::InputKind;
use allot_wire::{Encoding, Rejection};

use crate::Entry;

/// What the machine of a system is told.
pub type InputOf<S> = <<S as Service>::Machine as Machine>::Input;
/// Where the machine of a system says what came of it.
pub type OutcomesOf<S> = <<S as Service>::Machine as Machine>::Outcomes;
/// What came of one input.
pub type OutcomeOf<S> = <OutcomesOf<S> as Outcomes>::Outcome;

/// How a system joins its machine to a shard.
///
/// Implemented by a marker type of the system, so that everything is monomorphic: a shard of a
/// system costs what a shard written for it alone would.
pub trait Service: 'static {
    /// The system's name: the first word on every file of a journal.
    const NAME: &'static str;
    /// The rules.
    type Machine: Machine;

    /// Which shards an input of this kind goes to; none where the system has no such kind.
    /// Markers are the core's and not asked for.
    fn reach(kind: InputKind) -> Option<Reach>;

    /// Reads an input.
    ///
    /// # Errors
    /// The rejection that is sent back; the input takes its place in the log all the same.
    fn read(entry: Entry<'_>) -> Result<InputOf<Self>, Rejection>;

    /// What the shard has to know of an outcome.
    fn describe(outcome: &OutcomeOf<Self>) -> Description<'_>;

    /// Appends the reply: a JSON object without a line's end, or a binary record with its size.
    /// `outcome` is one of `outcomes`.
    fn write_reply(
        machine: &Self::Machine,
        outcomes: &OutcomesOf<Self>,
        outcome: &OutcomeOf<Self>,
        encoding: Encoding,
        out: &mut Vec<u8>,
    );

    /// Appends the event for the publisher: sized bytes that its view knows how to read.
    ///
    /// Without a method of its own a system sends the binary reply, which is a record with its
    /// size.
    fn write_event(
        machine: &Self::Machine,
        outcomes: &OutcomesOf<Self>,
        outcome: &OutcomeOf<Self>,
        out: &mut Vec<u8>,
    ) {
        Self::write_reply(machine, outcomes, outcome, Encoding::Binary, out);
    }

    /// Appends what the shard hands the publisher at a marker.
    fn write_part(machine: &Self::Machine, marker: &Marker, out: &mut Vec<u8>);
}

/// Which shards an input goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// The shard that owns its key. A client sent it, and waits for the reply.
    Key,
    /// All shards, between the same inputs. A client sent it; the first shard's reply is sent once
    /// all have replied.
    ///
    /// All shards must accept it or all must reject it, whatever the state of each: what decides
    /// must be equal on all of them. The [`Names`](allot_domain::Names) of these inputs alone are.
    All,
    /// All shards, before a request to all: each says what it finds of it, and the router waits.
    /// It changes nothing, and does not count among the inputs of clients.
    Check,
    /// The shard that owns its key. A client asks, and waits for the reply; it changes nothing, and
    /// does not count among the inputs of a cut.
    Query,
    /// All shards, each its own. The system itself sent it, and no client waits.
    Feedback,
}

/// An outcome as the shard sees it.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    /// Who sent what it came of.
    pub source: &'a SourceId,
    /// What names it within its source and key.
    pub id: MessageId,
    /// When, and to whom, the reply goes.
    pub delivery: Delivery<'a>,
    /// Whether the input was applied before, so that the counters tell it from a new one.
    pub is_duplicate: bool,
    /// Whether the input was refused.
    pub is_rejected: bool,
    /// Whether those who subscribe to events are told.
    pub is_event: bool,
}

/// When, and to whom, a reply goes.
///
/// A message to which a late reply is owed is told by its source, its key and its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery<'a> {
    /// Now, to the client that sent the input.
    Now,
    /// Now; a late reply to the same message is owed from here on.
    Owing {
        /// Its key.
        key: &'a Ticker,
    },
    /// Now; the late reply to an earlier message of the source is owed no more, if it was.
    Cancelling {
        /// The key of both.
        key: &'a Ticker,
        /// The id of the earlier one.
        of: MessageId,
    },
    /// Late: to wherever the source is connected by then, in the encoding of its request.
    Late {
        /// Its key.
        key: &'a Ticker,
    },
    /// Late, as above; and another late reply to the same message is owed from here on.
    LateOwing {
        /// Its key.
        key: &'a Ticker,
    },
    /// To nobody: it came by itself. Source and id are not looked at.
    Nobody,
}
