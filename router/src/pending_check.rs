//! Pending check: the one request to all shards that they are asked about before it goes to them.
//!
//! ```text
//!   admission ── check ──► every shard          the door is not read meanwhile
//!             ◄─ finding ── every shard
//!   protocol: judges what all of them found
//!             ── request ─► every shard, or a rejection to the client
//! ```

use allot_domain::{Incarnation, Seq, ShardId};
use allot_wire::backplane::{CheckNumber, InputKind, ReplyTo};

use crate::Submission;

/// A request to all shards, and what they have found so far.
pub(crate) struct PendingCheck {
    number: CheckNumber,
    pub(crate) reply_to: ReplyTo,
    kind: InputKind,
    record: Vec<u8>,
    source: Vec<u8>,
    seq: Seq,
    /// By shard; none where its finding is not here yet.
    findings: Vec<Option<Vec<u8>>>,
    is_given_up: bool,
}

impl PendingCheck {
    /// A request of which no shard of this many has said anything.
    pub(crate) fn new(
        number: CheckNumber,
        reply_to: ReplyTo,
        submission: &Submission<'_>,
        shards: usize,
    ) -> Self {
        let Submission { kind, record, source, seq } = *submission;
        Self {
            number,
            reply_to,
            kind,
            record: record.to_vec(),
            source: source.to_vec(),
            seq,
            findings: vec![None; shards],
            is_given_up: false,
        }
    }

    /// The request.
    pub(crate) fn submission(&self) -> Submission<'_> {
        let Self { kind, record, source, seq, .. } = self;
        Submission { kind: *kind, record, source, seq: *seq }
    }

    /// Takes what a shard found; that of another check says nothing here.
    pub(crate) fn take(&mut self, shard: ShardId, number: CheckNumber, finding: &[u8]) {
        if number == self.number {
            self.findings[shard.index()] = Some(finding.to_vec());
        }
    }

    /// What the shards found, in their order, once all have said it.
    pub(crate) fn findings(&self) -> Option<Vec<&[u8]>> {
        let known = self.findings.iter().map(Option::as_deref);
        if self.is_given_up { None } else { known.collect() }
    }

    /// A shard began anew, or its connection did: what it found may hold no longer.
    pub(crate) const fn give_up(&mut self) {
        self.is_given_up = true;
    }

    /// Whether it was given up.
    pub(crate) const fn is_given_up(&self) -> bool {
        self.is_given_up
    }
}

/// The numbers of the checks of one router.
pub(crate) struct CheckNumbers(u64);

impl CheckNumbers {
    /// Numbers that no other incarnation gives: what a shard found for an earlier router is
    /// dropped.
    pub(crate) const fn new(incarnation: Incarnation) -> Self {
        // Incarnations are nanoseconds apart at least: this spreads them over all numbers.
        Self(incarnation.get().wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next number; never zero, which stands for nobody.
    pub(crate) const fn next(&mut self) -> CheckNumber {
        self.0 = self.0.wrapping_add(1);
        if self.0 == 0 {
            self.0 = 1;
        }
        CheckNumber::new(self.0)
    }
}
