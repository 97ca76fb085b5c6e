//! Given replies: the replies that clients received, to be found again in the journals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allot_allocation_rules::{AccountIndex, Allocated, Outcome, Outcomes, SplitNumber};
use allot_allocation_service::{Reply, decode_replies};
use allot_domain::{AccountId, MessageId, Price, Quantity, Side, Ticker};
use allot_wire::DecodeError;
use anyhow::{Context, Result, ensure};

/// The name of a message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct MessageName {
    source: String,
    /// None of a split, and where the reply does not say: it then stands for every ticker.
    ticker: Option<Box<str>>,
    id: Box<str>,
}

/// What one reply acknowledged, and a crash must not undo.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Acknowledged {
    /// The fill is in the state, divided so if the reply said how.
    Fill(Option<Division>),
    /// The fill was busted.
    Bust,
}

/// How a fill was divided, as a client was told.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Division {
    split: SplitNumber,
    shares: Vec<(AccountId, u64)>,
}

/// What a reply says of its message, so that a shard can be asked whether it knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Message {
    /// A fill of this ticker.
    Fill { ticker: Ticker, side: Side, price: Price, quantity: Quantity },
    /// A bust of this ticker's fill.
    Bust { ticker: Ticker, of: MessageId },
}

/// A reply that was not found yet.
#[derive(Clone, Debug)]
struct Open {
    acknowledged: Acknowledged,
    /// None where the reply does not say.
    message: Option<Message>,
}

impl Open {
    /// Whether an outcome of the same name is what the client was told; none where it is of another
    /// kind, and says nothing of it.
    fn agrees(
        &self,
        outcome: &Outcome,
        outcomes: &Outcomes,
        account: &impl Fn(AccountIndex) -> AccountId,
    ) -> Option<bool> {
        match (&self.acknowledged, outcome) {
            // The repeat of an outcome no longer kept has no shares.
            (Acknowledged::Fill(Some(_)), Outcome::Allocated(allocated))
                if allocated.origin.duplicate =>
            {
                Some(true)
            }
            (Acknowledged::Fill(Some(given)), Outcome::Allocated(allocated)) => {
                let shares = outcomes.shares[allocated.shares.clone()].iter();
                let named = shares.map(|share| (account(share.account), share.quantity));
                let is_divided_so =
                    allocated.split == given.split && named.eq(given.shares.iter().copied());
                Some(is_divided_so && self.is_message(allocated))
            }
            (Acknowledged::Fill(None), Outcome::Allocated(allocated)) => {
                Some(self.is_message(allocated))
            }
            (Acknowledged::Fill(None), Outcome::Held { .. })
            | (Acknowledged::Bust, Outcome::Busted { .. }) => Some(true),
            _ => None,
        }
    }

    /// Whether the reply, if it says so, is of this fill.
    fn is_message(&self, allocated: &Allocated) -> bool {
        let Allocated { ticker, side, price, quantity, .. } = *allocated;
        self.message.is_none_or(|said| said == Message::Fill { ticker, side, price, quantity })
    }
}

/// What is to be found in the journals, by message.
#[derive(Clone, Default)]
struct Wanted {
    /// Fills and busts that were not found yet.
    open: BTreeMap<MessageName, Open>,
    /// Accepted splits. Every shard must have them.
    splits: BTreeSet<MessageName>,
}

/// Looks for the replies in one journal, while others are looked through too.
pub(super) struct ReplyFinder {
    wanted: Arc<Wanted>,
    found: FoundReplies,
}

/// What one journal has of the replies.
#[derive(Default)]
pub(super) struct FoundReplies {
    /// Fills and busts that an outcome confirms or contradicts.
    open: BTreeSet<MessageName>,
    splits: BTreeSet<MessageName>,
}

/// The replies of some files, by message.
#[derive(Default)]
pub(super) struct GivenReplies {
    wanted: Arc<Wanted>,
    /// Accepted splits, and the shards that do not have them.
    pub(super) splits_missing: BTreeMap<MessageName, Vec<String>>,
    /// Those that are in the pruned part of a journal, and cannot be compared with it.
    older: BTreeSet<MessageName>,
    /// The number of replies to be found.
    pub(super) count: u64,
    /// The lines that are no replies: whatever they said cannot be looked up.
    pub(super) unreadable: Vec<UnreadableLine>,
    /// Files whose last line is incomplete.
    pub(super) incomplete: Vec<PathBuf>,
}

/// A line of a file of replies that is no reply.
pub(super) struct UnreadableLine {
    file: PathBuf,
    /// Counted from 1.
    line: u64,
    error: DecodeError,
}

impl GivenReplies {
    /// Reads a file that `allot feed … --answers` wrote.
    pub(super) fn read(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the replies in {}", path.display()))?;
        let (mut replies, mut count) = (Vec::new(), 0);
        let unreadable_before = self.unreadable.len();
        for (line, text) in (1..).zip(text.split_inclusive('\n')) {
            replies.clear();
            match read_line(text.trim_ascii(), &mut replies) {
                Ok(()) => {
                    count += replies.len();
                    replies.iter().for_each(|reply| self.add(reply));
                }
                // A client that is killed may leave its last line so: it had not read that reply.
                Err(_) if !text.ends_with('\n') => self.incomplete.push(path.to_owned()),
                Err(error) => {
                    self.unreadable.push(UnreadableLine::new(path, line, error));
                }
            }
        }
        let first = self.unreadable.get(unreadable_before);
        ensure!(
            0 < count,
            "{} holds no reply, so there is nothing to look up{}; name a file that `allot feed` \
             wrote with --answers",
            path.display(),
            first.map_or_else(String::new, |line| format!(" (line {}: {})", line.line, line.error))
        );
        Ok(())
    }

    fn add(&mut self, reply: &Reply) {
        let wanted = Arc::make_mut(&mut self.wanted);
        let (acknowledged, message) = match reply {
            Reply::Allocated { ticker, side, price, quantity, split, shares, .. } => {
                let message = Message::Fill {
                    ticker: *ticker,
                    side: *side,
                    price: *price,
                    quantity: *quantity,
                };
                let division = (!shares.is_empty())
                    .then(|| Division { split: *split, shares: shares.clone() });
                (Acknowledged::Fill(division), Some(message))
            }
            Reply::Held { .. } => (Acknowledged::Fill(None), None),
            Reply::Busted { ticker, of, .. } => {
                (Acknowledged::Bust, Some(Message::Bust { ticker: *ticker, of: *of }))
            }
            Reply::Accepted { .. } => {
                self.count += 1;
                wanted.splits.insert(MessageName::of(reply));
                return;
            }
            Reply::Reported { .. } | Reply::Listed { .. } => return,
            Reply::Replayed { fills, .. } => return fills.iter().for_each(|fill| self.add(fill)),
            // A held fill that was rejected late may be sent again, and is then new.
            Reply::Rejected { late, .. } => {
                if *late {
                    wanted.open.remove(&MessageName::of(reply));
                }
                return;
            }
        };
        self.count += 1;
        let new = || Open { acknowledged: acknowledged.clone(), message };
        let known = wanted.open.entry(MessageName::of(reply)).or_insert_with(new);
        if known.acknowledged == Acknowledged::Fill(None) {
            known.acknowledged = acknowledged;
        }
        known.message = known.message.or(message);
    }

    /// One who looks for them in a journal.
    pub(super) fn finder(&self) -> ReplyFinder {
        ReplyFinder { wanted: Arc::clone(&self.wanted), found: FoundReplies::default() }
    }

    /// Notes what a journal has of fills and busts. Returns those that the journals before had too:
    /// there is one finding for each reply.
    pub(super) fn take_found(&mut self, found: &FoundReplies) -> BTreeSet<MessageName> {
        let open = &mut Arc::make_mut(&mut self.wanted).open;
        found.open.iter().filter(|name| open.remove(*name).is_none()).cloned().collect()
    }

    /// Notes the accepted splits that the journal of this shard does not have. `knows` says of a
    /// split that it is in the pruned part.
    pub(super) fn note_missing_splits(
        &mut self,
        found: &FoundReplies,
        shard: &str,
        mut knows: impl FnMut(&MessageName) -> bool,
    ) {
        for split in self.wanted.splits.difference(&found.splits) {
            if knows(split) {
                self.older.insert(split.clone());
            } else {
                self.splits_missing.entry(split.clone()).or_default().push(shard.to_owned());
            }
        }
    }

    /// Sets aside what a shard knows from the pruned part of its journal: `knows` says so of a
    /// message.
    pub(super) fn set_older_aside(
        &mut self,
        mut knows: impl FnMut(&MessageName, &Message) -> bool,
    ) {
        self.set_aside(|id, open| open.message.is_some_and(|message| knows(id, &message)));
    }

    /// Sets aside the replies that do not say what their messages were, so that no shard can be
    /// asked: a journal was pruned, and they may be of its pruned part.
    pub(super) fn set_unknown_aside(&mut self) {
        self.set_aside(|_, open| open.message.is_none());
    }

    fn set_aside(&mut self, mut is_older: impl FnMut(&MessageName, &Open) -> bool) {
        let open = &mut Arc::make_mut(&mut self.wanted).open;
        self.older.extend(open.extract_if(.., |id, open| is_older(id, open)).map(|(id, _)| id));
    }

    /// How many replies are older than the journals, because they were pruned.
    pub(super) fn older(&self) -> usize {
        self.older.len()
    }

    /// The acknowledged fills and busts that are in no journal.
    pub(super) fn lost(&self) -> Vec<MessageName> {
        self.wanted.open.keys().cloned().collect()
    }
}

impl ReplyFinder {
    /// Looks for what the outcomes of a record confirm or contradict. Returns the messages of which
    /// a client was told something else than the journal says.
    pub(super) fn find(
        &mut self,
        outcomes: &Outcomes,
        account: impl Fn(AccountIndex) -> AccountId,
    ) -> Vec<MessageName> {
        let Self { wanted, found } = self;
        let mut contradicted = Vec::new();
        // Names are texts to be made, for nothing where no reply is given.
        if wanted.open.is_empty() && wanted.splits.is_empty() {
            return contradicted;
        }
        for outcome in &outcomes.list {
            let origin = outcome.origin();
            let named = |ticker: Option<Ticker>| MessageName {
                source: origin.source.as_str().to_owned(),
                ticker: ticker.map(|ticker| ticker.as_str().into()),
                id: origin.id.to_string().into(),
            };
            let ticker = match outcome {
                Outcome::Accepted { .. } => {
                    found
                        .splits
                        .extend(Some(named(None)).filter(|name| wanted.splits.contains(name)));
                    continue;
                }
                Outcome::Allocated(allocated) => allocated.ticker,
                Outcome::Busted { ticker, .. } | Outcome::Held { ticker, .. } => *ticker,
                Outcome::Checked { .. }
                | Outcome::Rejected { .. }
                | Outcome::Replayed(_)
                | Outcome::Listed(_) => continue,
            };
            for name in [named(Some(ticker)), named(None)] {
                let Some(open) = wanted.open.get(&name) else { continue };
                let Some(agrees) = open.agrees(outcome, outcomes, &account) else { continue };
                if found.open.insert(name.clone()) && !agrees {
                    contradicted.push(name);
                }
            }
        }
        contradicted
    }

    /// What was found in the whole journal.
    pub(super) fn end(self) -> FoundReplies {
        self.found
    }
}

fn read_line(line: &str, replies: &mut Vec<Reply>) -> Result<(), DecodeError> {
    match line.as_bytes() {
        [] => Ok(()),
        [b'{', ..] => decode_replies(line.as_bytes(), replies),
        _ => Err(DecodeError::new("a reply is a JSON object")),
    }
}

impl UnreadableLine {
    /// A line of a file, counted from 1.
    pub(super) fn new(file: &Path, line: u64, error: DecodeError) -> Self {
        Self { file: file.to_owned(), line, error }
    }
}

impl fmt::Display for UnreadableLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, error } = self;
        write!(out, "{} line {line}: {error}", file.display())
    }
}

impl MessageName {
    fn of(reply: &Reply) -> Self {
        let ticker = reply.ticker().map(|ticker| ticker.as_str().into());
        Self { source: reply.source().to_owned(), ticker, id: reply.id().to_string().into() }
    }

    /// Who sent it.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for MessageName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.source, self.id)?;
        self.ticker.as_ref().map_or(Ok(()), |ticker| write!(out, " of {ticker}"))
    }
}
