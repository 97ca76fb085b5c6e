//! The check of a split right before it is sent: the front door says what is in force, for the
//! reports may be old, and another split may have come since this one was shown.

use allot_allocation_rules::{ListedSplit, Listing, SplitNumber};
use allot_allocation_service::{Reply, Request};
use allot_domain::{Seq, SourceId};
use tokio::time::timeout;

use crate::app::App;
use crate::board::sentence_of;
use crate::caller::NoAnswer;
use crate::limits::SPLIT_LOOK_PATIENCE;
use crate::picture::Picture;

/// What the front door tells of the splits from the one on that was in force when another was
/// shown.
pub(super) struct Standing {
    /// The split in force; zero where there is none.
    last: SplitNumber,
    splits: Vec<ListedSplit>,
}

/// What a split is shown against: numbers of splits are those of their ledger.
pub(super) fn basis(picture: &Picture) -> String {
    let ledger = picture.ledger.map_or_else(String::new, |ledger| ledger.to_string());
    format!("{}-{ledger}", picture.split)
}

/// Asks what is in force now, from the split of this basis on.
///
/// # Errors
/// Why there is no such reply, in sentences.
pub(super) async fn ask(app: &App, source: SourceId, basis: &str) -> Result<Standing, String> {
    let number = basis.split('-').next().and_then(|number| number.parse().ok());
    let from = SplitNumber::new(number.unwrap_or(0).max(1));
    let seq = Seq::new(app.board.clock.now().as_unix());
    let asked = app.front.ask(Request::Splits(Listing { source, seq, time_ns: 0, from }));
    let asked = timeout(SPLIT_LOOK_PATIENCE, asked).await;
    let why = match asked.unwrap_or(Err(NoAnswer::Late(None))) {
        Ok(Reply::Listed { last, splits, .. }) => return Ok(Standing { last, splits }),
        Ok(Reply::Rejected { reason, .. }) => sentence_of(&reason),
        Ok(_) => {
            "The server replied something else: run the same version on both sides.".to_owned()
        }
        Err(NoAnswer::Full) => "Too many requests wait.".to_owned(),
        Err(NoAnswer::Awaiting(what)) => sentence_of(&what),
        Err(NoAnswer::Late(said)) => said.map_or_else(
            || "The server did not reply in time.".to_owned(),
            |said| sentence_of(&said),
        ),
    };
    Err(format!("{why} Nothing was sent: press the button again in a moment."))
}

impl Standing {
    /// Whether the split of this name is among them: sent again, it changes nothing.
    pub(super) fn has(&self, source: SourceId, seq: Seq) -> bool {
        self.splits.iter().any(|split| split.source == source && split.seq == seq)
    }

    /// Whether the split of this picture is in force, and no other.
    pub(super) fn is_of(&self, picture: &Picture) -> bool {
        let told = self.splits.iter().find(|split| split.number == picture.split);
        let is_same = |told: &ListedSplit| picture.weights().eq(told.weights.iter().copied());
        self.last == picture.split && (self.last == SplitNumber::ZERO || told.is_some_and(is_same))
    }

    /// That another split is in force, in a sentence.
    pub(super) fn said(&self) -> String {
        format!("Split {} came into force meanwhile: look at the changes again.", self.last)
    }
}

#[cfg(test)]
mod tests {
    use allot_domain::LedgerId;

    use super::*;

    fn standing(last: u64, splits: &[(u64, &[&str])]) -> Standing {
        let splits = splits.iter().map(|(number, accounts)| ListedSplit {
            number: SplitNumber::new(*number),
            source: SourceId::new(b"aum").unwrap(),
            seq: Seq::new(*number),
            time_ns: 0,
            weights: Picture::of_split(*number, accounts).weights().collect(),
        });
        Standing { last: SplitNumber::new(last), splits: splits.collect() }
    }

    #[test]
    fn a_split_is_shown_against_one_of_the_same_ledger() {
        let of = |ledger, split| {
            let mut picture = Picture::of_split(split, &[]);
            picture.ledger = LedgerId::new(ledger);
            basis(&picture)
        };
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
    }

    #[test]
    fn a_split_is_sent_against_the_one_that_was_shown_alone() {
        let shown = Picture::of_split(3, &["a", "b"]);
        assert!(standing(3, &[(3, &["a", "b"])]).is_of(&shown));
        assert!(!standing(4, &[(3, &["a", "b"]), (4, &["a"])]).is_of(&shown), "a later one");
        assert!(!standing(3, &[(3, &["a", "c"])]).is_of(&shown), "of another ledger");
        assert!(!standing(0, &[]).is_of(&shown), "of a new ledger");
        assert!(standing(0, &[]).is_of(&Picture::of_split(0, &[])));
        let later = standing(4, &[(3, &["a", "b"]), (4, &["a"])]);
        assert!(later.has(SourceId::new(b"aum").unwrap(), Seq::new(4)));
        assert!(!later.has(SourceId::new(b"console.ben").unwrap(), Seq::new(4)));
        assert!(later.said().starts_with("Split 4 "));
    }
}
