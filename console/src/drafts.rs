//! Drafts: splits that were shown to the person who wrote them, and what came of them.
//!
//! A draft has its number from the moment it is shown, so that sending it again, or going back to
//! it, is the same split.

use std::collections::VecDeque;
use std::sync::Arc;

use allot_allocation_rules::SplitNumber;
use allot_domain::Seq;

use crate::limits::{DRAFT_BYTES_MAX, DRAFTS_MAX};

/// A split as a person wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) user: String,
    pub(crate) seq: Seq,
    pub(crate) weights: Arc<str>,
    /// The accounts that it closes, one on a line, once it was sent: sent again, it says the same.
    pub(crate) sent: Option<String>,
    pub(crate) told: Told,
}

impl Draft {
    fn bytes(&self) -> usize {
        self.weights.len() + self.sent.as_ref().map_or(0, String::len)
    }

    /// Keeps what came of sending it. It may be sent many times at once: once it is in force, it
    /// is, whatever comes of the others.
    pub(crate) fn tell(&mut self, told: Told) {
        if told.success.is_empty() && !self.told.success.is_empty() {
            return;
        }
        if told.is_refused {
            // Its number is free: what it closes may be said anew.
            self.sent = None;
        }
        self.told = told;
    }
}

/// What came of it, in a sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) problem: String,
    pub(crate) success: String,
    /// Which split it is, once it was taken.
    pub(crate) split: Option<SplitNumber>,
    /// Whether the server refused it, so that nothing has its number.
    pub(crate) is_refused: bool,
}

/// The latest drafts, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Drafts(VecDeque<Draft>);

impl Drafts {
    /// Adds a draft; the oldest make room.
    pub(crate) fn push(&mut self, user: &str, seq: Seq, weights: &str) {
        let (user, weights) = (user.to_owned(), weights.into());
        let told = Told::default();
        self.0.push_back(Draft { user, seq, weights, sent: None, told });
        self.make_room();
    }

    /// Notes which accounts a draft closes, as it is sent; the oldest drafts make room for that.
    pub(crate) fn note_sent(&mut self, user: &str, seq: Seq, closes: &str) {
        if let Some(draft) = self.find(user, seq) {
            draft.sent = Some(closes.to_owned());
            self.make_room();
        }
    }

    fn make_room(&mut self) {
        let bytes = |drafts: &VecDeque<Draft>| drafts.iter().map(Draft::bytes).sum::<usize>();
        while DRAFTS_MAX < self.0.len() || DRAFT_BYTES_MAX < bytes(&self.0) {
            self.0.pop_front();
        }
    }

    /// The draft of a person with this number.
    pub(crate) fn find(&mut self, user: &str, seq: Seq) -> Option<&mut Draft> {
        self.0.iter_mut().find(|draft| draft.user == user && draft.seq == seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_in_force_stays_so_whatever_comes_of_the_others() {
        let mut drafts = Drafts::default();
        drafts.push("anna", Seq::new(1), "alpha 100");
        let draft = drafts.find("anna", Seq::new(1)).unwrap();
        let unknown = Told { problem: "no reply".to_owned(), ..Told::default() };
        let refused = Told { is_refused: true, ..unknown.clone() };
        let success = |text: &str| Told { success: text.to_owned(), ..Told::default() };
        draft.sent = Some("beta".to_owned());
        draft.tell(refused.clone());
        assert_eq!((&*draft.told.problem, &draft.sent), ("no reply", &None));
        draft.sent = Some("beta".to_owned());
        for told in [unknown.clone(), success("in force"), unknown, refused] {
            draft.tell(told);
        }
        assert_eq!((&*draft.told.success, &*draft.told.problem), ("in force", ""));
        assert!(draft.sent.is_some());
        draft.tell(success("as before"));
        assert_eq!(draft.told.success, "as before");
    }

    #[test]
    fn drafts_are_their_writers_and_few() {
        let mut drafts = Drafts::default();
        (0..200).for_each(|number| drafts.push("anna", Seq::new(number), &"x".repeat(100_000)));
        assert!(drafts.find("anna", Seq::new(199)).is_some());
        assert!(drafts.find("ben", Seq::new(199)).is_none());
        assert!(drafts.find("anna", Seq::new(10)).is_none());
        assert_eq!(drafts.0.len(), DRAFTS_MAX);
        // What a draft closes counts too.
        (100..200)
            .for_each(|number| drafts.note_sent("anna", Seq::new(number), &"x".repeat(1 << 20)));
        assert!(drafts.0.iter().map(Draft::bytes).sum::<usize>() <= DRAFT_BYTES_MAX);
        assert!((1..=16).contains(&drafts.0.len()), "{}", drafts.0.len());
    }
}
