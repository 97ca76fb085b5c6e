//! The split log: the splits so far, as the front door tells them; one that it was not asked for
//! yet as a report shows it.

use std::collections::VecDeque;
use std::sync::Arc;

use allot_allocation_rules::{ListedSplit, SplitNumber, Weight};
use allot_domain::{AccountId, Seq, SourceId};

use crate::limits::{SPLIT_BYTES_MAX, SPLITS_MAX};
use crate::picture::Picture;

/// A split that is in force, or was.
#[derive(Clone, Debug)]
pub(crate) struct SeenSplit {
    pub(crate) number: SplitNumber,
    /// When the server took it; of one that the front door did not tell, the time of the first
    /// report under it.
    pub(crate) since_ns: u64,
    /// Who sent it, and under which number; none where the front door did not tell it.
    pub(crate) sent: Option<(SourceId, Seq)>,
    /// In the byte order of the accounts.
    pub(crate) weights: Arc<[(AccountId, Weight)]>,
}

/// The latest splits, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct SplitLog {
    seen: VecDeque<SeenSplit>,
    told: Told,
    /// Why the front door told nothing when it was asked last, in a sentence.
    problem: Option<String>,
}

/// What the front door has told.
#[derive(Clone, Debug, Default)]
enum Told {
    /// It was not asked yet.
    #[default]
    Nothing,
    /// The splits up to `last`; it keeps none before `oldest`.
    Splits { oldest: SplitNumber, last: SplitNumber },
}

impl SplitLog {
    /// The splits, oldest first.
    pub(crate) fn seen(&self) -> impl DoubleEndedIterator<Item = &SeenSplit> {
        self.seen.iter()
    }

    /// The weight of an account under a split.
    pub(crate) fn weight(&self, split: SplitNumber, id: &AccountId) -> Option<Weight> {
        let seen = self.seen.iter().find(|seen| seen.number == split)?;
        let place = seen.weights.binary_search_by_key(id, |(account, _)| *account).ok()?;
        Some(seen.weights[place].1)
    }

    /// The number of the first split to ask for, where one is in force that was not told.
    pub(crate) fn wanted(&self, in_force: SplitNumber) -> Option<SplitNumber> {
        let last = match self.told {
            Told::Splits { last, .. } => last,
            Told::Nothing => SplitNumber::ZERO,
        };
        let kept = u64::try_from(SPLITS_MAX).expect("a small number");
        let first = SplitNumber::new(in_force.get().saturating_sub(kept) + 1);
        (last < in_force).then(|| first.max(last.next()))
    }

    /// A report came.
    pub(crate) fn take_report(&mut self, picture: &Picture) {
        let number = picture.split;
        if number == SplitNumber::ZERO || self.seen.back().is_some_and(|seen| number <= seen.number)
        {
            return;
        }
        let (since_ns, weights) = (picture.time_ns, picture.weights().collect());
        self.seen.push_back(SeenSplit { number, since_ns, sent: None, weights });
        self.bound();
    }

    /// The front door told splits, and that it keeps none before `oldest`. Returns whether there
    /// is one that it did not tell before.
    pub(crate) fn take_told(&mut self, oldest: SplitNumber, splits: Vec<ListedSplit>) -> bool {
        let before = match self.told {
            Told::Splits { last, .. } => last,
            Told::Nothing => SplitNumber::ZERO,
        };
        let last = splits.last().map_or(before, |split| split.number.max(before));
        self.told = Told::Splits { oldest, last };
        self.problem = None;
        for split in splits {
            let ListedSplit { number, source, seq, time_ns, weights } = split;
            let sent = Some((source, seq));
            let seen = SeenSplit { number, since_ns: time_ns, sent, weights: weights.into() };
            match self.seen.binary_search_by_key(&number, |seen| seen.number) {
                Ok(place) => self.seen[place] = seen,
                Err(place) => self.seen.insert(place, seen),
            }
        }
        self.bound();
        before < last
    }

    /// The front door told nothing, for this reason.
    pub(crate) fn fail(&mut self, reason: String) {
        self.problem = Some(reason);
    }

    fn bound(&mut self) {
        let bytes = |seen: &SeenSplit| size_of_val(&*seen.weights);
        while SPLITS_MAX < self.seen.len()
            || 1 < self.seen.len() && SPLIT_BYTES_MAX < self.seen.iter().map(bytes).sum()
        {
            self.seen.pop_front();
        }
    }

    /// What a page says of how far back it goes.
    pub(crate) fn reach(&self, in_force: Option<SplitNumber>) -> String {
        if let Some(reason) = &self.problem {
            return format!(
                "Earlier splits could not be fetched, and are asked for again. {reason}"
            );
        }
        let oldest = match (&self.told, in_force) {
            (_, Some(SplitNumber::ZERO)) => return String::new(),
            (Told::Splits { oldest, .. }, _) => *oldest,
            (Told::Nothing, Some(_)) => return "Earlier splits are being fetched.".to_owned(),
            (Told::Nothing, None) => {
                return "Earlier splits are fetched with the first report.".to_owned();
            }
        };
        let first = self.seen.front().map_or(SplitNumber::new(1), |seen| seen.number);
        if first <= SplitNumber::new(1) {
            "These are all that the ledger has.".to_owned()
        } else if oldest < first {
            format!(
                "There are older ones: the server keeps them from split {oldest} on, and the page \
                 has room for {SPLITS_MAX}; allot send splits from={oldest} prints them."
            )
        } else {
            format!(
                "The server keeps none before split {first}: allot export DIR --out FOLDER \
                 --format csv writes all of them from the journal."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_service::Report;

    use super::*;

    fn listed(numbers: std::ops::RangeInclusive<u64>) -> Vec<ListedSplit> {
        let listed = |number| ListedSplit {
            number: SplitNumber::new(number),
            source: SourceId::new(b"aum").unwrap(),
            seq: Seq::new(number),
            time_ns: number,
            weights: vec![(AccountId::new(b"a").unwrap(), Weight::parse("a", "100").unwrap())],
        };
        numbers.map(listed).collect()
    }

    fn picture(split: u64) -> Picture {
        Picture::of(Report { split: SplitNumber::new(split), time_ns: 1_000, ..Report::default() })
    }

    fn numbers(log: &SplitLog) -> Vec<(u64, bool)> {
        log.seen().map(|seen| (seen.number.get(), seen.sent.is_some())).collect()
    }

    #[test]
    fn what_a_report_shows_is_replaced_by_what_is_told() {
        let mut log = SplitLog::default();
        assert_eq!(log.wanted(SplitNumber::ZERO), None);
        assert!(log.reach(None).contains("with the first report"));
        log.take_report(&picture(2));
        log.take_report(&picture(2));
        assert_eq!(numbers(&log), [(2, false)]);
        assert_eq!(log.wanted(SplitNumber::new(2)), Some(SplitNumber::new(1)));
        log.fail("Why.".to_owned());
        assert!(log.reach(None).ends_with("again. Why."));
        log.take_told(SplitNumber::new(1), listed(1..=2));
        assert_eq!(numbers(&log), [(1, true), (2, true)]);
        assert_eq!(log.wanted(SplitNumber::new(2)), None);
        assert_eq!(log.reach(None), "These are all that the ledger has.");
        log.take_report(&picture(3));
        assert_eq!(numbers(&log), [(1, true), (2, true), (3, false)]);
        assert_eq!(log.wanted(SplitNumber::new(3)), Some(SplitNumber::new(3)));
        // What is known stays, and the page says that there may be more.
        log.fail("Why.".to_owned());
        assert!(log.reach(None).ends_with("again. Why."));
        assert!(!log.take_told(SplitNumber::new(1), Vec::new()));
        assert_eq!(log.reach(None), "These are all that the ledger has.");
        let account = AccountId::new(b"a").unwrap();
        assert_eq!(log.weight(SplitNumber::new(1), &account), Weight::parse("a", "100").ok());
        assert_eq!(log.weight(SplitNumber::new(3), &account), None);
    }

    #[test]
    fn the_latest_are_kept_and_the_page_says_what_is_not() {
        let mut log = SplitLog::default();
        assert_eq!(log.wanted(SplitNumber::new(100)), Some(SplitNumber::new(37)));
        log.take_told(SplitNumber::new(30), listed(37..=100));
        log.take_report(&picture(101));
        assert_eq!(log.seen().count(), SPLITS_MAX);
        assert_eq!(log.seen().next_back().unwrap().number, SplitNumber::new(101));
        assert!(log.reach(None).contains("from split 30 on"));
        let mut log = SplitLog::default();
        log.take_told(SplitNumber::new(40), listed(40..=100));
        assert!(log.reach(None).contains("keeps none before split 40"));
    }
}
