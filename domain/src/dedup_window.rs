//! DedupWindow: exactly which of a source's latest sequence numbers were applied.
//!
//! ```text
//!   too old │ 65,536 remembered, one bit each │ new
//!           └ highest − 65,535       highest ┘
//! ```

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::Seq;
use crate::limits::WINDOW;
use crate::snapshot::{Cursor, SnapshotError, ensure};

/// What a window knows of a sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Not applied yet.
    New,
    /// Applied already.
    Applied,
    /// Older than anything remembered; holds the oldest that is.
    TooOld(Seq),
}

/// The last [`WINDOW`] sequence numbers of one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DedupWindow {
    highest: Seq,
    bits: Box<[u64]>,
}

impl Default for DedupWindow {
    fn default() -> Self {
        let words = usize::try_from(WINDOW / 64).expect("a small number");
        Self { highest: Seq::default(), bits: vec![0; words].into() }
    }
}

impl DedupWindow {
    /// What is known of `seq`.
    #[must_use]
    pub fn seen(&self, seq: Seq) -> Seen {
        if self.highest < seq {
            return Seen::New;
        }
        if WINDOW <= self.highest.get() - seq.get() {
            return Seen::TooOld(Seq::new(self.highest.get() - WINDOW + 1));
        }
        let (word, bit) = place(seq.get());
        if self.bits[word] & bit == 0 { Seen::New } else { Seen::Applied }
    }

    /// Remembers `seq` as applied; it must be new.
    pub fn mark(&mut self, seq: Seq) {
        debug_assert!(self.seen(seq) == Seen::New);
        if self.highest < seq {
            self.advance(seq);
        }
        let (word, bit) = place(seq.get());
        self.bits[word] |= bit;
    }

    /// Forgets `seq`: what was held came to nothing and may be sent again.
    pub fn unmark(&mut self, seq: Seq) {
        if self.seen(seq) == Seen::Applied {
            let (word, bit) = place(seq.get());
            self.bits[word] &= !bit;
        }
    }

    /// Moves the window up to `seq`, clearing the bits that come to stand for new numbers.
    fn advance(&mut self, seq: Seq) {
        if WINDOW <= seq.get() - self.highest.get() {
            self.bits.fill(0);
        } else {
            for fresh in self.highest.get() + 1..=seq.get() {
                let (word, bit) = place(fresh);
                self.bits[word] &= !bit;
            }
        }
        self.highest = seq;
    }

    /// Writes the highest number, and the bits up to it.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.highest.get().to_le_bytes());
        for word in &self.bits[..words(self.highest.get())] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Reads what [`DedupWindow::save`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`]: what is wrong with it.
    pub fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        let highest = cursor.u64()?;
        let words = cursor.records(words(highest))?;
        let mut window = Self { highest: Seq::new(highest), ..Self::default() };
        for (word, bytes) in window.bits.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*bytes);
        }
        let (word, bit) = place(highest);
        let above = !(bit | (bit - 1));
        let is_clear = WINDOW <= highest || window.bits[word] & above == 0;
        ensure(is_clear, "a sequence beyond the highest of its source")?;
        Ok(window)
    }
}

/// How many words of bits there are while this is the highest number.
fn words(highest: u64) -> usize {
    place(highest.min(WINDOW - 1)).0 + 1
}

fn place(seq: u64) -> (usize, u64) {
    let at = seq % WINDOW;
    (usize::try_from(at / 64).expect("less than the words of a window"), 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn steps() -> impl Strategy<Value = u64> {
        prop_oneof![0..50_u64, 65_000..66_000_u64, 1..200_000_u64]
    }

    proptest! {
        #[test]
        fn it_remembers_what_a_set_would(steps in prop::collection::vec(steps(), 1..200)) {
            let (mut window, mut highest) = (DedupWindow::default(), 0_u64);
            let mut applied = BTreeSet::new();
            let mut base = 1;
            for step in steps {
                let seq = base + step % 70_000;
                base += step / 3;
                let expected = if seq + WINDOW <= highest {
                    Seen::TooOld(Seq::new(highest - WINDOW + 1))
                } else if applied.contains(&seq) {
                    Seen::Applied
                } else {
                    Seen::New
                };
                prop_assert_eq!(window.seen(Seq::new(seq)), expected);
                if expected == Seen::New {
                    window.mark(Seq::new(seq));
                    applied.insert(seq);
                    highest = highest.max(seq);
                }
            }
        }
    }

    #[test]
    fn what_is_unmarked_is_new_again() {
        let mut window = DedupWindow::default();
        window.mark(Seq::new(7));
        assert_eq!(window.seen(Seq::new(7)), Seen::Applied);
        window.unmark(Seq::new(7));
        assert_eq!(window.seen(Seq::new(7)), Seen::New);
    }
}
