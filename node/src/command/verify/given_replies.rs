//! Given replies: the replies that clients received, to be found again in the journals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use allot_allocation_rules::{AccountIndex, Outcome, Outcomes};
use allot_allocation_service::{Reply, decode_replies};
use allot_domain::{AccountId, Seq};
use anyhow::{Context, Result};

/// The name of a message: its source, and its number there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct MessageId {
    source: String,
    seq: Seq,
}

/// What one reply acknowledged, and a crash must not undo.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Acknowledged {
    /// The fill is in the state, with these shares if the reply had them.
    Fill(Option<Vec<(AccountId, u64)>>),
    /// The fill was busted.
    Bust,
}

/// The replies of some files, by message.
#[derive(Default)]
pub(super) struct GivenReplies {
    /// Fills and busts that were not found yet.
    open: BTreeMap<MessageId, Acknowledged>,
    /// Accepted splits. Every shard must have them.
    splits: BTreeSet<MessageId>,
    /// The splits found in the current journal.
    splits_found: BTreeSet<MessageId>,
    /// The number of replies to be found.
    pub(super) count: u64,
}

impl GivenReplies {
    /// Reads a file that `allot feed … --answers` wrote.
    pub(super) fn read(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the replies in {}", path.display()))?;
        // A killed client may leave its last line incomplete: it had not read that reply.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, line) in (1..).zip(whole.lines()) {
            let mut replies = Vec::new();
            if decode_replies(line.as_bytes(), &mut replies).is_err() {
                // A crash left the line incomplete, and the next run of the client ended it.
                tracing::warn!(line = number, "skipped, not a reply: {}", path.display());
                continue;
            }
            replies.iter().for_each(|reply| self.add(reply));
        }
        Ok(())
    }

    fn add(&mut self, reply: &Reply) {
        let acknowledged = match reply {
            Reply::Allocated { shares, .. } if !shares.is_empty() => {
                Acknowledged::Fill(Some(shares.clone()))
            }
            Reply::Allocated { .. } | Reply::Held { .. } => Acknowledged::Fill(None),
            Reply::Busted { .. } => Acknowledged::Bust,
            Reply::Accepted { .. } => {
                self.count += 1;
                self.splits.insert(MessageId::of(reply));
                return;
            }
            Reply::Reported { .. } => return,
            // A held fill that was rejected late may be sent again, and is then new.
            Reply::Rejected { late, .. } => {
                if *late {
                    self.open.remove(&MessageId::of(reply));
                }
                return;
            }
        };
        self.count += 1;
        let known = self.open.entry(MessageId::of(reply)).or_insert_with(|| acknowledged.clone());
        if *known == Acknowledged::Fill(None) {
            *known = acknowledged;
        }
    }

    /// Removes what the outcomes of a record confirm.
    ///
    /// # Errors
    /// The message of which a client was given other shares than the journal gives.
    pub(super) fn find(
        &mut self,
        outcomes: &Outcomes,
        account: impl Fn(AccountIndex) -> AccountId,
    ) -> Result<(), MessageId> {
        for outcome in &outcomes.list {
            let origin = outcome.origin();
            let message = MessageId { source: origin.source.as_str().to_owned(), seq: origin.seq };
            if matches!(outcome, Outcome::Accepted { .. }) {
                self.splits_found.insert(message);
                continue;
            }
            let Some(acknowledged) = self.open.get(&message) else {
                continue;
            };
            let is_found = match (acknowledged, outcome) {
                (Acknowledged::Fill(Some(given)), Outcome::Allocated(allocated)) => {
                    let shares = &outcomes.shares[allocated.shares.clone()];
                    let journaled: Vec<_> = shares
                        .iter()
                        .map(|share| (account(share.account), share.quantity))
                        .collect();
                    if !allocated.origin.duplicate && journaled != *given {
                        return Err(message);
                    }
                    true
                }
                (Acknowledged::Fill(None), Outcome::Allocated(_) | Outcome::Held { .. })
                | (Acknowledged::Bust, Outcome::Busted { .. }) => true,
                _ => false,
            };
            if is_found {
                self.open.remove(&message);
            }
        }
        Ok(())
    }

    /// The accepted splits that the current journal does not have. The next journal starts afresh.
    pub(super) fn splits_missing(&mut self) -> Vec<MessageId> {
        let found = std::mem::take(&mut self.splits_found);
        self.splits.difference(&found).cloned().collect()
    }

    /// The acknowledged fills and busts that are in no journal.
    pub(super) fn lost(&self) -> Vec<MessageId> {
        self.open.keys().cloned().collect()
    }
}

impl MessageId {
    fn of(reply: &Reply) -> Self {
        Self { source: reply.source().to_owned(), seq: reply.seq() }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.source, self.seq)
    }
}
