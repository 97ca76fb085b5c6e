//! Model: a book in the most obvious way. Maps, sums made anew each time, one share at a time.
//!
//! It gives the same lines as [`super::script`]; limits are the one thing it does not know.

use std::collections::{BTreeMap, BTreeSet};

use allot_domain::{AccountId, Seq, Side, SourceId, Ticker};

use super::script::shares_text;
use crate::limits::WINDOW;
use crate::{Bust, Fill, Input, Netting, Split, SplitKey};

/// What one source sent.
#[derive(Default)]
struct Sent {
    applied: BTreeSet<Seq>,
    highest: Seq,
}

/// An outcome, and what a bust needs of it.
struct FirstOutcome {
    key: (SourceId, Seq),
    text: String,
    fill: Option<Fill>,
    shares: BTreeMap<AccountId, u64>,
    is_busted: bool,
}

impl FirstOutcome {
    /// An outcome without shares.
    fn plain(source: SourceId, seq: Seq, what: &str) -> Self {
        let text = format!("{source} {seq} {what}");
        let shares = BTreeMap::new();
        Self { key: (source, seq), text, fill: None, shares, is_busted: false }
    }
}

#[derive(Default)]
pub(super) struct Model {
    /// μ = mix / total.
    blend: (u32, u32),
    /// How many outcomes are kept.
    history: usize,
    weights: BTreeMap<AccountId, u64>,
    /// The splits so far, each with its accounts.
    splits: Vec<(SplitKey, BTreeSet<AccountId>)>,
    pub(super) values: BTreeMap<AccountId, i128>,
    pub(super) holdings: BTreeMap<(Ticker, AccountId), u64>,
    /// What was paid for them, sales taken off.
    pub(super) paid: BTreeMap<(Ticker, AccountId), i128>,
    feeds: BTreeMap<SourceId, Sent>,
    splitters: BTreeMap<SourceId, Sent>,
    outcomes: Vec<FirstOutcome>,
    held: Vec<Fill>,
}

impl Model {
    pub(super) fn new(blend: (u32, u32), history: usize) -> Self {
        Self { blend, history, ..Self::default() }
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
        }
    }

    fn fill(&mut self, fill: &Fill) -> String {
        let name = format!("{} {}", fill.source, fill.seq);
        let what = format!("{} {} {} @ {}", fill.side, fill.ticker, fill.quantity, fill.price);
        let forgotten = match self.splits.len() {
            0 => format!("{name} held"),
            _ => format!("{name} {what} by split 0:"),
        };
        if let Some(line) = self.known(fill.source, fill.seq, &forgotten) {
            return line;
        }
        if self.splits.is_empty() {
            self.held.push(*fill);
            self.feeds.entry(fill.source).or_default().mark(fill.seq);
            return format!("{name} held");
        }
        match self.divide(fill) {
            Ok(line) => {
                self.feeds.entry(fill.source).or_default().mark(fill.seq);
                line
            }
            Err(why) => format!("{name} rejected {why}"),
        }
    }

    /// The outcome of a message that is not new.
    fn known(&self, source: SourceId, seq: Seq, forgotten: &str) -> Option<String> {
        let sent = self.feeds.get(&source)?;
        if let Some(line) = sent.too_old(source, seq) {
            return Some(line);
        }
        sent.applied.contains(&seq).then(|| {
            let outcome = self.kept().find(|outcome| outcome.key == (source, seq));
            format!("again {}", outcome.map_or(forgotten, |outcome| &outcome.text))
        })
    }

    fn kept(&self) -> impl Iterator<Item = &FirstOutcome> {
        self.outcomes.iter().rev().take(self.history)
    }

    fn held_of(&self, ticker: Ticker, account: AccountId) -> u64 {
        self.holdings.get(&(ticker, account)).copied().unwrap_or(0)
    }

    /// Divides a fill share by share.
    fn divide(&mut self, fill: &Fill) -> Result<String, String> {
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
        let (key, fill) = ((fill.source, fill.seq), Some(*fill));
        self.outcomes.push(FirstOutcome {
            key,
            text: text.clone(),
            fill,
            shares,
            is_busted: false,
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
        let name = format!("{} {}", bust.source, bust.seq);
        let text = format!("{name} busted {} of {}:", bust.ticker, bust.of);
        if let Some(line) = self.known(bust.source, bust.seq, &text) {
            return line;
        }
        let is_it = |fill: &Fill| {
            (fill.source, fill.seq, fill.ticker) == (bust.source, bust.of, bust.ticker)
        };
        if let Some(at) = self.held.iter().position(is_it) {
            self.held.remove(at);
            self.feeds.entry(bust.source).or_default().mark(bust.seq);
            self.outcomes.push(FirstOutcome::plain(bust.source, bust.of, "held"));
            self.outcomes.push(FirstOutcome::plain(bust.source, bust.seq, &text[name.len() + 1..]));
            return text;
        }
        let found = self.kept().find(|outcome| outcome.fill.as_ref().is_some_and(is_it));
        let Some(outcome) = found.filter(|outcome| !outcome.is_busted) else {
            return format!("{name} rejected unknown_fill {}", bust.of);
        };
        let (fill, shares) = (outcome.fill.expect("it is a fill"), outcome.shares.clone());
        let still = shares.iter().map(|(id, count)| self.held_of(fill.ticker, *id).min(*count));
        let left: u64 = still.sum();
        if fill.side == Side::Buy && left < fill.quantity.get() {
            return format!("{name} rejected exceeds_holdings {left}");
        }
        self.take_back(&fill, &shares);
        self.feeds.entry(bust.source).or_default().mark(bust.seq);
        let text = format!("{text}{}", shares_text(shares.iter().map(|(id, count)| (*id, *count))));
        let key = (bust.source, bust.seq);
        let outcome =
            FirstOutcome { key, text: text.clone(), fill: None, shares, is_busted: false };
        self.outcomes.push(outcome);
        text
    }

    fn take_back(&mut self, fill: &Fill, shares: &BTreeMap<AccountId, u64>) {
        let sign = if fill.side == Side::Buy { -1 } else { 1 };
        for (account, count) in shares {
            self.apply_share(fill, *account, sign * i128::from(*count));
        }
        let key = (fill.source, fill.seq);
        self.outcomes.iter_mut().find(|outcome| outcome.key == key).unwrap().is_busted = true;
    }

    fn split(&mut self, split: &Split) -> Vec<String> {
        let name = format!("{} {}", split.source, split.seq);
        let key = SplitKey { source: split.source, seq: split.seq };
        let sent = self.splitters.entry(split.source).or_default();
        if let Some(line) = sent.too_old(split.source, split.seq) {
            return vec![line];
        }
        if sent.applied.contains(&split.seq) {
            let number = self.splits.iter().position(|(known, _)| *known == key).unwrap() + 1;
            return vec![format!("again {name} accepted as split {number}")];
        }
        sent.mark(split.seq);
        self.weights = split.weights().iter().map(|(id, weight)| (*id, weight.nanos())).collect();
        self.splits.push((key, self.weights.keys().copied().collect()));
        for account in self.weights.keys() {
            self.values.entry(*account).or_insert(0);
        }
        let mut lines = vec![format!("{name} accepted as split {}", self.splits.len())];
        for fill in std::mem::take(&mut self.held) {
            let line = self.divide(&fill).unwrap_or_else(|why| {
                self.feeds.get_mut(&fill.source).unwrap().applied.remove(&fill.seq);
                format!("{} {} rejected {why}", fill.source, fill.seq)
            });
            lines.push(format!("late {line}"));
        }
        lines
    }

    /// Void unless all splits since the one it names have the same accounts.
    fn net(&mut self, netting: &Netting) {
        let Some(since) = self.splits.iter().position(|(key, _)| *key == netting.split) else {
            return;
        };
        let open: BTreeSet<_> = self.weights.keys().copied().collect();
        let is_same = self.splits[since..].iter().all(|(_, accounts)| *accounts == open);
        if is_same && netting.transfers.len() == open.len() {
            for (account, transfer) in open.iter().zip(&netting.transfers) {
                *self.values.get_mut(account).unwrap() += transfer.nanos();
            }
        }
    }
}

impl Sent {
    fn mark(&mut self, seq: Seq) {
        self.applied.insert(seq);
        self.highest = self.highest.max(seq);
    }

    fn too_old(&self, source: SourceId, seq: Seq) -> Option<String> {
        let oldest = Seq::new((self.highest.get() + 1).saturating_sub(WINDOW));
        (seq < oldest).then(|| format!("{source} {seq} rejected sequence_too_old {oldest}"))
    }
}
