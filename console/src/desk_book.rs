//! The desk book: what came of the latest commands of each user, for the page that comes after.
//!
//! A command has its name from the moment its form is shown, so that sending it again, or going
//! back to it, is the same command.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allot_domain::Seq;
use serde::Deserialize;

use crate::desk_reply::DeskReply;
use crate::limits::{DESK_COMMANDS_EACH_MAX, DESK_COMMANDS_MAX, DESK_FIELD_LEN_MAX};
use crate::text;

/// The book. Clones are the same book.
#[derive(Clone, Default)]
pub(crate) struct DeskBook(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// How often something came to a user of itself.
    changes: BTreeMap<String, u64>,
}

/// A command that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    user: String,
    seq: Seq,
    /// What was typed, for the next form.
    pub(crate) typed: Typed,
    pub(crate) told: DeskTold,
}

/// What was typed into a form.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    /// The button: a command and its number.
    #[serde(rename = "do")]
    pub(crate) pressed: String,
    pub(crate) symbol: String,
    pub(crate) amount: String,
    /// The order that was shown beside the button, where it is about one.
    pub(crate) order: String,
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct DeskTold {
    /// A sentence.
    pub(crate) text: String,
    /// Whether nothing came of it.
    pub(crate) is_refused: bool,
    /// Whether the desk may know nothing of it, so that it is to be sent again.
    pub(crate) is_unanswered: bool,
    /// Until when that counts, if it ends: milliseconds of Unix time.
    pub(crate) until_ms: Option<u64>,
    /// The sentence that stands in its place from then on.
    pub(crate) ended: String,
    pub(crate) has_ended: bool,
}

impl DeskBook {
    /// A command is about to be sent. One that was sent before stays as it is.
    pub(crate) fn begin(&self, user: &str, seq: Seq, typed: &Typed) {
        let mut pages = self.pages();
        if pages.find(user, seq).is_some() {
            return;
        }
        let own = pages.entries.iter().filter(|entry| entry.user == user).count();
        if DESK_COMMANDS_EACH_MAX <= own {
            let oldest = pages.entries.iter().position(|entry| entry.user == user);
            oldest.and_then(|place| pages.entries.remove(place));
        } else if pages.entries.len() == DESK_COMMANDS_MAX {
            pages.entries.pop_front();
        }
        let typed = typed.cut();
        let text = "It was sent, and has no answer yet.".to_owned();
        let told = DeskTold { text, is_unanswered: true, ..DeskTold::default() };
        pages.entries.push_back(Entry { user: user.to_owned(), seq, typed, told });
    }

    /// A reply to a command came.
    pub(crate) fn tell(&self, user: &str, seq: Seq, reply: &DeskReply) {
        self.note(user, seq, DeskTold::of(reply));
    }

    /// Something else is known of a command.
    pub(crate) fn note(&self, user: &str, seq: Seq, told: DeskTold) {
        if let Some(entry) = self.pages().find(user, seq) {
            entry.told = told;
        }
    }

    /// What came of a command.
    pub(crate) fn find(&self, user: &str, seq: Seq) -> Option<Entry> {
        self.pages().find(user, seq).cloned()
    }

    /// Something came to a user of itself.
    pub(crate) fn note_change(&self, user: &str) {
        let mut pages = self.pages();
        if pages.changes.len() == DESK_COMMANDS_MAX && !pages.changes.contains_key(user) {
            pages.changes.pop_first();
        }
        *pages.changes.entry(user.to_owned()).or_default() += 1;
    }

    /// How often that was.
    pub(crate) fn changes(&self, user: &str) -> u64 {
        self.pages().changes.get(user).copied().unwrap_or_default()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn find(&mut self, user: &str, seq: Seq) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.user == user && entry.seq == seq)
    }
}

impl Typed {
    /// The same without what is too long to be meant.
    pub(crate) fn cut(&self) -> Self {
        let cut = |text: &String| match text.len() <= DESK_FIELD_LEN_MAX {
            true => text.clone(),
            false => String::new(),
        };
        let Self { pressed, symbol, amount, order } = self;
        Self { pressed: cut(pressed), symbol: cut(symbol), amount: cut(amount), order: cut(order) }
    }
}

impl DeskTold {
    /// What a reply says, in a sentence.
    pub(crate) fn of(reply: &DeskReply) -> Self {
        if reply.is_refused() {
            return Self::refused(refusal(reply));
        }
        let DeskReply { symbol, shares, side, .. } = reply;
        let (price, amount) = (text::grouped(&reply.price), text::grouped(&reply.amount));
        let kind = if side == "sell" { "sale" } else { "purchase" };
        let trade = format!("{shares} {symbol} at {price}, {amount} in all");
        let text = match reply.answer.as_str() {
            "added" => format!("The money is there: {} is free.", text::grouped(&reply.cash)),
            "quoted" => format!("{symbol} costs {price}."),
            "pending" => format!("The {kind} of {trade} is pending: commit it or cancel it."),
            "committed" => format!("The {kind} is done: {trade}."),
            "cancelled" => format!("The {kind} is cancelled: {trade}."),
            "amount_set" => format!("The amount for {symbol} is set. Now set its trigger."),
            "armed" => format!(
                "The trigger of {symbol} is set: it fires at the first quote that reaches it."
            ),
            "set_cancelled" => format!("The automatic order of {symbol} is gone."),
            "log_dumped" => "The log is being written.".to_owned(),
            _ => "It was dealt with.".to_owned(),
        };
        let text = if reply.duplicate {
            format!("{text} It was sent twice, and counts once.")
        } else {
            text
        };
        let ended = match reply.answer.as_str() {
            "quoted" => format!("{symbol} did cost {price}; this quote counts no longer."),
            "pending" => format!(
                "The {kind} of {trade} is no longer pending: it has expired, unless it was \
                 committed or cancelled before."
            ),
            _ => text.clone(),
        };
        let until_ms = text::read_zulu(&reply.until).map(|ns| ns / 1_000_000);
        Self { text, until_ms, ended, ..Self::default() }
    }

    /// The same as it is to be told at this time.
    pub(crate) fn at(self, now_ms: u64) -> Self {
        match self.until_ms {
            Some(until_ms) if until_ms <= now_ms => {
                Self { text: self.ended, has_ended: true, ..Self::default() }
            }
            _ => self,
        }
    }

    /// A refusal by the console.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_refused: true, ..Self::default() }
    }
}

fn refusal(reply: &DeskReply) -> String {
    if reply.code == "name_reused" {
        return "This button was pressed before, with something else in the form. Nothing was sent \
                anew: press the button of this page."
            .to_owned();
    }
    crate::board::sentence_of(&to_its_user(&reply.reason))
}

/// How reasons of the desk begin, and what is told instead. The longer comes before the shorter.
const BEGINNINGS: &[(&str, &str)] = &[
    ("no BUY ", "no purchase "),
    ("no SELL ", "no sale "),
    ("no SET_BUY_AMOUNT is in force for ", "no amount to buy is set for "),
    ("no SET_SELL_AMOUNT is in force for ", "no amount to sell is set for "),
    ("SET_BUY_AMOUNT ", "an amount to buy "),
    ("SET_SELL_AMOUNT ", "an amount to sell "),
    // What is too little for a trigger is the amount that was set before.
    ("SET_BUY_TRIGGER of ", "an amount to buy of "),
    ("SET_SELL_TRIGGER of ", "an amount to sell of "),
    ("SET_BUY_TRIGGER ", "a trigger to buy "),
    ("SET_SELL_TRIGGER ", "a trigger to sell "),
    ("BUY ", "a purchase "),
    ("SELL ", "a sale "),
];

/// What stands in reasons of the desk, and what is told instead.
const PHRASES: &[(&str, &str)] = &[
    ("the user has ", "you have "),
    ("the user would have ", "you would have "),
    ("commands of this user wait", "commands of yours wait"),
    ("the user is unknown here; ADD money first", "add money first"),
    ("; send BUY, and COMMIT_BUY within 60 seconds", ": commit the next one within 60 seconds"),
    ("; send SELL, and COMMIT_SELL within 60 seconds", ": commit the next one within 60 seconds"),
    ("; send that first", ": it is set before its trigger"),
];

/// A reason of the desk, which speaks of a user and of commands, as it is told to this one in the
/// words of the page: amounts have their thousands apart, as everywhere on it. A reason that is
/// worded otherwise stays as it is.
pub(crate) fn to_its_user(reason: &str) -> String {
    // A command is where a reason begins; elsewhere the same letters may be a symbol.
    let begins = BEGINNINGS
        .iter()
        .find_map(|(of_wire, to_them)| Some(format!("{to_them}{}", reason.strip_prefix(of_wire)?)));
    let mut reason = begins.unwrap_or_else(|| reason.to_owned());
    for (of_a_user, to_them) in PHRASES {
        reason = reason.replace(of_a_user, to_them);
    }
    let words = reason.split(' ').map(|word| {
        let amount = word.trim_end_matches([':', ';', ',']);
        match amount.split_once('.') {
            Some((_, cents)) if cents.len() == 2 => {
                format!("{}{}", text::grouped(amount), &word[amount.len()..])
            }
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_to_its_user() {
        assert_eq!(
            to_its_user("BUY needs 50000.00 of free cash; the user has 1234.50: add cash"),
            "a purchase needs 50,000.00 of free cash; you have 1,234.50: add cash"
        );
        assert_eq!(
            to_its_user("SET_SELL_TRIGGER needs 5 free shares of ABC; the user has 0: buy more"),
            "a trigger to sell needs 5 free shares of ABC; you have 0: buy more"
        );
        assert_eq!(
            to_its_user(
                "no SELL of the last 60 seconds is pending; send SELL, and COMMIT_SELL within 60 \
                 seconds"
            ),
            "no sale of the last 60 seconds is pending: commit the next one within 60 seconds"
        );
        assert_eq!(
            to_its_user("no SET_BUY_AMOUNT is in force for ABC; send that first"),
            "no amount to buy is set for ABC: it is set before its trigger"
        );
        assert_eq!(to_its_user("the user is unknown here; ADD money first"), "add money first");
        assert_eq!(to_its_user("no quote for S.A came"), "no quote for S.A came");
        assert_eq!(to_its_user("no quote for BUY came"), "no quote for BUY came");
        assert_eq!(
            to_its_user("SET_SELL_TRIGGER of 60.00 is less than one share at 70.00"),
            "an amount to sell of 60.00 is less than one share at 70.00"
        );
    }

    #[test]
    fn the_book_is_bounded_for_each_user_and_in_all() {
        let book = DeskBook::default();
        let long = Typed { amount: "1".repeat(10_000), ..Typed::default() };
        for seq in (0..).take(2 * DESK_COMMANDS_EACH_MAX) {
            book.begin("ben", Seq::new(seq), &long);
        }
        assert_eq!(book.pages().entries.len(), DESK_COMMANDS_EACH_MAX);
        assert!(
            book.find("ben", Seq::new(0)).is_none() && book.find("anna", Seq::new(20)).is_none()
        );
        assert!(book.pages().entries.iter().all(|entry| entry.typed.amount.is_empty()));
        for user in 0..2 * DESK_COMMANDS_MAX {
            book.begin(&format!("user{user}"), Seq::new(1), &Typed::default());
            book.note_change(&format!("user{user}"));
        }
        let pages = book.pages();
        assert_eq!(
            (pages.entries.len(), pages.changes.len()),
            (DESK_COMMANDS_MAX, DESK_COMMANDS_MAX)
        );
    }

    #[test]
    fn what_came_of_a_command_is_a_sentence() {
        let pending = DeskReply {
            kind: "answered".into(),
            answer: "pending".into(),
            side: "buy".into(),
            symbol: "ABC".into(),
            shares: 1_000,
            price: "1.50".into(),
            amount: "1500.00".into(),
            until: "1970-01-01T00:01:00.5Z".into(),
            duplicate: true,
            ..DeskReply::default()
        };
        let told = DeskTold::of(&pending);
        assert!(told.text.contains("1000 ABC at 1.50, 1,500.00 in all"), "{}", told.text);
        assert!(told.text.contains("counts once"), "{}", told.text);
        assert_eq!(told.until_ms, Some(60_500));
        assert_eq!(told.clone().at(60_499), told);
        let ended = told.at(60_500);
        assert!(ended.has_ended && ended.text.contains("has expired"), "{}", ended.text);
        assert_eq!(ended.until_ms, None);
        let refused = DeskReply {
            kind: "rejected".into(),
            reason: "no BUY is pending".into(),
            ..DeskReply::default()
        };
        assert_eq!(DeskTold::of(&refused), DeskTold::refused("No purchase is pending."));
    }
}
