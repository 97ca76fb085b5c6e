//! The names of the files of a journal, and which of them are there.

use crate::{JournalError, Media};

/// What ends the name of a file that is not whole yet.
const UNFINISHED: &str = ".tmp";

/// The largest number of a segment or a record: one more can be added to it without a thought.
pub(crate) const NUMBER_MAX: u64 = 1 << 62;

/// `segment-0000000001`: they count up from 1.
pub(crate) fn segment(number: u64) -> String {
    format!("segment-{number:010}")
}

/// `image-00000000000000000042`: after that record.
pub(crate) fn snapshot(index: u64) -> String {
    format!("image-{index:020}")
}

/// The name of a file until it is whole.
pub(crate) fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

/// The files of one journal. Others in the folder are none of ours.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Numbers, ascending.
    pub(crate) segments: Vec<u64>,
    /// Indexes, ascending.
    pub(crate) snapshots: Vec<u64>,
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
            } else if let Some(index) = number(&name, snapshot) {
                listing.snapshots.push(index);
            } else if name.strip_suffix(UNFINISHED).is_some_and(is_ours) {
                listing.unfinished.push(name);
            }
        }
        listing.segments.sort_unstable();
        listing.snapshots.sort_unstable();
        listing.unfinished.sort_unstable();
        Ok(listing)
    }

    /// The latest segments without a gap. What stands before a gap was being removed when the
    /// machine stopped.
    pub(crate) fn run(&self) -> &[u64] {
        let gap = self.segments.windows(2).rposition(|pair| pair[0] + 1 != pair[1]);
        &self.segments[gap.map_or(0, |gap| gap + 1)..]
    }
}

/// Whether a name is that of a whole file.
fn is_ours(name: &str) -> bool {
    number(name, segment).or(number(name, snapshot)).is_some()
}

/// The number in a name, if it is exactly the name of that number.
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
        assert_eq!(number(&snapshot(12), snapshot), Some(12));
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
}
