//! Auditor: follows a shard's log and holds every answer of the book against its own picture.
//!
//! | input   | what is checked of the answer                                                    |
//! |---------|----------------------------------------------------------------------------------|
//! | fill    | held, or divided: whole, nobody who may not, no share better placed elsewhere     |
//! | bust    | exactly the shares of that fill, once, from whoever got them                      |
//! | split   | numbered on; then the fills that waited, in order                                 |
//! | netting | nothing is said; the values move, or it is void                                   |
//! | marker  | nothing is said                                                                   |
//!
//! Of all three that are answered: one that was applied gets its first answer again, and one that
//! is refused is refused for the one reason that comes first, and changes nothing.

mod fills;
mod busts;
mod comparison;

use crate::accounts::Accounts;
use crate::answers::{Answers, Key};
use crate::fault::{Fault, Verdict, agree};
use crate::positions::Positions;
use crate::sources::{Sources, Standing};
use crate::splits::{Splits, check_weights};
use crate::summary::Summary;
use crate::testimony::{Testimony, answers, told};
use allot_allocation_rules::{
    BookConfig, Fill, Input, Netting, Outcome, Outcomes, Reject, Split, SplitKey, limits,
};
use allot_domain::{AccountId, Marker, Money, Side, Ticker};
use std::collections::VecDeque;

/// The most accounts a firm ever names.
const ACCOUNTS_EVER_MAX: usize = 4 * limits::ACCOUNTS_MAX;

/// The second opinion on one shard, from the beginning of its log.
///
/// After a fault its picture is no longer that of the shard: it is of no further use.
#[derive(Clone, Debug)]
pub struct Auditor {
    config: BookConfig,
    accounts: Accounts,
    positions: Positions,
    answers: Answers,
    /// Who sent fills and busts.
    feeds: Sources,
    /// Who sent splits: they are numbered apart.
    splitters: Sources,
    splits: Splits,
    /// Fills that wait for the first split.
    held: VecDeque<Fill>,
    /// The value of all fills, in 1e-9; a bust takes nothing off.
    turnover: i128,
    /// The same, but a quarter of it fades at each marker.
    flow: i128,
    /// The highest price of a fill, in 1e-9.
    price_max: i64,
    /// The last netting, void or not.
    netting: u64,
    /// The last input.
    number: u64,
    summary: Summary,
}

impl Auditor {
    /// An auditor of a shard that has applied nothing yet.
    #[must_use]
    pub fn new(config: BookConfig) -> Self {
        Self {
            config,
            accounts: Accounts::default(),
            positions: Positions::default(),
            answers: Answers::new(config.history),
            feeds: Sources::default(),
            splitters: Sources::default(),
            splits: Splits::default(),
            held: VecDeque::new(),
            turnover: 0,
            flow: 0,
            price_max: 0,
            netting: 0,
            number: 0,
            summary: Summary::default(),
        }
    }

    /// Checks all that the book said of one input.
    ///
    /// `number` is the input's place in the shard's log; it counts up, and may leave out what came
    /// to no input. `outcomes` are all those of this input and no others, their shares in one run
    /// from the first. `account` tells which account has a place, as
    /// [`allot_allocation_rules::Book::account`] does; it is asked only for places that exist.
    ///
    /// # Errors
    /// The first thing that is wrong, with names and numbers.
    pub fn check(
        &mut self,
        number: u64,
        input: &Input,
        outcomes: &Outcomes,
        account: impl Fn(u32) -> AccountId,
    ) -> Result<(), Fault> {
        let mut said = Testimony::new(outcomes, &account);
        self.judge(number, input, &mut said).map_err(|what| {
            let name = name(input);
            Fault { number, what: format!("{name}: {what}") }
        })
    }

    /// What it has found out so far.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    fn judge(&mut self, number: u64, input: &Input, said: &mut Testimony<'_>) -> Verdict {
        if number <= self.number {
            return Err(format!("it comes after input {}", self.number));
        }
        self.number = number;
        self.summary.inputs += 1;
        match input {
            Input::Fill(fill) => self.fill(fill, said)?,
            Input::Bust(bust) => self.bust(bust, said)?,
            Input::Split(split) => self.split(split, said)?,
            Input::Marker(Marker { .. }) => self.mark(),
            Input::Netting(netting) => self.net(netting),
        }
        said.end()
    }

    /// A message is refused for this reason, and its sequence is not used up.
    fn refused(&mut self, key: Key, reason: &Reject, said: &mut Testimony<'_>) -> Verdict {
        said.rejected(key.0, key.1, reason, false)?;
        self.summary.reject(reason.code());
        Ok(())
    }

    /// A fill or a bust is applied, and never will be again.
    fn apply(&mut self, key: Key) {
        self.summary.out_of_order += u64::from(self.feeds.mark(key.0, key.1));
    }

    fn split(&mut self, split: &Split, said: &mut Testimony<'_>) -> Verdict {
        check_weights(split.weights())?;
        let key = (split.source, split.seq);
        match self.splitters.standing(&split.source, split.seq) {
            Standing::Applied => return self.repeated_split(split, said),
            Standing::Refused(reason) => return self.refused(key, &reason, said),
            Standing::New if self.accounts.count_after(split) > ACCOUNTS_EVER_MAX => {
                return self.refused(key, &Reject::TooManyAccountsEver, said);
            }
            Standing::New => {}
        }
        self.summary.out_of_order += u64::from(self.splitters.mark(split.source, split.seq));
        let has_same_accounts = self.accounts.follow(split);
        let key = SplitKey { source: split.source, seq: split.seq };
        self.splits.follow(key, has_same_accounts);
        self.summary.splits += 1;
        for (id, _) in split.weights() {
            self.summary.accounts.entry(*id).or_default();
        }
        accepted(split, Some(self.splits.number), false, said)?;
        self.release(said)
    }

    fn repeated_split(&mut self, split: &Split, said: &mut Testimony<'_>) -> Verdict {
        self.summary.repeats += 1;
        let key = SplitKey { source: split.source, seq: split.seq };
        accepted(split, self.splits.number_of(key), true, said)
    }

    /// The fills that waited are divided in order; one that cannot be may be sent again.
    fn release(&mut self, said: &mut Testimony<'_>) -> Verdict {
        while let Some(fill) = self.held.pop_front() {
            self.summary.held -= 1;
            self.released(&fill, said)
                .map_err(|what| format!("then held {}: {what}", fill_name(&fill)))?;
        }
        Ok(())
    }

    fn released(&mut self, fill: &Fill, said: &mut Testimony<'_>) -> Verdict {
        let Some(reason) = self.rejection(fill) else {
            self.summary.late += 1;
            return self.divided(fill, true, said);
        };
        said.rejected(fill.source, fill.seq, &reason, true)?;
        self.feeds.unmark(&fill.source, fill.seq);
        self.summary.reject(reason.code());
        Ok(())
    }

    /// A quarter of the flow fades.
    fn mark(&mut self) {
        self.flow -= self.flow / 4;
        self.summary.markers += 1;
    }

    /// Values move as given, if the netting is for these accounts and within the limits.
    fn net(&mut self, netting: &Netting) {
        self.netting = netting.number;
        self.summary.nettings += 1;
        if !self.is_in_force(netting) {
            self.summary.nettings_void += 1;
            return;
        }
        let by_id = self.accounts.by_id.iter_mut();
        let open = by_id.filter(|(_, account)| account.weight.is_some());
        for ((id, account), transfer) in open.zip(&netting.transfers) {
            account.netted += transfer.nanos();
            let total = self.summary.accounts.entry(*id).or_default();
            total.netted = Money::from_nanos(account.netted);
        }
    }

    fn is_in_force(&self, netting: &Netting) -> bool {
        let open = self.accounts.open().map(|(_, account, _)| account.ledger_value());
        let transfers = &netting.transfers;
        if !self.splits.has_same_accounts_since(netting.split)
            || open.clone().count() != transfers.len()
        {
            return false;
        }
        let volume = open.zip(transfers).try_fold(0_i128, |volume, (value, transfer)| {
            volume.checked_add(value.checked_add(transfer.nanos())?.checked_abs()?)
        });
        volume.is_some_and(|volume| volume <= limits::LEDGER_MAX - limits::VALUE_MAX)
    }

    /// Shares change hands at a price; each account pays what its own cost.
    fn hand(
        &mut self,
        ticker: Ticker,
        side: Side,
        price: i64,
        shares: &[(AccountId, u64)],
    ) -> Verdict {
        for (id, quantity) in shares {
            let value = sign(side) * i128::from(price) * i128::from(*quantity);
            self.positions.hand(ticker, *id, side, *quantity, value)?;
            let account = self.accounts.by_id.get_mut(id);
            account.expect("whoever has shares was named").value += value;
            self.summary.hand(*id, side, *quantity, Money::from_nanos(value));
        }
        Ok(())
    }
}

/// A split gets its number.
fn accepted(
    split: &Split,
    number: Option<u64>,
    is_repeat: bool,
    said: &mut Testimony<'_>,
) -> Verdict {
    let outcome = said.next()?;
    let Outcome::Accepted { origin, split: said_number } = outcome else {
        return Err(format!("it {}, and not accepted", told(outcome)));
    };
    answers(origin, split.source, split.seq, is_repeat)?;
    let text = |number: Option<u64>| number.map_or("none".to_owned(), |number| number.to_string());
    agree("its number", text(*said_number), text(number))
}

/// Which way a side moves shares and value.
fn sign(side: Side) -> i128 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}

fn fill_name(fill: &Fill) -> String {
    let Fill { source, seq, ticker, side, price, quantity } = fill;
    format!("fill {source} {seq}, {side} {quantity} {ticker} at {price}")
}

/// An input in words.
fn name(input: &Input) -> String {
    match input {
        Input::Fill(fill) => fill_name(fill),
        Input::Bust(bust) => {
            format!("bust {} {} of {} {}", bust.source, bust.seq, bust.ticker, bust.of)
        }
        Input::Split(split) => format!("split {} {}", split.source, split.seq),
        Input::Marker(marker) => format!("marker {}", marker.number),
        Input::Netting(netting) => format!("netting {}", netting.number),
    }
}
