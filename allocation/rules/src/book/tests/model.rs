//! Model: a book in the most obvious way. Maps, sums made anew each time, one share at a time.
//!
//! It gives the same lines as [`super::script`]; limits are the one thing it does not know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use allot_domain::{AccountId, MessageId, Seq, Side, SourceId, Ticker};

use super::script::{listed_text, shares_text};
use crate::{Bust, Fill, Input, Listing, Netting, Replay, Split, SplitKey};

/// What a message is called; a split has no ticker.
type Name = (SourceId, Option<Ticker>, MessageId);

/// What is known of a name.
#[derive(Clone)]
struct Known {
    content: String,
    /// Which of all that were ever stored.
    serial: u64,
    is_held: bool,
}

/// The names that are remembered.
#[derive(Default)]
struct Names {
    capacity: usize,
    known: BTreeMap<Name, Known>,
    oldest_first: VecDeque<(Name, u64)>,
    stored: u64,
    forgotten: BTreeMap<SourceId, Seq>,
    /// The tickers that ever had a fill, and none for splits.
    tickers: BTreeSet<Option<Ticker>>,
}

/// An outcome, and what a bust needs of it.
struct FirstOutcome {
    key: Name,
    text: String,
    fill: Option<Fill>,
    shares: BTreeMap<AccountId, u64>,
    is_busted: bool,
    is_late: bool,
}

#[derive(Default)]
pub(super) struct Model {
    /// μ = mix / total.
    blend: (u32, u32),
    /// How many outcomes are kept.
    history: usize,
    weights: BTreeMap<AccountId, u64>,
    /// The splits so far, each with its weights.
    splits: Vec<(SplitKey, BTreeMap<AccountId, u64>)>,
    pub(super) values: BTreeMap<AccountId, i128>,
    pub(super) holdings: BTreeMap<(Ticker, AccountId), u64>,
    /// What was paid for them, sales taken off.
    pub(super) paid: BTreeMap<(Ticker, AccountId), i128>,
    names: Names,
    split_names: Names,
    outcomes: Vec<FirstOutcome>,
    held: Vec<Fill>,
}

impl Model {
    pub(super) fn new(blend: (u32, u32), history: usize, capacity: usize) -> Self {
        let names = || Names { capacity, ..Names::default() };
        Self { blend, history, names: names(), split_names: names(), ..Self::default() }
    }

    pub(super) fn apply(&mut self, input: &Input) -> Vec<String> {
        match input {
            Input::Fill(fill) => vec![self.fill(fill)],
            Input::Bust(bust) => vec![self.bust(bust)],
            Input::Split(split) => self.split(split),
            Input::Marker(_) => Vec::new(),
            Input::Netting(netting) => {
                self.net(netting);
                Vec::new()
            }
            Input::Check(_) => unreachable!("no step is a check"),
            Input::Replay(replay) => vec![self.replay(replay)],
            Input::Listing(listing) => vec![self.list(listing)],
        }
    }

    fn fill(&mut self, fill: &Fill) -> String {
        let title = format!("{} {}", fill.source, fill.seq);
        let what = format!("{} {} {} @ {}", fill.side, fill.ticker, fill.quantity, fill.price);
        let name = name_of(fill);
        if let Some(line) = self.again(&name, &title, &what, &format!("{what} by split 0:")) {
            return line;
        }
        if self.splits.is_empty() {
            self.held.push(*fill);
            self.names.store(name, what, true);
            return format!("{title} held");
        }
        match self.divide(fill, false) {
            Ok(line) => {
                self.names.store(name, what, false);
                line
            }
            Err(why) => format!("{title} rejected {why}"),
        }
    }

    /// The outcome of a message that is not new.
    fn again(&self, name: &Name, title: &str, what: &str, forgotten: &str) -> Option<String> {
        match self.names.look(name, title) {
            Err(line) => Some(line),
            Ok(None) => None,
            Ok(Some(known)) if known.content != what => {
                Some(format!("{title} rejected name_reused"))
            }
            Ok(Some(Known { is_held: true, .. })) => Some(format!("again {title} held")),
            Ok(Some(_)) => {
                let outcome = self.kept().find(|outcome| outcome.key == *name);
                let forgotten = format!("{title} {forgotten}");
                Some(format!("again {}", outcome.map_or(&forgotten, |outcome| &outcome.text)))
            }
        }
    }

    fn kept(&self) -> impl Iterator<Item = &FirstOutcome> {
        self.outcomes.iter().rev().take(self.history)
    }

    fn held_of(&self, ticker: Ticker, account: AccountId) -> u64 {
        self.holdings.get(&(ticker, account)).copied().unwrap_or(0)
    }

    /// Divides a fill share by share.
    fn divide(&mut self, fill: &Fill, is_late: bool) -> Result<String, String> {
        let open: Vec<_> = self.weights.keys().copied().collect();
        let held: u64 = open.iter().map(|account| self.held_of(fill.ticker, *account)).sum();
        if fill.side == Side::Sell && held < fill.quantity.get() {
            return Err(format!("exceeds_holdings {held}"));
        }
        let sign = if fill.side == Side::Buy { 1 } else { -1 };
        let quantity = sign * i128::from(fill.quantity.get());
        let mut shares = BTreeMap::new();
        for _ in 0..fill.quantity.get() {
            let next = self.next_account(fill, quantity, &shares);
            *shares.entry(next).or_insert(0) += 1;
        }
        for (account, count) in &shares {
            self.apply_share(fill, *account, sign * i128::from(*count));
        }
        let text = format!(
            "{} {} {} {} {} @ {} by split {}:{}",
            fill.source,
            fill.seq,
            fill.side,
            fill.ticker,
            fill.quantity,
            fill.price,
            self.splits.len(),
            shares_text(shares.iter().map(|(account, count)| (*account, *count))),
        );
        let (key, fill) = (name_of(fill), Some(*fill));
        self.outcomes.push(FirstOutcome {
            key,
            text: text.clone(),
            fill,
            shares,
            is_busted: false,
            is_late,
        });
        Ok(text)
    }

    /// Who is farthest below its target once the whole fill is booked, or above it in a sale.
    fn next_account(
        &self,
        fill: &Fill,
        quantity: i128,
        shares: &BTreeMap<AccountId, u64>,
    ) -> AccountId {
        let (sign, price) = (quantity.signum(), i128::from(fill.price.nanos()));
        let (mix, all) = (i128::from(self.blend.0), i128::from(self.blend.1));
        let weight_total: i128 = self.weights.values().map(|weight| i128::from(*weight)).sum();
        let total: i128 = self.weights.keys().map(|account| self.values[account]).sum();
        let paid = |account| self.paid.get(&(fill.ticker, account)).copied().unwrap_or(0);
        let paid_total: i128 = self.weights.keys().map(|account| paid(*account)).sum();
        let mut best = None;
        for (account, weight) in &self.weights {
            let got = shares.get(account).copied().unwrap_or(0);
            let is_able = match fill.side {
                Side::Buy => 0 < *weight,
                Side::Sell => got < self.held_of(fill.ticker, *account),
            };
            if !is_able {
                continue;
            }
            let (weight, got) = (i128::from(*weight), sign * i128::from(got));
            let misses = |had: i128, total: i128| {
                weight * (total + price * quantity) - weight_total * (had + price * got)
            };
            let of_ticker = misses(paid(*account), paid_total);
            let want = sign * (all * misses(self.values[account], total) + mix * of_ticker);
            if best.is_none_or(|(most, _)| most < want) {
                best = Some((want, *account));
            }
        }
        best.expect("an account can take it").1
    }

    /// Gives an account shares of a fill, or takes them.
    fn apply_share(&mut self, fill: &Fill, account: AccountId, count: i128) {
        let value = i128::from(fill.price.nanos()) * count;
        *self.values.get_mut(&account).unwrap() += value;
        *self.paid.entry((fill.ticker, account)).or_insert(0) += value;
        let held = self.holdings.entry((fill.ticker, account)).or_insert(0);
        *held = u64::try_from(i128::from(*held) + count).expect("no account gives what it lacks");
    }

    fn bust(&mut self, bust: &Bust) -> String {
        let title = format!("{} {}", bust.source, bust.seq);
        let what = format!("busted {} of {}:", bust.ticker, bust.of);
        let name = (bust.source, Some(bust.ticker), bust.id);
        if let Some(line) = self.again(&name, &title, &what, &what) {
            return line;
        }
        let unknown = format!("{title} rejected unknown_fill {}", bust.of);
        let of = (bust.source, Some(bust.ticker), bust.of);
        if !self.names.known.contains_key(&of) {
            return unknown;
        }
        let text = format!("{title} {what}");
        let mut outcome = FirstOutcome {
            key: name,
            text: text.clone(),
            fill: None,
            shares: BTreeMap::new(),
            is_busted: false,
            is_late: false,
        };
        if let Some(at) = self.held.iter().position(|fill| name_of(fill) == of) {
            self.held.remove(at);
            self.names.store(name, what, false);
            self.outcomes.push(outcome);
            return text;
        }
        let is_it = |fill: &Fill| name_of(fill) == of;
        let found = self.kept().find(|outcome| outcome.fill.as_ref().is_some_and(is_it));
        let Some(first) = found.filter(|first| !first.is_busted) else {
            return unknown;
        };
        let (fill, shares) = (first.fill.expect("it is a fill"), first.shares.clone());
        let still = shares.iter().map(|(id, count)| self.held_of(fill.ticker, *id).min(*count));
        let left: u64 = still.sum();
        if fill.side == Side::Buy && left < fill.quantity.get() {
            return format!("{title} rejected exceeds_holdings {left}");
        }
        self.take_back(&fill, &shares);
        self.names.store(name, what, false);
        outcome.text =
            format!("{text}{}", shares_text(shares.iter().map(|(id, count)| (*id, *count))));
        outcome.shares = shares;
        let text = outcome.text.clone();
        self.outcomes.push(outcome);
        text
    }

    fn take_back(&mut self, fill: &Fill, shares: &BTreeMap<AccountId, u64>) {
        let sign = if fill.side == Side::Buy { -1 } else { 1 };
        for (account, count) in shares {
            self.apply_share(fill, *account, sign * i128::from(*count));
        }
        let key = name_of(fill);
        self.outcomes.iter_mut().rev().find(|outcome| outcome.key == key).unwrap().is_busted = true;
    }

    fn split(&mut self, split: &Split) -> Vec<String> {
        let name = format!("{} {}", split.source, split.seq);
        let key = SplitKey { source: split.source, seq: split.seq };
        let called = (split.source, None, split.seq.into());
        let content = format!("{:?}", split.weights());
        match self.split_names.look(&called, &name) {
            Err(line) => return vec![line],
            Ok(Some(known)) if known.content != content => {
                return vec![format!("{name} rejected name_reused")];
            }
            Ok(Some(_)) => {
                let number = self.splits.iter().position(|(known, _)| *known == key).unwrap() + 1;
                return vec![format!("again {name} accepted as split {number}")];
            }
            Ok(None) => self.split_names.store(called, content, false),
        }
        self.weights = split.weights().iter().map(|(id, weight)| (*id, weight.nanos())).collect();
        self.splits.push((key, self.weights.clone()));
        for account in self.weights.keys() {
            self.values.entry(*account).or_insert(0);
        }
        let mut lines = vec![format!("{name} accepted as split {}", self.splits.len())];
        for fill in std::mem::take(&mut self.held) {
            let name = name_of(&fill);
            let line = match self.divide(&fill, true) {
                Ok(line) => {
                    if let Some(known) = self.names.known.get_mut(&name) {
                        known.is_held = false;
                    }
                    line
                }
                Err(why) => {
                    self.names.known.remove(&name);
                    format!("{} {} rejected {why}", fill.source, fill.seq)
                }
            };
            lines.push(format!("late {line}"));
        }
        lines
    }

    /// The outcomes of a ticker from a number on, as far as they are kept.
    fn replay(&self, replay: &Replay) -> String {
        let Replay { source, seq, ticker, from, to, .. } = replay;
        let kept_from = self.outcomes.len().saturating_sub(self.history);
        let all = self.outcomes.iter().enumerate();
        let of_ticker: Vec<_> = all.filter(|(_, outcome)| outcome.key.1 == Some(*ticker)).collect();
        let last = of_ticker.len();
        let oldest = of_ticker.iter().filter(|(at, _)| *at < kept_from).count() + 1;
        let from = usize::try_from(from.get()).unwrap().max(oldest);
        let to = to.map_or(last, |to| usize::try_from(to.get()).unwrap().min(last));
        let lines = of_ticker.iter().take(to).skip(from - 1).map(|(_, outcome)| {
            let late = if outcome.is_late { "late " } else { "" };
            format!(" | {late}{}", outcome.text)
        });
        let lines: String = lines.collect();
        format!("{source} {seq} replayed {ticker} from {from} of {oldest} to {last}:{lines}")
    }

    /// The splits from a number on.
    fn list(&self, listing: &Listing) -> String {
        let Listing { source, seq, from, .. } = listing;
        let from = from.get();
        let splits = (1_u64..).zip(&self.splits).filter(|(number, _)| from <= *number);
        let splits = splits.map(|(number, (key, weights))| {
            listed_text(number, key, weights.iter().map(|(id, weight)| (*id, *weight)))
        });
        let splits: String = splits.collect();
        format!("{source} {seq} listed from {from} of 1 to {}:{splits}", self.splits.len())
    }

    /// Void unless all splits since the one it names have the same accounts.
    fn net(&mut self, netting: &Netting) {
        let Some(since) = self.splits.iter().position(|(key, _)| *key == netting.split) else {
            return;
        };
        let open: BTreeSet<_> = self.weights.keys().copied().collect();
        let is_same = self.splits[since..].iter().all(|(_, weights)| weights.keys().eq(&open));
        if is_same && netting.transfers.len() == open.len() {
            for (account, transfer) in open.iter().zip(&netting.transfers) {
                *self.values.get_mut(account).unwrap() += transfer.nanos();
            }
        }
    }
}

fn name_of(fill: &Fill) -> Name {
    (fill.source, Some(fill.ticker), fill.id)
}

impl Names {
    /// What is known of a name; or why it cannot be told.
    fn look(&self, name: &Name, title: &str) -> Result<Option<&Known>, String> {
        if let Some(known) = self.known.get(name) {
            return Ok(Some(known));
        }
        let forgotten = self.forgotten.get(&name.0).copied().unwrap_or_default();
        match name.2.number() {
            Some(number) if number <= forgotten && self.tickers.contains(&name.1) => {
                Err(format!("{title} rejected sequence_too_old {forgotten}"))
            }
            _ => Ok(None),
        }
    }

    fn store(&mut self, name: Name, content: String, is_held: bool) {
        if self.oldest_first.len() == self.capacity {
            let (oldest, serial) = self.oldest_first.pop_front().unwrap();
            if self.known.get(&oldest).is_some_and(|known| known.serial == serial) {
                self.known.remove(&oldest);
                let forgotten = self.forgotten.entry(oldest.0).or_default();
                *forgotten = (*forgotten).max(oldest.2.number().unwrap_or_default());
            }
        }
        self.tickers.insert(name.1);
        self.stored += 1;
        self.oldest_first.push_back((name, self.stored));
        self.known.insert(name, Known { content, serial: self.stored, is_held });
    }
}
