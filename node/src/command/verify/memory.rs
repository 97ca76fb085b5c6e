//! Memory: what a shard knows of messages from the pruned part of its journal.
//!
//! A snapshot holds the names of the messages that were applied. A message is sent again to a copy
//! of the state at the snapshot: one that it knows comes back as a duplicate.

use allot_allocation_rules::{Outcome, Outcomes, Reject};
use allot_allocation_service::{Allocation, InputName, Request, decode_line, encode_request};
use allot_domain::{Reject as Core, Seq, ShardId, Side, shard_of};
use allot_shard::{Entry, State};
use allot_wire::Encoding;
use serde_json::json;

use super::given_replies::{Message, MessageName};

/// A copy of the state of one shard, to be asked.
pub(super) struct Memory {
    state: State<Allocation>,
    shard: ShardId,
    shards: usize,
    outcomes: Outcomes,
    record: Vec<u8>,
}

impl Memory {
    /// The memory of this shard, of so many.
    pub(super) fn new(state: State<Allocation>, shard: ShardId, shards: usize) -> Self {
        Self { state, shard, shards, outcomes: Outcomes::default(), record: Vec::new() }
    }

    /// Whether this shard has applied a message, or can no longer tell.
    pub(super) fn knows(&mut self, name: &MessageName, message: &Message) -> bool {
        let (source, id) = (name.source(), name.id());
        let (ticker, line) = match message {
            Message::Fill { ticker, side, price, quantity } => {
                let side = if *side == Side::Sell { "sell" } else { "buy" };
                let (price, quantity) = (price.to_string(), quantity.get());
                let line = json!({
                    "type": "fill", "source": source, "seq": 1, "id": id, "ticker": ticker.as_str(),
                    "side": side, "price": price, "quantity": quantity,
                });
                (ticker, line)
            }
            Message::Bust { ticker, of } => {
                let line = json!({
                    "type": "bust", "source": source, "seq": 1, "id": id, "ticker": ticker.as_str(),
                    "of": of.to_string(),
                });
                (ticker, line)
            }
        };
        let is_ours = shard_of(ticker.as_str().as_bytes(), self.shards) == self.shard;
        is_ours && self.asks(&line.to_string())
    }

    /// Whether this shard has applied a split, or can no longer tell.
    pub(super) fn knows_split(&mut self, name: &MessageName) -> bool {
        let source = name.source();
        let line = json!({
            "type": "split", "source": source, "seq": name.id(), "weights": { "any": "100" },
        });
        self.asks(&line.to_string())
    }

    fn asks(&mut self, line: &str) -> bool {
        let Ok(request) = decode_line(line.as_bytes()) else {
            return false;
        };
        let kind = match &request {
            Request::Fill(_) => InputName::Fill,
            Request::Bust(_) => InputName::Bust,
            Request::Split(_) => InputName::Split,
            Request::Report(_) | Request::Replay(_) | Request::Splits(_) => return false,
        };
        self.record.clear();
        encode_request(&request, &mut self.record);
        let entry =
            Entry { kind: kind.kind(), encoding: Encoding::Json, time_ns: 0, body: &self.record };
        self.outcomes.clear();
        if self.state.replay(entry, &mut self.outcomes, |_| {}).is_err() {
            return false;
        }
        let known = [
            Reject::from(Core::SequenceTooOld(Seq::default())).code(),
            Reject::from(Core::NameReused(String::new())).code(),
        ];
        let outcome = self.outcomes.list.iter().find(|outcome| {
            let origin = outcome.origin();
            (&origin.source, origin.seq) == (request.source(), request.seq())
        });
        outcome.is_some_and(|outcome| match outcome {
            Outcome::Rejected { reject, .. } => known.contains(&reject.code()),
            known => known.origin().duplicate,
        })
    }
}
