//! Promises: what clients were told, to be found again in the journals.

use allot_domain::{AccountId, Outcome, Outcomes};
use allot_wire::{Reply, decode_replies};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What one answer said that a crash must not take back.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Promise {
    /// The fill is in the state; divided so, if it said how.
    Fill(Option<Vec<(AccountId, u64)>>),
    /// The fill was taken back.
    Bust,
}

/// The answers of a file, by source and sequence.
#[derive(Default)]
pub(super) struct Promises {
    open: BTreeMap<(String, u64), Promise>,
    /// Splits that are in force: in every shard.
    splits: BTreeSet<(String, u64)>,
    /// Those of them that the journal at hand has.
    splits_kept: BTreeSet<(String, u64)>,
    /// How many there were.
    pub(super) count: u64,
}

impl Promises {
    /// Reads a file that `allot feed … --answers` has written.
    pub(super) fn read(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the answers in {}", path.display()))?;
        // The last line of a client that was killed may be cut off: it was told nothing there.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, line) in (1..).zip(whole.lines()) {
            let mut replies = Vec::new();
            if decode_replies(line.as_bytes(), &mut replies).is_err() {
                // A line that a crash cut off, and that the next life has ended.
                tracing::warn!(line = number, "is no answer, and skipped: {}", path.display());
                continue;
            }
            replies.iter().for_each(|reply| self.take(reply));
        }
        Ok(())
    }

    fn take(&mut self, reply: &Reply) {
        let promise = match reply {
            Reply::Allocated { shares, .. } if !shares.is_empty() => {
                Promise::Fill(Some(shares.clone()))
            }
            Reply::Allocated { .. } | Reply::Held { .. } => Promise::Fill(None),
            Reply::Busted { .. } => Promise::Bust,
            Reply::Accepted { .. } => {
                self.count += 1;
                self.splits.insert(key(reply));
                return;
            }
            Reply::Reported { .. } => return,
            // A held fill that came to nothing may be sent again, and is then new.
            Reply::Rejected { late, .. } => {
                if *late {
                    self.open.remove(&key(reply));
                }
                return;
            }
        };
        self.count += 1;
        let kept = self.open.entry(key(reply)).or_insert_with(|| promise.clone());
        if *kept == Promise::Fill(None) {
            *kept = promise;
        }
    }

    /// Takes off the list what the journal has; says what it has otherwise.
    pub(super) fn keep(
        &mut self,
        outcomes: &Outcomes,
        account: impl Fn(u32) -> AccountId,
    ) -> Result<(), String> {
        for outcome in &outcomes.list {
            let origin = outcome.origin();
            let key = (origin.source.as_str().to_owned(), origin.seq);
            if matches!(outcome, Outcome::Accepted { .. }) {
                self.splits_kept.insert(key);
                continue;
            }
            let Some(promise) = self.open.get(&key) else {
                continue;
            };
            let is_kept = match (promise, outcome) {
                (Promise::Fill(Some(told)), Outcome::Allocated(allocated)) => {
                    let shares = &outcomes.shares[allocated.shares.clone()];
                    let made: Vec<_> = shares
                        .iter()
                        .map(|share| (account(share.account), share.quantity))
                        .collect();
                    if !allocated.origin.duplicate && made != *told {
                        return Err(format!(
                            "the client was told of other shares of {} {} than the journal gives",
                            key.0, key.1
                        ));
                    }
                    true
                }
                (Promise::Fill(None), Outcome::Allocated(_) | Outcome::Held(_))
                | (Promise::Bust, Outcome::Busted { .. }) => true,
                _ => false,
            };
            if is_kept {
                self.open.remove(&key);
            }
        }
        Ok(())
    }

    /// The splits that were answered and that the journal at hand lacks; the next one is empty.
    pub(super) fn splits_lost(&mut self) -> Vec<String> {
        let kept = std::mem::take(&mut self.splits_kept);
        self.splits.difference(&kept).map(|(source, seq)| format!("{source} {seq}")).collect()
    }

    /// The fills and busts that were answered and are in no journal.
    pub(super) fn lost(&self) -> Vec<String> {
        self.open.keys().map(|(source, seq)| format!("{source} {seq}")).collect()
    }
}

fn key(reply: &Reply) -> (String, u64) {
    (reply.source().to_owned(), reply.seq())
}
