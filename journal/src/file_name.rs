//! The names of the files of a journal, and which of them are there.

use allot_domain::LogIndex;

use crate::limits::NUMBER_MAX;
use crate::{JournalError, Media};

/// The end of the name of a file that is not complete yet.
const UNFINISHED: &str = ".tmp";

/// `segment-0000000001`: they count up from 1.
pub(crate) fn segment(number: u64) -> String {
    format!("segment-{number:010}")
}

/// `image-00000000000000000042`: the state after that record.
pub(crate) fn snapshot(index: LogIndex) -> String {
    numbered_snapshot(index.get())
}

/// The file of a snapshot has its older name, image.
fn numbered_snapshot(index: u64) -> String {
    format!("image-{index:020}")
}

/// The name of a file until it is complete.
pub(crate) fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

/// The files of one journal. Other files in the folder are left alone.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Their numbers, ascending.
    pub(crate) segments: Vec<u64>,
    /// Ascending.
    pub(crate) snapshots: Vec<LogIndex>,
    /// Files that were never finished.
    pub(crate) unfinished: Vec<String>,
}

impl Listing {
    pub(crate) fn of(media: &dyn Media) -> Result<Self, JournalError> {
        let names =
            media.list().map_err(|cause| JournalError::media("list", "the folder", &cause))?;
        let mut listing = Self::default();
        for name in names {
            if let Some(number) = number(&name, segment) {
                listing.segments.push(number);
            } else if let Some(index) = number(&name, numbered_snapshot) {
                listing.snapshots.push(LogIndex::new(index));
            } else if name.strip_suffix(UNFINISHED).is_some_and(is_ours) {
                listing.unfinished.push(name);
            }
        }
        listing.segments.sort_unstable();
        listing.snapshots.sort_unstable();
        listing.unfinished.sort_unstable();
        Ok(listing)
    }

    /// The first segment that is missing, of those that were kept from `kept_from` on; none is
    /// known to be missing where that is zero.
    pub(crate) fn lost(&self, kept_from: u64) -> Option<u64> {
        let last = *self.segments.last()?;
        let is_there = |number: &u64| self.segments.binary_search(number).is_ok();
        (0 < kept_from).then(|| (kept_from..last).find(|number| !is_there(number)))?
    }

    /// The latest segments without a gap. Those before a gap were being removed when the machine
    /// stopped.
    pub(crate) fn run(&self) -> &[u64] {
        let gap = self.segments.windows(2).rposition(|pair| pair[0] + 1 != pair[1]);
        &self.segments[gap.map_or(0, |gap| gap + 1)..]
    }
}

/// Whether a name is that of a segment.
pub(crate) fn is_segment(name: &str) -> bool {
    number(name, segment).is_some()
}

/// Whether a name is that of a complete file.
fn is_ours(name: &str) -> bool {
    is_segment(name) || number(name, numbered_snapshot).is_some()
}

/// The number in a name, if the name is exactly the one that the number gives.
fn number(name: &str, naming: impl Fn(u64) -> String) -> Option<u64> {
    let number = name.split_once('-')?.1.parse().ok()?;
    (number <= NUMBER_MAX && naming(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_ours() {
        assert_eq!(number(&segment(12), segment), Some(12));
        assert_eq!(number("image-00000000000000000012", numbered_snapshot), Some(12));
        for name in ["segment-12", "segment-000000000x", "segment-+000000012", "lock", "-"] {
            assert_eq!(number(name, segment), None, "{name}");
        }
        assert_eq!(number(&segment(99_999_999_999), segment), Some(99_999_999_999));
    }

    #[test]
    fn the_run_is_what_follows_the_last_gap() {
        for (segments, run) in [
            (vec![], &[][..]),
            (vec![3], &[3]),
            (vec![1, 2, 3], &[1, 2, 3]),
            (vec![1, 3, 5, 6], &[5, 6]),
        ] {
            let listing = Listing { segments, ..Listing::default() };
            assert_eq!(listing.run(), run);
        }
    }

    #[test]
    fn a_segment_that_was_not_pruned_is_lost() {
        for (segments, kept_from, lost) in [
            (vec![], 1, None),
            (vec![1, 2, 3], 1, None),
            (vec![2, 3], 1, Some(1)),
            (vec![2, 3], 2, None),
            (vec![1, 3], 1, Some(2)),
            (vec![1, 3, 5, 6], 5, None),
            (vec![3, 5, 6], 0, None),
        ] {
            let listing = Listing { segments, ..Listing::default() };
            assert_eq!(listing.lost(kept_from), lost, "{listing:?}");
        }
    }
}
